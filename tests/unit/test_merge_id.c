/* SPDX-License-Identifier: MIT */
/* test_merge_id: places in several streams as one position, and the bases that they refer to. */
#include "test_merge_rig.h"

#include <fcntl.h>

static const struct log quiet = {.fd = -1};

static int make_folder(void **state)
{
    char path[] = "/tmp/ssecgi-merge-id-XXXXXX";
    if (!mkdtemp(path)) {
        return -1;
    }
    *state = strdup(path);
    return 0;
}

static int remove_folder(void **state)
{
    char path[128];
    snprintf(path, sizeof path, "%s/several.marks", (char *)*state);
    (void)unlink(path);
    snprintf(path, sizeof path, "%s/several.marks.1", (char *)*state);
    (void)unlink(path);
    int rc = rmdir(*state);
    free(*state);
    return rc;
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

/* Streams "s0", "s1" ... at positions of `len` bytes that all differ. */
static struct merge_place make_place(size_t count, size_t len, unsigned variant)
{
    static const char alphabet[] = "aZ9._~-mnMN0";
    struct merge_place p = {.count = count};
    for (size_t i = 0; i < count; i++) {
        char name[8];
        snprintf(name, sizeof name, "s%u", (unsigned)(i & 15));
        p.parts[i].tag = merge_tag(name);
        for (size_t k = 0; k < len; k++) {
            p.parts[i].at[k] = alphabet[(i * 7 + k * (k + 3) + variant) % (sizeof alphabet - 1)];
        }
    }
    return p;
}

static void expect_same(const struct merge_place *a, struct merge_place *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->is_over, b->is_over);
    for (size_t i = 0; i < a->count; i++) {
        const struct merge_part *part = merge_part_of(b, a->parts[i].tag);
        assert_non_null(part);
        assert_string_equal(part->at, a->parts[i].at);
    }
}

static void all_is_in_the_text_where_it_fits(void **state)
{
    char text[SSE_POSITION_SIZE];
    (void)state;
    for (size_t count = 1; count <= MERGE_MEMBERS_MAX; count++) {
        for (size_t len = 1; len <= SSE_POSITION_MAX; len++) {
            struct merge_place p = make_place(count, len, (unsigned)len);
            struct merge_place back;
            p.is_over = len % 2 == 0;
            size_t want = 1 + count * ((len < 32 ? 6U : 7U) + len);
            int rc = merge_print_whole(&p, text);
            assert_int_equal(rc, want <= SSE_POSITION_MAX ? 0 : ERR_LIMIT);
            if (!rc) {
                assert_int_equal(strlen(text), want);
                assert_true(sse_position_is_valid(text, strlen(text)));
                assert_int_equal(merge_base_name(text), 0);
                assert_int_equal(merge_parse(text, NULL, &back), 0);
                expect_same(&p, &back);
            }
        }
    }
}

static void streams_that_could_be_taken_for_each_other_need_a_base(void **state)
{
    char text[SSE_POSITION_SIZE];
    struct merge_place p = make_place(2, 4, 0);
    (void)state;
    p.parts[1].tag = p.parts[0].tag ^ 1ULL << 45;
    assert_int_equal(merge_print_whole(&p, text), ERR_LIMIT);
    struct merge_base base = {.name = 77, .place = p};
    assert_int_equal(merge_print_since(&p, &base, text), 0);
}

static void what_has_changed_since_the_base_is_in_the_text(void **state)
{
    char text[SSE_POSITION_SIZE];
    struct merge_place p = make_place(MERGE_MEMBERS_MAX, SSE_POSITION_MAX, 1);
    struct merge_base base = {.name = 123456789, .place = p};
    struct merge_place back;
    size_t changed = 0;
    (void)state;
    for (;; changed++) {
        int rc = merge_print_since(&p, &base, text);
        if (rc) {
            assert_int_equal(rc, ERR_LIMIT);
            break;
        }
        assert_true(sse_position_is_valid(text, strlen(text)));
        assert_int_equal(merge_base_name(text), base.name);
        assert_int_equal(merge_parse(text, &base, &back), 0);
        expect_same(&p, &back);
        /* Longer, shorter, and changed in the middle. */
        char *at = p.parts[(changed * 5) % MERGE_MEMBERS_MAX].at;
        at[120 - 3 * changed] = '\0';
        at[118 - 3 * changed] = at[118 - 3 * changed] == 'A' ? 'B' : 'A';
    }
    assert_true(changed >= 10);
}

static void a_base_is_of_one_set_of_streams_only(void **state)
{
    char text[SSE_POSITION_SIZE];
    struct merge_place p = make_place(5, 40, 1);
    struct merge_base base = {.name = 5, .place = p};
    struct merge_base none = {.name = 0, .place = p};
    struct merge_place fewer = p;
    struct merge_place back;
    (void)state;
    fewer.count = 4;
    assert_int_equal(merge_print_since(&fewer, &base, text), ERR_LIMIT);
    assert_int_equal(merge_print_since(&p, &none, text), ERR_LIMIT);
    p.parts[4].tag ^= 1;
    assert_int_equal(merge_print_since(&p, &base, text), ERR_LIMIT);
    p.parts[4].tag ^= 1;
    assert_int_equal(merge_print_since(&p, &base, text), 0);
    assert_int_equal(merge_parse(text, &none, &back), ERR_INVALID);
    assert_int_equal(merge_parse(text, NULL, &back), ERR_INVALID);
}

static void nonsense_is_no_position(void **state)
{
    static const char *const bad[] = {
        "", "m", "n", "M", "N", "x", "mAAAAA", "mAAAAA0", "mAAAAA1", "mAAAAA2a",
        "mAAAAA1aBBBBB", "mAAAAA1aAAAAA1b", "mAAAAAW0a", "mAAAAAzz", "n0000000005", "n000000000",
        "n00000000150", "n0000000015zzzz", "start", "1795289562000",
    };
    struct merge_place p = make_place(2, 10, 0);
    struct merge_base base = {.name = 5, .place = p};
    struct merge_place back;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (strcmp(bad[i], "n0000000005") != 0) {
            assert_int_equal(merge_parse(bad[i], &base, &back), ERR_INVALID);
        }
    }
    assert_int_equal(merge_parse("n0000000005", &base, &back), 0);
    expect_same(&p, &back);
}

/* What is accepted can be written again, and means the same. */
static void texts_of_strangers_do_no_harm(void **state)
{
    static const char alphabet[] = "mnMN0123456789AVWXabcwxyz-_.~";
    struct merge_place p = make_place(3, 20, 0);
    struct merge_base base = {.name = 5, .place = p};
    uint64_t dice = 1;
    size_t good = 0;
    (void)state;
    for (int n = 0; n < 300000; n++) {
        char text[SSE_POSITION_SIZE];
        char again[SSE_POSITION_SIZE];
        struct merge_place back, twice;
        size_t len = hash_mix64(++dice) % 40;
        int has_base = dice % 2 == 0;
        memset(text, 0, sizeof text);
        memcpy(text, has_base ? "n0000000005" : "m", has_base ? 11 : 1);
        for (size_t i = strlen(text); i < len; i++) {
            text[i] = alphabet[hash_mix64(++dice) % (sizeof alphabet - 1)];
        }
        if (merge_parse(text, &base, &back)) {
            continue;
        }
        good++;
        for (size_t i = 0; i < back.count; i++) {
            assert_true(sse_position_is_valid(back.parts[i].at, strlen(back.parts[i].at)));
        }
        if (has_base && merge_print_since(&back, &base, again) == 0) {
            assert_int_equal(merge_parse(again, &base, &twice), 0);
            expect_same(&back, &twice);
        } else if (!has_base) {
            assert_int_equal(merge_print_whole(&back, again), 0);
            assert_string_equal(again, text);
        }
    }
    assert_true(good > 1000);
}

static void the_text_of_a_base_is_read_back(void **state)
{
    char text[MERGE_BASE_BYTES];
    (void)state;
    for (size_t count = 1; count <= MERGE_MEMBERS_MAX; count++) {
        struct merge_place p = make_place(count, 8 * count, 3);
        struct merge_place back;
        size_t len = merge_base_write(&p, text);
        assert_int_equal(merge_base_read(text, len, &back), 0);
        expect_same(&p, &back);
        for (size_t cut = 1; cut < len; cut += 5) {
            if (merge_base_read(text, len - cut, &back) == 0) {
                assert_true(back.count <= count);
            }
        }
        text[len / 2] = '\n';
        assert_int_equal(merge_base_read(text, len, &back), ERR_INVALID);
    }
    assert_int_equal(merge_base_read("", 0, &(struct merge_place){.count = 0}), ERR_INVALID);
}

/* --- the store ----------------------------------------------------------------------------- */

static struct merge_store *open_store(const char *folder)
{
    struct merge_store *s;
    assert_int_equal(merge_store_new(&s, folder, &quiet), 0);
    return s;
}

static uint64_t put(struct merge_store *s, unsigned variant)
{
    struct merge_place p = make_place(9, 50, variant);
    struct merge_base base;
    p.parts[0].at[0] = (char)('a' + variant % 26);
    snprintf(p.parts[1].at, 20, "%u", variant);
    merge_store_put(s, &p, &base);
    return base.name;
}

static int has(struct merge_store *s, uint64_t name)
{
    struct merge_base base = {.name = 0};
    int rc = merge_store_get(s, name, &base);
    assert_true(rc == 0 || rc == ERR_GONE);
    return rc == 0 && base.name == name;
}

static off_t size_of(const char *folder, const char *file)
{
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return stat(path, &st) ? -1 : st.st_size;
}

static void another_process_finds_a_base(void **state)
{
    struct merge_store *a = open_store(*state);
    struct merge_store *b = open_store(*state);
    uint64_t names[40];
    for (unsigned i = 0; i < 40; i++) {
        names[i] = put(i % 2 ? a : b, i);
    }
    merge_store_unref(a);
    a = open_store(*state);
    for (unsigned i = 0; i < 40; i++) {
        assert_true(has(a, names[i]) && has(b, names[i]));
    }
    assert_false(has(a, 4711));
    merge_store_unref(a);
    merge_store_unref(b);
}

static void a_base_that_is_there_is_not_written_twice(void **state)
{
    struct merge_store *s = open_store(*state);
    uint64_t name = put(s, 1);
    off_t size = size_of(*state, "several.marks");
    assert_true(size > 0);
    assert_int_equal(put(s, 1), name);
    assert_int_equal(size_of(*state, "several.marks"), size);
    merge_store_unref(s);
}

static void a_torn_record_is_passed_over(void **state)
{
    char path[128];
    struct merge_store *s = open_store(*state);
    uint64_t first = put(s, 1);
    uint64_t torn = put(s, 2);
    snprintf(path, sizeof path, "%s/several.marks", (char *)*state);
    assert_int_equal(truncate(path, size_of(*state, "several.marks") - 30), 0);
    uint64_t last = put(s, 3);
    struct merge_store *b = open_store(*state);
    assert_true(has(b, first) && has(b, last));
    assert_false(has(b, torn));
    merge_store_unref(s);
    merge_store_unref(b);
}

static void a_base_in_use_outlives_a_deleted_file(void **state)
{
    char path[128];
    struct merge_store *s = open_store(*state);
    struct merge_place p = make_place(4, 60, 1);
    struct merge_base base;
    merge_store_put(s, &p, &base);
    uint64_t file = s->file;
    snprintf(path, sizeof path, "%s/several.marks", (char *)*state);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(unlink(path), 0);
        if (i == 0) {
            merge_store_renew(s, &base, &file);
        } else if (i == 1) {
            merge_store_use(s, &base);
        } else {
            merge_store_put(s, &p, &base);
        }
        struct merge_store *b = open_store(*state);
        assert_true(has(b, base.name));
        merge_store_unref(b);
    }
    off_t size = size_of(*state, "several.marks");
    file = s->file;
    merge_store_renew(s, &base, &file);
    assert_int_equal(size_of(*state, "several.marks"), size);
    merge_store_unref(s);
}

static void the_oldest_go_when_the_file_is_full(void **state)
{
    struct merge_store *s = open_store(*state);
    struct merge_store *reader = open_store(*state);
    uint64_t first = put(s, 0);
    uint64_t last = first;
    unsigned n = 1;
    for (; size_of(*state, "several.marks.1") < 0; n++) {
        last = put(s, n);
        assert_true(n % 500 || has(reader, last));
    }
    assert_true(size_of(*state, "several.marks.1") >= SOURCE_MARKS_BYTES);
    struct merge_store *b = open_store(*state);
    assert_true(has(b, first) && has(b, last) && has(reader, last));
    for (unsigned more = n; more > 0; more--, n++) {
        last = put(s, n);
        assert_true(n % 500 || has(reader, last));
    }
    struct merge_store *c = open_store(*state);
    assert_false(has(c, first));
    assert_true(has(c, put(s, n)) && has(c, last));
    for (unsigned i = 0; i < 3000; i++) {
        assert_false(has(reader, first ^ (i + 1ULL) << 20)); /* a stranger's */
    }
    merge_store_unref(s);
    merge_store_unref(reader);
    merge_store_unref(b);
    merge_store_unref(c);
}

/* The file in use was replaced by another, which may have its number. */
static void a_file_that_was_made_anew_is_read_anew(void **state)
{
    char path[128];
    struct merge_store *reader = open_store(*state);
    snprintf(path, sizeof path, "%s/several.marks", (char *)*state);
    for (unsigned turn = 0; turn < 20; turn++) {
        struct merge_store *s = open_store(*state);
        for (unsigned i = 0; i < 5; i++) {
            uint64_t name = put(s, 1000 * turn + i * (turn % 3));
            assert_true(has(reader, name));
        }
        merge_store_unref(s);
        assert_int_equal(unlink(path), 0);
    }
    merge_store_unref(reader);
}

static void without_a_folder_this_process_alone_knows_them(void **state)
{
    static const char *const folders[] = {NULL, "/nonexistent/folder"};
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct merge_store *s = open_store(folders[k]);
        struct merge_store *b = open_store(folders[k]);
        uint64_t names[MERGE_STORE_READY * 3];
        for (unsigned i = 0; i < MERGE_STORE_READY * 3; i++) {
            names[i] = put(s, i);
        }
        for (unsigned i = 0; i < MERGE_STORE_READY * 3; i++) {
            assert_true(has(s, names[i]));
            assert_false(has(b, names[i]));
        }
        for (unsigned i = 0; i < 20000; i++) {
            put(s, i);
        }
        assert_true(s->kept.recent.len <= SOURCE_MARKS_MEMORY_BYTES);
        assert_true(s->kept.older.len <= SOURCE_MARKS_MEMORY_BYTES);
        assert_false(has(s, names[0]));
        merge_store_unref(s);
        merge_store_unref(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_in_the_text_where_it_fits),
        cmocka_unit_test(streams_that_could_be_taken_for_each_other_need_a_base),
        cmocka_unit_test(what_has_changed_since_the_base_is_in_the_text),
        cmocka_unit_test(a_base_is_of_one_set_of_streams_only),
        cmocka_unit_test(nonsense_is_no_position),
        cmocka_unit_test(texts_of_strangers_do_no_harm),
        cmocka_unit_test(the_text_of_a_base_is_read_back),
        in_folder(another_process_finds_a_base),
        in_folder(a_base_that_is_there_is_not_written_twice),
        in_folder(a_torn_record_is_passed_over),
        in_folder(a_base_in_use_outlives_a_deleted_file),
        in_folder(the_oldest_go_when_the_file_is_full),
        in_folder(a_file_that_was_made_anew_is_read_anew),
        cmocka_unit_test(without_a_folder_this_process_alone_knows_them),
    };
    return cmocka_run_group_tests_name("merge_id", tests, NULL, NULL);
}

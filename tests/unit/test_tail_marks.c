/* SPDX-License-Identifier: MIT */
/* test_tail_marks: places under short names, in a file that several processes share, and in memory;
 * and positions that are made of them. */
#include "test_tail_rig.h"

#include "source/tail/many_id.h"
#include "source/tail/marks.h"

#define LABEL(n) {.birth_ms = 1700000000000 + (uint64_t)(n), .tag = (uint32_t)(n) * 77}

static struct tail_mark mark(int n, uint64_t offset)
{
    return (struct tail_mark){.tag = tail_many_tag("/var/log/a") + (uint64_t)n * 1000003,
                              .at = {.label = LABEL(n),
                                     .offset = offset,
                                     .head = 12345 + (uint64_t)n,
                                     .before = 999 + (uint32_t)offset}};
}

static void fill(struct tail_mark *items, size_t count, uint64_t offset)
{
    for (size_t i = 0; i < count; i++) {
        items[i] = mark((int)i, offset);
    }
}

static void expect_found(struct tail_marks *m, uint64_t name, const struct tail_mark *items,
                         size_t count)
{
    struct tail_base *b = NULL;
    assert_int_equal(tail_marks_get(m, name, &b), 0);
    assert_int_equal(b->count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(b->items[i].tag, items[i].tag);
        assert_true(tail_position_equal(&b->items[i].at, &items[i].at));
    }
    tail_base_unref(b);
}

static void expect_gone(struct tail_marks *m, uint64_t name)
{
    struct tail_base *b = NULL;
    assert_int_equal(tail_marks_get(m, name, &b), ERR_GONE);
    assert_null(b);
}

static uint64_t put(struct tail_marks *m, const struct tail_mark *items, size_t count)
{
    struct tail_base *b = NULL;
    assert_int_equal(tail_marks_put(m, items, count, &b), 0);
    uint64_t name = b->name;
    tail_base_unref(b);
    return name;
}

static void another_process_finds_them(void **state)
{
    struct rig *r = *state;
    struct tail_mark items[20];
    struct tail_marks a, b;
    fill(items, 20, 5000);
    assert_int_equal(tail_marks_init(&a, "web/app", r->folder, &r->quiet), 0);
    assert_int_equal(tail_marks_init(&b, "web/app", r->folder, &r->quiet), 0);
    uint64_t name = put(&a, items, 20);
    expect_found(&b, name, items, 20);
    tail_marks_fini(&a);
    expect_found(&b, name, items, 20);
    assert_int_equal(put(&b, items, 20), name);
    expect_gone(&b, name + 1);
    tail_marks_fini(&b);
}

static void the_file_is_named_after_the_stream_and_private(void **state)
{
    struct rig *r = *state;
    struct tail_mark items[5];
    struct tail_marks m;
    struct stat st;
    char path[256];
    fill(items, 5, 1);
    assert_int_equal(tail_marks_init(&m, "web/../app", r->folder, &r->quiet), 0);
    put(&m, items, 5);
    tail_marks_fini(&m);
    snprintf(path, sizeof path, "%s/tail-web%%2f%%2e%%2e%%2fapp.marks", r->folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void torn_and_damaged_records_are_passed_over(void **state)
{
    struct rig *r = *state;
    struct tail_mark items[6];
    struct tail_marks a, b, c;
    char *text = NULL;
    size_t len = 0;
    fill(items, 6, 100);
    assert_int_equal(tail_marks_init(&a, "s", r->folder, &r->quiet), 0);
    snprintf(r->path, sizeof r->path, "%s/tail-s.marks", r->folder);
    uint64_t first = put(&a, items, 6);
    struct stat st;
    assert_int_equal(stat(r->path, &st), 0);
    assert_int_equal(truncate(r->path, st.st_size - 9), 0);
    fill(items, 6, 200);
    uint64_t second = put(&a, items, 6);
    tail_marks_fini(&a);
    assert_int_equal(tail_marks_init(&b, "s", r->folder, &r->quiet), 0);
    expect_gone(&b, first);
    expect_found(&b, second, items, 6);
    tail_marks_fini(&b);
    FILE *f = fopen(r->path, "r+");
    assert_non_null(f);
    assert_int_equal(getdelim(&text, &len, '\0', f) > 0, 1);
    long at = strrchr(text, '.') - text;
    free(text);
    assert_int_equal(fseek(f, at + 1, SEEK_SET), 0);
    assert_true(fputc('!', f) == '!');
    fclose(f);
    assert_int_equal(tail_marks_init(&c, "s", r->folder, &r->quiet), 0);
    expect_gone(&c, second);
    tail_marks_fini(&c);
}

static void the_file_is_turned_over_when_it_is_full(void **state)
{
    struct rig *r = *state;
    struct tail_mark items[TAIL_MANY_MAX];
    struct tail_marks a, b;
    uint64_t first = 0, last = 0;
    char old[160];
    struct stat st;
    assert_int_equal(tail_marks_init(&a, "s", r->folder, &r->quiet), 0);
    snprintf(r->path, sizeof r->path, "%s/tail-s.marks", r->folder);
    snprintf(old, sizeof old, "%s.1", r->path);
    for (uint64_t n = 0; stat(old, &st); n++) {
        fill(items, TAIL_MANY_MAX, n + 1);
        last = put(&a, items, TAIL_MANY_MAX);
        first = n ? first : last;
    }
    assert_true(st.st_size >= SOURCE_MARKS_BYTES);
    tail_marks_fini(&a);
    assert_int_equal(tail_marks_init(&b, "s", r->folder, &r->quiet), 0);
    expect_found(&b, last, items, TAIL_MANY_MAX);
    fill(items, TAIL_MANY_MAX, 1);
    expect_found(&b, first, items, TAIL_MANY_MAX);
    tail_marks_fini(&b);
}

static void a_base_in_use_is_renewed(void **state)
{
    struct rig *r = *state;
    struct tail_mark items[7];
    struct tail_marks a, b;
    struct tail_base *base = NULL;
    fill(items, 7, 3);
    snprintf(r->path, sizeof r->path, "%s/tail-s.marks", r->folder);
    assert_int_equal(tail_marks_init(&a, "s", r->folder, &r->quiet), 0);
    assert_int_equal(tail_marks_put(&a, items, 7, &base), 0);
    assert_int_equal(unlink(r->path), 0);
    tail_marks_renew(&a, base);
    assert_int_equal(tail_marks_init(&b, "s", r->folder, &r->quiet), 0);
    expect_found(&b, base->name, items, 7);
    tail_base_unref(base);
    tail_marks_fini(&a);
    tail_marks_fini(&b);
}

static void without_a_folder_they_are_kept_in_memory(void **state)
{
    struct rig *r = *state;
    struct tail_mark items[8];
    uint64_t names[TAIL_MARKS_READY * 4];
    static const char *const folders[] = {NULL, "/nonexistent/folder"};
    for (size_t k = 0; k < 2; k++) {
        struct tail_marks m;
        assert_int_equal(tail_marks_init(&m, "s", folders[k], &r->quiet), 0);
        for (size_t n = 0; n < TAIL_MARKS_READY * 4; n++) {
            fill(items, 8, n + 1);
            names[n] = put(&m, items, 8);
        }
        for (size_t n = 0; n < TAIL_MARKS_READY * 4; n++) {
            fill(items, 8, n + 1);
            expect_found(&m, names[n], items, 8);
        }
        assert_true(m.kept.recent.len <= SOURCE_MARKS_MEMORY_BYTES);
        tail_marks_fini(&m);
    }
}

/* ---- positions ---- */

static struct tail_many_place place;
static struct tail_many_place back;

static void expect_same(void)
{
    assert_int_equal(back.count, place.count);
    for (size_t i = 0; i < place.count; i++) {
        assert_true(tail_many_is_tag(&back, i, place.items[i].tag));
        assert_true(tail_position_equal(&back.items[i].at, &place.items[i].at));
    }
}

static void up_to_four_files_need_nothing_else(void **state)
{
    char text[SSE_POSITION_SIZE];
    (void)state;
    for (size_t n = 0; n <= TAIL_MANY_INLINE; n++) {
        place = (struct tail_many_place){.count = n};
        fill(place.items, n, (1ULL << 36) - 1);
        assert_int_equal(tail_many_print(&place, text), 0);
        assert_true(sse_position_is_valid(text, strlen(text)));
        assert_int_equal(tail_many_is_valid(text), 1);
        assert_int_equal(tail_many_base_name(text), 0);
        back = (struct tail_many_place){.count = 0};
        assert_int_equal(tail_many_parse(text, &back), 0);
        expect_same();
    }
    assert_int_equal(strlen(text), 128);
    fill(place.items, 4, 1ULL << 36);
    assert_int_equal(tail_many_print(&place, text), ERR_LIMIT);
}

static void files_that_could_be_taken_for_each_other_need_a_base(void **state)
{
    char text[SSE_POSITION_SIZE];
    (void)state;
    place = (struct tail_many_place){.count = 2};
    fill(place.items, 2, 7);
    place.items[1].tag = place.items[0].tag ^ 1ULL << 40;
    assert_int_equal(tail_many_print(&place, text), ERR_LIMIT);
}

static void what_has_moved_since_the_base_is_in_the_text(void **state)
{
    struct rig *r = *state;
    struct tail_marks m;
    char text[SSE_POSITION_SIZE];
    size_t moved = 0;
    assert_int_equal(tail_marks_init(&m, "s", NULL, &r->quiet), 0);
    place = (struct tail_many_place){.count = TAIL_MANY_MAX};
    fill(place.items, TAIL_MANY_MAX, 2000);
    assert_int_equal(tail_marks_put(&m, place.items, place.count, &place.base), 0);
    for (;; moved++) {
        int rc = tail_many_print(&place, text);
        if (rc) {
            assert_int_equal(rc, ERR_LIMIT);
            break;
        }
        assert_true(sse_position_is_valid(text, strlen(text)));
        assert_int_equal(tail_many_is_valid(text), 1);
        assert_int_equal(tail_many_base_name(text), place.base->name);
        back = (struct tail_many_place){.base = place.base};
        assert_int_equal(tail_many_parse(text, &back), 0);
        expect_same();
        struct tail_mark *item = &place.items[moved * 17 % TAIL_MANY_MAX];
        struct tail_position at = item->at;
        at.offset += 100 * (moved + 1);
        at.before++;
        tail_many_move(&place, item, &at);
    }
    assert_true(moved >= 12);
    tail_base_unref(place.base);
    tail_marks_fini(&m);
}

static void an_item_back_where_it_stood_changes_no_text(void **state)
{
    struct rig *r = *state;
    struct tail_marks m;
    char text[SSE_POSITION_SIZE];
    char again[SSE_POSITION_SIZE];
    assert_int_equal(tail_marks_init(&m, "s", NULL, &r->quiet), 0);
    place = (struct tail_many_place){.count = 8};
    fill(place.items, 8, 2000);
    assert_int_equal(tail_marks_put(&m, place.items, place.count, &place.base), 0);
    assert_int_equal(tail_many_print(&place, text), 0);
    struct tail_position stood = place.items[3].at;
    struct tail_position on = stood;
    on.offset++;
    tail_many_move(&place, &place.items[3], &on);
    assert_int_equal(tail_many_print(&place, again), 0);
    assert_string_not_equal(text, again);
    tail_many_move(&place, &place.items[3], &stood);
    assert_int_equal(tail_many_print(&place, again), 0);
    assert_string_equal(text, again);
    tail_base_unref(place.base);
    tail_marks_fini(&m);
}

static void nonsense_is_no_position(void **state)
{
    static const char *const bad[] = {
        "", "v", "b", "x", "b123456789", "b1234567890x", "b1234567890000", "v.",
        "vGL4Q7-ZJreH688LKG1mpNeIvi", "vGL4Q7-ZJreH688LKG1mpNeIvi3D.", "vGL4Q7-ZJreH688LKG1mpNeIvi00",
        "Q7zZxemDIPN.40.vzjGZhzjGZh", "b1234567890zzzzzzzzzzzzzz0AAAA",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(tail_many_is_valid(bad[i]), 0);
    }
}

static void brief_positions_have_a_text(void **state)
{
    char text[SSE_POSITION_SIZE];
    (void)state;
    for (int has_head = 0; has_head < 2; has_head++) {
        struct tail_position p = {.label = LABEL(5), .offset = 77, .is_brief = 1, .brief = 4711};
        struct tail_position q;
        p.has_head = has_head;
        p.head = has_head ? 12345 : 0;
        tail_position_print(&p, text);
        assert_int_equal(tail_position_parse(text, &q), 0);
        assert_true(tail_position_equal(&p, &q));
        assert_int_equal(q.has_head, has_head);
        assert_int_equal(q.head, p.head);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(another_process_finds_them),
        rig_test(the_file_is_named_after_the_stream_and_private),
        rig_test(torn_and_damaged_records_are_passed_over),
        rig_test(the_file_is_turned_over_when_it_is_full),
        rig_test(a_base_in_use_is_renewed),
        rig_test(without_a_folder_they_are_kept_in_memory),
        cmocka_unit_test(up_to_four_files_need_nothing_else),
        cmocka_unit_test(files_that_could_be_taken_for_each_other_need_a_base),
        rig_test(what_has_moved_since_the_base_is_in_the_text),
        rig_test(an_item_back_where_it_stood_changes_no_text),
        cmocka_unit_test(nonsense_is_no_position),
        cmocka_unit_test(brief_positions_have_a_text),
    };
    return cmocka_run_group_tests_name("tail_marks", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* test_tail_rotated: logs whose rotated files are compressed, dated, elsewhere, or many. */
#include "test_tail_rig.h"

#include "source/tail/order.h"

static char *remember(const struct rig *r, size_t i, char at[SSE_POSITION_SIZE])
{
    memcpy(at, r->live.items[i].position, SSE_POSITION_SIZE);
    return at;
}

static void resumes_in_a_compressed_file(void **state)
{
    struct rig *r = *state;
    char a[SSE_POSITION_SIZE], c[SSE_POSITION_SIZE];
    rig_open(r);
    rig_append(r, "a\nb\nc\n");
    rig_look(r);
    remember(r, 0, a);
    remember(r, 2, c);
    rig_rename(r, "", ".1");
    rig_append(r, "d\n");
    rig_gzip(r, ".1");
    rig_look(r);
    record_expect(&r->live, "a|b|c|d");
    rig_expect(r, a, "b|c|d");
    rig_rename(r, ".1.gz", ".2.gz");
    rig_restart(r);
    rig_expect(r, a, "b|c|d");
    rig_expect(r, c, "d");
    rig_expect(r, TAIL_POSITION_START, "a|b|c|d");
}

static void follows_while_the_old_file_is_compressed(void **state)
{
    struct rig *r = *state;
    rig_open(r);
    rig_append(r, "a\nb\n");
    rig_look(r);
    rig_append(r, "c\n");
    rig_rename(r, "", ".1");
    rig_append(r, "");
    rig_gzip(r, ".1");
    rig_look(r);
    record_expect(&r->live, "a|b|c");
    rig_expect(r, r->live.items[0].position, "b|c");
    rig_append(r, "d\n");
    rig_look(r);
    record_expect(&r->live, "a|b|c|d");
    rig_expect(r, r->live.items[0].position, "b|c|d");
}

static void reads_files_that_were_rotated_and_compressed_between_two_looks(void **state)
{
    struct rig *r = *state;
    rig_open(r);
    rig_append(r, "a\n");
    rig_look(r);
    rig_rename(r, "", ".2");
    rig_append(r, "b\nc\n");
    rig_rename(r, "", ".1");
    rig_append(r, "d\n");
    rig_gzip(r, ".2");
    rig_gzip(r, ".1");
    rig_look(r);
    record_expect(&r->live, "a|b|c|d");
    rig_expect(r, TAIL_POSITION_START, "a|b|c|d");
}

static void ignores_a_compressed_file_that_is_being_made(void **state)
{
    struct rig *r = *state;
    rig_open(r);
    rig_append(r, "a\nb\n");
    rig_look(r);
    rig_rename(r, "", ".1");
    rig_append(r, "c\n");
    rig_write(r, ".1.gz", 0, "\x1f\x8b\x08", 3);
    rig_look(r);
    rig_expect(r, TAIL_POSITION_START, "a|b|c");
}

static void tells_damage_in_a_compressed_file(void **state)
{
    struct rig *r = *state;
    char path[256];
    rig_open(r);
    rig_append(r, "a\n");
    rig_look(r);
    rig_rename(r, "", ".1");
    rig_append(r, "b\n");
    rig_gzip(r, ".1");
    assert_int_equal(truncate(rig_name(r, ".1.gz", path), 20), 0);
    rig_restart(r);
    rig_expect(r, TAIL_POSITION_START, "!damaged|b");
}

static void counts_back_into_a_compressed_file(void **state)
{
    struct rig *r = *state;
    char at[SSE_POSITION_SIZE];
    rig_append(r, "a\nb\nc");
    rig_gzip(r, "");
    rig_rename(r, ".gz", ".1.gz");
    rig_append(r, "d\n");
    rig_open(r);
    assert_int_equal(tail_log_back(&r->log, 3, at), 0);
    rig_expect(r, at, "b|c|d");
    assert_int_equal(tail_log_back(&r->log, 9, at), 0);
    rig_expect(r, at, "a|b|c|d");
}

#define BIG_LINES 300000
#define BIG_LINE_BYTES 100

static void write_big(const struct rig *r, const char *suffix)
{
    char *block = malloc((size_t)BIG_LINES * BIG_LINE_BYTES);
    assert_non_null(block);
    for (size_t i = 0; i < BIG_LINES; i++) {
        char *line = block + i * BIG_LINE_BYTES;
        char text[BIG_LINE_BYTES + 1];
        snprintf(text, sizeof text, "%08zu%91s\n", i, "the rest of the line");
        memcpy(line, text, BIG_LINE_BYTES);
    }
    rig_write(r, suffix, O_APPEND, block, (size_t)BIG_LINES * BIG_LINE_BYTES);
    free(block);
}

/* More readers than lanes, each elsewhere in the file, one page each in turn. */
static void many_readers_page_through_a_large_compressed_file(void **state)
{
    enum { READERS = TAIL_LANES_MAX + 2 };
    struct rig *r = *state;
    char at[READERS][SSE_POSITION_SIZE];
    size_t next[READERS], done = 0;
    struct record page;
    record_init(&page);
    write_big(r, "");
    rig_open(r);
    for (size_t i = 0; i < READERS; i++) {
        next[i] = BIG_LINES - 3000 - i * (BIG_LINES / READERS);
        assert_int_equal(tail_log_back(&r->log, BIG_LINES - next[i], at[i]), 0);
    }
    rig_rename(r, "", ".1");
    rig_append(r, "end\n");
    rig_gzip(r, ".1");
    rig_restart(r);
    for (int turns = 0; done < READERS; turns++) {
        assert_true(turns < 100000);
        for (size_t i = 0; i < READERS; i++) {
            if (next[i] > BIG_LINES) {
                continue;
            }
            assert_true(tail_log_pull(&r->log, at[i], &page.out, 65536) > 0);
            for (size_t k = 0; k < page.count; k++, next[i]++) {
                if (next[i] == BIG_LINES) {
                    assert_string_equal(page.items[k].text, "end");
                    done++;
                } else {
                    assert_int_equal(strtoul(page.items[k].text, NULL, 10), next[i]);
                }
            }
            record_clear(&page);
        }
        if (turns % 100 == 99) {
            tail_log_tick(&r->log);
        }
    }
    record_fini(&page);
}

static void copytruncate_with_compression(void **state)
{
    struct rig *r = *state;
    char b[SSE_POSITION_SIZE];
    rig_open(r);
    rig_append(r, "a\nb\nc\n");
    rig_look(r);
    remember(r, 1, b);
    rig_copy(r, "", ".1");
    rig_rewrite(r, "");
    rig_gzip(r, ".1");
    rig_append(r, "d\n");
    rig_look(r);
    record_expect(&r->live, "a|b|c|d");
    rig_restart(r);
    rig_expect(r, b, "c|d");
}

static void orders_dated_files_by_age(void **state)
{
    struct rig *r = *state;
    char a[SSE_POSITION_SIZE];
    rig_open(r);
    rig_append(r, "a\n");
    rig_look(r);
    remember(r, 0, a);
    rig_rename(r, "", "-20261119");
    rig_append(r, "b\n");
    rig_rename(r, "", "-20261120");
    rig_gzip(r, "-20261119");
    rig_append(r, "c\n");
    rig_rename(r, "", "-20261121");
    rig_append(r, "d\n");
    rig_look(r);
    record_expect(&r->live, "a|b|c|d");
    rig_restart(r);
    rig_expect(r, a, "b|c|d");
    rig_expect(r, TAIL_POSITION_START, "a|b|c|d");
}

static void finds_rotated_files_by_pattern_and_elsewhere(void **state)
{
    struct rig *r = *state;
    char pattern[128], old[128], from[256], to[256];
    char *items[2] = {"before-*.txt", pattern};
    struct conf_list list = {.items = items, .count = 2};
    r->rotated = &list;
    snprintf(pattern, sizeof pattern, "%s/old/app.log.*", r->folder);
    snprintf(old, sizeof old, "%s/old", r->folder);
    assert_int_equal(mkdir(old, 0755), 0);
    rig_open(r);
    rig_append(r, "a\n");
    rig_look(r);
    snprintf(to, sizeof to, "%s/old/app.log.2", r->folder);
    assert_int_equal(rename(r->path, to), 0);
    rig_append(r, "b\n");
    snprintf(to, sizeof to, "%s/before-lunch.txt", r->folder);
    assert_int_equal(rename(rig_name(r, "", from), to), 0);
    rig_append(r, "c\n");
    rig_write(r, ".1", 0, "not ours\n", 9);
    rig_look(r);
    record_expect(&r->live, "a|b|c");
    rig_restart(r);
    rig_expect(r, TAIL_POSITION_START, "a|b|c");
    rig_close(r);
}

static void knows_rotated_names(void **state)
{
    static const struct {
        const char *name;
        int is_rotated;
        int number;
    } names[] = {
        {"app.log.1", 1, 1},          {"app.log.12.gz", 1, 12},  {"app.log-20261121", 1, -1},
        {"app.log-20261121.gz", 1, -1}, {"app-20261121.log", 1, -1}, {"app.3.log", 1, 3},
        {"app.3.log.gz", 1, 3},       {"app.log", 0, -1},        {"app.log.old", 0, -1},
        {"app.log.1~", 0, 0},         {"app.log.gz", 0, -1},     {"app.logx1", 0, -1},
        {"other.log.1", 0, -1},       {"app2.log", 0, -1},       {"app.log.2026-11-21", 1, -1},
        {"app.log.1.xz", 0, -1},      {"app.log-", 0, -1},       {"application-1.log", 0, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(tail_order_is_rotated("app.log", names[i].name), names[i].is_rotated);
        if (names[i].is_rotated) {
            assert_int_equal(tail_order_number("app.log", names[i].name), names[i].number);
        }
    }
    assert_true(tail_order_is_rotated("messages", "messages-20261121"));
    assert_true(tail_order_is_rotated("messages", "messages.1"));
    assert_false(tail_order_is_rotated("messages", "messages"));
    assert_true(tail_order_compare("a-9", "a-10") < 0);
    assert_true(tail_order_compare("a-10", "a-9") > 0);
    assert_true(tail_order_compare("a-20261121", "a-20261121-1") < 0);
    assert_int_equal(tail_order_compare("a-1", "a-1"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(resumes_in_a_compressed_file),
        rig_test(follows_while_the_old_file_is_compressed),
        rig_test(reads_files_that_were_rotated_and_compressed_between_two_looks),
        rig_test(ignores_a_compressed_file_that_is_being_made),
        rig_test(tells_damage_in_a_compressed_file),
        rig_test(counts_back_into_a_compressed_file),
        rig_test(many_readers_page_through_a_large_compressed_file),
        rig_test(copytruncate_with_compression),
        rig_test(orders_dated_files_by_age),
        rig_test(finds_rotated_files_by_pattern_and_elsewhere),
        cmocka_unit_test(knows_rotated_names),
    };
    return cmocka_run_group_tests_name("tail_rotated", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* test_tail_follow: following a log's end through everything that happens to its files. */
#include "test_tail_rig.h"

static void sends_complete_lines_only(void **state)
{
    struct rig *r = *state;
    rig_append(r, "old\n");
    rig_open(r);
    rig_look(r);
    record_expect(&r->live, "");
    rig_append(r, "one\ntw");
    rig_look(r);
    record_expect(&r->live, "one");
    rig_append(r, "o\nthree\n");
    rig_look(r);
    record_expect(&r->live, "one|two|three");
}

static void begins_after_an_unfinished_line(void **state)
{
    struct rig *r = *state;
    rig_append(r, "old\nhal");
    rig_open(r);
    rig_append(r, "f\n");
    rig_look(r);
    record_expect(&r->live, "half");
}

static void waits_for_a_missing_file(void **state)
{
    struct rig *r = *state;
    rig_open(r);
    rig_look(r);
    assert_string_equal(r->log.head, TAIL_POSITION_START);
    rig_append(r, "");
    rig_look(r);
    rig_append(r, "one\n");
    rig_look(r);
    record_expect(&r->live, "one");
    rig_expect(r, TAIL_POSITION_START, "one");
}

static void follows_rename_and_create(void **state)
{
    struct rig *r = *state;
    rig_append(r, "a\n");
    rig_open(r);
    rig_append(r, "b\n");
    rig_look(r);
    rig_rename(r, "", ".1");
    rig_look(r);
    rig_write(r, ".1", O_APPEND, "c\n", 2);
    rig_append(r, "");
    rig_look(r);
    rig_write(r, ".1", O_APPEND, "d\n", 2);
    rig_append(r, "e\n");
    rig_look(r);
    record_expect(&r->live, "b|c|d|e");
}

static void sends_the_unfinished_end_when_the_next_file_begins(void **state)
{
    struct rig *r = *state;
    rig_append(r, "a\n");
    rig_open(r);
    rig_append(r, "b\nhalf");
    rig_rename(r, "", ".1");
    rig_look(r);
    record_expect(&r->live, "b");
    rig_append(r, "c\n");
    rig_look(r);
    record_expect(&r->live, "b|half|c");
}

static void follows_several_rotations_between_two_looks(void **state)
{
    struct rig *r = *state;
    rig_append(r, "a\n");
    rig_open(r);
    rig_append(r, "b\n");
    for (int i = 0; i < 3; i++) {
        char line[16];
        if (i > 1) {
            rig_rename(r, ".2", ".3");
        }
        if (i > 0) {
            rig_rename(r, ".1", ".2");
        }
        rig_rename(r, "", ".1");
        snprintf(line, sizeof line, "n%d\n", i);
        rig_append(r, line);
    }
    rig_look(r);
    record_expect(&r->live, "b|n0|n1|n2");
}

static void tells_truncation(void **state)
{
    struct rig *r = *state;
    rig_append(r, "first line\nsecond line\n");
    rig_open(r);
    rig_append(r, "third line\n");
    rig_look(r);
    rig_rewrite(r, "new\n");
    rig_look(r);
    record_expect(&r->live, "third line|!truncated|new");
    rig_append(r, "more\n");
    rig_look(r);
    record_expect(&r->live, "third line|!truncated|new|more");
}

static void notices_truncation_regrown_to_the_same_size(void **state)
{
    struct rig *r = *state;
    rig_append(r, "aaaa\nbbbb\n");
    rig_open(r);
    rig_look(r);
    rig_rewrite(r, "cccc\ndddd\n");
    rig_look(r);
    record_expect(&r->live, "!truncated|cccc|dddd");
}

static void notices_truncation_regrown_past_the_old_size(void **state)
{
    struct rig *r = *state;
    rig_append(r, "aaaa\nbbbb\n");
    rig_open(r);
    rig_look(r);
    rig_rewrite(r, "cccc\ndddd\neeee\n");
    rig_look(r);
    record_expect(&r->live, "!truncated|cccc|dddd|eeee");
}

static void follows_copytruncate(void **state)
{
    struct rig *r = *state;
    rig_append(r, "a\n");
    rig_open(r);
    rig_append(r, "b\n");
    rig_look(r);
    rig_append(r, "c\n");
    rig_copy(r, "", ".1");
    rig_rewrite(r, "");
    rig_look(r);
    record_expect(&r->live, "b|c");
    rig_append(r, "d\n");
    rig_look(r);
    record_expect(&r->live, "b|c|d");
}

static void sends_nothing_twice_while_the_copy_is_made(void **state)
{
    struct rig *r = *state;
    rig_append(r, "a\nb\n");
    rig_open(r);
    rig_copy(r, "", ".1");
    rig_look(r);
    rig_expect(r, TAIL_POSITION_START, "a|b");
    rig_append(r, "c\n");
    rig_look(r);
    record_expect(&r->live, "c");
    rig_rewrite(r, "d\n");
    rig_look(r);
    /* The line c came after the copy was made. */
    record_expect(&r->live, "c|!truncated|d");
}

static void follows_delete_and_recreate(void **state)
{
    struct rig *r = *state;
    rig_append(r, "a\n");
    rig_open(r);
    rig_look(r);
    for (int i = 0; i < 50; i++) {
        char line[32];
        rig_delete(r, "");
        snprintf(line, sizeof line, "line %d\n", i);
        rig_append(r, line);
        rig_look(r);
        assert_int_equal(r->live.count, i + 1);
        assert_false(r->live.items[i].is_gap);
    }
}

static void reads_a_deleted_file_to_its_end(void **state)
{
    struct rig *r = *state;
    char name[256];
    rig_append(r, "a\n");
    rig_open(r);
    int fd = open(rig_name(r, "", name), O_WRONLY | O_APPEND | O_CLOEXEC);
    rig_delete(r, "");
    rig_look(r);
    assert_int_equal(write(fd, "b\n", 2), 2);
    close(fd);
    rig_look(r);
    rig_append(r, "c\n");
    rig_look(r);
    record_expect(&r->live, "b|c");
}

static void skips_rotated_files_that_are_empty(void **state)
{
    struct rig *r = *state;
    rig_append(r, "a\n");
    rig_open(r);
    rig_look(r);
    rig_rename(r, "", ".2");
    rig_append(r, "");
    rig_rename(r, "", ".1");
    rig_append(r, "b\n");
    rig_look(r);
    record_expect(&r->live, "b");
}

static void stops_when_told(void **state)
{
    struct rig *r = *state;
    rig_open(r);
    rig_append(r, "a\nb\nc\n");
    r->live.stop_after = 1;
    assert_int_equal(tail_log_look(&r->log, 1000), TAIL_LOG_BUSY);
    record_expect(&r->live, "a");
    assert_int_equal(tail_log_look(&r->log, 1000), TAIL_LOG_BUSY);
    record_expect(&r->live, "a|b");
    r->live.stop_after = 0;
    rig_look(r);
    record_expect(&r->live, "a|b|c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(sends_complete_lines_only),
        rig_test(begins_after_an_unfinished_line),
        rig_test(waits_for_a_missing_file),
        rig_test(follows_rename_and_create),
        rig_test(sends_the_unfinished_end_when_the_next_file_begins),
        rig_test(follows_several_rotations_between_two_looks),
        rig_test(tells_truncation),
        rig_test(notices_truncation_regrown_to_the_same_size),
        rig_test(notices_truncation_regrown_past_the_old_size),
        rig_test(follows_copytruncate),
        rig_test(sends_nothing_twice_while_the_copy_is_made),
        rig_test(follows_delete_and_recreate),
        rig_test(reads_a_deleted_file_to_its_end),
        rig_test(skips_rotated_files_that_are_empty),
        rig_test(stops_when_told),
    };
    return cmocka_run_group_tests_name("tail_follow", tests, NULL, NULL);
}

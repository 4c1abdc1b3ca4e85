/* SPDX-License-Identifier: MIT */
/* test_tail_resume: reading a log again from any position, whoever gave it out. */
#include "test_tail_rig.h"

/* Rotates by renaming: .2 to .3, .1 to .2, the log to .1, and begins a new one. */
static void rotate(struct rig *r, const char *line)
{
    char a[256], b[256], from[16], to[16];
    for (int i = 8; i >= 0; i--) {
        from[0] = '\0';
        if (i > 0) {
            snprintf(from, sizeof from, ".%d", i);
        }
        snprintf(to, sizeof to, ".%d", i + 1);
        rename(rig_name(r, from, a), rig_name(r, to, b));
    }
    rig_append(r, line);
}

static void resumes_at_every_line(void **state)
{
    struct rig *r = *state;
    rig_append(r, "a\n");
    rig_open(r);
    rig_append(r, "b\r\nc\n\nd\n");
    rig_look(r);
    record_expect(&r->live, "b|c||d");
    rig_expect(r, r->live.items[0].position, "c||d");
    rig_expect(r, r->live.items[1].position, "|d");
    rig_expect(r, r->live.items[2].position, "d");
    rig_expect(r, r->live.items[3].position, "");
}

static void replay_gives_the_same_positions_as_live(void **state)
{
    struct rig *r = *state;
    struct record page;
    char start[SSE_POSITION_SIZE];
    record_init(&page);
    rig_append(r, "");
    rig_open(r);
    memcpy(start, r->log.head, sizeof start);
    for (int i = 0; i < 300; i++) {
        char line[64];
        snprintf(line, sizeof line, "this is line number %d\n", i);
        if (i % 40 == 39) {
            rotate(r, line);
        } else {
            rig_append(r, line);
        }
        if (i % 3 == 0) {
            rig_look(r);
        }
    }
    rig_look(r);
    rig_pull(r, start, &page);
    assert_int_equal(page.count, 300);
    assert_int_equal(r->live.count, 300);
    for (size_t i = 0; i < page.count; i++) {
        assert_string_equal(page.items[i].text, r->live.items[i].text);
        assert_string_equal(page.items[i].position, r->live.items[i].position);
        assert_true(strlen(page.items[i].position) <= 40);
    }
    record_fini(&page);
}

static void pull_stops_at_the_head(void **state)
{
    struct rig *r = *state;
    rig_append(r, "");
    rig_open(r);
    rig_append(r, "a\nb\n");
    rig_look(r);
    rig_append(r, "c\n");
    rig_expect(r, r->live.items[0].position, "b");
    rotate(r, "d\n");
    rig_expect(r, r->live.items[0].position, "b");
    rig_look(r);
    rig_expect(r, r->live.items[0].position, "b|c|d");
}

static void pull_goes_in_pages(void **state)
{
    struct rig *r = *state;
    struct record page;
    char at[SSE_POSITION_SIZE] = TAIL_POSITION_START;
    record_init(&page);
    rig_open(r);
    rig_append(r, "a\nb\n");
    rotate(r, "c\nd\n");
    rig_look(r);
    page.stop_after = 1;
    for (size_t i = 1; i <= 4; i++) {
        int rc = tail_log_pull(&r->log, at, &page.out, 65536);
        assert_int_equal(rc, i == 4 ? SOURCE_HEAD : SOURCE_MORE);
        assert_int_equal(page.count, i);
        assert_string_equal(at, page.items[i - 1].position);
    }
    record_expect(&page, "a|b|c|d");
    record_fini(&page);
}

static void another_process_resumes_through_rotations(void **state)
{
    struct rig *r = *state;
    char at[SSE_POSITION_SIZE];
    rig_open(r);
    rig_append(r, "a\nb\n");
    rig_look(r);
    memcpy(at, r->live.items[0].position, sizeof at);
    rotate(r, "c\n");
    rotate(r, "d\n");
    rotate(r, "e\n");
    rig_restart(r);
    rig_expect(r, at, "b|c|d|e");
}

static void another_process_resumes_after_copytruncate(void **state)
{
    struct rig *r = *state;
    char at[SSE_POSITION_SIZE];
    rig_open(r);
    rig_append(r, "a\nb\n");
    rig_look(r);
    memcpy(at, r->live.items[0].position, sizeof at);
    rig_copy(r, "", ".1");
    rig_rewrite(r, "c\n");
    rig_restart(r);
    rig_expect(r, at, "b|c");
    rig_rename(r, ".1", ".2");
    rig_copy(r, "", ".1");
    rig_rewrite(r, "d\n");
    rig_look(r);
    rig_expect(r, at, "b|c|d");
}

static void a_position_in_a_deleted_file_is_a_gap(void **state)
{
    struct rig *r = *state;
    char at[SSE_POSITION_SIZE];
    rig_open(r);
    rig_append(r, "a\nb\n");
    rig_look(r);
    memcpy(at, r->live.items[0].position, sizeof at);
    rotate(r, "c\n");
    rotate(r, "d\n");
    rig_delete(r, ".2");
    rig_restart(r);
    rig_expect(r, at, "!rotated-away|c|d");
}

static void a_position_in_a_truncated_file_is_a_gap(void **state)
{
    struct rig *r = *state;
    char at[SSE_POSITION_SIZE];
    rig_append(r, "older\n");
    rig_open(r);
    rotate(r, "a\nb\n");
    rig_look(r);
    memcpy(at, r->live.items[0].position, sizeof at);
    rig_rewrite(r, "c\nd\n");
    rig_restart(r);
    rig_expect(r, at, "!truncated|c|d");
}

static void a_position_ahead_of_the_head_makes_it_look(void **state)
{
    struct rig *r = *state;
    struct rig other = *r;
    rig_append(r, "a\n");
    rig_open(r);
    rig_look(r);
    record_init(&other.live);
    rig_open(&other);
    rig_append(r, "b\nc\n");
    rotate(r, "d\n");
    rig_look(&other);
    record_expect(&other.live, "b|c|d");
    rig_expect(r, other.live.items[1].position, "d");
    record_expect(&r->live, "b|c|d");
    rig_close(&other);
    record_fini(&other.live);
}

static void nonsense_is_not_understood(void **state)
{
    static const char *const bad[] = {"1", "abc", "1795253599000", "AAAAAAAAAAA.01.BBBBBBBBBBB",
                                      "AAAAAAAAAAA.1.BBBBBBBBBB~", "AAAAAAAAAAA..BBBBBBBBBBBB",
                                      "AAAAAAAAAAA.99999999999999999999.BBBBBBBBBBB", "starts"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tail_position p;
        assert_int_equal(tail_position_parse(bad[i], &p), ERR_INVALID);
    }
}

static void foreign_positions_are_a_gap(void **state)
{
    struct rig *r = *state;
    rig_append(r, "a\n");
    rig_open(r);
    rig_append(r, "b\n");
    rig_look(r);
    rig_expect(r, "AAAAAAAAAAA.9223372036854775807.BBBBBBBBBBB", "!rotated-away|a|b");
    rig_expect(r, "0AAAAAAAAAA.100.BBBBBBBBBBB", "!rotated-away|a|b");
}

static void back_expect_at(struct rig *r, uint64_t count, const char *expected, int line)
{
    char at[SSE_POSITION_SIZE];
    assert_int_equal(tail_log_back(&r->log, count, at), 0);
    rig_expect_from(r, at, expected, __FILE__, line);
}
#define back_expect(r, count, expected) back_expect_at((r), (count), (expected), __LINE__)

static void counts_back_through_rotated_files(void **state)
{
    struct rig *r = *state;
    rig_append(r, "a\nb");
    rotate(r, "");
    rotate(r, "c\nd\n");
    rotate(r, "e\nf\nunfinished");
    rig_open(r);
    rig_look(r);
    back_expect(r, 0, "");
    back_expect(r, 1, "f");
    back_expect(r, 2, "e|f");
    back_expect(r, 3, "d|e|f");
    back_expect(r, 5, "b|c|d|e|f");
    back_expect(r, 6, "a|b|c|d|e|f");
    back_expect(r, 1000, "a|b|c|d|e|f");
}

static void counts_back_over_many_blocks(void **state)
{
    struct rig *r = *state;
    struct record page;
    char at[SSE_POSITION_SIZE];
    record_init(&page);
    for (int i = 0; i < 300; i++) {
        char line[1200];
        int n = snprintf(line, sizeof line, "%04d%*s\n", i, 1000 + i % 97, "x");
        rig_write(r, "", O_APPEND, line, (size_t)n);
    }
    rig_open(r);
    assert_int_equal(tail_log_back(&r->log, 217, at), 0);
    rig_pull(r, at, &page);
    assert_int_equal(page.count, 217);
    assert_memory_equal(page.items[0].text, "0083", 4);
    record_fini(&page);
}

static void back_without_any_file_is_the_head(void **state)
{
    struct rig *r = *state;
    rig_open(r);
    back_expect(r, 10, "");
}

static void does_not_follow_a_new_file_before_it_holds_anything(void **state)
{
    struct rig *r = *state;
    rig_append(r, "a\nb\n");
    rig_rename(r, "", ".1");
    rig_append(r, "");
    rig_open(r);
    rig_look(r);
    back_expect(r, 1, "b");
    rig_write(r, ".1", O_APPEND, "late\n", 5);
    rig_append(r, "c\n");
    rig_look(r);
    record_expect(&r->live, "late|c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(resumes_at_every_line),
        rig_test(replay_gives_the_same_positions_as_live),
        rig_test(pull_stops_at_the_head),
        rig_test(pull_goes_in_pages),
        rig_test(another_process_resumes_through_rotations),
        rig_test(another_process_resumes_after_copytruncate),
        rig_test(a_position_in_a_deleted_file_is_a_gap),
        rig_test(a_position_in_a_truncated_file_is_a_gap),
        rig_test(a_position_ahead_of_the_head_makes_it_look),
        cmocka_unit_test(nonsense_is_not_understood),
        rig_test(foreign_positions_are_a_gap),
        rig_test(counts_back_through_rotated_files),
        rig_test(counts_back_over_many_blocks),
        rig_test(back_without_any_file_is_the_head),
        rig_test(does_not_follow_a_new_file_before_it_holds_anything),
    };
    return cmocka_run_group_tests_name("tail_resume", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* test_journal: a topic's journal: what is published is read, once and in order. */
#include "test_journal_rig.h"

static void delivers_what_is_published(void **state)
{
    struct rig *r = *state;
    char start[SSE_POSITION_SIZE];
    rig_open(r);
    assert_string_equal(r->log.head_text, "start");
    rig_look(r);
    rig_put(r, "one");
    rig_put(r, "two");
    rig_expect_live(r, "one|two");
    rig_expect(r, "start", "one|two");
    memcpy(start, r->log.head_text, sizeof start);
    assert_int_equal(rig_try_batch(r->journal, "a b c"), 0);
    rig_expect_live(r, "a|b|c");
    rig_expect(r, start, "a|b|c");
    rig_expect(r, "start", "one|two|a|b|c");
    rig_expect(r, r->log.head_text, "");
}

static void answers_the_positions_that_readers_get(void **state)
{
    struct rig *r = *state;
    struct journal_position at;
    char text[SSE_POSITION_SIZE];
    rig_open(r);
    assert_int_equal(rig_try(r->journal, "one", NULL, &at), 0);
    journal_position_print(&at, text);
    rig_look(r);
    assert_string_equal(r->live.last, text);
    rig_put(r, "two");
    rig_look(r);
    rig_expect(r, text, "two");
}

static void keeps_names_and_any_bytes(void **state)
{
    struct rig *r = *state;
    struct journal_position at[2];
    const struct journal_event events[] = {{.name = "done", .data = "x", .data_len = 1},
                                           {.name = NULL, .data = "", .data_len = 0}};
    rig_open(r);
    assert_int_equal(journal_append(r->journal, events, 2, at), 0);
    rig_expect_live(r, "done=x|");
}

static void begins_at_the_end(void **state)
{
    struct rig *r = *state;
    rig_put(r, "old");
    rig_open(r);
    rig_expect_live(r, "");
    rig_put(r, "new");
    rig_expect_live(r, "new");
    rig_expect(r, "start", "old|new");
}

static void several_publishers_share_a_journal(void **state)
{
    struct rig *r = *state;
    struct journal *other = rig_publisher(r);
    r->rules.segment_bytes = 400;
    struct journal *third = rig_publisher(r);
    rig_open(r);
    for (int i = 0; i < 20; i++) {
        rig_put(r, "a");
        assert_int_equal(rig_try(other, "b", NULL, NULL), 0);
        assert_int_equal(rig_try(third, "c", NULL, NULL), 0);
    }
    rig_look(r);
    assert_int_equal(r->live.count, 60);
    assert_true(rig_segments(r) > 5);
    for (size_t i = 0; i < r->live.len; i++) {
        assert_int_equal(r->live.text[i], "a|b|c|"[i % 6]);
    }
    journal_free(other);
    journal_free(third);
}

static void the_same_key_is_one_event(void **state)
{
    struct rig *r = *state;
    struct journal_position first, again, later;
    struct journal *other = rig_publisher(r);
    rig_open(r);
    rig_put(r, "before");
    assert_int_equal(rig_try(r->journal, "one", "k1", &first), 0);
    assert_int_equal(rig_try(r->journal, "one", "k1", &again), 0);
    assert_int_equal(rig_try(r->journal, "two", "k2", &later), 0);
    assert_memory_equal(&first, &again, sizeof first);
    assert_true(later.seq == first.seq + 1);
    /* Another process reads the keys from the journal. */
    assert_int_equal(rig_try(other, "one", "k1", &again), 0);
    assert_memory_equal(&first, &again, sizeof first);
    assert_int_equal(rig_try(other, "three", "k3", &later), 0);
    assert_int_equal(rig_try(r->journal, "three", "k3", &again), 0);
    assert_memory_equal(&later, &again, sizeof first);
    rig_expect_live(r, "before|one|two|three");
    r->clock.now_ms += JOURNAL_KEYS_MS + 1;
    assert_int_equal(rig_try(r->journal, "one again", "k1", &again), 0);
    rig_expect_live(r, "one again");
    journal_free(other);
}

static void a_batch_with_known_keys_adds_the_others(void **state)
{
    struct rig *r = *state;
    struct journal_position at[4], old;
    const struct journal_event events[] = {
        {.data = "one", .data_len = 3, .key = "k1", .key_len = 2},
        {.data = "two", .data_len = 3, .key = "k2", .key_len = 2},
        {.data = "two", .data_len = 3, .key = "k2", .key_len = 2},
        {.data = "one", .data_len = 3, .key = "k1", .key_len = 2},
    };
    rig_open(r);
    assert_int_equal(rig_try(r->journal, "one", "k1", &old), 0);
    assert_int_equal(journal_append(r->journal, events, 4, at), 0);
    rig_expect_live(r, "one|two");
    assert_memory_equal(&at[0], &old, sizeof old);
    assert_memory_equal(&at[3], &old, sizeof old);
    assert_memory_equal(&at[1], &at[2], sizeof old);
    assert_true(at[1].seq == 2 && at[1].check == r->log.head.check);
    assert_int_equal(rig_try(r->journal, "two", "k2", &old), 0);
    assert_memory_equal(&at[1], &old, sizeof old);
}

static void refuses_what_is_too_large(void **state)
{
    struct rig *r = *state;
    struct journal_position at;
    char *big = calloc(1, 65537);
    char name[JOURNAL_NAME_MAX + 2];
    assert_non_null(big);
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    struct journal_event e = {.data = big, .data_len = 65537};
    assert_int_equal(journal_append(r->journal, &e, 1, &at), ERR_LIMIT);
    e.data_len = 65536;
    assert_int_equal(journal_append(r->journal, &e, 1, &at), 0);
    e.name = name;
    assert_int_equal(journal_append(r->journal, &e, 1, &at), ERR_INVALID);
    assert_int_equal(journal_append(r->journal, &e, 0, &at), ERR_LIMIT);
    assert_int_equal(at.seq, 1);
    free(big);
}

static void time_never_goes_back(void **state)
{
    struct rig *r = *state;
    char at[SSE_POSITION_SIZE];
    rig_open(r);
    rig_put(r, "one");
    r->clock.now_ms -= 3600000;
    rig_put(r, "two");
    r->rules.segment_bytes = 1;
    struct journal *other = rig_publisher(r);
    assert_int_equal(rig_try(other, "three", NULL, NULL), 0);
    r->clock.now_ms += 2 * 3600000;
    assert_int_equal(rig_try(other, "four", NULL, NULL), 0);
    rig_expect_live(r, "one|two|three|four");
    assert_int_equal(topic_log_since(&r->log, START_MS, at), 0);
    rig_expect(r, at, "one|two|three|four");
    assert_int_equal(topic_log_since(&r->log, START_MS + 1, at), 0);
    rig_expect(r, at, "four");
    assert_int_equal(topic_log_since(&r->log, START_MS + 2 * 3600000, at), 0);
    rig_expect(r, at, "");
    journal_free(other);
}

static void counts_back(void **state)
{
    struct rig *r = *state;
    char at[SSE_POSITION_SIZE], start[SSE_POSITION_SIZE], end[SSE_POSITION_SIZE];
    char data[32], expected[256] = "";
    r->rules.segment_bytes = 3000;
    struct journal *j = rig_publisher(r);
    rig_open(r);
    for (int i = 1; i <= 200; i++) {
        snprintf(data, sizeof data, "%d", i);
        assert_int_equal(rig_try(j, data, NULL, NULL), 0);
    }
    rig_look(r);
    assert_int_equal(topic_log_back(&r->log, 3, at), 0);
    rig_expect(r, at, "198|199|200");
    assert_int_equal(topic_log_back(&r->log, 0, at), 0);
    rig_expect(r, at, "");
    assert_int_equal(topic_log_before(&r->log, r->log.head_text, 2, start, end), 0);
    struct record *page = calloc(1, sizeof *page);
    assert_non_null(page);
    record_init(page);
    memcpy(at, start, sizeof at);
    while (strcmp(page->last, end) != 0) {
        assert_true(topic_log_pull(&r->log, at, &page->out, 1) > 0);
    }
    assert_string_equal(page->text, "198|199");
    free(page);
    assert_int_equal(topic_log_back(&r->log, 1000, at), 0);
    assert_int_equal(topic_log_before(&r->log, at, 5, start, end), 0);
    assert_string_equal(start, end);
    for (int i = 150; i <= 200; i++) {
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%d",
                 i > 150 ? "|" : "", i);
    }
    assert_int_equal(topic_log_back(&r->log, 51, at), 0);
    rig_expect(r, at, expected);
    journal_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(delivers_what_is_published),
        rig_test(answers_the_positions_that_readers_get),
        rig_test(keeps_names_and_any_bytes),
        rig_test(begins_at_the_end),
        rig_test(several_publishers_share_a_journal),
        rig_test(the_same_key_is_one_event),
        rig_test(a_batch_with_known_keys_adds_the_others),
        rig_test(refuses_what_is_too_large),
        rig_test(time_never_goes_back),
        rig_test(counts_back),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* test_clock_source: the clock, and through it what all tickers do. */
#include "ticker_host.h"

#include "base/err.h"
#include "source/clock.h"

#include <unistd.h>

#define NOON 1795262400000 /* 2026-11-21T12:00:00.000Z */

/* As in clock.c; a private struct, so the tests say what they rely on. */
struct clock_settings {
    int64_t interval_ms;
    int64_t history_s;
    int format;
};

static struct ticker_host *open_clock(int64_t wall_ms, int64_t interval_ms, int64_t history_s,
                                      int is_plain)
{
    struct ticker_host *h = ticker_host_new(&source_clock, wall_ms);
    struct clock_settings *s = h->settings;
    assert_int_equal(source_clock.settings_size, sizeof *s);
    s->interval_ms = interval_ms;
    s->history_s = history_s;
    s->format = is_plain;
    assert_int_equal(ticker_host_open(h, NULL, NULL), 0);
    return h;
}

static void assert_head(struct ticker_host *h, const char *expected)
{
    char position[SSE_POSITION_SIZE];
    source_clock.head(h->source, position);
    assert_string_equal(position, expected);
}

static void has_the_promised_defaults(void **state)
{
    (void)state;
    struct clock_settings s = {0};
    assert_int_equal(conf_defaults(source_clock.options, &s, NULL), 0);
    assert_int_equal(s.interval_ms, 1000);
    assert_int_equal(s.history_s, 86400);
    assert_int_equal(s.format, 0);
}

static void begins_at_the_latest_tick_and_sends_nothing_from_open(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(NOON + 999, 1000, 60, 0);
    assert_head(h, "1795262400000");
    assert_int_equal(h->live->count, 0);
    ticker_host_at(h, NOON + 999);
    assert_int_equal(h->live->count, 0);
    ticker_host_free(h);
}

static void sends_json_with_iso_text_and_epoch_ms(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(NOON, 250, 60, 0);
    ticker_host_at(h, NOON + 251);
    assert_int_equal(h->live->count, 1);
    assert_string_equal(h->live->lines[0], "1795262400250|{\"time\":\"2026-11-21T12:00:00.250Z\","
                                           "\"epoch_ms\":1795262400250}");
    ticker_host_free(h);
}

static void plain_sends_just_the_text(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(NOON, 1000, 60, 1);
    ticker_host_at(h, NOON + 1000);
    assert_string_equal(h->live->lines[0], "1795262401000|2026-11-21T12:00:01.000Z");
    ticker_host_free(h);
}

static void a_late_tick_keeps_its_own_time(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(NOON, 1000, 60, 1);
    ticker_host_at(h, NOON + 1900);
    ticker_host_at(h, NOON + 2000);
    assert_int_equal(h->live->count, 2);
    assert_string_equal(h->live->lines[0], "1795262401000|2026-11-21T12:00:01.000Z");
    assert_string_equal(h->live->lines[1], "1795262402000|2026-11-21T12:00:02.000Z");
    ticker_host_free(h);
}

static void an_hour_asleep_gives_one_tick_and_tells_the_others(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(NOON, 1000, 86400, 1);
    ticker_host_at(h, NOON + 3600 * 1000 + 5);
    assert_int_equal(h->live->count, 2);
    assert_string_equal(h->live->lines[0], "gap late 1795265999000|3599");
    assert_string_equal(h->live->lines[1], "1795266000000|2026-11-21T13:00:00.000Z");

    /* What was not sent live can be had: the log holds every tick. */
    char position[SSE_POSITION_SIZE] = "1795262400000";
    struct record *page = record_new();
    assert_int_equal(ticker_host_pull(h, position, page, 4096), SOURCE_HEAD);
    assert_int_equal(page->count, 3600);
    assert_string_equal(page->lines[0], "1795262401000|2026-11-21T12:00:01.000Z");
    assert_string_equal(page->lines[3599], h->live->lines[1]);
    assert_string_equal(position, "1795266000000");

    /* And who was told goes on behind the gap with the very next event. */
    strcpy(position, "1795265999000");
    page->count = 0;
    assert_int_equal(ticker_host_pull(h, position, page, 4096), SOURCE_HEAD);
    assert_int_equal(page->count, 1);
    assert_string_equal(page->lines[0], h->live->lines[1]);
    free(page);
    ticker_host_free(h);
}

static void a_clock_stepping_back_repeats_and_reorders_nothing(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(NOON, 1000, 60, 1);
    ticker_host_at(h, NOON + 1000);
    for (int64_t ms = -7000; ms < 2000; ms += 500) {
        ticker_host_at(h, NOON + ms);
        assert_int_equal(h->live->count, 1);
        assert_head(h, "1795262401000");
    }
    ticker_host_at(h, NOON + 2000);
    assert_int_equal(h->live->count, 2);
    assert_string_equal(h->live->lines[1], "1795262402000|2026-11-21T12:00:02.000Z");
    ticker_host_free(h);
}

static void a_step_back_is_logged_once(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(NOON, 1000, 60, 1);
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    h->log = (struct log){.fd = fds[1], .level = LOG_LEVEL_WARN};
    for (int64_t ms = -7000; ms < 0; ms += 500) {
        ticker_host_at(h, NOON + ms);
    }
    ticker_host_at(h, NOON);
    close(fds[1]);
    char text[4096];
    ssize_t len = read(fds[0], text, sizeof text);
    assert_true(len > 0);
    assert_ptr_equal(memchr(text, '\n', (size_t)len), text + len - 1);
    close(fds[0]);
    ticker_host_free(h);
}

static void a_position_ahead_of_the_head_waits(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(NOON, 1000, 60, 1);
    struct record *page = record_new();
    char position[SSE_POSITION_SIZE] = "1795262402000";
    assert_int_equal(source_clock.understands(h->source, position), 1);
    assert_int_equal(ticker_host_pull(h, position, page, 4096), ERR_AGAIN);
    ticker_host_at(h, NOON + 1000);
    assert_int_equal(ticker_host_pull(h, position, page, 4096), ERR_AGAIN);
    assert_string_equal(position, "1795262402000");
    ticker_host_at(h, NOON + 2000);
    assert_int_equal(ticker_host_pull(h, position, page, 4096), SOURCE_HEAD);
    assert_int_equal(page->count, 0);
    ticker_host_at(h, NOON + 3000);
    assert_int_equal(ticker_host_pull(h, position, page, 4096), SOURCE_HEAD);
    assert_int_equal(page->count, 1);
    assert_string_equal(page->lines[0], "1795262403000|2026-11-21T12:00:03.000Z");
    free(page);
    ticker_host_free(h);
}

static void understands_times_up_to_a_day_ahead(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(NOON, 1000, 60, 0);
    static const struct {
        const char *position;
        int is_understood;
    } cases[] = {
        {"0", 1}, {"1", 1}, {"1795262400000", 1}, {"1795262400001", 1}, {"1795348800000", 1},
        {"1795348800001", 0}, {"253402300799999", 0}, {"99999999999999999999999", 0}, {"", 0},
        {"-1", 0}, {"1795262400000.0", 0}, {"1795262400000.", 0}, {".", 0}, {"12a", 0}, {"~", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(source_clock.understands(h->source, cases[i].position),
                         cases[i].is_understood);
    }
    char position[SSE_POSITION_SIZE] = "12a";
    struct record *page = record_new();
    assert_int_equal(ticker_host_pull(h, position, page, 4096), ERR_INVALID);
    free(page);
    ticker_host_free(h);
}

static void goes_back_by_events_as_far_as_history_reaches(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(NOON, 1000, 60, 0);
    char position[SSE_POSITION_SIZE];
    assert_int_equal(source_clock.back(h->source, 0, position), 0);
    assert_string_equal(position, "1795262400000");
    assert_int_equal(source_clock.back(h->source, 5, position), 0);
    assert_string_equal(position, "1795262395000");
    assert_int_equal(source_clock.back(h->source, UINT64_MAX, position), 0);
    assert_string_equal(position, "1795262340000");
    struct record *page = record_new();
    assert_int_equal(ticker_host_pull(h, position, page, 4096), SOURCE_HEAD);
    assert_int_equal(page->count, 60);
    free(page);
    ticker_host_free(h);
}

static void a_position_older_than_history_gives_a_gap_with_its_size(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(NOON, 1000, 2, 1);
    struct record *page = record_new();
    char position[SSE_POSITION_SIZE] = "1795262393000";
    assert_int_equal(ticker_host_pull(h, position, page, 4096), SOURCE_HEAD);
    assert_int_equal(page->count, 3);
    assert_string_equal(page->lines[0], "gap expired 1795262398000|5");
    assert_string_equal(page->lines[1], "1795262399000|2026-11-21T11:59:59.000Z");
    assert_string_equal(page->lines[2], "1795262400000|2026-11-21T12:00:00.000Z");
    free(page);
    ticker_host_free(h);
}

static void no_history_still_tells_what_is_missing(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(NOON, 1000, 0, 1);
    struct record *page = record_new();
    char position[SSE_POSITION_SIZE] = "1795262399000";
    assert_int_equal(ticker_host_pull(h, position, page, 4096), SOURCE_HEAD);
    assert_int_equal(page->count, 1);
    assert_string_equal(page->lines[0], "gap expired 1795262400000|1");
    free(page);
    ticker_host_free(h);
}

static void a_time_between_ticks_stands_behind_the_tick_before(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(NOON, 1000, 60, 1);
    struct record *page = record_new();
    char position[SSE_POSITION_SIZE] = "1795262398999";
    assert_int_equal(ticker_host_pull(h, position, page, 4096), SOURCE_HEAD);
    assert_int_equal(page->count, 2);
    assert_string_equal(page->lines[0], "1795262399000|2026-11-21T11:59:59.000Z");
    free(page);
    ticker_host_free(h);
}

static void pull_stops_for_the_page_and_for_the_budget(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(NOON, 1000, 60, 1);
    struct record *page = record_new();
    char position[SSE_POSITION_SIZE] = "1795262390000";
    page->stop_after = 1;
    assert_int_equal(source_clock.pull(h->source, position, &page->out, 4096), SOURCE_MORE);
    assert_int_equal(page->count, 1);
    assert_string_equal(position, "1795262391000");
    page->stop_after = 0;
    assert_int_equal(source_clock.pull(h->source, position, &page->out, 1), SOURCE_MORE);
    assert_int_equal(page->count, 2);
    assert_string_equal(position, "1795262392000");

    /* A page that is full after a gap gets no event in the same call. */
    strcpy(position, "1795262000000");
    page->count = 0;
    page->stop_after = 1;
    assert_int_equal(source_clock.pull(h->source, position, &page->out, 4096), SOURCE_MORE);
    assert_int_equal(page->count, 1);
    assert_string_equal(position, "1795262340000");
    free(page);
    ticker_host_free(h);
}

static void live_and_replay_are_the_same_bytes(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(NOON, 10, 60, 0);
    char position[SSE_POSITION_SIZE];
    source_clock.head(h->source, position);
    for (int64_t ms = 1; ms <= 2000; ms += 7) {
        ticker_host_at(h, NOON + ms);
    }
    struct record *page = record_new();
    assert_int_equal(ticker_host_pull(h, position, page, 500), SOURCE_HEAD);
    assert_int_equal(page->count, 199);
    assert_int_equal(page->count, h->live->count);
    for (size_t i = 0; i < page->count; i++) {
        assert_string_equal(page->lines[i], h->live->lines[i]);
    }
    free(page);
    ticker_host_free(h);
}

/* Joins at random moments, by pull and then live: each tick once and in order, whatever the
 * clock does, or a gap that has the number of what is missing. */
static void every_tick_once_or_told_under_random_clocks(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 300; seed++) {
        srand(seed);
        struct ticker_host *h = open_clock(NOON, 1000, 86400, 1);
        char position[SSE_POSITION_SIZE];
        source_clock.head(h->source, position);
        struct record *reader = record_new();
        int64_t wall = NOON;
        size_t seen = 0;
        int is_live = 0;
        for (int step = 0; step < 40; step++) {
            int kind = rand() % 10;
            wall += kind == 0 ? -(rand() % 9000) : kind == 1 ? rand() % 90000 : rand() % 1500;
            ticker_host_at(h, wall);
            for (; is_live && seen < h->live->count; seen++) {
                strcpy(reader->lines[reader->count++], h->live->lines[seen]);
            }
            if (!is_live && rand() % 5 == 0) {
                assert_int_equal(ticker_host_pull(h, position, reader, 100), SOURCE_HEAD);
                is_live = 1;
                seen = h->live->count;
            }
        }
        int64_t expected = NOON;
        for (size_t i = 0; i < reader->count; i++) {
            long long at = 0;
            long long missing = 0;
            if (sscanf(reader->lines[i], "gap late %lld|%lld", &at, &missing) == 2) {
                expected += missing * 1000;
            } else {
                assert_int_equal(sscanf(reader->lines[i], "%lld|", &at), 1);
                expected += 1000;
            }
            assert_int_equal(at, expected);
        }
        free(reader);
        ticker_host_free(h);
    }
}

static void keeps_time_before_the_epoch_and_after_the_last_year(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(-5000, 1000, 60, 1);
    assert_head(h, "0");
    char position[SSE_POSITION_SIZE];
    assert_int_equal(source_clock.back(h->source, 10, position), 0);
    assert_string_equal(position, "0");
    ticker_host_at(h, 1000);
    assert_string_equal(h->live->lines[0], "1000|1970-01-01T00:00:01.000Z");
    ticker_host_at(h, INT64_MAX);
    assert_head(h, "253402300799000");
    ticker_host_free(h);
}

/* --- the timer ----------------------------------------------------------------------------- */

struct real_time {
    size_t wanted;
    struct ticker_host *h;
    uv_timer_t deadline;
    int is_late;
};

static int count_live(void *ctx, const struct sse_event *event)
{
    struct real_time *r = ctx;
    record_event(r->h->live, event);
    if (r->h->live->count == r->wanted) {
        uv_stop(&r->h->loop);
    }
    return 0;
}

static int count_gap(void *ctx, const struct sse_gap *gap)
{
    struct real_time *r = ctx;
    return record_gap(r->h->live, gap);
}

static void give_up(uv_timer_t *timer)
{
    ((struct real_time *)timer->data)->is_late = 1;
    uv_stop(timer->loop);
}

static void the_timer_sends_ticks_by_itself(void **state)
{
    (void)state;
    struct ticker_host *h = ticker_host_new(&source_clock, 0);
    struct real_time r = {.h = h, .wanted = 5};
    struct sse_out out = {.event = count_live, .gap = count_gap, .advance = record_advance,
                          .end = record_end, .ctx = &r};
    h->host.clock = &clock_system;
    h->host.live = &out;
    ((struct clock_settings *)h->settings)->interval_ms = 10;
    assert_int_equal(ticker_host_open(h, NULL, NULL), 0);
    assert_int_equal(uv_timer_init(&h->loop, &r.deadline), 0);
    r.deadline.data = &r;
    assert_int_equal(uv_timer_start(&r.deadline, give_up, 20000, 0), 0);
    uv_run(&h->loop, UV_RUN_DEFAULT);
    assert_false(r.is_late);
    assert_true(h->live->count >= 5);
    uv_close((uv_handle_t *)&r.deadline, NULL);
    ticker_host_free(h);
}

static int close_and_take(void *ctx, const struct sse_event *event)
{
    struct ticker_host *h = ctx;
    h->type->close(h->source, NULL, NULL);
    return record_event(h->live, event);
}

static int ignore_gap(void *ctx, const struct sse_gap *gap)
{
    (void)ctx;
    (void)gap;
    return 0;
}

static void may_be_closed_from_inside_an_event(void **state)
{
    (void)state;
    struct ticker_host *h = ticker_host_new(&source_clock, NOON);
    struct sse_out out = {.event = close_and_take, .gap = ignore_gap, .advance = record_advance,
                          .end = record_end, .ctx = h};
    h->host.live = &out;
    assert_int_equal(ticker_host_open(h, NULL, NULL), 0);
    ticker_host_at(h, NOON + 1000);
    ticker_host_at(h, NOON + 2000);
    assert_int_equal(h->live->count, 1);
    assert_int_equal(uv_run(&h->loop, UV_RUN_DEFAULT), 0);
    h->source = NULL;
    ticker_host_free(h);
}

static void is_silent_once_closing(void **state)
{
    (void)state;
    struct ticker_host *h = open_clock(NOON, 1000, 60, 0);
    source_clock.close(h->source, NULL, NULL);
    ticker_host_at(h, NOON + 5000);
    assert_int_equal(h->live->count, 0);
    assert_int_equal(uv_run(&h->loop, UV_RUN_DEFAULT), 0);
    h->source = NULL;
    ticker_host_free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_promised_defaults),
        cmocka_unit_test(begins_at_the_latest_tick_and_sends_nothing_from_open),
        cmocka_unit_test(sends_json_with_iso_text_and_epoch_ms),
        cmocka_unit_test(plain_sends_just_the_text),
        cmocka_unit_test(a_late_tick_keeps_its_own_time),
        cmocka_unit_test(an_hour_asleep_gives_one_tick_and_tells_the_others),
        cmocka_unit_test(a_clock_stepping_back_repeats_and_reorders_nothing),
        cmocka_unit_test(a_step_back_is_logged_once),
        cmocka_unit_test(a_position_ahead_of_the_head_waits),
        cmocka_unit_test(understands_times_up_to_a_day_ahead),
        cmocka_unit_test(goes_back_by_events_as_far_as_history_reaches),
        cmocka_unit_test(a_position_older_than_history_gives_a_gap_with_its_size),
        cmocka_unit_test(no_history_still_tells_what_is_missing),
        cmocka_unit_test(a_time_between_ticks_stands_behind_the_tick_before),
        cmocka_unit_test(pull_stops_for_the_page_and_for_the_budget),
        cmocka_unit_test(live_and_replay_are_the_same_bytes),
        cmocka_unit_test(every_tick_once_or_told_under_random_clocks),
        cmocka_unit_test(keeps_time_before_the_epoch_and_after_the_last_year),
        cmocka_unit_test(the_timer_sends_ticks_by_itself),
        cmocka_unit_test(may_be_closed_from_inside_an_event),
        cmocka_unit_test(is_silent_once_closing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

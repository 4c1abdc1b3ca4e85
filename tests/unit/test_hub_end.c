/* SPDX-License-Identifier: MIT */
/* How streams end, and what they do while a source fails. */
#include "hub_rig.h"

#include "base/err.h"
#include "hub/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rig rig;
static struct rig_proc *const proc = &rig.procs[0];

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig, 1);
    for (size_t i = 0; i < RIG_READERS; i++) {
        rig.readers[i].room = RIG_ALL;
    }
    return rig_proc_start(proc);
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

static void say_many(size_t count, size_t len)
{
    while (count-- > 0) {
        rig_say(proc, len);
    }
}

/* --- the end of the log -------------------------------------------------------------------- */

static void the_end_reaches_the_live_the_blocked_and_those_catching_up(void **state)
{
    (void)state;
    struct rig_reader *live = &rig.readers[0];
    struct rig_reader *blocked = &rig.readers[1];
    struct rig_reader *fallen = &rig.readers[2];
    struct rig_reader *late = &rig.readers[3];
    struct rig_reader *idle = &rig.readers[4];
    rig_join(fallen, proc);
    fallen->room = 10;
    say_many(100, 200);
    rig_join(live, proc);
    rig_join(blocked, proc);
    rig_connect(late, proc);
    blocked->room = 10;
    rig_say(proc, 100);
    rig_turns(proc);
    rig_join(idle, proc); /* has all there is, and nothing to wake it but the end */
    rig_append(&rig, RIG_END, 0);
    rig_emit(proc, RIG_ALL);
    rig_turns(proc);
    assert_int_equal(live->state, RIG_FINISHED);
    assert_int_equal(late->state, RIG_FINISHED);
    assert_int_equal(idle->state, RIG_FINISHED);
    assert_int_equal(hub_reader_count(proc->hub), 2);
    rig_pass(blocked, RIG_ALL);
    rig_pass(fallen, RIG_ALL);
    rig_turns(proc);
    assert_int_equal(hub_reader_count(proc->hub), 0);
    assert_int_equal(fallen->events, 101);
    assert_int_equal(late->events, 101);
    assert_int_equal(live->events, 1);
    assert_int_equal(blocked->events, 1);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(rig.readers[i].state, RIG_FINISHED);
        assert_true(rig.readers[i].is_done);
    }
}

static void a_reader_that_comes_after_the_end_is_finished_at_once(void **state)
{
    (void)state;
    struct rig_reader *behind = &rig.readers[0];
    struct rig_reader *done = &rig.readers[1];
    say_many(3, 10);
    rig_append(&rig, RIG_END, 0);
    rig_emit(proc, RIG_ALL);
    rig_connect(behind, proc);
    rig_join(done, proc);
    rig_turns(proc);
    assert_int_equal(behind->state, RIG_FINISHED);
    assert_int_equal(behind->events, 3);
    assert_int_equal(done->state, RIG_FINISHED);
    assert_int_equal(done->events, 0);
}

/* --- drain --------------------------------------------------------------------------------- */

/* Readers of every kind; rig_judge looks for the whole frame and the retry: at each end. */
static void join_all_kinds(void)
{
    for (size_t i = 0; i < RIG_READERS; i++) {
        rig_join(&rig.readers[i], proc);
    }
    for (size_t i = 0; i < RIG_READERS; i += 3) {
        rig.readers[i].room = 5 + 7 * i;
        rig.readers[i].record = i % 2 ? 0 : 300;
    }
    say_many(30, 400);
    rig_turns(proc);
}

static void drain_spreads_the_ends_over_drain_s(void **state)
{
    (void)state;
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;
    join_all_kinds();
    hub_drain(proc->hub, rig.now_ms);
    assert_int_equal(hub_reader_count(proc->hub), RIG_READERS);
    for (size_t i = 0; i < RIG_READERS; i += 3) {
        rig_pass(&rig.readers[i], RIG_ALL);
    }
    for (int ms = 0; ms < 2500; ms += HUB_DRAIN_TICK_MS) {
        rig_tick(proc, HUB_DRAIN_TICK_MS);
    }
    assert_in_range(hub_reader_count(proc->hub), 8, RIG_READERS - 8);
    for (int ms = 0; ms < 2500; ms += HUB_DRAIN_TICK_MS) {
        rig_tick(proc, HUB_DRAIN_TICK_MS);
    }
    assert_int_equal(hub_reader_count(proc->hub), 0);
    for (size_t i = 0; i < RIG_READERS; i++) {
        const struct rig_reader *r = &rig.readers[i];
        assert_int_equal(r->state, RIG_FINISHED);
        low = r->retry_ms < low ? r->retry_ms : low;
        high = r->retry_ms > high ? r->retry_ms : high;
    }
    assert_in_range(low, 800, 900);
    assert_in_range(high, 1100, 1200);
}

static void drain_waits_for_blocked_readers_to_take_their_whole_frame(void **state)
{
    (void)state;
    join_all_kinds();
    hub_channel_drain(proc->channel, rig.now_ms);
    rig_tick(proc, 6000);
    assert_int_equal(hub_reader_count(proc->hub), RIG_READERS / 3);
    for (size_t i = 0; i < RIG_READERS; i += 3) {
        assert_int_equal(rig.readers[i].state, RIG_OPEN);
        assert_true(rig.readers[i].reader.rest_len < 1500);
        rig_pass(&rig.readers[i], RIG_ALL);
        assert_int_equal(rig.readers[i].state, RIG_FINISHED);
    }
}

static void whoever_comes_while_all_is_drained_is_sent_away_at_once(void **state)
{
    (void)state;
    struct rig_reader *r = &rig.readers[0];
    hub_drain(proc->hub, rig.now_ms);
    say_many(2, 10);
    assert_int_equal(rig_connect(r, proc), 0);
    rig_tick(proc, HUB_DRAIN_TICK_MS);
    rig_turns(proc);
    assert_int_equal(r->state, RIG_FINISHED);
}

static void freeing_a_channel_drops_its_readers(void **state)
{
    (void)state;
    join_all_kinds();
    rig_proc_stop(proc);
    for (size_t i = 0; i < RIG_READERS; i++) {
        assert_int_equal(rig.readers[i].state, RIG_DROPPED);
        assert_string_equal(rig.readers[i].why, "the stream was closed");
    }
}

/* --- sources that fail --------------------------------------------------------------------- */

static void an_origin_that_fails_is_told_once_and_tried_again(void **state)
{
    (void)state;
    struct rig_reader *r = &rig.readers[0];
    rig.settings.heartbeat_s = 15;
    say_many(100, 200);
    proc->io_percent = 100;
    rig_connect(r, proc);
    for (int s = 1; s <= 40; s++) {
        rig_turns(proc);
        rig_tick(proc, 1000);
    }
    assert_in_range(proc->pulls, 35, 41);
    rig_leave(r, 0);
    assert_int_equal(r->gaps, 1);
    assert_in_range(r->comments, 2, 3);
    rig_connect(r, proc);
    rig_turns(proc);
    proc->io_percent = 0;
    for (int s = 1; s <= 3; s++) {
        rig_tick(proc, 1000);
        rig_turns(proc);
    }
    rig_judge(r);
    assert_int_equal(r->gaps, 1);
    assert_int_equal(r->events, 100);
}

/* Another process was a moment earlier: nothing is missing, so nothing is told. */
static void a_reader_ahead_of_the_head_waits_for_it(void **state)
{
    (void)state;
    struct rig_reader *r = &rig.readers[0];
    for (int i = 0; i < 3; i++) {
        rig_append(&rig, RIG_EVENT, 10);
    }
    r->cursor = 2;
    rig_connect(r, proc);
    for (int s = 0; s < 5; s++) {
        rig_turns(proc);
        rig_tick(proc, 1000);
    }
    assert_in_range(proc->pulls, 4, 6);
    rig_emit(proc, RIG_ALL);
    rig_turns(proc);
    rig_tick(proc, 1000);
    rig_turns(proc);
    rig_judge(r);
    assert_int_equal(r->events, 1);
    assert_int_equal(r->gaps, 0);
}

static void an_origin_that_fails_after_that_is_told_all_the_same(void **state)
{
    (void)state;
    struct rig_reader *r = &rig.readers[0];
    for (int i = 0; i < 300; i++) {
        rig_append(&rig, RIG_EVENT, 100);
    }
    r->cursor = 2;
    rig_connect(r, proc);
    rig_turns(proc);
    proc->io_percent = 100;
    rig_emit(proc, RIG_ALL);
    rig_tick(proc, 1000);
    rig_turns(proc);
    rig_judge(r);
    assert_int_equal(r->gaps, 1);
    proc->io_percent = 0;
    rig_tick(proc, 1000);
    rig_turns(proc);
    rig_judge(r);
    assert_int_equal(r->events, 298);
    assert_int_equal(r->gaps, 1);
}

static size_t odd_pulls;

static int pull_odd(void *ctx, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                    size_t budget_bytes)
{
    (void)ctx;
    (void)page;
    (void)budget_bytes;
    odd_pulls++;
    snprintf(position, SSE_POSITION_SIZE, "elsewhere");
    return HUB_PULL_HEAD;
}

static ssize_t take_all(struct hub_reader *r, const struct iovec *iov, int count,
                        const struct hub_stamp *stamp)
{
    ssize_t len = 0;
    (void)r;
    (void)stamp;
    for (int i = 0; i < count; i++) {
        len += (ssize_t)iov[i].iov_len;
    }
    return len;
}

static size_t owe_nothing(const struct hub_reader *r)
{
    (void)r;
    return 0;
}

static void ignore_watch(struct hub_reader *r, int wanted)
{
    (void)r;
    (void)wanted;
}

static void ignore_finish(struct hub_reader *r)
{
    (void)r;
}

static void ignore_drop(struct hub_reader *r, const char *why)
{
    (void)r;
    (void)why;
}

/* A source that is wrong about its head costs a look a second, not all of the processor. */
static void a_head_that_is_not_the_channels_does_not_spin(void **state)
{
    (void)state;
    static const struct hub_sink sink = {.send = take_all, .owed = owe_nothing,
                                         .watch = ignore_watch, .finish = ignore_finish,
                                         .drop = ignore_drop};
    struct hub_origin origin = {.pull = pull_odd};
    struct hub_start start = {.position = "before"};
    struct hub_channel *c;
    struct hub_reader r = {0};
    assert_int_equal(hub_channel_new(proc->hub, &origin, &c), 0);
    hub_channel_start(c, "head", rig.now_ms);
    assert_int_equal(hub_reader_start(c, &r, &sink, &start, rig.now_ms), 0);
    for (int s = 0; s < 10; s++) {
        for (int turn = 0; turn < 100 && rig_turn(proc); turn++) {
        }
        rig_tick(proc, 1000);
    }
    assert_in_range(odd_pulls, 5, 20);
    hub_reader_leave(&r);
    hub_channel_free(c);
}

/* A reader whose bytes are looked at. */
struct told {
    struct hub_reader base;
    char text[1024];
    size_t len;
    int is_finished;
};

static ssize_t take_text(struct hub_reader *r, const struct iovec *iov, int count, const struct hub_stamp *stamp)
{
    struct told *t = (struct told *)r;
    size_t before = t->len;
    (void)stamp;
    for (int i = 0; i < count; i++) {
        assert_true(t->len + iov[i].iov_len < sizeof t->text);
        memcpy(t->text + t->len, iov[i].iov_base, iov[i].iov_len);
        t->len += iov[i].iov_len;
    }
    return (ssize_t)(t->len - before);
}

static void note_finish(struct hub_reader *r)
{
    ((struct told *)r)->is_finished = 1;
}

static void a_first_reader_after_the_end_is_told_the_end(void **state)
{
    (void)state;
    static const struct hub_sink sink = {.send = take_text, .owed = owe_nothing,
                                         .watch = ignore_watch, .finish = note_finish,
                                         .drop = ignore_drop};
    struct hub_origin origin = {.pull = pull_odd};
    struct sse_event e = {.position = "1", .data = "last", .data_len = 4};
    struct hub_channel *c;
    assert_int_equal(hub_channel_new(proc->hub, &origin, &c), 0);
    hub_channel_start(c, "0", rig.now_ms);
    const struct sse_out *live = hub_channel_live(c);
    (void)live->event(live->ctx, &e);
    live->end(live->ctx, "2", "{\"status\":0}");
    for (int is_first = 0; is_first <= 1; is_first++) {
        struct told t = {.len = 0};
        struct hub_start start = {.position = "2", .is_first = is_first};
        assert_int_equal(hub_reader_start(c, &t.base, &sink, &start, rig.now_ms), 0);
        while (rig_turn(proc)) {
        }
        assert_true(t.is_finished);
        const char *end = strstr(t.text, "event: stream.end\ndata: {\"status\":0}\n\n");
        assert_int_equal(end != NULL, is_first);
        assert_null(strstr(t.text, "last"));
    }
    hub_channel_free(c);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* An event, and then no more of them for now. */
static int pull_half(void *ctx, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                     size_t budget_bytes)
{
    (void)ctx;
    (void)budget_bytes;
    if (odd_pulls++ % 2 == 0) {
        struct sse_event e = {.position = position, .data = "x", .data_len = 1};
        snprintf(position, SSE_POSITION_SIZE, "half-%zu", odd_pulls);
        page->event(page->ctx, &e);
    }
    return ERR_IO;
}

/* As it is with several streams of which one cannot be read. */
static void an_origin_that_fails_is_told_once_though_it_gives_something(void **state)
{
    (void)state;
    static const struct hub_sink sink = {.send = take_all, .owed = owe_nothing,
                                         .watch = ignore_watch, .finish = ignore_finish,
                                         .drop = ignore_drop};
    struct hub_origin origin = {.pull = pull_half};
    struct hub_channel *c;
    struct hub_reader reader = {.channel = NULL};
    struct hub_start start = {.position = "1-0"};
    struct hub_counts counts = {.readers = 0};
    assert_int_equal(hub_channel_new(proc->hub, &origin, &c), 0);
    hub_channel_count_in(c, &counts);
    hub_channel_start(c, "1-9", rig.now_ms);
    odd_pulls = 0;
    assert_int_equal(hub_reader_start(c, &reader, &sink, &start, rig.now_ms), 0);
    for (int s = 0; s < 5; s++) {
        for (int turn = 0; turn < 100 && rig_turn(proc); turn++) {
        }
        rig_tick(proc, 1000);
    }
    assert_in_range(odd_pulls, 8, 12);
    assert_in_range(counts.history_events, 4, 6);
    assert_int_equal(counts.gaps, 1);
    hub_reader_leave(&reader);
    hub_channel_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_end_reaches_the_live_the_blocked_and_those_catching_up),
        T(a_reader_that_comes_after_the_end_is_finished_at_once),
        T(a_first_reader_after_the_end_is_told_the_end),
        T(drain_spreads_the_ends_over_drain_s),
        T(drain_waits_for_blocked_readers_to_take_their_whole_frame),
        T(whoever_comes_while_all_is_drained_is_sent_away_at_once),
        T(freeing_a_channel_drops_its_readers),
        T(an_origin_that_fails_is_told_once_and_tried_again),
        T(a_reader_ahead_of_the_head_waits_for_it),
        T(an_origin_that_fails_after_that_is_told_all_the_same),
        T(a_head_that_is_not_the_channels_does_not_spin),
        T(an_origin_that_fails_is_told_once_though_it_gives_something),
    };
    return cmocka_run_group_tests_name("hub_end", tests, NULL, NULL);
}

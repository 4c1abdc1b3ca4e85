/* SPDX-License-Identifier: MIT */
/* One behaviour of readers at a time: limits, slowness, falling out of the ring, order, heartbeats.
 */
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

/* The channel with another ring than that of set_up, and an audience, for whom it may grow. */
static void use_ring(int64_t bytes)
{
    rig_proc_stop(proc);
    rig.settings.ring_bytes = bytes;
    assert_int_equal(rig_proc_start(proc), 0);
    rig_join(&rig.readers[RIG_READERS - 1], proc);
    rig_join(&rig.readers[RIG_READERS - 2], proc);
}

static void say_many(size_t count, size_t len)
{
    while (count-- > 0) {
        rig_say(proc, len);
    }
}

/* --- limits -------------------------------------------------------------------------------- */

static void refuses_readers_past_max_streams(void **state)
{
    (void)state;
    rig.settings.max_streams = 2;
    assert_int_equal(rig_join(&rig.readers[0], proc), 0);
    assert_int_equal(rig_join(&rig.readers[1], proc), 0);
    assert_int_equal(rig_join(&rig.readers[2], proc), ERR_LIMIT);
    assert_int_equal(hub_reader_count(proc->hub), 2);
    rig_leave(&rig.readers[0], 0);
    assert_int_equal(rig_join(&rig.readers[2], proc), 0);
    rig_turns(proc);
}

static void closes_a_reader_that_takes_no_byte_for_stall_timeout_s(void **state)
{
    (void)state;
    struct rig_reader *dead = &rig.readers[0];
    struct rig_reader *slow = &rig.readers[1];
    rig_join(dead, proc);
    rig_join(slow, proc);
    dead->room = slow->room = 10;
    say_many(3, 500);
    rig_turns(proc);
    assert_true(dead->is_watching && slow->is_watching);
    for (int64_t s = 0; s < 59; s++) {
        rig_tick(proc, 1000);
        rig_pass(slow, 1); /* a byte a second is alive */
    }
    assert_int_equal(dead->state, RIG_OPEN);
    rig_tick(proc, 1000);
    assert_int_equal(dead->state, RIG_DROPPED);
    assert_non_null(strstr(dead->why, "stall_timeout_s"));
    assert_int_equal(slow->state, RIG_OPEN);
    rig_settle(&rig);
}

static void ends_streams_at_80_to_100_percent_of_their_age(void **state)
{
    (void)state;
    size_t early = 0;
    rig.settings.max_stream_age_s = 100;
    for (size_t i = 0; i < RIG_READERS; i++) {
        rig_join(&rig.readers[i], proc);
    }
    say_many(2, 50);
    rig_turns(proc);
    rig_tick(proc, 79999);
    assert_int_equal(hub_reader_count(proc->hub), RIG_READERS);
    rig_tick(proc, 10000);
    early = RIG_READERS - hub_reader_count(proc->hub);
    assert_in_range(early, 5, RIG_READERS - 5);
    rig_tick(proc, 10001);
    assert_int_equal(hub_reader_count(proc->hub), 0);
    for (size_t i = 0; i < RIG_READERS; i++) {
        assert_int_equal(rig.readers[i].state, RIG_FINISHED);
    }
}

/* --- slowness ------------------------------------------------------------------------------ */

static void a_blocked_reader_falls_out_of_the_ring_and_goes_on_from_the_source(void **state)
{
    (void)state;
    struct rig_reader *r = &rig.readers[0];
    rig_join(r, proc);
    r->room = 250; /* full in the middle of the first frame */
    say_many(1, 400);
    rig_turns(proc);
    assert_int_equal(r->reader.place, HUB_RING);
    assert_true(r->is_watching);
    say_many(100, 200);
    rig_turns(proc);
    assert_int_equal(r->reader.place, HUB_HISTORY);
    assert_true(r->reader.rest_len < 400);
    assert_int_equal(proc->pulls, 0);
    rig_pass(r, RIG_ALL);
    rig_turns(proc);
    rig_judge(r);
    assert_int_equal(r->events, 101);
    assert_int_equal(r->gaps, 0);
    assert_int_equal(r->reader.place, HUB_RING);
    assert_null(r->reader.rest);
    assert_true(proc->pulls > 0);
    size_t pulls = proc->pulls;
    rig_say(proc, 10);
    rig_turns(proc);
    rig_judge(r);
    assert_int_equal(r->events, 102);
    assert_int_equal(proc->pulls, pulls);
}

static void a_slow_reader_reads_a_page_only_when_it_can_take_it(void **state)
{
    (void)state;
    struct rig_reader *r = &rig.readers[0];
    say_many(500, 1000);
    r->cursor = 0;
    r->room = 5000;
    rig_connect(r, proc);
    rig_turns(proc);
    assert_int_equal(proc->pulls, 1);
    assert_true(r->is_watching);
    assert_true(r->reader.rest_len < 2000);
    for (size_t i = 2; i < 20; i++) {
        rig_pass(r, 5000);
        rig_turns(proc);
        assert_int_equal(proc->pulls, i);
    }
    rig_settle(&rig);
}

static void a_frame_larger_than_the_ring_reaches_everybody(void **state)
{
    (void)state;
    struct rig_reader *quick = &rig.readers[0];
    struct rig_reader *slow = &rig.readers[1];
    rig_join(quick, proc);
    rig_join(slow, proc);
    slow->room = 100;
    rig_say(proc, 1000);
    rig_turns(proc);
    rig_say(proc, 300000);
    rig_say(proc, 10);
    rig_turns(proc);
    rig_judge(quick);
    assert_int_equal(quick->events, 3);
    rig_pass(slow, 2000);
    rig_turns(proc);
    rig_pass(slow, RIG_ALL);
    rig_turns(proc);
    rig_judge(slow);
    assert_int_equal(slow->events, 3);
    assert_int_equal(quick->gaps + slow->gaps, 0);
}

static void an_event_larger_than_any_frame_is_a_gap(void **state)
{
    (void)state;
    struct rig_reader *live = &rig.readers[0];
    struct rig_reader *late = &rig.readers[1];
    rig_join(live, proc);
    rig_say(proc, 10);
    rig_say(proc, HUB_FRAME_MAX - 10);
    rig_say(proc, 10);
    rig_turns(proc);
    rig_judge(live);
    assert_int_equal(live->events, 2);
    assert_int_equal(live->gaps, 1);
    use_ring(4096);
    rig_connect(late, proc);
    rig_turns(proc);
    rig_judge(late);
    assert_int_equal(late->events + late->gaps, 3);
}

/* HUB_WRITE_BYTES go to one reader in one go: the rest must follow without being asked for. */
static void a_reader_many_writes_behind_in_the_ring_gets_all(void **state)
{
    (void)state;
    struct rig_reader *r = &rig.readers[0];
    use_ring(1 << 20);
    say_many(30, 10000);
    r->cursor = 0;
    rig_connect(r, proc);
    rig_turns(proc);
    rig_judge(r);
    assert_int_equal(r->events, 30);
    assert_int_equal(proc->pulls, 0);
}

/* After a write of HUB_WRITE_BYTES a reader that is not blocked may stand in the middle of a frame.
 */
static void is_rescued_in_the_middle_of_a_frame_without_being_blocked(void **state)
{
    (void)state;
    struct rig_reader *r = &rig.readers[0];
    use_ring(1 << 17);
    say_many(10, 10000);
    r->cursor = 0;
    rig_connect(r, proc);
    assert_int_equal(r->reader.place, HUB_RING);
    assert_true(!r->is_watching && r->reader.at < proc->channel->ring.head);
    say_many(20, 10000);
    assert_int_equal(r->reader.place, HUB_HISTORY);
    assert_non_null(r->reader.rest);
    rig_turns(proc);
    rig_judge(r);
    assert_int_equal(r->events, 30);
    assert_int_equal(r->gaps, 0);
}

static void a_ring_grows_for_an_audience_up_to_ring_bytes_and_for_one_reader_not(void **state)
{
    (void)state;
    const struct ring *ring;
    rig_proc_stop(proc);
    rig.settings.ring_bytes = 100000;
    assert_int_equal(rig_proc_start(proc), 0);
    ring = &proc->channel->ring;
    rig_join(&rig.readers[0], proc);
    for (int i = 0; i < 300; i++) {
        rig_say(proc, 1000);
        rig_turns(proc);
    }
    assert_int_equal(ring->size, RING_FIRST_BYTES);
    rig_say(proc, RING_FIRST_BYTES + 1);
    rig_turns(proc);
    assert_int_equal(ring->size, 2 * RING_FIRST_BYTES);
    rig_join(&rig.readers[1], proc);
    for (int i = 0; i < 300; i++) {
        rig_say(proc, 1000);
        rig_turns(proc);
    }
    assert_int_equal(ring->size, 131072);
    assert_int_equal(proc->pulls, 0);
    rig_settle(&rig);
}

/* --- order --------------------------------------------------------------------------------- */

static void nobody_is_always_the_last_to_be_served(void **state)
{
    (void)state;
    size_t was_last[4] = {0};
    for (size_t i = 0; i < 4; i++) {
        rig_join(&rig.readers[i], proc);
    }
    rig_turns(proc);
    for (size_t n = 0; n < 40; n++) {
        size_t last = 0;
        rig_say(proc, 10);
        rig_turns(proc);
        for (size_t i = 1; i < 4; i++) {
            last = rig.readers[i].served_at > rig.readers[last].served_at ? i : last;
        }
        was_last[last]++;
    }
    for (size_t i = 0; i < 4; i++) {
        assert_in_range(was_last[i], 5, 15);
    }
}

static void those_catching_up_take_turns_and_a_turn_reads_few_pages(void **state)
{
    (void)state;
    say_many(400, 1000);
    for (size_t i = 0; i < RIG_READERS; i++) {
        rig.readers[i].cursor = 0;
        rig_connect(&rig.readers[i], proc);
    }
    assert_int_equal(rig_turn(proc), 1);
    assert_int_equal(proc->pulls, HUB_TURN_PAGES);
    for (size_t n = 0; n < RIG_READERS / HUB_TURN_PAGES - 1; n++) {
        rig_turn(proc);
    }
    for (size_t i = 0; i < RIG_READERS; i++) {
        rig_judge(&rig.readers[i]);
        assert_in_range(rig.readers[i].events, 55, 66); /* a page each */
    }
    rig_settle(&rig);
}

/* --- many readers -------------------------------------------------------------------------- */

#define CROWD 2500

struct counted {
    struct hub_reader reader; /* first: the hub hands it back */
    size_t bytes;
};

static ssize_t counted_send(struct hub_reader *r, const struct iovec *iov, int count,
                            const struct hub_stamp *stamp)
{
    ssize_t len = 0;
    (void)stamp;
    for (int i = 0; i < count; i++) {
        len += (ssize_t)iov[i].iov_len;
    }
    ((struct counted *)r)->bytes += (size_t)len;
    return len;
}

static size_t counted_owed(const struct hub_reader *r)
{
    (void)r;
    return 0;
}

static void counted_watch(struct hub_reader *r, int wanted)
{
    (void)r;
    (void)wanted;
}

static void counted_finish(struct hub_reader *r)
{
    (void)r;
}

static void counted_drop(struct hub_reader *r, const char *why)
{
    (void)r;
    (void)why;
}

static const struct hub_sink counted_sink = {.send = counted_send, .owed = counted_owed,
                                             .watch = counted_watch, .finish = counted_finish,
                                             .drop = counted_drop};

static size_t behind(const struct counted *crowd)
{
    size_t count = 0;
    for (size_t i = 0; i < CROWD; i++) {
        count += crowd[i].reader.channel && crowd[i].reader.at < proc->channel->ring.head;
    }
    return count;
}

/* A turn serves HUB_TURN_READERS; whatever happens between two turns, the others come next. */
static void a_turn_serves_a_bounded_number_of_a_crowd_and_forgets_nobody(void **state)
{
    (void)state;
    struct counted *crowd = calloc(CROWD, sizeof *crowd);
    struct hub_start start = {.position = "1-0"};
    assert_non_null(crowd);
    rig.settings.max_streams = CROWD;
    for (size_t i = 0; i < CROWD - 1; i++) {
        hub_reader_start(proc->channel, &crowd[i].reader, &counted_sink, &start, rig.now_ms);
    }
    while (rig_turn(proc)) {
    }
    for (int round = 0; round < 20; round++) {
        rig_say(proc, 10);
        size_t live = hub_reader_count(proc->hub);
        assert_int_equal(rig_turn(proc), 1);
        assert_int_equal(behind(crowd), live - HUB_TURN_READERS);
        for (int i = 0; i < 20; i++) {
            hub_reader_leave(&crowd[rig_roll(&rig.dice, CROWD)].reader);
        }
        while (rig_turn(proc)) {
        }
        assert_int_equal(behind(crowd), 0);
    }
    for (size_t i = 0; i < CROWD; i++) {
        hub_reader_leave(&crowd[i].reader);
    }
    free(crowd);
}

/* --- heartbeats ---------------------------------------------------------------------------- */

static void a_quiet_channel_gets_a_comment_every_heartbeat_s(void **state)
{
    (void)state;
    struct rig_reader *r = &rig.readers[0];
    rig.settings.heartbeat_s = 15;
    rig_join(r, proc);
    rig_say(proc, 10);
    rig_turns(proc);
    for (int s = 1; s <= 60; s++) {
        rig_tick(proc, 1000);
        rig_turns(proc);
        rig_judge(r);
        assert_int_equal(r->comments, s / 15);
    }
    assert_int_equal(r->events, 1);
}

static void a_busy_channel_gets_none(void **state)
{
    (void)state;
    struct rig_reader *r = &rig.readers[0];
    rig.settings.heartbeat_s = 15;
    rig_join(r, proc);
    for (int s = 1; s <= 60; s++) {
        rig_say(proc, 10);
        rig_turns(proc);
        rig_tick(proc, 1000);
    }
    rig_turns(proc);
    rig_judge(r);
    assert_int_equal(r->comments, 0);
    assert_int_equal(r->events, 60);
}

/* The id of a reader to whom a filter shows nothing moves on all the same. */
static void a_heartbeat_carries_the_position_that_a_filter_hides(void **state)
{
    (void)state;
    struct rig_reader *r = &rig.readers[0];
    rig.settings.heartbeat_s = 15;
    rig_join(r, proc);
    rig_say(proc, 10);
    for (int i = 0; i < 5; i++) {
        rig_append(&rig, RIG_HIDDEN, 0);
    }
    rig_emit(proc, RIG_ALL);
    rig_turns(proc);
    rig_judge(r);
    assert_int_equal(r->cursor, 1);
    rig_tick(proc, 15000);
    rig_turns(proc);
    rig_judge(r);
    assert_int_equal(r->cursor, 6);
    assert_int_equal(r->comments, 0);
    rig_tick(proc, 15000);
    rig_turns(proc);
    rig_judge(r);
    assert_int_equal(r->comments, 1); /* the same id again would say nothing */
    rig_leave(r, 0);
    rig_say(proc, 10);
    rig_connect(r, proc);
    rig_turns(proc);
    rig_judge(r);
    assert_int_equal(r->events, 1);
    assert_int_equal(proc->pulls, 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(refuses_readers_past_max_streams),
        T(closes_a_reader_that_takes_no_byte_for_stall_timeout_s),
        T(ends_streams_at_80_to_100_percent_of_their_age),
        T(a_blocked_reader_falls_out_of_the_ring_and_goes_on_from_the_source),
        T(a_slow_reader_reads_a_page_only_when_it_can_take_it),
        T(a_frame_larger_than_the_ring_reaches_everybody),
        T(an_event_larger_than_any_frame_is_a_gap),
        T(a_reader_many_writes_behind_in_the_ring_gets_all),
        T(is_rescued_in_the_middle_of_a_frame_without_being_blocked),
        T(a_ring_grows_for_an_audience_up_to_ring_bytes_and_for_one_reader_not),
        T(nobody_is_always_the_last_to_be_served),
        T(those_catching_up_take_turns_and_a_turn_reads_few_pages),
        T(a_turn_serves_a_bounded_number_of_a_crowd_and_forgets_nobody),
        T(a_quiet_channel_gets_a_comment_every_heartbeat_s),
        T(a_busy_channel_gets_none),
        T(a_heartbeat_carries_the_position_that_a_filter_hides),
    };
    return cmocka_run_group_tests_name("hub_reader", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* What the hub counts is what happened. */
#include "hub_rig.h"

#include "hub/internal.h"

#include <string.h>

static struct rig rig;
static struct rig_proc *const proc = &rig.procs[0];
static struct hub_counts counts;

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig, 1);
    for (size_t i = 0; i < RIG_READERS; i++) {
        rig.readers[i].room = RIG_ALL;
    }
    memset(&counts, 0, sizeof counts);
    int rc = rig_proc_start(proc);
    if (!rc) {
        hub_channel_count_in(proc->channel, &counts);
    }
    return rc;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

static uint64_t ended(enum hub_end end)
{
    return hub_totals(proc->hub)->ended[end];
}

static uint64_t gaps(const char *reason)
{
    for (size_t i = 0; i < HUB_GAP_REASONS; i++) {
        if (strcmp(hub_gap_reasons[i], reason) == 0) {
            return hub_totals(proc->hub)->gaps[i];
        }
    }
    fail_msg("%s has no place", reason);
    return 0;
}

/* All readers' bytes, none of which was lost. */
static uint64_t got_bytes(void)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < RIG_READERS; i++) {
        sum += rig.readers[i].got.len;
    }
    return sum;
}

static void events_count_once_and_bytes_for_each_reader(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        rig_join(&rig.readers[i], proc);
    }
    for (size_t i = 0; i < 7; i++) {
        rig_say(proc, 50);
        rig_turns(proc);
    }
    assert_int_equal(counts.readers, 5);
    assert_int_equal(counts.started, 5);
    assert_int_equal(counts.events, 7);
    assert_int_equal(counts.history_events, 0);
    assert_int_equal(counts.bytes, got_bytes());
    assert_true(counts.bytes > 5 * 7 * 50);
}

static void what_is_read_again_counts_for_each_reader(void **state)
{
    (void)state;
    for (size_t i = 0; i < 100; i++) {
        rig_say(proc, 100);
    }
    rig_connect(&rig.readers[0], proc);
    rig_connect(&rig.readers[1], proc);
    rig_turns(proc);
    assert_int_equal(counts.events, 100);
    assert_in_range(counts.history_events, 100, 200);
    assert_int_equal(counts.bytes, got_bytes());
}

static void those_who_are_behind_are_known(void **state)
{
    (void)state;
    struct rig_reader *slow = &rig.readers[0];
    rig_join(slow, proc);
    rig_join(&rig.readers[1], proc);
    slow->room = 100;
    for (size_t i = 0; i < 100; i++) {
        rig_say(proc, 200);
        rig_turns(proc);
    }
    hub_count_catching_up(proc->hub);
    assert_int_equal(counts.catching_up, 1);
    assert_int_equal(counts.readers, 2);
    /* One that waits for a source that fails is one of them. */
    proc->io_percent = 100;
    rig_connect(&rig.readers[2], proc);
    rig_turns(proc);
    hub_count_catching_up(proc->hub);
    assert_int_equal(counts.catching_up, 2);
    proc->io_percent = 0;
    rig_pass(slow, RIG_ALL);
    rig_tick(proc, 1000);
    rig_turns(proc);
    hub_count_catching_up(proc->hub);
    assert_int_equal(counts.catching_up, 0);
    assert_int_equal(counts.bytes, got_bytes());
    assert_int_equal(gaps("unreadable"), 1);
    assert_int_equal(counts.gaps, 1);
}

static void each_end_has_its_reason(void **state)
{
    (void)state;
    struct rig_reader *stalled = &rig.readers[0];
    struct rig_reader *gone = &rig.readers[1];
    rig.settings.stall_timeout_s = 2;
    for (size_t i = 0; i < 6; i++) {
        rig_join(&rig.readers[i], proc);
    }
    stalled->room = 10;
    gone->is_gone = 1;
    rig_say(proc, 100);
    rig_turns(proc);
    assert_int_equal(ended(HUB_END_LEFT), 1);
    rig_leave(&rig.readers[2], 0);
    assert_int_equal(ended(HUB_END_LEFT), 2);
    rig_tick(proc, 1000);
    rig_tick(proc, 1000);
    assert_int_equal(ended(HUB_END_STALLED), 1);
    hub_reader_end(&rig.readers[3].reader, rig.now_ms);
    assert_int_equal(ended(HUB_END_ASKED), 1);
    rig_append(&rig, RIG_END, 0);
    rig_emit(proc, RIG_ALL);
    rig_turns(proc);
    assert_int_equal(ended(HUB_END_FINISHED), 2);
    assert_int_equal(counts.readers, 0);
    assert_int_equal(counts.started, 6);
    assert_int_equal(ended(HUB_END_MEMORY) + ended(HUB_END_CLOSED), 0);
}

static void a_channel_that_goes_takes_no_count_along(void **state)
{
    (void)state;
    struct hub_origin origin = proc->channel->origin;
    struct hub_start start = {.position = "0"};
    struct hub_reader *r = &rig.readers[1].reader;
    struct hub_channel *second;
    assert_int_equal(hub_channel_new(proc->hub, &origin, &second), 0);
    hub_channel_count_in(second, &counts);
    hub_channel_start(second, "0", rig.now_ms);
    rig_join(&rig.readers[0], proc);
    const struct hub_sink *sink = rig.readers[0].reader.sink;
    rig.readers[1].state = RIG_OPEN;
    assert_int_equal(hub_reader_start(second, r, sink, &start, rig.now_ms), 0);
    assert_int_equal(counts.readers, 2);
    hub_reader_leave(r);
    rig.readers[1].state = RIG_LEFT;
    hub_channel_free(second);
    assert_int_equal(counts.readers, 1);
    assert_int_equal(counts.started, 2);
}

static void gaps_count_by_reason(void **state)
{
    (void)state;
    rig_join(&rig.readers[0], proc);
    rig_append(&rig, RIG_GAP, 0);
    rig_emit(proc, RIG_ALL);
    rig_turns(proc);
    uint64_t sum = 0;
    for (size_t i = 0; i < HUB_GAP_REASONS; i++) {
        sum += hub_totals(proc->hub)->gaps[i];
    }
    assert_int_equal(sum, 1);
    assert_int_equal(counts.gaps, 1);
    hub_count_gap(proc->hub, &counts, "expired");
    hub_count_gap(proc->hub, &counts, "a reason of tomorrow");
    assert_int_equal(gaps("expired"), 1);
    assert_int_equal(gaps("other"), 1);
    assert_int_equal(counts.gaps, 3);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(events_count_once_and_bytes_for_each_reader),
        T(what_is_read_again_counts_for_each_reader),
        T(those_who_are_behind_are_known),
        T(each_end_has_its_reason),
        T(a_channel_that_goes_takes_no_count_along),
        T(gaps_count_by_reason),
    };
    return cmocka_run_group_tests_name("hub_count", tests, NULL, NULL);
}

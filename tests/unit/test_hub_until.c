/* SPDX-License-Identifier: MIT */
/* Streams that end at a position, and searches that find nothing for long. */
#include "hub_rig.h"

#include "hub/internal.h"

static struct rig rig;
static struct rig_proc *const proc = &rig.procs[0];
static struct rig_reader *const reader = &rig.readers[0];

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig, 1);
    reader->room = RIG_ALL;
    return rig_proc_start(proc);
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

/* Entries 1 to `count`; those that 10 divides are hidden by a filter. */
static void fill_log(size_t count)
{
    for (size_t i = 1; i <= count; i++) {
        rig_append(&rig, i % 10 ? RIG_EVENT : RIG_HIDDEN, 50);
    }
    rig_emit(proc, RIG_ALL);
}

static void read_until(size_t from, size_t until)
{
    reader->cursor = from;
    reader->until = until;
    assert_int_equal(rig_connect(reader, proc), 0);
    rig_turns(proc);
    assert_int_equal(reader->state, RIG_FINISHED);
    assert_true(reader->saw_until);
}

static void ends_with_the_event_at_that_position(void **state)
{
    (void)state;
    fill_log(95);
    read_until(5, 9);
    assert_int_equal(reader->cursor, 9);
    assert_int_equal(reader->events, 4);
    read_until(0, 95); /* the head */
    assert_int_equal(reader->cursor, 95);
    read_until(90, 91); /* in the ring */
    assert_int_equal(reader->events, 1);
}

static void ends_at_a_position_that_a_filter_hides(void **state)
{
    (void)state;
    fill_log(95);
    for (size_t entries = 0; entries < 12; entries++) {
        proc->pull_entries = entries;
        read_until(5, 30);
        assert_int_equal(reader->cursor, 30);
        assert_int_equal(reader->events, 22);
    }
}

static void ends_once_at_the_end_of_the_log(void **state)
{
    (void)state;
    fill_log(20);
    rig_append(&rig, RIG_END, 0);
    rig_emit(proc, RIG_ALL);
    read_until(5, 20); /* hidden, and stream.end stands in the same page */
    assert_int_equal(reader->cursor, 20);
}

static void ends_at_once_where_nothing_is_between(void **state)
{
    (void)state;
    fill_log(20);
    read_until(7, 7);
    assert_int_equal(reader->events, 0);
    assert_int_equal(proc->pulls, 0);
}

static void ends_at_the_head_when_the_position_is_not_there(void **state)
{
    (void)state;
    fill_log(25);
    read_until(3, 1); /* behind it */
    assert_int_equal(reader->cursor, 25);
    read_until(3, 26); /* not there yet */
    assert_int_equal(reader->cursor, 25);
    rig.trimmed = 12;
    read_until(3, 8); /* not there any more */
    assert_int_equal(reader->cursor, 25);
    assert_int_equal(reader->gaps, 1);
}

static void goes_on_to_the_end_through_a_slow_socket(void **state)
{
    (void)state;
    fill_log(300);
    for (size_t room = 1; room < 400; room += 7) {
        reader->room = room;
        reader->record = room % 2 ? 0 : 100;
        reader->cursor = 5;
        reader->until = 15;
        rig_connect(reader, proc);
        for (size_t i = 0; i < 5000 && reader->state == RIG_OPEN; i++) {
            rig_turns(proc);
            rig_pass(reader, room);
        }
        assert_int_equal(reader->state, RIG_FINISHED);
        assert_true(reader->saw_until);
        assert_int_equal(reader->events, 9);
    }
}

/* Its id is where the search stands, so that a reconnect does not search the same again. */
static void a_long_search_tells_how_far_it_is(void **state)
{
    (void)state;
    for (size_t i = 1; i <= 200; i++) {
        rig_append(&rig, RIG_HIDDEN, 0);
    }
    rig_append(&rig, RIG_EVENT, 10);
    rig_emit(proc, RIG_ALL);
    rig_say(proc, 5000); /* and nothing of it is in the ring */
    proc->pull_entries = 1;
    reader->cursor = 0;
    rig_connect(reader, proc);
    for (size_t i = 0; i < 12; i++) {
        rig.now_ms += 100;
        rig_turn(proc); /* 16 pages */
    }
    rig_judge(reader);
    assert_in_range(reader->progress, 3, 5);
    assert_in_range(reader->cursor, 100, 199);
    rig_leave(reader, 0);
    rig_connect(reader, proc);
    rig_turns(proc);
    rig_judge(reader);
    assert_int_equal(reader->events, 2);
    assert_int_equal(reader->gaps, 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(ends_with_the_event_at_that_position),
        T(ends_at_a_position_that_a_filter_hides),
        T(ends_once_at_the_end_of_the_log),
        T(ends_at_once_where_nothing_is_between),
        T(ends_at_the_head_when_the_position_is_not_there),
        T(goes_on_to_the_end_through_a_slow_socket),
        T(a_long_search_tells_how_far_it_is),
    };
    return cmocka_run_group_tests_name("hub_until", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Gathering: events wait while the web server is behind, never longer than coalesce_max_ms. */
#include "hub_rig.h"

#include "hub/internal.h"

#define READERS 10
#define MAX_MS 25

static struct rig rig;
static struct rig_proc *proc;

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig, 1);
    rig.settings.coalesce_max_ms = MAX_MS;
    rig.settings.ring_bytes = 65536;
    proc = &rig.procs[0];
    assert_int_equal(rig_proc_start(proc), 0);
    for (size_t i = 0; i < READERS; i++) {
        rig.readers[i].room = RIG_ALL;
        assert_int_equal(rig_join(&rig.readers[i], proc), 0);
    }
    assert_int_equal(rig_turn(proc), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

/* How many events all readers have got; the same for each. */
static size_t got(void)
{
    for (size_t i = 0; i < READERS; i++) {
        rig_judge(&rig.readers[i]);
        assert_int_equal(rig.readers[i].events, rig.readers[0].events);
    }
    return rig.readers[0].events;
}

static void pass_ms(int64_t ms)
{
    rig.now_ms += ms;
    assert_int_equal(rig_turn(proc), 0);
}

static int64_t next_ms(void)
{
    return hub_next_ms(proc->hub, rig.now_ms);
}

static void a_server_that_keeps_up_gets_each_event_at_once(void **state)
{
    (void)state;
    for (size_t i = 1; i <= 50; i++) {
        rig_say(proc, 100);
        pass_ms(0);
        assert_int_equal(got(), i);
        assert_int_equal(next_ms(), -1);
    }
}

static void events_for_a_server_that_is_behind_leave_together(void **state)
{
    (void)state;
    rig.behind_percent = 100;
    size_t sends = rig.sends;
    for (size_t i = 0; i < 5; i++) {
        rig_say(proc, 100);
        pass_ms(i ? 5 : 0);
        assert_int_equal(got(), 0);
        assert_int_equal(next_ms(), MAX_MS - 5 * (int64_t)i);
    }
    pass_ms(4);
    assert_int_equal(got(), 0);
    pass_ms(1);
    assert_int_equal(got(), 5);
    assert_int_equal(rig.sends - sends, READERS);
    assert_int_equal(next_ms(), -1);
}

static void it_stops_when_the_pressure_goes(void **state)
{
    (void)state;
    rig.behind_percent = 100;
    rig_say(proc, 100);
    pass_ms(0);
    assert_int_equal(got(), 0);
    rig.behind_percent = 0;
    pass_ms(MAX_MS);
    assert_int_equal(got(), 1);
    rig_say(proc, 100);
    pass_ms(0);
    assert_int_equal(got(), 2);
}

static void it_goes_on_while_the_pressure_stays(void **state)
{
    (void)state;
    rig.behind_percent = 100;
    for (size_t i = 1; i <= 20; i++) {
        rig_say(proc, 100);
        pass_ms(0);
        assert_int_equal(got(), i - 1);
        assert_int_equal(next_ms(), MAX_MS);
        pass_ms(MAX_MS);
        assert_int_equal(got(), i);
    }
}

static void zero_turns_it_off(void **state)
{
    (void)state;
    rig.behind_percent = 100;
    rig.settings.coalesce_max_ms = 0;
    rig_say(proc, 100);
    pass_ms(0);
    assert_int_equal(got(), 1);
}

/* Nobody falls out of the ring for it. */
static void much_is_not_gathered(void **state)
{
    (void)state;
    rig.behind_percent = 100;
    rig_say(proc, 100);
    pass_ms(0);
    assert_int_equal(got(), 0);
    rig_say(proc, 17000);
    pass_ms(0);
    assert_int_equal(got(), 2);
    assert_int_equal(proc->pulls, 0);
}

static void an_end_is_not_held_up(void **state)
{
    (void)state;
    rig.behind_percent = 100;
    rig_say(proc, 100);
    pass_ms(0);
    assert_int_equal(got(), 0);
    rig_append(&rig, RIG_END, 0);
    rig_emit(proc, RIG_ALL);
    pass_ms(0);
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(rig.readers[i].state, RIG_FINISHED);
        assert_int_equal(rig.readers[i].events, 1);
    }
}

static void readers_that_leave_leave_nothing_held(void **state)
{
    (void)state;
    rig.behind_percent = 100;
    rig_say(proc, 100);
    pass_ms(0);
    for (size_t i = 0; i < READERS; i++) {
        rig_leave(&rig.readers[i], 0);
    }
    pass_ms(MAX_MS);
    assert_int_equal(next_ms(), -1);
}

static void a_channel_can_go_while_it_gathers(void **state)
{
    (void)state;
    rig.behind_percent = 100;
    rig_say(proc, 100);
    pass_ms(0);
    assert_int_equal(next_ms(), MAX_MS);
    rig_proc_stop(proc);
}

static void a_few_readers_are_not_worth_it(void **state)
{
    (void)state;
    rig.behind_percent = 100;
    for (size_t i = HUB_GATHER_READERS - 1; i < READERS; i++) {
        rig_leave(&rig.readers[i], 0);
    }
    rig_say(proc, 100);
    pass_ms(0);
    rig_judge(&rig.readers[0]);
    assert_int_equal(rig.readers[0].events, 1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_server_that_keeps_up_gets_each_event_at_once),
        T(events_for_a_server_that_is_behind_leave_together),
        T(it_stops_when_the_pressure_goes),
        T(it_goes_on_while_the_pressure_stays),
        T(zero_turns_it_off),
        T(much_is_not_gathered),
        T(an_end_is_not_held_up),
        T(readers_that_leave_leave_nothing_held),
        T(a_channel_can_go_while_it_gathers),
        T(a_few_readers_are_not_worth_it),
    };
    return cmocka_run_group_tests_name("hub_gather", tests, NULL, NULL);
}

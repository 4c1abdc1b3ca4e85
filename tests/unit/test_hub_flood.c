/* SPDX-License-Identifier: MIT */
/* A source in flood: it waits for its only reader, and for nobody who does not read. */
#include "hub_rig.h"

static struct rig rig;
static struct rig_proc *const proc = &rig.procs[0];

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig, 1);
    rig.readers[0].room = rig.readers[1].room = RIG_ALL;
    return rig_proc_start(proc);
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

static void append_many(void)
{
    for (size_t i = 0; i < 1000; i++) {
        rig_append(&rig, RIG_EVENT, 1000);
    }
}

/* A single reader gets a flood from the ring: reading it from the source would be reading it twice. */
static void a_source_in_flood_waits_for_its_only_reader(void **state)
{
    (void)state;
    struct rig_reader *r = &rig.readers[0];
    rig_join(r, proc);
    rig_turns(proc);
    append_many();
    rig_emit(proc, RIG_ALL);
    assert_in_range(proc->head, 1, 999);
    while (proc->head < rig.count) {
        rig_turns(proc);
        rig_emit(proc, RIG_ALL);
    }
    rig_turns(proc);
    rig_judge(r);
    assert_int_equal(r->events, 1000);
    assert_int_equal(r->gaps, 0);
    assert_int_equal(proc->pulls, 0);
}

static void a_source_in_flood_does_not_wait_for_one_that_is_blocked(void **state)
{
    (void)state;
    struct rig_reader *r = &rig.readers[0];
    r->room = 2000;
    rig_join(r, proc);
    rig_turns(proc);
    append_many();
    for (size_t calls = 0; proc->head < rig.count; calls++) {
        rig_emit(proc, RIG_ALL);
        rig_turns(proc);
        assert_in_range(calls, 0, 999);
    }
    rig_pass(r, RIG_ALL);
    rig_turns(proc);
    rig_judge(r);
    assert_int_equal(r->events, 1000);
}

static void a_source_in_flood_does_not_wait_where_there_are_several(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        rig_join(&rig.readers[i], proc);
    }
    rig_turns(proc);
    append_many();
    rig_emit(proc, RIG_ALL);
    assert_int_equal(proc->head, 1000);
    rig_turns(proc);
    for (size_t i = 0; i < 2; i++) {
        rig_judge(&rig.readers[i]);
        assert_int_equal(rig.readers[i].events, 1000);
    }
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_source_in_flood_waits_for_its_only_reader),
        T(a_source_in_flood_does_not_wait_for_one_that_is_blocked),
        T(a_source_in_flood_does_not_wait_where_there_are_several),
    };
    return cmocka_run_group_tests_name("hub flood", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Readers that wait for their origin go on as soon as it says that it is worth a try. */
#include "hub_rig.h"

#include "hub/internal.h"

static struct rig rig;
static struct rig_proc *const behind = &rig.procs[0];
static struct rig_proc *const ahead = &rig.procs[1];

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig, 1);
    for (size_t i = 0; i < RIG_READERS; i++) {
        rig.readers[i].room = RIG_ALL;
    }
    int rc = rig_proc_start(behind);
    return rc ? rc : rig_proc_start(ahead);
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

/* A reader that has more than this process knows of. */
static struct rig_reader *come_early(void)
{
    struct rig_reader *r = &rig.readers[0];
    assert_int_equal(rig_join(r, ahead), 0);
    rig_say(ahead, 10);
    rig_turns(ahead);
    rig_leave(r, 0);
    assert_int_equal(rig_connect(r, behind), 0);
    rig_turns(behind);
    assert_int_equal(r->reader.place, HUB_WAITING);
    return r;
}

static void one_that_waits_is_served_in_the_next_turn(void **state)
{
    (void)state;
    struct rig_reader *r = come_early();
    rig_emit(behind, 1);
    rig_turns(behind);
    assert_int_equal(r->reader.place, HUB_WAITING); /* for a second, by itself */
    hub_channel_retry(behind->channel);
    rig_turns(behind);
    assert_int_equal(r->reader.place, HUB_RING);
    rig_say(behind, 10);
    rig_turns(behind);
    rig_judge(r);
    assert_int_equal(r->cursor, rig.count);
}

static void in_vain_it_waits_on(void **state)
{
    (void)state;
    struct rig_reader *r = come_early();
    size_t pulls = behind->pulls;
    hub_channel_retry(behind->channel);
    rig_turns(behind);
    assert_int_equal(behind->pulls, pulls + 1);
    assert_int_equal(r->reader.place, HUB_WAITING);
}

static void nobody_else_is_disturbed(void **state)
{
    (void)state;
    struct rig_reader *r = &rig.readers[0], *full = &rig.readers[1];
    rig_join(r, behind);
    rig_join(full, behind);
    full->room = 10;
    rig_say(behind, 500);
    rig_turns(behind);
    size_t sends = rig.sends;
    hub_channel_retry(behind->channel);
    rig_turns(behind);
    assert_int_equal(rig.sends, sends);
    assert_true(full->is_watching);
    full->room = RIG_ALL;
    rig_pass(full, 1000);
    rig_turns(behind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_that_waits_is_served_in_the_next_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(in_vain_it_waits_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_else_is_disturbed, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("hub retry", tests, NULL, NULL);
}

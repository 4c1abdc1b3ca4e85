/* SPDX-License-Identifier: MIT */
/* What readers are told beside the events: once, in its place, and nobody gets what is old. */
#include "hub_rig.h"

#include "hub/internal.h"

#include <string.h>

static struct rig rig;
static struct rig_proc *const proc = &rig.procs[0];
static struct rig_reader *const one = &rig.readers[0];
static struct rig_reader *const two = &rig.readers[1];

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig, 1);
    one->room = two->room = RIG_ALL;
    return rig_proc_start(proc);
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

static size_t told(struct rig_reader *r)
{
    rig_turns(proc);
    rig_judge(r);
    return r->told;
}

static int has_joined(void)
{
    return hub_channel_has_joined(proc->channel);
}

static void tells_every_reader_at_once_without_an_id(void **state)
{
    (void)state;
    assert_int_equal(rig_join(one, proc), 0);
    assert_int_equal(rig_join(two, proc), 0);
    rig_say(proc, 10);
    rig_turns(proc);
    size_t before = one->got.len;
    rig_tell(proc);
    assert_int_equal(told(one), 1);
    assert_int_equal(told(two), 1);
    assert_true(one->got.len > before);
    assert_null(memmem(one->got.data + before, one->got.len - before, "id:", 3));
    assert_int_equal(one->cursor, 1);
}

static void does_not_tell_a_new_reader_what_is_old(void **state)
{
    (void)state;
    assert_int_equal(rig_join(one, proc), 0);
    rig_say(proc, 10);
    rig_tell(proc);
    rig_tell(proc);
    assert_int_equal(rig_join(two, proc), 0);
    assert_int_equal(told(two), 0);
    rig_tell(proc);
    assert_int_equal(told(two), 3);
}

static void notices_who_has_come_since(void **state)
{
    (void)state;
    assert_false(has_joined());
    assert_int_equal(rig_join(one, proc), 0);
    assert_true(has_joined());
    rig_tell(proc);
    assert_false(has_joined());
    rig_say(proc, 10);
    rig_turns(proc);
    assert_false(has_joined());
    assert_int_equal(rig_join(two, proc), 0);
    assert_true(has_joined());
}

static void notices_who_has_caught_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < 500; i++) {
        rig_say(proc, 1000); /* more than the ring holds */
    }
    proc->pull_entries = 1;
    two->cursor = 1;
    assert_int_equal(rig_connect(two, proc), 0);
    assert_int_equal(two->reader.place, HUB_HISTORY);
    rig_tell(proc); /* it finds this one in the ring, if it comes there in time */
    rig_turn(proc);
    assert_int_equal(two->reader.place, HUB_HISTORY);
    assert_false(has_joined());
    assert_int_equal(told(two), 1);
    assert_int_equal(two->reader.place, HUB_RING);
    assert_true(has_joined());
    rig_tell(proc);
    assert_int_equal(told(two), 2);
}

static void a_reader_that_was_slow_is_told_later(void **state)
{
    (void)state;
    assert_int_equal(rig_join(one, proc), 0);
    rig_tell(proc);
    rig_turns(proc);
    one->room = 0;
    rig_say(proc, 100);
    rig_turns(proc);
    for (size_t i = 0; i < 3; i++) {
        rig_tell(proc);
    }
    rig_turns(proc);
    assert_int_equal(told(one), 1);
    rig_pass(one, RIG_ALL);
    assert_int_equal(told(one), 4);
}

static void nobody_is_told_after_the_end_and_nothing_is_kept_for_nobody(void **state)
{
    (void)state;
    uint64_t head = proc->channel->ring.head;
    rig_tell(proc);
    assert_int_equal(proc->channel->ring.head, head);
    assert_int_equal(rig_join(one, proc), 0);
    rig_append(&rig, RIG_END, 0);
    rig_emit(proc, RIG_ALL);
    head = proc->channel->ring.head;
    rig_tell(proc);
    assert_int_equal(proc->channel->ring.head, head);
    assert_int_equal(told(one), 0);
    assert_int_equal(one->state, RIG_FINISHED);
}

/* A filter holds events back: the id-only block that a silence brings still comes. */
static void telling_does_not_keep_the_id_behind(void **state)
{
    (void)state;
    rig.settings.heartbeat_s = 5;
    rig_say(proc, 10);
    assert_int_equal(rig_join(one, proc), 0);
    rig_turns(proc);
    rig_append(&rig, RIG_HIDDEN, 0);
    rig_append(&rig, RIG_HIDDEN, 0);
    rig_emit(proc, RIG_ALL);
    for (size_t i = 0; i < 6; i++) {
        rig_tick(proc, 1000);
        rig_tell(proc);
        rig_turns(proc);
    }
    rig_judge(one);
    assert_int_equal(one->told, 6);
    assert_int_equal(one->cursor, 3);
}

/* And where nothing is behind, it is a sign of life like any other. */
static void telling_stands_for_a_heartbeat(void **state)
{
    (void)state;
    rig.settings.heartbeat_s = 5;
    assert_int_equal(rig_join(one, proc), 0);
    for (size_t i = 0; i < 12; i++) {
        rig_tick(proc, 1000);
        rig_tell(proc);
        rig_turns(proc);
    }
    rig_judge(one);
    assert_int_equal(one->told, 12);
    assert_int_equal(one->comments, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tells_every_reader_at_once_without_an_id, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(does_not_tell_a_new_reader_what_is_old, set_up, tear_down),
        cmocka_unit_test_setup_teardown(notices_who_has_come_since, set_up, tear_down),
        cmocka_unit_test_setup_teardown(notices_who_has_caught_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_that_was_slow_is_told_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            nobody_is_told_after_the_end_and_nothing_is_kept_for_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(telling_does_not_keep_the_id_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(telling_stands_for_a_heartbeat, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

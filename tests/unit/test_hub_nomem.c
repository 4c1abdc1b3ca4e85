/* SPDX-License-Identifier: MIT */
/* Memory runs out inside the hub: a reader may be dropped then, but nothing is skipped in silence.
 * The linker puts the functions here between the hub and the allocator (--wrap). */
#include "hub_play.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SEEDS_NTH 12
#define SEEDS_RANDOM 4000
#define SECONDS 8 /* for each test; a slow machine plays fewer seeds, but the same ones */

static struct {
    size_t count;    /* allocations of the hub so far */
    size_t nth;      /* this one fails; 0: none */
    unsigned permil; /* of all fail */
    size_t failed;
    struct rig_dice dice;
} shortage;

static int fails(void)
{
    if (!rig_in_hub) {
        return 0;
    }
    shortage.count++;
    int is_hit = shortage.count == shortage.nth
                 || (shortage.permil && rig_roll(&shortage.dice, 1000) < shortage.permil);
    shortage.failed += (size_t)is_hit;
    return is_hit;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

static void play(uint64_t seed)
{
    static struct rig rig;
    shortage.count = shortage.failed = 0;
    rig_init(&rig, seed);
    rig.lacks_memory = 1;
    hub_play(&rig, 0);
    shortage.nth = 0;
    shortage.permil = 0;
    rig_settle(&rig);
    rig_fini(&rig);
}

static void one_failed_allocation_costs_no_event(void **state)
{
    (void)state;
    time_t start = time(NULL);
    size_t failed = 0;
    for (uint64_t seed = 1; seed <= SEEDS_NTH && time(NULL) - start < SECONDS; seed++) {
        size_t nth = 0;
        do {
            shortage.nth = ++nth;
            play(seed);
            failed += shortage.failed;
        } while (shortage.failed > 0 && time(NULL) - start < SECONDS);
    }
    assert_true(failed > 0); /* the allocations do come by here */
}

static void many_failed_allocations_cost_no_event(void **state)
{
    (void)state;
    time_t start = time(NULL);
    for (uint64_t seed = 1; seed <= SEEDS_RANDOM && time(NULL) - start < SECONDS; seed++) {
        shortage.dice.state = seed;
        shortage.permil = (unsigned)(seed % 4 == 0 ? 300 : 1 + seed % 50);
        play(1000 + seed);
    }
}

/* As ERR_NOMEM in the middle of what makes things. */
static void making_a_channel_leaves_nothing_behind(void **state)
{
    (void)state;
    static struct rig rig;
    size_t nth = 0;
    int rc;
    do {
        rig_init(&rig, 1);
        shortage.count = 0;
        shortage.nth = ++nth;
        rc = rig_proc_start(&rig.procs[0]);
        shortage.nth = 0;
        assert_true(rc == 0 || rc == ERR_NOMEM);
        rig_fini(&rig);
    } while (rc);
    assert_true(nth > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(making_a_channel_leaves_nothing_behind),
        cmocka_unit_test(one_failed_allocation_costs_no_event),
        cmocka_unit_test(many_failed_allocations_cost_no_event),
    };
    return cmocka_run_group_tests_name("hub_nomem", tests, NULL, NULL);
}

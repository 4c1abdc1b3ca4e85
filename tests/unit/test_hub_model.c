/* SPDX-License-Identifier: MIT */
/* Random lives of readers against a model: each event once, in order, or the reader is told.
 *
 *     HUB_MODEL_SEED=N    plays one sequence again
 *     HUB_MODEL_COUNT=N   plays so many, however long that takes
 *
 * Otherwise a slow machine (or a sanitizer) plays fewer of them, but the same ones. */
#include "hub_play.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SEQUENCES_NUMBERS 20000
#define SECONDS_NUMBERS 20
#define SEQUENCES_SOCKETS 600
#define SECONDS_SOCKETS 5

static uint64_t seed_at_work;

/* An assertion or a sanitizer ends the program: then too the seed is told. */
static void tell_seed(void)
{
    char text[64];
    int len = snprintf(text, sizeof text, "HUB_MODEL_SEED=%" PRIu64 "\n", seed_at_work);
    if (write(STDERR_FILENO, text, (size_t)len) < 0) {
        return;
    }
}

static void on_abort(int number)
{
    (void)number;
    tell_seed();
}

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void play(uint64_t seed, int is_real)
{
    static struct rig rig;
    rig_init(&rig, seed);
    hub_play(&rig, is_real);
    rig_settle(&rig);
    rig_fini(&rig);
}

static void play_many(int is_real, uint64_t count, time_t seconds)
{
    const char *one = getenv("HUB_MODEL_SEED");
    const char *many = getenv("HUB_MODEL_COUNT");
    time_t start = time(NULL);
    if (one) {
        seed_at_work = strtoull(one, NULL, 10);
        play(seed_at_work, is_real);
        return;
    }
    count = many ? strtoull(many, NULL, 10) : count;
    for (uint64_t i = 0; i < count && (many || time(NULL) - start < seconds); i++) {
        seed_at_work = 1000000 * (uint64_t)(is_real + 1) + i;
        play(seed_at_work, is_real);
    }
}

static void every_reader_gets_each_event_once_or_is_told(void **state)
{
    (void)state;
    play_many(0, SEQUENCES_NUMBERS, SECONDS_NUMBERS);
}

static void the_same_through_fastcgi_records_on_full_sockets(void **state)
{
    (void)state;
    play_many(1, SEQUENCES_SOCKETS, SECONDS_SOCKETS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reader_gets_each_event_once_or_is_told),
        cmocka_unit_test(the_same_through_fastcgi_records_on_full_sockets),
    };
    signal(SIGABRT, on_abort);
    if (__sanitizer_set_death_callback) {
        __sanitizer_set_death_callback(tell_seed);
    }
    return cmocka_run_group_tests_name("hub_model", tests, NULL, NULL);
}

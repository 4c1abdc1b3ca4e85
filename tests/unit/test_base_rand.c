/* SPDX-License-Identifier: MIT */
/* Spread: numbers stay in their range and use all of it. */
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DRAWS 4000

static void stays_below_its_bound(void **state)
{
    (void)state;
    assert_int_equal(rand_below(0), 0);
    assert_int_equal(rand_below(1), 0);
    for (int i = 0; i < DRAWS; i++) {
        assert_true(rand_below(UINT64_MAX) < UINT64_MAX);
        assert_true(rand_below(7) < 7);
    }
}

/* A value that 4 000 draws of 10 miss would be one in 10^183. */
static void draws_every_value(void **state)
{
    (void)state;
    int seen[10] = {0};
    for (int i = 0; i < DRAWS; i++) {
        seen[rand_below(10)]++;
    }
    for (int i = 0; i < 10; i++) {
        assert_true(seen[i] > 0);
    }
}

static void per_cents_keep_both_ends(void **state)
{
    (void)state;
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    for (int i = 0; i < DRAWS; i++) {
        uint64_t n = rand_percent(20, 80, 120);
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    assert_int_equal(least, 16);
    assert_int_equal(most, 24);
    assert_int_equal(rand_percent(0, 80, 120), 0);
    assert_int_equal(rand_percent(500, 100, 100), 500);
    uint64_t large = rand_percent(UINT64_MAX / 2, 80, 120);
    assert_true(large >= UINT64_MAX / 100 * 40 - 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stays_below_its_bound),
        cmocka_unit_test(draws_every_value),
        cmocka_unit_test(per_cents_keep_both_ends),
    };
    return cmocka_run_group_tests_name("base rand", tests, NULL, NULL);
}

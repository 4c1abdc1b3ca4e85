/* SPDX-License-Identifier: MIT */
/* test_price_numbers: the elementary functions and the random numbers below the price path. */
#include "source/price_path.c"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ERRORS 5.0 /* standard errors allowed; the seed is fixed, so it is no matter of luck */

static void assert_near(const char *what, double got, double expected, double standard_error)
{
    if (!(fabs(got - expected) <= ERRORS * standard_error)) {
        fail_msg("%s: %.6f, expected %.6f with standard error %.6f", what, got, expected,
                 standard_error);
    }
}

static void elementary_functions_are_right_to_a_few_last_digits(void **state)
{
    (void)state;
    for (int i = 1; i <= 20000; i++) {
        double unit = i / 20000.0;
        double tiny = ldexp(unit, -(i % 60));
        double x = (unit - 0.5) * 80;
        assert_true(fabs(log_of(tiny) - log(tiny)) <= 4e-16 * (1 + fabs(log(tiny))));
        assert_true(fabs(exp_of(x) - exp(x)) <= 1e-15 * exp(x));
        assert_true(fabs(sqrt_of(tiny) - sqrt(tiny)) <= 4e-16 * sqrt(tiny));
        assert_true(fabs(decay_of(tiny * 100) + expm1(-tiny * 100)) <= 1e-14 * -expm1(-tiny * 100));
    }
    assert_true(exp_of(0) == 1);
    assert_true(sqrt_of(0) == 0);
    assert_true(decay_of(1e9) == 1);
    assert_true(decay_of(1e-300) == 1e-300);
}

static void normal_numbers_have_the_moments_and_tails_of_theory(void **state)
{
    (void)state;
    enum { COUNT = 400000 };
    double n = COUNT;
    double sum[5] = {0};
    double above[3] = {0};
    double neighbours = 0;
    double before = normal_of(7, UINT64_MAX);
    for (uint64_t i = 0; i < COUNT; i++) {
        double x = normal_of(7, i);
        double power = 1;
        for (int k = 1; k <= 4; k++) {
            power *= x;
            sum[k] += power;
        }
        for (int k = 0; k < 3; k++) {
            above[k] += fabs(x) > k + 1;
        }
        neighbours += x * before;
        before = x;
    }
    assert_near("mean", sum[1] / n, 0, sqrt(1 / n));
    assert_near("variance", sum[2] / n, 1, sqrt(2 / n));
    assert_near("third moment", sum[3] / n, 0, sqrt(15 / n));
    assert_near("fourth moment", sum[4] / n, 3, sqrt(96 / n));
    assert_near("neighbours", neighbours / n, 0, sqrt(1 / n));
    for (int k = 0; k < 3; k++) {
        double share = erfc((k + 1) / sqrt(2));
        assert_near("tail", above[k] / n, share, sqrt(share * (1 - share) / n));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elementary_functions_are_right_to_a_few_last_digits),
        cmocka_unit_test(normal_numbers_have_the_moments_and_tails_of_theory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* test_price_path: the path against the theory of the process, and against itself.
 *
 * Seeds are fixed, so no test is a matter of luck. A bound of 5 standard errors was chosen before
 * looking: a correct path fails it for one seed in two million. */
#include "source/price_path.c"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TICKS 100000
#define HALF_LIFE 20.0
#define FIRST_TICK 1795262400ULL /* seconds of 2026: the ticks that a server asks for */
#define ERRORS 5.0

static double correlation(double ticks)
{
    return exp2(-ticks / HALF_LIFE);
}

static void assert_near(const char *what, double got, double expected, double standard_error)
{
    if (!(fabs(got - expected) <= ERRORS * standard_error)) {
        fail_msg("%s: %.6f, expected %.6f with standard error %.6f", what, got, expected,
                 standard_error);
    }
}

static double *path_new(int64_t seed, uint64_t first)
{
    double *x = calloc(TICKS, sizeof *x);
    assert_non_null(x);
    struct price_path p;
    price_path_init(&p, seed, "ACME", HALF_LIFE);
    for (size_t i = 0; i < TICKS; i++) {
        x[i] = price_path_at(&p, first + i);
    }
    return x;
}

/* --- the process --------------------------------------------------------------------------- */

static void mean_and_variance_are_stationary(void **state)
{
    (void)state;
    double *x = path_new(1, FIRST_TICK);
    double n = TICKS;
    double sum = 0;
    double squares = 0;
    for (size_t i = 0; i < TICKS; i++) {
        sum += x[i];
        squares += x[i] * x[i];
    }
    /* Neighbours are alike, so that there are fewer independent ones. */
    double r = correlation(1);
    assert_near("mean", sum / n, 0, sqrt((1 + r) / (1 - r) / n));
    assert_near("variance", squares / n, 1, sqrt(2 * (1 + r * r) / (1 - r * r) / n));
    free(x);
}

static void autocorrelation_halves_with_each_half_life(void **state)
{
    (void)state;
    static const size_t lags[] = {1, 2, 5, 10, 20, 40, 60, 100, 200, 1000};
    double *x = path_new(2, FIRST_TICK);
    for (size_t k = 0; k < sizeof lags / sizeof *lags; k++) {
        size_t lag = lags[k];
        double n = (double)(TICKS - lag);
        double products = 0;
        for (size_t i = lag; i < TICKS; i++) {
            products += x[i] * x[i - lag];
        }
        /* Bartlett's formula for a known mean and variance: the sum over all shifts s of
         * r(s)^2 + r(s + lag) r(s - lag). */
        double q = correlation(2);
        double r = correlation((double)lag);
        double variance = (1 + q) / (1 - q) + r * r * (2 * (double)lag - 1 + 2 / (1 - q));
        assert_near("autocorrelation", products / n, r, sqrt(variance / n));
    }
    free(x);
}

/* What a tick adds to the part of the one before that is left: independent and of one
 * variance, whatever the ticks are. This sees far smaller faults than the path itself shows. */
static double *steps_of(const double *x)
{
    double *e = calloc(TICKS, sizeof *e);
    assert_non_null(e);
    double r = correlation(1);
    for (size_t i = 1; i < TICKS; i++) {
        e[i] = (x[i] - r * x[i - 1]) / sqrt(1 - r * r);
    }
    return e;
}

static void steps_are_independent_and_normal(void **state)
{
    (void)state;
    double *x = path_new(3, FIRST_TICK);
    double *e = steps_of(x);
    double n = TICKS - 1;
    double squares = 0;
    double fourth = 0;
    for (size_t i = 1; i < TICKS; i++) {
        squares += e[i] * e[i];
        fourth += e[i] * e[i] * e[i] * e[i];
    }
    assert_near("variance", squares / n, 1, sqrt(2 / n));
    assert_near("fourth moment", fourth / n, 3, sqrt(96 / n));
    for (size_t lag = 1; lag <= 64; lag++) {
        double products = 0;
        for (size_t i = 1 + lag; i < TICKS; i++) {
            products += e[i] * e[i - lag];
        }
        assert_near("steps", products / n, 0, sqrt(1 / n));
    }
    free(e);
    free(x);
}

static void steps_into_and_out_of_each_level_are_like_all_others(void **state)
{
    (void)state;
    double *x = path_new(4, FIRST_TICK);
    double *e = steps_of(x);
    for (int level = 0; level <= 12; level++) {
        double n = 0;
        double sums[4] = {0};
        for (size_t i = 1; i + 1 < TICKS; i++) {
            if (__builtin_ctzll(FIRST_TICK + i) == level) {
                n++;
                sums[0] += e[i] * e[i];
                sums[1] += e[i + 1] * e[i + 1];
                sums[2] += e[i] * e[i + 1];
                sums[3] += x[i] * x[i];
            }
        }
        assert_near("step in", sums[0] / n, 1, sqrt(2 / n));
        assert_near("step out", sums[1] / n, 1, sqrt(2 / n));
        assert_near("both", sums[2] / n, 0, sqrt(1 / n));
        /* Ticks of a level are 2^(level + 1) apart. */
        double q = correlation(2 * exp2(level + 1));
        assert_near("variance", sums[3] / n, 1, sqrt(2 * (1 + q) / (1 - q) / n));
    }
    free(e);
    free(x);
}

/* The great boundaries, where one path shows one sample: many seeds. */
static void no_seam_at_the_boundaries_of_the_tree(void **state)
{
    (void)state;
    enum { SEEDS = 4000 };
    static const int levels[] = {4, 16, 24, 32, 40, 47};
    double n = SEEDS;
    for (size_t k = 0; k < sizeof levels / sizeof *levels; k++) {
        uint64_t boundary = (uint64_t)1 << levels[k];
        double in = 0;
        double out = 0;
        double across = 0;
        double products = 0;
        double squares = 0;
        double r = correlation(1);
        for (int64_t seed = 0; seed < SEEDS; seed++) {
            struct price_path p;
            price_path_init(&p, seed, "SEAM", HALF_LIFE);
            double far = price_path_at(&p, boundary - 6);
            double before = price_path_at(&p, boundary - 1);
            double at = price_path_at(&p, boundary);
            double after = price_path_at(&p, boundary + 1);
            double beyond = price_path_at(&p, boundary + 4);
            double e1 = (at - r * before) / sqrt(1 - r * r);
            double e2 = (after - r * at) / sqrt(1 - r * r);
            in += e1 * e1;
            out += e2 * e2;
            across += e1 * e2;
            products += far * beyond;
            squares += at * at;
        }
        double r10 = correlation(10);
        assert_near("step in", in / n, 1, sqrt(2 / n));
        assert_near("step out", out / n, 1, sqrt(2 / n));
        assert_near("both", across / n, 0, sqrt(1 / n));
        assert_near("variance", squares / n, 1, sqrt(2 / n));
        assert_near("lag 10", products / n, r10, sqrt((1 + r10 * r10) / n));
    }
}

/* Three ticks 2^level apart, on a path whose half-life is that distance. */
static void assert_law_of_three(int level, int is_node)
{
    enum { SEEDS = 2000 };
    double n = SEEDS;
    double sums[6] = {0};
    for (int64_t seed = 0; seed < SEEDS; seed++) {
        uint64_t h = (uint64_t)1 << level;
        uint64_t start = hash_mix64((uint64_t)seed) & PRICE_PATH_TICK_MAX & ~(2 * h - 1);
        if (!is_node) {
            /* The end of one interval and the start of the next is in the middle. */
            start = start > h ? start - h : h;
        }
        if (start + 2 * h > PRICE_PATH_TICK_MAX) {
            start = 0;
        }
        struct price_path p;
        price_path_init(&p, seed, "THREE", (double)h);
        double low = price_path_at(&p, start);
        double mid = price_path_at(&p, start + h);
        double high = price_path_at(&p, start + 2 * h);
        sums[0] += low * low;
        sums[1] += mid * mid;
        sums[2] += high * high;
        sums[3] += low * mid;
        sums[4] += mid * high;
        sums[5] += low * high;
    }
    static const double expected[] = {1, 1, 1, 0.5, 0.5, 0.25};
    for (size_t k = 0; k < 6; k++) {
        double r = expected[k];
        assert_near("three ticks", sums[k] / n, r, sqrt((1 + r * r) / n));
    }
}

static void each_level_keeps_the_joint_law_of_theory(void **state)
{
    (void)state;
    for (int level = 0; level < PRICE_PATH_LEVELS - 1; level++) {
        assert_law_of_three(level, 1);
        assert_law_of_three(level, 0);
    }
}

/* Given the ticks on both sides, a tick has the variance of a bridge. */
static void bridges_have_the_variance_of_theory(void **state)
{
    (void)state;
    double *x = path_new(6, FIRST_TICK);
    for (int level = 0; level <= 8; level++) {
        size_t h = (size_t)1 << level;
        double r = correlation((double)h);
        for (int is_node = 0; is_node <= 1; is_node++) {
            double n = 0;
            double squares = 0;
            size_t to_boundary = (size_t)(-FIRST_TICK & (2 * h - 1));
            for (size_t i = to_boundary + (is_node ? 0 : h); i + 2 * h < TICKS; i += 2 * h) {
                double e = x[i + h] - r / (1 + r * r) * (x[i] + x[i + 2 * h]);
                squares += e * e / ((1 - r * r) / (1 + r * r));
                n++;
            }
            assert_near("bridge", squares / n, 1, sqrt(2 / n));
        }
    }
    free(x);
}

static void the_roots_ends_keep_to_theory_with_a_half_life_as_long_as_the_tree(void **state)
{
    (void)state;
    enum { SEEDS = 20000 };
    const uint64_t last = PRICE_PATH_TICK_MAX;
    double n = SEEDS;
    double sums[5] = {0};
    for (int64_t seed = 0; seed < SEEDS; seed++) {
        struct price_path p;
        price_path_init(&p, seed, "LONG", exp2(PRICE_PATH_LEVELS));
        double a = price_path_at(&p, 0);
        double b = price_path_at(&p, last / 3);
        double c = price_path_at(&p, last);
        sums[0] += a * a;
        sums[1] += c * c;
        sums[2] += a * b;
        sums[3] += b * c;
        sums[4] += a * c;
    }
    double expected[] = {1, 1, exp2(-1.0 / 3), exp2(-2.0 / 3), 0.5};
    for (size_t k = 0; k < 5; k++) {
        double r = expected[k];
        assert_near("end", sums[k] / n, r, sqrt((1 + r * r) / n));
    }
}

static void symbols_and_seeds_go_their_own_ways(void **state)
{
    (void)state;
    struct price_path p[4];
    price_path_init(&p[0], 1, "ACME", HALF_LIFE);
    price_path_init(&p[1], 1, "GLOBEX", HALF_LIFE);
    price_path_init(&p[2], 2, "ACME", HALF_LIFE);
    price_path_init(&p[3], -1, "ACME", HALF_LIFE);
    double q = correlation(2);
    double standard_error = sqrt((1 + q) / (1 - q) / TICKS);
    for (size_t a = 0; a < 4; a++) {
        for (size_t b = a + 1; b < 4; b++) {
            double products = 0;
            for (uint64_t i = 0; i < TICKS; i++) {
                products +=
                    price_path_at(&p[a], FIRST_TICK + i) * price_path_at(&p[b], FIRST_TICK + i);
            }
            assert_near("cross correlation", products / TICKS, 0, standard_error);
        }
    }
}

/* --- agreement ----------------------------------------------------------------------------- */

static void random_access_equals_sequential_access(void **state)
{
    (void)state;
    double *x = path_new(5, FIRST_TICK);
    struct price_path kept;
    price_path_init(&kept, 5, "ACME", HALF_LIFE);
    uint64_t i = 0;
    for (size_t n = 0; n < TICKS; n++) {
        i = (i + 61803) % TICKS; /* prime to it: visits every tick */
        assert_true(price_path_at(&kept, FIRST_TICK + i) == x[i]);
        if (n % 16 == 0) {
            struct price_path fresh;
            price_path_init(&fresh, 5, "ACME", HALF_LIFE);
            assert_true(price_path_at(&fresh, FIRST_TICK + i) == x[i]);
            /* Far away and back: nothing stale is taken for the tick's own. */
            price_path_at(&kept, hash_mix64(n) & PRICE_PATH_TICK_MAX);
        }
    }
    free(x);
}

static void read_all(int fd, void *data, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = read(fd, (char *)data + got, len - got);
        assert_true(n > 0);
        got += (size_t)n;
    }
}

static void child_sends_prices_backwards(int fd)
{
    static int64_t cents[TICKS];
    struct price_path p;
    price_path_init(&p, 42, "ACME", 600);
    for (size_t i = TICKS; i-- > 0;) {
        cents[i] = price_path_cents(&p, FIRST_TICK + i, 100, 0.02);
    }
    size_t sent = 0;
    while (sent < sizeof cents) {
        ssize_t n = write(fd, (const char *)cents + sent, sizeof cents - sent);
        if (n <= 0) {
            _exit(1);
        }
        sent += (size_t)n;
    }
    _exit(0);
}

static void two_processes_agree_on_every_tick(void **state)
{
    (void)state;
    static int64_t theirs[TICKS];
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(fds[0]);
        child_sends_prices_backwards(fds[1]);
    }
    close(fds[1]);
    read_all(fds[0], theirs, sizeof theirs);
    close(fds[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct price_path p;
    price_path_init(&p, 42, "ACME", 600);
    for (size_t i = 0; i < TICKS; i++) {
        assert_int_equal(price_path_cents(&p, FIRST_TICK + i, 100, 0.02), theirs[i]);
    }
}

/* The history that is out in the world: a change of it is a change for every reader. It is also
 * how another compiler or machine shows that it computes the same. */
static void the_path_is_the_one_it_always_was(void **state)
{
    (void)state;
    static const int64_t known[] = {9882, 9872, 9869, 9861, 9866, 9874, 9897, 9897};
    struct price_path p;
    price_path_init(&p, 42, "ACME", 600);
    uint64_t hash = 0;
    for (size_t i = 0; i < TICKS; i++) {
        hash = hash_mix64(hash ^ to_bits(price_path_at(&p, FIRST_TICK + i)));
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_int_equal(price_path_cents(&p, FIRST_TICK + i, 100, 0.02), known[i]);
    }
    assert_int_equal(hash, 0x7614ddcaa4352056ULL);
}

/* --- prices -------------------------------------------------------------------------------- */

static void prices_stay_around_their_start_for_ever(void **state)
{
    (void)state;
    struct price_path p;
    price_path_init(&p, 1, "ACME", 600);
    int above = 0;
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t tick = hash_mix64(i) & PRICE_PATH_TICK_MAX;
        int64_t cents = price_path_cents(&p, tick, 100, 0.02);
        assert_in_range(cents, 8800, 11300); /* 6 standard deviations */
        above += cents > 10000;
    }
    assert_near("median", above / 20000.0, 0.5, sqrt(0.25 / 20000));
}

static void prices_are_rounded_to_the_nearest_hundredth(void **state)
{
    (void)state;
    struct price_path p;
    price_path_init(&p, 9, "ACME", 30);
    for (uint64_t tick = 0; tick < 5000; tick++) {
        double exact = 37.5 * exp(0.3 * price_path_at(&p, tick)) * 100;
        assert_true(fabs((double)price_path_cents(&p, tick, 37.5, 0.3) - exact) <= 0.5 + 1e-9);
    }
    assert_int_equal(price_path_cents(&p, 1, 1e9, 0), 100000000000);
    assert_int_equal(price_path_cents(&p, 1, 0.01, 0), 1);
}

static void extreme_half_lives_are_good_paths_too(void **state)
{
    (void)state;
    static const double half_lives[] = {1e-8, 1e-3, 1, 1e6, 1e12, 1e17};
    for (size_t k = 0; k < sizeof half_lives / sizeof *half_lives; k++) {
        double squares = 0;
        double n = 20000;
        double steps = 0;
        double r = exp2(-1 / half_lives[k]);
        double lost = -expm1(-2 * log(2) / half_lives[k]);
        for (int64_t seed = 0; seed < 20000; seed++) {
            struct price_path p;
            price_path_init(&p, seed, "EDGE", half_lives[k]);
            double before = price_path_at(&p, FIRST_TICK - 1);
            double at = price_path_at(&p, FIRST_TICK);
            squares += at * at;
            steps += (at - r * before) * (at - r * before) / lost;
        }
        assert_near("variance", squares / n, 1, sqrt(2 / n));
        /* Beyond, a step is lost in the last digits of X. */
        if (half_lives[k] <= 1e12) {
            assert_near("step", steps / n, 1, sqrt(2 / n));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_and_variance_are_stationary),
        cmocka_unit_test(autocorrelation_halves_with_each_half_life),
        cmocka_unit_test(steps_are_independent_and_normal),
        cmocka_unit_test(steps_into_and_out_of_each_level_are_like_all_others),
        cmocka_unit_test(no_seam_at_the_boundaries_of_the_tree),
        cmocka_unit_test(each_level_keeps_the_joint_law_of_theory),
        cmocka_unit_test(bridges_have_the_variance_of_theory),
        cmocka_unit_test(the_roots_ends_keep_to_theory_with_a_half_life_as_long_as_the_tree),
        cmocka_unit_test(symbols_and_seeds_go_their_own_ways),
        cmocka_unit_test(random_access_equals_sequential_access),
        cmocka_unit_test(two_processes_agree_on_every_tick),
        cmocka_unit_test(the_path_is_the_one_it_always_was),
        cmocka_unit_test(prices_stay_around_their_start_for_ever),
        cmocka_unit_test(prices_are_rounded_to_the_nearest_hundredth),
        cmocka_unit_test(extreme_half_lives_are_good_paths_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

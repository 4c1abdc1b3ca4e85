/* SPDX-License-Identifier: MIT */
/* Times as text, and the system's clocks. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static void assert_iso(int64_t wall_ms, const char *wanted)
{
    char out[CLOCK_ISO_BYTES];
    clock_iso8601(wall_ms, out);
    assert_string_equal(out, wanted);
}

static void writes_rfc_3339(void **state)
{
    (void)state;
    assert_iso(0, "1970-01-01T00:00:00.000Z");
    assert_iso(1, "1970-01-01T00:00:00.001Z");
    assert_iso(1795252623250, "2026-11-21T09:17:03.250Z");
    assert_iso(951782400000, "2000-02-29T00:00:00.000Z");
    assert_iso(4107542399999, "2100-02-28T23:59:59.999Z");
}

static void writes_times_before_1970(void **state)
{
    (void)state;
    assert_iso(-1, "1969-12-31T23:59:59.999Z");
    assert_iso(-1000, "1969-12-31T23:59:59.000Z");
}

static void clamps_what_has_no_four_digit_year(void **state)
{
    (void)state;
    assert_iso(-62167219200000, "0000-01-01T00:00:00.000Z");
    assert_iso(-62167219200001, "0000-01-01T00:00:00.000Z");
    assert_iso(INT64_MIN, "0000-01-01T00:00:00.000Z");
    assert_iso(253402300799999, "9999-12-31T23:59:59.999Z");
    assert_iso(INT64_MAX, "9999-12-31T23:59:59.999Z");
}

static void monotonic_time_never_goes_back(void **state)
{
    (void)state;
    int64_t last = clock_system.mono_ms(&clock_system);
    for (int i = 0; i < 1000; i++) {
        int64_t now = clock_system.mono_ms(&clock_system);
        assert_true(now >= last);
        last = now;
    }
}

static void wall_time_is_the_systems(void **state)
{
    (void)state;
    int64_t before = (int64_t)time(NULL);
    int64_t now = clock_system.wall_ms(&clock_system) / 1000;
    int64_t after = (int64_t)time(NULL);
    /* time() may lag the precise clock by one timer tick. */
    assert_true(now >= before && now <= after + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_rfc_3339),
        cmocka_unit_test(writes_times_before_1970),
        cmocka_unit_test(clamps_what_has_no_four_digit_year),
        cmocka_unit_test(monotonic_time_never_goes_back),
        cmocka_unit_test(wall_time_is_the_systems),
    };
    return cmocka_run_group_tests_name("base clock", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Times as text, and the system's clocks. */
#include "base/clock.h"

#include "base/err.h"

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

static void assert_reads(const char *text, int64_t wanted)
{
    int64_t got = 0;
    if (clock_parse(text, &got)) {
        fail_msg("refused: %s", text);
    }
    assert_true(got == wanted);
}

static void reads_the_forms_that_people_write(void **state)
{
    (void)state;
    const int64_t at = 1795252623000; /* 2026-11-21T09:17:03Z */
    assert_reads("2026-11-21T09:17:03Z", at);
    assert_reads("2026-11-21t09:17:03z", at);
    assert_reads("2026-11-21 09:17:03", at);
    assert_reads("2026-11-21T09:17:03.25Z", at + 250);
    assert_reads("2026-11-21T09:17:03,2509999Z", at + 250);
    assert_reads("2026-11-21T10:17:03+01:00", at);
    assert_reads("2026-11-21T04:47:03-0430", at);
    assert_reads("2026-11-21T09:17", at - 3000);
    assert_reads("2026-11-21", at - (9 * 3600 + 17 * 60 + 3) * 1000);
    assert_reads("1795252623000", at);
    assert_reads("0", 0);
    assert_reads("1969-12-31T23:59:59.999Z", -1);
    assert_reads("2000-02-29", 951782400000);
}

static void reads_back_what_it_writes(void **state)
{
    (void)state;
    for (int64_t wall_ms = -62167219200000; wall_ms < 253402300799999; wall_ms += 9876543210123) {
        char text[CLOCK_ISO_BYTES];
        clock_iso8601(wall_ms, text);
        assert_reads(text, wall_ms);
    }
}

static void refuses_what_is_no_time(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "x",
        "-1",
        "1.5",
        " 2026-11-21",
        "2026-11-21 ",

        "2026-11",
        "2026-13-01",
        "2026-00-01",
        "2026-02-29",
        "1900-02-29",
        "2026-04-31",
        "2026-11-00",
        "2026-1-2",
        "2026-11-21T",
        "2026-11-21T9:17",
        "2026-11-21T24:00",
        "2026-11-21T09:60",
        "2026-11-21T09:17:61",
        "2026-11-21T09:17:03.",
        "2026-11-21T09:17:03.Z",
        "2026-11-21T09:17:03+",
        "2026-11-21T09:17:03+1:00",
        "2026-11-21T09:17:03+24:00",
        "2026-11-21T09:17:03Zx",
        "2026-11-21Z",
        "99999999999999999999",
        "253402300800000",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t got = 77;
        if (clock_parse(texts[i], &got) != ERR_INVALID) {
            fail_msg("taken: \"%s\"", texts[i]);
        }
        assert_true(got == 77);
    }
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
        cmocka_unit_test(reads_the_forms_that_people_write),
        cmocka_unit_test(reads_back_what_it_writes),
        cmocka_unit_test(refuses_what_is_no_time),
        cmocka_unit_test(monotonic_time_never_goes_back),
        cmocka_unit_test(wall_time_is_the_systems),
    };
    return cmocka_run_group_tests_name("base clock", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* test_line_time: the time of a line in each of the formats. */
#include "source/line_time.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW "2026-11-21T12:00:00Z"

static int64_t at(const char *text)
{
    int64_t ms;
    assert_int_equal(clock_parse(text, &ms), 0);
    return ms;
}

static void expect_now(enum line_time_format format, const char *line, const char *time,
                       const char *now)
{
    int64_t ms = -1;
    int found = line_time(format, line, strlen(line), at(now), &ms);
    assert_int_equal(found, time != NULL);
    if (time) {
        char text[CLOCK_ISO_BYTES];
        clock_iso8601(ms, text);
        assert_string_equal(text, time);
    } else {
        assert_int_equal(ms, -1);
    }
}

static void expect(enum line_time_format format, const char *line, const char *time)
{
    expect_now(format, line, time, NOW);
}

static void reads_iso8601(void **state)
{
    static const char whole[] = "2026-11-21T10:42:21.000Z";
    (void)state;
    expect(LINE_TIME_ISO8601, "2026-11-21T10:42:21Z hello", whole);
    expect(LINE_TIME_ISO8601, "2026-11-21 10:42:21,000 INFO x", whole);
    expect(LINE_TIME_ISO8601, "2026-11-21T10:42:21.25 x", "2026-11-21T10:42:21.250Z");
    expect(LINE_TIME_ISO8601, "[2026-11-21T11:42:21+01:00] x", whole);
    expect(LINE_TIME_ISO8601, "2026-11-21 11:42:21 +0100 x", whole);
    expect(LINE_TIME_ISO8601, "host [x] [2026-11-21T10:42:21Z] x", whole);
    expect(LINE_TIME_ISO8601, "<34>1 2026-11-21T10:42:21Z x", whole);
    expect(LINE_TIME_ISO8601, "{\"time\":\"2026-11-21T10:42:21Z\"}", whole);
    expect(LINE_TIME_ISO8601, "time=2026-11-21T10:42:21Z level=x", whole);
    expect(LINE_TIME_ISO8601, "2026-11-21", "2026-11-21T00:00:00.000Z");
    expect(LINE_TIME_ISO8601, "2026-11-21: x", "2026-11-21T00:00:00.000Z");
    expect(LINE_TIME_ISO8601, "2026-13-21T10:42:21Z", NULL);
    expect(LINE_TIME_ISO8601, "since 2026-11-21T10:42:21Z", NULL);
    expect(LINE_TIME_ISO8601, "\tat java.lang.Thread", NULL);
    expect(LINE_TIME_ISO8601, "", NULL);
}

static void reads_the_common_log_format(void **state)
{
    (void)state;
    expect(LINE_TIME_CLF, "::1 - - [21/Nov/2026:10:42:21 +0000] \"GET / HTTP/1.1\" 200 1",
           "2026-11-21T10:42:21.000Z");
    expect(LINE_TIME_CLF, "h - - [21/Nov/2026:10:42:21 -0130] x", "2026-11-21T12:12:21.000Z");
    expect(LINE_TIME_CLF, "h - - [21/Nix/2026:10:42:21 +0000] x", NULL);
    expect(LINE_TIME_CLF, "h - - [31/Nov/2026:10:42:21 +0000] x", NULL);
    expect(LINE_TIME_CLF, "h - - [21/Nov/2026:10:42", NULL);
}

static void reads_syslog_and_finds_the_year(void **state)
{
    (void)state;
    expect(LINE_TIME_SYSLOG, "Nov 21 10:42:21 host app: x", "2026-11-21T10:42:21.000Z");
    expect(LINE_TIME_SYSLOG, "<34>Nov  2 10:42:21 host app: x", "2026-11-02T10:42:21.000Z");
    expect(LINE_TIME_SYSLOG, "Dec 31 23:59:59 x", "2025-12-31T23:59:59.000Z");
    expect(LINE_TIME_SYSLOG, "Nov 22 11:00:00 x", "2026-11-22T11:00:00.000Z"); /* a fast clock */
    expect(LINE_TIME_SYSLOG, "Nov 22 13:00:00 x", "2025-11-22T13:00:00.000Z");
    expect_now(LINE_TIME_SYSLOG, "Jan  1 00:00:05 x", "2027-01-01T00:00:05.000Z",
               "2026-12-31T23:59:59Z");
    expect(LINE_TIME_SYSLOG, "Feb 29 00:00:05 x", "2024-02-29T00:00:05.000Z");
    expect_now(LINE_TIME_SYSLOG, "Feb 29 00:00:05 x", "2096-02-29T00:00:05.000Z",
               "2103-06-01T00:00:00Z");
    expect(LINE_TIME_SYSLOG, "Feb 30 00:00:05 x", NULL);
    expect(LINE_TIME_SYSLOG, "Non 21 10:42:21 x", NULL);
}

static void reads_seconds_and_finer_since_1970(void **state)
{
    (void)state;
    expect(LINE_TIME_EPOCH, "1795257741 x", "2026-11-21T10:42:21.000Z");
    expect(LINE_TIME_EPOCH, "1795257741.25 x", "2026-11-21T10:42:21.250Z");
    expect(LINE_TIME_EPOCH, "1795257741.2509999 x", "2026-11-21T10:42:21.250Z");
    expect(LINE_TIME_EPOCH, "1795257741250 x", "2026-11-21T10:42:21.250Z");
    expect(LINE_TIME_EPOCH, "1795257741250999", "2026-11-21T10:42:21.250Z");
    expect(LINE_TIME_EPOCH, "1795257741250999999", "2026-11-21T10:42:21.250Z");
    expect(LINE_TIME_EPOCH, "[1795257741]: x", "2026-11-21T10:42:21.000Z");
    expect(LINE_TIME_EPOCH, "404 x", NULL);
    expect(LINE_TIME_EPOCH, "1795257741abc", NULL);
    expect(LINE_TIME_EPOCH, "99999999999999999999999", NULL);
}

static void a_line_without_a_time_has_none(void **state)
{
    (void)state;
    for (int f = LINE_TIME_NONE; f <= LINE_TIME_EPOCH; f++) {
        expect((enum line_time_format)f, "    at Thread.run(Thread.java:1)", NULL);
        expect((enum line_time_format)f, "<", NULL);
        expect((enum line_time_format)f, "<5", NULL);
        expect((enum line_time_format)f, "[", NULL);
    }
    expect(LINE_TIME_NONE, "2026-11-21T10:42:21Z", NULL);
}

static void looks_at_the_beginning_only(void **state)
{
    char line[LINE_TIME_BYTES + 64];
    int64_t ms;
    (void)state;
    memset(line, '[', sizeof line);
    memcpy(line + LINE_TIME_BYTES, "2026-11-21T10:42:21Z", 20);
    assert_int_equal(line_time(LINE_TIME_ISO8601, line, sizeof line, at(NOW), &ms), 0);
    memset(line, '0', sizeof line);
    assert_int_equal(line_time(LINE_TIME_EPOCH, line, sizeof line, at(NOW), &ms), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_iso8601),
        cmocka_unit_test(reads_the_common_log_format),
        cmocka_unit_test(reads_syslog_and_finds_the_year),
        cmocka_unit_test(reads_seconds_and_finer_since_1970),
        cmocka_unit_test(a_line_without_a_time_has_none),
        cmocka_unit_test(looks_at_the_beginning_only),
    };
    return cmocka_run_group_tests_name("line time", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* clock: wall time and monotonic time behind one small table, so that tests set both. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* A clock to read. Durations use mono_ms; only what people see uses wall_ms. */
struct clock {
    int64_t (*wall_ms)(const struct clock *c); /* milliseconds since 1970-01-01T00:00:00Z */
    int64_t (*mono_ms)(const struct clock *c); /* milliseconds since an arbitrary start */
};

/* The system's own clocks. */
extern const struct clock clock_system;

#define CLOCK_ISO_BYTES 32

/* Writes "2026-11-21T09:17:03.250Z" (UTC, RFC 3339) for `wall_ms` into `out`. Years outside
 * 0000 to 9999 are clamped to the nearest instant that fits. */
void clock_iso8601(int64_t wall_ms, char out[CLOCK_ISO_BYTES]);

/* Reads a time that a person or a program would write: "2026-11-21T09:17:03Z", with a fraction,
 * with an offset ("+01:00") or without one (UTC), with a space for the T, without seconds or without
 * a time of day (RFC 3339 and what ISO 8601 allows beside it); or milliseconds since 1970 as a plain
 * number. ERR_INVALID for anything else, and for dates that are not in the calendar. */
int clock_parse(const char *text, int64_t *wall_ms);

#endif

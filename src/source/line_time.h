/* SPDX-License-Identifier: MIT */
/* line_time: when a log line was written, by its own words. Pure. A time without an offset from UTC
 * is taken as UTC. */
#ifndef SOURCE_LINE_TIME_H
#define SOURCE_LINE_TIME_H

#include <stddef.h>
#include <stdint.h>

enum line_time_format {
    LINE_TIME_NONE,
    LINE_TIME_ISO8601, /* 2026-11-21T10:42:21.250Z and its kin */
    LINE_TIME_CLF,     /* [21/Nov/2026:10:42:21 +0000] */
    LINE_TIME_SYSLOG,  /* Nov 21 10:42:21 */
    LINE_TIME_EPOCH    /* 1795257741, .250 behind it, or milli-, micro- or nanoseconds */
};

/* The names of these for settings, in their order, NULL-terminated. */
extern const char *const line_time_formats[];

#define LINE_TIME_BYTES 256 /* only so much of a line is looked at */

/* 1 with the time in *wall_ms, 0 when the line has none. It stands at the line's start, behind a
 * syslog <PRI>, or behind '[', '"' or '='; the first one counts. What has no year is of the latest
 * year in which it is not more than a day after `now_ms`. */
int line_time(enum line_time_format format, const char *line, size_t len, int64_t now_ms,
              int64_t *wall_ms);

#endif

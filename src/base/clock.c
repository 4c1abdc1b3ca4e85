/* SPDX-License-Identifier: MIT */
/* clock: wall time and monotonic time behind one small table, so that tests set both. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

/* 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z */
#define CLOCK_FIRST_MS (-62167219200000)
#define CLOCK_LAST_MS 253402300799999

static int64_t read_ms(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t system_wall_ms(const struct clock *c)
{
    (void)c;
    return read_ms(CLOCK_REALTIME);
}

static int64_t system_mono_ms(const struct clock *c)
{
    (void)c;
    return read_ms(CLOCK_MONOTONIC);
}

const struct clock clock_system = {.wall_ms = system_wall_ms, .mono_ms = system_mono_ms};

void clock_iso8601(int64_t wall_ms, char out[CLOCK_ISO_BYTES])
{
    if (wall_ms < CLOCK_FIRST_MS) {
        wall_ms = CLOCK_FIRST_MS;
    }
    if (wall_ms > CLOCK_LAST_MS) {
        wall_ms = CLOCK_LAST_MS;
    }
    int64_t millis = wall_ms % 1000;
    if (millis < 0) {
        millis += 1000;
    }
    time_t seconds = (time_t)((wall_ms - millis) / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    snprintf(out, CLOCK_ISO_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
             (unsigned)(tm.tm_year + 1900) % 10000U, (unsigned)(tm.tm_mon + 1) % 100U,
             (unsigned)tm.tm_mday % 100U, (unsigned)tm.tm_hour % 100U, (unsigned)tm.tm_min % 100U,
             (unsigned)tm.tm_sec % 100U, (unsigned)millis % 1000U);
}

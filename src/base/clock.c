/* SPDX-License-Identifier: MIT */
/* clock: wall time and monotonic time behind one small table, so that tests set both. */
#include "base/clock.h"

#include "base/err.h"
#include "base/num.h"

#include <stdio.h>
#include <string.h>
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

/* --- reading -------------------------------------------------------------------------------- */

/* Takes exactly `digits` digits within [low, high]. */
static int take_number(const char **at, int digits, int low, int high, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9') {
            return ERR_INVALID;
        }
        value = value * 10 + (**at - '0');
    }
    if (value < low || value > high) {
        return ERR_INVALID;
    }
    *out = value;
    return 0;
}

static int take_char(const char **at, char c)
{
    if (**at != c) {
        return ERR_INVALID;
    }
    (*at)++;
    return 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* ".250" as milliseconds; further digits are cut. */
static int take_fraction(const char **at, int *millis)
{
    int scale = 100;
    *millis = 0;
    if (**at != '.' && **at != ',') {
        return 0;
    }
    (*at)++;
    if (**at < '0' || **at > '9') {
        return ERR_INVALID;
    }
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        *millis += (**at - '0') * scale;
        scale /= 10;
    }
    return 0;
}

/* "Z", "+01:00", "+0100" or nothing. */
static int take_zone(const char **at, int *minutes)
{
    int hour;
    int minute;
    *minutes = 0;
    if (**at == 'Z' || **at == 'z') {
        (*at)++;
        return 0;
    }
    if (**at != '+' && **at != '-') {
        return 0;
    }
    int sign = *(*at)++ == '-' ? -1 : 1;
    if (take_number(at, 2, 0, 23, &hour)) {
        return ERR_INVALID;
    }
    if (**at == ':') {
        (*at)++;
    }
    if (take_number(at, 2, 0, 59, &minute)) {
        return ERR_INVALID;
    }
    *minutes = sign * (hour * 60 + minute);
    return 0;
}

static int take_time(const char **at, struct tm *tm, int *millis, int *zone)
{
    if (**at == '\0') {
        return 0;
    }
    if ((take_char(at, 'T') && take_char(at, ' ') && take_char(at, 't'))
        || take_number(at, 2, 0, 23, &tm->tm_hour) || take_char(at, ':')
        || take_number(at, 2, 0, 59, &tm->tm_min)) {
        return ERR_INVALID;
    }
    if (**at == ':') {
        (*at)++;
        if (take_number(at, 2, 0, 60, &tm->tm_sec) || take_fraction(at, millis)) {
            return ERR_INVALID;
        }
    }
    return take_zone(at, zone);
}

int clock_parse(const char *text, int64_t *wall_ms)
{
    struct tm tm = {.tm_year = 0};
    uint64_t number;
    int millis = 0;
    int zone = 0;
    const char *at = text;
    if (num_parse_u64(text, strlen(text), CLOCK_LAST_MS, &number) == 0) {
        *wall_ms = (int64_t)number;
        return 0;
    }
    if (take_number(&at, 4, 0, 9999, &tm.tm_year) || take_char(&at, '-')
        || take_number(&at, 2, 1, 12, &tm.tm_mon) || take_char(&at, '-')
        || take_number(&at, 2, 1, days_in_month(tm.tm_year, tm.tm_mon), &tm.tm_mday)
        || take_time(&at, &tm, &millis, &zone) || *at) {
        return ERR_INVALID;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *wall_ms = ((int64_t)timegm(&tm) - (int64_t)zone * 60) * 1000 + millis;
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* line_time: when a log line was written, by its own words. */
#include "source/line_time.h"

#include "base/clock.h"
#include "base/num.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_MS 86400000
#define YEARS_MAX 8 /* at the furthest, 29 February was in 1896 when it is 1904 */

const char *const line_time_formats[] = {"none", "iso8601", "clf", "syslog", "epoch", NULL};

/* What is left of a line. */
struct rest {
    const char *at;
    size_t len;
};

static size_t count_digits(struct rest r)
{
    size_t n = 0;
    while (n < r.len && isdigit((unsigned char)r.at[n])) {
        n++;
    }
    return n;
}

static struct rest skip(struct rest r, size_t n)
{
    return (struct rest){.at = r.at + n, .len = r.len - n};
}

/* 1 when the text has the shape: '9' stands for a digit, 'a' for a letter, '_' for a digit or a
 * blank, anything else for itself. */
static int has_shape(struct rest r, const char *shape)
{
    size_t len = strlen(shape);
    if (r.len < len) {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)r.at[i];
        int fits = shape[i] == '9'   ? isdigit(c)
                   : shape[i] == 'a' ? isalpha(c)
                   : shape[i] == '_' ? isdigit(c) || c == ' '
                                     : c == (unsigned char)shape[i];
        if (!fits) {
            return 0;
        }
    }
    return 1;
}

static int month_of(const char *text)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++) {
        if (memcmp(names + 3 * i, text, 3) == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* "Z", "+0100" or "+01:00": its length, 0 for none. */
static size_t zone_length(struct rest r)
{
    if (r.len > 0 && (r.at[0] == 'Z' || r.at[0] == 'z')) {
        return 1;
    }
    if (has_shape(r, "+99:99") || has_shape(r, "-99:99")) {
        return 6;
    }
    return has_shape(r, "+9999") || has_shape(r, "-9999") ? 5 : 0;
}

/* Finds how far the time reaches; clock_parse says what it means. */
static int take_iso8601(struct rest r, int64_t now_ms, int64_t *wall_ms)
{
    char text[64] = "";
    (void)now_ms;
    if (!has_shape(r, "9999-99-99")) {
        return 0;
    }
    size_t end = 10;
    size_t zone = 0;
    struct rest time = skip(r, end);
    if (time.len > 0 && strchr("Tt ", time.at[0]) && has_shape(skip(time, 1), "99:99")) {
        end += 6;
        if (has_shape(skip(r, end), ":99")) {
            end += 3;
            struct rest fraction = skip(r, end);
            if (has_shape(fraction, ".9") || has_shape(fraction, ",9")) {
                end += 1 + count_digits(skip(fraction, 1));
            }
        }
        zone = zone_length(skip(r, end));
        if (!zone && end < r.len && r.at[end] == ' ') { /* "10:42:21 +0000" */
            zone = zone_length(skip(r, end + 1));
            zone = zone > 1 ? zone + 1 : 0;
        }
    }
    if (end + zone >= sizeof text) {
        return 0;
    }
    memcpy(text, r.at, end);
    if (zone) {
        size_t blank = r.at[end] == ' ';
        memcpy(text + end, r.at + end + blank, zone - blank);
    }
    return clock_parse(text, wall_ms) == 0;
}

static int take_clf(struct rest r, int64_t now_ms, int64_t *wall_ms)
{
    char text[64];
    (void)now_ms;
    if (!has_shape(r, "99/aaa/9999:99:99:99 ") || !month_of(r.at + 3)) {
        return 0;
    }
    size_t zone = zone_length(skip(r, 21));
    snprintf(text, sizeof text, "%.4s-%02d-%.2sT%.8s%.*s", r.at + 7, month_of(r.at + 3), r.at,
             r.at + 12, (int)zone, r.at + 21);
    return clock_parse(text, wall_ms) == 0;
}

static int take_syslog(struct rest r, int64_t now_ms, int64_t *wall_ms)
{
    time_t now = (time_t)((now_ms + DAY_MS) / 1000);
    struct tm tm;
    if (!has_shape(r, "aaa _9 99:99:99") || !month_of(r.at) || !gmtime_r(&now, &tm)) {
        return 0;
    }
    int year = tm.tm_year + 1900;
    for (int i = 0; i <= YEARS_MAX; i++) {
        char text[64];
        int64_t at;
        snprintf(text, sizeof text, "%04d-%02d-%c%cT%.8s", year - i, month_of(r.at),
                 r.at[4] == ' ' ? '0' : r.at[4], r.at[5], r.at + 7);
        if (clock_parse(text, &at) == 0 && at <= now_ms + DAY_MS) {
            *wall_ms = at;
            return 1;
        }
    }
    return 0;
}

static int take_epoch(struct rest r, int64_t now_ms, int64_t *wall_ms)
{
    uint64_t number;
    uint64_t millis = 0;
    size_t digits = count_digits(r);
    (void)now_ms;
    if (digits < 9 || digits > 19 || num_parse_u64(r.at, digits, INT64_MAX, &number)) {
        return 0;
    }
    struct rest behind = skip(r, digits);
    if (has_shape(behind, ".9")) {
        size_t decimals = count_digits(skip(behind, 1));
        for (size_t i = 0, scale = 100; i < decimals && scale > 0; i++, scale /= 10) {
            millis += (uint64_t)(behind.at[1 + i] - '0') * scale;
        }
        behind = skip(behind, 1 + decimals);
    }
    if (behind.len > 0 && (isalnum((unsigned char)behind.at[0]) || behind.at[0] == '_')) {
        return 0;
    }
    /* So long numbers are no seconds, for centuries to come. */
    if (digits >= 18) {
        *wall_ms = (int64_t)(number / 1000000);
    } else if (digits >= 15) {
        *wall_ms = (int64_t)(number / 1000);
    } else if (digits >= 12) {
        *wall_ms = (int64_t)number;
    } else {
        *wall_ms = (int64_t)(number * 1000 + millis);
    }
    return 1;
}

/* The length of "<34>", and of the version that RFC 5424 puts behind it; 0 for none. */
static size_t pri_length(struct rest r)
{
    if (r.len == 0 || r.at[0] != '<') {
        return 0;
    }
    size_t digits = count_digits(skip(r, 1));
    size_t end = digits + 2;
    if (digits == 0 || end > r.len || r.at[end - 1] != '>') {
        return 0;
    }
    return has_shape(skip(r, end), "9 ") ? end + 2 : end;
}

int line_time(enum line_time_format format, const char *line, size_t len, int64_t now_ms,
              int64_t *wall_ms)
{
    static int (*const take[])(struct rest r, int64_t now_ms, int64_t * wall_ms) = {
        [LINE_TIME_ISO8601] = take_iso8601,
        [LINE_TIME_CLF] = take_clf,
        [LINE_TIME_SYSLOG] = take_syslog,
        [LINE_TIME_EPOCH] = take_epoch,
    };
    if (format == LINE_TIME_NONE) {
        return 0;
    }
    struct rest r = {.at = line, .len = len < LINE_TIME_BYTES ? len : LINE_TIME_BYTES};
    r = skip(r, pri_length(r));
    int is_start = 1;
    while (r.len > 0) {
        if (is_start && take[format](r, now_ms, wall_ms)) {
            return 1;
        }
        is_start = r.at[0] == '[' || r.at[0] == '"' || r.at[0] == '=';
        r = skip(r, 1);
    }
    return 0;
}

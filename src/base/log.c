/* SPDX-License-Identifier: MIT */
/* log: one line per event on a descriptor: level, room, what happened, key=value. */
#include "base/log.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_LINE_BYTES 2048
#define LOG_WINDOW_MS 1000

struct line {
    char text[LOG_LINE_BYTES];
    size_t len;
};

/* One byte is kept for the newline; what does not fit is cut. */
static void put(struct line *l, const char *text, size_t len)
{
    size_t room = sizeof l->text - 1 - l->len;
    if (len > room) {
        len = room;
    }
    memcpy(l->text + l->len, text, len);
    l->len += len;
}

static void put_str(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

/* The bytes of the one character at `text`; 0 when it is not valid UTF-8. */
static size_t character_length(const char *text, size_t len)
{
    for (size_t n = 1; n <= 4 && n <= len; n++) {
        if (utf8_valid_prefix(text, n) == n) {
            return n;
        }
    }
    return 0;
}

static void put_escaped(struct line *l, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        unsigned char c = (unsigned char)*text;
        size_t valid = character_length(text, left);
        char hex[8];
        if (c == '"' || c == '\\') {
            char pair[2] = {'\\', (char)c};
            put(l, pair, 2);
        } else if (c < 0x20 || c == 0x7f || valid == 0) {
            int n = snprintf(hex, sizeof hex, "\\x%02x", c);
            put(l, hex, (size_t)n);
            valid = 1;
        } else {
            put(l, text, valid);
        }
        text += valid;
        left -= valid;
    }
}

static int needs_quotes(const char *text)
{
    if (!*text) {
        return 1;
    }
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c <= 0x20 || c == '"' || c == '\\' || c == '=' || c >= 0x7f) {
            return 1;
        }
    }
    return 0;
}

static void put_field(struct line *l, const struct log_field *f)
{
    char number[24];
    put_str(l, " ");
    put_str(l, f->key);
    put_str(l, "=");
    const char *text = f->text ? f->text : "";
    if (!f->is_text) {
        snprintf(number, sizeof number, "%" PRId64, f->number);
        put_str(l, number);
    } else if (needs_quotes(text)) {
        put_str(l, "\"");
        put_escaped(l, text);
        put_str(l, "\"");
    } else {
        put_str(l, text);
    }
}

void log_line(const struct log *log, enum log_level level, const char *room, const char *what,
              const struct log_field *fields)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    if (!log || level > log->level) {
        return;
    }
    struct line l = {.len = 0};
    char stamp[CLOCK_ISO_BYTES];
    clock_iso8601(clock_system.wall_ms(&clock_system), stamp);
    put_str(&l, stamp);
    put_str(&l, " ");
    put_str(&l, names[level]);
    put_str(&l, " ");
    put_str(&l, room);
    put_str(&l, ": ");
    put_escaped(&l, what);
    for (; fields->key; fields++) {
        put_field(&l, fields);
    }
    l.text[l.len++] = '\n';
    ssize_t written = write(log->fd, l.text, l.len);
    (void)written;
}

int log_limit_pass(struct log_limit *limit, int64_t mono_ms, uint32_t *dropped)
{
    if (limit->count == 0 || mono_ms - limit->window_ms >= LOG_WINDOW_MS) {
        limit->window_ms = mono_ms;
        limit->count = 0;
    }
    if (limit->count >= LOG_LIMIT_BURST) {
        limit->dropped++;
        return 0;
    }
    limit->count++;
    *dropped = limit->dropped;
    limit->dropped = 0;
    return 1;
}

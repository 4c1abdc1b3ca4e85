/* SPDX-License-Identifier: MIT */
/* log: one line per event on a descriptor: level, room, what happened, key=value. */
#include "base/log.h"

#include "base/clock.h"
#include "base/num.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_LINE_BYTES 2048
#define LOG_WINDOW_MS 1000
#define END_BYTES 3 /* kept for what closes a line: a quote, a brace, the newline */

struct line {
    char text[LOG_LINE_BYTES];
    size_t len;
    int is_json;
};

/* How a character is written inside of quotes. */
struct spelling {
    char text[8];
    size_t len;
    size_t read; /* bytes that it stands for */
};

/* --- pieces -------------------------------------------------------------------------------- */

/* All of it or nothing, so that no character and no escape is ever cut. */
static int put(struct line *l, const char *text, size_t len)
{
    if (l->len + len > sizeof l->text - END_BYTES) {
        return 0;
    }
    memcpy(l->text + l->len, text, len);
    l->len += len;
    return 1;
}

static int put_str(struct line *l, const char *text)
{
    return put(l, text, strlen(text));
}

/* There is always room for END_BYTES of these. */
static void put_end(struct line *l, char c)
{
    l->text[l->len++] = c;
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

/* Of a valid character. U+0080 to U+009F are control characters, too: terminals obey them. */
static int is_control(const char *text, size_t len)
{
    unsigned char c = (unsigned char)text[0];
    return c < 0x20 || c == 0x7f || (len == 2 && c == 0xc2 && (unsigned char)text[1] < 0xa0);
}

/* The character at `text`, as it is written between quotes. */
static void spell(const char *text, size_t left, int is_json, struct spelling *out)
{
    unsigned char c = (unsigned char)*text;
    size_t valid = character_length(text, left);
    if (valid == 0 && is_json) {
        *out = (struct spelling){
            .text = "\xef\xbf\xbd", .len = 3, .read = utf8_bad_length(text, left)};
    } else if (valid == 0 || is_control(text, valid)) {
        /* U+0080 to U+009F: what is behind 0xc2 is the number as well. */
        unsigned code = is_json && valid == 2 ? (unsigned char)text[1] : c;
        out->read = is_json ? valid : 1;
        out->len =
            (size_t)snprintf(out->text, sizeof out->text, is_json ? "\\u%04x" : "\\x%02x", code);
    } else {
        size_t at = 0;
        if (c == '"' || c == '\\') {
            out->text[at++] = '\\';
        }
        memcpy(out->text + at, text, valid);
        out->len = at + valid;
        out->read = valid;
    }
}

static void put_escaped(struct line *l, const char *text)
{
    struct spelling s;
    size_t left = strlen(text);
    while (left > 0) {
        spell(text, left, l->is_json, &s);
        if (!put(l, s.text, s.len)) {
            return;
        }
        text += s.read;
        left -= s.read;
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

/* --- fields -------------------------------------------------------------------------------- */

/* The key goes with the beginning of its value, and with a number's end, or stays away. */
static void put_field(struct line *l, const struct log_field *f)
{
    char head[128];
    const char *text = f->text ? f->text : "";
    int is_quoted = f->is_text && (l->is_json || needs_quotes(text));
    int n = snprintf(head, sizeof head, l->is_json ? ",\"%s\":" : " %s=", f->key);
    if (n < 0 || (size_t)n + 24 > sizeof head) {
        return;
    }
    if (is_quoted) {
        head[n++] = '"';
    } else if (!f->is_text) {
        n += snprintf(head + n, sizeof head - (size_t)n, "%" PRId64, f->number);
    }
    if (!put(l, head, (size_t)n) || !f->is_text) {
        return;
    }
    put_escaped(l, text);
    if (is_quoted) {
        put_end(l, '"');
    }
}

static void put_beginning(struct line *l, const struct log *log, enum log_level level,
                          const char *room, const char *what)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    static const char *const priorities[] = {"<3>", "<4>", "<6>", "<7>"}; /* of syslog(3) */
    const struct clock *clock = log->clock ? log->clock : &clock_system;
    char stamp[CLOCK_ISO_BYTES];
    clock_iso8601(clock->wall_ms(clock), stamp);
    if (log->is_journal) {
        put_str(l, priorities[level]);
    }
    if (l->is_json) {
        put_str(l, "{\"time\":\"");
        put_str(l, stamp);
        put_str(l, "\",\"level\":\"");
        put_str(l, names[level]);
        put_str(l, "\",\"room\":\"");
        put_escaped(l, room);
        put_str(l, "\",\"message\":\"");
        put_escaped(l, what);
        put_end(l, '"');
        return;
    }
    if (!log->is_journal) {
        put_str(l, stamp);
        put_str(l, " ");
    }
    put_str(l, names[level]);
    put_str(l, " ");
    put_escaped(l, room);
    put_str(l, ": ");
    put_escaped(l, what);
}

/* --- lines --------------------------------------------------------------------------------- */

static int may_pass(const struct log *log, const char *what, uint32_t *dropped)
{
    const struct clock *clock = log->clock ? log->clock : &clock_system;
    struct log_limits *limits = log->limits;
    size_t i = 0;
    *dropped = 0;
    if (!limits) {
        return 1;
    }
    while (i < LOG_LIMITS_MAX && limits->items[i].what && limits->items[i].what != what) {
        i++;
    }
    limits->items[i].what = what;
    return log_limit_pass(&limits->items[i].limit, clock->mono_ms(clock), dropped);
}

void log_line(const struct log *log, enum log_level level, const char *room, const char *what,
              const struct log_field *fields)
{
    uint32_t dropped;
    if (!log || level > log->level || !may_pass(log, what, &dropped)) {
        return;
    }
    struct line l = {.len = 0, .is_json = log->format == LOG_FORMAT_JSON};
    put_beginning(&l, log, level, room, what);
    if (dropped > 0) {
        put_field(&l, &(const struct log_field)LOG_NUM("lines_held_back", dropped));
    }
    for (; fields->key; fields++) {
        put_field(&l, fields);
    }
    if (l.is_json) {
        put_end(&l, '}');
    }
    put_end(&l, '\n');
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

int log_is_journal(int fd, const char *stream)
{
    struct stat st;
    uint64_t device, inode;
    const char *colon = stream ? strchr(stream, ':') : NULL;
    return colon && fstat(fd, &st) == 0
           && num_parse_u64(stream, (size_t)(colon - stream), UINT64_MAX, &device) == 0
           && num_parse_u64(colon + 1, strlen(colon + 1), UINT64_MAX, &inode) == 0
           && st.st_dev == device && st.st_ino == inode;
}

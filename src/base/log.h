/* SPDX-License-Identifier: MIT */
/* log: one line per event on a descriptor: level, room, what happened, key=value. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

struct clock;

enum log_level {
    LOG_LEVEL_ERROR, /* somebody should get up */
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG
};

enum log_format {
    LOG_FORMAT_TEXT,
    LOG_FORMAT_JSON /* one object a line */
};

/* Bounds lines that a stranger can trigger: at most `burst` a second, the rest counted. Zeroed
 * storage is ready for use. */
struct log_limit {
    int64_t window_ms;
    uint32_t count;
    uint32_t dropped;
};

#define LOG_LIMIT_BURST 5
#define LOG_LIMITS_MAX 64 /* texts that are counted apart; all others share one more limit */

/* A limit for each text that lines say. Zeroed storage is ready for use. */
struct log_limits {
    struct {
        const char *what; /* by its address: texts are literals */
        struct log_limit limit;
    } items[LOG_LIMITS_MAX + 1];
};

/* Where lines go. The owner (app, or a test) keeps it alive; everybody else borrows it. Besides
 * `fd`, zero is the usual. */
struct log {
    int fd;
    enum log_level level; /* lines above it are dropped */
    enum log_format format;
    int is_journal;            /* lines begin with <PRIORITY>, and text has no time of its own */
    struct log_limits *limits; /* NULL: lines are not limited */
    const struct clock *clock; /* NULL: the system's */
};

/* A key and its value. A NULL text is written as an empty one. The keys time, level, room, message
 * and lines_held_back are the log's own. */
struct log_field {
    const char *key;
    const char *text;
    int64_t number;
    int is_text;
};

#define LOG_TEXT(k, t)                                                                             \
    {                                                                                              \
        .key = (k), .text = (t), .is_text = 1                                                      \
    }
#define LOG_NUM(k, n)                                                                              \
    {                                                                                              \
        .key = (k), .number = (int64_t)(n)                                                         \
    }

/* Writes one line with one write(2), at most 2 KiB of it: "2026-11-21T09:17:03.250Z warn tail:
 * cannot open path=/x error=...", or {"time":...,"level":"warn","room":"tail","message":"cannot
 * open","path":"/x",...}. As text, values are quoted where they hold spaces, and control bytes,
 * quotes, backslashes and invalid UTF-8 in them are escaped, so no value can forge a line; as JSON,
 * invalid UTF-8 becomes U+FFFD. A value that does not fit is cut between two characters. `fields`
 * ends at an entry without a key. A line that cannot be written is dropped. With `limits`, each
 * `what` is written LOG_LIMIT_BURST times a second at most, and the next one that is written says
 * how many were held back. */
void log_line(const struct log *log, enum log_level level, const char *room, const char *what,
              const struct log_field *fields);

#define LOG_NONE                                                                                   \
    {                                                                                              \
        .key = 0                                                                                   \
    }

/* log_say(log, WARN, "tail", "cannot open", LOG_TEXT("path", path)); with nothing to add, its
 * last argument is LOG_NONE. */
#define log_say(log, level, room, what, ...)                                                       \
    log_line((log), LOG_LEVEL_##level, (room), (what),                                             \
             (const struct log_field[]){__VA_ARGS__, LOG_NONE})

/* 1 when a line may be written at `mono_ms`. *dropped gets how many were held back since the
 * last that passed, so the line can say so. */
int log_limit_pass(struct log_limit *limit, int64_t mono_ms, uint32_t *dropped);

/* 1 when `stream`, the value of JOURNAL_STREAM ("DEVICE:INODE", may be NULL), names what `fd` is:
 * systemd's journal reads it (systemd.exec(5)). */
int log_is_journal(int fd, const char *stream);

#endif

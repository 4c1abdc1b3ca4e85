/* SPDX-License-Identifier: MIT */
/* log: one line per event on a descriptor: level, room, what happened, key=value. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

enum log_level {
    LOG_LEVEL_ERROR, /* somebody should get up */
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG
};

/* Where lines go. The owner (app, or a test) keeps it alive; everybody else borrows it. */
struct log {
    int fd;
    enum log_level level; /* lines above it are dropped */
};

/* A key and its value. A NULL text is written as an empty one. */
struct log_field {
    const char *key;
    const char *text;
    int64_t number;
    int is_text;
};

#define LOG_TEXT(k, t) {.key = (k), .text = (t), .is_text = 1}
#define LOG_NUM(k, n) {.key = (k), .number = (int64_t)(n)}

/* Writes one line: "2026-11-21T09:17:03.250Z warn tail: cannot open path=/x error=..." with
 * one write(2), at most 2 KiB of it. Values are quoted where they hold spaces, and control
 * bytes, quotes and backslashes in them are escaped, so no value can forge a line. `fields`
 * ends at an entry without a key. A line that cannot be written is dropped. */
void log_line(const struct log *log, enum log_level level, const char *room, const char *what,
              const struct log_field *fields);

#define LOG_NONE {.key = 0}

/* log_say(log, WARN, "tail", "cannot open", LOG_TEXT("path", path)); with nothing to add, its
 * last argument is LOG_NONE. */
#define log_say(log, level, room, what, ...)                                                       \
    log_line((log), LOG_LEVEL_##level, (room), (what),                                             \
             (const struct log_field[]){__VA_ARGS__, LOG_NONE})

/* Bounds lines that a stranger can trigger: at most `burst` a second, the rest counted. Zeroed
 * storage is ready for use. */
struct log_limit {
    int64_t window_ms;
    uint32_t count;
    uint32_t dropped;
};

#define LOG_LIMIT_BURST 5

/* 1 when a line may be written at `mono_ms`. *dropped gets how many were held back since the
 * last that passed, so the line can say so. */
int log_limit_pass(struct log_limit *limit, int64_t mono_ms, uint32_t *dropped);

#endif

/* SPDX-License-Identifier: MIT */
/* exec_tell: what is told of a program: its standard error to the log, its end to readers. */
#ifndef SOURCE_EXEC_TELL_H
#define SOURCE_EXEC_TELL_H

#include <stddef.h>

struct exec_status;
struct json_object;
struct log;

#define EXEC_SAID_BYTES 1024

/* A line of standard error that has no end yet. Zeros: none. */
struct exec_said {
    size_t len;
    char text[EXEC_SAID_BYTES];
};

/* Logs whole lines; longer ones in pieces. */
void exec_said_add(struct exec_said *s, const char *data, size_t len, const struct log *log,
                   const char *stream);

/* What is left of the last line. */
void exec_said_end(struct exec_said *s, const struct log *log, const char *stream);

/* {"status":0}, {"signal":"SIGKILL"} or {"status":127,"error":"..."}, with "limit" where one was
 * met. The caller puts it. NULL when out of memory. */
struct json_object *exec_status_json(const struct exec_status *s);

#endif

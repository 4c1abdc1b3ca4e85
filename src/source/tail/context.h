/* SPDX-License-Identifier: MIT */
/* tail_context: the lines around those that a filter wants: ?context=. Pure.
 *
 * Whether a line is shown for what follows it is known some lines later: until then it is held, and
 * the stream's address stays before it. So a reader who comes back there sees the same. */
#ifndef SOURCE_TAIL_CONTEXT_H
#define SOURCE_TAIL_CONTEXT_H

#include "sse/event.h"

#include <stddef.h>

#define TAIL_CONTEXT_BYTES (1024 * 1024) /* of held lines; of more, the oldest are not shown */
#define TAIL_CONTEXT_NAME_MAX 15

struct tail_held {
    char position[SSE_POSITION_SIZE];
    char name[TAIL_CONTEXT_NAME_MAX + 1]; /* empty for none */
    char *data;
    size_t len;
};

/* What becomes of lines, in their order. `show` answers as an sse_out's event. */
struct tail_context_out {
    int (*show)(void *ctx, const struct sse_event *e);
    void (*hide)(void *ctx, const char *position);
    void *ctx;
};

struct tail_context {
    size_t lines;                 /* so many before and after */
    size_t after;                 /* so many of the next are shown whatever they are */
    struct tail_held *held;       /* room for `lines` */
    size_t first, count, bytes;   /* of those that are held */
    char decided[SSE_POSITION_SIZE]; /* the last address before which nothing is held */
};

/* `position` is where it begins. ERR_NOMEM. */
int tail_context_init(struct tail_context *c, size_t lines, const char *position);

/* The next line. Answers 1 when `out` has had enough. */
int tail_context_take(struct tail_context *c, const struct sse_event *e, int is_match,
                      const struct tail_context_out *out);

/* Something is missing here: what is held belongs to nothing any more. */
void tail_context_break(struct tail_context *c, const struct tail_context_out *out);

/* Goes on at `position` with nothing held. */
void tail_context_forget(struct tail_context *c, const char *position);

void tail_context_fini(struct tail_context *c);

#endif

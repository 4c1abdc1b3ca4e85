/* SPDX-License-Identifier: MIT */
/* tail_one: one log as a stream shows it: its lines through filter, context and form, live and
 * read again. No loop: told when to look. */
#ifndef SOURCE_TAIL_ONE_H
#define SOURCE_TAIL_ONE_H

#include "source/tail/context.h"
#include "source/tail/log.h"
#include "source/tail/view.h"

/* What it is made of; pointers are borrowed. */
struct tail_one_setup {
    const char *path;
    int follow;
    const struct conf_list *rotated;
    size_t max_line_bytes;
    const struct log *log;
    const struct sse_out *out; /* where live events go */
    struct tail_style style;   /* copied */
};

struct tail_one {
    struct tail_log core;
    struct tail_style style;
    struct tail_view live;       /* core's lines go in here */
    struct tail_context context; /* of live lines; unused without lines */
};

/* Finds the head. The struct may not be moved afterwards. ERR_NOMEM. */
int tail_one_init(struct tail_one *o, const struct tail_one_setup *setup);
void tail_one_fini(struct tail_one *o);

/* The address of what was last handed to live, or passed over for good. */
const char *tail_one_head(const struct tail_one *o);

/* As those of tail_log. */
int tail_one_look(struct tail_one *o, size_t budget_bytes);
void tail_one_rewind(struct tail_one *o);

/* As in struct source_type. With a context, `count` counts the lines that match. */
int tail_one_pull(struct tail_one *o, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                  size_t budget_bytes);
int tail_one_back(struct tail_one *o, uint64_t count, char out[SSE_POSITION_SIZE]);

#endif

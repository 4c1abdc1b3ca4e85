/* SPDX-License-Identifier: MIT */
/* run_view: a journal in which gaps and the end stand as events of these names, seen as what they
 * are. Pure. */
#ifndef SOURCE_RUN_VIEW_H
#define SOURCE_RUN_VIEW_H

#include "sse/event.h"

struct buf;

#define RUN_GAP_NAME "stream.gap" /* no program may give these names to its own events */
#define RUN_END_NAME "stream.end"

/* Stands between a journal and who reads it. */
struct run_view {
    struct sse_out out; /* the journal's events go in here */
    const struct sse_out *to;
    int has_ended; /* the end has come by */
    char end[SSE_POSITION_SIZE];
};

/* Storage is the caller's. */
void run_view_init(struct run_view *v, const struct sse_out *to);

/* 1 when the event has this name. */
int run_view_is(const struct sse_event *e, const char *name);

/* Hands an event of these names on as the gap, or as the end, that it stands for. */
int run_view_pass_gap(const struct sse_event *e, const struct sse_out *to);
void run_view_pass_end(const struct sse_event *e, const struct sse_out *to);

/* Appends a gap as the data of such an event. ERR_NOMEM. */
int run_view_gap(const char *reason, const char *detail, struct buf *out);

#endif

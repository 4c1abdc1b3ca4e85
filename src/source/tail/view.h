/* SPDX-License-Identifier: MIT */
/* tail_view: what a stream makes of a log's lines on their way out: which of them, under which
 * name, in which form. Live events and replay go through views of the same style, so they are
 * equal. */
#ifndef SOURCE_TAIL_VIEW_H
#define SOURCE_TAIL_VIEW_H

#include "source/line_format.h"
#include "sse/event.h"

#include <stdint.h>

#define TAIL_VIEW_SLICE_MS 10 /* so long a costly filter may work before the loop comes round */

struct buf;
struct clock;
struct filter;
struct tail_context;
struct tail_skip;

/* Of one log; borrowed by its views. */
struct tail_style {
    enum line_format format;
    int level_events;      /* the line's level is the event's name */
    const char *file;      /* named in JSON; NULL: not */
    struct filter *filter; /* NULL for all lines */
    struct buf *text;      /* room for one event's data, between calls of nobody */
    const struct clock *clock;
    int64_t slice_ends_ms; /* until then a costly filter may work */
    unsigned lines;        /* since the clock was read */
};

struct tail_view {
    struct sse_out out; /* where the lines go in */
    const struct sse_out *to;
    struct tail_style *style;
    struct tail_context *context; /* may be set after init; NULL: lines are shown by themselves */
};

/* Storage is the caller's; there is nothing to undo. */
void tail_view_init(struct tail_view *v, struct tail_style *style, const struct sse_out *to);

/* To be called before each batch of lines: a slice begins. */
void tail_view_begin(struct tail_view *v);

/* How lines can be passed over that the style's filter holds back. */
struct tail_skip tail_view_skip(struct tail_style *style);

#endif

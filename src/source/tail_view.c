/* SPDX-License-Identifier: MIT */
/* tail_view: what a stream makes of a log's lines on their way out. */
#include "source/tail_view.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "source/filter.h"
#include "source/line_level.h"
#include "source/tail_position.h"

#define CLOCK_LINES 16 /* so many lines for each look at the clock */

static int lose(struct tail_view *v, const struct sse_event *e, const char *reason,
                const char *detail)
{
    struct sse_gap gap = {.position = e->position,
                          .reason = reason,
                          .detail = detail,
                          .bytes = (int64_t)e->data_len,
                          .events = 1};
    return v->to->gap(v->to->ctx, &gap);
}

/* 1 when a costly filter has worked for long enough. */
static int is_slice_over(struct tail_view *v)
{
    const struct tail_style *s = v->style;
    if (!s->filter || !filter_is_costly(s->filter) || ++v->lines < CLOCK_LINES) {
        return 0;
    }
    v->lines = 0;
    return s->clock->mono_ms(s->clock) >= v->slice_ends_ms;
}

static int show(struct tail_view *v, const struct sse_event *e)
{
    struct sse_event shown = *e;
    const struct tail_style *s = v->style;
    if (s->level_events && !e->name) {
        shown.name = line_level(e->data, e->data_len);
    }
    if (s->format != LINE_FORMAT_TEXT) {
        struct tail_position at = {.offset = 0};
        tail_position_parse(e->position, &at);
        struct line line = {.text = e->data, .len = e->data_len, .offset = at.offset};
        if (line_format(s->format, &line, s->text, &shown.data, &shown.data_len)) {
            return lose(v, e, "no-memory", "there was no memory for a line");
        }
    }
    return v->to->event(v->to->ctx, &shown);
}

static int view_event(void *ctx, const struct sse_event *e)
{
    struct tail_view *v = ctx;
    int answer = v->style->filter ? filter_match(v->style->filter, e->data, e->data_len) : 1;
    switch (answer) {
    case 1:
        return show(v, e) || is_slice_over(v);
    case 0:
        v->to->advance(v->to->ctx, e->position);
        return is_slice_over(v);
    case ERR_LIMIT:
        lose(v, e, "filter-limit",
             "the regex costs too much with a line; nobody knows whether it matches");
        return 1; /* it has cost enough for now */
    default:
        lose(v, e, "no-memory", "there was no memory to match a line");
        return 1;
    }
}

static int view_gap(void *ctx, const struct sse_gap *gap)
{
    struct tail_view *v = ctx;
    return v->to->gap(v->to->ctx, gap);
}

static void view_advance(void *ctx, const char *position)
{
    struct tail_view *v = ctx;
    v->to->advance(v->to->ctx, position);
}

static void view_end(void *ctx, const char *position, const char *data)
{
    struct tail_view *v = ctx;
    v->to->end(v->to->ctx, position, data);
}

void tail_view_init(struct tail_view *v, const struct tail_style *style, const struct sse_out *to)
{
    *v = (struct tail_view){
        .out = {.event = view_event,
                .gap = view_gap,
                .advance = view_advance,
                .end = view_end,
                .ctx = v},
        .to = to,
        .style = style,
    };
    tail_view_begin(v);
}

void tail_view_begin(struct tail_view *v)
{
    const struct clock *clock = v->style->clock;
    v->slice_ends_ms = clock->mono_ms(clock) + TAIL_VIEW_SLICE_MS;
}

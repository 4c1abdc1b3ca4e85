/* SPDX-License-Identifier: MIT */
/* tail_view: what a stream makes of a log's lines on their way out. */
#include "source/tail/view.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "source/filter.h"
#include "source/line_level.h"
#include "source/tail/context.h"
#include "source/tail/cursor.h"
#include "source/tail/position.h"

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
static int is_slice_over(struct tail_style *s)
{
    if (!s->filter || !filter_is_costly(s->filter) || ++s->lines < CLOCK_LINES) {
        return 0;
    }
    s->lines = 0;
    return s->clock->mono_ms(s->clock) >= s->slice_ends_ms;
}

static int show(struct tail_view *v, const struct sse_event *e)
{
    struct sse_event shown = *e;
    struct tail_style *s = v->style;
    if (s->level_events && !e->name) {
        shown.name = line_level(e->data, e->data_len);
    }
    if (s->format != LINE_FORMAT_TEXT) {
        struct tail_position at = {.offset = 0};
        tail_position_parse(e->position, &at);
        struct line line = {.text = e->data, .len = e->data_len, .offset = at.offset,
                            .file = s->file};
        if (line_format(s->format, &line, s->text, &shown.data, &shown.data_len)) {
            return lose(v, e, "no-memory", "there was no memory for a line");
        }
    }
    return v->to->event(v->to->ctx, &shown);
}

static int show_in_context(void *ctx, const struct sse_event *e)
{
    return show(ctx, e);
}

static void hide(void *ctx, const char *position)
{
    struct tail_view *v = ctx;
    v->to->advance(v->to->ctx, position);
}

static struct tail_context_out context_out(struct tail_view *v)
{
    return (struct tail_context_out){.show = show_in_context, .hide = hide, .ctx = v};
}

/* A line whose answer is known. */
static int settle(struct tail_view *v, const struct sse_event *e, int is_match)
{
    if (v->context) {
        struct tail_context_out out = context_out(v);
        return tail_context_take(v->context, e, is_match, &out);
    }
    if (is_match) {
        return show(v, e);
    }
    hide(v, e->position);
    return 0;
}

/* What is missing ends the context on both sides of it. */
static void end_context(struct tail_view *v, const char *position)
{
    if (v->context) {
        struct tail_context_out out = context_out(v);
        tail_context_break(v->context, &out);
        tail_context_forget(v->context, position);
    }
}

static int view_event(void *ctx, const struct sse_event *e)
{
    struct tail_view *v = ctx;
    const struct tail_style *s = v->style;
    if (!s->filter) {
        int is_as_it_is = s->format == LINE_FORMAT_TEXT && !s->level_events;
        return is_as_it_is ? v->to->event(v->to->ctx, e) : show(v, e);
    }
    int answer = filter_match(s->filter, e->data, e->data_len);
    switch (answer) {
    case 0:
    case 1:
        return settle(v, e, answer) | is_slice_over(v->style);
    case ERR_LIMIT:
        end_context(v, e->position);
        lose(v, e, "filter-limit",
             "the regex costs too much with a line; nobody knows whether it matches");
        return 1; /* it has cost enough for now */
    default:
        end_context(v, e->position);
        lose(v, e, "no-memory", "there was no memory to match a line");
        return 1;
    }
}

static int view_gap(void *ctx, const struct sse_gap *gap)
{
    struct tail_view *v = ctx;
    end_context(v, gap->position);
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

void tail_view_init(struct tail_view *v, struct tail_style *style, const struct sse_out *to)
{
    *v = (struct tail_view){
        .out = {.event = view_event,
                .gap = view_gap,
                .advance = view_advance,
                .end = view_end,
                .ctx = v,
                .wants_all = to->wants_all,
                .until = to->until},
        .to = to,
        .style = style,
    };
    tail_view_begin(v);
}

void tail_view_begin(struct tail_view *v)
{
    const struct clock *clock = v->style->clock;
    v->style->slice_ends_ms = clock->mono_ms(clock) + TAIL_VIEW_SLICE_MS;
}

static size_t find_wanted(void *ctx, const char *block, size_t len, int *is_enough)
{
    struct tail_style *s = ctx;
    size_t at = 0;
    for (;;) {
        int is_found;
        at += filter_find(s->filter, block + at, len - at, &is_found);
        if (is_found || at == len) {
            return at;
        }
        if (s->clock->mono_ms(s->clock) >= s->slice_ends_ms) {
            *is_enough = 1;
            return at;
        }
    }
}

struct tail_skip tail_view_skip(struct tail_style *style)
{
    struct tail_skip none = {.find = NULL};
    return style->filter ? (struct tail_skip){.find = find_wanted, .ctx = style} : none;
}

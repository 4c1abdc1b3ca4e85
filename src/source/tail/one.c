/* SPDX-License-Identifier: MIT */
/* tail_one: one log as a stream shows it. */
#include "source/tail/one.h"

#include "base/err.h"
#include "source/filter.h"
#include "source/source.h"
#include "source/tail/seek.h"

#include <string.h>

#define TRIES_MAX 16 /* pulls in one that decide nothing, because lines are held */

static int show_nothing(void *ctx, const struct sse_event *e)
{
    (void)ctx;
    (void)e;
    return 0;
}

static int tell_nothing(void *ctx, const struct sse_gap *gap)
{
    (void)ctx;
    (void)gap;
    return 0;
}

static void pass_nothing(void *ctx, const char *position)
{
    (void)ctx;
    (void)position;
}

static const struct sse_out nowhere = {
    .event = show_nothing, .gap = tell_nothing, .advance = pass_nothing};

static size_t context_lines(const struct tail_one *o)
{
    return o->style.filter ? filter_context(o->style.filter) : 0;
}

/* Has the lines before a position seen, so that what follows them is shown, or not, as if all had been
 * read from the beginning. Where they cannot be had, there is no context. */
static int see_before(struct tail_one *o, struct tail_view *view, const char *position,
                      size_t lines)
{
    const struct sse_out *to = view->to;
    view->to = &nowhere;
    int rc = tail_seek_replay(&o->core, view, position, lines);
    view->to = to;
    return rc == ERR_NOMEM ? rc : 0;
}

/* Lines before the head may belong to a match that is still to come: they are held, too. */
static int begin_context(struct tail_one *o)
{
    size_t lines = context_lines(o);
    if (lines == 0) {
        return 0;
    }
    int rc = tail_context_init(&o->context, lines, o->core.head);
    if (rc) {
        return rc;
    }
    o->live.context = &o->context;
    return o->core.live.file ? see_before(o, &o->live, o->core.head, 2 * lines) : 0;
}

int tail_one_init(struct tail_one *o, const struct tail_one_setup *setup)
{
    *o = (struct tail_one){.style = setup->style};
    tail_view_init(&o->live, &o->style, setup->out);
    int rc = tail_log_init(&o->core, setup->path, setup->follow, setup->rotated,
                           setup->max_line_bytes, setup->log, &o->live.out);
    if (rc) {
        return rc;
    }
    rc = begin_context(o);
    if (rc) {
        tail_one_fini(o);
        return rc;
    }
    if (!o->live.context) {
        o->core.skip = tail_view_skip(&o->style);
    }
    return 0;
}

void tail_one_fini(struct tail_one *o)
{
    tail_log_fini(&o->core);
    tail_context_fini(&o->context);
}

const char *tail_one_head(const struct tail_one *o)
{
    return o->live.context ? o->context.decided : o->core.head;
}

int tail_one_look(struct tail_one *o, size_t budget_bytes)
{
    tail_view_begin(&o->live);
    return tail_log_look(&o->core, budget_bytes);
}

void tail_one_rewind(struct tail_one *o)
{
    tail_log_rewind(&o->core);
    if (o->live.context) {
        o->context.after = 0;
        tail_context_forget(&o->context, o->core.head);
    }
}

/* Reads on until something is decided: lines that are held are read again by the next pull. */
static int pull_on(struct tail_one *o, struct tail_view *view, char position[SSE_POSITION_SIZE],
                   size_t budget_bytes)
{
    const struct tail_context *c = view->context;
    char cursor[SSE_POSITION_SIZE];
    int rc = SOURCE_MORE;
    memcpy(cursor, position, strlen(position) + 1);
    for (int i = 0; i < TRIES_MAX && rc == SOURCE_MORE && strcmp(c->decided, position) == 0; i++) {
        rc = tail_log_pull(&o->core, cursor, &view->out, budget_bytes);
    }
    const char *reached = rc == SOURCE_HEAD ? tail_one_head(o) : c->decided;
    memcpy(position, reached, strlen(reached) + 1);
    return rc;
}

static int pull_in_context(struct tail_one *o, char position[SSE_POSITION_SIZE],
                           const struct sse_out *page, size_t budget_bytes)
{
    struct tail_context context;
    struct tail_view view;
    int rc = tail_context_init(&context, context_lines(o), position);
    if (rc) {
        return rc;
    }
    tail_view_init(&view, &o->style, page);
    view.context = &context;
    rc = see_before(o, &view, position, context.lines);
    if (!rc) {
        tail_context_forget(&context, position); /* what is before it was decided long ago */
        rc = pull_on(o, &view, position, budget_bytes);
    }
    tail_context_fini(&context);
    return rc;
}

int tail_one_pull(struct tail_one *o, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                  size_t budget_bytes)
{
    tail_view_begin(&o->live); /* live events may come of it, too */
    if (!o->live.context) {
        struct tail_view view;
        tail_view_init(&view, &o->style, page);
        return tail_log_pull(&o->core, position, &view.out, budget_bytes);
    }
    if (strcmp(position, o->context.decided) == 0) {
        return SOURCE_HEAD;
    }
    return pull_in_context(o, position, page, budget_bytes);
}

int tail_one_back(struct tail_one *o, uint64_t count, char out[SSE_POSITION_SIZE])
{
    if (!o->live.context) {
        return tail_seek_back(&o->core, &o->style, count, out);
    }
    if (count == 0 || !o->core.live.file) {
        memcpy(out, o->context.decided, sizeof o->context.decided);
        return 0;
    }
    char at[SSE_POSITION_SIZE];
    int rc = tail_seek_back(&o->core, &o->style, count, at);
    return rc ? rc : tail_seek_lines(&o->core, at, o->context.lines, out);
}

/* SPDX-License-Identifier: MIT */
/* begin: where a stream begins and ends for a request: its parameters and its Last-Event-ID. */
#include "app/begin.h"

#include "app/channels.h"
#include "app/config.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/num.h"
#include "source/merge/merge.h"
#include "source/source.h"

#include <stdio.h>
#include <string.h>

#define LAST_MAX 1000000
#define PAGE_EVENTS 200 /* what ?before= returns without ?last= */

/* --- parameters ---------------------------------------------------------------------------- */

static const char *const common_params[] = {"from", "last", "since", "before", "until", NULL};

static int is_known_param(const struct source_type *type, const char *name)
{
    for (const char *const *p = common_params; *p; p++) {
        if (strcmp(*p, name) == 0) {
            return 1;
        }
    }
    for (const char *const *p = type->param_names; p && *p; p++) {
        if (strcmp(*p, name) == 0) {
            return 1;
        }
    }
    return 0;
}

int app_begin_check_params(const struct app_stream *stream, const struct sse_query *q,
                           struct err *err)
{
    const struct source_type *type = stream->type;
    for (size_t i = 0; i < q->count; i++) {
        const char *name = q->params[i].name;
        if (!is_known_param(type, name)) {
            char known[256] = "from, last, since, before, until";
            size_t used = strlen(known);
            for (const char *const *p = type->param_names; p && *p && used < sizeof known; p++) {
                used += (size_t)snprintf(known + used, sizeof known - used, ", %s", *p);
            }
            return err_set(err, ERR_INVALID, "%.64s: unknown parameter; known here: %s", name,
                           known);
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(q->params[k].name, name) == 0) {
                return err_set(err, ERR_INVALID, "%.64s: must be given once", name);
            }
        }
    }
    return 0;
}

struct app_wish app_begin_wish(const struct sse_query *q)
{
    return (struct app_wish){.from = sse_query_get(q, "from"),
                             .last = sse_query_get(q, "last"),
                             .since = sse_query_get(q, "since"),
                             .before = sse_query_get(q, "before"),
                             .until = sse_query_get(q, "until")};
}

/* --- places -------------------------------------------------------------------------------- */

static int understands(const struct app_channel *c, const char *position)
{
    return sse_position_is_valid(position, strlen(position))
           && c->source->type->understands(c->source, position);
}

/* A position that is understood, as this stream would write it. */
static void adopt(const struct app_channel *c, const char *position, char out[SSE_POSITION_SIZE])
{
    if (c->source->type != &source_merge || merge_adopt(c->source, position, out)) {
        memcpy(out, position, strlen(position) + 1);
    }
}

static int check_position(const struct app_channel *c, const char *name, const char *position,
                          struct err *err)
{
    if (!position || understands(c, position)) {
        return 0;
    }
    return err_set(err, ERR_INVALID, "%s: must be a position, as the id of an event of this stream "
                                     "is one", name);
}

static int read_count(const char *text, uint64_t *count, struct err *err)
{
    if (num_parse_u64(text, strlen(text), LAST_MAX, count)) {
        return err_set(err, ERR_INVALID, "last: must be a number from 0 to %d", LAST_MAX);
    }
    return 0;
}

static int begin_since(struct app_channel *c, const char *text, char out[SSE_POSITION_SIZE],
                       struct err *err)
{
    int64_t wall_ms;
    if (!c->source->type->since) {
        return err_set(err, ERR_INVALID, "since: the events of this stream have no times");
    }
    if (clock_parse(text, &wall_ms)) {
        return err_set(err, ERR_INVALID, "since: must be a time such as 2026-11-21T09:17:03Z, or "
                                         "milliseconds since 1970");
    }
    int rc = c->source->type->since(c->source, wall_ms, out, err);
    if (rc && rc != ERR_INVALID) {
        return err_set(err, rc, "since: the stream cannot be searched now");
    }
    return rc;
}

/* The page of history before a position: it has an end of its own. */
static int begin_before(struct app_channel *c, const struct app_wish *wish,
                        struct app_begin *out, struct err *err)
{
    uint64_t count = PAGE_EVENTS;
    if (wish->from || wish->since || wish->until) {
        return err_set(err, ERR_INVALID, "before: goes with last only");
    }
    if (!c->source->type->before) {
        return err_set(err, ERR_INVALID, "before: this stream cannot be read backwards");
    }
    if (wish->last && read_count(wish->last, &count, err)) {
        return ERR_INVALID;
    }
    int rc = c->source->type->before(c->source, wish->before, count, out->position, out->until);
    if (rc == ERR_UNKNOWN) {
        return err_set(err, ERR_INVALID,
                       "before: this stream has several files, which have no order among each other");
    }
    if (rc == ERR_GONE) {
        return err_set(err, rc, "before: nothing from before this position can be had any more");
    }
    return rc ? err_set(err, rc, "before: the stream cannot be read now") : 0;
}

static int begin_without_id(struct app_channel *c, const struct app_wish *wish,
                            struct app_begin *out, struct err *err)
{
    uint64_t count;
    if (wish->from) {
        adopt(c, wish->from, out->position);
        out->is_resume = 1;
        return 0;
    }
    c->source->type->head(c->source, out->position);
    if (wish->since) {
        return begin_since(c, wish->since, out->position, err);
    }
    if (wish->last) {
        int rc = read_count(wish->last, &count, err);
        if (rc) {
            return rc;
        }
        /* What cannot be looked at has no last events: the stream goes on from now. */
        (void)c->source->type->back(c->source, count, out->position);
    }
    return 0;
}

int app_begin_at(struct app_channel *c, const struct app_wish *wish, struct app_begin *out,
                    struct err *err)
{
    *out = (struct app_begin){.has_gap = 0};
    const char *id = wish->last_event_id;
    int is_known = id && understands(c, id);
    /* A page keeps its ?from= when it reconnects, and that may be too old by then. */
    int rc = is_known ? 0 : check_position(c, "from", wish->from, err);
    rc = rc ? rc : check_position(c, "before", wish->before, err);
    rc = rc ? rc : check_position(c, "until", wish->until, err);
    if (!rc && wish->before) {
        rc = begin_before(c, wish, out, err);
    } else if (!rc && wish->until) {
        memcpy(out->until, wish->until, strlen(wish->until) + 1);
    }
    if (rc) {
        return rc;
    }
    if (is_known) {
        adopt(c, id, out->position);
        out->is_resume = 1;
    } else if (!wish->before) {
        rc = begin_without_id(c, wish, out, err);
    }
    if (rc || !id || out->is_resume) {
        return rc;
    }
    c->source->type->head(c->source, out->position);
    out->has_gap = 1;
    out->gap = (struct sse_gap){.position = out->position, .reason = "unknown-position",
                                .detail = "the Last-Event-ID is not one of this stream's; "
                                          "the stream goes on from now",
                                .bytes = -1, .events = -1};
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* run_view: a journal in which gaps and the end stand as events. */
#include "source/run/view.h"

#include "base/buf.h"
#include "base/err.h"
#include "conf/json.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

int run_view_is(const struct sse_event *e, const char *name)
{
    return e->name && strcmp(e->name, name) == 0;
}

static const char *text_of(struct json_object *o, const char *key)
{
    struct json_object *value;
    return json_object_object_get_ex(o, key, &value) ? json_object_get_string(value) : NULL;
}

int run_view_pass_gap(const struct sse_event *e, const struct sse_out *to)
{
    struct json_tokener *t = json_tokener_new();
    struct json_object *bytes;
    struct json_object *o = t ? json_tokener_parse_ex(t, e->data, (int)e->data_len) : NULL;
    const char *reason = o ? text_of(o, "reason") : NULL;
    struct sse_gap gap = {.position = e->position,
                          .reason = reason ? reason : "damaged",
                          .detail = o ? text_of(o, "detail") : NULL,
                          .bytes = -1,
                          .events = -1};
    if (o && json_object_object_get_ex(o, "bytes", &bytes)) {
        gap.bytes = json_object_get_int64(bytes);
    }
    int is_full = to->gap(to->ctx, &gap);
    json_object_put(o);
    if (t) {
        json_tokener_free(t);
    }
    return is_full;
}

void run_view_pass_end(const struct sse_event *e, const struct sse_out *to)
{
    char *data = strndup(e->data, e->data_len);
    to->end(to->ctx, e->position, data);
    free(data);
}

static int on_event(void *ctx, const struct sse_event *e)
{
    struct run_view *v = ctx;
    const struct sse_out *to = v->to;
    if (run_view_is(e, RUN_GAP_NAME)) {
        return run_view_pass_gap(e, to);
    }
    if (!run_view_is(e, RUN_END_NAME)) {
        return to->event(to->ctx, e);
    }
    v->has_ended = 1;
    memcpy(v->end, e->position, strlen(e->position) + 1);
    run_view_pass_end(e, to);
    return 1;
}

static int on_gap(void *ctx, const struct sse_gap *gap)
{
    const struct run_view *v = ctx;
    return v->to->gap(v->to->ctx, gap);
}

static void on_advance(void *ctx, const char *position)
{
    const struct run_view *v = ctx;
    if (v->to->advance) {
        v->to->advance(v->to->ctx, position);
    }
}

void run_view_init(struct run_view *v, const struct sse_out *to)
{
    *v = (struct run_view){.to = to};
    v->out = (struct sse_out){.event = on_event,
                              .gap = on_gap,
                              .advance = on_advance,
                              .ctx = v,
                              .wants_all = to->wants_all,
                              .until = to->until};
}

int run_view_gap(const char *reason, const char *detail, struct buf *out)
{
    struct json_object *o = json_object_new_object();
    int rc = o ? conf_json_add(o, "reason", json_object_new_string(reason)) : ERR_NOMEM;
    rc = rc ? rc : conf_json_add(o, "detail", json_object_new_string(detail));
    if (rc) {
        json_object_put(o);
        return rc;
    }
    return conf_json_append(o, out);
}

/* SPDX-License-Identifier: MIT */
/* serve: what a client sees: which answer a request gets. */
#include "app/serve.h"

#include "app/channels.h"
#include "app/config.h"
#include "app/json.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/num.h"
#include "base/rand.h"
#include "gate/gate.h"
#include "source/source.h"
#include "sse/frame.h"
#include "sse/response.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES (8 * 1024 * 1024) /* the list of APP_STREAMS_MAX streams fits */
#define LAST_MAX 1000000
#define BUSY_RETRY_FACTOR 10 /* stream.busy asks for so many times retry_ms */
#define METHODS "GET, HEAD, OPTIONS"

/* One request on its way to its answer. */
struct task {
    const struct app_server *server;
    struct gate_exchange *x;
    struct sse_request request;
    const char *allowed_origin;
    struct buf out;
};

static void send_out(struct task *t, int rc)
{
    if (rc) {
        buf_clear(&t->out);
        buf_append_str(&t->out, "Status: 500 Internal Server Error\r\n\r\n");
    }
    gate_answer(t->x, t->out.data ? t->out.data : "", t->out.len);
}

static void answer_error(struct task *t, const char *status, const char *text, const char *extra)
{
    int rc = sse_head_plain(&t->out, status, "application/json", t->allowed_origin, extra);
    if (!rc && t->request.method != SSE_HEAD) {
        rc = app_json_error(text, &t->out);
    }
    send_out(t, rc);
}

static void answer_status(struct task *t, const char *status)
{
    send_out(t, sse_head_plain(&t->out, status, NULL, t->allowed_origin, NULL));
}

/* Busy is a stream that says so and ends: after a 503 EventSource would never come back. */
static void answer_busy(struct task *t, const char *reason, const char *detail, int64_t limit)
{
    uint64_t retry_ms = (uint64_t)t->server->config->hub.retry_ms * BUSY_RETRY_FACTOR;
    struct buf json;
    buf_init(&json, 4096);
    int rc = sse_head_stream(&t->out, t->allowed_origin);
    if (!rc) {
        rc = sse_frame_retry(&t->out, rand_percent(retry_ms, 80, 120));
    }
    if (!rc) {
        rc = app_json_busy(reason, detail, limit, &json);
    }
    if (!rc) {
        rc = sse_frame_event(&t->out, NULL, "stream.busy", json.data, json.len);
    }
    buf_fini(&json);
    send_out(t, rc);
}

static void answer_options(struct task *t)
{
    if (!t->request.origin) {
        send_out(t, sse_head_plain(&t->out, "204 No Content", NULL, NULL,
                                   "Allow: " METHODS "\r\n"));
    } else if (!t->allowed_origin) {
        answer_error(t, "403 Forbidden", "this origin is not among cors_origins", NULL);
    } else {
        send_out(t, sse_head_preflight(&t->out, t->allowed_origin, METHODS));
    }
}

static void answer_list(struct task *t)
{
    int rc = sse_head_plain(&t->out, "200 OK", "application/json", t->allowed_origin, NULL);
    if (!rc && t->request.method != SSE_HEAD) {
        rc = app_json_list(t->server->config, t->server->channels, &t->out);
    }
    send_out(t, rc);
}

/* --- where to begin ------------------------------------------------------------------------ */

static int understands(const struct app_channel *c, const char *position)
{
    return sse_position_is_valid(position, strlen(position))
           && c->source->type->understands(c->source, position);
}

int app_serve_begin(struct app_channel *c, const char *header, const char *from, const char *last,
                    struct app_begin *out, struct err *err)
{
    const char *position = header ? header : from;
    uint64_t count;
    *out = (struct app_begin){.has_gap = 0};
    if (position && understands(c, position)) {
        memcpy(out->position, position, strlen(position) + 1);
        out->is_resume = 1;
        return 0;
    }
    if (!header && from) {
        return err_set(err, ERR_INVALID, "from: must be a position, as the id of an event of this "
                                         "stream is one");
    }
    c->source->type->head(c->source, out->position);
    if (header) {
        out->has_gap = 1;
        out->gap = (struct sse_gap){.position = out->position, .reason = "unknown-position",
                                    .detail = "the Last-Event-ID is not one of this stream's; "
                                              "the stream goes on from now",
                                    .bytes = -1, .events = -1};
    } else if (last) {
        if (num_parse_u64(last, strlen(last), LAST_MAX, &count)) {
            return err_set(err, ERR_INVALID, "last: must be a number from 0 to %d", LAST_MAX);
        }
        /* What cannot be looked at has no last events: the stream goes on from now. */
        (void)c->source->type->back(c->source, count, out->position);
    }
    return 0;
}

/* --- streams ------------------------------------------------------------------------------- */

static int is_known_param(const struct source_type *type, const char *name)
{
    for (const char *const *p = type->param_names; p && *p; p++) {
        if (strcmp(*p, name) == 0) {
            return 1;
        }
    }
    return strcmp(name, "from") == 0 || strcmp(name, "last") == 0;
}

int app_serve_check_params(const struct app_stream *stream, const struct sse_query *q,
                           struct err *err)
{
    const struct source_type *type = stream->type;
    for (size_t i = 0; i < q->count; i++) {
        const char *name = q->params[i].name;
        if (!is_known_param(type, name)) {
            char known[256] = "from, last";
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

static void start_stream(struct task *t, struct app_channel *c)
{
    struct err err = {.code = 0};
    struct app_begin begin;
    const struct sse_query *q = &t->request.query;
    if (app_serve_begin(c, t->request.last_event_id, sse_query_get(q, "from"),
                        sse_query_get(q, "last"), &begin, &err)) {
        answer_error(t, "400 Bad Request", err.text, NULL);
        return;
    }
    /* 204 is how EventSource is told to stop (WHATWG HTML 9.2.3). */
    if (begin.is_resume && hub_channel_has_ended(c->hub_channel)
        && strcmp(begin.position, hub_channel_position(c->hub_channel)) == 0) {
        answer_status(t, "204 No Content");
        return;
    }
    if (sse_head_stream(&t->out, t->allowed_origin)) {
        send_out(t, ERR_NOMEM);
        return;
    }
    if (t->request.method == SSE_HEAD) {
        send_out(t, 0);
        return;
    }
    struct hub_start start = {.head = t->out.data, .head_len = t->out.len,
                              .position = begin.position, .gap = begin.has_gap ? &begin.gap : NULL};
    int rc = gate_stream(t->x, c->hub_channel, &start, t->server->clock->mono_ms(t->server->clock));
    if (rc) {
        buf_clear(&t->out);
        answer_busy(t, rc == ERR_LIMIT ? "max_streams" : "memory",
                    rc == ERR_LIMIT ? "this process serves as many streams as it may"
                                    : "this process is out of memory",
                    rc == ERR_LIMIT ? t->server->config->hub.max_streams : -1);
    }
}

static void answer_stream(struct task *t)
{
    struct err err = {.code = 0};
    struct app_channel *c;
    struct app_stream *stream = app_config_find(t->server->config, t->request.name);
    if (!stream) {
        answer_error(t, "404 Not Found", "there is no such stream", NULL);
        return;
    }
    if (t->request.method != SSE_GET && t->request.method != SSE_HEAD) {
        answer_error(t, "405 Method Not Allowed", "method: must be one of " METHODS,
                     "Allow: " METHODS "\r\n");
        return;
    }
    int rc = app_serve_check_params(stream, &t->request.query, &err);
    if (!rc) {
        rc = app_channels_open(t->server->channels, stream, &t->request.query, &c, &err);
    }
    if (rc == ERR_INVALID) {
        answer_error(t, "400 Bad Request", err.text, NULL);
    } else if (rc) {
        answer_busy(t, rc == ERR_LIMIT ? "channels" : "unavailable", err.text, -1);
    } else {
        start_stream(t, c);
    }
}

static void answer_list_request(struct task *t)
{
    if (t->request.method != SSE_GET && t->request.method != SSE_HEAD) {
        answer_error(t, "405 Method Not Allowed", "method: must be one of " METHODS,
                     "Allow: " METHODS "\r\n");
    } else if (t->request.query.count > 0) {
        answer_error(t, "400 Bad Request", "the list of streams takes no parameters", NULL);
    } else {
        answer_list(t);
    }
}

void app_serve(void *ctx, struct gate_exchange *x, const struct sse_vars *vars)
{
    struct task t = {.server = ctx, .x = x};
    struct err err = {.code = 0};
    const struct conf_list *origins = &t.server->config->cors_origins;
    buf_init(&t.out, ANSWER_BYTES);
    int rc = sse_request_read(&t.request, vars, t.server->config->prefix, &err);
    t.allowed_origin = sse_cors_allowed(origins->items, origins->count, t.request.origin);
    if (rc == ERR_UNKNOWN) {
        answer_error(&t, "404 Not Found", err.text, NULL);
    } else if (rc == ERR_LIMIT) {
        answer_error(&t, "414 URI Too Long", err.text, NULL);
    } else if (rc) {
        answer_error(&t, "400 Bad Request", err.text, NULL);
    } else if (t.request.method == SSE_OPTIONS) {
        answer_options(&t);
    } else if (t.request.name[0] == '\0') {
        answer_list_request(&t);
    } else {
        answer_stream(&t);
    }
    buf_fini(&t.out);
}

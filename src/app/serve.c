/* SPDX-License-Identifier: MIT */
/* serve: what a client sees: which answer a request gets. */
#include "app/serve.h"

#include "app/answers/run_serve.h"
#include "app/answers/run_stream.h"
#include "app/answers/runs.h"
#include "app/begin.h"
#include "app/channels.h"
#include "app/config.h"
#include "app/figures/figures.h"
#include "app/figures/metrics.h"
#include "app/figures/presence.h"
#include "app/json.h"
#include "app/pages.h"
#include "app/publish/allow.h"
#include "app/publish/publish.h"
#include "app/several.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rand.h"
#include "gate/gate.h"
#include "source/run/log.h"
#include "source/source.h"
#include "sse/frame.h"
#include "sse/response.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES (8 * 1024 * 1024) /* the list of APP_STREAMS_MAX streams fits */
#define BUSY_RETRY_FACTOR 10 /* stream.busy asks for so many times retry_ms */
#define BUSY_LOG_MS 60000
#define METHODS "GET, HEAD, OPTIONS"
#define ALLOW "Allow: " METHODS "\r\n"
#define POST_METHODS METHODS ", POST"
#define ASKED_METHODS "OPTIONS, POST"
#define RUN_METHODS METHODS ", DELETE"

/* Statuses of those that are no stream.busy. */
static const char *const statuses[] = {
    [APP_REJECT_BAD_REQUEST] = "400 Bad Request",
    [APP_REJECT_FORBIDDEN] = "403 Forbidden",
    [APP_REJECT_NOT_FOUND] = "404 Not Found",
    [APP_REJECT_METHOD] = "405 Method Not Allowed",
    [APP_REJECT_GONE] = "410 Gone",
    [APP_REJECT_TOO_LONG] = "414 URI Too Long",
    [APP_REJECT_CHANNELS] = "503 Service Unavailable",
};

/* One request on its way to its answer. */
struct task {
    struct app_server *server;
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

static void answer_error(struct task *t, enum app_reject why, const char *text, const char *extra)
{
    t->server->counts->rejected[why]++;
    int rc = sse_head_plain(&t->out, statuses[why], "application/json", t->allowed_origin, extra);
    if (!rc && t->request.method != SSE_HEAD) {
        rc = app_json_error(text, &t->out);
    }
    send_out(t, rc);
}

static void answer_status(struct task *t, const char *status)
{
    send_out(t, sse_head_plain(&t->out, status, NULL, t->allowed_origin, NULL));
}

static void log_busy(struct app_server *server, const char *detail)
{
    int64_t now = server->clock->mono_ms(server->clock);
    if (server->was_busy && now - server->busy_ms < BUSY_LOG_MS) {
        return;
    }
    server->was_busy = 1;
    server->busy_ms = now;
    log_say(server->log, WARN, "app", "readers are told to come back later",
            LOG_TEXT("reason", detail), LOG_NUM("max_streams", server->hub->max_streams));
}

/* Busy is a stream that says so and ends: after a 503 EventSource would never come back. */
static void answer_busy(struct task *t, enum app_reject why, const char *detail, int64_t limit)
{
    static const char *const reasons[] = {
        [APP_REJECT_MAX_STREAMS] = "max_streams",
        [APP_REJECT_CHANNELS] = "channels",
        [APP_REJECT_UNAVAILABLE] = "unavailable",
        [APP_REJECT_MEMORY] = "memory",
    };
    uint64_t retry_ms = (uint64_t)t->server->hub->retry_ms * BUSY_RETRY_FACTOR;
    struct buf json;
    t->server->counts->rejected[why]++;
    log_busy(t->server, detail);
    buf_init(&json, 4096);
    int rc = sse_head_stream(&t->out, t->allowed_origin);
    if (!rc) {
        rc = sse_frame_retry(&t->out, rand_percent(retry_ms, 80, 120));
    }
    if (!rc) {
        rc = app_json_busy(reasons[why], detail, limit, &json);
    }
    if (!rc) {
        rc = sse_frame_event(&t->out, NULL, "stream.busy", json.data, json.len);
    }
    buf_fini(&json);
    send_out(t, rc);
}

/* What may be done with a name, as Allow has it; a page of an origin may do less. */
static const char *methods_of(const struct task *t, int is_page)
{
    struct err err = {.code = 0};
    const struct app_config *config = t->server->config;
    struct app_stream *stream = NULL;
    if (app_run_stream_is_named(config, t->request.name)) {
        return RUN_METHODS;
    }
    int is_taking = app_config_stream(config, t->request.name, &stream, &err) == 0
                    && stream->publishers;
    int is_asked = stream && app_stream_answers(stream);
    app_stream_unref(stream);
    if (is_page) {
        is_taking = is_taking
                    && app_publish_has_good_origin(t->request.origin, t->allowed_origin, NULL);
    }
    return is_asked ? ASKED_METHODS : is_taking ? POST_METHODS : METHODS;
}

static void answer_options(struct task *t)
{
    const char *origin = t->request.origin;
    if (!origin) {
        char allow[64];
        snprintf(allow, sizeof allow, "Allow: %s\r\n", methods_of(t, 0));
        send_out(t, sse_head_plain(&t->out, "204 No Content", NULL, NULL, allow));
    } else if (!t->allowed_origin) {
        answer_error(t, APP_REJECT_FORBIDDEN, "this origin is not among cors_origins", NULL);
    } else {
        send_out(t, sse_head_preflight(&t->out, t->allowed_origin, methods_of(t, 1)));
    }
}

static void answer_list(struct task *t)
{
    int rc = sse_head_plain(&t->out, "200 OK", "application/json", t->allowed_origin, NULL);
    if (!rc && t->request.method != SSE_HEAD) {
        rc = app_json_list(t->server->config, &t->out);
    }
    send_out(t, rc);
}

/* --- streams ------------------------------------------------------------------------------- */

/* The client has had the end: 204 is how EventSource is told to stop (WHATWG HTML 9.2.3). */
static int is_over(const struct app_channel *c, const struct app_begin *begin)
{
    if (!begin->is_resume) {
        return 0;
    }
    return strcmp(begin->position, begin->until) == 0
           || (c->source->type == &source_run_log && run_log_is_over(c->source, begin->position))
           || (hub_channel_has_ended(c->hub_channel)
               && strcmp(begin->position, hub_channel_position(c->hub_channel)) == 0);
}

static void start_stream(struct task *t, struct app_channel *c)
{
    struct err err = {.code = 0};
    struct app_begin begin;
    struct app_wish wish = app_begin_wish(&t->request.query);
    wish.last_event_id = t->request.last_event_id;
    if (c->source->type == &source_run_log) {
        app_run_wish(&wish);
    }
    int rc = app_begin_at(c, &wish, &begin, &err);
    if (rc == ERR_GONE || rc == ERR_INVALID) {
        answer_error(t, rc == ERR_GONE ? APP_REJECT_GONE : APP_REJECT_BAD_REQUEST, err.text, NULL);
        return;
    }
    if (rc) {
        answer_busy(t, APP_REJECT_UNAVAILABLE, err.text, -1);
        return;
    }
    if (is_over(c, &begin)) {
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
                              .position = begin.position, .gap = begin.has_gap ? &begin.gap : NULL,
                              .until = begin.until[0] ? begin.until : NULL,
                              .is_first = !begin.is_resume};
    rc = gate_stream(t->x, c->hub_channel, &start, t->server->clock->mono_ms(t->server->clock));
    if (rc) {
        buf_clear(&t->out);
        answer_busy(t, rc == ERR_LIMIT ? APP_REJECT_MAX_STREAMS : APP_REJECT_MEMORY,
                    rc == ERR_LIMIT ? "this process serves as many streams as it may"
                                    : "this process is out of memory",
                    rc == ERR_LIMIT ? t->server->hub->max_streams : -1);
    }
}

static void answer_with(struct task *t, struct app_stream *stream, const struct sse_vars *vars)
{
    struct err err = {.code = 0};
    struct app_channel *c;
    struct app_publish_request post = {.server = t->server, .x = t->x, .request = &t->request,
                                       .vars = vars, .allowed_origin = t->allowed_origin,
                                       .stream = stream};
    if (app_stream_answers(stream)) {
        if (t->request.method == SSE_POST) {
            app_run_post(&post);
        } else {
            answer_error(t, APP_REJECT_METHOD, "method: must be one of " ASKED_METHODS,
                         "Allow: " ASKED_METHODS "\r\n");
        }
        return;
    }
    if (t->request.method == SSE_POST && stream->publishers) {
        app_publish(&post);
        return;
    }
    if (t->request.method != SSE_GET && t->request.method != SSE_HEAD) {
        answer_error(t, APP_REJECT_METHOD,
                     stream->publishers ? "method: must be one of " POST_METHODS
                                        : "method: must be one of " METHODS,
                     stream->publishers ? "Allow: " POST_METHODS "\r\n" : ALLOW);
        return;
    }
    int rc = app_begin_check_params(stream, &t->request.query, &err);
    if (!rc) {
        rc = app_channels_open(t->server->channels, stream, &t->request.query, &c, &err);
    }
    if (rc == ERR_INVALID) {
        answer_error(t, APP_REJECT_BAD_REQUEST, err.text, NULL);
    } else if (rc) {
        answer_busy(t, rc == ERR_LIMIT ? APP_REJECT_CHANNELS : APP_REJECT_UNAVAILABLE, err.text, -1);
    } else {
        start_stream(t, c);
    }
}

/* There is no such stream, or it cannot come into being. */
static void answer_without(struct task *t, const struct err *err)
{
    if (err->code == ERR_UNKNOWN) {
        answer_error(t, APP_REJECT_NOT_FOUND, err->text, NULL);
    } else if (err->code == ERR_INVALID) {
        answer_error(t, APP_REJECT_BAD_REQUEST, err->text, NULL);
    } else if (t->request.method == SSE_POST) {
        answer_error(t, APP_REJECT_CHANNELS, err->text, "Retry-After: 30\r\n");
    } else {
        answer_busy(t, err->code == ERR_LIMIT ? APP_REJECT_CHANNELS : APP_REJECT_MEMORY, err->text,
                    -1);
    }
}

static void answer_stream(struct task *t, const struct sse_vars *vars)
{
    struct err err = {.code = 0};
    struct app_stream *stream;
    if (app_config_stream(t->server->config, t->request.name, &stream, &err)) {
        answer_without(t, &err);
        return;
    }
    answer_with(t, stream, vars);
    app_stream_unref(stream);
}

/* The answer to a request that was made before. 0: it is none. */
static int answer_run(struct task *t, const struct sse_vars *vars)
{
    struct app_stream *run;
    const char *user = vars->get(vars->ctx, "REMOTE_USER");
    int rc = app_runs_find(t->server->runs, t->server->config, t->request.name, user, &run);
    if (rc == ERR_UNKNOWN) {
        return 0;
    }
    if (rc) {
        answer_error(t, APP_REJECT_CHANNELS, "the answer cannot be read now", NULL);
        return 1;
    }
    if (t->request.method == SSE_DELETE) {
        app_run_delete(&(struct app_publish_request){.server = t->server, .x = t->x,
                                                     .request = &t->request, .vars = vars,
                                                     .allowed_origin = t->allowed_origin,
                                                     .stream = run});
    } else if (t->request.method != SSE_GET && t->request.method != SSE_HEAD) {
        answer_error(t, APP_REJECT_METHOD, "method: must be one of " RUN_METHODS,
                     "Allow: " RUN_METHODS "\r\n");
    } else {
        answer_with(t, run, vars);
    }
    app_stream_unref(run);
    return 1;
}

/* --- pages of our own ---------------------------------------------------------------------- */

static void send_page(struct task *t, int rc, const struct app_page *page, const struct buf *body)
{
    if (!rc) {
        rc = sse_head_plain(&t->out, page->status, page->type, t->allowed_origin, page->extra);
    }
    if (!rc && t->request.method != SSE_HEAD) {
        rc = buf_append(&t->out, body->data ? body->data : "", body->len);
    }
    send_out(t, rc);
}

static void answer_page(struct task *t, const struct sse_vars *vars)
{
    const char *name = t->request.name;
    const char *what = NULL;
    const struct app_allow *allow = app_pages_allow(t->server->config, name, &what);
    char text[128];
    struct app_page page;
    struct buf body;
    if (!allow) {
        answer_error(t, APP_REJECT_NOT_FOUND, "there is no such stream", NULL);
        return;
    }
    if (!app_allow_has(allow, vars->get(vars->ctx, "REMOTE_ADDR"),
                       vars->get(vars->ctx, "REMOTE_USER"))) {
        snprintf(text, sizeof text, "this address or user is not among %s", what);
        answer_error(t, APP_REJECT_FORBIDDEN, text, NULL);
        return;
    }
    if (t->request.method != SSE_GET && t->request.method != SSE_HEAD) {
        answer_error(t, APP_REJECT_METHOD, "method: must be one of " METHODS, ALLOW);
        return;
    }
    buf_init(&body, ANSWER_BYTES);
    int rc = app_pages_make(t->server, name, &page, &body);
    send_page(t, rc, &page, &body);
    buf_fini(&body);
}

/* How many read the stream of this name. */
static void answer_presence(struct task *t, const char *name)
{
    struct err err = {.code = 0};
    struct app_stream *stream;
    struct app_page page;
    struct buf body;
    if (t->request.method != SSE_GET && t->request.method != SSE_HEAD) {
        answer_error(t, APP_REJECT_METHOD, "method: must be one of " METHODS, ALLOW);
        return;
    }
    if (t->request.query.count > 0) {
        answer_error(t, APP_REJECT_BAD_REQUEST, "the number of readers takes no parameters", NULL);
        return;
    }
    int rc = app_config_stream(t->server->config, name, &stream, &err);
    if (rc == ERR_LIMIT || rc == ERR_NOMEM) {
        answer_error(t, APP_REJECT_CHANNELS, err.text, "Retry-After: 30\r\n");
        return;
    }
    if (rc) {
        answer_without(t, &err);
        return;
    }
    if (stream->own.presence) {
        buf_init(&body, ANSWER_BYTES);
        rc = app_presence_page(t->server->presence, stream, &page, &body);
        send_page(t, rc, &page, &body);
        buf_fini(&body);
    } else {
        answer_error(t, APP_REJECT_NOT_FOUND, "presence is off for this stream", NULL);
    }
    app_stream_unref(stream);
}

/* Several streams on one connection. */
static void answer_several(struct task *t)
{
    struct err err = {.code = 0};
    struct app_channel *c;
    int rc = app_several_open(t->server->severals, t->server->config, &t->request.query, &c, &err);
    if (!rc) {
        start_stream(t, c);
    } else if (rc == ERR_IO) {
        answer_busy(t, APP_REJECT_UNAVAILABLE, err.text, -1);
    } else {
        answer_without(t, &err);
    }
}

static void answer_list_request(struct task *t)
{
    if (t->request.method != SSE_GET && t->request.method != SSE_HEAD) {
        answer_error(t, APP_REJECT_METHOD, "method: must be one of " METHODS, ALLOW);
    } else if (app_several_is_asked(&t->request.query)) {
        answer_several(t);
    } else if (t->request.query.count > 0) {
        answer_error(t, APP_REJECT_BAD_REQUEST,
                     "the list of streams takes no parameters; ?stream=NAME reads streams", NULL);
    } else {
        answer_list(t);
    }
}

void app_serve(void *ctx, struct gate_exchange *x, const struct sse_vars *vars)
{
    struct task t = {.server = ctx, .x = x};
    struct err err = {.code = 0};
    char stream[SSE_REQUEST_TEXT_MAX];
    const struct conf_list *origins = &t.server->config->cors_origins;
    buf_init(&t.out, ANSWER_BYTES);
    t.server->counts->requests++;
    int rc = sse_request_read(&t.request, vars, t.server->config->prefix, &err);
    t.allowed_origin = sse_cors_allowed(origins->items, origins->count, t.request.origin);
    if (rc == ERR_UNKNOWN) {
        answer_error(&t, APP_REJECT_NOT_FOUND, err.text, NULL);
    } else if (rc == ERR_LIMIT) {
        answer_error(&t, APP_REJECT_TOO_LONG, err.text, NULL);
    } else if (rc) {
        answer_error(&t, APP_REJECT_BAD_REQUEST, err.text, NULL);
    } else if (t.request.method == SSE_OPTIONS) {
        answer_options(&t);
    } else if (t.request.name[0] == '\0') {
        answer_list_request(&t);
    } else if (t.request.name[0] == '-') {
        answer_page(&t, vars);
    } else if (app_presence_is_named(t.request.name, stream, sizeof stream)) {
        answer_presence(&t, stream);
    } else if (!answer_run(&t, vars)) {
        answer_stream(&t, vars);
    }
    buf_fini(&t.out);
}

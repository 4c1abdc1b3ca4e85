/* SPDX-License-Identifier: MIT */
/* run_serve: requests that ask for an answer, and those that take it back. */
#include "app/answers/run_serve.h"

#include "app/answers/runs.h"
#include "app/begin.h"
#include "app/channels.h"
#include "app/config.h"
#include "app/figures/metrics.h"
#include "app/publish/publish.h"
#include "app/publish/publishers.h"
#include "app/serve.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "gate/gate.h"
#include "source/journal/format.h"
#include "source/source.h"
#include "sse/response.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HEAD_BYTES 8192
#define FULL_RETRY_S 5
#define AWAY_RETRY_S 2

static const char *var(const struct app_publish_request *r, const char *name)
{
    const char *value = r->vars->get(r->vars->ctx, name);
    return value && *value ? value : NULL;
}

void app_run_wish(struct app_wish *wish)
{
    if (!wish->last_event_id && !wish->from && !wish->last && !wish->since && !wish->before) {
        wish->from = JOURNAL_POSITION_START;
    }
}

/* --- refusals ------------------------------------------------------------------------------ */

/* What becomes of a request that is not answered; the last one is of anything else. */
static const struct outcome {
    int rc;
    enum app_reject why;
    const char *status, *error; /* error NULL: as the source says */
    int retry_s;
} outcomes[] = {
    {APP_RUNS_FULL, APP_REJECT_RATE, "429 Too Many Requests",
     "as many requests are being answered, and wait, as may", FULL_RETRY_S},
    {ERR_INVALID, APP_REJECT_BAD_REQUEST, "400 Bad Request", NULL, 0},
    {ERR_LIMIT, APP_REJECT_BAD_REQUEST, "413 Content Too Large", NULL, 0},
    {ERR_RANGE, APP_REJECT_STORE, "507 Insufficient Storage", "there is no room to keep an answer",
     0},
    {ERR_AGAIN, APP_REJECT_UNAVAILABLE, "503 Service Unavailable", NULL, AWAY_RETRY_S},
    {ERR_NOMEM, APP_REJECT_MEMORY, "500 Internal Server Error", "out of memory", 0},
    {ERR_IO, APP_REJECT_STORE, "500 Internal Server Error", "the answer cannot be made or kept", 0},
};

static void refuse(const struct app_publish_request *r, int rc, const struct err *err)
{
    char extra[APP_PUBLISH_EXTRA];
    size_t i = 0;
    while (i + 1 < sizeof outcomes / sizeof outcomes[0] && outcomes[i].rc != rc) {
        i++;
    }
    const struct outcome *o = &outcomes[i];
    const char *error = o->error ? o->error : err->text[0] ? err->text : "it is refused";
    app_publish_refuse(r, o->why, o->status, error,
                       o->retry_s ? app_publish_retry_after(extra, o->retry_s) : NULL);
}

/* Answers 1 when the request may be answered, 0 when that was said. */
static int is_welcome(const struct app_publish_request *r)
{
    struct err err = {.code = 0};
    char extra[APP_PUBLISH_EXTRA];
    if (!r->stream->publishers) {
        app_publish_refuse(r, APP_REJECT_FORBIDDEN, "403 Forbidden",
                           "nobody may ask here: the stream has no \"publish\"", NULL);
        return 0;
    }
    if (!app_publish_admit(r)) {
        return 0;
    }
    const struct app_publish_limits *limits = app_publishers_limits(r->stream->publishers);
    if (r->request->query.count > 0) {
        err_set(&err, ERR_INVALID, "a request to be answered takes no parameters");
    } else if ((int64_t)r->x->body_len > limits->body_bytes) {
        err_set(&err, ERR_LIMIT, "the body must be at most %" PRId64 " bytes", limits->body_bytes);
    } else if (app_publish_is_cut_off(r)) {
        err_set(&err, ERR_INVALID, "the body is shorter than its Content-Length");
    }
    if (err.code) {
        refuse(r, err.code, &err);
        return 0;
    }
    int64_t wait_ms =
        app_publishers_take(r->stream->publishers, 1, r->server->clock->mono_ms(r->server->clock));
    if (wait_ms > 0) {
        app_publish_refuse(r, APP_REJECT_RATE, "429 Too Many Requests",
                           "more requests than max_events_s",
                           app_publish_retry_after(extra, (wait_ms + 999) / 1000));
        return 0;
    }
    return 1;
}

/* --- the answer ---------------------------------------------------------------------------- */

/* These take a Location beside status 200 for a redirection (RFC 3875, 6.2, knows it in no other
 * way): behind them it is in Content-Location only, which says the same (RFC 9110, 8.7). */
static int may_locate(const char *server)
{
    static const char *const redirecting[] = {"Apache", "HAProxy"};
    for (size_t i = 0; server && i < sizeof redirecting / sizeof redirecting[0]; i++) {
        if (strncasecmp(server, redirecting[i], strlen(redirecting[i])) == 0) {
            return 0;
        }
    }
    return 1;
}

static int put_head(const struct app_publish_request *r, const struct app_stream *run,
                    struct buf *out)
{
    const char *prefix = r->server->config->prefix;
    int rc = 0;
    if (may_locate(var(r, "SERVER_SOFTWARE"))) {
        rc = buf_appendf(out, "Status: 200 OK\r\nLocation: %s/%s\r\n", prefix, run->name);
    }
    rc = rc ? rc
            : buf_appendf(out,
                          "Content-Location: %s/%s\r\n"
                          "Access-Control-Expose-Headers: Location, Content-Location\r\n",
                          prefix, run->name);
    return rc ? rc : sse_head_stream(out, r->allowed_origin);
}

/* Streams it from its beginning. On failure the request still wants an answer. */
static int stream(const struct app_publish_request *r, struct app_stream *run, struct err *err)
{
    struct app_channel *c;
    struct buf head;
    int rc = app_channels_open(r->server->channels, run, NULL, &c, err);
    if (rc) {
        return rc == ERR_NOMEM ? rc : ERR_AGAIN;
    }
    buf_init(&head, HEAD_BYTES);
    rc = put_head(r, run, &head);
    if (!rc) {
        const struct source_type *type = r->stream->type;
        int64_t now_ms = r->server->clock->mono_ms(r->server->clock);
        struct hub_start start = {
            .head = head.data, .head_len = head.len, .position = JOURNAL_POSITION_START};
        rc = type->is_plain && type->is_plain(r->stream->settings)
                 ? gate_stream_plain(r->x, c->hub_channel, &start, now_ms)
                 : gate_stream(r->x, c->hub_channel, &start, now_ms);
    }
    buf_fini(&head);
    return rc == ERR_LIMIT ? err_set(err, ERR_AGAIN, "as many streams are read here as may") : rc;
}

void app_run_post(const struct app_publish_request *r)
{
    struct err err = {.code = 0};
    struct app_stream *run;
    if (!is_welcome(r)) {
        return;
    }
    struct source_request request = {.body = r->x->body,
                                     .len = r->x->body_len,
                                     .type = var(r, "CONTENT_TYPE"),
                                     .user = var(r, "REMOTE_USER"),
                                     .address = var(r, "REMOTE_ADDR")};
    int rc =
        app_runs_begin(r->server->runs, r->stream, r->server->config->prefix, &request, &run, &err);
    if (rc) {
        refuse(r, rc, &err);
        return;
    }
    app_metrics_stream(r->server->metrics, r->stream->name)->published++;
    rc = stream(r, run, &err);
    if (rc) {
        (void)app_runs_delete(r->server->runs, run);
        refuse(r, rc, &err);
    }
    app_stream_unref(run);
}

void app_run_delete(const struct app_publish_request *r)
{
    struct buf out;
    if (!app_publish_has_good_origin(r->request->origin, r->allowed_origin, var(r, "HTTP_HOST"))) {
        app_publish_refuse(r, APP_REJECT_FORBIDDEN, "403 Forbidden",
                           "pages of this origin may not delete: cors_origins does not name it",
                           NULL);
        return;
    }
    int rc = app_runs_delete(r->server->runs, r->stream);
    if (rc) {
        app_publish_refuse(
            r, rc == ERR_UNKNOWN ? APP_REJECT_NOT_FOUND : APP_REJECT_STORE,
            rc == ERR_UNKNOWN ? "404 Not Found" : "500 Internal Server Error",
            rc == ERR_UNKNOWN ? "there is no such stream" : "the answer cannot be deleted", NULL);
        return;
    }
    buf_init(&out, HEAD_BYTES);
    if (sse_head_plain(&out, "204 No Content", NULL, r->allowed_origin, NULL)) {
        gate_answer_error(r->x, "500 Internal Server Error", "out of memory");
    } else {
        gate_answer(r->x, out.data, out.len);
    }
    buf_fini(&out);
}

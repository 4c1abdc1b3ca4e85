/* SPDX-License-Identifier: MIT */
/* publish: POST into a stream, from the request to its answer. */
#include "app/publish/publish.h"

#include "app/channels.h"
#include "app/config.h"
#include "app/figures/metrics.h"
#include "app/json.h"
#include "app/publish/post.h"
#include "app/publish/publishers.h"
#include "app/serve.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/num.h"
#include "gate/gate.h"
#include "source/source.h"
#include "sse/response.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ANSWER_BYTES 8192
#define AWAY_RETRY_S 2 /* of a store that is away */

/* What the source was asked to keep, until it says what became of it. */
struct publication {
    struct app_server *server;
    struct gate_exchange *x; /* NULL: the publisher has gone */
    struct app_channel *channel;
    char *allowed_origin; /* NULL for none */
    size_t count;         /* of events */
    int is_asking;        /* the source's publish() has not come back */
    int is_done;
    int rc;
    char position[SSE_POSITION_SIZE];
};

/* --- answers ------------------------------------------------------------------------------- */

/* An answer to be sent: its head's parts and its body's only member. */
struct answer {
    const char *status;
    const char *extra;    /* header lines, or NULL */
    const char *position; /* NULL: an error */
    const char *error;
};

static void send_answer(struct gate_exchange *x, const char *allowed_origin,
                        const struct answer *a)
{
    struct buf out;
    buf_init(&out, ANSWER_BYTES);
    int rc = sse_head_plain(&out, a->status, "application/json", allowed_origin, a->extra);
    if (!rc) {
        rc = a->position ? app_json_position(a->position, &out) : app_json_error(a->error, &out);
    }
    if (rc) {
        buf_clear(&out);
        buf_append_str(&out, "Status: 500 Internal Server Error\r\n\r\n");
    }
    gate_answer(x, out.data ? out.data : "", out.len);
    buf_fini(&out);
}

void app_publish_refuse(const struct app_publish_request *r, enum app_reject why,
                        const char *status, const char *error, const char *extra)
{
    struct answer a = {.status = status, .error = error, .extra = extra};
    const struct app_stream *named = app_stream_configured(r->stream);
    r->server->counts->rejected[why]++;
    app_metrics_stream(r->server->metrics, named->name)->refused++;
    send_answer(r->x, r->allowed_origin, &a);
}

const char *app_publish_retry_after(char out[APP_PUBLISH_EXTRA], int64_t seconds)
{
    snprintf(out, APP_PUBLISH_EXTRA,
             "Retry-After: %" PRId64 "\r\nAccess-Control-Expose-Headers: Retry-After\r\n", seconds);
    return out;
}

/* What a source says when it did not keep the events; anything else is the last one. */
static const struct outcome {
    int rc;
    const char *status, *error;
    int is_for_later;
} outcomes[] = {
    {ERR_LIMIT, "413 Content Too Large",
     "an event is larger than this stream takes; nothing was published", 0},
    {ERR_RANGE, "507 Insufficient Storage", "there is no room for it; nothing was published", 0},
    {ERR_AGAIN, "503 Service Unavailable", "not now; nothing was published", 1},
    {ERR_CLOSED, "503 Service Unavailable",
     "the stream was closed, or its store lost, meanwhile; whether the event is kept is not known", 1},
    {ERR_NOMEM, "500 Internal Server Error", "out of memory; nothing was published", 0},
    {ERR_IO, "500 Internal Server Error",
     "it could not be stored; whether the event is kept is not known", 0},
};

static const struct outcome *outcome_of(int rc)
{
    size_t i = 0;
    while (i + 1 < sizeof outcomes / sizeof outcomes[0] && outcomes[i].rc != rc) {
        i++;
    }
    return &outcomes[i];
}

/* What the source said, to the publisher. */
static void tell(const struct publication *p)
{
    char extra[APP_PUBLISH_EXTRA];
    struct answer a = {.status = "201 Created", .position = p->position};
    if (p->rc) {
        const struct outcome *o = outcome_of(p->rc);
        a = (struct answer){.status = o->status, .error = o->error};
        if (p->rc == ERR_RANGE && p->channel->stream->family) {
            a.error = "there is no room for it: the disk is full, or max_members have a journal; "
                      "nothing was published";
        }
        if (o->is_for_later) {
            a.extra = app_publish_retry_after(extra, AWAY_RETRY_S);
        }
    }
    if (p->rc) {
        enum app_reject why = p->rc == ERR_LIMIT ? APP_REJECT_BAD_REQUEST : APP_REJECT_STORE;
        p->server->counts->rejected[why]++;
        p->channel->figures->refused++;
    } else {
        p->channel->figures->published += p->count;
    }
    if (p->rc && p->rc != ERR_LIMIT) {
        log_say(p->server->log, WARN, "app", "an event was not published",
                LOG_TEXT("stream", p->channel->stream->name), LOG_TEXT("error", a.error));
    }
    if (p->x) {
        send_answer(p->x, p->allowed_origin, &a);
    }
}

/* --- who and from where -------------------------------------------------------------------- */

int app_publish_has_good_origin(const char *origin, const char *allowed_origin, const char *host)
{
    if (!origin || (allowed_origin && strcmp(allowed_origin, "*") != 0)) {
        return 1;
    }
    const char *at = strstr(origin, "://");
    return at && host && strcasecmp(at + 3, host) == 0;
}

static const char *var(const struct app_publish_request *r, const char *name)
{
    const char *value = r->vars->get(r->vars->ctx, name);
    return value && *value ? value : NULL;
}

int app_publish_admit(const struct app_publish_request *r)
{
    struct app_publisher who = {.address = var(r, "REMOTE_ADDR"), .user = var(r, "REMOTE_USER"),
                                .authorization = var(r, "HTTP_AUTHORIZATION")};
    if (!app_publish_has_good_origin(r->request->origin, r->allowed_origin, var(r, "HTTP_HOST"))) {
        app_publish_refuse(r, APP_REJECT_FORBIDDEN, "403 Forbidden",
               "pages of this origin may not publish: cors_origins does not name it", NULL);
        return 0;
    }
    switch (app_publishers_judge(r->stream->publishers, &who)) {
    case APP_PUBLISH_GOOD:
        return 1;
    case APP_PUBLISH_NEEDS_TOKEN:
        app_publish_refuse(r, APP_REJECT_FORBIDDEN, "401 Unauthorized", "a bearer token is missing",
               "WWW-Authenticate: Bearer\r\n");
        return 0;
    case APP_PUBLISH_REFUSED:
        break;
    }
    app_publish_refuse(r, APP_REJECT_FORBIDDEN, "403 Forbidden",
           "this user, token or address may not publish here", NULL);
    return 0;
}

/* --- the way to the source ----------------------------------------------------------------- */

int app_publish_is_cut_off(const struct app_publish_request *r)
{
    const char *text = var(r, "CONTENT_LENGTH");
    uint64_t len;
    return text && num_parse_u64(text, strlen(text), UINT64_MAX, &len) == 0 && len > r->x->body_len;
}

/* Answers 1 when the request's events are in `post`, 0 when it was answered. */
static int read_events(const struct app_publish_request *r, struct app_post *post)
{
    struct err err = {.code = 0};
    char extra[APP_PUBLISH_EXTRA];
    const struct app_publish_limits *limits = app_publishers_limits(r->stream->publishers);
    struct app_post_request in = {.type = var(r, "CONTENT_TYPE"), .body = r->x->body,
                                  .len = r->x->body_len, .key = var(r, "HTTP_IDEMPOTENCY_KEY"),
                                  .batch_max = (size_t)limits->batch};
    if ((int64_t)in.len > limits->body_bytes) {
        err_set(&err, ERR_LIMIT, "the body must be at most %" PRId64 " bytes", limits->body_bytes);
    } else if (app_publish_is_cut_off(r)) {
        err_set(&err, ERR_INVALID, "the body is shorter than its Content-Length");
    } else {
        app_post_read(post, &in, &err);
    }
    if (err.code == ERR_NOMEM) {
        app_publish_refuse(r, APP_REJECT_MEMORY, "500 Internal Server Error", err.text, NULL);
    } else if (err.code) {
        app_publish_refuse(r, APP_REJECT_BAD_REQUEST,
               err.code == ERR_LIMIT     ? "413 Content Too Large"
               : err.code == ERR_UNKNOWN ? "415 Unsupported Media Type"
                                         : "400 Bad Request",
               err.text, NULL);
    }
    if (err.code) {
        return 0;
    }
    int64_t now = r->server->clock->mono_ms(r->server->clock);
    int64_t wait_ms = app_publishers_take(r->stream->publishers, post->count, now);
    if (wait_ms > 0) {
        app_post_fini(post);
        app_publish_refuse(r, APP_REJECT_RATE, "429 Too Many Requests",
               "more events than max_events_s; nothing was published",
               app_publish_retry_after(extra, (wait_ms + 999) / 1000));
        return 0;
    }
    return 1;
}

static void forget(struct publication *p)
{
    p->channel->publishing--;
    free(p->allowed_origin);
    free(p);
}

static void on_gone(void *ctx)
{
    struct publication *p = ctx;
    p->x = NULL;
}

static void on_done(void *ctx, int rc, const char *position)
{
    struct publication *p = ctx;
    p->is_done = 1;
    p->rc = rc;
    if (!rc) {
        snprintf(p->position, sizeof p->position, "%s", position);
    }
    if (!p->is_asking) {
        tell(p);
        forget(p);
    }
}

/* The channel stays open until the source has said what became of the events. */
static void ask_source(const struct app_publish_request *r, struct app_channel *c,
                       const struct app_post *post)
{
    struct publication *p = calloc(1, sizeof *p);
    char *origin = r->allowed_origin ? strdup(r->allowed_origin) : NULL;
    if (!p || (r->allowed_origin && !origin)) {
        free(p);
        free(origin);
        app_publish_refuse(r, APP_REJECT_MEMORY, "500 Internal Server Error", "out of memory", NULL);
        return;
    }
    *p = (struct publication){.server = r->server, .x = r->x, .channel = c,
                              .allowed_origin = origin, .count = post->count, .is_asking = 1};
    c->publishing++;
    struct source_publish publish = {.items = post->items, .count = post->count, .done = on_done,
                                     .ctx = p};
    c->source->type->publish(c->source, &publish);
    p->is_asking = 0;
    if (p->is_done) {
        tell(p);
        forget(p);
    } else {
        gate_defer(r->x, on_gone, p);
    }
}

void app_publish(const struct app_publish_request *r)
{
    struct err err = {.code = 0};
    char extra[APP_PUBLISH_EXTRA];
    struct app_channel *c;
    struct app_post post = {.count = 0};
    if (!app_publish_admit(r)) {
        return;
    }
    if (r->request->query.count > 0) {
        app_publish_refuse(r, APP_REJECT_BAD_REQUEST, "400 Bad Request", "publishing takes no parameters",
               NULL);
        return;
    }
    if (!read_events(r, &post)) {
        return;
    }
    int rc = app_channels_open(r->server->channels, r->stream, NULL, &c, &err);
    if (rc) {
        app_publish_refuse(r, rc == ERR_LIMIT ? APP_REJECT_CHANNELS : APP_REJECT_UNAVAILABLE,
               "503 Service Unavailable", err.text, app_publish_retry_after(extra, AWAY_RETRY_S));
    } else {
        ask_source(r, c, &post);
    }
    app_post_fini(&post);
}

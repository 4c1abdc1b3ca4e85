/* SPDX-License-Identifier: MIT */
/* test_app_publish_rig: a process that takes events for a stand-in of a source, which
 * keeps what it is given and answers when it is told to. */
#ifndef TEST_APP_PUBLISH_RIG_H
#define TEST_APP_PUBLISH_RIG_H

#include "app/serve.h"

#include "app/channels.h"
#include "app/config.h"
#include "app/figures/metrics.h"
#include "app/publish/publishers.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "gate/gate.h"
#include "source/source.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define POSITION "gen.7"
#define VARS_MAX 12
#define ANSWER_BYTES 4096

/* --- the stand-in -------------------------------------------------------------------------- */

static struct stand_in {
    struct source base;
    int is_later;      /* it answers by answer_now() or when it is closed */
    int rc;            /* what it answers */
    int is_open;
    size_t asked;      /* how often */
    size_t count;      /* of items of the last time */
    char text[256];    /* those, as "name:data:key;" */
    struct source_publish waiting[4];
    size_t waiting_count;
} source;

static inline void answer_now(void)
{
    for (size_t i = 0; i < source.waiting_count; i++) {
        char position[SSE_POSITION_SIZE] = POSITION; /* borrowed for the call */
        source.waiting[i].done(source.waiting[i].ctx, source.rc, source.rc ? NULL : position);
        memset(position, '?', sizeof position);
    }
    source.waiting_count = 0;
}

static inline void stand_in_publish(struct source *s, const struct source_publish *p)
{
    (void)s;
    source.asked++;
    source.count = p->count;
    source.text[0] = '\0';
    for (size_t i = 0; i < p->count; i++) {
        const struct source_item *item = &p->items[i];
        size_t used = strlen(source.text);
        snprintf(source.text + used, sizeof source.text - used, "%s:%.*s:%s;",
                 item->name ? item->name : "", (int)item->data_len, item->data,
                 item->key ? item->key : "");
    }
    source.waiting[source.waiting_count++] = *p;
    if (!source.is_later) {
        answer_now();
    }
}

static inline int stand_in_open(struct source **out, const struct source_setup *setup,
                         const struct source_host *host, struct err *err)
{
    (void)host;
    if (strcmp(setup->stream, "broken") == 0) {
        return err_set(err, ERR_IO, "the folder cannot be opened");
    }
    source.is_open = 1;
    *out = &source.base;
    return 0;
}

static inline void stand_in_close(struct source *s, void (*closed)(void *ctx), void *ctx)
{
    (void)s;
    source.rc = ERR_CLOSED;
    answer_now();
    source.is_open = 0;
    if (closed) {
        closed(ctx);
    }
}

static inline void stand_in_head(struct source *s, char out[SSE_POSITION_SIZE])
{
    (void)s;
    snprintf(out, SSE_POSITION_SIZE, "%s", POSITION);
}

static inline int stand_in_pull(struct source *s, char position[SSE_POSITION_SIZE],
                         const struct sse_out *page, size_t budget_bytes)
{
    (void)s;
    (void)position;
    (void)page;
    (void)budget_bytes;
    return SOURCE_HEAD;
}

static const struct source_type stand_in_type = {
    .contract = SOURCE_CONTRACT, .name = "stand-in", .open = stand_in_open,
    .close = stand_in_close, .head = stand_in_head, .pull = stand_in_pull,
    .publish = stand_in_publish,
};

/* --- the world ----------------------------------------------------------------------------- */

struct test_clock {
    struct clock base;
    int64_t now_ms;
};

static inline int64_t clock_now(const struct clock *c)
{
    return ((const struct test_clock *)(const void *)c)->now_ms;
}

static struct world {
    uv_loop_t loop;
    struct test_clock clock;
    struct log log;
    struct hub_settings hub_settings;
    struct hub *hub;
    struct gate *gate;
    struct app_metrics *metrics;
    struct app_channels *channels;
    struct app_config config, *config_at;
    struct app_stream stream, closed, broken;
    struct app_stream *streams[3];
    char *origins[2];
    int is_draining;
    struct app_server server;
} w;

static inline struct app_stream make_stream(char *name, const char *publish)
{
    struct app_stream s = {.refs = 1, .name = name, .type = &stand_in_type};
    struct json_object *object = publish ? json_tokener_parse(publish) : NULL;
    struct err err;
    if (object) {
        assert_int_equal(app_publishers_new(&s.publishers, object, "publish", &err), 0);
    }
    json_object_put(object);
    return s;
}

static inline void make_world(const char *publish)
{
    memset(&w, 0, sizeof w);
    memset(&source, 0, sizeof source);
    source.base.type = &stand_in_type;
    uv_loop_init(&w.loop);
    w.clock = (struct test_clock){{clock_now, clock_now}, 1000000};
    w.log = (struct log){.fd = -1};
    w.hub_settings = (struct hub_settings){.heartbeat_s = 15, .retry_ms = 1000, .max_streams = 10,
                                           .stall_timeout_s = 60, .ring_bytes = 65536};
    struct hub_setup hub = {.settings = &w.hub_settings};
    assert_int_equal(hub_new(&w.hub, &hub), 0);
    w.stream = make_stream("s", publish);
    w.closed = make_stream("closed", NULL);
    w.broken = make_stream("broken", publish);
    w.streams[0] = &w.stream;
    w.streams[1] = &w.closed;
    w.streams[2] = &w.broken;
    w.origins[0] = "https://app.example.org";
    w.config = (struct app_config){.prefix = "/events", .streams = w.streams, .stream_count = 3,
                                   .cors_origins = {w.origins, 1}};
    w.config_at = &w.config;
    struct app_metrics_setup metrics = {.config = &w.config_at, .hub = w.hub, .gate = &w.gate,
                                        .channels = &w.channels, .is_draining = &w.is_draining,
                                        .loop = &w.loop, .clock = &w.clock.base, .log = &w.log};
    assert_int_equal(app_metrics_new(&w.metrics, &metrics), 0);
    struct app_channels_setup channels = {.loop = &w.loop, .hub = w.hub, .log = &w.log,
                                          .clock = &w.clock.base, .metrics = w.metrics};
    assert_int_equal(app_channels_new(&w.channels, &channels), 0);
    w.server = (struct app_server){.config = &w.config, .hub = &w.hub_settings,
                                   .channels = w.channels, .clock = &w.clock.base, .log = &w.log,
                                   .metrics = w.metrics, .counts = app_metrics_counts(w.metrics),
                                   .is_draining = &w.is_draining};
}

static inline void on_closed(void *ctx)
{
    *(int *)ctx = 1;
}

static inline void close_channels(void)
{
    int is_closed = 0;
    if (w.channels) {
        app_channels_close(w.channels, on_closed, &is_closed);
        assert_true(is_closed);
        w.channels = NULL;
    }
}

static inline void end_world(void)
{
    close_channels();
    app_metrics_free(w.metrics);
    hub_free(w.hub);
    app_publishers_free(w.stream.publishers);
    app_publishers_free(w.broken.publishers);
    assert_int_equal(uv_loop_close(&w.loop), 0);
}

/* --- requests ------------------------------------------------------------------------------ */

/* One request; its answer comes by a pair of sockets. */
struct post {
    struct gate_exchange x;
    int fds[2];
    int is_over;
    const char *vars[2 * VARS_MAX + 1];
    char answer[ANSWER_BYTES];
};

static inline void x_watch(struct gate_exchange *x, int wanted)
{
    (void)x;
    (void)wanted;
}

static inline void x_done(struct gate_exchange *x)
{
    ((struct post *)x)->is_over = 1;
}

static inline void x_close(struct gate_exchange *x, const char *why)
{
    (void)why;
    ((struct post *)x)->is_over = 1;
}

static const struct gate_exchange_ops x_ops = {.watch = x_watch, .done = x_done, .close = x_close};

static inline const char *get_var(void *ctx, const char *name)
{
    for (const char **v = ctx; *v; v += 2) {
        if (strcmp(v[0], name) == 0) {
            return v[1];
        }
    }
    return NULL;
}

/* Variables are "NAME", "value", ..., NULL. They, and the body, are gone after the call. */
static inline void send_post(struct post *p, const char *path, const char *body,
                             const char *const *more)
{
    const char *const usual[] = {"REQUEST_METHOD", "POST", "SCRIPT_NAME", "/events", "PATH_INFO",
                                 path, "HTTP_HOST", "www.example.org", "REMOTE_ADDR", "192.0.2.1"};
    size_t n = 0;
    *p = (struct post){.is_over = 0};
    for (; more && *more; more++) {
        p->vars[n++] = strdup(*more);
    }
    memcpy(p->vars + n, usual, sizeof usual); /* the first of a name counts */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p->fds), 0);
    gate_exchange_init(&p->x, &x_ops, p->fds[0], 0, 0);
    char *copy = strdup(body);
    p->x.body = copy;
    p->x.body_len = strlen(body);
    struct sse_vars vars = {.get = get_var, .ctx = p->vars};
    app_serve(&w.server, &p->x, &vars);
    p->x.body = NULL;
    free(copy);
    while (n > 0) {
        free((char *)p->vars[--n]);
    }
}

static inline const char *answer_of(struct post *p)
{
    ssize_t len = recv(p->fds[1], p->answer, sizeof p->answer - 1, MSG_DONTWAIT);
    p->answer[len > 0 ? len : 0] = '\0';
    return p->answer;
}

static inline void end_post(struct post *p)
{
    gate_exchange_fini(&p->x);
    close(p->fds[0]);
    close(p->fds[1]);
}

static inline void assert_has(const char *answer, const char *what)
{
    if (!strstr(answer, what)) {
        fail_msg("nothing of \"%s\" in:\n%s", what, answer);
    }
}

/* Sends a POST that is answered at once, and looks for each of `said`, NULL-terminated. */
static inline void expect(const char *path, const char *body, const char *const *vars,
                   const char *const *said)
{
    struct post p;
    send_post(&p, path, body, vars);
    assert_true(p.is_over);
    answer_of(&p);
    for (; *said; said++) {
        assert_has(p.answer, *said);
    }
    end_post(&p);
}

#endif

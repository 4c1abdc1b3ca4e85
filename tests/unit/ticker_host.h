/* SPDX-License-Identifier: MIT */
/* ticker_host: a host with a clock that tests set, and a record of what a source sends. */
#ifndef TICKER_HOST_H
#define TICKER_HOST_H

#include "base/clock.h"
#include "base/log.h"
#include "conf/option.h"
#include "source/source.h"
#include "source/ticker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RECORD_MAX 4096

/* What was sent: "POSITION|DATA" for an event, "gap REASON POSITION|EVENTS" for a gap. */
struct record {
    struct sse_out out;
    size_t count;
    size_t stop_after; /* answer "stop" from this many on; 0: never */
    char lines[RECORD_MAX][160];
};

static inline int record_answer(const struct record *r)
{
    assert_true(r->count <= RECORD_MAX);
    return r->stop_after && r->count >= r->stop_after;
}

static inline int record_event(void *ctx, const struct sse_event *event)
{
    struct record *r = ctx;
    assert_true(r->count < RECORD_MAX);
    assert_null(event->name);
    assert_true(sse_position_is_valid(event->position, strlen(event->position)));
    snprintf(r->lines[r->count++], sizeof r->lines[0], "%.40s|%.*s", event->position,
             (int)event->data_len, event->data);
    return record_answer(r);
}

static inline int record_gap(void *ctx, const struct sse_gap *gap)
{
    struct record *r = ctx;
    assert_true(r->count < RECORD_MAX);
    snprintf(r->lines[r->count++], sizeof r->lines[0], "gap %.20s %.40s|%lld", gap->reason,
             gap->position, (long long)gap->events);
    return record_answer(r);
}

static inline void record_advance(void *ctx, const char *position)
{
    (void)ctx;
    fail_msg("advanced to %s", position);
}

static inline void record_end(void *ctx, const char *position, const char *data)
{
    (void)ctx;
    (void)data;
    fail_msg("ended at %s", position);
}

static inline struct record *record_new(void)
{
    struct record *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->out = (struct sse_out){.event = record_event, .gap = record_gap,
                              .advance = record_advance, .end = record_end, .ctx = r};
    return r;
}

struct ticker_host {
    struct clock clock; /* first: the clock's functions cast back */
    int64_t wall_ms;
    struct log log;
    uv_loop_t loop;
    struct record *live;
    struct source_host host;
    struct source *source;
    void *settings;
    const struct source_type *type;
};

static inline int64_t host_wall_ms(const struct clock *c)
{
    return ((const struct ticker_host *)c)->wall_ms;
}

static inline struct ticker_host *ticker_host_new(const struct source_type *type, int64_t wall_ms)
{
    struct ticker_host *h = calloc(1, sizeof *h);
    assert_non_null(h);
    h->clock = (struct clock){.wall_ms = host_wall_ms, .mono_ms = host_wall_ms};
    h->wall_ms = wall_ms;
    h->log = (struct log){.fd = -1, .level = LOG_LEVEL_ERROR};
    assert_int_equal(uv_loop_init(&h->loop), 0);
    h->live = record_new();
    h->host = (struct source_host){
        .loop = &h->loop, .log = &h->log, .clock = &h->clock, .live = &h->live->out};
    h->type = type;
    h->settings = calloc(1, type->settings_size);
    assert_non_null(h->settings);
    assert_int_equal(conf_defaults(type->options, h->settings, NULL), 0);
    return h;
}

static inline int ticker_host_open(struct ticker_host *h, const char *symbol, struct err *err)
{
    const struct source_param param = {.name = "symbol", .value = symbol};
    const struct source_setup setup = {
        .stream = "test", .settings = h->settings, .params = &param, .param_count = symbol ? 1 : 0};
    return h->type->open(&h->source, &setup, &h->host, err);
}

static inline void count_up(void *ctx)
{
    ++*(int *)ctx;
}

static inline void ticker_host_close(struct ticker_host *h)
{
    int closed = 0;
    h->type->close(h->source, count_up, &closed);
    h->type->close(h->source, count_up, &closed);
    assert_int_equal(uv_run(&h->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(closed, 1);
    h->source = NULL;
}

static inline void ticker_host_free(struct ticker_host *h)
{
    if (h->source) {
        ticker_host_close(h);
    }
    assert_int_equal(uv_loop_close(&h->loop), 0);
    conf_free(h->type->options, h->settings);
    free(h->settings);
    free(h->live);
    free(h);
}

/* The time becomes `wall_ms` and the source looks at it. */
static inline void ticker_host_at(struct ticker_host *h, int64_t wall_ms)
{
    h->wall_ms = wall_ms;
    ticker_look((struct ticker *)h->source);
}

/* Pulls until the answer is not SOURCE_MORE, and returns that answer. */
static inline int ticker_host_pull(struct ticker_host *h, char position[SSE_POSITION_SIZE],
                                   struct record *page, size_t budget_bytes)
{
    int rc;
    do {
        size_t before = page->count;
        rc = h->type->pull(h->source, position, &page->out, budget_bytes);
        assert_true(rc != SOURCE_MORE || page->count > before);
    } while (rc == SOURCE_MORE);
    if (rc == SOURCE_HEAD) {
        char head[SSE_POSITION_SIZE];
        h->type->head(h->source, head);
        assert_string_equal(position, head);
    }
    return rc;
}

#endif

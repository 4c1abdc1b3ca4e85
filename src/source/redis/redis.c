/* SPDX-License-Identifier: MIT */
/* redis: the source of that name: streams that Redis keeps, for any number of machines. A loadable module. */
#include "source/redis/stream.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "source/redis/names.h"

#include <stdlib.h>
#include <string.h>

extern const struct source_type ssecgi_source;

/* ---- what the server tells ---- */

static void on_up(void *ctx)
{
    struct redis_stream *t = ctx;
    redis_publish_up(t);
    redis_live_up(t);
    redis_live_wake(t);
}

static void on_down(void *ctx)
{
    struct redis_stream *t = ctx;
    redis_live_down(t);
    redis_publish_down(t);
}

static void on_news(void *ctx, const struct redisReply *entries)
{
    redis_live_news(ctx, entries);
}

static void on_check(void *ctx)
{
    redis_live_ask(ctx);
}

static void on_tick(void *ctx)
{
    struct redis_stream *t = ctx;
    int64_t now_ms = t->host->clock->mono_ms(t->host->clock);
    redis_pages_expire(&t->pages, now_ms);
    if (!redis_server_is_up(t->server)) {
        redis_publish_down(t); /* those that have waited long enough */
    } else if (now_ms - t->checked_ms >= REDIS_CHECK_MS) {
        redis_live_ask(t);
    }
    redis_presence_tick(t);
}

/* ---- life ---- */

static void destroy(struct redis_stream *t)
{
    if (t->is_handing) {
        redis_page_fini(&t->news);
    }
    redis_pages_fini(&t->pages);
    free(t->key);
    free(t->meta);
    free(t->readers);
    free(t);
}

void redis_stream_release(struct redis_stream *t)
{
    if (--t->held > 0) {
        return;
    }
    void (*closed)(void *ctx) = t->closed;
    void *closed_ctx = t->closed_ctx;
    destroy(t);
    if (closed) {
        closed(closed_ctx);
    }
}

static void on_left(void *ctx)
{
    redis_stream_release(ctx);
}

static void on_turn_closed(uv_handle_t *handle)
{
    redis_stream_release(handle->data);
}

static void redis_close(struct source *s, void (*closed)(void *ctx), void *ctx)
{
    struct redis_stream *t = (struct redis_stream *)s;
    t->closed = closed;
    t->closed_ctx = ctx;
    if (t->is_closing) {
        return;
    }
    t->is_closing = 1;
    redis_publish_close(t);
    redis_presence_close(t);
    uv_close((uv_handle_t *)&t->turn, on_turn_closed);
    redis_server_leave(t->server, &t->user, on_left, t);
}

static int prepare(struct redis_stream *t, const struct source_setup *setup)
{
    int64_t wall_ms = t->host->clock->wall_ms(t->host->clock);
    struct redis_position now = {.kind = REDIS_TIME, .ms = wall_ms > 0 ? (uint64_t)wall_ms : 0};
    t->key = redis_name_stream(t->settings->key_prefix, setup->stream);
    t->meta = redis_name_meta(t->settings->key_prefix, setup->stream);
    t->readers = redis_name_readers(t->settings->key_prefix, setup->stream);
    if (!t->key || !t->meta || !t->readers) {
        return ERR_NOMEM;
    }
    if (redis_name_generation(t->presence.me)) {
        return ERR_IO;
    }
    memcpy(t->newest.generation, "--------", REDIS_GENERATION_CHARS + 1); /* nobody's */
    redis_live_set_head(t, &now);
    t->opened_ms = t->checked_ms = t->host->clock->mono_ms(t->host->clock);
    t->is_unreadable = 1;
    t->asks_end = &t->asks;
    t->user = (struct redis_user){.key = t->key, .up = on_up, .down = on_down, .news = on_news,
                                  .check = on_check, .tick = on_tick, .ctx = t};
    return redis_server_join(&t->server, t->settings, t->host, &t->user);
}

static int redis_open(struct source **out, const struct source_setup *setup,
                      const struct source_host *host, struct err *err)
{
    struct redis_stream *t = calloc(1, sizeof *t);
    if (!t) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    t->base.type = &ssecgi_source;
    t->host = host;
    t->settings = setup->settings;
    t->name = setup->stream;
    int rc = prepare(t, setup);
    if (rc) {
        destroy(t);
        return err_set(err, rc, rc == ERR_IO ? "there are no random numbers" : "out of memory");
    }
    t->turn.data = t;
    t->held = 2; /* the timer, and the server */
    redis_live_start(t);
    if (redis_server_is_up(t->server)) {
        redis_live_up(t);
    }
    *out = &t->base;
    return 0;
}

/* ---- for readers ---- */

static void redis_head(struct source *s, char out[SSE_POSITION_SIZE])
{
    const struct redis_stream *t = (struct redis_stream *)s;
    memcpy(out, t->head_text, strlen(t->head_text) + 1);
}

static int redis_understands(struct source *s, const char *position)
{
    struct redis_position p;
    (void)s;
    return redis_position_parse(position, &p) == 0;
}

/* Answered without asking: what it means is found out when it is read from. */
static int redis_back(struct source *s, uint64_t count, char out[SSE_POSITION_SIZE])
{
    const struct redis_stream *t = (struct redis_stream *)s;
    struct redis_position p = t->head;
    if (p.kind == REDIS_TIME) {
        p.kind = REDIS_LAST;
        p.count = count < REDIS_NUMBER_MAX ? count : REDIS_NUMBER_MAX;
    } else if (p.kind != REDIS_START && count > 0) {
        p.kind = REDIS_NUMBER;
        p.mark.n = p.mark.n > count ? p.mark.n - count : 0;
    }
    redis_position_print(&p, out);
    return 0;
}

/* The same for both ends of a page: redis_history_pull() finds out where the second one is. */
static int redis_before(struct source *s, const char *position, uint64_t count,
                        char start_at[SSE_POSITION_SIZE], char end[SSE_POSITION_SIZE])
{
    const struct redis_stream *t = (struct redis_stream *)s;
    struct redis_position p;
    int has_mark = redis_position_parse(position, &p) == 0
                   && (p.kind == REDIS_EVENT || p.kind == REDIS_PLACE || p.kind == REDIS_NUMBER);
    if (!has_mark) {
        return ERR_GONE;
    }
    if (t->head.kind == REDIS_START
        || (t->head.kind != REDIS_TIME && !redis_is_same_store(&p.mark, &t->head.mark))) {
        return ERR_GONE;
    }
    p.mark.n -= p.kind == REDIS_EVENT && p.mark.n > 0;
    p.kind = REDIS_NUMBER;
    redis_position_print(&p, end);
    p.mark.n = p.mark.n > count ? p.mark.n - count : 0;
    redis_position_print(&p, start_at);
    return 0;
}

static int redis_since(struct source *s, int64_t wall_ms, char out[SSE_POSITION_SIZE],
                       struct err *err)
{
    struct redis_position p = {.kind = REDIS_TIME, .ms = wall_ms > 0 ? (uint64_t)wall_ms : 0};
    (void)s;
    (void)err;
    p.ms = p.ms < REDIS_NUMBER_MAX ? p.ms : REDIS_NUMBER_MAX;
    redis_position_print(&p, out);
    return 0;
}

static void redis_health(struct source *s, struct source_health *out)
{
    out->is_unreadable = ((struct redis_stream *)s)->is_unreadable;
}

static int redis_pull(struct source *s, char position[SSE_POSITION_SIZE],
                      const struct sse_out *page, size_t budget_bytes)
{
    return redis_history_pull((struct redis_stream *)s, position, page, budget_bytes);
}

static void redis_readers(struct source *s, uint64_t here)
{
    redis_presence_readers((struct redis_stream *)s, here);
}

static int redis_total(struct source *s, uint64_t *everywhere)
{
    return redis_presence_total((struct redis_stream *)s, everywhere);
}

static void redis_put(struct source *s, const struct source_publish *p)
{
    redis_publish((struct redis_stream *)s, p);
}

const struct source_type ssecgi_source = {
    .contract = SOURCE_CONTRACT,
    .name = "redis",
    .summary = "what others publish, kept by a Redis server for any number of machines",
    .options = redis_settings_options,
    .settings_size = sizeof(struct redis_settings),
    .check = redis_settings_check,
    .open = redis_open,
    .close = redis_close,
    .head = redis_head,
    .understands = redis_understands,
    .back = redis_back,
    .before = redis_before,
    .since = redis_since,
    .publish = redis_put,
    .health = redis_health,
    .readers = redis_readers,
    .presence = redis_total,
    .pull = redis_pull,
};

/* SPDX-License-Identifier: MIT */
/* redis_server: the connections that the streams of a process share: makes them, and makes them again. */
#include "source/redis/server.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rand.h"
#include "source/redis/hello.h"
#include "source/redis/listen.h"
#include "source/redis/server_parts.h"
#include "source/source.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

/* Streams know nothing of each other: this list is how those of a process find the server that another
 * one has connected to. Only the loop's thread sees it. */
static struct redis_server *servers;

static int64_t now_ms(const struct redis_server *s)
{
    return s->clock->mono_ms(s->clock);
}

/* ---- up and down ---- */

static void connect_now(struct redis_server *s);

static void on_retry(uv_timer_t *timer)
{
    connect_now(timer->data);
}

static void close_lanes(struct redis_server *s)
{
    for (int i = 0; i < REDIS_LANES; i++) {
        s->lanes[i].is_ready = 0;
        redis_link_close(&s->lanes[i].link);
    }
    s->is_listening = 0;
}

static void tell_all(struct redis_server *s, int is_up)
{
    for (struct redis_user *u = s->users, *next; u; u = next) {
        next = u->next;
        u->is_following = 0;
        if (is_up) {
            u->up(u->ctx);
        } else {
            u->down(u->ctx);
        }
    }
}

void redis_server_fail(struct redis_server *s, const char *why)
{
    if (s->state == REDIS_DOWN || s->state == REDIS_CLOSING) {
        return;
    }
    int was_up = s->state == REDIS_UP;
    s->state = REDIS_DOWN;
    if (was_up || !s->was_told) {
        s->was_told = 1;
        log_say(s->log, WARN, "redis", was_up ? "lost the server" : "cannot reach the server",
                LOG_TEXT("url", s->label), LOG_TEXT("error", why));
    }
    close_lanes(s);
    s->backoff_ms = was_up ? 0 : s->backoff_ms ? s->backoff_ms * 2 : REDIS_BACKOFF_FIRST_MS;
    s->backoff_ms = s->backoff_ms > REDIS_BACKOFF_LAST_MS ? REDIS_BACKOFF_LAST_MS : s->backoff_ms;
    s->is_trying = was_up; /* one try at once may show that it only was restarted */
    uv_timer_start(&s->retry, on_retry, rand_percent((uint64_t)s->backoff_ms, 50, 100), 0);
    tell_all(s, 0);
}

void redis_server_distrust(struct redis_server *s, const char *why)
{
    redis_server_fail(s, why);
}

/* All connections are to one server, and it can be used. */
static void begin_use(struct redis_server *s)
{
    s->state = REDIS_UP;
    s->backoff_ms = 0;
    s->is_trying = 0;
    s->looked_ms = now_ms(s);
    log_say(s->log, INFO, "redis", "connected", LOG_TEXT("url", s->label),
            LOG_TEXT("run", s->run));
    s->was_told = 0;
    tell_all(s, 1);
    redis_listen(s);
}

void redis_server_lane_ready(struct redis_server *s)
{
    int ready = 0;
    for (int i = 0; i < REDIS_LANES; i++) {
        ready += s->lanes[i].is_ready;
    }
    if (s->state == REDIS_CONNECTING && ready == REDIS_LANES) {
        begin_use(s);
    }
}

static void on_opened(void *ctx)
{
    redis_hello(ctx);
}

static void on_lost(void *ctx, const char *why)
{
    struct redis_lane_state *lane = ctx;
    redis_server_fail(lane->server, why);
}

static void open_lanes(struct redis_server *s, const char *host, int port, const char *path)
{
    s->state = REDIS_CONNECTING;
    s->run[0] = '\0';
    for (int i = 0; i < REDIS_LANES && s->state == REDIS_CONNECTING; i++) {
        int rc = redis_link_open(&s->lanes[i].link, host, port, path);
        if (rc) {
            redis_server_fail(s, rc == ERR_NOMEM ? "out of memory" : "cannot connect");
        } else {
            s->held++;
        }
    }
}

static void connect_now(struct redis_server *s)
{
    struct err err = {.code = 0};
    s->began_ms = now_ms(s);
    s->state = REDIS_ASKING;
    if (redis_server_read_login(s, &err)) {
        redis_server_fail(s, err.text);
    } else if (s->same.sentinels.count > 0) {
        redis_server_ask_sentinel(s);
    } else {
        open_lanes(s, s->address.host, s->address.port, s->address.path);
    }
}

static void on_found(void *ctx, const char *host, int port)
{
    struct redis_server *s = ctx;
    char place[REDIS_PLACE_BYTES];
    redis_server_place(host, port, place);
    if (s->state == REDIS_ASKING) {
        memcpy(s->place, place, sizeof place);
        open_lanes(s, host, port, NULL);
    } else if ((s->state == REDIS_UP || s->state == REDIS_CONNECTING)
               && strcmp(s->place, place) != 0) {
        redis_server_fail(s, "the sentinels have another master");
    }
}

/* ---- the clock ---- */

static void check_links(struct redis_server *s)
{
    for (int i = 0; i < REDIS_LANES; i++) {
        redis_link_check(&s->lanes[i].link);
    }
    redis_sentinel_check(&s->sentinel);
}

static void on_tick(uv_timer_t *timer)
{
    struct redis_server *s = timer->data;
    int64_t now = now_ms(s);
    check_links(s);
    int is_beginning = s->state == REDIS_ASKING || s->state == REDIS_CONNECTING;
    if (is_beginning && now - s->began_ms >= REDIS_CONNECT_MS) {
        redis_server_fail(s, "no answer in time");
    }
    if (s->same.sentinels.count > 0 && s->state != REDIS_DOWN) {
        redis_server_ask_sentinel(s);
    }
    if (s->state == REDIS_UP && now - s->looked_ms >= REDIS_LOOK_MS) {
        s->looked_ms = now;
        redis_hello_look(s);
    }
    for (struct redis_user *u = s->users, *next; u; u = next) {
        next = u->next;
        u->tick(u->ctx);
    }
}

/* ---- life ---- */

static void finish_close(struct redis_server *s)
{
    if (s->state != REDIS_CLOSING || s->held > 0) {
        return;
    }
    void (*left)(void *ctx) = s->left;
    void *left_ctx = s->left_ctx;
    redis_server_forget(s);
    free(s);
    if (left) {
        left(left_ctx);
    }
}

static void release(struct redis_server *s)
{
    s->held--;
    finish_close(s);
}

static void on_lane_released(void *ctx)
{
    struct redis_lane_state *lane = ctx;
    release(lane->server);
}

static void on_sentinel_released(void *ctx)
{
    struct redis_sentinel *sentinel = ctx;
    release(sentinel->ctx);
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static void start(struct redis_server *s)
{
    for (int i = 0; i < REDIS_LANES; i++) {
        s->lanes[i] = (struct redis_lane_state){.server = s, .which = (enum redis_lane)i};
        s->lanes[i].link = (struct redis_link){.loop = s->loop, .clock = s->clock,
                                               .opened = on_opened, .lost = on_lost,
                                               .released = on_lane_released,
                                               .ctx = &s->lanes[i]};
    }
    s->sentinel = (struct redis_sentinel){.list = &s->same.sentinels, .master = s->same.master,
                                          .found = on_found, .ctx = s};
    s->sentinel.link = (struct redis_link){.loop = s->loop, .clock = s->clock,
                                           .released = on_sentinel_released,
                                           .ctx = &s->sentinel};
    redis_sentinel_init(&s->sentinel);
    uv_timer_init(s->loop, &s->retry);
    uv_timer_init(s->loop, &s->tick);
    s->retry.data = s->tick.data = s;
    s->held = 2;
    s->is_trying = 1;
    s->state = REDIS_DOWN;
    uv_timer_start(&s->retry, on_retry, 0, 0);
    uv_timer_start(&s->tick, on_tick, 1000, 1000);
    s->next = servers;
    servers = s;
}

int redis_server_join(struct redis_server **out, const struct redis_settings *settings,
                      const struct source_host *host, struct redis_user *u)
{
    struct redis_server *s = servers;
    while (s && (s->loop != host->loop || !redis_settings_same_server(&s->same, settings))) {
        s = s->next;
    }
    if (!s) {
        int rc = redis_server_make(&s, settings, host);
        if (rc) {
            return rc;
        }
        start(s);
    }
    u->is_following = 0;
    u->next = s->users;
    s->users = u;
    *out = s;
    return 0;
}

static void unlist(struct redis_server *s)
{
    struct redis_server **at = &servers;
    while (*at != s) {
        at = &(*at)->next;
    }
    *at = s->next;
}

void redis_server_leave(struct redis_server *s, struct redis_user *u, void (*left)(void *ctx),
                        void *ctx)
{
    struct redis_user **at = &s->users;
    while (*at != u) {
        at = &(*at)->next;
    }
    *at = u->next;
    if (s->users) {
        left(ctx);
        return;
    }
    unlist(s);
    s->state = REDIS_CLOSING;
    s->left = left;
    s->left_ctx = ctx;
    close_lanes(s);
    redis_sentinel_close(&s->sentinel);
    uv_close((uv_handle_t *)&s->retry, on_timer_closed);
    uv_close((uv_handle_t *)&s->tick, on_timer_closed);
}

/* ---- use ---- */

int redis_server_is_up(const struct redis_server *s)
{
    return s->state == REDIS_UP;
}

int redis_server_is_trying(const struct redis_server *s)
{
    return s->is_trying;
}

int redis_server_send(struct redis_server *s, enum redis_lane lane, int argc, const char **argv,
                      const size_t *lens, redis_answer_fn *fn, void *ctx)
{
    if (s->state != REDIS_UP) {
        return ERR_AGAIN;
    }
    return redis_link_send(&s->lanes[lane].link, argc, argv, lens, fn, ctx);
}

const char *redis_server_run(const struct redis_server *s)
{
    return s->run;
}

/* Both clocks are cut to milliseconds. */
uint64_t redis_server_time(const struct redis_server *s, int64_t mono_ms)
{
    int64_t at = s->time_wall_ms + mono_ms - s->time_mono_ms - 2;
    return at > 0 ? (uint64_t)at : 0;
}

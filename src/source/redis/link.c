/* SPDX-License-Identifier: MIT */
/* redis_link: one connection to a Redis server or a Sentinel.
 *
 * hiredis has an adapter for libuv of its own. Up to its version 0.14 that drops the loop's word of a
 * connection refused, and would wait for ever: so this is another one. */
#include "source/redis/link.h"

#include "base/clock.h"
#include "base/err.h"

#include <fcntl.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY_BYTES 160

/* One try to connect, and the connection. It outlives the link's interest in it until hiredis and the
 * loop have let go. */
struct redis_wire {
    struct redis_link *link; /* for `released` */
    int is_wanted;           /* the link has not closed it */
    redisAsyncContext *ac;   /* NULL: not made yet, or gone */
    uv_poll_t poll;
    uv_getaddrinfo_t lookup;
    int events;
    int is_open;
    int port;
    size_t pending;      /* answers owed */
    int64_t progress_ms; /* when it last did something, or was given something to do */
    char why[WHY_BYTES];
};

struct question {
    struct redis_wire *wire;
    redis_answer_fn *fn;
    void *ctx;
};

static int64_t now_ms(const struct redis_link *l)
{
    return l->clock->mono_ms(l->clock);
}

/* ---- the end ---- */

static void release(struct redis_wire *w)
{
    struct redis_link *l = w->link;
    free(w);
    l->released(l->ctx);
}

static void on_poll_closed(uv_handle_t *handle)
{
    release(handle->data);
}

/* The link has it no more. */
static void part(struct redis_wire *w)
{
    struct redis_link *l = w->link;
    if (w->is_wanted) {
        w->is_wanted = 0;
        l->wire = NULL;
        l->lost(l->ctx, w->why[0] ? w->why : "connection closed");
    }
}

/* hiredis is about to free the context and to close its socket. */
static void on_cleanup(void *data)
{
    struct redis_wire *w = data;
    if (w->ac->err && !w->why[0]) {
        snprintf(w->why, sizeof w->why, "%s", w->ac->errstr ? w->ac->errstr : "error");
    }
    w->ac = NULL;
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, on_poll_closed);
    part(w);
}

/* ---- hiredis on the loop ---- */

/* What has come in is bounded: hiredis itself would read an answer of any size. */
static void check_size(struct redis_wire *w)
{
    if (w->ac && w->ac->c.reader->len > REDIS_REPLY_MAX) {
        snprintf(w->why, sizeof w->why, "an answer is larger than %d bytes", REDIS_REPLY_MAX);
        redisAsyncFree(w->ac);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct redis_wire *w = poll->data;
    /* With an error hiredis finds out which: it reads and writes what it wanted to. */
    int ready = status < 0 ? w->events : events;
    if (w->ac && (ready & UV_READABLE)) {
        redisAsyncHandleRead(w->ac);
        check_size(w);
    }
    if (w->ac && (ready & UV_WRITABLE)) {
        redisAsyncHandleWrite(w->ac);
    }
    if (w->ac && status < 0 && w->events) {
        uv_poll_start(&w->poll, w->events, on_poll);
    }
}

static void want(struct redis_wire *w, int events)
{
    w->events = events;
    if (events) {
        uv_poll_start(&w->poll, events, on_poll);
    } else {
        uv_poll_stop(&w->poll);
    }
}

static void add_read(void *data)
{
    struct redis_wire *w = data;
    want(w, w->events | UV_READABLE);
}

static void del_read(void *data)
{
    struct redis_wire *w = data;
    want(w, w->events & ~UV_READABLE);
}

static void add_write(void *data)
{
    struct redis_wire *w = data;
    want(w, w->events | UV_WRITABLE);
}

static void del_write(void *data)
{
    struct redis_wire *w = data;
    want(w, w->events & ~UV_WRITABLE);
}

static void on_connected(const redisAsyncContext *ac, int status)
{
    struct redis_wire *w = ac->data;
    if (status != REDIS_OK || !w->is_wanted) {
        return; /* hiredis frees it, or the link already told it to */
    }
    w->is_open = 1;
    w->progress_ms = now_ms(w->link);
    w->link->opened(w->link->ctx);
}

/* ---- connecting ---- */

static int attach(struct redis_wire *w, redisAsyncContext *ac)
{
    if (!ac || ac->err) {
        snprintf(w->why, sizeof w->why, "%s", ac ? ac->errstr : "out of memory");
        if (ac) {
            redisAsyncFree(ac);
        }
        return ERR_IO;
    }
    int flags = fcntl(ac->c.fd, F_GETFD);
    (void)fcntl(ac->c.fd, F_SETFD, flags | FD_CLOEXEC);
    if (uv_poll_init(w->link->loop, &w->poll, ac->c.fd)) {
        snprintf(w->why, sizeof w->why, "the loop refused the socket");
        redisAsyncFree(ac);
        return ERR_IO;
    }
    w->ac = ac;
    w->poll.data = w;
    ac->data = w;
    ac->ev.data = w;
    ac->ev.addRead = add_read;
    ac->ev.delRead = del_read;
    ac->ev.addWrite = add_write;
    ac->ev.delWrite = del_write;
    ac->ev.cleanup = on_cleanup;
    redisAsyncSetConnectCallback(ac, on_connected); /* asks for writing */
    return 0;
}

/* getaddrinfo() may take long: it has another thread. */
static void on_found(uv_getaddrinfo_t *lookup, int status, struct addrinfo *list)
{
    struct redis_wire *w = lookup->data;
    char text[64];
    int rc = status;
    if (!rc) {
        rc = list->ai_family == AF_INET6
                 ? uv_ip6_name((const struct sockaddr_in6 *)(const void *)list->ai_addr, text, sizeof text)
                 : uv_ip4_name((const struct sockaddr_in *)(const void *)list->ai_addr, text, sizeof text);
    }
    uv_freeaddrinfo(list);
    if (rc) {
        snprintf(w->why, sizeof w->why, "%s", uv_strerror(rc));
    }
    if (rc || !w->is_wanted || attach(w, redisAsyncConnect(text, w->port))) {
        part(w);
        release(w);
    }
}

static int look_up(struct redis_wire *w, const char *host)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    w->lookup.data = w;
    return uv_getaddrinfo(w->link->loop, &w->lookup, on_found, host, NULL, &hints) ? ERR_IO : 0;
}

int redis_link_open(struct redis_link *l, const char *host, int port, const char *path)
{
    struct redis_wire *w = calloc(1, sizeof *w);
    if (!w) {
        return ERR_NOMEM;
    }
    w->link = l;
    w->is_wanted = 1;
    w->port = port;
    w->progress_ms = now_ms(l);
    int rc = path ? attach(w, redisAsyncConnectUnix(path)) : look_up(w, host);
    if (rc) {
        free(w);
        return rc;
    }
    l->wire = w;
    return 0;
}

void redis_link_close(struct redis_link *l)
{
    struct redis_wire *w = l->wire;
    if (!w) {
        return;
    }
    l->wire = NULL;
    w->is_wanted = 0;
    if (w->ac) {
        int is_all;
        (void)redisBufferWrite(&w->ac->c, &is_all); /* what was said last, as far as it goes */
        redisAsyncFree(w->ac);
    } else {
        (void)uv_cancel((uv_req_t *)&w->lookup); /* otherwise it ends by itself */
    }
}

void redis_link_check(struct redis_link *l)
{
    struct redis_wire *w = l->wire;
    int is_waiting = w && (w->pending > 0 || !w->is_open);
    if (!is_waiting || now_ms(l) - w->progress_ms < REDIS_SILENT_MS) {
        return;
    }
    snprintf(w->why, sizeof w->why, "no answer in %d ms", REDIS_SILENT_MS);
    if (w->ac) {
        redisAsyncFree(w->ac);
    } else {
        part(w); /* the lookup goes on, and finds nobody */
    }
}

/* ---- commands ---- */

static void on_reply(redisAsyncContext *ac, void *reply, void *data)
{
    struct question *q = data;
    struct redis_wire *w = q->wire;
    (void)ac;
    w->pending--;
    if (reply) {
        w->progress_ms = now_ms(w->link);
    }
    q->fn(q->ctx, w->is_wanted ? reply : NULL);
    free(q);
}

int redis_link_send(struct redis_link *l, int argc, const char **argv, const size_t *lens,
                    redis_answer_fn *fn, void *ctx)
{
    struct redis_wire *w = l->wire;
    if (!w || !w->is_open || !w->ac) {
        return ERR_AGAIN;
    }
    struct question *q = malloc(sizeof *q);
    if (!q) {
        return ERR_AGAIN;
    }
    *q = (struct question){.wire = w, .fn = fn, .ctx = ctx};
    if (redisAsyncCommandArgv(w->ac, on_reply, q, argc, argv, lens) != REDIS_OK) {
        free(q);
        return ERR_AGAIN;
    }
    if (w->pending++ == 0) {
        w->progress_ms = now_ms(l);
    }
    return 0;
}

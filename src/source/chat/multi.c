/* SPDX-License-Identifier: MIT */
/* chat_multi: libcurl on the loop: all requests of the process, and the connections that they share. */
#include "source/chat/multi.h"

#include "base/err.h"

#include <stdlib.h>

struct chat_multi {
    CURLM *curl;
    uv_loop_t *loop;
    uv_timer_t timer;
    size_t users;
    size_t handles; /* of the loop, that are not closed yet */
    void (*left)(void *ctx);
    void *left_ctx;
};

/* A socket of libcurl's. */
struct watch {
    uv_poll_t poll;
    struct chat_multi *multi;
    curl_socket_t fd;
};

/* Requests know nothing of each other: this is how they find the one that another has made. Only the loop's
 * thread sees it. */
static struct chat_multi *current;

/* ---- what libcurl wants ---- */

/* Tells of the requests that have ended. */
static void tell(struct chat_multi *m)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(m->curl, &left))) {
        CURLcode rc = message->data.result;
        char *done = NULL;
        if (message->msg == CURLMSG_DONE
            && !curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &done) && done) {
            const struct chat_done *d = (const struct chat_done *)(void *)done;
            d->fn(d->ctx, rc);
        }
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    struct chat_multi *m = w->multi;
    int running;
    int flags = status < 0 ? CURL_CSELECT_ERR
                           : (events & UV_READABLE ? CURL_CSELECT_IN : 0)
                                 | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(m->curl, w->fd, flags, &running);
    tell(m);
}

static void on_timer(uv_timer_t *timer)
{
    struct chat_multi *m = timer->data;
    int running;
    curl_multi_socket_action(m->curl, CURL_SOCKET_TIMEOUT, 0, &running);
    tell(m);
}

static void release(struct chat_multi *m)
{
    if (--m->handles > 0) {
        return;
    }
    void (*left)(void *ctx) = m->left;
    void *ctx = m->left_ctx;
    free(m);
    left(ctx);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct watch *w = handle->data;
    struct chat_multi *m = w->multi;
    free(w);
    release(m);
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static struct watch *watch_new(struct chat_multi *m, curl_socket_t fd)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w || uv_poll_init_socket(m->loop, &w->poll, fd)) {
        free(w);
        return NULL;
    }
    w->poll.data = w;
    w->multi = m;
    w->fd = fd;
    m->handles++;
    curl_multi_assign(m->curl, fd, w);
    return w;
}

/* libcurl closes the socket as soon as this returns. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct chat_multi *m = ctx;
    struct watch *w = socket_ctx;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            uv_poll_stop(&w->poll);
            uv_close((uv_handle_t *)&w->poll, on_watch_closed);
            curl_multi_assign(m->curl, fd, NULL);
        }
        return 0;
    }
    w = w ? w : watch_new(m, fd);
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return w && !uv_poll_start(&w->poll, events, on_poll) ? 0 : -1;
}

/* Not a moment too early: libcurl would not ask again. */
static int on_timeout(CURLM *curl, long timeout_ms, void *ctx)
{
    struct chat_multi *m = ctx;
    (void)curl;
    if (timeout_ms < 0) {
        uv_timer_stop(&m->timer);
        return 0;
    }
    uv_update_time(m->loop);
    uv_timer_start(&m->timer, on_timer, timeout_ms > 0 ? (uint64_t)timeout_ms + 1 : 0, 0);
    return 0;
}

/* ---- life ---- */

static int multi_new(struct chat_multi **out, uv_loop_t *loop)
{
    struct chat_multi *m = calloc(1, sizeof *m);
    if (!m || !(m->curl = curl_multi_init())) {
        free(m);
        return ERR_NOMEM;
    }
    m->loop = loop;
    uv_timer_init(loop, &m->timer);
    m->timer.data = m;
    m->handles = 1;
    curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
    curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
    *out = m;
    return 0;
}

int chat_multi_join(struct chat_multi **out, uv_loop_t *loop)
{
    int rc = current ? 0 : multi_new(&current, loop);
    if (rc) {
        return rc;
    }
    current->users++;
    *out = current;
    return 0;
}

void chat_multi_leave(struct chat_multi *m, void (*left)(void *ctx), void *ctx)
{
    if (--m->users > 0) {
        left(ctx);
        return;
    }
    current = NULL;
    m->left = left;
    m->left_ctx = ctx;
    curl_multi_cleanup(m->curl); /* closes what is left of the connections */
    uv_close((uv_handle_t *)&m->timer, on_timer_closed);
}

int chat_multi_add(struct chat_multi *m, CURL *easy, const struct chat_done *done)
{
    curl_easy_setopt(easy, CURLOPT_PRIVATE, done);
    return curl_multi_add_handle(m->curl, easy) ? ERR_NOMEM : 0;
}

void chat_multi_remove(struct chat_multi *m, CURL *easy)
{
    curl_multi_remove_handle(m->curl, easy);
}

/* SPDX-License-Identifier: MIT */
/* cgi: the one request of a CGI process (RFC 3875), answered on standard output. */
#include "gate/gate.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/num.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A departure is EPOLLHUP or EPOLLERR, which come unasked but need a watch on something. It is not
 * EPOLLRDHUP (UV_DISCONNECT): mod_cgid's socket is our input as well, and Apache ends that half as
 * soon as the request's body is through. */
#define WATCH_HANGUP UV_PRIORITIZED

struct cgi {
    struct gate_exchange x; /* first: callbacks find us by it */
    struct gate_setup setup;
    uv_poll_t poll;
    int can_poll; /* standard output is a pipe or a socket, not a file */
    int is_over;
    int wants_write;
    void (*done)(void *ctx);
    void *done_ctx;
};

int gate_has_listener(void)
{
    return !FCGX_IsCGI();
}

int gate_is_cgi(void)
{
    return FCGX_IsCGI() && getenv("GATEWAY_INTERFACE") != NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct cgi *cgi = handle->data;
    cgi->done(cgi->done_ctx);
    free(cgi);
}

static void close_cgi(struct cgi *cgi)
{
    if (cgi->is_over) {
        return;
    }
    cgi->is_over = 1;
    gate_exchange_fini(&cgi->x);
    if (cgi->can_poll) {
        uv_close((uv_handle_t *)&cgi->poll, on_closed);
    } else {
        cgi->done(cgi->done_ctx);
        free(cgi);
    }
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct cgi *cgi = handle->data;
    if (status < 0 || (events & WATCH_HANGUP)) {
        close_cgi(cgi);
    } else if (events & UV_WRITABLE) {
        gate_exchange_writable(&cgi->x, cgi->setup.clock->mono_ms(cgi->setup.clock));
    }
}

static void cgi_watch(struct gate_exchange *x, int wanted)
{
    struct cgi *cgi = (struct cgi *)x;
    if (cgi->can_poll && !cgi->is_over && cgi->wants_write != wanted) {
        cgi->wants_write = wanted;
        uv_poll_start(&cgi->poll, WATCH_HANGUP | (wanted ? UV_WRITABLE : 0), on_poll);
    }
}

static void cgi_done(struct gate_exchange *x)
{
    close_cgi((struct cgi *)x);
}

static void cgi_close(struct gate_exchange *x, const char *why)
{
    (void)why;
    close_cgi((struct cgi *)x);
}

static const struct gate_exchange_ops cgi_ops = {
    .watch = cgi_watch,
    .done = cgi_done,
    .close = cgi_close,
};

static const char *get_env(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

/* --- the request's body ---------------------------------------------------------------------- */

static int64_t now_ms(const struct cgi *cgi)
{
    return cgi->setup.clock->mono_ms(cgi->setup.clock);
}

/* Reads `len` bytes of input, into `body` as far as it has room. ERR_AGAIN when they do not come in time,
 * ERR_CLOSED when the server has ended them before. Nobody else waits meanwhile: the process has
 * one request. */
static int read_input(const struct cgi *cgi, uint64_t len, struct buf *body)
{
    char block[16384];
    int64_t end_ms = now_ms(cgi) + GATE_REQUEST_TIMEOUT_MS;
    while (len > 0) {
        struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
        int64_t left_ms = end_ms - now_ms(cgi);
        int ready = left_ms > 0 ? poll(&p, 1, (int)left_ms) : 0;
        if (ready == 0) {
            return ERR_AGAIN;
        }
        size_t most = len < sizeof block ? (size_t)len : sizeof block;
        ssize_t got = ready > 0 ? read(STDIN_FILENO, block, most) : -1;
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) {
            return ERR_CLOSED;
        }
        if (got > 0) {
            int rc = buf_append(body, block, (size_t)got);
            if (rc == ERR_NOMEM) {
                return rc;
            }
            len -= (uint64_t)got;
        }
    }
    return 0;
}

/* Takes the body in, wanted or not: a server that finds it unread when we exit (Apache's mod_cgid) cuts
 * the answer off. Answers 1 when the request goes on, 0 when it has had its answer. */
static int take_body(struct cgi *cgi, struct buf *body)
{
    const char *text = getenv("CONTENT_LENGTH");
    int has_length = text && text[0] != '\0';
    uint64_t len = 0;
    if (has_length && num_parse_u64(text, strlen(text), INT64_MAX, &len)) {
        gate_answer_error(&cgi->x, "400 Bad Request", "CONTENT_LENGTH: must be a number");
        return 0;
    }
    if (!has_length && getenv("HTTP_TRANSFER_ENCODING")) {
        /* Apache passes chunks on and does not count them. */
        (void)read_input(cgi, UINT64_MAX, body);
        gate_answer_error(&cgi->x, "411 Length Required", "the request's body has no Content-Length");
        return 0;
    }
    int rc = read_input(cgi, len, body);
    if (len > GATE_BODY_BYTES) {
        gate_answer_error(&cgi->x, "413 Content Too Large", "the request's body is too large");
    } else if (rc == ERR_AGAIN) {
        gate_answer_error(&cgi->x, "408 Request Timeout", "the request's body did not come in time");
    } else if (rc == ERR_NOMEM) {
        gate_answer_error(&cgi->x, "500 Internal Server Error", "out of memory");
    } else if (rc) {
        gate_answer_error(&cgi->x, "400 Bad Request", "the request's body ended early");
    } else {
        return 1;
    }
    return 0;
}

int gate_cgi(const struct gate_setup *setup, void (*done)(void *ctx), void *ctx, struct err *err)
{
    struct cgi *cgi = calloc(1, sizeof *cgi);
    if (!cgi) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    cgi->setup = *setup;
    cgi->done = done;
    cgi->done_ctx = ctx;
    gate_exchange_init(&cgi->x, &cgi_ops, STDOUT_FILENO, 0, 0);
    if (uv_poll_init(setup->loop, &cgi->poll, STDOUT_FILENO) == 0) {
        /* uv_poll_init made it non-blocking. A file stays as it is and takes everything. */
        cgi->can_poll = 1;
        cgi->poll.data = cgi;
        uv_poll_start(&cgi->poll, WATCH_HANGUP, on_poll);
    }
    struct buf body;
    buf_init(&body, GATE_BODY_BYTES);
    if (take_body(cgi, &body)) {
        struct sse_vars vars = {.get = get_env};
        cgi->x.body = body.data;
        cgi->x.body_len = body.len;
        setup->handler->request(setup->handler->ctx, &cgi->x, &vars);
    }
    buf_fini(&body);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* exchange: one request's response, short or streaming, and its end. */
#include "gate/gate.h"

#include "base/buf.h"
#include "base/err.h"
#include "gate/plain.h"

#include <stdlib.h>
#include <string.h>

static struct gate_exchange *exchange_of(const struct hub_reader *r)
{
    return (struct gate_exchange *)r;
}

/* --- the hub's sink ------------------------------------------------------------------------ */

static ssize_t sink_send(struct hub_reader *r, const struct iovec *iov, int count,
                         const struct hub_stamp *stamp)
{
    struct gate_exchange *x = exchange_of(r);
    if (x->plain) {
        return gate_plain_send(x->plain, &x->writer, iov, count);
    }
    if (stamp && x->scratch) {
        return gate_writer_send_slice(&x->writer, x->scratch, stamp, iov, count);
    }
    return gate_writer_send(&x->writer, iov, count);
}

static int sink_is_behind(const struct hub_reader *r)
{
    const struct gate_exchange *x = (const struct gate_exchange *)r;
    return gate_writer_is_behind(&x->writer);
}

static size_t sink_owed(const struct hub_reader *r)
{
    const struct gate_exchange *x = exchange_of(r);
    return x->plain ? 0 : x->writer.owed; /* a plain one keeps what it owes */
}

static void sink_watch(struct hub_reader *r, int wanted)
{
    struct gate_exchange *x = exchange_of(r);
    x->ops->watch(x, wanted);
}

static void sink_finish(struct hub_reader *r);

static void sink_drop(struct hub_reader *r, const char *why)
{
    struct gate_exchange *x = exchange_of(r);
    x->ops->close(x, why);
}

static const struct hub_sink exchange_sink = {
    .send = sink_send,
    .is_behind = sink_is_behind,
    .owed = sink_owed,
    .watch = sink_watch,
    .finish = sink_finish,
    .drop = sink_drop,
};

/* --- the end ------------------------------------------------------------------------------- */

static void forget_plain(struct gate_exchange *x)
{
    if (x->plain) {
        gate_plain_fini(x->plain);
        free(x->plain);
        x->plain = NULL;
    }
}

/* Goes on with the closing records. */
static void finish(struct gate_exchange *x)
{
    int rc = gate_writer_finish(&x->writer);
    if (rc < 0) {
        x->ops->close(x, "closed by the peer");
        return;
    }
    if (rc == 0) {
        x->is_finishing = 1;
        x->ops->watch(x, 1);
        return;
    }
    x->is_finishing = 0;
    forget_plain(x);
    x->ops->watch(x, 0);
    x->ops->done(x);
}

static void sink_finish(struct hub_reader *r)
{
    finish(exchange_of(r));
}

/* Sends what is left of a short answer, then the end. */
static void push_answer(struct gate_exchange *x)
{
    struct iovec iov = {.iov_base = x->answer + x->answer_at,
                        .iov_len = x->answer_len - x->answer_at};
    ssize_t sent = gate_writer_send(&x->writer, &iov, 1);
    if (sent < 0) {
        x->ops->close(x, "closed by the peer");
        return;
    }
    x->answer_at += (uint32_t)sent;
    if (x->answer_at < x->answer_len) {
        x->ops->watch(x, 1);
        return;
    }
    free(x->answer);
    x->answer = NULL;
    finish(x);
}

/* --- for handlers and gates ---------------------------------------------------------------- */

void gate_exchange_init(struct gate_exchange *x, const struct gate_exchange_ops *ops, int fd,
                        int is_framed, uint16_t id)
{
    *x = (struct gate_exchange){.ops = ops};
    gate_writer_init(&x->writer, fd, is_framed, id);
}

void gate_defer(struct gate_exchange *x, void (*gone)(void *ctx), void *ctx)
{
    x->gone = gone;
    x->gone_ctx = ctx;
}

void gate_answer(struct gate_exchange *x, const char *data, size_t len)
{
    x->gone = NULL;
    x->answer = malloc(len ? len : 1);
    if (!x->answer || len > UINT32_MAX) {
        x->ops->close(x, "out of memory");
        return;
    }
    memcpy(x->answer, data, len);
    x->answer_len = (uint32_t)len;
    x->answer_at = 0;
    push_answer(x);
}

void gate_answer_error(struct gate_exchange *x, const char *status, const char *error)
{
    struct buf out;
    buf_init(&out, 4096);
    if (buf_appendf(&out, "Status: %s\r\nContent-Type: application/json\r\n"
                          "Cache-Control: no-store\r\n\r\n{\"error\":\"%s\"}\n",
                    status, error)) {
        x->ops->close(x, "out of memory");
    } else {
        gate_answer(x, out.data, out.len);
    }
    buf_fini(&out);
}

int gate_stream(struct gate_exchange *x, struct hub_channel *c, const struct hub_start *start,
                int64_t now_ms)
{
    return hub_reader_start(c, &x->reader, &exchange_sink, start, now_ms);
}

int gate_stream_plain(struct gate_exchange *x, struct hub_channel *c, const struct hub_start *start,
                      int64_t now_ms)
{
    x->plain = malloc(sizeof *x->plain);
    if (!x->plain) {
        return ERR_NOMEM;
    }
    gate_plain_init(x->plain, start->head_len);
    int rc = gate_stream(x, c, start, now_ms);
    if (rc) {
        forget_plain(x);
    }
    return rc;
}

void gate_exchange_writable(struct gate_exchange *x, int64_t now_ms)
{
    if (x->is_finishing) {
        finish(x);
    } else if (x->answer) {
        push_answer(x);
    } else {
        hub_reader_writable(&x->reader, now_ms);
    }
}

void gate_exchange_fini(struct gate_exchange *x)
{
    void (*gone)(void *) = x->gone;
    hub_reader_leave(&x->reader);
    free(x->answer);
    forget_plain(x);
    x->answer = NULL;
    x->is_finishing = 0;
    x->gone = NULL;
    if (gone) {
        gone(x->gone_ctx);
    }
}

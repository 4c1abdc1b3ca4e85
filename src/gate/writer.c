/* SPDX-License-Identifier: MIT */
/* writer: frames onto a descriptor, inside FastCGI records or bare, without copying them. */
#include "gate/writer.h"

#include "base/err.h"
#include "gate/fcgi_record.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH_RECORDS 16
#define BATCH_IOVS (BATCH_RECORDS * 3 + 4)
#define TAIL_BYTES (3 * FCGI_RECORD_HEAD_BYTES)

void gate_writer_init(struct gate_writer *w, int fd, int is_framed, uint16_t id)
{
    *w = (struct gate_writer){.fd = fd, .id = id, .is_framed = is_framed != 0,
                              .tail_left = TAIL_BYTES};
}

/* As the system's, but 0 for "not now" and ERR_CLOSED for everything else. */
static ssize_t settle(ssize_t sent)
{
    if (sent >= 0) {
        return sent;
    }
    int is_full = errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM;
    return is_full ? 0 : ERR_CLOSED;
}

static ssize_t send_iov(int fd, struct iovec *iov, size_t count)
{
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = count};
    ssize_t sent;
    do {
        sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return settle(sent);
}

static ssize_t send_bare(struct gate_writer *w, const struct iovec *iov, int count)
{
    ssize_t sent;
    do {
        sent = writev(w->fd, iov, count);
    } while (sent < 0 && errno == EINTR);
    return settle(sent);
}

struct batch {
    uint8_t heads[BATCH_RECORDS][FCGI_RECORD_HEAD_BYTES];
    struct iovec iov[BATCH_IOVS];
    size_t count;
    size_t bytes;
};

static void batch_add(struct batch *b, void *data, size_t len)
{
    b->iov[b->count++] = (struct iovec){.iov_base = data, .iov_len = len};
    b->bytes += len;
}

/* Adds content bytes [from, from + len) of the input. */
static void batch_add_content(struct batch *b, const struct iovec *iov, size_t from, size_t len)
{
    for (; len > 0; iov++) {
        if (from >= iov->iov_len) {
            from -= iov->iov_len;
            continue;
        }
        size_t take = iov->iov_len - from < len ? iov->iov_len - from : len;
        batch_add(b, (char *)iov->iov_base + from, take);
        len -= take;
        from = 0;
    }
}

static size_t next_record(size_t left)
{
    return left < GATE_RECORD_BYTES ? left : GATE_RECORD_BYTES;
}

/* Lays records around the content from `done` on, going on with the one in progress. */
static void batch_fill(struct batch *b, const struct gate_writer *w, const struct iovec *iov,
                       size_t done, size_t total)
{
    size_t owed = w->owed;
    size_t head_left = w->head_left;
    b->count = 0;
    b->bytes = 0;
    for (size_t i = 0; i < BATCH_RECORDS && done < total; i++) {
        if (owed == 0) {
            owed = next_record(total - done);
            head_left = FCGI_RECORD_HEAD_BYTES;
        }
        if (head_left > 0) {
            fcgi_record_head(b->heads[i], FCGI_TYPE_STDOUT, w->id, (uint16_t)owed);
            batch_add(b, b->heads[i] + FCGI_RECORD_HEAD_BYTES - head_left, head_left);
            head_left = 0;
        }
        size_t take = owed < total - done ? owed : total - done;
        batch_add_content(b, iov, done, take);
        done += take;
        owed -= take;
    }
}

/* Moves the writer's state over `sent` bytes of a batch; answers how much content went. */
static size_t account(struct gate_writer *w, size_t sent, size_t left)
{
    size_t content = 0;
    while (sent > 0) {
        if (w->owed == 0) {
            w->owed = (uint16_t)next_record(left - content);
            w->head_left = FCGI_RECORD_HEAD_BYTES;
        }
        size_t head = sent < w->head_left ? sent : w->head_left;
        w->head_left = (uint8_t)(w->head_left - head);
        sent -= head;
        size_t take = sent < w->owed ? sent : w->owed;
        w->owed = (uint16_t)(w->owed - take);
        sent -= take;
        content += take;
    }
    return content;
}

ssize_t gate_writer_send(struct gate_writer *w, const struct iovec *iov, int count)
{
    if (!w->is_framed) {
        return send_bare(w, iov, count);
    }
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        total += iov[i].iov_len;
    }
    assert(count <= 2);
    size_t done = 0;
    while (done < total) {
        struct batch b;
        batch_fill(&b, w, iov, done, total);
        ssize_t sent = send_iov(w->fd, b.iov, b.count);
        if (sent < 0) {
            return sent;
        }
        done += account(w, (size_t)sent, total - done);
        if ((size_t)sent < b.bytes) {
            break;
        }
    }
    return (ssize_t)done;
}

static int is_same(const struct hub_stamp *a, const struct hub_stamp *b)
{
    return a->at == b->at && a->len == b->len && a->channel == b->channel;
}

/* Lays the records that gate_writer_send() would lay, one after the other. */
static void scratch_fill(struct gate_scratch *s, const struct gate_writer *w,
                         const struct hub_stamp *stamp, const struct iovec *iov)
{
    struct batch b;
    batch_fill(&b, w, iov, 0, stamp->len);
    s->len = 0;
    for (size_t i = 0; i < b.count; i++) {
        memcpy(s->bytes + s->len, b.iov[i].iov_base, b.iov[i].iov_len);
        s->len += b.iov[i].iov_len;
    }
    s->stamp = *stamp;
    s->id = w->id;
}

/* 1 when the scratch holds the slice, which it takes in when the reader before this one got the
 * same: what only one reader gets is not copied. */
static int scratch_has(struct gate_scratch *s, const struct gate_writer *w,
                       const struct hub_stamp *stamp, const struct iovec *iov)
{
    if (is_same(&s->stamp, stamp) && s->id == w->id) {
        return 1;
    }
    if (!is_same(&s->last, stamp) || s->last_id != w->id || stamp->len > GATE_SCRATCH_BYTES) {
        s->last = *stamp;
        s->last_id = w->id;
        return 0;
    }
    scratch_fill(s, w, stamp, iov);
    return 1;
}

ssize_t gate_writer_send_slice(struct gate_writer *w, struct gate_scratch *s,
                               const struct hub_stamp *stamp, const struct iovec *iov, int count)
{
    ssize_t sent;
    if (!w->is_framed || w->owed > 0 || !scratch_has(s, w, stamp, iov)) {
        return gate_writer_send(w, iov, count);
    }
    do {
        sent = send(w->fd, s->bytes, s->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    sent = settle(sent);
    if (sent == (ssize_t)s->len) {
        return (ssize_t)stamp->len;
    }
    return sent < 0 ? sent : (ssize_t)account(w, (size_t)sent, stamp->len);
}

int gate_writer_is_behind(const struct gate_writer *w)
{
    int unread;
    return w->is_framed && ioctl(w->fd, SIOCOUTQ, &unread) == 0 && unread > 0;
}

int gate_writer_finish(struct gate_writer *w)
{
    uint8_t tail[TAIL_BYTES];
    if (!w->is_framed || w->tail_left == 0) {
        return 1;
    }
    assert(w->owed == 0);
    fcgi_record_head(tail, FCGI_TYPE_STDOUT, w->id, 0);
    fcgi_record_end(tail + FCGI_RECORD_HEAD_BYTES, w->id, FCGI_STATUS_REQUEST_COMPLETE);
    struct iovec iov = {.iov_base = tail + TAIL_BYTES - w->tail_left, .iov_len = w->tail_left};
    ssize_t sent = send_iov(w->fd, &iov, 1);
    if (sent < 0) {
        return ERR_CLOSED;
    }
    w->tail_left = (uint8_t)(w->tail_left - sent);
    return w->tail_left == 0;
}

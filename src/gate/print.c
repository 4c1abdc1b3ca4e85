/* SPDX-License-Identifier: MIT */
/* print: a stream on standard output, for people and pipes. */
#include "gate/gate.h"

#include "base/err.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where a frame stands, to count those that are events. */
struct gate_print {
    struct hub_reader reader; /* first: callbacks find us by it */
    int fd;
    uint64_t wanted; /* events; 0: no end */
    uint64_t seen;
    size_t line_len;
    char line_start[5];
    int has_data;
    int is_over;
    void (*done)(void *ctx);
    void *ctx;
};

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            poll(&p, 1, -1);
            continue;
        }
        if (n < 0) {
            return ERR_CLOSED;
        }
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* How many of the bytes belong to the events that are wanted. */
static size_t wanted_part(struct gate_print *p, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (data[i] != '\n') {
            if (p->line_len < sizeof p->line_start) {
                p->line_start[p->line_len] = data[i];
            }
            p->line_len++;
            continue;
        }
        if (p->line_len == 0) {
            p->seen += (uint64_t)p->has_data;
            p->has_data = 0;
            if (p->wanted && p->seen == p->wanted) {
                return i + 1;
            }
        } else if (p->line_len >= 5 && memcmp(p->line_start, "data:", 5) == 0) {
            p->has_data = 1;
        }
        p->line_len = 0;
    }
    return len;
}

static void finish(struct gate_print *p)
{
    if (!p->is_over) {
        p->is_over = 1;
        p->done(p->ctx);
    }
}

/* A terminal or a pipe may block us: nobody else is being served. */
static ssize_t print_send(struct hub_reader *r, const struct iovec *iov, int count,
                          const struct hub_stamp *stamp)
{
    struct gate_print *p = (struct gate_print *)r;
    (void)stamp;
    ssize_t total = 0;
    for (int i = 0; i < count; i++) {
        total += (ssize_t)iov[i].iov_len;
        if (p->is_over) {
            continue;
        }
        size_t part = wanted_part(p, iov[i].iov_base, iov[i].iov_len);
        if (write_all(p->fd, iov[i].iov_base, part)) {
            return ERR_CLOSED;
        }
        if (p->wanted && p->seen == p->wanted) {
            finish(p);
        }
    }
    return total;
}

static size_t print_owed(const struct hub_reader *r)
{
    (void)r;
    return 0;
}

static void print_watch(struct hub_reader *r, int wanted)
{
    (void)r;
    (void)wanted;
}

static void print_finish(struct hub_reader *r)
{
    finish((struct gate_print *)r);
}

static void print_drop(struct hub_reader *r, const char *why)
{
    (void)why;
    finish((struct gate_print *)r);
}

static const struct hub_sink print_sink = {
    .send = print_send,
    .owed = print_owed,
    .watch = print_watch,
    .finish = print_finish,
    .drop = print_drop,
};

int gate_print_new(struct gate_print **out, int fd, uint64_t count, void (*done)(void *ctx),
                   void *ctx)
{
    struct gate_print *p = calloc(1, sizeof *p);
    if (!p) {
        return ERR_NOMEM;
    }
    p->fd = fd;
    p->wanted = count;
    p->done = done;
    p->ctx = ctx;
    *out = p;
    return 0;
}

int gate_print_start(struct gate_print *p, struct hub_channel *c, const struct hub_start *start,
                     int64_t now_ms)
{
    return hub_reader_start(c, &p->reader, &print_sink, start, now_ms);
}

void gate_print_free(struct gate_print *p)
{
    if (p) {
        hub_reader_leave(&p->reader);
        free(p);
    }
}

/* SPDX-License-Identifier: MIT */
/* peer_blast: a FastCGI backend that does no work: it blasts records that were encoded once, from
 * memory, and so shows what a web server in front of it can do.
 *
 *     peer_blast ADDRESS < LINES
 *
 * libfcgi reads its requests. Beyond that it checks nothing, and its only history is its ring: a
 * reader that comes back finds its place there, one that falls behind by more is cut off. */
#include "peer.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define RING_BYTES (1024UL * 1024UL)
#define SOCKETS_MAX 65536
#define EVENTS_MAX 512
#define MARKS 4096 /* of the newest records, where each begins */

/* A record in the ring: its place, and how many events come before it. */
struct mark {
    unsigned long long at, events;
};

struct conn {
    int fd;
    size_t index;            /* in `conns` */
    unsigned long long at;   /* offset in the ring of the next byte */
    int is_started, is_full; /* the request has come; the socket takes no more */
};

static char ring[RING_BYTES];
static unsigned long long ring_head;
static struct mark marks[MARKS];
static unsigned long long mark_count, event_count;
static FCGX_Request request;
static struct conn *conns[SOCKETS_MAX];
static size_t conn_count;
static char head[512];
static size_t head_len;
static int epoll;

static void watch(struct conn *c, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(epoll, operation, c->fd, &event);
}

static void drop(struct conn *c)
{
    conns[c->index] = conns[--conn_count];
    conns[c->index]->index = c->index;
    if (c->fd >= 0) {
        close(c->fd);
    }
    free(c);
}

/* Sends what is new to it; -1 when it was dropped. */
static int push(struct conn *c)
{
    while (c->at < ring_head) {
        size_t from = (size_t)(c->at % RING_BYTES);
        size_t len = (size_t)(ring_head - c->at);
        if (len > RING_BYTES) {
            drop(c);
            return -1;
        }
        len = len < RING_BYTES - from ? len : RING_BYTES - from;
        ssize_t sent = send(c->fd, ring + from, len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            drop(c);
            return -1;
        }
        c->at += sent > 0 ? (unsigned long long)sent : 0;
        if (sent != (ssize_t)len) {
            if (!c->is_full) {
                watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            }
            c->is_full = 1;
            return 0;
        }
    }
    if (c->is_full) {
        c->is_full = 0;
        watch(c, EPOLL_CTL_MOD, EPOLLIN);
    }
    return 0;
}

/* Where the record with the event after `id` begins; the newest place when that is not known. */
static unsigned long long place_after(const char *id)
{
    unsigned long long events = id ? strtoull(id, NULL, 10) : event_count;
    for (unsigned long long i = mark_count; events < event_count && i > 0; i--) {
        const struct mark *m = &marks[(i - 1) % MARKS];
        if (mark_count - i >= MARKS || ring_head - m->at > RING_BYTES) {
            break;
        }
        if (m->events <= events) {
            return m->at;
        }
    }
    return ring_head;
}

/* The request is small and has been sent whole: libfcgi does not wait long for it. */
static void start(struct conn *c)
{
    request.ipcFd = c->fd;
    request.keepConnection = 1;
    if (FCGX_Accept_r(&request) < 0) {
        c->fd = -1; /* it has closed it */
        drop(c);
        return;
    }
    c->at = place_after(FCGX_GetParam("HTTP_LAST_EVENT_ID", request.envp));
    request.ipcFd = -1;
    FCGX_Free(&request, 0);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    if (send(c->fd, head, head_len, MSG_NOSIGNAL) != (ssize_t)head_len) {
        drop(c);
        return;
    }
    c->is_started = 1;
    push(c);
}

static void on_socket(struct conn *c, uint32_t events)
{
    char input[4096];
    if (!c->is_started) {
        start(c);
        return;
    }
    ssize_t got = events & EPOLLIN ? recv(c->fd, input, sizeof input, 0) : 1;
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        drop(c);
        return;
    }
    push(c);
}

static void accept_all(int listener)
{
    int fd;
    while (conn_count < SOCKETS_MAX && (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        struct conn *c = calloc(1, sizeof *c);
        if (!c) {
            close(fd);
            return;
        }
        c->fd = fd;
        c->index = conn_count;
        conns[conn_count++] = c;
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

static void take_input(struct peer_input *in)
{
    char records[PEER_RECORDS_BYTES];
    long len = peer_read(in, 1, records);
    if (len < 0) {
        exit(0);
    }
    if (len == 0) {
        return;
    }
    marks[mark_count++ % MARKS] = (struct mark){ring_head, event_count};
    event_count = in->count;
    for (long i = 0; i < len; i++) {
        ring[ring_head++ % RING_BYTES] = records[i];
    }
    for (size_t i = 0; i < conn_count;) {
        struct conn *c = conns[i];
        if (!c->is_started || c->is_full || push(c) == 0) {
            i++;
        }
    }
}

int main(int argc, char **argv)
{
    static struct peer_input input;
    static int others[2]; /* their addresses tell the two other descriptors from connections */
    struct epoll_event events[EVENTS_MAX];
    int listener = argc == 2 ? peer_listen(argv[1]) : -1;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (listener < 0 || epoll < 0) {
        fprintf(stderr, "usage: peer_blast unix:PATH|IP:PORT < LINES\n");
        return 2;
    }
    peer_init();
    if (FCGX_Init() || FCGX_InitRequest(&request, -1, FCGI_FAIL_ACCEPT_ON_INTR)) {
        return 1;
    }
    signal(SIGTERM, SIG_DFL); /* libfcgi's own handler would go on */
    head_len = peer_head(1, head, sizeof head);
    epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO,
              &(struct epoll_event){.events = EPOLLIN, .data.ptr = &others[0]});
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener,
              &(struct epoll_event){.events = EPOLLIN, .data.ptr = &others[1]});
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
        int has_input = 0;
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &others[0]) {
                has_input = 1;
            } else if (events[i].data.ptr == &others[1]) {
                accept_all(listener);
            } else {
                on_socket(events[i].data.ptr, events[i].events);
            }
        }
        /* Last, because it may free what `events` points to. */
        if (has_input) {
            take_input(&input);
        }
    }
}

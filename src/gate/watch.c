/* SPDX-License-Identifier: MIT */
/* watch: which connections can be read or written, known to the loop as one descriptor. */
#include "gate/watch.h"

#include "base/err.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct gate_watch *w = handle->data;
    struct epoll_event ready[GATE_WATCH_BATCH];
    (void)status; /* whatever it is, epoll_wait knows better */
    (void)events;
    int count = epoll_wait(w->fd, ready, GATE_WATCH_BATCH, 0);
    for (int i = 0; i < count; i++) {
        uint32_t what = ready[i].events;
        w->ready(ready[i].data.ptr, (what & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0,
                 (what & EPOLLOUT) != 0);
    }
}

int gate_watch_init(struct gate_watch *w, uv_loop_t *loop, gate_watch_fn *ready)
{
    *w = (struct gate_watch){.ready = ready, .fd = epoll_create1(EPOLL_CLOEXEC)};
    if (w->fd < 0) {
        return ERR_IO;
    }
    int rc = uv_poll_init(loop, &w->poll, w->fd);
    if (rc) {
        close(w->fd);
        errno = -rc;
        return ERR_IO;
    }
    w->poll.data = w;
    uv_poll_start(&w->poll, UV_READABLE, on_poll);
    return 0;
}

void gate_watch_stop(struct gate_watch *w)
{
    uv_poll_stop(&w->poll);
    close(w->fd);
    w->fd = -1;
}

int gate_watch_add(const struct gate_watch *w, int fd, void *owner)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = owner};
    return epoll_ctl(w->fd, EPOLL_CTL_ADD, fd, &e) ? ERR_IO : 0;
}

void gate_watch_set(const struct gate_watch *w, int fd, void *owner, int wants_write)
{
    struct epoll_event e = {.events = EPOLLIN | (wants_write ? EPOLLOUT : 0), .data.ptr = owner};
    epoll_ctl(w->fd, EPOLL_CTL_MOD, fd, &e);
}

void gate_watch_remove(const struct gate_watch *w, int fd)
{
    /* Closing alone is not enough where a child that was just forked has the descriptor, too. */
    epoll_ctl(w->fd, EPOLL_CTL_DEL, fd, NULL);
}

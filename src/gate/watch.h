/* SPDX-License-Identifier: MIT */
/* watch: which connections can be read or written, known to the loop as one descriptor.
 *
 * A uv_poll_t for each connection costs five epoll_ctl(2) and an ioctl(2) from its beginning to its end, a
 * sixth of what a handshake costs; an epoll set of our own inside the loop's costs two. */
#ifndef GATE_WATCH_H
#define GATE_WATCH_H

#include <uv.h>

#define GATE_WATCH_BATCH 256 /* events looked at in a turn of the loop; the others come next */

/* What happened to a socket: the owner that was given at gate_watch_add. Errors and hang-ups count as
 * readable: reading tells which. */
typedef void gate_watch_fn(void *owner, int can_read, int can_write);

struct gate_watch {
    uv_poll_t poll;
    int fd; /* the epoll set */
    gate_watch_fn *ready;
};

/* ERR_IO, errno says why. After success the handle `poll` is the caller's to close, after
 * gate_watch_stop. */
int gate_watch_init(struct gate_watch *w, uv_loop_t *loop, gate_watch_fn *ready);
/* Closes the set; nothing is called any more. */
void gate_watch_stop(struct gate_watch *w);

/* Watches for reading and hang-ups. `owner` must outlive the turn of the loop in which
 * gate_watch_remove is called. ERR_IO. */
int gate_watch_add(const struct gate_watch *w, int fd, void *owner);
/* Whether to watch for writing as well. */
void gate_watch_set(const struct gate_watch *w, int fd, void *owner, int wants_write);
/* Before the descriptor is closed. */
void gate_watch_remove(const struct gate_watch *w, int fd);

#endif

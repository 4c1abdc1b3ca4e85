/* SPDX-License-Identifier: MIT */
/* ring: the newest frames of a channel, encoded once, found by offset or by position. */
#ifndef HUB_RING_H
#define HUB_RING_H

#include "sse/event.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct ring_entry;

#define RING_FIRST_BYTES 32768

/* Offsets count bytes since the ring was made and never wrap (2^64). A frame stands in
 * [its predecessor's end, its end). `tail` and `head` are always frame boundaries. */
struct ring {
    char *bytes;
    size_t size;  /* a power of two */
    size_t limit; /* what it may grow to */
    uint64_t tail;
    uint64_t head;
    struct ring_entry *entries; /* one a frame, oldest first, circular */
    uint32_t *buckets;          /* position hash -> newest entry with it */
    uint32_t entry_cap;         /* a power of two; also the number of buckets */
    uint32_t entry_limit;
    uint64_t first; /* sequence number of the oldest entry */
    uint64_t next;  /* of the entry to come */
    char before[SSE_POSITION_SIZE]; /* where a reader stands that has all up to `tail` */
    char last[SSE_POSITION_SIZE];   /* where one stands that has all up to `head` */
};

/* Begins with RING_FIRST_BYTES, or `limit_bytes` (rounded up to a power of two) where that is
 * less: a process with one reader should not touch memory that only many readers need. The log has
 * no position yet. ERR_NOMEM. */
int ring_init(struct ring *r, size_t limit_bytes);
void ring_fini(struct ring *r);

/* The log begins, for us, at `position`. Once, while the ring is empty. */
void ring_start(struct ring *r, const char *position);

/* Doubles the size, up to the limit, until a frame of `len` bytes fits, and with `keeps` until it
 * fits without dropping another. Offsets stay. Does what can be had: no more than the limit, and
 * nothing for want of memory. */
void ring_grow(struct ring *r, size_t len, int keeps);

/* Where `tail` will be once a frame of `len` bytes has been pushed: frames before it go. The
 * head itself when the frame is larger than the whole ring, which ring_push does not take. */
uint64_t ring_tail_after(const struct ring *r, size_t len);

/* Appends a frame of at most `size` bytes, dropping the oldest to make room. `position` is its id,
 * which must stand at SSE_FRAME_ID_OFFSET in it, or NULL. ERR_NOMEM leaves the head as it was. */
int ring_push(struct ring *r, const char *frame, size_t len, const char *position);

/* An event that is not kept, at `position`: whatever came before goes as well, so that nothing is
 * skipped; readers get all of it from the source. */
void ring_pass(struct ring *r, const char *position);

/* The log stands at `position` now, though no frame said so. */
void ring_advance(struct ring *r, const char *position);

/* 1 and the offset after the frame with this id, when it is in the ring, is `last` or `before`. */
int ring_find(const struct ring *r, const char *position, uint64_t *at);

/* For an offset in [tail, head]: the end of the frame that `at` stands inside, or `at` itself on
 * a boundary; and the position of a reader that has everything up to that end. */
uint64_t ring_boundary(const struct ring *r, uint64_t at, char position[SSE_POSITION_SIZE]);

/* The bytes [from, to) as one or two pieces; answers how many. tail <= from <= to <= head. */
int ring_slice(const struct ring *r, uint64_t from, uint64_t to, struct iovec iov[2]);

#endif

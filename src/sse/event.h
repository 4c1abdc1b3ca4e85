/* SPDX-License-Identifier: MIT */
/* event: what passes from a source to readers, and the interface it passes through. */
#ifndef SSE_EVENT_H
#define SSE_EVENT_H

#include <stddef.h>
#include <stdint.h>

/* A position is an address in a source and, on the wire, the event's `id:`. Its bytes are of
 * [A-Za-z0-9._~-]: a Last-Event-ID header with others would need a CORS preflight. */
#define SSE_POSITION_MAX 128
#define SSE_POSITION_SIZE (SSE_POSITION_MAX + 1)

/* An event. Pointers are borrowed for the call. */
struct sse_event {
    const char *position; /* its own address: a reader resuming there gets the next one */
    const char *name;     /* the `event:` field; NULL for none */
    const char *data;     /* any bytes; line ends and invalid UTF-8 are dealt with in encoding */
    size_t data_len;
};

/* A stretch that can't be delivered any more. */
struct sse_gap {
    const char *position; /* the stream goes on with the event after this address; it differs
                             from the position of the event before the gap */
    const char *reason;   /* a word for programs: "truncated", "rotated-away", "slow-reader" */
    const char *detail;   /* a sentence for people, or NULL */
    const char *stream;   /* whose it is, where several streams are one; NULL elsewhere */
    int64_t bytes;        /* what is missing; -1 where unknown */
    int64_t events;       /* -1 where unknown */
};

/* Where a source puts what it has, in order: the channel's ring for what is new, a page for
 * history. `event` and `gap` answer 0 to go on and 1 for "taken, but stop after this one";
 * what was handed over is always taken. */
struct sse_out {
    int (*event)(void *ctx, const struct sse_event *event);
    int (*gap)(void *ctx, const struct sse_gap *gap);
    /* The log moved on to `position` with nothing to show (a filter held it back). */
    void (*advance)(void *ctx, const char *position);
    /* The log is finished; nothing follows `position`. `data` (JSON text or NULL) goes into the
     * stream.end event. */
    void (*end)(void *ctx, const char *position, const char *data);
    void *ctx;
    int wants_all; /* positions on the way are looked at: a source that would pass over a stretch
                      with nothing to show by one `advance` gives one for each event */
    const char *until; /* the only one that is looked at, then; NULL: any may be */
};

/* 1 for 1 to SSE_POSITION_MAX bytes of the position alphabet. */
int sse_position_is_valid(const char *text, size_t len);

#endif

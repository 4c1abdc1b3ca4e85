/* SPDX-License-Identifier: MIT */
/* ticker: a log that is computed from the time: one tick at every multiple of an interval since
 * the epoch, one or more events (slots) a tick. A source adds what an event says.
 *
 * The log holds every tick, whether or not a process was awake for it, so all processes agree
 * on it without talking and a position is good in each of them. A process that wakes late sends
 * the newest `burst` events and tells the rest as a gap with reason "late" and their number: a
 * reader who wants them resumes from before. (Leaving them out silently would make live and
 * replayed streams differ; sending them all would answer an hour of suspension with a flood.)
 *
 * The head never moves back. While the wall clock is behind it, after a step backwards, nothing
 * is sent. A reader whose position is ahead of the head, because it comes from another process,
 * is told to wait (ERR_AGAIN) and gets neither a repeated nor a reordered position.
 *
 * A position is the tick's time in milliseconds since the epoch, and with has_slots ".SLOT". A
 * time between two ticks, and one without a slot, stands behind all of the tick before it. */
#ifndef SOURCE_TICKER_H
#define SOURCE_TICKER_H

#include "source/source.h"

#define TICKER_SLOT_MAX 1024               /* slots are below it */
#define TICKER_TIME_MAX_MS 253402300799999 /* the end of the year 9999 */
#define TICKER_AHEAD_MAX_MS 86400000       /* a position further ahead is not understood */
#define TICKER_WAIT_MAX_MS 10000           /* so soon a step of the wall clock is noticed */

struct ticker;

/* What a source makes of it. `slots` is borrowed for the ticker's life. */
struct ticker_plan {
    int64_t interval_ms;
    int64_t history_s;     /* replay goes back so far from the head */
    uint64_t burst;        /* events sent on one wake; a multiple of slot_count, at least 1 */
    const unsigned *slots; /* which of a tick's events there are here, ascending */
    size_t slot_count;     /* 1 to TICKER_SLOT_MAX */
    int has_slots;         /* positions name the slot; without, there is one, numbered 0 */

    /* Sets the event's name and data, which stay good until the next call. ERR_NOMEM. */
    int (*render)(struct ticker *t, uint64_t tick, unsigned slot, struct sse_event *event);
    /* Frees the ticker and all around it. */
    void (*destroy)(struct ticker *t);
};

/* A source that is a ticker begins with this. Events are counted: number n is the n-th of this
 * selection of slots since the epoch, from 1. */
struct ticker {
    struct source base;
    struct ticker_plan plan;
    const struct source_host *host;
    uv_timer_t timer;
    uint64_t head;    /* the number of the last event sent */
    uint64_t history; /* how many events before it can be had */
    int is_behind;    /* the wall clock is behind the head, and the log was told */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* Makes the latest tick the head and starts the timer. Storage is the caller's; from now on it
 * leaves by ticker_close and plan->destroy. */
void ticker_open(struct ticker *t, const struct source_type *type, const struct ticker_plan *plan,
                 const struct source_host *host);

/* Looks at the clock and sends what is due. The timer does this. */
void ticker_look(struct ticker *t);

/* The time of a tick. */
int64_t ticker_time_ms(const struct ticker *t, uint64_t tick);

/* For the source's table. */
void ticker_close(struct source *s, void (*closed)(void *ctx), void *ctx);
void ticker_head(struct source *s, char out[SSE_POSITION_SIZE]);
int ticker_understands(struct source *s, const char *position);
int ticker_back(struct source *s, uint64_t count, char out[SSE_POSITION_SIZE]);
int ticker_before(struct source *s, const char *position, uint64_t count,
                  char start[SSE_POSITION_SIZE], char end[SSE_POSITION_SIZE]);
int ticker_since(struct source *s, int64_t wall_ms, char out[SSE_POSITION_SIZE], struct err *err);
int ticker_pull(struct source *s, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                size_t budget_bytes);

#endif

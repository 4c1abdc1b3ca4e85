/* SPDX-License-Identifier: MIT */
/* internal: what the files of this room share. No other room includes it. */
#ifndef HUB_INTERNAL_H
#define HUB_INTERNAL_H

#include "base/buf.h"
#include "hub/hub.h"
#include "hub/ring.h"

/* A doubly linked list of readers, in order of arrival. */
struct hub_list {
    struct hub_reader *head;
    struct hub_reader *tail;
};

/* Channels, linked through `next_queued`; a channel is in one such queue at most. */
struct hub_queue {
    struct hub_channel *head;
    struct hub_channel *tail;
};

/* A page of history: whole frames, and where each ends. One for the whole hub, used within one
 * call. */
struct hub_page {
    struct hub *hub;
    struct buf bytes;
    uint32_t *ends;
    size_t count;
    size_t cap;
    const char *until; /* the position of the last event that is wanted, or NULL */
    struct hub_counts *counts; /* of the channel whose page it is */
    int failed;        /* a frame could not be added: ERR_NOMEM */
    int has_ended; /* the source said that nothing follows */
};

struct hub {
    struct hub_setup setup;
    struct hub_channel *channels;                 /* linked through `next` */
    struct hub_queue dirty;       /* those with readers to serve */
    struct hub_queue held;        /* those that gather events first */
    struct hub_list work;         /* readers that want a page of history */
    size_t reader_count;
    uint64_t channel_number; /* of the newest channel; none is given twice */
    struct hub_totals totals;
    struct hub_counts counts; /* of channels that count nowhere else */
    struct hub_page page;
    struct buf frame; /* the frame being encoded */
    struct buf json;
    int is_draining;
};

struct hub_channel {
    struct hub *hub;
    uint64_t number; /* for stamps */
    struct hub_counts *counts;
    struct hub_channel *prev, *next;
    struct hub_channel *next_queued;
    struct hub_origin origin;
    struct sse_out live_out;
    struct ring ring;
    struct hub_reader **live; /* RING readers whose socket takes bytes; dense */
    size_t live_count, live_cap;
    size_t live_next;  /* who is served first: moves on, so that nobody is always last */
    size_t serve_left; /* readers still to be served for what is in the ring */
    struct hub_list parked; /* blocked or waiting ones: nothing to do until told */
    size_t reader_count;
    uint64_t live_low;   /* no live reader's cursor is below it */
    uint64_t parked_low; /* no parked RING reader's cursor is below it */
    int64_t now_ms;      /* of the last turn or tick: for events that come in between */
    int64_t spoke_ms;    /* when something was last put into the ring */
    int64_t held_ms;     /* HELD: until when */
    uint64_t held_from;  /* HELD: the ring's head when it began */
    int is_dirty;        /* in hub->dirty */
    int is_held;         /* in hub->held */
    int was_held;        /* its time is over: serve it, whatever the pressure */
    int has_news;        /* something came into the ring since its readers were last served */
    int is_in_round;     /* some of its readers were served in this turn, others are to be */
    int is_ahead; /* the log moved on past the last frame, with nothing to show */
    int has_ended;
    uint64_t end_at; /* where in the ring that is said */
    int has_joined; /* a reader came into the ring since its readers were last told something */
};

/* list.c: which list a reader is in follows from its place and whether it is blocked */
/* Puts the reader where it belongs. ERR_NOMEM: it is in no list. */
int hub_settle(struct hub_reader *r);
/* Takes it out of its list. */
void hub_unlist(struct hub_reader *r);
/* Some live readers have bytes to get. */
void hub_channel_mark(struct hub_channel *c);
/* Adds at the end; which queue it is, is for the caller to note in the channel. */
void hub_queue_add(struct hub_queue *q, struct hub_channel *c);
/* Takes the channel that waits longest; NULL: none is left. */
struct hub_channel *hub_dirty_take(struct hub *h);
/* Takes the channel out of the queue that it is in. */
void hub_unqueue(struct hub_channel *c);

/* gather.c */
/* 1 when the channel's news are to wait: it is among the held then. */
int hub_gather(struct hub_channel *c, int64_t now_ms);
/* Those held long enough are to be served. */
void hub_gather_release(struct hub *h, int64_t now_ms);

/* channel.c */
/* Serves live readers; 1 when some are left to be served. */
int hub_channel_serve(struct hub_channel *c, int64_t now_ms);
/* Puts a comment into the ring, or an id-only block where the log is ahead of the last frame. */
void hub_channel_beat(struct hub_channel *c, int64_t now_ms);

/* reader.c */
/* Sends ring bytes to a live reader, or the rest to one that has it. What must be done about the
 * outcome is done; the reader may have been let go. */
void hub_reader_push(struct hub_reader *r, int64_t now_ms);
/* Offers bytes that stand in no ring: what the sink does not take is copied as the rest.
 * Only for a reader without a rest. Negative: ERR_CLOSED, ERR_NOMEM. */
int hub_reader_offer(struct hub_reader *r, const char *data, size_t len, int64_t now_ms);
/* Blocks the reader and keeps a copy of bytes that the sink would not take. ERR_NOMEM. */
int hub_reader_hold(struct hub_reader *r, const char *data, size_t len, int64_t now_ms);
/* Pushes a reader whose sink takes bytes, parks one whose sink does not. */
void hub_reader_proceed(struct hub_reader *r, int64_t now_ms);
/* Turns a RING cursor into a position and a rest, because its bytes are about to go. ERR_NOMEM. */
int hub_reader_rescue(struct hub_reader *r);
/* Sets the cursor, in the ring when the position is there. ERR_NOMEM. */
int hub_reader_seek(struct hub_reader *r, const char *position);
/* Lets go, then calls the sink's drop. */
void hub_reader_drop(struct hub_reader *r, enum hub_end end);

/* history.c */
/* Reads one page from the origin and offers it to the reader. */
void hub_history_read(struct hub_reader *r, int64_t now_ms);

/* page.c */
void hub_page_init(struct hub_page *p, struct hub *h);
void hub_page_fini(struct hub_page *p);
void hub_page_clear(struct hub_page *p);
struct sse_out hub_page_out(struct hub_page *p);
/* The end of the frame that byte `at` stands in (`at` itself on a boundary), and the position of
 * a reader that has everything up to there; `position` is left alone when no frame before has
 * an id. */
size_t hub_page_boundary(const struct hub_page *p, size_t at, char position[SSE_POSITION_SIZE]);
/* Ends the page with a stream.end of ours. */
void hub_page_end(struct hub_page *p, const char *position, const char *reason);
/* Encodes a stream.gap into `out`, and counts it. */
int hub_encode_gap(struct hub *h, struct hub_counts *counts, const struct sse_gap *gap,
                   struct buf *out);

/* count.c */
void hub_count_gap(struct hub *h, struct hub_counts *counts, const char *reason);

#endif

/* SPDX-License-Identifier: MIT */
/* hub: which reader gets which event. It owns no socket, loop or clock: bytes leave through a
 * sink, time comes as an argument, history is pulled through an origin. */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include "hub/options.h"
#include "sse/event.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct buf;
struct hub;
struct hub_channel;
struct hub_reader;

#define HUB_FRAME_MAX (16 * 1024 * 1024) /* bytes of one encoded frame; larger ones are a gap */
#define HUB_PAGE_BYTES 65536             /* history handed to one reader in one go */
#define HUB_WRITE_BYTES 65536            /* ring bytes offered to one reader in one go */
#define HUB_TURN_READERS 1024            /* live readers served per channel and turn */
#define HUB_TURN_PAGES 16                /* pages of history read per turn */
#define HUB_SAMPLES 8                    /* readers asked whether they are behind */
#define HUB_GATHER_READERS 4             /* for fewer, nothing is gathered */
#define HUB_GATHER_BYTES 32768           /* nor more than this, or a quarter of the ring */
#define HUB_PULL_BYTES (256 * 1024)      /* of log looked through for one page */
#define HUB_PROGRESS_MS 250              /* a search that finds nothing tells so this often */

/* Answers of an origin's pull, as a source gives them. */
enum hub_pull { HUB_PULL_MORE = 1, HUB_PULL_HEAD = 2, HUB_PULL_END = 3 };

/* Where a channel gets its history: see pull() in source/source.h, whose answers and errors these
 * are. */
struct hub_origin {
    int (*pull)(void *ctx, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                size_t budget_bytes);
    int64_t (*left)(void *ctx, const char *position); /* NULL, or see left() there */
    void *ctx;
};

/* Names a stretch of a ring. As long as the hub lives the same stamp means the same bytes: channels
 * are numbered, and offsets in a ring never come again. So a sink may prepare bytes once and send
 * them to every reader that is to get the same. */
struct hub_stamp {
    uint64_t channel; /* from 1 */
    uint64_t at;
    size_t len;
};

/* How a reader's bytes leave. All are called by the hub only, never after finish or drop. */
struct hub_sink {
    /* Takes frame bytes and answers how many, fewer (also 0) when the peer takes no more just now,
     * negative when it is gone. `stamp` is NULL for bytes that stand in no ring. */
    ssize_t (*send)(struct hub_reader *r, const struct iovec *iov, int count,
                    const struct hub_stamp *stamp);
    /* 1 when the peer has not read yet what it got last. NULL: nobody can tell. */
    int (*is_behind)(const struct hub_reader *r);
    /* Bytes that must follow, unchanged, because their framing has been sent already. */
    size_t (*owed)(const struct hub_reader *r);
    /* Asks for hub_reader_writable() when the peer takes bytes again; 0 takes it back. */
    void (*watch)(struct hub_reader *r, int wanted);
    /* Everything was sent: end the response. The hub has let go of the reader. */
    void (*finish)(struct hub_reader *r);
    /* Close at once, `why` for the log. The hub has let go of the reader. */
    void (*drop)(struct hub_reader *r, const char *why);
};

/* Why a reader is no more. */
enum hub_end {
    HUB_END_LEFT,     /* the peer closed */
    HUB_END_FINISHED, /* it got all that it asked for: the source's end, or `until` */
    HUB_END_ASKED,    /* it was asked to come back: age, drain, changed settings */
    HUB_END_STALLED,
    HUB_END_MEMORY,
    HUB_END_CLOSED, /* the channel was */
    HUB_END_COUNT
};

/* Reasons of gaps that are counted one by one; whatever else there is comes last. */
extern const char *const hub_gap_reasons[];
#define HUB_GAP_REASONS 16

/* What happened in all channels. Only ever grows. */
struct hub_totals {
    uint64_t ended[HUB_END_COUNT];
    uint64_t gaps[HUB_GAP_REASONS]; /* encoded: one that many readers get counts once */
};

/* What happened in a channel, or in all those that count in the same place. */
struct hub_counts {
    uint64_t readers;        /* now */
    uint64_t catching_up;    /* of these, outside the ring; as of hub_count_catching_up */
    uint64_t started;
    uint64_t events;         /* that came in live */
    uint64_t history_events; /* read again, for one reader each */
    uint64_t bytes;          /* of frames, to all readers */
    uint64_t gaps;
};

enum hub_place {
    HUB_NOWHERE, /* not started, or let go */
    HUB_RING,    /* the cursor is an offset in the ring */
    HUB_HISTORY, /* the cursor is a position; pages come from the origin */
    HUB_WAITING, /* as HISTORY, but the origin is to be tried again later */
    HUB_ENDING   /* only `rest` is left to send */
};

enum hub_list_name { HUB_LIST_NONE, HUB_LIST_LIVE, HUB_LIST_PARKED, HUB_LIST_WORK };

/* A reader: embedded in the gate's connection, zeroed before use. All members are the hub's. */
struct hub_reader {
    struct hub_channel *channel;
    const struct hub_sink *sink;
    struct hub_reader *prev, *next; /* in the work queue or among the parked */
    uint64_t at;                    /* RING: offset of the next byte */
    char *position;                 /* HISTORY, WAITING: heap */
    char *until;                    /* the stream ends with the event here; heap, NULL: never */
    char *rest;                     /* bytes to send before anything else; heap or NULL */
    uint32_t rest_len, rest_at;
    uint32_t index;     /* in the channel's live array */
    int64_t blocked_ms; /* when it last took a byte, while blocked; WAITING: when to try again;
                           HISTORY: when it was last told something */
    int64_t end_ms;     /* when its stream is to end; 0: open end */
    uint8_t place;      /* enum hub_place */
    uint8_t list;       /* which list holds it: enum hub_list_name */
    uint8_t is_blocked; /* its sink takes no more just now */
    uint8_t was_told;   /* that the source cannot be read */
    uint8_t is_asked;   /* to come back */
    uint16_t failures;  /* pulls in a row that brought nothing */
};

/* How a stream begins. */
struct hub_start {
    const char *head; /* bytes before the first frame: a CGI response's header */
    size_t head_len;
    const char *position;      /* where the reader stands; borrowed */
    const struct sse_gap *gap; /* told before anything else, or NULL */
    const char *until;         /* NULL, or where the stream ends, with stream.end; borrowed */
    int is_first;              /* it has had nothing yet: of a log that has ended it is told the end */
};

/* What the hub is built with. The functions append the data of an event as JSON: ERR_NOMEM. */
struct hub_setup {
    const struct hub_settings *settings; /* read at every use, so a reload just changes it */
    int (*gap_json)(const struct sse_gap *gap, struct buf *out);
    int (*end_json)(const char *reason, struct buf *out);
    int (*progress_json)(int64_t bytes_left, struct buf *out); /* NULL: progress is not told */
};

/* --- life ---------------------------------------------------------------------------------- */

/* ERR_NOMEM. `setup` is copied; what it points to outlives the hub. */
int hub_new(struct hub **out, const struct hub_setup *setup);

/* All channels must be gone. */
void hub_free(struct hub *h);

/* Makes a channel that nothing has been read from yet. `origin` is copied. ERR_NOMEM. */
int hub_channel_new(struct hub *h, const struct hub_origin *origin, struct hub_channel **out);

/* The log's head is `position` now; called once, before any event and any reader. */
void hub_channel_start(struct hub_channel *c, const char *position, int64_t now_ms);

/* Where new events go in. Valid as long as the channel. */
const struct sse_out *hub_channel_live(struct hub_channel *c);

/* Readers that wait for the origin (ERR_AGAIN) are served in the next turn, rather than in a second. */
void hub_channel_retry(struct hub_channel *c);

/* Counts there from now on, before the first reader. `counts` outlives the channel. */
void hub_channel_count_in(struct hub_channel *c, struct hub_counts *counts);

/* Tells the readers something that is no event of the log: it has no position, and nobody gets it
 * again. Who is behind the ring does not get it. */
void hub_channel_tell(struct hub_channel *c, const char *name, const char *data, int64_t now_ms);

/* 1 when a reader has come into the ring since then. */
int hub_channel_has_joined(const struct hub_channel *c);

/* Drops what readers are left, and frees. */
void hub_channel_free(struct hub_channel *c);

/* --- readers ------------------------------------------------------------------------------- */

/* Begins a stream: the head, a jittered retry:, an id-only block with the position, the gap if
 * there is one, and then what follows the position. Bytes may leave before it returns and the
 * sink's drop may have been called. ERR_LIMIT at max_streams, ERR_NOMEM: nothing was sent. */
int hub_reader_start(struct hub_channel *c, struct hub_reader *r, const struct hub_sink *sink,
                     const struct hub_start *start, int64_t now_ms);

/* The peer takes bytes again. */
void hub_reader_writable(struct hub_reader *r, int64_t now_ms);

/* The peer is gone: the hub lets go of the reader. Safe for one already let go. */
void hub_reader_leave(struct hub_reader *r);

/* Ends the stream after a whole frame and a retry: of its own. */
void hub_reader_end(struct hub_reader *r, int64_t now_ms);

/* --- work ---------------------------------------------------------------------------------- */

/* Sends what is new and reads what is old, a bounded amount. 1 when some is left: call again
 * once the loop has looked at its sockets. */
int hub_turn(struct hub *h, int64_t now_ms);

/* In how many milliseconds hub_turn is wanted though nothing happens till then; -1: not at all. */
int64_t hub_next_ms(const struct hub *h, int64_t now_ms);

/* Heartbeats, stalled readers, ages, retries of failed origins. To be called about every second,
 * and every HUB_DRAIN_TICK_MS while draining. */
void hub_tick(struct hub *h, int64_t now_ms);

#define HUB_DRAIN_TICK_MS 50

/* Ends all streams, spread evenly at random over drain_s. */
void hub_drain(struct hub *h, int64_t now_ms);

/* The same for one channel (its stream's settings changed or it was removed). */
void hub_channel_drain(struct hub_channel *c, int64_t now_ms);

/* --- figures ------------------------------------------------------------------------------- */

size_t hub_reader_count(const struct hub *h);
const struct hub_totals *hub_totals(const struct hub *h);
void hub_count_catching_up(struct hub *h); /* walks all readers that are not live */
size_t hub_channel_reader_count(const struct hub_channel *c);
const char *hub_channel_position(const struct hub_channel *c); /* the head */
int hub_channel_has_ended(const struct hub_channel *c);

#endif

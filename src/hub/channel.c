/* SPDX-License-Identifier: MIT */
/* channel: a source open once, its newest events in one ring, and its readers. */
#include "hub/internal.h"

#include "base/err.h"
#include "sse/frame.h"

#include <stdlib.h>
#include <string.h>

/* --- what comes in ------------------------------------------------------------------------- */

static void rescue(struct hub_reader *r)
{
    if (hub_reader_rescue(r) || hub_settle(r)) {
        hub_reader_drop(r, HUB_END_MEMORY);
    }
}

/* Bytes before `tail` are about to be overwritten: readers still there go on from the source. */
static void rescue_before(struct hub_channel *c, uint64_t tail)
{
    if (c->live_low < tail) {
        uint64_t low = UINT64_MAX;
        for (size_t i = c->live_count; i-- > 0;) {
            struct hub_reader *r = c->live[i];
            if (r->at < tail) {
                rescue(r);
            } else if (r->at < low) {
                low = r->at;
            }
        }
        c->live_low = low;
    }
    if (c->parked_low < tail) {
        uint64_t low = UINT64_MAX;
        struct hub_reader *next;
        for (struct hub_reader *r = c->parked.head; r; r = next) {
            next = r->next;
            if (r->place != HUB_RING) {
                continue;
            }
            if (r->at < tail) {
                rescue(r);
            } else if (r->at < low) {
                low = r->at;
            }
        }
        c->parked_low = low;
    }
}

/* What cannot be put into the ring, for its size or for want of memory, is not lost: everybody reads
 * it from the source. */
static void pass(struct hub_channel *c, const char *position)
{
    rescue_before(c, UINT64_MAX);
    ring_pass(&c->ring, position);
}

/* The frame stands in h->frame; `position` is NULL for a comment, which is not worth a detour. */
static void push(struct hub_channel *c, const char *position)
{
    const struct buf *frame = &c->hub->frame;
    int rc = ERR_LIMIT;
    /* What several readers may want again is kept. One is hardly ever behind, and reads from the
     * source when it is. */
    ring_grow(&c->ring, frame->len, c->reader_count > 1);
    if (frame->len <= c->ring.size) {
        rescue_before(c, ring_tail_after(&c->ring, frame->len));
        rc = ring_push(&c->ring, frame->data, frame->len, position);
    }
    if (rc && position) {
        pass(c, position);
    }
    if (position) {
        c->is_ahead = 0;
    }
    c->spoke_ms = c->now_ms;
    c->has_news = 1;
    hub_channel_mark(c);
}

/* A single reader's ring stays small: a source in full flood waits for it to be served, rather than
 * have it read everything again. One that is blocked holds nothing up. */
static int is_enough(const struct hub_channel *c)
{
    return c->reader_count == 1 && c->live_count == 1
           && c->ring.head - c->live[0]->at > c->ring.size / 2;
}

static int live_gap(void *ctx, const struct sse_gap *gap)
{
    struct hub_channel *c = ctx;
    buf_clear(&c->hub->frame);
    if (hub_encode_gap(c->hub, c->counts, gap, &c->hub->frame)) {
        pass(c, gap->position);
    } else {
        push(c, gap->position);
    }
    return is_enough(c);
}

static int live_event(void *ctx, const struct sse_event *e)
{
    struct hub_channel *c = ctx;
    struct buf *frame = &c->hub->frame;
    buf_clear(frame);
    c->counts->events++;
    int rc = sse_frame_event(frame, e->position, e->name, e->data, e->data_len);
    if (rc == ERR_LIMIT) {
        struct sse_gap gap = {.position = e->position, .reason = "too-large",
                              .bytes = (int64_t)e->data_len, .events = 1};
        return live_gap(ctx, &gap);
    }
    if (rc) {
        pass(c, e->position);
    } else {
        push(c, e->position);
    }
    if (frame->cap > 2 * HUB_PAGE_BYTES) {
        buf_fini(frame);
    }
    return is_enough(c);
}

static void live_advance(void *ctx, const char *position)
{
    struct hub_channel *c = ctx;
    ring_advance(&c->ring, position);
    c->is_ahead = 1;
}

static void live_end(void *ctx, const char *position, const char *data)
{
    struct hub_channel *c = ctx;
    struct buf *frame = &c->hub->frame;
    const char *text = data ? data : "{}";
    c->has_ended = 1;
    c->end_at = c->ring.head;
    buf_clear(frame);
    if (sse_frame_event(frame, position, "stream.end", text, strlen(text))) {
        pass(c, position);
    } else {
        push(c, position);
    }
}

void hub_channel_beat(struct hub_channel *c, int64_t now_ms)
{
    c->now_ms = now_ms;
    struct buf *frame = &c->hub->frame;
    char position[SSE_POSITION_SIZE];
    buf_clear(frame);
    if (c->is_ahead) {
        /* A reader's cursor keeps up with the log even where a filter shows it nothing: its old id
         * could be rotated away by the time it comes back. */
        memcpy(position, c->ring.last, sizeof position);
        if (sse_frame_id(frame, position) == 0) {
            push(c, position);
        }
    } else if (sse_frame_comment(frame, "") == 0) {
        push(c, NULL);
    }
}

void hub_channel_tell(struct hub_channel *c, const char *name, const char *data, int64_t now_ms)
{
    int64_t spoke_ms = c->spoke_ms;
    if (c->has_ended || c->reader_count == 0) {
        return;
    }
    c->now_ms = now_ms;
    buf_clear(&c->hub->frame);
    if (sse_frame_event(&c->hub->frame, NULL, name, data, strlen(data)) == 0) {
        push(c, NULL);
        c->has_joined = 0;
    }
    if (c->is_ahead) {
        c->spoke_ms = spoke_ms; /* the id that a silence brings is still wanted */
    }
}

int hub_channel_has_joined(const struct hub_channel *c)
{
    return c->has_joined;
}

/* --- life ---------------------------------------------------------------------------------- */

int hub_channel_new(struct hub *h, const struct hub_origin *origin, struct hub_channel **out)
{
    struct hub_channel *c = calloc(1, sizeof *c);
    if (!c) {
        return ERR_NOMEM;
    }
    if (ring_init(&c->ring, (size_t)h->setup.settings->ring_bytes)) {
        free(c);
        return ERR_NOMEM;
    }
    c->hub = h;
    c->number = ++h->channel_number;
    c->counts = &h->counts;
    c->origin = *origin;
    c->live_low = c->parked_low = UINT64_MAX;
    c->live_out = (struct sse_out){.event = live_event, .gap = live_gap,
                                   .advance = live_advance, .end = live_end, .ctx = c};
    c->next = h->channels;
    if (c->next) {
        c->next->prev = c;
    }
    h->channels = c;
    *out = c;
    return 0;
}

void hub_channel_start(struct hub_channel *c, const char *position, int64_t now_ms)
{
    ring_start(&c->ring, position);
    c->now_ms = c->spoke_ms = now_ms;
}

const struct sse_out *hub_channel_live(struct hub_channel *c)
{
    return &c->live_out;
}

void hub_channel_retry(struct hub_channel *c)
{
    struct hub_reader *next;
    for (struct hub_reader *r = c->parked.head; r; r = next) {
        next = r->next;
        if (r->place == HUB_WAITING && !r->is_blocked) {
            r->place = HUB_HISTORY;
            hub_settle(r); /* it only changes lists */
        }
    }
}

static void drop_work(struct hub_channel *c)
{
    struct hub_reader *next;
    for (struct hub_reader *r = c->hub->work.head; r; r = next) {
        next = r->next;
        if (r->channel == c) {
            hub_reader_drop(r, HUB_END_CLOSED);
        }
    }
}

void hub_channel_free(struct hub_channel *c)
{
    if (!c) {
        return;
    }
    while (c->live_count > 0) {
        hub_reader_drop(c->live[c->live_count - 1], HUB_END_CLOSED);
    }
    while (c->parked.head) {
        hub_reader_drop(c->parked.head, HUB_END_CLOSED);
    }
    drop_work(c);
    hub_unqueue(c);
    if (c->prev) {
        c->prev->next = c->next;
    } else {
        c->hub->channels = c->next;
    }
    if (c->next) {
        c->next->prev = c->prev;
    }
    ring_fini(&c->ring);
    free(c->live);
    free(c);
}

/* --- what goes out ------------------------------------------------------------------------- */

/* The log is finished: whoever has all of it is done. */
static int is_done(const struct hub_channel *c, const struct hub_reader *r)
{
    return c->has_ended && r->channel == c && r->place == HUB_RING && !r->is_blocked
           && r->at == c->ring.head;
}

int hub_channel_serve(struct hub_channel *c, int64_t now_ms)
{
    c->now_ms = now_ms;
    c->has_news = 0;
    size_t budget = HUB_TURN_READERS;
    while (c->serve_left > 0 && c->live_count > 0 && budget-- > 0) {
        c->live_next = c->live_next < c->live_count ? c->live_next : c->live_next % c->live_count;
        struct hub_reader *r = c->live[c->live_next];
        c->serve_left--;
        hub_reader_push(r, now_ms);
        if (is_done(c, r)) {
            r->place = HUB_ENDING;
            hub_reader_push(r, now_ms);
        }
        /* When it left, the last one took its seat. */
        if (c->live_next < c->live_count && c->live[c->live_next] == r) {
            c->live_next++;
        }
    }
    if (c->live_count == 0) {
        c->serve_left = 0;
    }
    c->is_in_round = c->serve_left > 0;
    if (c->is_in_round) {
        return 1;
    }
    /* A whole round ends where it began: the next begins one seat further on. */
    c->live_next++;
    return 0;
}

size_t hub_channel_reader_count(const struct hub_channel *c)
{
    return c->reader_count;
}

const char *hub_channel_position(const struct hub_channel *c)
{
    return c->ring.last;
}

int hub_channel_has_ended(const struct hub_channel *c)
{
    return c->has_ended;
}

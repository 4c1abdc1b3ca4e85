/* SPDX-License-Identifier: MIT */
/* reader: one reader's progress from its start to its end. */
#include "hub/internal.h"

#include "base/err.h"
#include "base/rand.h"
#include "sse/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t rest_left(const struct hub_reader *r)
{
    return r->rest_len - r->rest_at;
}

static void forget_rest(struct hub_reader *r)
{
    free(r->rest);
    r->rest = NULL;
    r->rest_len = r->rest_at = 0;
}

/* The reader belongs to nobody here after this. */
static void let_go(struct hub_reader *r, enum hub_end end)
{
    hub_unlist(r);
    forget_rest(r);
    free(r->position);
    free(r->until);
    r->position = r->until = NULL;
    r->place = HUB_NOWHERE;
    r->channel->reader_count--;
    r->channel->counts->readers--;
    r->channel->hub->reader_count--;
    r->channel->hub->totals.ended[end]++;
    r->channel = NULL;
}

void hub_reader_leave(struct hub_reader *r)
{
    if (r->channel) {
        let_go(r, HUB_END_LEFT);
    }
}

void hub_reader_drop(struct hub_reader *r, enum hub_end end)
{
    static const char *const why[HUB_END_COUNT] = {
        [HUB_END_LEFT] = "closed by the peer",
        [HUB_END_STALLED] = "it took no byte for stall_timeout_s",
        [HUB_END_MEMORY] = "out of memory",
        [HUB_END_CLOSED] = "the stream was closed",
    };
    const struct hub_sink *sink = r->sink;
    let_go(r, end);
    sink->drop(r, why[end]);
}

static void finish(struct hub_reader *r)
{
    const struct hub_sink *sink = r->sink;
    let_go(r, r->is_asked ? HUB_END_ASKED : HUB_END_FINISHED);
    sink->finish(r);
}

static void block(struct hub_reader *r, int64_t now_ms)
{
    r->blocked_ms = now_ms;
    if (!r->is_blocked) {
        r->is_blocked = 1;
        r->sink->watch(r, 1);
    }
}

static void unblock(struct hub_reader *r)
{
    if (r->is_blocked) {
        r->is_blocked = 0;
        r->sink->watch(r, 0);
    }
}

/* Replaces the rest by copies of two pieces. */
static int keep(struct hub_reader *r, const char *a, size_t a_len, const char *b, size_t b_len)
{
    char *rest = malloc(a_len + b_len ? a_len + b_len : 1);
    if (!rest) {
        return ERR_NOMEM;
    }
    if (a_len) {
        memcpy(rest, a, a_len);
    }
    if (b_len) {
        memcpy(rest + a_len, b, b_len);
    }
    forget_rest(r);
    r->rest = rest;
    r->rest_len = (uint32_t)(a_len + b_len);
    return 0;
}

int hub_reader_hold(struct hub_reader *r, const char *data, size_t len, int64_t now_ms)
{
    assert(rest_left(r) == 0);
    block(r, now_ms);
    return len > 0 ? keep(r, data, len, NULL, 0) : 0;
}

int hub_reader_offer(struct hub_reader *r, const char *data, size_t len, int64_t now_ms)
{
    struct iovec iov = {.iov_base = (char *)data, .iov_len = len};
    ssize_t taken = r->sink->send(r, &iov, 1, NULL);
    if (taken < 0) {
        return ERR_CLOSED;
    }
    r->channel->counts->bytes += (size_t)taken;
    if ((size_t)taken == len) {
        return 0;
    }
    return hub_reader_hold(r, data + taken, len - (size_t)taken, now_ms);
}

/* 1 when nothing is left of the rest, 0 when the sink is full, negative when it is gone. */
static int send_rest(struct hub_reader *r, int64_t now_ms)
{
    if (rest_left(r) == 0) {
        return 1;
    }
    struct iovec iov = {.iov_base = r->rest + r->rest_at, .iov_len = rest_left(r)};
    ssize_t taken = r->sink->send(r, &iov, 1, NULL);
    if (taken < 0) {
        return ERR_CLOSED;
    }
    r->rest_at += (uint32_t)taken;
    r->channel->counts->bytes += (size_t)taken;
    if (rest_left(r) > 0) {
        if (taken > 0 || !r->is_blocked) {
            block(r, now_ms);
        }
        return 0;
    }
    forget_rest(r);
    return 1;
}

/* Ring bytes, as many as one turn gives to one reader. As send_rest, 1 when all were taken. */
static int send_ring(struct hub_reader *r, int64_t now_ms)
{
    const struct ring *ring = &r->channel->ring;
    if (r->at == ring->head) {
        return 1;
    }
    uint64_t to = ring->head - r->at > HUB_WRITE_BYTES ? r->at + HUB_WRITE_BYTES : ring->head;
    struct iovec iov[2];
    int count = ring_slice(ring, r->at, to, iov);
    struct hub_stamp stamp = {.channel = r->channel->number, .at = r->at,
                              .len = (size_t)(to - r->at)};
    ssize_t taken = r->sink->send(r, iov, count, &stamp);
    if (taken < 0) {
        return ERR_CLOSED;
    }
    r->at += (uint64_t)taken;
    r->channel->counts->bytes += (size_t)taken;
    if (r->at < to) {
        if (taken > 0 || !r->is_blocked) {
            block(r, now_ms);
        }
        return 0;
    }
    return 1;
}

void hub_reader_push(struct hub_reader *r, int64_t now_ms)
{
    int is_open = send_rest(r, now_ms);
    if (is_open == 1 && r->place == HUB_RING) {
        is_open = send_ring(r, now_ms);
    }
    if (is_open < 0) {
        hub_reader_drop(r, HUB_END_LEFT);
        return;
    }
    if (is_open == 1) {
        unblock(r);
    }
    if (is_open == 1 && r->place == HUB_ENDING) {
        finish(r);
        return;
    }
    /* The usual case: a live reader that took everything stays where it is. */
    int is_live = r->place == HUB_RING && !r->is_blocked;
    if (is_live && r->list == HUB_LIST_LIVE) {
        if (r->at < r->channel->ring.head) {
            hub_channel_mark(r->channel);
        }
    } else if (r->list != HUB_LIST_PARKED || !r->is_blocked) {
        if (hub_settle(r)) {
            hub_reader_drop(r, HUB_END_MEMORY);
        }
    }
}

void hub_reader_proceed(struct hub_reader *r, int64_t now_ms)
{
    if (!r->is_blocked) {
        hub_reader_push(r, now_ms);
    } else if (hub_settle(r)) {
        hub_reader_drop(r, HUB_END_MEMORY);
    }
}

void hub_reader_writable(struct hub_reader *r, int64_t now_ms)
{
    if (r->channel) {
        hub_reader_push(r, now_ms);
    }
}

static int set_position(struct hub_reader *r, const char *position)
{
    char *copy = strdup(position);
    if (!copy) {
        return ERR_NOMEM;
    }
    free(r->position);
    r->position = copy;
    return 0;
}

int hub_reader_seek(struct hub_reader *r, const char *position)
{
    uint64_t at;
    if (!r->until && ring_find(&r->channel->ring, position, &at)) {
        free(r->position);
        r->position = NULL;
        r->at = at;
        r->place = HUB_RING;
        r->channel->has_joined = 1;
        r->failures = 0;
        r->was_told = 0;
        return 0;
    }
    int rc = set_position(r, position);
    if (!rc) {
        r->place = HUB_HISTORY;
    }
    return rc;
}

int hub_reader_rescue(struct hub_reader *r)
{
    assert(r->place == HUB_RING);
    const struct ring *ring = &r->channel->ring;
    char position[SSE_POSITION_SIZE];
    /* A rest goes first, and while there is one, none of the ring's bytes were promised. */
    size_t owed = rest_left(r) ? 0 : r->sink->owed(r);
    uint64_t end = ring_boundary(ring, r->at + owed, position);
    int rc = set_position(r, position);
    if (rc) {
        return rc;
    }
    if (end > r->at) {
        struct iovec iov[2] = {{0}, {0}};
        ring_slice(ring, r->at, end, iov);
        rc = keep(r, iov[0].iov_base, iov[0].iov_len, iov[1].iov_base, iov[1].iov_len);
        if (rc) {
            return rc;
        }
    }
    r->place = HUB_HISTORY;
    return 0;
}

int hub_reader_start(struct hub_channel *c, struct hub_reader *r, const struct hub_sink *sink,
                     const struct hub_start *start, int64_t now_ms)
{
    struct hub *h = c->hub;
    const struct hub_settings *s = h->setup.settings;
    if (h->reader_count >= (size_t)s->max_streams) {
        return ERR_LIMIT;
    }
    struct buf *out = &h->frame;
    buf_clear(out);
    int rc = buf_append(out, start->head, start->head_len);
    if (!rc) {
        rc = sse_frame_retry(out, rand_percent((uint64_t)s->retry_ms, 80, 120));
    }
    if (!rc) {
        rc = sse_frame_id(out, start->position);
    }
    if (!rc && start->gap) {
        rc = hub_encode_gap(h, c->counts, start->gap, out);
    }
    *r = (struct hub_reader){.channel = c, .sink = sink};
    if (!rc && start->until) {
        r->until = strdup(start->until);
        rc = r->until ? 0 : ERR_NOMEM;
    }
    if (!rc) {
        rc = hub_reader_seek(r, start->position);
    }
    if (!rc && start->is_first && c->has_ended && r->place == HUB_RING && r->at > c->end_at
        && c->end_at >= c->ring.tail) {
        r->at = c->end_at;
    }
    if (rc) {
        free(r->until);
        *r = (struct hub_reader){.channel = NULL};
        return rc;
    }
    c->reader_count++;
    c->counts->readers++;
    c->counts->started++;
    h->reader_count++;
    if (s->max_stream_age_s > 0) {
        r->end_ms = now_ms + (int64_t)rand_percent((uint64_t)s->max_stream_age_s * 1000, 80, 100);
    }
    if (h->is_draining) {
        r->end_ms = now_ms;
    }
    rc = hub_reader_offer(r, out->data, out->len, now_ms);
    if (rc) {
        hub_reader_drop(r, rc == ERR_NOMEM ? HUB_END_MEMORY : HUB_END_LEFT);
        return 0;
    }
    hub_reader_proceed(r, now_ms);
    return 0;
}

void hub_reader_end(struct hub_reader *r, int64_t now_ms)
{
    if (!r->channel || r->place == HUB_ENDING) {
        return;
    }
    struct hub *h = r->channel->hub;
    uint64_t retry_ms = rand_percent((uint64_t)h->setup.settings->retry_ms, 80, 120);
    buf_clear(&h->frame);
    int rc = r->place == HUB_RING ? hub_reader_rescue(r) : 0;
    if (!rc) {
        rc = sse_frame_retry(&h->frame, retry_ms);
    }
    if (!rc) {
        rc = keep(r, r->rest ? r->rest + r->rest_at : NULL, rest_left(r), h->frame.data,
                  h->frame.len);
    }
    if (rc) {
        hub_reader_drop(r, HUB_END_MEMORY);
        return;
    }
    r->place = HUB_ENDING;
    r->is_asked = 1;
    hub_reader_proceed(r, now_ms);
}

/* SPDX-License-Identifier: MIT */
/* hub: the turn of the loop, the tick of the clock, and the end of everything. */
#include "hub/internal.h"

#include "base/err.h"
#include "base/rand.h"

#include <assert.h>
#include <stdlib.h>

#define JSON_BYTES_MAX 65536

int hub_new(struct hub **out, const struct hub_setup *setup)
{
    struct hub *h = calloc(1, sizeof *h);
    if (!h) {
        return ERR_NOMEM;
    }
    h->setup = *setup;
    buf_init(&h->frame, HUB_FRAME_MAX);
    buf_init(&h->json, JSON_BYTES_MAX);
    hub_page_init(&h->page, h);
    *out = h;
    return 0;
}

void hub_free(struct hub *h)
{
    if (!h) {
        return;
    }
    assert(!h->channels);
    hub_page_fini(&h->page);
    buf_fini(&h->frame);
    buf_fini(&h->json);
    free(h);
}

int hub_turn(struct hub *h, int64_t now_ms)
{
    hub_gather_release(h, now_ms);
    /* Each dirty channel once; one that is not through goes to the end of the line. */
    struct hub_channel *last = h->dirty.tail;
    struct hub_channel *c = NULL;
    while (c != last && (c = hub_dirty_take(h))) {
        if (!hub_gather(c, now_ms) && hub_channel_serve(c, now_ms) && !c->is_dirty) {
            size_t left = c->serve_left;
            hub_channel_mark(c);
            c->serve_left = left;
        }
    }
    for (int pages = 0; h->work.head && pages < HUB_TURN_PAGES; pages++) {
        hub_history_read(h->work.head, now_ms);
    }
    return h->dirty.head || h->work.head;
}

static int is_due(const struct hub_reader *r, int64_t now_ms)
{
    return r->end_ms != 0 && now_ms >= r->end_ms;
}

static void tick_parked(struct hub_channel *c, int64_t now_ms)
{
    int64_t stall_ms = c->hub->setup.settings->stall_timeout_s * 1000;
    struct hub_reader *next;
    for (struct hub_reader *r = c->parked.head; r; r = next) {
        next = r->next;
        if (r->is_blocked && now_ms - r->blocked_ms >= stall_ms) {
            hub_reader_drop(r, HUB_END_STALLED);
        } else if (is_due(r, now_ms) && r->place != HUB_ENDING) {
            hub_reader_end(r, now_ms);
        } else if (r->place == HUB_WAITING && !r->is_blocked && now_ms >= r->blocked_ms) {
            r->place = HUB_HISTORY;
            hub_settle(r);
        }
    }
}

static void tick_channel(struct hub_channel *c, int64_t now_ms)
{
    tick_parked(c, now_ms);
    for (size_t i = c->live_count; i-- > 0;) {
        if (i < c->live_count && is_due(c->live[i], now_ms)) {
            hub_reader_end(c->live[i], now_ms);
        }
    }
    int64_t heartbeat_ms = c->hub->setup.settings->heartbeat_s * 1000;
    if (c->reader_count > 0 && now_ms - c->spoke_ms >= heartbeat_ms) {
        hub_channel_beat(c, now_ms);
    }
}

void hub_tick(struct hub *h, int64_t now_ms)
{
    struct hub_channel *next;
    for (struct hub_channel *c = h->channels; c; c = next) {
        next = c->next;
        tick_channel(c, now_ms);
    }
    struct hub_reader *after;
    for (struct hub_reader *r = h->work.head; r; r = after) {
        after = r->next;
        if (is_due(r, now_ms)) {
            hub_reader_end(r, now_ms);
        }
    }
}

static void set_end(struct hub_reader *r, int64_t now_ms)
{
    uint64_t spread_ms = (uint64_t)r->channel->hub->setup.settings->drain_s * 1000;
    int64_t end_ms = now_ms + (int64_t)rand_below(spread_ms + 1);
    if (r->end_ms == 0 || end_ms < r->end_ms) {
        r->end_ms = end_ms;
    }
}

void hub_channel_drain(struct hub_channel *c, int64_t now_ms)
{
    for (size_t i = 0; i < c->live_count; i++) {
        set_end(c->live[i], now_ms);
    }
    for (struct hub_reader *r = c->parked.head; r; r = r->next) {
        set_end(r, now_ms);
    }
    for (struct hub_reader *r = c->hub->work.head; r; r = r->next) {
        if (r->channel == c) {
            set_end(r, now_ms);
        }
    }
}

void hub_drain(struct hub *h, int64_t now_ms)
{
    h->is_draining = 1;
    for (struct hub_channel *c = h->channels; c; c = c->next) {
        hub_channel_drain(c, now_ms);
    }
}

size_t hub_reader_count(const struct hub *h)
{
    return h->reader_count;
}

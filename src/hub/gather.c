/* SPDX-License-Identifier: MIT */
/* gather: while the web server is behind, events wait a little and leave together.
 *
 * The sign is that readers have not read what they were sent last when something new comes: then one
 * more write to each would only make the front end's queue longer, and one write for several events
 * costs it hardly more than one for one. A front end that keeps up has read everything by then, so
 * the first event after a pause, and all events of a channel that is no burden, leave at once. */
#include "hub/internal.h"

/* More than half of some of them, spread over all: a few slow readers are no reason to let the
 * others wait. */
static int is_pressed(const struct hub_channel *c)
{
    size_t samples = c->live_count < HUB_SAMPLES ? c->live_count : HUB_SAMPLES;
    size_t behind = 0;
    for (size_t i = 0; i < samples; i++) {
        size_t index = (c->live_next + i * c->live_count / samples) % c->live_count;
        const struct hub_reader *r = c->live[index];
        behind += r->sink->is_behind && r->sink->is_behind(r);
    }
    return behind * 2 > samples;
}

/* What gathers must not push readers out of the ring. */
static int is_full(const struct hub_channel *c)
{
    size_t most = c->ring.limit / 4 < HUB_GATHER_BYTES ? c->ring.limit / 4 : HUB_GATHER_BYTES;
    return c->ring.head - c->held_from >= most;
}

int hub_gather(struct hub_channel *c, int64_t now_ms)
{
    int64_t max_ms = c->hub->setup.settings->coalesce_max_ms;
    /* Those who are still to be served in a round that has begun are not to wait for anything. */
    if (max_ms == 0 || !c->has_news || c->is_in_round || c->has_ended || c->was_held
        || c->live_count < HUB_GATHER_READERS || !is_pressed(c)) {
        c->was_held = 0;
        return 0;
    }
    c->now_ms = now_ms;
    c->held_ms = now_ms + max_ms;
    c->held_from = c->ring.head;
    c->is_held = 1;
    hub_queue_add(&c->hub->held, c);
    return 1;
}

void hub_gather_release(struct hub *h, int64_t now_ms)
{
    struct hub_channel *next;
    for (struct hub_channel *c = h->held.head; c; c = next) {
        next = c->next_queued;
        if (now_ms >= c->held_ms || is_full(c) || c->has_ended || h->is_draining) {
            hub_unqueue(c);
            c->was_held = 1;
            hub_channel_mark(c);
        }
    }
}

int64_t hub_next_ms(const struct hub *h, int64_t now_ms)
{
    int64_t next_ms = -1;
    for (const struct hub_channel *c = h->held.head; c; c = c->next_queued) {
        int64_t left_ms = c->held_ms > now_ms ? c->held_ms - now_ms : 0;
        next_ms = next_ms < 0 || left_ms < next_ms ? left_ms : next_ms;
    }
    return next_ms;
}

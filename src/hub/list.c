/* SPDX-License-Identifier: MIT */
/* list: the live, the parked and those at work; which holds a reader follows from its state. And
 * the channels that have readers to serve. */
#include "hub/internal.h"

#include "base/err.h"

#include <stdlib.h>

#define LIVE_FIRST 8

static void list_add(struct hub_list *l, struct hub_reader *r)
{
    r->prev = l->tail;
    r->next = NULL;
    if (l->tail) {
        l->tail->next = r;
    } else {
        l->head = r;
    }
    l->tail = r;
}

static void list_remove(struct hub_list *l, struct hub_reader *r)
{
    if (r->prev) {
        r->prev->next = r->next;
    } else {
        l->head = r->next;
    }
    if (r->next) {
        r->next->prev = r->prev;
    } else {
        l->tail = r->prev;
    }
    r->prev = r->next = NULL;
}

void hub_queue_add(struct hub_queue *q, struct hub_channel *c)
{
    c->next_queued = NULL;
    if (q->tail) {
        q->tail->next_queued = c;
    } else {
        q->head = c;
    }
    q->tail = c;
}

void hub_channel_mark(struct hub_channel *c)
{
    struct hub_queue *q = &c->hub->dirty;
    c->serve_left = c->live_count;
    if (c->is_dirty || c->is_held || c->live_count == 0) {
        return;
    }
    c->is_dirty = 1;
    hub_queue_add(q, c);
}

struct hub_channel *hub_dirty_take(struct hub *h)
{
    struct hub_channel *c = h->dirty.head;
    if (c) {
        hub_unqueue(c);
    }
    return c;
}

void hub_unqueue(struct hub_channel *c)
{
    struct hub_queue *q = c->is_dirty ? &c->hub->dirty : &c->hub->held;
    struct hub_channel **at = &q->head;
    struct hub_channel *before = NULL;
    if (!c->is_dirty && !c->is_held) {
        return;
    }
    while (*at != c) {
        before = *at;
        at = &before->next_queued;
    }
    *at = c->next_queued;
    if (q->tail == c) {
        q->tail = before;
    }
    c->is_dirty = c->is_held = 0;
}

/* While a round is under way, those still to be served are the next `serve_left` seats. When seats
 * change, that is no longer so: a new round finds everybody, and whoever was served already costs a
 * comparison. */
static void serve_all_again(struct hub_channel *c)
{
    if (c->serve_left > 0) {
        c->serve_left = c->live_count;
    }
}

static int live_add(struct hub_channel *c, struct hub_reader *r)
{
    if (c->live_count == c->live_cap) {
        size_t cap = c->live_cap ? c->live_cap * 2 : LIVE_FIRST;
        struct hub_reader **live = realloc(c->live, cap * sizeof(struct hub_reader *));
        if (!live) {
            return ERR_NOMEM;
        }
        c->live = live;
        c->live_cap = cap;
    }
    r->index = (uint32_t)c->live_count;
    c->live[c->live_count++] = r;
    serve_all_again(c);
    if (r->at < c->live_low) {
        c->live_low = r->at;
    }
    return 0;
}

static void live_remove(struct hub_channel *c, struct hub_reader *r)
{
    struct hub_reader *last = c->live[--c->live_count];
    c->live[r->index] = last;
    last->index = r->index;
    serve_all_again(c);
}

void hub_unlist(struct hub_reader *r)
{
    struct hub_channel *c = r->channel;
    switch ((enum hub_list_name)r->list) {
    case HUB_LIST_LIVE:
        live_remove(c, r);
        break;
    case HUB_LIST_PARKED:
        list_remove(&c->parked, r);
        break;
    case HUB_LIST_WORK:
        list_remove(&c->hub->work, r);
        break;
    case HUB_LIST_NONE:
        break;
    }
    r->list = HUB_LIST_NONE;
}

int hub_settle(struct hub_reader *r)
{
    struct hub_channel *c = r->channel;
    hub_unlist(r);
    if (r->is_blocked || r->place == HUB_WAITING || r->place == HUB_ENDING) {
        list_add(&c->parked, r);
        r->list = HUB_LIST_PARKED;
        if (r->place == HUB_RING && r->at < c->parked_low) {
            c->parked_low = r->at;
        }
        return 0;
    }
    if (r->place == HUB_HISTORY) {
        list_add(&c->hub->work, r);
        r->list = HUB_LIST_WORK;
        return 0;
    }
    int rc = live_add(c, r);
    if (rc) {
        return rc;
    }
    r->list = HUB_LIST_LIVE;
    if (r->at < c->ring.head || c->has_ended) {
        hub_channel_mark(c);
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* redis_pages: pages of history that were asked for, until their readers have come for them. */
#include "source/redis/pages.h"

#include <stdlib.h>
#include <string.h>

int redis_position_equal(const struct redis_position *a, const struct redis_position *b)
{
    if (a->kind != b->kind) {
        return 0;
    }
    switch (a->kind) {
    case REDIS_START:
        return 1;
    case REDIS_TIME:
        return a->ms == b->ms;
    case REDIS_LAST:
        return a->ms == b->ms && a->count == b->count;
    case REDIS_NUMBER:
        return redis_is_same_store(&a->mark, &b->mark) && a->mark.n == b->mark.n;
    case REDIS_EVENT:
    case REDIS_PLACE:
    case REDIS_JOURNAL:
        break;
    }
    return redis_mark_equal(&a->mark, &b->mark) && redis_id_order(a->id, b->id) == 0;
}

void redis_pages_drop(struct redis_slot *slot)
{
    if (slot->state == REDIS_SLOT_READY) {
        redis_page_fini(&slot->page);
    }
    *slot = (struct redis_slot){.state = REDIS_SLOT_FREE};
}

void redis_pages_clear(struct redis_pages *p)
{
    for (size_t i = 0; p->slots && i < REDIS_PAGES_MAX; i++) {
        redis_pages_drop(&p->slots[i]);
    }
}

void redis_pages_fini(struct redis_pages *p)
{
    redis_pages_clear(p);
    free(p->slots);
    p->slots = NULL;
}

/* How many of the slot's steps lead to the position; negative: it is none of its places. */
static ptrdiff_t step_behind(const struct redis_slot *slot, const struct redis_position *at)
{
    if (redis_position_equal(&slot->from, at)) {
        return 0;
    }
    for (size_t i = 0; slot->state == REDIS_SLOT_READY && i < slot->page.count; i++) {
        if (redis_position_equal(&slot->page.steps[i].at, at)) {
            return (ptrdiff_t)i + 1;
        }
    }
    return -1;
}

struct redis_slot *redis_pages_find(struct redis_pages *p, const struct redis_position *at,
                                    size_t *step)
{
    for (size_t i = 0; p->slots && i < REDIS_PAGES_MAX; i++) {
        struct redis_slot *slot = &p->slots[i];
        ptrdiff_t found = slot->state == REDIS_SLOT_FREE ? -1 : step_behind(slot, at);
        int is_done = slot->state == REDIS_SLOT_READY && !slot->page.is_end && found > 0
                      && (size_t)found == slot->page.count; /* the next page begins there */
        if (found >= 0 && !is_done) {
            *step = (size_t)found;
            return slot;
        }
    }
    return NULL;
}

static int is_old(const struct redis_slot *slot, int64_t now_ms)
{
    return slot->state != REDIS_SLOT_ASKED && now_ms - slot->since_ms >= REDIS_PAGES_KEEP_MS;
}

struct redis_slot *redis_pages_take(struct redis_pages *p, const struct redis_position *from,
                                    int64_t now_ms)
{
    struct redis_slot *best = NULL;
    p->slots = p->slots ? p->slots : calloc(REDIS_PAGES_MAX, sizeof *p->slots);
    for (size_t i = 0; p->slots && i < REDIS_PAGES_MAX; i++) {
        struct redis_slot *slot = &p->slots[i];
        int is_spare = slot->state == REDIS_SLOT_FREE || is_old(slot, now_ms)
                       || (slot->state == REDIS_SLOT_READY && slot->was_used);
        if (is_spare && (!best || slot->since_ms < best->since_ms)) {
            best = slot;
        }
    }
    if (best) {
        redis_pages_drop(best);
        *best = (struct redis_slot){.state = REDIS_SLOT_ASKED, .from = *from, .since_ms = now_ms,
                                    .ticket = ++p->tickets};
    }
    return best;
}

struct redis_slot *redis_pages_asked(struct redis_pages *p, uint64_t ticket)
{
    for (size_t i = 0; p->slots && i < REDIS_PAGES_MAX; i++) {
        struct redis_slot *slot = &p->slots[i];
        if (slot->state == REDIS_SLOT_ASKED && slot->ticket == ticket) {
            return slot;
        }
    }
    return NULL;
}

void redis_pages_expire(struct redis_pages *p, int64_t now_ms)
{
    for (size_t i = 0; p->slots && i < REDIS_PAGES_MAX; i++) {
        if (p->slots[i].state != REDIS_SLOT_FREE && is_old(&p->slots[i], now_ms)) {
            redis_pages_drop(&p->slots[i]);
        }
    }
}

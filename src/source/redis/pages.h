/* SPDX-License-Identifier: MIT */
/* redis_pages: pages of history that were asked for, until their readers have come for them. */
#ifndef SOURCE_REDIS_PAGES_H
#define SOURCE_REDIS_PAGES_H

#include "source/redis/page.h"

#define REDIS_PAGES_MAX 16      /* of a stream; readers beyond that wait for their turn */
#define REDIS_PAGES_KEEP_MS 3000 /* what was so may be otherwise after that */

enum redis_slot_state { REDIS_SLOT_FREE, REDIS_SLOT_ASKED, REDIS_SLOT_READY, REDIS_SLOT_FAILED };

struct redis_slot {
    enum redis_slot_state state;
    struct redis_position from;
    struct redis_page page; /* READY */
    int rc;                 /* FAILED */
    int was_used;
    int64_t since_ms; /* it was asked for, or came */
    uint64_t ticket;
};

struct redis_pages {
    struct redis_slot *slots; /* NULL until the first is wanted */
    uint64_t tickets;
};

void redis_pages_fini(struct redis_pages *p);

/* The page that has what follows the position, and how many of its steps are before that. NULL: none. */
struct redis_slot *redis_pages_find(struct redis_pages *p, const struct redis_position *at,
                                    size_t *step);

/* A slot for a new question. NULL: all are taken, or memory is short. */
struct redis_slot *redis_pages_take(struct redis_pages *p, const struct redis_position *from,
                                    int64_t now_ms);

/* The one that waits for this answer. NULL: it was given up. */
struct redis_slot *redis_pages_asked(struct redis_pages *p, uint64_t ticket);

void redis_pages_drop(struct redis_slot *slot);

/* Drops all, or those that are too old. */
void redis_pages_clear(struct redis_pages *p);
void redis_pages_expire(struct redis_pages *p, int64_t now_ms);

/* 1 when both are the same place. */
int redis_position_equal(const struct redis_position *a, const struct redis_position *b);

#endif

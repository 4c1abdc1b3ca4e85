/* SPDX-License-Identifier: MIT */
/* journal_keys: which keys publishers gave to events lately, and where these events are. */
#ifndef SOURCE_JOURNAL_KEYS_H
#define SOURCE_JOURNAL_KEYS_H

#include "source/journal/format.h"

#define JOURNAL_KEYS_MAX 16384      /* a key is known while so many others came after it, */
#define JOURNAL_KEYS_MS (10 * 60000) /* and so long */

struct journal_key {
    uint64_t hash[2];
    int64_t wall_ms;
    struct journal_position at;
};

/* Zeroed storage is ready for use. */
struct journal_keys {
    struct journal_key *ring; /* the one numbered n is at n % cap */
    uint32_t *slots; /* twice as many, by hash: 1 + index in the ring; 0 is free */
    uint32_t cap;    /* a power of two; it grows up to JOURNAL_KEYS_MAX */
    uint64_t count;  /* of all that were ever added */
};

void journal_keys_fini(struct journal_keys *k);
void journal_keys_clear(struct journal_keys *k);

/* The one that was added last. */
struct journal_key *journal_keys_last(struct journal_keys *k);

/* ERR_NOMEM. */
int journal_keys_add(struct journal_keys *k, const struct journal_key *key);

/* NULL when it is not known, or was added more than JOURNAL_KEYS_MS before `now_ms`. */
const struct journal_key *journal_keys_find(const struct journal_keys *k, const uint64_t hash[2],
                                            int64_t now_ms);

/* What stands for a key in records; never zeros. `salt` is the journal's. */
void journal_key_hash(uint64_t salt, const char *key, size_t len, uint64_t out[2]);

#endif

/* SPDX-License-Identifier: MIT */
/* journal_keys: which keys publishers gave to events lately, and where these events are. */
#include "source/journal/keys.h"

#include "base/err.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS (JOURNAL_KEYS_MAX * 2) /* a power of two */

void journal_keys_fini(struct journal_keys *k)
{
    free(k->ring);
    free(k->slots);
    *k = (struct journal_keys){.ring = NULL};
}

void journal_keys_clear(struct journal_keys *k)
{
    if (k->slots) {
        memset(k->slots, 0, SLOTS * sizeof *k->slots);
    }
    k->count = 0;
}

static size_t home_of(const uint64_t hash[2])
{
    return (size_t)(hash[0] % SLOTS);
}

static int is_same(const struct journal_key *key, const uint64_t hash[2])
{
    return key->hash[0] == hash[0] && key->hash[1] == hash[1];
}

/* The slot that has this entry of the ring. */
static size_t slot_of(const struct journal_keys *k, uint32_t index)
{
    size_t slot = home_of(k->ring[index].hash);
    while (k->slots[slot] != index + 1) {
        slot = (slot + 1) % SLOTS;
    }
    return slot;
}

/* Frees a slot, and moves up those that stand further from home because of it. */
static void free_slot(struct journal_keys *k, size_t slot)
{
    size_t next = slot;
    k->slots[slot] = 0;
    for (;;) {
        next = (next + 1) % SLOTS;
        if (k->slots[next] == 0) {
            return;
        }
        size_t home = home_of(k->ring[k->slots[next] - 1].hash);
        if ((next + SLOTS - home) % SLOTS >= (next + SLOTS - slot) % SLOTS) {
            k->slots[slot] = k->slots[next];
            k->slots[next] = 0;
            slot = next;
        }
    }
}

int journal_keys_add(struct journal_keys *k, const struct journal_key *key)
{
    if (!k->ring) {
        k->ring = calloc(JOURNAL_KEYS_MAX, sizeof *k->ring);
        k->slots = calloc(SLOTS, sizeof *k->slots);
        if (!k->ring || !k->slots) {
            journal_keys_fini(k);
            return ERR_NOMEM;
        }
    }
    uint32_t index = (uint32_t)(k->count % JOURNAL_KEYS_MAX);
    if (k->count >= JOURNAL_KEYS_MAX) {
        free_slot(k, slot_of(k, index));
    }
    k->ring[index] = *key;
    size_t slot = home_of(key->hash);
    while (k->slots[slot] != 0) {
        slot = (slot + 1) % SLOTS;
    }
    k->slots[slot] = index + 1;
    k->count++;
    return 0;
}

const struct journal_key *journal_keys_find(const struct journal_keys *k, const uint64_t hash[2],
                                            int64_t now_ms)
{
    const struct journal_key *found = NULL;
    size_t slot = home_of(hash);
    for (; k->slots && k->slots[slot] != 0; slot = (slot + 1) % SLOTS) {
        const struct journal_key *key = &k->ring[k->slots[slot] - 1];
        if (is_same(key, hash) && now_ms - key->wall_ms <= JOURNAL_KEYS_MS
            && (!found || key->at.seq > found->at.seq)) {
            found = key;
        }
    }
    return found;
}

void journal_key_hash(uint64_t salt, const char *key, size_t len, uint64_t out[2])
{
    uint64_t one = hash_bytes(key, len);
    uint64_t two = hash_more(hash_more(HASH_START, &salt, sizeof salt), key, len);
    out[0] = hash_mix64(one ^ salt);
    out[1] = hash_mix64(two + len) | 1;
}

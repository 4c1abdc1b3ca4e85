/* SPDX-License-Identifier: MIT */
/* journal_keys: which keys publishers gave to events lately, and where these events are. */
#include "source/journal/keys.h"

#include "base/err.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define KEYS_FIRST 64

static size_t slots_of(const struct journal_keys *k)
{
    return (size_t)k->cap * 2;
}

void journal_keys_fini(struct journal_keys *k)
{
    free(k->ring);
    free(k->slots);
    *k = (struct journal_keys){.ring = NULL};
}

void journal_keys_clear(struct journal_keys *k)
{
    if (k->slots) {
        memset(k->slots, 0, slots_of(k) * sizeof *k->slots);
    }
    k->count = 0;
}

static size_t home_of(const struct journal_keys *k, const uint64_t hash[2])
{
    return (size_t)(hash[0] % slots_of(k));
}

static int is_same(const struct journal_key *key, const uint64_t hash[2])
{
    return key->hash[0] == hash[0] && key->hash[1] == hash[1];
}

/* The slot that has this entry of the ring. */
static size_t slot_of(const struct journal_keys *k, uint32_t index)
{
    size_t slot = home_of(k, k->ring[index].hash);
    while (k->slots[slot] != index + 1) {
        slot = (slot + 1) % slots_of(k);
    }
    return slot;
}

/* Frees a slot, and moves up those that stand further from home because of it. */
static void free_slot(struct journal_keys *k, size_t slot)
{
    size_t next = slot;
    k->slots[slot] = 0;
    for (;;) {
        next = (next + 1) % slots_of(k);
        if (k->slots[next] == 0) {
            return;
        }
        size_t home = home_of(k, k->ring[k->slots[next] - 1].hash);
        if ((next + slots_of(k) - home) % slots_of(k) >= (next + slots_of(k) - slot) % slots_of(k)) {
            k->slots[slot] = k->slots[next];
            k->slots[next] = 0;
            slot = next;
        }
    }
}

static void put_slot(struct journal_keys *k, uint32_t index)
{
    size_t slot = home_of(k, k->ring[index].hash);
    while (k->slots[slot] != 0) {
        slot = (slot + 1) % slots_of(k);
    }
    k->slots[slot] = index + 1;
}

/* The ring is full for the first time: nothing in it was overwritten yet. */
static int grow(struct journal_keys *k)
{
    uint32_t cap = k->cap ? k->cap * 2 : KEYS_FIRST;
    uint32_t *slots = calloc((size_t)cap * 2, sizeof *slots);
    struct journal_key *ring = slots ? realloc(k->ring, cap * sizeof *ring) : NULL;
    if (!ring) {
        free(slots);
        return ERR_NOMEM;
    }
    free(k->slots);
    k->ring = ring;
    k->slots = slots;
    k->cap = cap;
    for (uint32_t i = 0; i < k->count; i++) {
        put_slot(k, i);
    }
    return 0;
}

int journal_keys_add(struct journal_keys *k, const struct journal_key *key)
{
    if (k->count == k->cap && k->cap < JOURNAL_KEYS_MAX && grow(k)) {
        return ERR_NOMEM;
    }
    uint32_t index = (uint32_t)(k->count % k->cap);
    if (k->count >= k->cap) {
        free_slot(k, slot_of(k, index));
    }
    k->ring[index] = *key;
    put_slot(k, index);
    k->count++;
    return 0;
}

struct journal_key *journal_keys_last(struct journal_keys *k)
{
    return &k->ring[(k->count - 1) % k->cap];
}

const struct journal_key *journal_keys_find(const struct journal_keys *k, const uint64_t hash[2],
                                            int64_t now_ms)
{
    const struct journal_key *found = NULL;
    size_t slot = k->slots ? home_of(k, hash) : 0;
    for (; k->slots && k->slots[slot] != 0; slot = (slot + 1) % slots_of(k)) {
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

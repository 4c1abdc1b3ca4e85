/* SPDX-License-Identifier: MIT */
/* ring: the newest frames of a channel, encoded once, found by offset or by position. */
#include "hub/ring.h"

#include "base/err.h"
#include "base/hash.h"
#include "sse/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_FIRST 64U
#define ENTRY_BYTES_MIN 32U /* the index never has more entries than size / this */

struct ring_entry {
    uint64_t end;
    uint32_t hash;  /* of the position */
    uint32_t older; /* low half of the sequence number of the next older one in the bucket */
    uint32_t id_len;
};

static size_t round_up(size_t n)
{
    size_t size = 1;
    while (size < n) {
        size *= 2;
    }
    return size;
}

static struct ring_entry *entry_at(const struct ring *r, uint64_t seq)
{
    return &r->entries[seq & (r->entry_cap - 1)];
}

static uint64_t entry_start(const struct ring *r, uint64_t seq)
{
    return seq == r->first ? r->tail : entry_at(r, seq - 1)->end;
}

static uint32_t entry_limit(size_t size)
{
    size_t limit = size / ENTRY_BYTES_MIN;
    return limit < ENTRY_FIRST ? ENTRY_FIRST : (uint32_t)limit;
}

int ring_init(struct ring *r, size_t limit_bytes)
{
    size_t limit = round_up(limit_bytes);
    size_t size = limit < RING_FIRST_BYTES ? limit : RING_FIRST_BYTES;
    *r = (struct ring){.size = size, .limit = limit, .entry_cap = ENTRY_FIRST};
    r->entry_limit = entry_limit(size);
    r->bytes = malloc(r->size);
    r->entries = calloc(r->entry_cap, sizeof *r->entries);
    r->buckets = calloc(r->entry_cap, sizeof *r->buckets);
    if (!r->bytes || !r->entries || !r->buckets) {
        ring_fini(r);
        return ERR_NOMEM;
    }
    r->first = r->next = 1; /* so that 0 in a bucket is before every entry */
    return 0;
}

void ring_start(struct ring *r, const char *position)
{
    ring_advance(r, position);
    memcpy(r->before, r->last, sizeof r->before);
}

void ring_fini(struct ring *r)
{
    free(r->bytes);
    free(r->entries);
    free(r->buckets);
    r->bytes = NULL;
    r->entries = NULL;
    r->buckets = NULL;
}

void ring_advance(struct ring *r, const char *position)
{
    size_t len = strnlen(position, SSE_POSITION_MAX);
    memcpy(r->last, position, len);
    r->last[len] = '\0';
}

/* A bucket holds the low half of a sequence number; the entry it names is live when counting
 * back from `next` finds it at or after `first`. */
static int seq_of(const struct ring *r, uint32_t low, uint64_t *seq)
{
    uint64_t full = r->next - (uint32_t)((uint32_t)r->next - low);
    if (full < r->first || full >= r->next) {
        return 0;
    }
    *seq = full;
    return 1;
}

static void link_entry(struct ring *r, uint64_t seq)
{
    struct ring_entry *e = entry_at(r, seq);
    uint32_t *bucket = &r->buckets[e->hash & (r->entry_cap - 1)];
    e->older = *bucket;
    *bucket = (uint32_t)seq;
}

static int grow_entries(struct ring *r)
{
    uint32_t cap = r->entry_cap * 2;
    struct ring_entry *entries = calloc(cap, sizeof *entries);
    uint32_t *buckets = calloc(cap, sizeof *buckets);
    if (!entries || !buckets) {
        free(entries);
        free(buckets);
        return ERR_NOMEM;
    }
    for (uint64_t seq = r->first; seq < r->next; seq++) {
        entries[seq & (cap - 1)] = *entry_at(r, seq);
    }
    free(r->entries);
    free(r->buckets);
    r->entries = entries;
    r->buckets = buckets;
    r->entry_cap = cap;
    for (uint64_t seq = r->first; seq < r->next; seq++) {
        if (entry_at(r, seq)->id_len > 0) {
            link_entry(r, seq);
        }
    }
    return 0;
}

/* Copies the id of an entry out of its frame's bytes, which may wrap. */
static void entry_id(const struct ring *r, uint64_t seq, char out[SSE_POSITION_SIZE])
{
    const struct ring_entry *e = entry_at(r, seq);
    struct iovec iov[2];
    uint64_t from = entry_start(r, seq) + SSE_FRAME_ID_OFFSET;
    int count = ring_slice(r, from, from + e->id_len, iov);
    size_t used = 0;
    for (int i = 0; i < count; i++) {
        memcpy(out + used, iov[i].iov_base, iov[i].iov_len);
        used += iov[i].iov_len;
    }
    out[used] = '\0';
}

static void evict_oldest(struct ring *r)
{
    struct ring_entry *e = entry_at(r, r->first);
    if (e->id_len > 0) {
        entry_id(r, r->first, r->before);
    }
    r->tail = e->end;
    r->first++;
}

/* Bytes keep their offsets and so change their places. */
static int resize(struct ring *r, size_t size)
{
    char *bytes = malloc(size);
    if (!bytes) {
        return ERR_NOMEM;
    }
    struct iovec iov[2];
    uint64_t at = r->tail;
    int count = ring_slice(r, r->tail, r->head, iov);
    for (int i = 0; i < count; i++) {
        /* A piece of the old ring wraps at most once in the new one, twice as large. */
        size_t to = (size_t)(at & (size - 1));
        size_t first = size - to < iov[i].iov_len ? size - to : iov[i].iov_len;
        memcpy(bytes + to, iov[i].iov_base, first);
        memcpy(bytes, (char *)iov[i].iov_base + first, iov[i].iov_len - first);
        at += iov[i].iov_len;
    }
    free(r->bytes);
    r->bytes = bytes;
    r->size = size;
    r->entry_limit = entry_limit(size);
    return 0;
}

void ring_grow(struct ring *r, size_t len, int keeps)
{
    while (r->size < r->limit
           && (len > r->size || (keeps && ring_tail_after(r, len) > r->tail))) {
        if (resize(r, r->size * 2)) {
            return;
        }
    }
}

uint64_t ring_tail_after(const struct ring *r, size_t len)
{
    if (len > r->size) {
        return r->head;
    }
    uint64_t seq = r->first;
    uint64_t tail = r->tail;
    while (r->head + len - tail > r->size || r->next - seq >= r->entry_limit) {
        tail = entry_at(r, seq)->end;
        seq++;
    }
    return tail;
}

static void write_bytes(struct ring *r, const char *data, size_t len)
{
    size_t at = (size_t)(r->head & (r->size - 1));
    size_t first = r->size - at < len ? r->size - at : len;
    memcpy(r->bytes + at, data, first);
    memcpy(r->bytes, data + first, len - first);
    r->head += len;
}

void ring_pass(struct ring *r, const char *position)
{
    while (r->first < r->next) {
        evict_oldest(r);
    }
    r->head++; /* no cursor stands at the new head by chance */
    r->tail = r->head;
    ring_start(r, position);
}

int ring_push(struct ring *r, const char *frame, size_t len, const char *position)
{
    assert(len <= r->size);
    uint64_t tail = ring_tail_after(r, len);
    while (r->tail < tail) {
        evict_oldest(r);
    }
    if (r->next - r->first >= r->entry_cap) {
        int rc = grow_entries(r);
        if (rc) {
            return rc;
        }
    }
    write_bytes(r, frame, len);
    uint64_t seq = r->next++;
    struct ring_entry *e = entry_at(r, seq);
    *e = (struct ring_entry){.end = r->head};
    if (position) {
        size_t id_len = strlen(position);
        assert(id_len <= SSE_POSITION_MAX && SSE_FRAME_ID_OFFSET + id_len <= len);
        e->id_len = (uint32_t)id_len;
        e->hash = (uint32_t)hash_bytes(position, id_len);
        link_entry(r, seq);
        ring_advance(r, position);
    }
    return 0;
}

int ring_find(const struct ring *r, const char *position, uint64_t *at)
{
    if (strcmp(position, r->last) == 0) {
        *at = r->head;
        return 1;
    }
    char id[SSE_POSITION_SIZE];
    uint32_t hash = (uint32_t)hash_bytes(position, strlen(position));
    uint64_t newer = UINT64_MAX;
    uint64_t seq;
    uint32_t low = r->buckets[hash & (r->entry_cap - 1)];
    /* Chains run from new to old; one that does not is the rest of entries long gone. */
    while (seq_of(r, low, &seq) && seq < newer) {
        const struct ring_entry *e = entry_at(r, seq);
        if (e->hash == hash && e->id_len > 0) {
            entry_id(r, seq, id);
            if (strcmp(id, position) == 0) {
                *at = e->end;
                return 1;
            }
        }
        newer = seq;
        low = e->older;
    }
    if (strcmp(position, r->before) == 0) {
        *at = r->tail;
        return 1;
    }
    return 0;
}

uint64_t ring_boundary(const struct ring *r, uint64_t at, char position[SSE_POSITION_SIZE])
{
    assert(at >= r->tail && at <= r->head);
    /* The first entry whose end is at or past `at`, unless `at` is the tail. */
    uint64_t low = r->first;
    uint64_t high = r->next;
    while (low < high && at > r->tail) {
        uint64_t mid = low + (high - low) / 2;
        if (entry_at(r, mid)->end < at) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    if (at == r->tail) {
        memcpy(position, r->before, SSE_POSITION_SIZE);
        return at;
    }
    uint64_t end = entry_at(r, low)->end;
    if (end == r->head) {
        memcpy(position, r->last, SSE_POSITION_SIZE);
        return end;
    }
    uint64_t seq = low;
    while (entry_at(r, seq)->id_len == 0) {
        if (seq == r->first) {
            memcpy(position, r->before, SSE_POSITION_SIZE);
            return end;
        }
        seq--;
    }
    entry_id(r, seq, position);
    return end;
}

int ring_slice(const struct ring *r, uint64_t from, uint64_t to, struct iovec iov[2])
{
    assert(from >= r->tail && from <= to && to <= r->head);
    size_t len = (size_t)(to - from);
    size_t at = (size_t)(from & (r->size - 1));
    size_t first = r->size - at < len ? r->size - at : len;
    if (len == 0) {
        return 0;
    }
    iov[0] = (struct iovec){.iov_base = r->bytes + at, .iov_len = first};
    if (first == len) {
        return 1;
    }
    iov[1] = (struct iovec){.iov_base = r->bytes, .iov_len = len - first};
    return 2;
}

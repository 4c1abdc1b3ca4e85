/* SPDX-License-Identifier: MIT */
/* journal_keep: when a segment is full, which ones go, and which keys were used lately. */
#include "source/journal/journal.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARTS 8 /* what is kept is divided into so many segments, about */
#define LEAST_EVENTS 64
#define LEAST_MS 1000
#define KEYS_BYTES (64 * 1024 * 1024) /* keys are looked for so far back */

int journal_is_due(const struct journal *j, size_t bytes)
{
    const struct journal_rules *r = &j->rules;
    uint64_t events = j->end.seq + 1 - j->seg.name.first;
    int64_t age_ms = journal_now_ms(j) - j->seg.head.created_ms;
    uint64_t part = r->keep_events / PARTS > LEAST_EVENTS ? r->keep_events / PARTS : LEAST_EVENTS;
    int64_t part_ms = r->keep_ms / PARTS > LEAST_MS ? r->keep_ms / PARTS : LEAST_MS;
    if (events == 0) {
        return 0;
    }
    return j->end.end + bytes > r->segment_bytes || (r->keep_events > 0 && events >= part)
           || (r->keep_ms > 0 && age_ms >= part_ms);
}

/* ---- what goes ---- */

struct keeping {
    uint64_t bytes; /* of all segments */
    uint64_t last;  /* the newest event's number, about */
};

static int64_t size_of(const struct journal *j, struct journal_name name)
{
    struct stat st;
    char *path = journal_dir_path(&j->dir, name);
    int rc = path ? stat(path, &st) : -1;
    free(path);
    return rc ? -1 : (int64_t)st.st_size;
}

/* 1 when segment `i`, the oldest, is not needed. `next` is open and is the one after it. */
static int is_spare(const struct journal *j, const struct keeping *k, const struct journal_seg *next)
{
    const struct journal_rules *r = &j->rules;
    if (r->keep_bytes > 0 && k->bytes + r->segment_bytes > r->keep_bytes) {
        return 1;
    }
    if (r->keep_events > 0 && k->last >= next->name.first - 1
        && k->last - (next->name.first - 1) >= r->keep_events) {
        return 1;
    }
    return r->keep_ms > 0 && journal_now_ms(j) - next->head.created_ms >= r->keep_ms;
}

/* Deletes a segment, unless somebody is at it: who begins a segment holds the lock of the one before. */
static int delete(const struct journal *j, struct journal_name name)
{
    char *path = journal_dir_path(&j->dir, name);
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    int rc = !path ? ERR_NOMEM : fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : ERR_AGAIN;
    if (rc == 0) {
        rc = unlink(path) && errno != ENOENT ? ERR_IO : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    free(path);
    return rc;
}

static int measure(const struct journal *j, struct keeping *k)
{
    *k = (struct keeping){.last = j->last_seq};
    for (size_t i = 0; i < j->dir.count; i++) {
        int64_t size = size_of(j, j->dir.items[i]);
        k->bytes += size > 0 ? (uint64_t)size : 0;
    }
    uint64_t newest = j->dir.count > 0 ? j->dir.items[j->dir.count - 1].first - 1 : 0;
    k->last = newest > k->last ? newest : k->last;
    return 0;
}

int journal_expire(struct journal *j)
{
    struct keeping k;
    struct journal_seg next;
    const struct journal_rules *r = &j->rules;
    if (!r->keep_bytes && !r->keep_events && !r->keep_ms) {
        return 0;
    }
    int rc = journal_dir_list(&j->dir);
    rc = rc ? rc : measure(j, &k);
    journal_seg_init(&next);
    for (size_t i = 0; i + 1 < j->dir.count && !rc; i++) {
        rc = journal_seg_open(&next, &j->dir, j->dir.items[i + 1], O_RDONLY);
        if (rc == ERR_GONE || rc == ERR_INVALID || (!rc && !is_spare(j, &k, &next))) {
            rc = 0;
            break;
        }
        int64_t size = size_of(j, j->dir.items[i]);
        rc = rc ? rc : delete (j, j->dir.items[i]);
        k.bytes -= size > 0 && !rc ? (uint64_t)size : 0;
    }
    journal_seg_fini(&next);
    return rc == ERR_AGAIN ? 0 : rc;
}

/* ---- keys ---- */

int journal_read_keys(struct journal *j, struct journal_seg *seg, uint64_t from, uint64_t to)
{
    uint64_t at = from;
    struct journal_record r;
    for (;; at += journal_record_size(&r)) {
        int rc = journal_seg_resync(seg, at, 0, &at, &r);
        if (rc <= 0 || at >= to) {
            return rc < 0 ? rc : 0;
        }
        if (!r.key[0] && !r.key[1]) {
            continue;
        }
        struct journal_key key = {.hash = {r.key[0], r.key[1]},
                                  .wall_ms = r.wall_ms,
                                  .at = {.is_event = 1,
                                         .generation = seg->head.generation,
                                         .epoch = seg->name.epoch,
                                         .check = r.check,
                                         .seq = r.seq,
                                         .offset = at}};
        rc = journal_keys_add(&j->keys, &key);
        if (rc) {
            return rc;
        }
    }
}

/* The oldest segment that may have keys that count. The newest is open. */
static size_t first_with_keys(struct journal *j, struct journal_seg *seg)
{
    uint64_t bytes = 0;
    int64_t since_ms = journal_now_ms(j) - JOURNAL_KEYS_MS;
    size_t i = journal_dir_at_or_after(&j->dir, j->seg.name);
    int64_t begun_ms = j->seg.head.created_ms;
    while (i > 0 && begun_ms > since_ms && bytes < KEYS_BYTES) {
        if (journal_seg_open(seg, &j->dir, j->dir.items[i - 1], O_RDONLY)
            || seg->head.generation != j->seg.head.generation) {
            break;
        }
        bytes += seg->size;
        begun_ms = seg->head.created_ms;
        i--;
    }
    return i;
}

int journal_learn_keys(struct journal *j)
{
    struct journal_seg seg;
    if (j->has_keys) {
        return 0;
    }
    journal_keys_clear(&j->keys);
    journal_seg_init(&seg);
    int rc = journal_dir_list(&j->dir);
    for (size_t i = rc ? 0 : first_with_keys(j, &seg); i < j->dir.count && !rc; i++) {
        struct journal_end end;
        rc = journal_seg_open(&seg, &j->dir, j->dir.items[i], O_RDONLY);
        rc = rc ? rc : journal_seg_end(&seg, &end);
        rc = rc ? rc : journal_read_keys(j, &seg, JOURNAL_HEAD_BYTES, end.end);
        rc = rc == ERR_GONE || rc == ERR_INVALID ? 0 : rc;
    }
    journal_seg_fini(&seg);
    j->has_keys = rc == 0;
    return rc == ERR_IO ? journal_fail(j) : rc;
}

/* SPDX-License-Identifier: MIT */
/* journal_lock: gets hold of the newest segment's end, and begins new segments.
 *
 * Under its lock a segment is the newest one when it has no seal: who begins another seals it first. Whenever a publisher finds it other
 * than it must be (its end is damaged or was cut, the system was restarted since, its successor
 * is missing), it begins a segment of the next epoch: numbers may be used twice in two epochs, never
 * in one, so positions stay true. */
#include "source/journal/journal.h"
#include "source/journal/members.h"

#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES_MAX 64 /* segments that others begin while this one looks */
#define EPOCHS_BEGIN_MS 1767225600000 /* 2026-01-01 */
#define OPEN_FLAGS (O_RDWR | O_APPEND)

enum tip {
    TIP_CLEAN,
    TIP_TORN,
    TIP_SEALED,
    TIP_BROKEN
};

/* ---- new segments ---- */

/* Takes after the segment that is open, or the last good one before; without one it is a new journal. */
static int inherit(struct journal *j, struct journal_head *h)
{
    const struct journal_name name = {.first = h->first, .epoch = h->epoch};
    struct journal_seg prior = j->seg;
    struct journal_end end = j->end;
    uint64_t random[2];
    int rc = j->is_known ? 0 : ERR_GONE;
    if (rc) {
        journal_seg_init(&prior);
    }
    for (size_t i = journal_dir_at_or_after(&j->dir, name);
         i > 0 && (rc == ERR_GONE || rc == ERR_INVALID); i--) {
        rc = journal_seg_open(&prior, &j->dir, j->dir.items[i - 1], O_RDONLY);
        rc = rc ? rc : journal_seg_end(&prior, &end);
    }
    h->generation = prior.head.generation;
    h->salt = prior.head.salt;
    /* Whoever sealed it was killed, or met a full disk, before it could write the next head. */
    h->doubt = end.is_broken && prior.head.epoch != h->epoch ? h->epoch : prior.head.doubt;
    h->epoch_first = prior.head.epoch == h->epoch ? prior.head.epoch_first : h->first;
    h->created_ms = end.wall_ms;
    if (!j->is_known) {
        journal_seg_fini(&prior);
    }
    if (rc != ERR_GONE && rc != ERR_INVALID) {
        return rc;
    }
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) {
        return ERR_IO;
    }
    h->generation = random[0] & JOURNAL_GENERATION_MASK;
    h->salt = random[1];
    h->doubt = 0;
    h->epoch_first = h->first;
    h->created_ms = 0;
    return 0;
}

/* Writes the head of a segment that is locked and has none. */
static int write_head(struct journal *j, struct journal_seg *seg, int is_doubtful)
{
    unsigned char bytes[JOURNAL_HEAD_BYTES];
    struct journal_head h = {.first = seg->name.first, .epoch = seg->name.epoch, .boot = j->boot};
    int rc = inherit(j, &h);
    if (rc) {
        return rc == ERR_IO ? journal_fail(j) : rc;
    }
    h.doubt = is_doubtful ? h.epoch : h.doubt;
    int64_t now_ms = journal_now_ms(j);
    h.created_ms = now_ms > h.created_ms ? now_ms : h.created_ms;
    journal_head_write(&h, bytes);
    if (ftruncate(seg->fd, 0)) {
        return journal_fail(j);
    }
    ssize_t n = write(seg->fd, bytes, sizeof bytes);
    if (n != (ssize_t)sizeof bytes) {
        errno = n < 0 ? errno : ENOSPC;
        rc = journal_fail(j);
        (void)ftruncate(seg->fd, 0); /* it is begun again by the next one, as any short one */
        return rc;
    }
    j->unsynced.has_new = j->rules.is_synced;
    return journal_seg_head(seg);
}

/* Holding the lock of the newest one (if there is any): begins the next, and has its lock instead. */
static int begin(struct journal *j, struct journal_name name, int is_doubtful)
{
    struct journal_seg next;
    journal_seg_init(&next);
    int rc = journal_seg_open(&next, &j->dir, name, OPEN_FLAGS | O_CREAT);
    if (next.fd < 0) {
        return rc == ERR_IO ? journal_fail(j) : rc;
    }
    rc = journal_take_lock(next.fd);
    if (!rc) {
        rc = journal_seg_head(&next); /* it may have got one by now */
        rc = rc == ERR_GONE ? write_head(j, &next, is_doubtful) : rc == ERR_INVALID ? 0 : rc;
    }
    rc = rc || j->seg.fd < 0 ? rc : journal_let_go(j);
    if (rc) {
        journal_seg_fini(&next);
        return rc;
    }
    journal_seg_fini(&j->seg);
    j->seg = next;
    j->is_known = 0;
    j->begun++;
    return 0;
}

/* Greater than all before it, also than those of files that somebody deleted, unless the clock was set
 * back and nobody here knows them. */
static uint32_t next_epoch(const struct journal *j)
{
    int64_t now = (journal_now_ms(j) - EPOCHS_BEGIN_MS) / 1000;
    int is_known = j->seg.head.generation == j->last_generation && j->last_epoch > j->seg.name.epoch;
    uint32_t next = (is_known ? j->last_epoch : j->seg.name.epoch) + 1;
    return now > next && now < UINT32_MAX ? (uint32_t)now : next;
}

static int begin_epoch(struct journal *j, uint64_t after, int is_doubtful)
{
    uint64_t last = j->seg.head.generation == j->last_generation && j->last_seq > after
                        ? j->last_seq
                        : after;
    return begin(j, (struct journal_name){.first = last + 1, .epoch = next_epoch(j)},
                 is_doubtful);
}

/* Where a seal can go behind what is broken. The batch that was not finished at the end goes: a record that
 * wants more bytes than there are must not find them in the seal. */
static int find_broken_end(struct journal *j, uint64_t *out)
{
    uint64_t batch = 0; /* where that would begin; 0: nowhere yet */
    for (uint64_t at = j->end.end;;) {
        struct journal_record r;
        int rc = journal_seg_record(&j->seg, at, &r);
        if (rc < 0) {
            return rc;
        }
        if (rc == JOURNAL_END || rc == JOURNAL_PART) {
            int is_short = at + JOURNAL_RECORD_BYTES > j->seg.size;
            *out = batch ? batch : is_short ? j->seg.size : at;
            return 0;
        }
        if (rc == JOURNAL_BAD || (r.flags & JOURNAL_LAST)) {
            batch = 0;
        } else if (batch == 0) {
            batch = at;
        }
        at += rc == JOURNAL_THERE ? journal_record_size(&r) : JOURNAL_ALIGN;
    }
}

/* Writes the seal, by which others know that the segment is not the newest any more. What is broken
 * before it stays. */
static int seal(struct journal *j, int is_broken)
{
    unsigned char bytes[JOURNAL_ALIGN + JOURNAL_RECORD_BYTES] = {0};
    uint64_t from = j->end.end;
    int rc = is_broken ? find_broken_end(j, &from) : 0;
    if (rc || (from < j->seg.size && ftruncate(j->seg.fd, (off_t)from))) {
        return rc && rc != ERR_IO ? rc : journal_fail(j);
    }
    size_t padding = (JOURNAL_ALIGN - from % JOURNAL_ALIGN) % JOURNAL_ALIGN;
    struct journal_record record = {.seq = j->end.seq, .wall_ms = j->end.wall_ms};
    record.flags = JOURNAL_SEAL | JOURNAL_LAST | (is_broken ? JOURNAL_BROKEN : 0);
    journal_record_write(j->seg.head.seed, from + padding, &record, NULL, NULL, bytes + padding);
    return journal_write(j, bytes, padding + JOURNAL_RECORD_BYTES, from);
}

int journal_rotate(struct journal *j)
{
    if (j->unsynced.count == JOURNAL_UNSYNCED_MAX) {
        return ERR_AGAIN;
    }
    int rc = seal(j, 0);
    if (rc) {
        return rc;
    }
    uint64_t first = j->end.seq + 1;
    int64_t last_ms = j->end.wall_ms;
    rc = begin(j, (struct journal_name){.first = first, .epoch = j->seg.name.epoch}, 0);
    if (!rc && (j->seg.size > JOURNAL_HEAD_BYTES || journal_seg_head(&j->seg))) {
        /* Another process found the new file before we had its lock, and was first to write. Or
         * what was there by that name is no segment. */
        journal_unlock(j);
        return journal_lock(j);
    }
    if (!rc) {
        j->is_known = 1;
        j->end = (struct journal_end){
            .end = JOURNAL_HEAD_BYTES, .seq = first - 1, .wall_ms = last_ms};
    }
    return rc;
}

/* ---- the end ---- */

/* What there is behind the last whole batch. */
static int judge_rest(struct journal *j, enum tip *out)
{
    uint64_t at = j->end.end;
    for (;;) {
        struct journal_record r;
        int rc = journal_seg_record(&j->seg, at, &r);
        if (rc < 0) {
            return rc;
        }
        if (rc != JOURNAL_THERE) {
            *out = rc == JOURNAL_BAD ? TIP_BROKEN : at == j->end.end && rc == JOURNAL_END ? TIP_CLEAN
                                                                                          : TIP_TORN;
            return 0;
        }
        at += journal_record_size(&r);
    }
}

/* 1 when what was known of the end is still there. */
static int is_unchanged(struct journal *j)
{
    struct journal_record r;
    if (!j->is_known || j->seg.size < j->end.end) {
        return 0;
    }
    if (j->end.last_at == 0) {
        return 1;
    }
    int rc = journal_seg_record(&j->seg, j->end.last_at, &r);
    return rc < 0 ? rc : rc == JOURNAL_THERE && r.check == j->end.last.check;
}

/* Reads what others have written since the head was looked at, and says how it ends. That the size is the
 * one that is known says nothing: the end may have been cut off and written anew. */
static int read_on(struct journal *j, enum tip *out)
{
    struct journal_end end = j->end;
    int rc = is_unchanged(j);
    if (rc == 1 && j->seg.size == j->end.end) {
        *out = TIP_CLEAN;
        return 0;
    }
    uint64_t from = rc == 1 ? j->end.end : JOURNAL_HEAD_BYTES;
    if (rc >= 0) {
        rc = rc ? journal_seg_end_more(&j->seg, &end) : journal_seg_end(&j->seg, &end);
    }
    if (rc == 0 && j->has_keys && end.end > from) {
        rc = journal_read_keys(j, &j->seg, from, end.end);
    }
    if (rc) {
        return rc == ERR_IO ? journal_fail(j) : rc;
    }
    int64_t known_ms = j->is_known ? j->end.wall_ms : end.wall_ms;
    j->end = end;
    j->end.wall_ms = end.wall_ms > known_ms ? end.wall_ms : known_ms;
    j->is_known = 1;
    *out = TIP_SEALED;
    return end.is_sealed ? 0 : judge_rest(j, out);
}

static int is_behind(const struct journal *j)
{
    return j->seg.head.generation == j->last_generation
           && journal_order(j->seg.name.epoch, j->end.seq, j->last_epoch, j->last_seq) < 0;
}

/* Holding a lock: 1 when no segment is newer. */
static int is_newest(struct journal *j)
{
    int rc = journal_dir_list(&j->dir);
    if (rc) {
        return rc == ERR_IO ? journal_fail(j) : rc;
    }
    return j->dir.count == 0
           || journal_name_order(j->dir.items[j->dir.count - 1], j->seg.name) <= 0;
}

/* There was no segment when the folder was listed. */
static int begin_first(struct journal *j)
{
    int rc = journal_members_admit(j);
    rc = rc ? rc : journal_dir_make(&j->dir);
    rc = rc ? rc : journal_members_note(j);
    rc = rc == ERR_IO ? journal_fail(j) : rc;
    rc = rc ? rc : begin(j, (struct journal_name){.first = 1}, 0);
    rc = rc ? rc : is_newest(j);
    if (rc == 0) { /* others have come far since */
        char *path = journal_dir_path(&j->dir, j->seg.name);
        if (path && j->seg.size <= JOURNAL_HEAD_BYTES) {
            (void)unlink(path);
        }
        free(path);
        journal_seg_close(&j->seg);
    }
    journal_unlock(j);
    return rc < 0 ? rc : 0;
}

/* Opens the segment after the one that is open, or the newest. */
static int open_next(struct journal *j)
{
    int is_open = j->seg.fd >= 0;
    int rc = journal_dir_list(&j->dir);
    if (rc) {
        return rc == ERR_IO ? journal_fail(j) : rc;
    }
    if (j->dir.count == 0) {
        rc = is_open ? journal_let_go(j) : 0;
        return rc ? rc : begin_first(j);
    }
    size_t i = j->dir.count - 1;
    if (is_open) {
        i = journal_dir_at_or_after(&j->dir, j->seg.name);
        i += i < j->dir.count && journal_name_order(j->dir.items[i], j->seg.name) == 0;
        i = i < j->dir.count ? i : j->dir.count - 1;
        rc = journal_let_go(j);
        if (rc) {
            return rc;
        }
    }
    j->has_keys &= is_open;
    rc = journal_seg_open(&j->seg, &j->dir, j->dir.items[i], OPEN_FLAGS);
    if (j->seg.fd >= 0) {
        (void)journal_members_note(j); /* the configuration may have changed */
        return 0; /* a head that is missing or damaged is seen to under the lock */
    }
    return rc == ERR_GONE ? 0 : rc == ERR_IO ? journal_fail(j) : rc;
}

/* Holding a lock: what is written to a segment with a bad head nobody can read. 1: go on with another one. */
static int mend_head(struct journal *j)
{
    int rc = journal_seg_head(&j->seg);
    if (rc == 0 || (rc != ERR_GONE && rc != ERR_INVALID)) {
        return rc == ERR_IO ? journal_fail(j) : rc;
    }
    int is_damaged = rc == ERR_INVALID;
    rc = is_newest(j);
    if (rc <= 0) {
        return rc ? rc : (rc = open_next(j)) ? rc : 1;
    }
    if (!is_damaged) {
        j->is_known = 0;
        return write_head(j, &j->seg, 0);
    }
    /* How many events it had, and nobody knows, is not more than this. */
    uint64_t most = j->seg.name.first + j->seg.size / JOURNAL_RECORD_BYTES;
    if (!j->is_known) {
        j->seg.head = (struct journal_head){.first = j->seg.name.first};
    }
    rc = begin_epoch(j, j->is_known ? j->end.seq : most, 1);
    return rc ? rc : 1;
}

/* Holding a lock on a segment whose end is known. 0: it can be written to; 1: go on with another one. */
static int mend_end(struct journal *j, enum tip tip)
{
    int is_rebooted = j->boot && j->seg.head.boot && j->boot != j->seg.head.boot;
    int is_whole = tip != TIP_BROKEN && !is_behind(j);
    int is_clean = is_whole && tip != TIP_SEALED && !is_rebooted;
    if (is_clean && tip == TIP_TORN) {
        return ftruncate(j->seg.fd, (off_t)j->end.end) ? journal_fail(j) : 0;
    }
    if (is_clean) {
        return 0;
    }
    int rc = is_newest(j);
    if (rc <= 0) {
        return rc ? rc : (rc = open_next(j)) ? rc : 1;
    }
    if (tip == TIP_TORN && ftruncate(j->seg.fd, (off_t)j->end.end)) {
        return journal_fail(j);
    }
    j->has_keys = 0; /* some of their events may be gone */
    rc = tip != TIP_SEALED ? seal(j, tip == TIP_BROKEN) : 0;
    rc = rc ? rc : begin_epoch(j, j->end.seq, !is_whole);
    return rc ? rc : 1;
}

int journal_lock(struct journal *j)
{
    int rc = 1;
    if (journal_is_held(j)) {
        return 0;
    }
    for (int i = 0; i < TRIES_MAX; i++) {
        enum tip tip = TIP_CLEAN;
        if (j->seg.fd < 0) {
            rc = open_next(j);
            if (rc) {
                return rc;
            }
            continue;
        }
        rc = journal_take_lock(j->seg.fd);
        if (rc) {
            return rc == ERR_IO ? journal_fail(j) : rc;
        }
        if (!journal_is_in_place(j)) {
            rc = journal_let_go(j);
        } else {
            rc = mend_head(j);
            rc = rc ? rc : read_on(j, &tip);
            rc = rc ? rc : mend_end(j, tip);
            if (rc == 0) {
                j->has_keys &= j->last_generation == j->seg.head.generation;
                j->last_generation = j->seg.head.generation;
                j->last_epoch = j->seg.name.epoch;
                j->last_seq = j->end.seq;
                return 0;
            }
        }
        if (rc < 0) {
            journal_unlock(j);
            return rc;
        }
    }
    journal_unlock(j);
    return ERR_AGAIN;
}

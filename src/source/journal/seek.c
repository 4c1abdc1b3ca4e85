/* SPDX-License-Identifier: MIT */
/* journal_seek: places in a journal, by number and by time. */
#include "source/journal/seek.h"

#include "base/err.h"

#include <fcntl.h>

#define NO_SEGMENT SIZE_MAX

/* ---- to a position ---- */

/* The segment that the event `seq` would be in; NO_SEGMENT when all begin later. */
static size_t segment_of(const struct journal_dir *d, uint64_t seq, uint32_t epoch)
{
    const struct journal_name after = {.first = seq, .epoch = UINT32_MAX};
    size_t i = journal_dir_at_or_after(d, after);
    i += i < d->count && journal_name_order(d->items[i], after) == 0;
    while (i > 0 && d->items[i - 1].epoch > epoch) {
        i--;
    }
    return i > 0 ? i - 1 : NO_SEGMENT;
}

/* 1 when the reader, which is at the beginning of the right segment, can go on from just there. */
static int is_good(struct journal_reader *r, const struct journal_position *to)
{
    struct journal_record record;
    if (!to->is_event && to->seq + 1 == r->seg.name.first) {
        return 1; /* be it that its offset is the end of the segment before */
    }
    if (to->offset < JOURNAL_HEAD_BYTES) {
        return 0;
    }
    int rc = journal_seg_record(&r->seg, to->offset, &record);
    if (rc < 0) {
        return rc;
    }
    if (to->is_event) {
        int is_it = rc == JOURNAL_THERE && record.seq == to->seq && record.check == to->check
                    && !(record.flags & JOURNAL_SEAL);
        r->offset = is_it ? to->offset + journal_record_size(&record) : r->offset;
        return is_it;
    }
    if (rc == JOURNAL_THERE) {
        int is_seal = (record.flags & JOURNAL_SEAL) != 0;
        rc = record.seq == to->seq + !is_seal;
    } else {
        /* The end, or what is not aligned behind it. */
        rc = rc != JOURNAL_BAD && to->offset < r->seg.size + JOURNAL_ALIGN;
    }
    r->offset = rc ? to->offset : r->offset;
    return rc;
}

/* The position's bytes are not there (any more): goes on after its number. */
static int go_by_number(struct journal_reader *r, const struct journal_position *to, size_t index,
                        struct journal_item *out)
{
    struct journal_record record;
    uint64_t at;
    const struct journal_want want = {.seq = to->seq + 1};
    int rc = journal_seg_find(&r->seg, r->seg.size, &want, &at, &record);
    if (rc < 0) {
        return rc;
    }
    if (rc > 0) {
        r->offset = at;
        r->seq = record.seq - 1;
        return journal_reader_gap(r, out, "truncated", -1, -1); /* numbers may have been used twice */
    }
    if (index + 1 < r->dir->count) {
        r->seq = to->seq;
        rc = journal_reader_enter(r, index + 1, 0, out);
        return rc == 0 || rc == JOURNAL_GAP ? journal_reader_gap(r, out, "truncated", -1, -1) : rc;
    }
    rc = journal_seg_record(&r->seg, to->offset, &record);
    int is_damaged = rc == JOURNAL_BAD; /* and not overwritten: it stands behind its number still */
    rc = rc < 0 ? rc : journal_reader_stand_at_end(r, to->seq);
    if (rc) {
        return rc;
    }
    if (is_damaged) {
        r->offset = (r->seg.size + JOURNAL_ALIGN - 1) / JOURNAL_ALIGN * JOURNAL_ALIGN;
        r->seq = to->seq;
    }
    return journal_reader_gap(r, out, "truncated", -1, -1);
}

/* Stands as if it had read up to the position, whose segment is not there. */
static void pretend(struct journal_reader *r, const struct journal_position *to)
{
    r->generation = to->generation;
    r->epoch = to->epoch;
    r->seq = to->seq;
    r->has_begun = 1;
    r->told = 0;
    r->is_cut = 0;
}

/* Opens the segment with this index, and stands at its beginning. JOURNAL_IDLE: it is not there, or it is
 * damaged; *lost is its size then. */
static int open_at(struct journal_reader *r, size_t index, uint64_t *lost)
{
    int rc = journal_seg_open(&r->seg, r->dir, r->dir->items[index], O_RDONLY);
    *lost = 0;
    if (rc == ERR_INVALID) {
        *lost = r->seg.size;
    }
    if (rc) {
        return rc == ERR_GONE || rc == ERR_INVALID ? JOURNAL_IDLE : rc;
    }
    journal_reader_begin(r);
    return 0;
}

static int seek_listed(struct journal_reader *r, const struct journal_position *to,
                       struct journal_item *out)
{
    uint64_t lost = 0;
    size_t index = to->is_start ? NO_SEGMENT
                                : segment_of(r->dir, to->is_event ? to->seq : to->seq + 1, to->epoch);
    if (to->is_start) {
        r->has_begun = 0;
        r->told = 0;
        r->epoch = 0;
        r->seq = 0;
        return journal_reader_enter(r, 0, 0, out);
    }
    if (index == NO_SEGMENT || r->dir->items[index].epoch != to->epoch) {
        pretend(r, to);
        return journal_reader_enter(r, index == NO_SEGMENT ? 0 : index + 1, 0, out);
    }
    int rc = open_at(r, index, &lost);
    if (rc == JOURNAL_IDLE) {
        pretend(r, to);
        return journal_reader_enter(r, index + 1, lost, out);
    }
    if (rc == 0 && r->generation != to->generation) {
        return journal_reader_replace(r, out);
    }
    rc = rc ? rc : is_good(r, to);
    if (rc == 0) {
        return go_by_number(r, to, index, out);
    }
    if (rc == 1) {
        r->seq = to->seq;
        r->at = *to;
    }
    return rc < 0 ? rc : 0;
}

int journal_reader_seek(struct journal_reader *r, const struct journal_position *to,
                        struct journal_item *out)
{
    int rc = seek_listed(r, to, out);
    int is_odd = rc == JOURNAL_IDLE || rc == JOURNAL_GAP;
    if (is_odd) { /* by what is there, not by what was */
        rc = journal_dir_list(r->dir);
        rc = rc ? rc : seek_listed(r, to, out);
    }
    if (rc != JOURNAL_IDLE) {
        return rc;
    }
    r->has_begun = 0;
    rc = journal_reader_to_end(r); /* the position is ahead of all that there is */
    if (rc || !r->has_begun) {
        return rc ? rc : ERR_GONE;
    }
    if (!to->is_start && r->generation != to->generation) {
        return journal_reader_replace(r, out);
    }
    return journal_reader_gap(r, out, "truncated", -1, -1);
}

/* ---- by number and time ---- */

static void say(const struct journal_reader *r, uint64_t seq, uint64_t offset,
                struct journal_position *out)
{
    *out = (struct journal_position){
        .generation = r->generation, .epoch = r->epoch, .seq = seq, .offset = offset};
}

/* The first event in the segment `index` or a later one that is wanted. */
static int find_from(struct journal_reader *r, size_t index, const struct journal_want *want,
                     struct journal_position *out, struct journal_record *record)
{
    for (; index < r->dir->count; index++) {
        uint64_t lost, at;
        int rc = open_at(r, index, &lost);
        rc = rc ? rc : journal_seg_find(&r->seg, r->seg.size, want, &at, record);
        if (rc < 0) {
            return rc;
        }
        if (rc == 1) {
            say(r, record->seq - 1, at, out);
            return 0;
        }
    }
    return ERR_GONE;
}

int journal_seek_number(struct journal_reader *r, uint64_t seq, struct journal_position *out)
{
    struct journal_record record;
    const struct journal_want want = {.seq = seq};
    size_t index = segment_of(r->dir, seq, UINT32_MAX);
    int rc = find_from(r, index == NO_SEGMENT ? 0 : index, &want, out, &record);
    if (rc != ERR_GONE) {
        return rc;
    }
    rc = journal_reader_to_end(r);
    if (rc == 0) {
        *out = r->at;
    }
    return rc ? rc : r->has_begun ? 0 : ERR_GONE;
}

int journal_seek_event(struct journal_reader *r, uint64_t seq, struct journal_position *out)
{
    struct journal_record record;
    const struct journal_want want = {.seq = seq};
    size_t index = segment_of(r->dir, seq, UINT32_MAX);
    int rc = find_from(r, index == NO_SEGMENT ? 0 : index, &want, out, &record);
    if (rc == 0 && record.seq == seq) {
        out->is_event = 1;
        out->seq = seq;
        out->check = record.check;
    }
    return rc;
}

int journal_seek_time(struct journal_reader *r, int64_t wall_ms, struct journal_position *out)
{
    struct journal_record record;
    const struct journal_want want = {.by_time = 1, .wall_ms = wall_ms};
    size_t low = 0, high = r->dir->count;
    while (low < high) { /* the first segment that was begun at or after the time */
        uint64_t lost;
        size_t mid = low + (high - low) / 2;
        int rc = open_at(r, mid, &lost);
        if (rc < 0) {
            return rc;
        }
        if (rc == 0 && r->seg.head.created_ms < wall_ms) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return find_from(r, low > 0 ? low - 1 : 0, &want, out, &record);
}

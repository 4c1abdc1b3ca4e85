/* SPDX-License-Identifier: MIT */
/* journal_reader: goes through a journal, segment by segment, and says what there is and what is
 * missing. */
#include "source/journal/reader.h"

#include "base/err.h"

#include <fcntl.h>
#include <string.h>

void journal_reader_init(struct journal_reader *r, struct journal_dir *dir)
{
    *r = (struct journal_reader){.dir = dir, .at = {.is_start = 1}};
    journal_seg_init(&r->seg);
}

void journal_reader_fini(struct journal_reader *r)
{
    journal_seg_fini(&r->seg);
}

/* ---- where it is ---- */

static void stand_before(struct journal_reader *r)
{
    r->at = (struct journal_position){.generation = r->generation,
                                      .epoch = r->epoch,
                                      .seq = r->seq,
                                      .offset = r->offset};
}

static void stand_on(struct journal_reader *r, uint64_t offset, const struct journal_record *record)
{
    r->at = (struct journal_position){.is_event = 1,
                                      .generation = r->generation,
                                      .epoch = r->epoch,
                                      .check = record->check,
                                      .seq = record->seq,
                                      .offset = offset};
}

static const char *detail_of(const char *reason)
{
    static const struct {
        const char *reason, *detail;
    } table[] = {
        {"expired", "older events are not kept any more"},
        {"deleted", "a file of the journal was deleted"},
        {"damaged", "a file of the journal is damaged"},
        {"truncated", "the journal's end was lost or overwritten"},
        {"replaced", "the journal was replaced by another one"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (strcmp(table[i].reason, reason) == 0) {
            return table[i].detail;
        }
    }
    return NULL;
}

int journal_reader_gap(struct journal_reader *r, struct journal_item *out, const char *reason,
                       int64_t bytes, int64_t events)
{
    *out = (struct journal_item){.reason = reason,
                                 .detail = detail_of(reason),
                                 .bytes = bytes,
                                 .events = r->is_doubtful ? -1 : events};
    r->is_doubtful = 0;
    stand_before(r);
    return JOURNAL_GAP;
}

/* ---- from segment to segment ---- */

void journal_reader_begin(struct journal_reader *r)
{
    r->generation = r->seg.head.generation;
    r->epoch = r->seg.name.epoch;
    r->seq = r->seg.name.first - 1;
    r->offset = JOURNAL_HEAD_BYTES;
    r->whole = 0;
    r->is_cut = 0;
    r->told = 0;
    r->has_begun = 1;
}

/* Stands at the beginning of a segment that was opened apart; the caller closes the old one. */
static void adopt(struct journal_reader *r, struct journal_seg *next)
{
    struct journal_seg old = r->seg;
    r->seg = *next;
    *next = old;
    journal_reader_begin(r);
}

/* What is missing between `before` and where the reader stands now. */
static int arrive(struct journal_reader *r, const struct journal_reader *before, uint64_t lost,
                  struct journal_item *out)
{
    uint64_t missing = r->seq > before->seq ? r->seq - before->seq : 0;
    int is_same = before->epoch == r->epoch;
    int is_oldest = journal_name_order(r->seg.name, r->dir->items[0]) == 0;
    if (lost > 0) {
        return journal_reader_gap(r, out, "damaged", (int64_t)lost,
                                  missing && is_same ? (int64_t)missing : -1);
    }
    /* An epoch before that of what was read: somebody deleted files, and numbers are used again. */
    int is_reused = before->has_begun && !is_same && before->seq >= r->seg.head.epoch_first
                    && r->seq >= r->seg.head.epoch_first;
    int is_doubtful = is_reused || (before->told != r->seg.head.epoch_first && before->epoch < r->seg.head.doubt)
                      || (before->has_begun && r->epoch < before->epoch);
    if (missing > 0) {
        return journal_reader_gap(r, out, is_oldest ? "expired" : "deleted", -1,
                                  is_doubtful ? -1 : (int64_t)missing);
    }
    if (is_doubtful) {
        return journal_reader_gap(r, out, "damaged", -1, -1);
    }
    if (before->seq > r->seq) {
        return journal_reader_gap(r, out, "truncated", -1, -1);
    }
    stand_before(r);
    return 0;
}

int journal_reader_enter(struct journal_reader *r, size_t index, uint64_t lost,
                         struct journal_item *out)
{
    struct journal_reader before = *r;
    struct journal_seg next;
    int rc = ERR_GONE;
    journal_seg_init(&next);
    for (; index < r->dir->count && (rc == ERR_GONE || rc == ERR_INVALID); index++) {
        rc = journal_seg_open(&next, r->dir, r->dir->items[index], O_RDONLY);
        lost += rc == ERR_INVALID ? next.size : 0;
    }
    if (rc == ERR_GONE || rc == ERR_INVALID) {
        rc = JOURNAL_IDLE;
    } else if (rc == 0 && before.has_begun && next.head.generation != r->generation) {
        rc = journal_reader_replace(r, out);
    } else if (rc == 0) {
        adopt(r, &next);
        rc = arrive(r, &before, lost, out);
    }
    journal_seg_fini(&next);
    return rc;
}

int journal_reader_replace(struct journal_reader *r, struct journal_item *out)
{
    r->has_begun = 0;
    r->is_replaced = 0;
    int rc = journal_reader_enter(r, 0, 0, out);
    if (rc == 0 || rc == JOURNAL_GAP) {
        return journal_reader_gap(r, out, "replaced", -1, -1);
    }
    r->has_begun = 1;
    return rc;
}

/* At the end of a segment, with `lost` bytes of it that make no sense. */
static int leave(struct journal_reader *r, uint64_t lost, struct journal_item *out)
{
    size_t index = journal_dir_at_or_after(r->dir, r->seg.name);
    if (index < r->dir->count && journal_name_order(r->dir->items[index], r->seg.name) == 0) {
        index++;
    }
    return journal_reader_enter(r, index, lost, out);
}

/* ---- what is in a segment ---- */

/* 1 when the batch that begins here is whole; then r->whole is after it. */
static int is_whole(struct journal_reader *r)
{
    uint64_t at = r->offset;
    for (;;) {
        struct journal_record record;
        int rc = journal_seg_record(&r->seg, at, &record);
        if (rc == JOURNAL_BAD) {
            uint64_t next;
            rc = journal_seg_resync(&r->seg, at + JOURNAL_ALIGN, r->seq, &next, &record);
            r->whole = rc > 0 ? next : r->whole;
            return rc; /* something was written after it: it had been whole */
        }
        if (rc != JOURNAL_THERE) {
            return rc < 0 ? rc : 0;
        }
        at += journal_record_size(&record);
        if (record.flags & (JOURNAL_LAST | JOURNAL_SEAL)) {
            r->whole = at;
            return 1;
        }
    }
}

static int take(struct journal_reader *r, const struct journal_record *record,
                struct journal_item *out)
{
    const unsigned char *body;
    uint64_t at = r->offset;
    if (record->seq > r->seq + 1) {
        uint64_t missing = record->seq - 1 - r->seq;
        r->seq = record->seq - 1;
        return journal_reader_gap(r, out, "damaged", -1, (int64_t)missing);
    }
    int rc = journal_seg_body(&r->seg, at, record, &body);
    if (rc < 0) {
        return rc;
    }
    r->seq = record->seq;
    r->offset = at + journal_record_size(record);
    r->wall_ms = record->wall_ms;
    if (rc == 0) {
        rc = journal_reader_gap(r, out, "damaged", (int64_t)journal_record_size(record), 1);
        stand_on(r, at, record); /* its head is good: by it a look tells whether it is still there */
        return rc;
    }
    *out = (struct journal_item){
        .record = *record,
        .name = (const char *)body,
        .data = (const char *)body + record->name_len,
    };
    stand_on(r, at, record);
    return JOURNAL_EVENT;
}

/* Passes over what is no record. JOURNAL_IDLE: to the end of the segment. */
static int skip(struct journal_reader *r, struct journal_item *out)
{
    uint64_t next;
    struct journal_record record;
    int rc = journal_seg_resync(&r->seg, r->offset + JOURNAL_ALIGN, r->seq, &next, &record);
    if (rc <= 0) {
        return rc < 0 ? rc : JOURNAL_IDLE;
    }
    uint64_t last = record.flags & JOURNAL_SEAL ? record.seq : record.seq - 1;
    uint64_t missing = last > r->seq ? last - r->seq : 0;
    uint64_t lost = next - r->offset;
    r->seq += missing;
    r->offset = next;
    int is_counted = !(record.flags & JOURNAL_BROKEN);
    return journal_reader_gap(r, out, "damaged", (int64_t)lost, is_counted ? (int64_t)missing : -1);
}

int journal_reader_stand_at_end(struct journal_reader *r, uint64_t seq)
{
    struct journal_end e;
    struct journal_record record;
    int rc = journal_seg_end(&r->seg, &e);
    if (rc) {
        return rc;
    }
    r->offset = e.end;
    r->seq = e.seq;
    /* Of a batch that is not whole any more. */
    while ((rc = journal_seg_record(&r->seg, r->offset, &record)) == JOURNAL_THERE
           && !(record.flags & JOURNAL_SEAL) && record.seq <= seq) {
        r->offset += journal_record_size(&record);
        r->seq = record.seq;
    }
    return rc < 0 ? rc : 0;
}

/* What was passed last is not there any more: goes on after what is. */
static int recover(struct journal_reader *r, struct journal_item *out)
{
    uint64_t at;
    struct journal_record record;
    const struct journal_want want = {.seq = r->seq + 1};
    r->is_cut = 0;
    r->whole = 0;
    int is_new = r->wall_ms > 0 && r->seg.head.created_ms > r->wall_ms;
    int rc = is_new ? 1 : journal_seg_find(&r->seg, r->seg.size, &want, &at, &record);
    if (is_new) { /* all of it came after what was handed out */
        r->offset = JOURNAL_HEAD_BYTES;
        r->seq = r->seg.head.first - 1;
    } else if (rc == 1) {
        r->offset = at;
        r->seq = record.seq - 1;
    } else if (rc == 0) {
        rc = journal_reader_stand_at_end(r, r->seq);
    }
    return rc < 0 ? rc : journal_reader_gap(r, out, "truncated", -1, -1);
}

/* ---- steps ---- */

/* 1 when the folder has a segment after the one that is open. */
static int has_next(const struct journal_reader *r)
{
    size_t count = r->dir->count;
    return count > 0 && journal_name_order(r->dir->items[count - 1], r->seg.name) > 0;
}

/* The end of the segment, as far as it is known. `lost` as of leave(). 0: look again. */
static int at_end(struct journal_reader *r, uint64_t lost, const struct journal_position *limit,
                  struct journal_item *out)
{
    uint64_t size = r->seg.size;
    if (!limit && !r->is_orphan && !r->is_replaced && !has_next(r)) {
        return JOURNAL_IDLE; /* what was written since is seen by the next look */
    }
    int rc = journal_seg_look(&r->seg); /* it may have grown before the next one was made */
    if (rc || r->seg.size != size) {
        return rc;
    }
    if (r->is_orphan && !r->is_replaced) {
        const struct journal_position at = r->at;
        r->is_orphan = 0;
        rc = journal_reader_seek(r, &at, out);
        return rc == ERR_GONE ? JOURNAL_IDLE : rc;
    }
    rc = leave(r, lost, out);
    if (rc != JOURNAL_IDLE) {
        return rc;
    }
    if (r->is_replaced) {
        return journal_reader_replace(r, out);
    }
    if (limit) { /* it was there once */
        uint64_t missing = limit->seq > r->seq ? limit->seq - r->seq : 0;
        r->epoch = limit->epoch;
        r->seq = limit->seq;
        r->offset = limit->offset;
        rc = journal_reader_gap(r, out, "truncated", -1, missing ? (int64_t)missing : -1);
        r->at = *limit;
    }
    return rc;
}

/* What could not be read has a place, but perhaps no number. */
static int is_reached(const struct journal_reader *r, const struct journal_position *limit)
{
    int order = journal_order(r->epoch, r->seq, limit->epoch, limit->seq);
    return order > 0 || (order == 0 && (limit->is_event || r->offset >= limit->offset));
}

int journal_reader_step(struct journal_reader *r, const struct journal_position *limit,
                        struct journal_item *out)
{
    int rc = r->has_begun ? 0 : journal_reader_enter(r, 0, 0, out);
    while (rc == 0) {
        struct journal_record record;
        if (r->is_cut) {
            return recover(r, out);
        }
        if (limit && is_reached(r, limit)) {
            return JOURNAL_IDLE;
        }
        int there = journal_seg_record(&r->seg, r->offset, &record);
        if (there < 0) {
            return there;
        }
        int is_seal = there == JOURNAL_THERE && (record.flags & JOURNAL_SEAL);
        r->told = is_seal && (record.flags & JOURNAL_BROKEN) ? record.seq + 1 : r->told;
        if (there == JOURNAL_THERE && !is_seal && record.seq > r->seq) {
            int is_ready = limit || r->offset < r->whole || (record.flags & JOURNAL_LAST);
            rc = is_ready ? 1 : is_whole(r);
            if (rc) {
                return rc < 0 ? rc : take(r, &record, out);
            }
        } else if (there <= JOURNAL_THERE && !is_seal) {
            there = JOURNAL_BAD; /* a number that was there before */
        }
        rc = there == JOURNAL_BAD ? skip(r, out) : JOURNAL_IDLE;
        if (rc == JOURNAL_IDLE) {
            uint64_t rest = is_seal || r->seg.size < r->offset ? 0 : r->seg.size - r->offset;
            rc = at_end(r, rest, limit, out);
        }
    }
    return rc;
}

int journal_reader_to_end(struct journal_reader *r)
{
    struct journal_seg next;
    struct journal_end e;
    int rc = ERR_GONE;
    journal_seg_init(&next);
    for (size_t i = r->dir->count; i > 0 && (rc == ERR_GONE || rc == ERR_INVALID); i--) {
        rc = journal_seg_open(&next, r->dir, r->dir->items[i - 1], O_RDONLY);
    }
    rc = rc ? rc : journal_seg_end(&next, &e);
    if (rc == 0) {
        adopt(r, &next);
        r->offset = e.end;
        r->seq = e.seq;
        stand_before(r);
        if (e.last_at > 0 && e.last.seq == e.seq) {
            stand_on(r, e.last_at, &e.last);
        }
    }
    journal_seg_fini(&next);
    return rc == ERR_GONE || rc == ERR_INVALID ? 0 : rc;
}

/* SPDX-License-Identifier: MIT */
/* journal_look: whether what a reader has passed is still there, when files may have changed. */
#include "source/journal/reader.h"

#include "base/err.h"

#include <fcntl.h>
#include <sys/stat.h>

/* 1 when a good record lies across this place, where none begins. Rare, so it may walk. */
static int is_overwritten(struct journal_reader *r, uint64_t place)
{
    struct journal_record record;
    uint64_t at = JOURNAL_HEAD_BYTES;
    for (;;) {
        int rc = journal_seg_resync(&r->seg, at, 0, &at, &record);
        if (rc <= 0 || at >= place) {
            return rc < 0 ? rc : 0;
        }
        at += journal_record_size(&record);
        if (at > place) {
            return 1;
        }
    }
}

/* What was handed out last is no record by now. Where it is damaged, what follows it counts. */
static int look_behind(struct journal_reader *r)
{
    struct journal_record record;
    int rc = journal_seg_record(&r->seg, r->offset, &record);
    if (rc >= 0) {
        int is_odd = rc == JOURNAL_PART || rc == JOURNAL_BAD;
        rc = is_odd ? 1 : is_overwritten(r, r->at.offset);
    }
    r->is_cut = rc == 1;
    return rc < 0 ? rc : 0;
}

/* The same where no event was handed out. */
static int look_ahead(struct journal_reader *r)
{
    struct journal_record record;
    int rc = journal_seg_record(&r->seg, r->offset, &record);
    if (rc == JOURNAL_BAD) {
        rc = is_overwritten(r, r->offset);
        r->is_cut = rc == 1;
    }
    return rc < 0 ? rc : 0;
}

static int look_at(struct journal_reader *r)
{
    struct journal_record record;
    const struct journal_position *at = &r->at;
    int rc = journal_seg_record(&r->seg, at->offset, &record);
    if (rc < 0) {
        return rc;
    }
    r->is_doubtful = rc == JOURNAL_BAD;
    if (r->is_doubtful) {
        return look_behind(r);
    }
    r->is_cut = rc == JOURNAL_THERE && (record.seq != at->seq || record.check != at->check);
    return 0;
}

int journal_reader_look(struct journal_reader *r)
{
    const struct journal_position *at = &r->at;
    int rc = r->has_begun ? journal_seg_look(&r->seg) : 0;
    if (rc || !r->has_begun || r->is_cut) {
        return rc;
    }
    if (r->seg.size < r->offset) {
        r->is_cut = 1;
        return 0;
    }
    int is_here = at->epoch == r->epoch && at->seq == r->seq && at->seq >= r->seg.name.first;
    if (is_here && at->is_event) {
        return look_at(r);
    }
    return is_here && r->offset > JOURNAL_HEAD_BYTES ? look_ahead(r) : 0;
}

/* 1 when one of the first `count` segments is of an epoch after the reader's: numbers that it has passed
 * are used again there. */
static int has_later_before(const struct journal_reader *r, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (r->dir->items[i].epoch > r->epoch) {
            return 1;
        }
    }
    return 0;
}

/* 1 when what was handed out last is in the segment, and nothing was passed since. */
static int has_passed(struct journal_reader *r)
{
    struct journal_record record;
    if (!r->at.is_event || r->at.seq != r->seq) {
        return 0;
    }
    int rc = journal_seg_record(&r->seg, r->at.offset, &record);
    return rc < 0 ? rc
                  : rc == JOURNAL_THERE && record.seq == r->at.seq && record.check == r->at.check;
}

/* Another file goes by the name of the one that is open: goes on in it, if the place is there. */
static int take_namesake(struct journal_reader *r)
{
    struct journal_seg next;
    struct stat st;
    size_t i = journal_dir_at_or_after(r->dir, r->seg.name);
    if (!r->has_begun || fstat(r->seg.fd, &st) || st.st_nlink > 0) {
        return 0;
    }
    r->is_orphan = i > 0 && (i == r->dir->count || has_later_before(r, i));
    if (i == r->dir->count || journal_name_order(r->dir->items[i], r->seg.name) != 0) {
        return 0;
    }
    journal_seg_init(&next);
    int rc = journal_seg_open(&next, r->dir, r->seg.name, O_RDONLY);
    if (rc == 0 && next.head.generation == r->generation) {
        struct journal_seg old = r->seg;
        r->seg = next;
        next = old;
        r->whole = 0;
        rc = has_passed(r);
        r->is_cut = rc == 0;
        rc = rc < 0 ? rc : 0;
    }
    journal_seg_fini(&next);
    return rc == ERR_GONE || rc == ERR_INVALID ? 0 : rc;
}

int journal_reader_check(struct journal_reader *r)
{
    struct journal_seg seg;
    int rc = ERR_GONE;
    journal_seg_init(&seg);
    for (size_t i = r->dir->count; i > 0 && (rc == ERR_GONE || rc == ERR_INVALID); i--) {
        rc = journal_seg_open(&seg, r->dir, r->dir->items[i - 1], O_RDONLY);
    }
    if (rc == 0) {
        r->is_replaced = r->has_begun && seg.head.generation != r->generation;
    }
    journal_seg_fini(&seg);
    if (rc == ERR_GONE || rc == ERR_INVALID) {
        return 0; /* there is nothing that could be read instead */
    }
    return rc ? rc : take_namesake(r);
}

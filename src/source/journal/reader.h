/* SPDX-License-Identifier: MIT */
/* journal_reader: goes through a journal, segment by segment, and says what there is and what is
 * missing. It follows the end, or reads up to a limit; it takes no lock. */
#ifndef SOURCE_JOURNAL_READER_H
#define SOURCE_JOURNAL_READER_H

#include "source/journal/seg.h"

struct journal_reader {
    struct journal_dir *dir; /* as it was listed last */
    struct journal_seg seg;
    uint64_t generation;
    uint32_t epoch;
    uint64_t seq;    /* the last that was passed, be it as missing */
    uint64_t offset; /* of what comes next, in `seg` */
    int64_t wall_ms; /* of the last event that was handed out; 0: there was none */
    uint64_t whole;  /* following: records that begin before it belong to whole batches */
    int has_begun;   /* otherwise there was no journal yet */
    int is_cut;      /* what was passed last is not there any more */
    int is_doubtful; /* or perhaps not: it cannot be read */
    uint64_t told;   /* that events were lost before the epoch that begins with this number; 0: of none */
    int is_orphan;   /* its file was deleted, and what follows it may come before it by name */
    int is_replaced; /* the folder has another journal */
    struct journal_position at; /* of what was handed out last, or where it began */
};

/* What one step gives. Pointers are good until the next one. */
struct journal_item {
    struct journal_record record;
    const char *name; /* not terminated: record.name_len */
    const char *data;
    const char *reason; /* of a gap; as of struct sse_gap */
    const char *detail;
    int64_t bytes, events;
};

enum journal_step {
    JOURNAL_EVENT = 1,
    JOURNAL_GAP = 2,
    JOURNAL_IDLE = 3 /* there is no more, or the limit is reached */
};

/* The folder is the caller's, who lists it. Stands at the start. */
void journal_reader_init(struct journal_reader *r, struct journal_dir *dir);
void journal_reader_fini(struct journal_reader *r);

/* Goes to the end of what there is; 0 also when there is nothing. ERR_IO, ERR_NOMEM. */
int journal_reader_to_end(struct journal_reader *r);

/* Goes to a position. 0; JOURNAL_GAP when it cannot be honoured, with what is missing, and the reader
 * stands where it can go on, which is the end for one that is ahead of it; ERR_GONE: there is no
 * journal; ERR_IO, ERR_NOMEM. */
int journal_reader_seek(struct journal_reader *r, const struct journal_position *to,
                        struct journal_item *out);

/* The next thing, up to `limit` (NULL: follow the end, whole batches only), and r->at says where it
 * is. Answers one of enum journal_step, ERR_IO or ERR_NOMEM. */
int journal_reader_step(struct journal_reader *r, const struct journal_position *limit,
                        struct journal_item *out);

/* To be called before steps that are to see what was written since. ERR_IO, ERR_NOMEM. */
int journal_reader_look(struct journal_reader *r);

/* To be called when the folder was listed: looks whose segments these are. ERR_IO, ERR_NOMEM. */
int journal_reader_check(struct journal_reader *r);

/* Within the room: seeking and stepping share these. */

/* Fills in a gap's item, and r->at. Answers JOURNAL_GAP. */
int journal_reader_gap(struct journal_reader *r, struct journal_item *out, const char *reason,
                       int64_t bytes, int64_t events);

/* Stands at the beginning of the segment that is open. */
void journal_reader_begin(struct journal_reader *r);

/* Stands at the end of what is left in the segment, after the events up to `seq`, which were handed out.
 * ERR_IO, ERR_NOMEM. */
int journal_reader_stand_at_end(struct journal_reader *r, uint64_t seq);

/* Goes to the first segment from `index` on that can be read, and answers as seek does, or JOURNAL_IDLE
 * when there is none. `lost` is how many bytes are damaged before it. */
int journal_reader_enter(struct journal_reader *r, size_t index, uint64_t lost,
                         struct journal_item *out);

/* The same with the oldest segment of another journal than the one that was read. */
int journal_reader_replace(struct journal_reader *r, struct journal_item *out);

#endif

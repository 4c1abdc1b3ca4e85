/* SPDX-License-Identifier: MIT */
/* journal_seg: one segment of a journal: reading its records, and finding one. */
#ifndef SOURCE_JOURNAL_SEG_H
#define SOURCE_JOURNAL_SEG_H

#include "source/journal/dir.h"
#include "source/journal/format.h"

struct journal_seg {
    int fd; /* -1: none */
    struct journal_name name;
    struct journal_head head;
    uint64_t size; /* of the file, when it was looked at last */
    unsigned char *block; /* what was read last */
    uint64_t block_at;
    size_t block_len, block_cap;
};

/* What there is at an offset. */
enum journal_there {
    JOURNAL_THERE = 1, /* a record, and all of it is in the file */
    JOURNAL_END = 2,   /* the end of the file */
    JOURNAL_PART = 3,  /* the beginning of a record, it seems, and the end of the file */
    JOURNAL_BAD = 4    /* no record */
};

/* Zeroed storage but for fd = -1 is ready for use. */
void journal_seg_init(struct journal_seg *s);

/* Opens a segment (and closes the one that was open) and reads its head. `flags` as of open(2). ERR_GONE:
 * it is not there, or its head is not finished yet: with O_RDWR that one is open all the same.
 * ERR_INVALID: its head is damaged, and it is open. ERR_IO, ERR_NOMEM. Where nothing is opened,
 * it stays as it was before. */
int journal_seg_open(struct journal_seg *s, const struct journal_dir *d, struct journal_name name,
                     int flags);

/* Closes it; keeps the memory for the next. */
void journal_seg_close(struct journal_seg *s);
void journal_seg_fini(struct journal_seg *s);

/* Reads the head again. Errors as of open. */
int journal_seg_head(struct journal_seg *s);

/* Looks how long the file is by now, and forgets what was read. ERR_IO. */
int journal_seg_look(struct journal_seg *s);

/* Answers one of enum journal_there, ERR_IO or ERR_NOMEM. *out is set for JOURNAL_THERE. */
int journal_seg_record(struct journal_seg *s, uint64_t offset, struct journal_record *out);

/* The bytes after a record's head, good until the next call; 1 or 0 for damaged ones. ERR_IO, ERR_NOMEM. */
int journal_seg_body(struct journal_seg *s, uint64_t offset, const struct journal_record *r,
                     const unsigned char **out);

/* The next record at or after an offset whose number is at least `least`. 1 when there is one, 0 when not;
 * ERR_IO, ERR_NOMEM. */
int journal_seg_resync(struct journal_seg *s, uint64_t from, uint64_t least, uint64_t *offset,
                       struct journal_record *out);

/* What is looked for: the first event whose number, or time, is at least `target`. */
struct journal_want {
    int by_time;
    uint64_t seq;
    int64_t wall_ms;
};

/* Finds it below `limit`. 1, or 0 when there is none; ERR_IO, ERR_NOMEM. */
int journal_seg_find(struct journal_seg *s, uint64_t limit, const struct journal_want *want,
                     uint64_t *offset, struct journal_record *out);

/* Where the last whole batch ends. */
struct journal_end {
    uint64_t end;
    uint64_t seq;    /* the last event's number, be it damaged; first - 1 where there is none */
    int64_t wall_ms; /* its time, or the head's */
    uint64_t last_at; /* where the last good record of an event begins; 0: there is none */
    struct journal_record last;
    int is_sealed; /* a seal is at `end` */
    int is_broken; /* as its seal says */
};

/* Finds it. ERR_IO, ERR_NOMEM. The second goes on from what was found before. */
int journal_seg_end(struct journal_seg *s, struct journal_end *out);
int journal_seg_end_more(struct journal_seg *s, struct journal_end *e);

#endif

/* SPDX-License-Identifier: MIT */
/* tail_marks: places in many files at once, kept under short names (source/marks.h), so that positions
 * can refer to them. The text of one is "TAG.POSITION TAG.POSITION ...". */
#ifndef SOURCE_TAIL_MARKS_H
#define SOURCE_TAIL_MARKS_H

#include "source/marks.h"
#include "source/tail/position.h"

#include <stddef.h>
#include <stdint.h>

#define TAIL_MANY_MAX 256 /* files of one stream */
#define TAIL_MARKS_READY 16 /* those last used are ready for use */

struct log;

/* One file of a stream and the place in it. */
struct tail_mark {
    uint64_t tag; /* of the file's path, TAIL_TAG_BITS */
    struct tail_position at;
};

#define TAIL_TAG_CHARS 10
#define TAIL_TAG_BITS 60

/* Places that do not change any more; shared. */
struct tail_base {
    unsigned refs;
    uint64_t name; /* 60 bits */
    size_t count;
    struct tail_mark items[];
};

struct tail_marks {
    struct source_marks kept;
    struct tail_base *ready[TAIL_MARKS_READY];
    size_t ready_next;
};

/* `state_dir` may be NULL. Touches no file yet. ERR_NOMEM. */
int tail_marks_init(struct tail_marks *m, const char *stream, const char *state_dir,
                    const struct log *log);
void tail_marks_fini(struct tail_marks *m);

/* Keeps a place; at most TAIL_MANY_MAX items. *out gets a reference for the caller, and what it
 * referred to before (may be NULL) is let go. ERR_NOMEM. */
int tail_marks_put(struct tail_marks *m, const struct tail_mark *items, size_t count,
                   struct tail_base **out);

/* Finds one by its name; *out as above. ERR_GONE: it is not there, or not any more. ERR_NOMEM. */
int tail_marks_get(struct tail_marks *m, uint64_t name, struct tail_base **out);

/* Sees to it that a base that positions are still made of does not go with the older file. */
void tail_marks_renew(struct tail_marks *m, const struct tail_base *b);

struct tail_base *tail_base_ref(struct tail_base *b);
void tail_base_unref(struct tail_base *b);

#endif

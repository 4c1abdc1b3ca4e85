/* SPDX-License-Identifier: MIT */
/* journal_dir: a journal's folder: which segments there are.
 *
 * STATE_DIR/topics/NAME/ holds SEQ.EPOCH.seg: the number of a segment's first record in 20 digits, and its
 * epoch in 10. Ordered by name they are ordered in time. */
#ifndef SOURCE_JOURNAL_DIR_H
#define SOURCE_JOURNAL_DIR_H

#include <stddef.h>
#include <stdint.h>

#define JOURNAL_SEGMENTS_MAX 100000 /* of one journal */
#define JOURNAL_FILE_CHARS 36       /* "SEQ.EPOCH.seg" and a NUL */

struct journal_name {
    uint64_t first;
    uint32_t epoch;
};

struct journal_dir {
    char *path;
    struct journal_name *items; /* in order */
    size_t count, cap;
    int is_there; /* the folder, when it was listed */
};

/* Touches no file. ERR_NOMEM. */
int journal_dir_init(struct journal_dir *d, const char *state_dir, const char *stream);
void journal_dir_fini(struct journal_dir *d);

/* How long the first `chars` of a stream's name are in its folder's. */
size_t journal_dir_chars(const char *stream, size_t chars);

/* Makes the folder and the one above it. ERR_IO. */
int journal_dir_make(const struct journal_dir *d);

/* Looks which segments there are; a folder that is not there has none. ERR_IO, ERR_NOMEM, and ERR_LIMIT
 * when there are more than JOURNAL_SEGMENTS_MAX: what was known stays then. */
int journal_dir_list(struct journal_dir *d);

/* The path of a segment; the caller frees it. NULL when out of memory. */
char *journal_dir_path(const struct journal_dir *d, struct journal_name name);

/* Puts on disk that a segment was made, and the folders. ERR_IO; ERR_AGAIN: too many files are open;
 * ERR_NOMEM. */
int journal_dir_sync(const struct journal_dir *d);

/* The index of the first segment that is not before this one; `count` when all are. */
size_t journal_dir_at_or_after(const struct journal_dir *d, struct journal_name name);

int journal_name_order(struct journal_name a, struct journal_name b);

#endif

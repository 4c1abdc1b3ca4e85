/* SPDX-License-Identifier: MIT */
/* tail_files: which files a log consists of by now, and in which order its lines lie in them.
 *
 * Without patterns, a rotated file has the log's name and a number or a date behind it, or before
 * its extension: app.log.1, app.log-20261121.gz, app-20261121.log. Numbers count back in
 * time, or forth where the times of the last writes say so; other names are ordered by these times,
 * then by name. The file that the path leads to is last. */
#ifndef SOURCE_TAIL_FILES_H
#define SOURCE_TAIL_FILES_H

#include "source/tail/file.h"

#include <stddef.h>

struct conf_list;

#define TAIL_FILES_MAX 4096 /* files of one log; of more, the oldest are left out */

/* Where a log's files are looked for. */
struct tail_names {
    const char *path; /* borrowed, as `rotated` is */
    int follow;
    const struct conf_list *rotated; /* patterns; none for the usual names */
    char *folder;
    const char *base;
};

/* Oldest first. */
struct tail_files {
    struct tail_file **items;
    size_t count;
    size_t cap;
};

/* Borrows path and patterns. ERR_NOMEM. */
int tail_names_init(struct tail_names *n, const char *path, int follow,
                    const struct conf_list *rotated);
void tail_names_fini(struct tail_names *n);

/* Looks at the folders until two looks agree, so that a rotation in between hides nothing. A
 * log without any file is an empty list. `out` is zeroed storage or a list to be replaced, which
 * stays as it was on failure. ERR_NOMEM, ERR_IO, ERR_AGAIN when it would not stand still. */
int tail_files_scan(const struct tail_names *n, struct tail_files *out);

/* Puts an open file, which may have lost its name, where it belongs: in its own place, in that of
 * its compressed copy, or else where its last write puts it. Of several, the youngest first.
 * ERR_NOMEM. */
int tail_files_hold(struct tail_files *l, struct tail_file *held);

/* The index of that file; `count` when it is not there. */
size_t tail_files_index(const struct tail_files *l, const struct tail_stat *st);

/* The index of the first file that may hold lines younger than the generation `label`, which is
 * in none of them; `count` when there is none. Files last written before that generation was born are
 * older; with `by_birth` those born before it are, too, which is likely but not certain: a file that is
 * truncated and goes on being written is as old as its first lines. */
size_t tail_files_after(const struct tail_files *l, struct tail_label label, int by_birth);

/* The index of the first file from `from` on that holds anything; `count` when none does. */
size_t tail_files_next(const struct tail_files *l, size_t from);

/* Appends one more reference, whatever its age. ERR_NOMEM. */
int tail_files_add(struct tail_files *l, struct tail_file *f);

/* Takes one file out of the list. */
void tail_files_remove(struct tail_files *l, size_t at);

void tail_files_fini(struct tail_files *l);

#endif

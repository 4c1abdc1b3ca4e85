/* SPDX-License-Identifier: MIT */
/* tail_glob: which paths a stream's patterns match, and what the files are called in its events. */
#ifndef SOURCE_TAIL_GLOB_H
#define SOURCE_TAIL_GLOB_H

#include <stddef.h>

struct conf_list;

#define TAIL_GLOB_MAX 1024          /* paths; of more, those that were met last are left out */
#define TAIL_GLOB_ENTRIES_MAX 65536 /* of folders, looked at in one scan */

struct tail_glob_path {
    char *path;
    const char *name; /* within the path: what follows the pattern's fixed folder; or all of it,
                         where an earlier pattern might call another file so */
    int is_literal;   /* named by a pattern without wildcards: followed even while missing */
};

struct tail_glob {
    struct tail_glob_path *items; /* by path, each once */
    size_t count;
    size_t cap;
    size_t entries;
    int is_cut;          /* a limit was met */
    size_t bad_names;    /* left out, for control bytes in them */
};

/* Walks the folders. With `with_rotated`, a log of which only rotated files are there is found,
 * too. Folders that cannot be read hold nothing. ERR_NOMEM. */
int tail_glob_scan(const struct conf_list *patterns, int with_rotated, struct tail_glob *out);
void tail_glob_fini(struct tail_glob *g);

/* The length of a pattern's fixed folder with its slash: all before the first name with a wildcard, or
 * before the last name. */
size_t tail_glob_fixed(const char *pattern);

int tail_glob_is_literal(const char *pattern);

#endif

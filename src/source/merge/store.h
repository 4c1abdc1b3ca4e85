/* SPDX-License-Identifier: MIT */
/* merge_store: the bases that positions in several streams refer to, for all merges of a process; in
 * STATE_DIR/several.marks for every other one (source/marks.h). */
#ifndef SOURCE_MERGE_STORE_H
#define SOURCE_MERGE_STORE_H

#include "source/marks.h"
#include "source/merge/id.h"

#define MERGE_STORE_READY 16 /* bases last used are ready for use */

struct merge_ready {
    struct merge_base base;
    int is_written; /* to the file in use */
};

struct merge_store {
    unsigned refs;
    struct source_marks kept;
    uint64_t file; /* the one in use, when it was last looked at */
    struct merge_ready ready[MERGE_STORE_READY];
    size_t ready_next;
};

/* `state_dir` may be NULL: then no other process knows the bases. ERR_NOMEM. */
int merge_store_new(struct merge_store **out, const char *state_dir, const struct log *log);
struct merge_store *merge_store_ref(struct merge_store *s);
void merge_store_unref(struct merge_store *s);

/* Makes a place, of one stream or more, a base. */
void merge_store_put(struct merge_store *s, const struct merge_place *p, struct merge_base *out);

/* ERR_GONE: there is none of that name, or not any more. ERR_NOMEM. */
int merge_store_get(struct merge_store *s, uint64_t name, struct merge_base *out);

/* New texts are to refer to this base: it must not go with the older file. */
void merge_store_use(struct merge_store *s, const struct merge_base *b);

/* The same for one that is used all the time; `*file` begins as `s->file` when the base was made. */
void merge_store_renew(struct merge_store *s, const struct merge_base *b, uint64_t *file);

#endif

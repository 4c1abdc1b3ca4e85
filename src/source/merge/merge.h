/* SPDX-License-Identifier: MIT */
/* merge: several streams as one: a source made of sources, which it knows by the contract only.
 *
 * Its position is the positions of all of them (merge_id.h). Each event of a member moves the member's
 * place and leaves the others. Who opened the members hands what they send to merge_input() as well, so
 * the merge's head is the members' heads at every moment. Between members there is no order but that
 * in which things come. */
#ifndef SOURCE_MERGE_MERGE_H
#define SOURCE_MERGE_MERGE_H

#include "source/merge/id.h"
#include "source/source.h"

struct merge_store;

/* Both outlive the merge. */
struct merge_member {
    const char *name;
    struct source *source;
    int has_ended; /* its end came to its readers already */
};

struct merge_setup {
    const struct merge_member *members; /* of different names, 1 to MERGE_MEMBERS_MAX; copied */
    size_t count;
    int is_raw; /* events keep their data as it is, and do not name their stream */
    struct merge_store *store;
};

/* Opens it at the members' heads. ERR_NOMEM. */
int merge_open(struct source **out, const struct merge_setup *setup,
               const struct source_host *host);

/* Where a member's new events go in, from the moment of merge_open. */
const struct sse_out *merge_input(struct source *s, size_t member);

/* Tells the end, where all members had ended before. Once, when `live` is ready. */
void merge_start(struct source *s);

/* Reads an id of this set of streams or of another, and writes it as one of this set: members that it
 * does not name begin now. ERR_UNKNOWN: it names none of them, or cannot be read. */
int merge_adopt(struct source *s, const char *id, char out[SSE_POSITION_SIZE]);

/* To be called about every second. */
void merge_tick(struct source *s);

extern const struct source_type source_merge;

#endif

/* SPDX-License-Identifier: MIT */
/* merge_internal: what the files of this folder share. */
#ifndef SOURCE_MERGE_INTERNAL_H
#define SOURCE_MERGE_INTERNAL_H

#include "base/buf.h"
#include "source/merge/merge.h"
#include "source/merge/store.h"

#define MERGE_WRAP_BYTES (16 * 1024 * 1024 - 1024) /* of one event as JSON: its frame is still sent */
#define MERGE_WRAP_KEEP_BYTES 65536         /* more is given back after the event */

struct merge;

/* One member's way in. */
struct merge_input {
    struct merge *merge;
    size_t member;
    struct sse_out out;
};

struct merge {
    struct source base;
    const struct source_host *host;
    struct merge_store *store;
    struct merge_member members[MERGE_MEMBERS_MAX];
    struct merge_input inputs[MERGE_MEMBERS_MAX];
    size_t count;
    int is_raw;
    size_t turn;             /* which member a pull begins with */
    struct merge_place head; /* what was handed to `live` */
    struct merge_base using; /* what the head's text refers to, when it is not complete in itself */
    uint64_t file;           /* of merge_store_renew */
    char head_text[SSE_POSITION_SIZE];
    struct buf json;
};

/* Writes a place as short as it can, and keeps a base where one is needed: it is in *base then, which
 * is tried first. */
void merge_print(struct merge *m, const struct merge_place *p, struct merge_base *base,
                 char out[SSE_POSITION_SIZE]);

/* Reads a text and sorts it as the members are: those that it does not name are at the head. ERR_UNKNOWN,
 * ERR_NOMEM. */
int merge_read(struct merge *m, const char *text, struct merge_place *out, struct merge_base *base);

/* Hands on a member's event, gap or end, with another position. */
int merge_pass_event(struct merge *m, size_t member, const struct sse_event *e,
                     const char *position, const struct sse_out *to);
int merge_pass_gap(struct merge *m, size_t member, const struct sse_gap *gap, const char *position,
                   const struct sse_out *to);
int merge_pass_end(struct merge *m, size_t member, const char *data, const char *position,
                   const struct sse_out *to);

/* The contract's. */
int merge_pull(struct source *s, char position[SSE_POSITION_SIZE], const struct sse_out *page,
               size_t budget_bytes);

#endif

/* SPDX-License-Identifier: MIT */
/* merge_id: places in several streams as one position, to text and back. Pure.
 *
 * As far as they fit, all places are in the text, in the order of the streams' names:
 *
 *   m [TTTTT LENGTH POSITION]...
 *
 * a tag of the stream's name, then its position and how long that is. Where they do not fit it is the
 * name of a base, which merge_store keeps, and what has changed since:
 *
 *   n NNNNNNNNNN [INDEX PREFIX LENGTH REST]...
 *
 * an index as the difference to the one before, how much of the base's position stays, and what comes
 * after that. Numbers are letters of five bits with one that says "more follows". M and N say that all
 * the streams have ended and that this was told. */
#ifndef SOURCE_MERGE_ID_H
#define SOURCE_MERGE_ID_H

#include "sse/event.h"

#include <stddef.h>
#include <stdint.h>

#define MERGE_MEMBERS_MAX 16
#define MERGE_TAG_CHARS 10
#define MERGE_TAG_BITS 60
#define MERGE_BASE_BYTES (MERGE_MEMBERS_MAX * (MERGE_TAG_CHARS + 1 + SSE_POSITION_MAX + 1))

struct merge_part {
    uint64_t tag; /* of the stream's name */
    char at[SSE_POSITION_SIZE];
};

struct merge_place {
    size_t count;
    int has_short_tags; /* as they stand in the text that has it all */
    int is_over;
    struct merge_part parts[MERGE_MEMBERS_MAX];
};

/* A place that texts may refer to. */
struct merge_base {
    uint64_t name; /* 0: none */
    struct merge_place place;
};

/* What a stream's name is called in places. */
uint64_t merge_tag(const char *name);

/* The part of the stream with this tag; NULL when it has none. */
struct merge_part *merge_part_of(struct merge_place *p, uint64_t tag);

/* 1 when both are of the same streams, at the same places. */
int merge_place_equal(const struct merge_place *a, const struct merge_place *b);

/* All in the text. ERR_LIMIT: it does not fit. The tags must not be short ones, here and below. */
int merge_print_whole(const struct merge_place *p, char out[SSE_POSITION_SIZE]);

/* What differs from a base. ERR_LIMIT: it does not fit, or is of other streams. */
int merge_print_since(const struct merge_place *p, const struct merge_base *base,
                      char out[SSE_POSITION_SIZE]);

/* The base's name that the text refers to; 0 when it refers to none. */
uint64_t merge_base_name(const char *text);

/* Reads a text; `base` must be the one that it refers to, if it does. ERR_INVALID when the text is
 * none, or not one of that base's; *out is untouched then. */
int merge_parse(const char *text, const struct merge_base *base, struct merge_place *out);

/* Writes the text that keeps a base, "TAG.POSITION TAG.POSITION ...", and answers its length. */
size_t merge_base_write(const struct merge_place *p, char out[MERGE_BASE_BYTES]);

/* ERR_INVALID. */
int merge_base_read(const char *text, size_t len, struct merge_place *out);

#endif

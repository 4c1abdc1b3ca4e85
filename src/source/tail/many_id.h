/* SPDX-License-Identifier: MIT */
/* tail_many_id: a place in several files as the position of a stream, to text and back. Pure.
 *
 * Up to TAIL_MANY_INLINE files, as far as they fit, all is in the text; letters hold six bits each:
 *
 *   v TTT LLLLLLLLLLL HHHHHH BBBBB OFFSET [. the next file]...
 *
 * a tag of the file's path, then what a position in one file holds (tail_position.h). For more
 * files it is the name of a base, which tail_marks keeps, and which files have moved since then:
 *
 *   b NNNNNNNNNN [INDEX OFFSET CCCC]...
 *
 * index and offset as differences, in letters of five bits with one that says "more follows", and
 * 24 bits that check head and bytes before. While no file holds anything it is
 * TAIL_POSITION_START. */
#ifndef SOURCE_TAIL_MANY_ID_H
#define SOURCE_TAIL_MANY_ID_H

#include "source/tail/marks.h"

#define TAIL_MANY_INLINE 4

/* A place: what of each file has been read. Files that are not named have not been begun. */
struct tail_many_place {
    size_t count;
    int has_short_tags; /* as they stand in the inline form */
    struct tail_base *base; /* what the text may refer to; may be NULL */
    uint64_t like; /* a base's name: all items equal it, except those in `moved`; 0: no base's */
    uint64_t moved[TAIL_MANY_MAX / 64]; /* a bit each: the item may differ */
    struct tail_mark items[TAIL_MANY_MAX];
};

/* Changes an item; who changes items otherwise sets p->like to 0. */
void tail_many_move(struct tail_many_place *p, struct tail_mark *item,
                    const struct tail_position *at);

/* What a file's path is called in places. */
uint64_t tail_many_tag(const char *path);

/* 1 when an item's tag is that of a path whose tag is `tag`. */
int tail_many_is_tag(const struct tail_many_place *p, size_t item, uint64_t tag);

/* ERR_LIMIT: it needs a new base. */
int tail_many_print(struct tail_many_place *p, char out[SSE_POSITION_SIZE]);

/* 1 when the text is of one of these forms. */
int tail_many_is_valid(const char *text);

/* The base's name that the text refers to; 0 when it is complete in itself. */
uint64_t tail_many_base_name(const char *text);

/* Reads a text. p->base must be the base that it refers to, if it does; it is left in place.
 * ERR_INVALID when the text is none, or not one of that base's. */
int tail_many_parse(const char *text, struct tail_many_place *p);

#endif

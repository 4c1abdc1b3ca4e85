/* SPDX-License-Identifier: MIT */
/* tail_position: an address in a log, to text and back. Pure.
 *
 * "GGGGGGGGGGG.OFFSET.CCCCCCCCCCC": the generation, the offset of the byte after the line in
 * decimal, and a check of the file's bytes; each letter holds six bits. Everything in it can be
 * computed from the file alone, so every process writes the same text for the same line. A brief one
 * ends in ".~BBBB" or ".HHHHHH~BBBB" instead: it never leaves the process by itself. */
#ifndef SOURCE_TAIL_POSITION_H
#define SOURCE_TAIL_POSITION_H

#include "sse/event.h"

#include <stdint.h>

#define TAIL_HEAD_BYTES 1024  /* so many bytes from a file's start tell it from others */
#define TAIL_BEFORE_BYTES 128 /* so many before an offset tell whether they are the same still */

#define TAIL_LABEL_CHARS 11
#define TAIL_HEAD_CHARS 6

/* So many bits are left of both checks in a brief position. */
#define TAIL_BRIEF_BITS 24
#define TAIL_BRIEF_CHARS 4

/* The address before everything, given while there is no file at all. */
#define TAIL_POSITION_START "start"

/* What a generation is called in positions. */
struct tail_label {
    uint64_t birth_ms; /* when the file was made, 42 bits; 0 where that is unknown. When it was
                        * written to last, for a compressed one */
    uint32_t tag;      /* of device, inode and exact birth time, 23 bits; one tells compressed ones */
};

struct tail_position {
    struct tail_label label;
    uint64_t offset;
    uint64_t head;   /* of the first bytes, up to TAIL_HEAD_BYTES and up to `offset`; 36 bits */
    uint32_t before; /* of up to TAIL_BEFORE_BYTES before `offset`; 30 bits */
    int is_start;    /* TAIL_POSITION_START; nothing else counts then */
    int is_brief;    /* head and before are not known, only `brief`, which is made of them */
    int has_head;    /* of a brief one: head is known all the same */
    uint32_t brief;
};

#define TAIL_BIRTH_MASK ((1ULL << 42) - 1)
#define TAIL_TAG_MASK ((1U << 24) - 1)
#define TAIL_TAG_COMPRESSED (1U << 23)
#define TAIL_HEAD_MASK ((1ULL << 36) - 1)
#define TAIL_BEFORE_MASK ((1U << 30) - 1)

void tail_position_print(const struct tail_position *p, char out[SSE_POSITION_SIZE]);

/* Prints the positions of one file one after the other: what is the same for all its lines is
 * spelled once. Zeroed storage is ready for use. */
struct tail_printer {
    int is_ready;
    struct tail_label label;
    uint64_t head;
    char label_text[TAIL_LABEL_CHARS];
    char head_text[TAIL_HEAD_CHARS];
};

/* The same text as tail_position_print writes. */
void tail_printer_print(struct tail_printer *t, const struct tail_position *p,
                        char out[SSE_POSITION_SIZE]);

/* ERR_INVALID when the text was never printed by tail_position_print. */
int tail_position_parse(const char *text, struct tail_position *out);

int tail_label_equal(struct tail_label a, struct tail_label b);

/* What stands for both checks where there is no room for them. */
uint32_t tail_position_brief(uint64_t head, uint32_t before);

/* The same of a position, brief or not. */
uint32_t tail_position_brief_of(const struct tail_position *p);

/* 1 when both are the same place, as far as they tell. */
int tail_position_equal(const struct tail_position *a, const struct tail_position *b);

/* Numbers in letters of six bits, for what is made of positions. The first answers where it ended;
 * the second ERR_INVALID when there are other characters or too few. */
char *tail_letters_put(char *at, uint64_t value, int chars);
int tail_letters_take(const char *at, int chars, uint64_t *out);

#endif

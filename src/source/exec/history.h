/* SPDX-License-Identifier: MIT */
/* exec_history: what a program wrote lately, in memory: events, gaps and its end, numbered. Pure.
 *
 * A position is GENERATION.NUMBER. The generation is drawn when the stream is opened, and stays
 * while it is open, through restarts of the program: they are gaps among the events. */
#ifndef SOURCE_EXEC_HISTORY_H
#define SOURCE_EXEC_HISTORY_H

#include "sse/event.h"

#include <stddef.h>
#include <stdint.h>

enum exec_entry_kind { EXEC_ENTRY_EVENT, EXEC_ENTRY_GAP, EXEC_ENTRY_END };

/* What is put in; pointers are borrowed. */
struct exec_entry {
    enum exec_entry_kind kind;
    const char *name; /* of an event, NULL for none; of a gap, its reason */
    const char *data; /* of an event; of a gap, its detail; of the end, its JSON */
    size_t len;
    int64_t bytes; /* of a gap: what is missing; -1 where unknown */
};

struct exec_item; /* an entry as it is kept */

struct exec_history {
    uint64_t generation; /* 48 bits */
    uint64_t first;      /* the oldest that is kept */
    uint64_t next;       /* the number that comes next; the head is the one before it */
    size_t bytes, keep_bytes;
    struct exec_item **items; /* by number, modulo `cap`, a power of two */
    size_t cap;
    int has_ended; /* the last one is an end */
};

void exec_history_init(struct exec_history *h, uint64_t generation, size_t keep_bytes);
void exec_history_fini(struct exec_history *h);

/* Adds it, and forgets what is too old. One that is too large to be kept, or for which there is no
 * memory, has its number nevertheless. */
void exec_history_add(struct exec_history *h, const struct exec_entry *e);

/* Writes the position of a number. */
void exec_history_print(const struct exec_history *h, uint64_t number, char out[SSE_POSITION_SIZE]);

/* 1 when the text is of this form; the number is only then written, 0 for another generation's. */
int exec_history_parse(const struct exec_history *h, const char *text, int *is_ours,
                       uint64_t *number);

/* Hands an entry to `out` as what it is. Answers as the functions of struct sse_out. */
int exec_entry_hand(const struct exec_entry *e, const char *position, const struct sse_out *out);

/* As in struct source_type. */
int exec_history_back(const struct exec_history *h, uint64_t count, char out[SSE_POSITION_SIZE]);
int exec_history_before(const struct exec_history *h, const char *position, uint64_t count,
                        char start[SSE_POSITION_SIZE], char end[SSE_POSITION_SIZE]);
int exec_history_pull(const struct exec_history *h, char position[SSE_POSITION_SIZE],
                      const struct sse_out *page, size_t budget_bytes);

#endif

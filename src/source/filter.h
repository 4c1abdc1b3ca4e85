/* SPDX-License-Identifier: MIT */
/* filter: which lines a reader asked for: ?grep=, ?regex=, ?invert=, ?context=. Pure.
 *
 * With grep and regex a line must match both; invert turns the answer of the two round. */
#ifndef SOURCE_FILTER_H
#define SOURCE_FILTER_H

#include <stddef.h>

#define FILTER_PATTERN_MAX 512     /* bytes of either pattern */
#define FILTER_CONTEXT_MAX 100     /* lines around a match */
#define FILTER_MATCH_LIMIT 100000  /* steps for one line, as PCRE2 counts them */
#define FILTER_DEPTH_LIMIT 10000   /* of backtracking */
#define FILTER_HEAP_LIMIT_KIB 4096 /* for one line */
#define FILTER_JIT_STACK_BYTES (256 * 1024)

struct err;
struct filter;

/* The parameters as they came; NULL for those that did not. */
struct filter_want {
    const char *grep;
    const char *regex;
    const char *invert;
    const char *context;
};

/* *out gets NULL when nothing is to be filtered. ERR_INVALID: a parameter is wrong, and `err` names
 * it first; for a bad regex with PCRE2's words and the offset. ERR_NOMEM. */
int filter_new(struct filter **out, const struct filter_want *want, struct err *err);
void filter_free(struct filter *f);

/* 1 when the line is wanted, 0 when not. ERR_LIMIT: matching it would cost too much, so nobody
 * knows. ERR_NOMEM. */
int filter_match(struct filter *f, const char *line, size_t len);

/* For speed over history: how many of the first bytes of a block hold no wanted line; they end with
 * a line's end, unless it is the whole block. *is_found: what follows them may be wanted, or is
 * no whole line; otherwise only the block ends there, or so much was looked at that it is time to look
 * at the clock. The block begins where a line begins. */
size_t filter_find(struct filter *f, const char *block, size_t len, int *is_found);

/* 1 when looking at a line may cost much more than reading it. */
int filter_is_costly(const struct filter *f);

/* How many lines before and after a match are wanted, too. */
size_t filter_context(const struct filter *f);

#endif

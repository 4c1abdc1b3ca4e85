/* SPDX-License-Identifier: MIT */
/* usage: what each user has asked of each stream that answers, in a table with a bound. */
#ifndef APP_FIGURES_USAGE_H
#define APP_FIGURES_USAGE_H

#include <stddef.h>
#include <stdint.h>

#define USAGE_STREAMS 65    /* by number; whose they are is the caller's to know */
#define USAGE_USERS 64      /* named ones, a user of two streams counted twice; */
#define USAGE_OTHER "-/other" /* those of each stream that have no name are one more */
#define USAGE_MAX (USAGE_USERS + USAGE_STREAMS)
#define USAGE_NAME_BYTES 64

enum usage_end {
    USAGE_COMPLETE,
    USAGE_FAILED,      /* the source says so */
    USAGE_CANCELLED,   /* it was deleted, or left */
    USAGE_INTERRUPTED, /* its process ended, or there was no room to keep it */
    USAGE_ENDS
};

struct usage_counts {
    uint64_t questions;
    uint64_t ended[USAGE_ENDS];
    uint64_t prompt_tokens, completion_tokens;
    uint64_t events, bytes; /* of answers, as the source said them */
};

struct usage {
    uint64_t stream;
    char user[USAGE_NAME_BYTES]; /* "": nobody whom the web server has checked */
    struct usage_counts counts;
};

/* Words only, as struct figures is. Zeros are an empty one. */
struct usage_table {
    uint64_t count;
    struct usage list[USAGE_MAX];
};

/* Bytes that are in use. */
size_t usage_len(const struct usage_table *t);

/* Makes what stands in a file one that can be used. */
void usage_mend(struct usage_table *t);

/* The entry of a user, which is made if there is room; otherwise it is that of the stream's others.
 * A name that is too long, or no UTF-8, is theirs, too. `stream` is below USAGE_STREAMS. */
struct usage *usage_find(struct usage_table *t, uint64_t stream, const char *user);

/* Adds counts to an entry's. */
void usage_add(struct usage_counts *sum, const struct usage_counts *counts);

#endif

/* SPDX-License-Identifier: MIT */
/* tally: a folder in which unrelated processes note how many of each thing they have, and the sums. What
 * a process noted is gone when it ends, however it ends. */
#ifndef APP_FIGURES_TALLY_H
#define APP_FIGURES_TALLY_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct tally;

#define TALLY_PROCESSES 1024      /* with notes, at once */
#define TALLY_ENTRIES 65536       /* of one process, and sums in all */
#define TALLY_GATHERED 262144     /* entries of all processes together */
#define TALLY_FRESH_MS 500        /* sums that old, or older, are made anew */
#define TALLY_ABANDONED_MS 5000   /* and at this age without waiting for whoever is at it */

struct tally_entry {
    uint64_t key;
    uint64_t count;
};

/* Opens the folder, or makes it; it has to be this user's own. ERR_IO: it cannot be used, as `err`
 * says; ERR_GONE: others remove it all the time, try again; ERR_NOMEM. */
int tally_open(struct tally **out, const char *folder, struct err *err);

/* Sorts the entries by their keys and makes one of those with the same; answers how many are left. */
size_t tally_add_up(struct tally_entry *list, size_t count);

/* The count of a key in such a list; 0 when it is not there. */
uint64_t tally_find(const struct tally_entry *list, size_t count, uint64_t key);

/* Puts such a list in the place of what this process noted before. Nothing at all takes no place
 * among the processes. ERR_LIMIT: too many entries or processes; ERR_GONE: the folder was removed: close
 * it and open it anew; ERR_IO. On failure nothing is noted. */
int tally_note(struct tally *t, const struct tally_entry *list, size_t count, struct err *err);

/* Brings the sums up to date: reads those that another process made within TALLY_FRESH_MS, or makes them.
 * `now_ms` is of a clock that all processes share. Errors as above, and ERR_NOMEM. */
int tally_sum(struct tally *t, int64_t now_ms, struct err *err);

/* The sum of a key, as of the last tally_sum. */
uint64_t tally_get(const struct tally *t, uint64_t key);

/* Takes back what was noted; the last one removes the folder. */
void tally_close(struct tally *t);

#endif

/* SPDX-License-Identifier: MIT */
/* tally_file: a file that holds one record, the old one or the new, whoever is killed while writing it. */
#ifndef APP_FIGURES_TALLY_FILE_H
#define APP_FIGURES_TALLY_FILE_H

#include "app/figures/tally.h"

struct tally_list {
    struct tally_entry *at;
    size_t count, cap;
};

/* Makes room for so many entries in all. ERR_NOMEM. */
int tally_list_reserve(struct tally_list *l, size_t count);

/* Puts a record in the place of the last one; nobody else may be writing. At most TALLY_ENTRIES. ERR_IO, and
 * errno says why: what was there is there. */
int tally_file_write(int fd, uint64_t time_ms, const struct tally_entry *list, size_t count);

/* Adds a record's entries to the list. ERR_INVALID: there is no good one; ERR_NOMEM. */
int tally_file_read(int fd, struct tally_list *into, uint64_t *time_ms);

#endif

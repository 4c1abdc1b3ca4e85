/* SPDX-License-Identifier: MIT */
/* slots: at most so many at once, over all processes that share a file. What a process holds it
 * holds by locks, so a killed one holds nothing. */
#ifndef APP_ANSWERS_SLOTS_H
#define APP_ANSWERS_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#define APP_SLOTS_MAX 10000

struct app_slots {
    int fd;              /* -1: not open */
    unsigned char *held; /* 1 for each that is ours: our own locks do not show */
};

/* Opens or makes the file. ERR_IO, ERR_NOMEM. */
int app_slots_open(struct app_slots *s, const char *path);

/* Takes one of the first `most`, unless `who` (not 0) has `most_of_one` of them. ERR_LIMIT: so many
 * he has; ERR_AGAIN: none is free, or another process is just taking one; ERR_IO. */
int app_slots_take(struct app_slots *s, size_t most, size_t most_of_one, uint64_t who,
                   size_t *slot);

void app_slots_give(struct app_slots *s, size_t slot);

void app_slots_close(struct app_slots *s);

#endif

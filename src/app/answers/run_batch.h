/* SPDX-License-Identifier: MIT */
/* run_batch: events of an answer that came in one turn of the loop, to be kept by one write. */
#ifndef APP_ANSWERS_RUN_BATCH_H
#define APP_ANSWERS_RUN_BATCH_H

#include "base/buf.h"

struct journal;
struct source_item;

#define APP_RUN_BATCH_EVENTS 256
#define APP_RUN_BATCH_BYTES (128 * 1024) /* then it is full; a single event may be larger */

struct app_run_batch {
    struct buf bytes;
    struct app_run_batched *items; /* offsets into it; NULL until there is one */
    size_t count;
};

/* Zeros are an empty one. */
void app_run_batch_fini(struct app_run_batch *b);

/* ERR_NOMEM. The batch must not be full. */
int app_run_batch_add(struct app_run_batch *b, const struct source_item *item);

int app_run_batch_is_full(const struct app_run_batch *b);

/* Writes all of it, or nothing; empty it is in any case. As journal_append(). */
int app_run_batch_write(struct app_run_batch *b, struct journal *j);

#endif

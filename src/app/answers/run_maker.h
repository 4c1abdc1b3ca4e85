/* SPDX-License-Identifier: MIT */
/* run_maker: how many answers of one stream are made at once, over all processes, and how many wait
 * here. */
#ifndef APP_ANSWERS_RUN_MAKER_H
#define APP_ANSWERS_RUN_MAKER_H

#include "app/answers/slots.h"

#include <stdint.h>

struct app_run;
struct app_stream;

/* What the answers of one configured stream have in common. */
struct app_run_maker {
    struct app_run_maker *next;
    char *path; /* of the slots */
    struct app_slots slots;
    size_t queued;
    size_t begun; /* here, so far */
};

#define APP_RUN_ADMIT_MOST 16 /* so many begin in a process between two looks how many are kept */

/* Finds it in the list, or makes it. ERR_IO, ERR_NOMEM. */
int app_run_find_maker(struct app_run_maker **all, const struct app_stream *named,
                       struct app_run_maker **out);
void app_run_makers_free(struct app_run_maker *all);

/* As app_slots_take(). */
int app_run_take_slot(struct app_run *r);

/* Keeps to keep_runs, or nearly. As run_keep_admit(). */
int app_run_admit(const struct app_run *r, int64_t now_s);

/* If it has one. */
void app_run_give_slot(struct app_run *r);

#endif

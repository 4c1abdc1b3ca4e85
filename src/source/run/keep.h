/* SPDX-License-Identifier: MIT */
/* run_keep: which runs are kept below a folder, and for how long. */
#ifndef SOURCE_RUN_KEEP_H
#define SOURCE_RUN_KEEP_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>

#define RUN_SWEEP_FOLDERS 64 /* looked at in one step */

/* A walk that deletes what is due, step by step. Zeros: none is under way. */
struct run_sweep {
    DIR *list;
    char *above;
};

/* One step. 1 when there is more. */
int run_sweep_step(struct run_sweep *w, const char *state_dir, int64_t now_s);
void run_sweep_fini(struct run_sweep *w);

/* Makes room for one more run of the stream: deletes the oldest that are complete. ERR_LIMIT:
 * `most` are there and none is; ERR_IO, ERR_NOMEM. */
int run_keep_admit(const char *state_dir, const char *stream, size_t most, int64_t now_s);

#endif

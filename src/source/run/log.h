/* SPDX-License-Identifier: MIT */
/* run_log: the answer to one request, read from its journal while it is made and afterwards, by any
 * process. */
#ifndef SOURCE_RUN_LOG_H
#define SOURCE_RUN_LOG_H

#include "source/journal/journal.h"

struct source;
struct source_type;

/* For streams that the app makes, one for each run; it is not in the registry. open() wants a
 * folder that stands there (run_folder_make). It has no settings. */
extern const struct source_type source_run_log;

/* How the maker of a run writes its journal. */
extern const struct journal_rules run_log_rules;

/* 1 when it has ended and the position is its last. */
int run_log_is_over(const struct source *s, const char *position);

/* This process, which makes the answer, has written to the journal; `has_begun`: a new file of it. */
void run_log_written(struct source *s, int has_begun);

/* The maker is gone before the end: writes a gap, and the end. The lock of the folder must be held.
 * Nothing when it has ended. ERR_IO, ERR_AGAIN, ERR_NOMEM. */
int run_log_interrupt(const char *state_dir, const char *stream, const struct clock *clock);

#endif

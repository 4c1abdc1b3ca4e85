/* SPDX-License-Identifier: MIT */
/* journal_seek: places in a journal, by number and by time. */
#ifndef SOURCE_JOURNAL_SEEK_H
#define SOURCE_JOURNAL_SEEK_H

#include "source/journal/reader.h"

/* All of them use `r`, which stands elsewhere afterwards, and know what is in the folder as it was
 * listed last. ERR_GONE: there is no such place; ERR_IO, ERR_NOMEM. */

/* The place before the event `seq`, or before the oldest after it; the end where there is none. */
int journal_seek_number(struct journal_reader *r, uint64_t seq, struct journal_position *out);

/* The event `seq` itself. Where it is damaged, or deleted, the place behind. */
int journal_seek_event(struct journal_reader *r, uint64_t seq, struct journal_position *out);

/* The place before the first event at or after a time. ERR_GONE: there is none. */
int journal_seek_time(struct journal_reader *r, int64_t wall_ms, struct journal_position *out);

#endif

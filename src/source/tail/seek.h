/* SPDX-License-Identifier: MIT */
/* tail_seek: places in a log: pages back from a position, times, and how far it is to the head. */
#ifndef SOURCE_TAIL_SEEK_H
#define SOURCE_TAIL_SEEK_H

#include "source/line_time.h"
#include "source/tail/log.h"

struct err;
struct tail_style;
struct tail_view;

/* A filter is followed back over about so many bytes, in one go; where they hold fewer wanted
 * lines, there are fewer. */
#define TAIL_SEEK_BYTES (16 * 1024 * 1024)

/* As in struct source_type; `style` says which lines count. */
int tail_seek_back(struct tail_log *l, struct tail_style *style, uint64_t count,
                   char out[SSE_POSITION_SIZE]);
int tail_seek_before(struct tail_log *l, struct tail_style *style, const char *position,
                     uint64_t count, char start[SSE_POSITION_SIZE], char end[SSE_POSITION_SIZE]);
int64_t tail_seek_left(struct tail_log *l, const char *position);

/* The lines' times must not go back. A line without a time has that of the line before it. */
int tail_seek_since(struct tail_log *l, enum line_time_format format, int64_t wall_ms,
                    char out[SSE_POSITION_SIZE], struct err *err);

/* Puts the last `lines` lines before a position into the view, up to and with the one that is at it.
 * Fewer where there are fewer. ERR_GONE: the position is not in the history any more; ERR_IO,
 * ERR_NOMEM. */
int tail_seek_replay(struct tail_log *l, struct tail_view *view, const char *position,
                     uint64_t lines);

/* The position that `lines` lines lie behind, up to the one given, or the oldest that can be had.
 * Errors as above. */
int tail_seek_lines(struct tail_log *l, const char *position, uint64_t lines,
                    char out[SSE_POSITION_SIZE]);

#endif

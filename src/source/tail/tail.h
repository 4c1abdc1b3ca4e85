/* SPDX-License-Identifier: MIT */
/* tail: a growing file, line by line, through rotation and truncation. */
#ifndef SOURCE_TAIL_TAIL_H
#define SOURCE_TAIL_TAIL_H

struct source_type;

extern const struct source_type source_tail;

#endif

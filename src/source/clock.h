/* SPDX-License-Identifier: MIT */
/* clock: the time, on the wall clock's own ticks. */
#ifndef SOURCE_CLOCK_H
#define SOURCE_CLOCK_H

struct source_type;

extern const struct source_type source_clock;

#endif

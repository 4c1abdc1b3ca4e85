/* SPDX-License-Identifier: MIT */
/* rand: uniform numbers for spreading things out in time. Not for anything secret. */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stdint.h>

/* A uniform number in [0, bound); 0 when bound is 0. */
uint64_t rand_below(uint64_t bound);

/* A uniform number between `low` and `high` per cent of `value`, both ends included. */
uint64_t rand_percent(uint64_t value, unsigned low, unsigned high);

#endif

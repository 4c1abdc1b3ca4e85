/* SPDX-License-Identifier: MIT */
/* num: text to numbers and back, refusing leftovers, signs in odd places and overflow. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stddef.h>
#include <stdint.h>

/* Decimal ASCII digits only, all `len` of them. ERR_INVALID when empty or with anything else
 * in it, ERR_RANGE when it does not fit or exceeds `max`. */
int num_parse_u64(const char *text, size_t len, uint64_t max, uint64_t *out);

/* The same with an optional leading '-'. */
int num_parse_i64(const char *text, size_t len, int64_t min, int64_t max, int64_t *out);

/* Lower-case hexadecimal digits only, 1 to 16 of them. */
int num_parse_hex64(const char *text, size_t len, uint64_t *out);

#endif

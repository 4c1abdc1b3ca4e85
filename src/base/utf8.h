/* SPDX-License-Identifier: MIT */
/* utf8: telling valid UTF-8 from the rest (Unicode 15, table 3-7). */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/* How many of the first bytes are valid UTF-8. All of them when it equals `len`. */
size_t utf8_valid_prefix(const char *data, size_t len);

/* For bytes that do not begin a valid sequence: how many of them one U+FFFD replaces, by the
 * "maximal subpart" rule that browsers use (WHATWG Encoding, UTF-8 decoder). At least 1;
 * `len` must be at least 1. */
size_t utf8_bad_length(const char *data, size_t len);

#endif

/* SPDX-License-Identifier: MIT */
/* num: text to numbers and back, refusing leftovers, signs in odd places and overflow. */
#include "base/num.h"

#include "base/err.h"

int num_parse_u64(const char *text, size_t len, uint64_t max, uint64_t *out)
{
    if (len == 0) {
        return ERR_INVALID;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return ERR_INVALID;
        }
        if (__builtin_mul_overflow(value, (uint64_t)10, &value)
            || __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value)) {
            return ERR_RANGE;
        }
    }
    if (value > max) {
        return ERR_RANGE;
    }
    *out = value;
    return 0;
}

int num_parse_i64(const char *text, size_t len, int64_t min, int64_t max, int64_t *out)
{
    int is_negative = len > 0 && text[0] == '-';
    uint64_t magnitude;
    int rc = num_parse_u64(text + is_negative, len - (size_t)is_negative,
                           (uint64_t)INT64_MAX + (uint64_t)is_negative, &magnitude);
    if (rc) {
        return rc;
    }
    int64_t value = is_negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    if (value < min || value > max) {
        return ERR_RANGE;
    }
    *out = value;
    return 0;
}

int num_parse_hex64(const char *text, size_t len, uint64_t *out)
{
    if (len == 0 || len > 16) {
        return ERR_INVALID;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned digit;
        if (text[i] >= '0' && text[i] <= '9') {
            digit = (unsigned)(text[i] - '0');
        } else if (text[i] >= 'a' && text[i] <= 'f') {
            digit = (unsigned)(text[i] - 'a') + 10;
        } else {
            return ERR_INVALID;
        }
        value = value << 4 | digit;
    }
    *out = value;
    return 0;
}

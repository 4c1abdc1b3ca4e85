/* SPDX-License-Identifier: MIT */
/* tail_order: what a rotated file's name says about it. Pure. */
#include "source/tail/order.h"

#include "base/num.h"

#include <string.h>

#define GZ ".gz"
#define NUMBER_CHARS 5 /* more digits are a date */

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int tail_order_is_compressed(const char *name)
{
    size_t len = strlen(name);
    return len > strlen(GZ) && strcmp(name + len - strlen(GZ), GZ) == 0;
}

/* Finds what the rotation added to the name: for log "app.log", the ".1" of "app.log.1.gz" or the
 * "-20261121" of "app-20261121.log". Answers 0 when nothing was. */
static int find_added(const char *base, const char *name, const char **added, size_t *added_len)
{
    size_t base_len = strlen(base);
    size_t len = strlen(name);
    if (tail_order_is_compressed(name)) {
        len -= strlen(GZ);
    }
    if (len > base_len && memcmp(name, base, base_len) == 0) {
        *added = name + base_len;
        *added_len = len - base_len;
        return 1;
    }
    const char *dot = strrchr(base, '.');
    size_t stem = dot ? (size_t)(dot - base) : 0;
    size_t ext = base_len - stem;
    if (stem == 0 || len <= base_len || memcmp(name, base, stem) != 0
        || memcmp(name + len - ext, dot, ext) != 0) {
        return 0;
    }
    *added = name + stem;
    *added_len = len - base_len;
    return 1;
}

int tail_order_is_rotated(const char *base, const char *name)
{
    const char *added;
    size_t len;
    if (!find_added(base, name, &added, &len) || !strchr(".-_", added[0])) {
        return 0;
    }
    size_t digits = 0;
    for (size_t i = 0; i < len; i++) {
        if (is_digit(added[i])) {
            digits++;
        } else if (!strchr(".-_:T+", added[i])) {
            return 0;
        }
    }
    return digits > 0;
}

int64_t tail_order_number(const char *base, const char *name)
{
    const char *added;
    size_t len;
    uint64_t number;
    if (!find_added(base, name, &added, &len) || len < 2 || len > 1 + NUMBER_CHARS
        || added[0] != '.' || num_parse_u64(added + 1, len - 1, INT64_MAX, &number)) {
        return -1;
    }
    return (int64_t)number;
}

int tail_order_compare(const char *a, const char *b)
{
    while (*a && *b) {
        if (is_digit(*a) && is_digit(*b)) {
            a += strspn(a, "0");
            b += strspn(b, "0");
            size_t a_len = strspn(a, "0123456789");
            size_t b_len = strspn(b, "0123456789");
            int order = a_len != b_len ? (a_len < b_len ? -1 : 1) : memcmp(a, b, a_len);
            if (order) {
                return order;
            }
            a += a_len;
            b += b_len;
            continue;
        }
        if (*a != *b) {
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        }
        a++;
        b++;
    }
    return (*a != 0) - (*b != 0);
}

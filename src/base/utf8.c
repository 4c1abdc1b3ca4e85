/* SPDX-License-Identifier: MIT */
/* utf8: telling valid UTF-8 from the rest (Unicode 15, table 3-7). */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* What a lead byte asks for: the length of the sequence and the range of its second byte,
 * which is where overlong forms, surrogates and values past U+10FFFF are refused. */
struct utf8_lead {
    unsigned char length; /* 0: no lead byte */
    unsigned char low;
    unsigned char high;
};

static struct utf8_lead lead_of(unsigned char c)
{
    if (c < 0x80) {
        return (struct utf8_lead){1, 0, 0};
    }
    if (c >= 0xc2 && c <= 0xdf) {
        return (struct utf8_lead){2, 0x80, 0xbf};
    }
    if (c >= 0xe0 && c <= 0xef) {
        return (struct utf8_lead){3, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf};
    }
    if (c >= 0xf0 && c <= 0xf4) {
        return (struct utf8_lead){4, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf};
    }
    return (struct utf8_lead){0, 0, 0};
}

/* The bytes of the sequence at `data` that are right so far; *wanted gets its full length. */
static size_t sequence_length(const char *data, size_t len, size_t *wanted)
{
    struct utf8_lead lead = lead_of((unsigned char)data[0]);
    *wanted = lead.length;
    if (lead.length <= 1) {
        return lead.length;
    }
    size_t i = 1;
    while (i < lead.length && i < len) {
        unsigned char c = (unsigned char)data[i];
        unsigned char low = i == 1 ? lead.low : 0x80;
        unsigned char high = i == 1 ? lead.high : 0xbf;
        if (c < low || c > high) {
            break;
        }
        i++;
    }
    return i;
}

size_t utf8_valid_prefix(const char *data, size_t len)
{
    size_t i = 0;
    while (i < len) {
        /* Logs are mostly ASCII: eight bytes at a time while none has its high bit set. */
        uint64_t eight;
        while (len - i >= sizeof eight) {
            memcpy(&eight, data + i, sizeof eight);
            if (eight & 0x8080808080808080ULL) {
                break;
            }
            i += sizeof eight;
        }
        if (i >= len) {
            break;
        }
        size_t wanted;
        size_t got = sequence_length(data + i, len - i, &wanted);
        if (wanted == 0 || got < wanted) {
            return i;
        }
        i += got;
    }
    return len;
}

size_t utf8_bad_length(const char *data, size_t len)
{
    size_t wanted;
    size_t got = sequence_length(data, len, &wanted);
    return wanted == 0 ? 1 : got;
}

/* SPDX-License-Identifier: MIT */
/* hash: a fast 64-bit hash for tables and for recognising bytes seen before. */
#include "base/hash.h"

uint64_t hash_more(uint64_t state, const void *data, size_t len)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < len; i++) {
        state = (state ^ bytes[i]) * 0x100000001b3ULL;
    }
    return state;
}

uint64_t hash_mix64(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
    return x ^ x >> 31;
}

uint64_t hash_bytes(const void *data, size_t len)
{
    return hash_mix64(hash_more(HASH_START, data, len));
}

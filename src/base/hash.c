/* SPDX-License-Identifier: MIT */
/* hash: a fast 64-bit hash for tables and for recognising bytes seen before. */
#include "base/hash.h"

#include <endian.h>
#include <string.h>

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

__extension__ typedef unsigned __int128 product;

/* The two halves of the product, laid over each other. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    product p = (product)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static uint64_t word_at(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return le64toh(word);
}

#define PAIR_BYTES 16
#define PAIRS 8 /* with keys of their own, so that words that change places change the sum */

static const uint64_t keys[PAIRS][2] = {
    {0x9e3779b97f4a7c15, 0xc2b2ae3d27d4eb4f}, {0x165667b19e3779f9, 0x27d4eb2f165667c5},
    {0x85ebca77c2b2ae63, 0xbf58476d1ce4e5b9}, {0x94d049bb133111eb, 0x9fb21c651e98df25},
    {0xd6e8feb86659fd93, 0xa0761d6478bd642f}, {0xe7037ed1a0b428db, 0x8ebc6af09c88c6e3},
    {0x589965cc75374cc3, 0x1d8e4e27c47d124f}, {0xeb44accab455d165, 0xff51afd7ed558ccd},
};

static uint64_t fold_pair(const unsigned char *at, size_t i)
{
    return fold(word_at(at) ^ keys[i][0], word_at(at + 8) ^ keys[i][1]);
}

uint64_t hash_bytes(const void *data, size_t len)
{
    const unsigned char *at = data;
    uint64_t hash = len * 0x9e3779b97f4a7c15ULL;
    for (; len >= PAIRS * PAIR_BYTES; len -= PAIRS * PAIR_BYTES) {
        uint64_t sum = 0; /* of products that need not wait for each other */
        for (size_t i = 0; i < PAIRS; i++, at += PAIR_BYTES) {
            sum += fold_pair(at, i);
        }
        hash = fold(hash ^ sum, 0xd6e8feb86659fd93ULL);
    }
    uint64_t sum = 0;
    size_t i = 0;
    for (; len >= PAIR_BYTES; len -= PAIR_BYTES, at += PAIR_BYTES) {
        sum += fold_pair(at, i++);
    }
    if (len > 0) {
        unsigned char last[PAIR_BYTES] = {0};
        memcpy(last, at, len);
        sum += fold_pair(last, i);
    }
    return hash_mix64(hash ^ sum);
}

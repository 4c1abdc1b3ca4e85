/* SPDX-License-Identifier: MIT */
/* hash: a fast 64-bit hash for tables and for recognising bytes seen before. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START 0xcbf29ce484222325ULL

/* FNV-1a over `len` bytes, going on from `state` (HASH_START for the first piece), so that
 * hashing in pieces gives the same as hashing at once. Not a cryptographic hash. */
uint64_t hash_more(uint64_t state, const void *data, size_t len);

/* Spreads every bit of `x` over all 64: the finisher of hash_more and of counters. */
uint64_t hash_mix64(uint64_t x);

/* A quicker one, over bytes that are there at once. Its values are the same on every machine, and may
 * stand in what outlives the process. Not a cryptographic hash either. */
uint64_t hash_bytes(const void *data, size_t len);

#endif

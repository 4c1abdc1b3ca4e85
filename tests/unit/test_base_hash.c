/* SPDX-License-Identifier: MIT */
/* The hash: its published values, and that pieces hash as the whole does. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Test vectors of FNV-1a, 64 bits. */
static void is_fnv_1a(void **state)
{
    (void)state;
    assert_true(hash_more(HASH_START, "", 0) == 0xcbf29ce484222325ULL);
    assert_true(hash_more(HASH_START, "a", 1) == 0xaf63dc4c8601ec8cULL);
    assert_true(hash_more(HASH_START, "foobar", 6) == 0x85944171f73967e8ULL);
}

static void pieces_hash_as_the_whole(void **state)
{
    (void)state;
    static const char text[] = "2026-11-21T09:17:03Z GET /\0\xff";
    uint64_t whole = hash_more(HASH_START, text, sizeof text);
    for (size_t cut = 0; cut <= sizeof text; cut++) {
        uint64_t h = hash_more(HASH_START, text, cut);
        assert_true(hash_more(h, text + cut, sizeof text - cut) == whole);
    }
    assert_true(hash_bytes(text, sizeof text) == hash_mix64(whole));
}

/* Each input bit flips about half of the output: 20 to 44 of 64 over all of them. */
static void mixing_spreads_every_bit(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        int flipped = 0;
        for (uint64_t x = 1; x <= 64; x++) {
            flipped += __builtin_popcountll(hash_mix64(x) ^ hash_mix64(x ^ (uint64_t)1 << bit));
        }
        assert_in_range(flipped / 64, 20, 44);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_fnv_1a),
        cmocka_unit_test(pieces_hash_as_the_whole),
        cmocka_unit_test(mixing_spreads_every_bit),
    };
    return cmocka_run_group_tests_name("base hash", tests, NULL, NULL);
}

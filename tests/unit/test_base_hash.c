/* SPDX-License-Identifier: MIT */
/* The hash: its published values, and that pieces hash as the whole does. */
#include "base/hash.h"

#include <inttypes.h>
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
}

/* Positions hold such hashes: they may not change from one version to the next. */
static void the_quick_hash_has_these_values(void **state)
{
    (void)state;
    char text[300];
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)(i * 7);
    }
    static const struct {
        size_t len;
        uint64_t hash;
    } known[] = {
        {0, 0}, {1, 0xd411f1293bcce184}, {15, 0xc267704b23a7e069}, {16, 0x8cc68e9520b49e8b}, {17, 0x5a7f478b33daefd8}, {127, 0x42475ff214922ffc}, {128, 0x7a73d1867486b58b}, {129, 0x3d1e36f7856bc0cc}, {300, 0x0c9f8afcf92664b0},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint64_t hash = hash_bytes(text, known[i].len);
        if (hash != known[i].hash) {
            fail_msg("of %zu bytes: 0x%016" PRIx64, known[i].len, hash);
        }
    }
}

/* No two of these may meet: texts that differ in one bit, in length, or in the order of words. */
static void the_quick_hash_tells_texts_apart(void **state)
{
    (void)state;
    char text[288] = {0};
    uint64_t seen[288 * 8 + 288 + 36];
    size_t n = 0;
    for (size_t bit = 0; bit < sizeof text * 8; bit++) {
        text[bit / 8] ^= (char)(1 << bit % 8);
        seen[n++] = hash_bytes(text, sizeof text) & 0x3fffffff;
        text[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t len = 0; len < sizeof text; len++) {
        seen[n++] = hash_bytes(text, len) & 0x3fffffff;
    }
    for (size_t word = 0; word + 8 <= sizeof text; word += 8) {
        memset(text, 'a', sizeof text);
        memset(text + word, 'b', 8);
        seen[n++] = hash_bytes(text, sizeof text) & 0x3fffffff;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_false(seen[i] == seen[k]);
        }
    }
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
        cmocka_unit_test(the_quick_hash_has_these_values),
        cmocka_unit_test(the_quick_hash_tells_texts_apart),
        cmocka_unit_test(mixing_spreads_every_bit),
    };
    return cmocka_run_group_tests_name("base hash", tests, NULL, NULL);
}

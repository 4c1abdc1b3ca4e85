/* SPDX-License-Identifier: MIT */
/* UTF-8 checking against the decoder of the WHATWG Encoding standard. */
#include "base/utf8.h"

#include "whatwg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BYTES_MAX 32

/* Valid stretches copied, each bad one replaced, must equal what the standard's decoder gives. */
static void assert_agrees(const char *data, size_t len)
{
    char wanted[3 * BYTES_MAX];
    char got[3 * BYTES_MAX];
    size_t wanted_len = whatwg_utf8_decode(wanted, data, len);
    size_t got_len = 0;
    size_t i = 0;
    while (i < len) {
        size_t valid = utf8_valid_prefix(data + i, len - i);
        assert_true(valid <= len - i);
        memcpy(got + got_len, data + i, valid);
        got_len += valid;
        i += valid;
        if (i < len) {
            size_t bad = utf8_bad_length(data + i, len - i);
            assert_true(bad >= 1 && bad <= len - i);
            memcpy(got + got_len, "\xef\xbf\xbd", 3);
            got_len += 3;
            i += bad;
        }
    }
    assert_int_equal(got_len, wanted_len);
    assert_memory_equal(got, wanted, got_len);
}

static void agrees_on_all_one_and_two_bytes(void **state)
{
    (void)state;
    assert_agrees("", 0);
    for (unsigned n = 0; n < 65536; n++) {
        char data[2] = {(char)(n >> 8), (char)(n & 0xff)};
        assert_agrees(data, 1);
        assert_agrees(data, 2);
    }
}

/* The bytes on both sides of every border in table 3-7 of the Unicode standard. */
static const unsigned char borders[] = {
    0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
    0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
};

static void agrees_on_all_four_bytes_at_the_borders(void **state)
{
    (void)state;
    const size_t n = sizeof borders;
    for (size_t i = 0; i < n * n * n * n; i++) {
        char data[4] = {(char)borders[i % n], (char)borders[i / n % n],
                        (char)borders[i / n / n % n], (char)borders[i / n / n / n]};
        assert_agrees(data, sizeof data);
    }
}

static size_t encode(char *out, unsigned long c)
{
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned lead[] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)(lead[len] | c);
    return len;
}

static void takes_every_code_point_but_surrogates(void **state)
{
    (void)state;
    for (unsigned long c = 0; c <= 0x10ffff; c++) {
        char data[4];
        size_t len = encode(data, c);
        int is_surrogate = c >= 0xd800 && c <= 0xdfff;
        if (utf8_valid_prefix(data, len) != (is_surrogate ? 0 : len)) {
            fail_msg("U+%04lX", c);
        }
    }
}

/* The fast path looks at eight bytes at once: a bad byte at every place near its edges. */
static void finds_a_bad_byte_at_every_offset(void **state)
{
    (void)state;
    char data[BYTES_MAX];
    for (size_t len = 1; len <= sizeof data; len++) {
        for (size_t at = 0; at < len; at++) {
            memset(data, 'a', sizeof data);
            data[at] = (char)0xff;
            assert_int_equal(utf8_valid_prefix(data, len), at);
            data[at] = (char)0xc3; /* a lead byte without its second */
            assert_int_equal(utf8_valid_prefix(data, len), at);
            assert_agrees(data, len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_on_all_one_and_two_bytes),
        cmocka_unit_test(agrees_on_all_four_bytes_at_the_borders),
        cmocka_unit_test(takes_every_code_point_but_surrogates),
        cmocka_unit_test(finds_a_bad_byte_at_every_offset),
    };
    return cmocka_run_group_tests_name("base utf8", tests, NULL, NULL);
}

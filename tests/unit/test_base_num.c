/* SPDX-License-Identifier: MIT */
/* Text to numbers: what is refused matters most. */
#include "base/num.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define UNTOUCHED 77

static int parse_u64(const char *text, uint64_t max, uint64_t *out)
{
    *out = UNTOUCHED;
    return num_parse_u64(text, strlen(text), max, out);
}

static void reads_unsigned_up_to_max(void **state)
{
    (void)state;
    uint64_t n;
    assert_int_equal(parse_u64("0", 10, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(parse_u64("0010", 10, &n), 0);
    assert_int_equal(n, 10);
    assert_int_equal(parse_u64("11", 10, &n), ERR_RANGE);
    assert_int_equal(n, UNTOUCHED);
    assert_int_equal(parse_u64("18446744073709551615", UINT64_MAX, &n), 0);
    assert_true(n == UINT64_MAX);
    assert_int_equal(parse_u64("18446744073709551616", UINT64_MAX, &n), ERR_RANGE);
    assert_int_equal(parse_u64("99999999999999999999999", UINT64_MAX, &n), ERR_RANGE);
    assert_int_equal(n, UNTOUCHED);
}

static void refuses_what_is_not_digits(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    " 1",  "1 ",  "+1", "-1",       "-0",   "1.0",
                                        "0x1", "1e3", "1\n", "a",  "\xd9\xa1", "1,000"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint64_t n;
        assert_int_equal(parse_u64(texts[i], UINT64_MAX, &n), ERR_INVALID);
        assert_int_equal(n, UNTOUCHED);
    }
    uint64_t n = UNTOUCHED;
    assert_int_equal(num_parse_u64("1\0", 2, UINT64_MAX, &n), ERR_INVALID);
    assert_int_equal(num_parse_u64("12", 1, UINT64_MAX, &n), 0);
    assert_int_equal(n, 1);
}

static int parse_i64(const char *text, int64_t min, int64_t max, int64_t *out)
{
    *out = UNTOUCHED;
    return num_parse_i64(text, strlen(text), min, max, out);
}

static void reads_signed_within_both_ends(void **state)
{
    (void)state;
    int64_t n;
    assert_int_equal(parse_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &n), 0);
    assert_true(n == INT64_MIN);
    assert_int_equal(parse_i64("9223372036854775807", INT64_MIN, INT64_MAX, &n), 0);
    assert_true(n == INT64_MAX);
    assert_int_equal(parse_i64("9223372036854775808", INT64_MIN, INT64_MAX, &n), ERR_RANGE);
    assert_int_equal(parse_i64("-9223372036854775809", INT64_MIN, INT64_MAX, &n), ERR_RANGE);
    assert_int_equal(parse_i64("-6", -5, 5, &n), ERR_RANGE);
    assert_int_equal(parse_i64("6", -5, 5, &n), ERR_RANGE);
    assert_int_equal(n, UNTOUCHED);
    assert_int_equal(parse_i64("-5", -5, 5, &n), 0);
    assert_int_equal(n, -5);
    static const char *const bad[] = {"", "-", "--1", "+1", "- 1", "1-"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(parse_i64(bad[i], INT64_MIN, INT64_MAX, &n), ERR_INVALID);
        assert_int_equal(n, UNTOUCHED);
    }
}

static int parse_hex(const char *text, uint64_t *out)
{
    *out = UNTOUCHED;
    return num_parse_hex64(text, strlen(text), out);
}

static void reads_lower_case_hexadecimal(void **state)
{
    (void)state;
    uint64_t n;
    assert_int_equal(parse_hex("ffffffffffffffff", &n), 0);
    assert_true(n == UINT64_MAX);
    assert_int_equal(parse_hex("0123456789abcdef", &n), 0);
    assert_true(n == 0x0123456789abcdefULL);
    assert_int_equal(parse_hex("0", &n), 0);
    assert_int_equal(n, 0);
    static const char *const bad[] = {"", "0x1", "A", "g", "-1", " 1", "1 ", "10000000000000000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(parse_hex(bad[i], &n), ERR_INVALID);
        assert_int_equal(n, UNTOUCHED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_unsigned_up_to_max),
        cmocka_unit_test(refuses_what_is_not_digits),
        cmocka_unit_test(reads_signed_within_both_ends),
        cmocka_unit_test(reads_lower_case_hexadecimal),
    };
    return cmocka_run_group_tests_name("base num", tests, NULL, NULL);
}

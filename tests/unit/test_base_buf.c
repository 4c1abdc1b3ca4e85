/* SPDX-License-Identifier: MIT */
/* The buffer that grows up to a limit. */
#include "base/buf.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void holds_what_was_appended(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000000);
    assert_null(b.data);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(buf_append(&b, "0123456789", 10), 0);
    }
    assert_int_equal(b.len, 100000);
    for (size_t i = 0; i < b.len; i++) {
        assert_int_equal(b.data[i], '0' + (char)(i % 10));
    }
    buf_fini(&b);
}

static void fills_up_to_the_limit_and_no_further(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(buf_append_char(&b, 'x'), 0);
    }
    assert_int_equal(buf_append_char(&b, 'x'), ERR_LIMIT);
    assert_int_equal(b.len, 1000);
    assert_true(b.cap <= 1000);
    buf_fini(&b);
}

static void keeps_its_contents_when_refusing(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 5);
    assert_int_equal(buf_append_str(&b, "abc"), 0);
    assert_int_equal(buf_append(&b, "defg", 4), ERR_LIMIT);
    assert_int_equal(buf_appendf(&b, "%d", 123), ERR_LIMIT);
    assert_int_equal(buf_reserve(&b, SIZE_MAX), ERR_LIMIT);
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.data, "abc", 3);
    buf_fini(&b);
}

static void a_limit_of_nothing_takes_nothing(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    assert_int_equal(buf_append(&b, "", 0), 0);
    assert_int_equal(buf_append(&b, "a", 1), ERR_LIMIT);
    buf_fini(&b);
}

static void formats_text_of_any_length(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10000);
    char long_text[4001];
    memset(long_text, 'y', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_int_equal(buf_appendf(&b, "%d-%s", 42, long_text), 0);
    assert_int_equal(b.len, 4003);
    assert_memory_equal(b.data, "42-yyy", 6);
    assert_int_equal(b.data[4002], 'y');
    buf_fini(&b);
}

static void consumes_from_the_front(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    buf_consume(&b, 0);
    assert_int_equal(buf_append_str(&b, "abcdef"), 0);
    buf_consume(&b, 0);
    assert_int_equal(b.len, 6);
    buf_consume(&b, 2);
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.data, "cdef", 4);
    buf_consume(&b, 4);
    assert_int_equal(b.len, 0);
    buf_fini(&b);
}

static void is_usable_after_clear_and_fini(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    assert_int_equal(buf_append_str(&b, "abc"), 0);
    buf_clear(&b);
    assert_int_equal(b.len, 0);
    assert_int_equal(buf_append_str(&b, "de"), 0);
    assert_memory_equal(b.data, "de", 2);
    buf_fini(&b);
    assert_null(b.data);
    assert_int_equal(buf_append_str(&b, "fg"), 0);
    assert_memory_equal(b.data, "fg", 2);
    buf_fini(&b);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_was_appended),
        cmocka_unit_test(fills_up_to_the_limit_and_no_further),
        cmocka_unit_test(keeps_its_contents_when_refusing),
        cmocka_unit_test(a_limit_of_nothing_takes_nothing),
        cmocka_unit_test(formats_text_of_any_length),
        cmocka_unit_test(consumes_from_the_front),
        cmocka_unit_test(is_usable_after_clear_and_fini),
    };
    return cmocka_run_group_tests_name("base buf", tests, NULL, NULL);
}

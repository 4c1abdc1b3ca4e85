/* SPDX-License-Identifier: MIT */
/* Which texts are positions. */
#include "sse/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void takes_the_alphabet_and_nothing_else(void **state)
{
    (void)state;
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-";
    for (int c = 0; c < 256; c++) {
        char text[3] = {'a', (char)c, 'z'};
        int wanted = c != 0 && strchr(alphabet, c) != NULL;
        assert_int_equal(sse_position_is_valid(text, sizeof text), wanted);
    }
}

static void takes_1_to_128_bytes(void **state)
{
    (void)state;
    char text[SSE_POSITION_MAX + 1];
    memset(text, 'a', sizeof text);
    assert_false(sse_position_is_valid(text, 0));
    assert_true(sse_position_is_valid(text, 1));
    assert_true(sse_position_is_valid(text, SSE_POSITION_MAX));
    assert_false(sse_position_is_valid(text, SSE_POSITION_MAX + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_alphabet_and_nothing_else),
        cmocka_unit_test(takes_1_to_128_bytes),
    };
    return cmocka_run_group_tests_name("sse event", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Query strings: hostile text in, decoded parameters or a refusal out. */
#include "sse/query.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_decodes(const char *text, int plus_is_space, const char *wanted)
{
    char copy[64];
    size_t len = 0;
    snprintf(copy, sizeof copy, "%s", text);
    assert_int_equal(sse_percent_decode(copy, strlen(copy), plus_is_space, &len), 0);
    assert_string_equal(copy, wanted);
    assert_int_equal(len, strlen(wanted));
}

static void decodes_escapes(void **state)
{
    (void)state;
    assert_decodes("", 0, "");
    assert_decodes("a%20b", 0, "a b");
    assert_decodes("%41%5a%5A%7e", 0, "AZZ~");
    assert_decodes("%c3%A9", 0, "\xc3\xa9");
    assert_decodes("a+b", 0, "a+b");
    assert_decodes("a+b%2B", 1, "a b+");
    assert_decodes("%2500", 0, "%00"); /* once, not twice */
    assert_decodes("%0d%0a", 0, "\r\n");
}

static void decodes_every_byte_but_nul(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[8];
        size_t len;
        snprintf(text, sizeof text, "%%%02x", c);
        int rc = sse_percent_decode(text, 3, 0, &len);
        assert_int_equal(rc, c ? 0 : ERR_INVALID);
        if (!rc) {
            assert_int_equal(len, 1);
            assert_int_equal((unsigned char)text[0], c);
        }
    }
}

static void refuses_broken_escapes(void **state)
{
    (void)state;
    static const char *const texts[] = {"%",    "%4",  "a%",  "a%4", "%g0", "%0g",
                                        "%%41", "%-1", "% 1", "%00", "ok%"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char copy[16];
        size_t len;
        snprintf(copy, sizeof copy, "%s", texts[i]);
        assert_int_equal(sse_percent_decode(copy, strlen(copy), 0, &len), ERR_INVALID);
    }
}

static void splits_parameters(void **state)
{
    (void)state;
    char text[] = "a=1&b=&c&=d&&e=x=y&a=2&f+g=%26";
    struct sse_query q;
    assert_int_equal(sse_query_parse(text, &q), 0);
    assert_int_equal(q.count, 7);
    assert_string_equal(sse_query_get(&q, "a"), "1");
    assert_string_equal(sse_query_get(&q, "b"), "");
    assert_string_equal(sse_query_get(&q, "c"), "");
    assert_string_equal(sse_query_get(&q, ""), "d");
    assert_string_equal(sse_query_get(&q, "e"), "x=y");
    assert_string_equal(sse_query_get(&q, "f g"), "&");
    assert_null(sse_query_get(&q, "g"));
    assert_string_equal(q.params[5].value, "2");
}

static void takes_an_empty_query(void **state)
{
    (void)state;
    char empty[] = "";
    char bare[] = "&&&";
    struct sse_query q;
    assert_int_equal(sse_query_parse(empty, &q), 0);
    assert_int_equal(q.count, 0);
    assert_int_equal(sse_query_parse(bare, &q), 0);
    assert_int_equal(q.count, 0);
}

static void refuses_a_broken_escape_in_either_half(void **state)
{
    (void)state;
    struct sse_query q;
    char in_name[] = "a%=1";
    char in_value[] = "b=1&a=%zz";
    assert_int_equal(sse_query_parse(in_name, &q), ERR_INVALID);
    assert_int_equal(sse_query_parse(in_value, &q), ERR_INVALID);
}

static void bounds_the_number_of_parameters(void **state)
{
    (void)state;
    char text[8 * SSE_PARAMS_MAX] = "";
    for (int i = 0; i < SSE_PARAMS_MAX; i++) {
        strcat(text, "a=1&");
    }
    char more[8 * SSE_PARAMS_MAX];
    memcpy(more, text, sizeof more);
    strcat(more, "b");
    struct sse_query q;
    assert_int_equal(sse_query_parse(text, &q), 0);
    assert_int_equal(q.count, SSE_PARAMS_MAX);
    assert_int_equal(sse_query_parse(more, &q), ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_escapes),
        cmocka_unit_test(decodes_every_byte_but_nul),
        cmocka_unit_test(refuses_broken_escapes),
        cmocka_unit_test(splits_parameters),
        cmocka_unit_test(takes_an_empty_query),
        cmocka_unit_test(refuses_a_broken_escape_in_either_half),
        cmocka_unit_test(bounds_the_number_of_parameters),
    };
    return cmocka_run_group_tests_name("sse query", tests, NULL, NULL);
}

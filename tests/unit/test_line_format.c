/* SPDX-License-Identifier: MIT */
/* test_line_format: a line as text, wrapped in JSON, or as the JSON that it is. */
#include "source/line_format.h"

#include "base/buf.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_line(enum line_format format, struct line line, const char *expected)
{
    struct buf out;
    const char *data;
    size_t len;
    buf_init(&out, 65536);
    assert_int_equal(line_format(format, &line, &out, &data, &len), 0);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(data, expected, len);
    buf_fini(&out);
}

static void expect(enum line_format format, const char *text, const char *expected)
{
    expect_line(format, (struct line){.text = text, .len = strlen(text), .offset = 7}, expected);
}

static void text_is_the_line(void **state)
{
    (void)state;
    expect(LINE_FORMAT_TEXT, "a\"b", "a\"b");
    expect(LINE_FORMAT_TEXT, "", "");
}

static void json_holds_line_and_offset_and_the_file_where_named(void **state)
{
    (void)state;
    expect(LINE_FORMAT_JSON, "a\"b/\\\t", "{\"line\":\"a\\\"b/\\\\\\t\",\"offset\":7}");
    expect(LINE_FORMAT_JSON, "", "{\"line\":\"\",\"offset\":7}");
    expect_line(LINE_FORMAT_JSON,
                (struct line){.text = "x", .len = 1, .offset = UINT64_MAX, .file = "a.log"},
                "{\"line\":\"x\",\"offset\":18446744073709551615,\"file\":\"a.log\"}");
    expect_line(LINE_FORMAT_JSON, (struct line){.text = "a\0b", .len = 3},
                "{\"line\":\"a\\u0000b\",\"offset\":0}");
}

static void ndjson_that_is_json_stays_as_it_is(void **state)
{
    (void)state;
    static const char *const good[] = {"{\"a\": 1}", "[1,2 ]", "\"x\"", "17",
                                       "-1.5e3",     "true",   "null",  " {\"a\":{}}  "};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        expect(LINE_FORMAT_NDJSON, good[i], good[i]);
    }
}

static void ndjson_that_is_not_is_wrapped(void **state)
{
    (void)state;
    expect(LINE_FORMAT_NDJSON, "hello", "{\"line\":\"hello\",\"offset\":7}");
    expect(LINE_FORMAT_NDJSON, "", "{\"line\":\"\",\"offset\":7}");
    expect(LINE_FORMAT_NDJSON, "{}{}", "{\"line\":\"{}{}\",\"offset\":7}");
    expect(LINE_FORMAT_NDJSON, "{'a':1}", "{\"line\":\"{'a':1}\",\"offset\":7}");
    expect(LINE_FORMAT_NDJSON, "{\"a\":1", "{\"line\":\"{\\\"a\\\":1\",\"offset\":7}");
    expect(LINE_FORMAT_NDJSON, "1 2", "{\"line\":\"1 2\",\"offset\":7}");
    expect(LINE_FORMAT_NDJSON, "[1,]", "{\"line\":\"[1,]\",\"offset\":7}");
    expect_line(LINE_FORMAT_NDJSON, (struct line){.text = "1\0", .len = 2},
                "{\"line\":\"1\\u0000\",\"offset\":0}");
}

/* A page would fail to parse what is JSON only to a lenient parser. */
static void what_is_nearly_json_is_wrapped(void **state)
{
    (void)state;
    static const char *const loose[] = {
        "NaN",  "[Infinity]", "-Infinity", "01",         "1.",        "[1.]", "+1", "[.5]",
        "True", "[1 2]",      "/**/1",     "[\"a\tb\"]", "[\"\\x\"]", "-",    "1e", "{\"a\":'b'}",
    };
    for (size_t i = 0; i < sizeof loose / sizeof *loose; i++) {
        struct line line = {.text = loose[i], .len = strlen(loose[i])};
        struct buf out;
        const char *data;
        size_t len;
        buf_init(&out, 65536);
        assert_int_equal(line_format(LINE_FORMAT_NDJSON, &line, &out, &data, &len), 0);
        assert_ptr_equal(data, out.data);
        buf_fini(&out);
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    struct buf out;
    const char *data;
    size_t len;
    (void)state;
    buf_init(&out, 16);
    struct line line = {.text = "0123456789", .len = 10};
    assert_int_equal(line_format(LINE_FORMAT_JSON, &line, &out, &data, &len), ERR_LIMIT);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_the_line),
        cmocka_unit_test(json_holds_line_and_offset_and_the_file_where_named),
        cmocka_unit_test(ndjson_that_is_json_stays_as_it_is),
        cmocka_unit_test(ndjson_that_is_not_is_wrapped),
        cmocka_unit_test(what_is_nearly_json_is_wrapped),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests_name("line format", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* The test parser against the standard's own examples and rules: it judges the encoder. */
#include "whatwg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Parses a literal, which may hold NUL. */
#define PARSE(stream, literal) whatwg_parse(&(stream), (literal), sizeof(literal) - 1)

static void assert_text(const struct whatwg_text *t, const char *wanted, size_t len)
{
    assert_int_equal(t->len, len);
    assert_memory_equal(t->data, wanted, len);
}

#define ASSERT_TEXT(text, literal) assert_text(&(text), (literal), sizeof(literal) - 1)

static void joins_data_lines(void **state)
{
    (void)state;
    struct whatwg_stream s;
    PARSE(s, "data: YHOO\ndata: +2\ndata: 10\n\n");
    assert_int_equal(s.count, 1);
    ASSERT_TEXT(s.events[0].data, "YHOO\n+2\n10");
    ASSERT_TEXT(s.events[0].type, "message");
    ASSERT_TEXT(s.events[0].last_id, "");
    whatwg_free(&s);
}

static void follows_the_example_of_four_blocks(void **state)
{
    (void)state;
    struct whatwg_stream s;
    PARSE(
        s,
        ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event");
    assert_int_equal(s.count, 2);
    ASSERT_TEXT(s.events[0].data, "first event");
    ASSERT_TEXT(s.events[0].last_id, "1");
    ASSERT_TEXT(s.events[1].data, "second event");
    ASSERT_TEXT(s.events[1].last_id, "");
    ASSERT_TEXT(s.last_id, "");
    whatwg_free(&s);
}

static void follows_the_example_of_empty_data(void **state)
{
    (void)state;
    struct whatwg_stream s;
    PARSE(s, "data\n\ndata\ndata\n\ndata:");
    assert_int_equal(s.count, 2);
    ASSERT_TEXT(s.events[0].data, "");
    ASSERT_TEXT(s.events[1].data, "\n");
    whatwg_free(&s);
}

static void drops_one_space_only(void **state)
{
    (void)state;
    struct whatwg_stream s;
    PARSE(s, "data:test\n\ndata: test\n\ndata:  test\n\n");
    assert_int_equal(s.count, 3);
    ASSERT_TEXT(s.events[0].data, "test");
    ASSERT_TEXT(s.events[1].data, "test");
    ASSERT_TEXT(s.events[2].data, " test");
    whatwg_free(&s);
}

static void takes_cr_lf_and_crlf_as_line_ends(void **state)
{
    (void)state;
    struct whatwg_stream s;
    PARSE(s, "data: a\rdata: b\r\ndata: c\n\r\ndata: d\r\r");
    assert_int_equal(s.count, 2);
    ASSERT_TEXT(s.events[0].data, "a\nb\nc");
    ASSERT_TEXT(s.events[1].data, "d");
    whatwg_free(&s);
}

static void strips_one_byte_order_mark_at_the_start(void **state)
{
    (void)state;
    struct whatwg_stream s;
    PARSE(s, "\xef\xbb\xbf"
             "data: a\n\n\xef\xbb\xbf"
             "data: lost, the field has another name\n\n");
    assert_int_equal(s.count, 1);
    ASSERT_TEXT(s.events[0].data, "a");
    whatwg_free(&s);
}

static void ignores_an_id_with_nul(void **state)
{
    (void)state;
    struct whatwg_stream s;
    PARSE(s, "id: 1\n\nid: 2\0x\ndata: a\0b\n\n");
    assert_int_equal(s.count, 1);
    ASSERT_TEXT(s.events[0].data, "a\0b");
    ASSERT_TEXT(s.events[0].last_id, "1");
    whatwg_free(&s);
}

static void counts_the_id_of_a_block_without_data(void **state)
{
    (void)state;
    struct whatwg_stream s;
    PARSE(s, "id: 7\n\n");
    assert_int_equal(s.count, 0);
    ASSERT_TEXT(s.last_id, "7");
    whatwg_free(&s);
}

static void loses_an_unfinished_block_and_its_id(void **state)
{
    (void)state;
    struct whatwg_stream s;
    PARSE(s, "id: 1\ndata: a\n\nid: 2\ndata: b\n");
    assert_int_equal(s.count, 1);
    ASSERT_TEXT(s.last_id, "1");
    whatwg_free(&s);
}

static void forgets_the_type_of_a_block_without_data(void **state)
{
    (void)state;
    struct whatwg_stream s;
    PARSE(s, "event: x\n\ndata: a\n\nevent: y\ndata: b\n\n");
    assert_int_equal(s.count, 2);
    ASSERT_TEXT(s.events[0].type, "message");
    ASSERT_TEXT(s.events[1].type, "y");
    whatwg_free(&s);
}

static void takes_retry_of_digits_only(void **state)
{
    (void)state;
    struct whatwg_stream s;
    PARSE(s, "retry: 250\nretry: 1e3\nretry: -1\nretry:\nretry: 1 \n");
    assert_true(s.has_retry);
    assert_int_equal(s.retry_ms, 250);
    whatwg_free(&s);
}

static void ignores_unknown_fields_and_other_cases(void **state)
{
    (void)state;
    struct whatwg_stream s;
    PARSE(s, "Data: a\nfoo: b\n data: c\nid : 3\n\n");
    assert_int_equal(s.count, 0);
    ASSERT_TEXT(s.last_id, "");
    whatwg_free(&s);
}

/* The example of the Unicode standard, table 3-8, and its neighbours. */
static void replaces_maximal_subparts(void **state)
{
    (void)state;
    char out[64];
    static const char in[] = "\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64";
    static const char wanted[] = "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                 "b\xef\xbf\xbd"
                                 "c\xef\xbf\xbd\xef\xbf\xbd"
                                 "d";
    size_t len = whatwg_utf8_decode(out, in, sizeof in - 1);
    assert_int_equal(len, sizeof wanted - 1);
    assert_memory_equal(out, wanted, len);
    len = whatwg_utf8_decode(out, "\xed\xa0\x80", 3);
    assert_int_equal(len, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_data_lines),
        cmocka_unit_test(follows_the_example_of_four_blocks),
        cmocka_unit_test(follows_the_example_of_empty_data),
        cmocka_unit_test(drops_one_space_only),
        cmocka_unit_test(takes_cr_lf_and_crlf_as_line_ends),
        cmocka_unit_test(strips_one_byte_order_mark_at_the_start),
        cmocka_unit_test(ignores_an_id_with_nul),
        cmocka_unit_test(counts_the_id_of_a_block_without_data),
        cmocka_unit_test(loses_an_unfinished_block_and_its_id),
        cmocka_unit_test(forgets_the_type_of_a_block_without_data),
        cmocka_unit_test(takes_retry_of_digits_only),
        cmocka_unit_test(ignores_unknown_fields_and_other_cases),
        cmocka_unit_test(replaces_maximal_subparts),
    };
    return cmocka_run_group_tests_name("whatwg parser", tests, NULL, NULL);
}

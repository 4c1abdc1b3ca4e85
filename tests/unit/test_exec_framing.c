/* SPDX-License-Identifier: MIT */
/* test_exec_framing: a program's output into events is the same however the bytes come. */
#include "source/exec/framing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_BYTES 1024

/* "one|name=two|!hole:600": events and gaps. */
struct record {
    char text[8192];
    size_t len;
};

static void add(struct record *r, const struct exec_piece *p)
{
    char head[64];
    if (p->kind == EXEC_PIECE_GAP) {
        snprintf(head, sizeof head, "!%s:%llu", p->reason, (unsigned long long)p->bytes);
    } else {
        snprintf(head, sizeof head, "%s%s", p->name ? p->name : "", p->name ? "=" : "");
    }
    size_t len = p->kind == EXEC_PIECE_EVENT ? p->len : 0;
    assert_true(r->len + sizeof head + len + 2 < sizeof r->text);
    r->len += (size_t)sprintf(r->text + r->len, "%s%s", r->len ? "|" : "", head);
    if (len > 0) {
        memcpy(r->text + r->len, p->data, len);
    }
    r->len += len;
    r->text[r->len] = '\0';
}

/* Feeds it `step` bytes at a time, as exec_child does. Each call gets memory of its own, so that a
 * sanitizer sees what is read beyond it. */
static void feed(struct exec_framing *f, const char *data, size_t len, size_t step,
                 struct record *r)
{
    size_t from = 0;
    for (size_t to = 0; from < len || to < len;) {
        to = to + step < len ? to + step : len;
        int is_end = to == len;
        for (;;) {
            struct exec_piece piece;
            size_t used;
            char *copy = malloc(to - from + 1);
            assert_non_null(copy);
            memcpy(copy, data + from, to - from);
            char *exact = realloc(copy, to - from ? to - from : 1);
            assert_non_null(exact);
            assert_int_equal(exec_framing_take(f, exact, to - from, is_end, &used, &piece), 0);
            assert_true(used <= to - from);
            from += used;
            if (piece.kind != EXEC_PIECE_NONE) {
                add(r, &piece);
            }
            free(exact);
            if (piece.kind == EXEC_PIECE_NONE) {
                assert_true(to - from < EXEC_FRAMING_REST(MAX_BYTES));
                assert_true(!is_end || from == to);
                break;
            }
        }
    }
}

static void expect_bytes(enum exec_framing_kind kind, const char *data, size_t len, size_t step,
                         const char *expected)
{
    struct record r = {.len = 0};
    struct exec_framing f;
    exec_framing_init(&f, kind, MAX_BYTES);
    feed(&f, data, len, step, &r);
    exec_framing_fini(&f);
    assert_string_equal(r.text, expected);
}

/* However it comes. */
static void expect(enum exec_framing_kind kind, const char *data, const char *expected)
{
    for (size_t step = 1; step <= strlen(data) + 1; step++) {
        expect_bytes(kind, data, strlen(data), step, expected);
    }
}

static char *repeat(char c, size_t count, const char *behind)
{
    char *text = malloc(count + strlen(behind) + 1);
    assert_non_null(text);
    memset(text, c, count);
    strcpy(text + count, behind);
    return text;
}

static void a_line_is_an_event_and_so_is_the_rest(void **state)
{
    (void)state;
    expect(EXEC_LINES, "one\ntwo\r\n\nlast", "one|two||last");
    expect(EXEC_LINES, "one\n", "one");
    expect(EXEC_LINES, "\xef\xbb\xbfone\n", "one");
}

static void a_long_line_is_cut_and_says_so(void **state)
{
    (void)state;
    char *data = repeat('x', 5000, "\nnext\n");
    char *cut = repeat('x', MAX_BYTES, " [... 3976 more bytes]|next");
    expect_bytes(EXEC_LINES, data, strlen(data), 100, cut);
    expect_bytes(EXEC_LINES, data, strlen(data), 6000, cut);
    free(data);
    free(cut);
}

static void nul_bytes_are_a_gap(void **state)
{
    (void)state;
    char *data = repeat('\0', 3000, "");
    memcpy(data + 2996, "end\n", 4);
    expect_bytes(EXEC_LINES, data, 3000, 7, "!hole:2996|end");
    expect_bytes(EXEC_LINES, data, 2000, 64, "!hole:2000");
    free(data);
}

static void what_is_no_json_is_wrapped(void **state)
{
    (void)state;
    expect(EXEC_NDJSON, "{\"a\":1}\nx\"y\n[1",
           "{\"a\":1}|{\"line\":\"x\\\"y\",\"offset\":12}|"
           "{\"line\":\"[1\",\"offset\":14}");
}

static void a_chunk_ends_between_characters(void **state)
{
    (void)state;
    expect_bytes(EXEC_CHUNKS, "a\xc3\xa9z", 4, 2, "a|\xc3\xa9z");
    expect_bytes(EXEC_CHUNKS, "\xf0\x9f\x98\x80", 4, 1, "\xf0\x9f\x98\x80");
    expect_bytes(EXEC_CHUNKS, "a\xe2\x82", 3, 2, "a|\xe2\x82"); /* cut off for good */
    expect_bytes(EXEC_CHUNKS, "\xff\xff", 2, 1, "\xff|\xff");
    expect_bytes(EXEC_CHUNKS, "\xa9\xa9\xa9\xa9", 4, 2, "\xa9\xa9|\xa9\xa9");
}

static void a_chunk_does_not_end_within_a_line_end(void **state)
{
    (void)state;
    expect_bytes(EXEC_CHUNKS, "a\r\nb", 4, 2, "a|\r\nb");
    expect_bytes(EXEC_CHUNKS, "50%\r", 4, 4, "50%\r");
    expect_bytes(EXEC_CHUNKS, "1\r2\r", 4, 2, "1|\r2\r");
}

static void a_chunk_has_a_limit(void **state)
{
    (void)state;
    char *data = repeat('x', 2500, "");
    char *one = repeat('x', MAX_BYTES, "|");
    char *expected = malloc(4096);
    assert_non_null(expected);
    snprintf(expected, 4096, "%s%s%.452s", one, one, data);
    expect_bytes(EXEC_CHUNKS, data, 2500, 2500, expected);
    free(data);
    free(one);
    free(expected);
}

static void an_event_stream_is_passed_through_without_its_ids(void **state)
{
    (void)state;
    expect(EXEC_SSE,
           "\xef\xbb\xbfid: 1\nevent: a\ndata: x\ndata:y\n\n: comment\n\ndata\r\n\r\nretry: 1\n\n"
           "data: z\r\rdata: cut off",
           "a=x\ny||z");
    expect(EXEC_SSE, "event: a\n\ndata: x\n\n", "x");        /* a name without data names nothing */
    expect(EXEC_SSE, "event: stream.end\ndata: x\n\n", "x"); /* ours are ours */
    expect(EXEC_SSE, "event: a\nevent\ndata: x\n\n", "x");
    expect(EXEC_SSE, "DATA: x\ndatax: y\n\n", "");
}

static void an_event_that_is_too_large_is_a_gap(void **state)
{
    (void)state;
    char *data = repeat('x', 4000, "");
    char *text = malloc(10000);
    assert_non_null(text);
    snprintf(text, 10000, "data: 1\n\nevent: e\ndata: %s\ndata: 2\n\ndata: 3\n\n", data);
    expect_bytes(EXEC_SSE, text, strlen(text), 10000, "1|!too-large:4002|3");
    struct record r = {.len = 0};
    struct exec_framing f;
    exec_framing_init(&f, EXEC_SSE, MAX_BYTES);
    feed(&f, text, strlen(text), 50, &r);
    exec_framing_fini(&f);
    assert_non_null(strstr(r.text, "1|!too-large:40"));
    assert_string_equal(r.text + r.len - 2, "|3");
    free(data);
    free(text);
}

/* Whatever bytes: nothing is read beyond them, each call gets on, and memory has its limit. */
static void any_bytes_are_taken(void **state)
{
    (void)state;
    uint64_t seed = 1;
    static const char alphabet[] = "\n\r:a \xc3\xe2\0d";
    for (int round = 0; round < 2000; round++) {
        char data[200];
        struct record r = {.len = 0};
        struct exec_framing f;
        for (size_t i = 0; i < sizeof data; i++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            data[i] = alphabet[(seed >> 33) % (sizeof alphabet - 1)];
        }
        exec_framing_init(&f, (enum exec_framing_kind)(round % 4), MAX_BYTES);
        feed(&f, data, sizeof data, 1 + (size_t)(seed >> 40) % 50, &r);
        exec_framing_fini(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_an_event_and_so_is_the_rest),
        cmocka_unit_test(a_long_line_is_cut_and_says_so),
        cmocka_unit_test(nul_bytes_are_a_gap),
        cmocka_unit_test(what_is_no_json_is_wrapped),
        cmocka_unit_test(a_chunk_ends_between_characters),
        cmocka_unit_test(a_chunk_does_not_end_within_a_line_end),
        cmocka_unit_test(a_chunk_has_a_limit),
        cmocka_unit_test(an_event_stream_is_passed_through_without_its_ids),
        cmocka_unit_test(an_event_that_is_too_large_is_a_gap),
        cmocka_unit_test(any_bytes_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

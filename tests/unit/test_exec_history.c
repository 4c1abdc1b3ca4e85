/* SPDX-License-Identifier: MIT */
/* test_exec_history: what a program wrote lately can be read again, and what cannot is told. */
#include "base/err.h"
#include "source/exec/history.h"
#include "source/source.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GENERATION 0xabcdef012345

struct record {
    char text[4096];
    size_t len;
    struct sse_out out;
    int is_stopping; /* after each one */
};

static void add(struct record *r, const char *text)
{
    r->len += (size_t)snprintf(r->text + r->len, sizeof r->text - r->len, "%s%s", r->len ? "|" : "",
                               text);
    assert_true(r->len < sizeof r->text);
}

static int on_event(void *ctx, const struct sse_event *e)
{
    struct record *r = ctx;
    char text[200];
    snprintf(text, sizeof text, "%s%s%.*s", e->name ? e->name : "", e->name ? "=" : "",
             (int)e->data_len, e->data);
    add(r, text);
    return r->is_stopping;
}

static int on_gap(void *ctx, const struct sse_gap *g)
{
    struct record *r = ctx;
    char text[200];
    snprintf(text, sizeof text, "!%s:%" PRId64, g->reason, g->events);
    add(r, text);
    return r->is_stopping;
}

static void on_end(void *ctx, const char *position, const char *data)
{
    (void)position;
    add(ctx, "$");
    add(ctx, data);
}

static void put(struct exec_history *h, const char *data)
{
    struct exec_entry e = {.kind = EXEC_ENTRY_EVENT, .data = data, .len = strlen(data)};
    exec_history_add(h, &e);
}

static int pull(const struct exec_history *h, char position[SSE_POSITION_SIZE], int is_stopping,
                const char *expected)
{
    struct record r = {.is_stopping = is_stopping};
    r.out = (struct sse_out){.event = on_event, .gap = on_gap, .end = on_end, .ctx = &r};
    int rc = exec_history_pull(h, position, &r.out, 1 << 20);
    assert_string_equal(r.text, expected);
    return rc;
}

static void what_was_put_in_comes_out_in_order(void **state)
{
    (void)state;
    struct exec_history h;
    char at[SSE_POSITION_SIZE], head[SSE_POSITION_SIZE];
    exec_history_init(&h, GENERATION, 1 << 20);
    exec_history_print(&h, 0, at);
    assert_string_equal(at, "abcdef012345.0");
    assert_int_equal(pull(&h, at, 0, ""), SOURCE_HEAD);
    put(&h, "one");
    struct exec_entry named = {.kind = EXEC_ENTRY_EVENT, .name = "n", .data = "", .len = 0};
    exec_history_add(&h, &named);
    struct exec_entry gap = {.kind = EXEC_ENTRY_GAP, .name = "hole", .bytes = 5};
    exec_history_add(&h, &gap);
    assert_int_equal(pull(&h, at, 1, "one"), SOURCE_MORE);
    assert_int_equal(pull(&h, at, 1, "n="), SOURCE_MORE);
    assert_int_equal(pull(&h, at, 1, "!hole:-1"), SOURCE_HEAD);
    assert_int_equal(pull(&h, at, 0, ""), SOURCE_HEAD);
    exec_history_print(&h, h.next - 1, head);
    assert_string_equal(at, head);
    exec_history_fini(&h);
}

static void the_end_is_told_once(void **state)
{
    (void)state;
    struct exec_history h;
    char at[SSE_POSITION_SIZE];
    exec_history_init(&h, GENERATION, 1 << 20);
    put(&h, "one");
    struct exec_entry end = {.kind = EXEC_ENTRY_END, .data = "{}", .len = 2};
    exec_history_add(&h, &end);
    exec_history_print(&h, 0, at);
    assert_int_equal(pull(&h, at, 0, "one|$|{}"), SOURCE_END);
    assert_int_equal(pull(&h, at, 0, ""), SOURCE_END);
    exec_history_fini(&h);
}

static void what_is_too_old_is_told(void **state)
{
    (void)state;
    struct exec_history h;
    char at[SSE_POSITION_SIZE], from[SSE_POSITION_SIZE], to[SSE_POSITION_SIZE];
    char text[16];
    exec_history_init(&h, GENERATION, 4096);
    for (int i = 1; i <= 1000; i++) {
        snprintf(text, sizeof text, "%d", i);
        put(&h, text);
        assert_true(h.bytes <= 4096);
    }
    uint64_t oldest = h.first;
    assert_in_range(oldest, 900, 999);
    snprintf(at, sizeof at, "abcdef012345.10");
    char expected[64];
    snprintf(expected, sizeof expected, "!expired:%" PRIu64, oldest - 11);
    assert_int_equal(pull(&h, at, 1, expected), SOURCE_MORE);
    snprintf(expected, sizeof expected, "%" PRIu64, oldest);
    assert_int_equal(pull(&h, at, 1, expected), SOURCE_MORE);
    exec_history_print(&h, oldest - 1, at); /* the last that needs no gap */
    assert_int_equal(pull(&h, at, 1, expected), SOURCE_MORE);
    assert_int_equal(exec_history_back(&h, 2, at), 0);
    assert_int_equal(pull(&h, at, 0, "999|1000"), SOURCE_HEAD);
    assert_int_equal(exec_history_back(&h, 1000000, at), 0);
    exec_history_print(&h, oldest - 1, from);
    assert_string_equal(at, from);
    exec_history_print(&h, 1000, at);
    assert_int_equal(exec_history_before(&h, at, 3, from, to), 0);
    assert_string_equal(from, "abcdef012345.996");
    assert_string_equal(to, "abcdef012345.999");
    assert_int_equal(exec_history_before(&h, "abcdef012345.10", 3, from, to), ERR_GONE);
    exec_history_fini(&h);
}

static void one_that_is_too_large_to_keep_has_a_number(void **state)
{
    (void)state;
    struct exec_history h;
    char at[SSE_POSITION_SIZE];
    char *large = calloc(1, 5001);
    assert_non_null(large);
    memset(large, 'x', 5000);
    exec_history_init(&h, GENERATION, 4096);
    put(&h, "one");
    put(&h, large);
    put(&h, "three");
    exec_history_print(&h, 1, at);
    assert_int_equal(pull(&h, at, 0, "!expired:1|three"), SOURCE_HEAD);
    exec_history_fini(&h);
    free(large);
}

static void positions_of_others_are_known_as_such(void **state)
{
    (void)state;
    struct exec_history h;
    char at[SSE_POSITION_SIZE] = "000000000001.5";
    uint64_t number;
    int is_ours;
    exec_history_init(&h, GENERATION, 1 << 20);
    put(&h, "one");
    assert_int_equal(pull(&h, at, 0, "!restarted:-1|one"), SOURCE_HEAD);
    snprintf(at, sizeof at, "abcdef012345.2"); /* ahead of what there is */
    assert_int_equal(pull(&h, at, 0, "!restarted:-1|one"), SOURCE_HEAD);
    static const char *const bad[] = {"",
                                      "1",
                                      "abcdef012345",
                                      "abcdef012345.",
                                      "abcdef01234.1",
                                      "abcdef012345.x",
                                      "ABCDEF012345.1",
                                      "abcdef012345.1.1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(exec_history_parse(&h, bad[i], &is_ours, &number), 0);
    }
    exec_history_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_in_comes_out_in_order),
        cmocka_unit_test(the_end_is_told_once),
        cmocka_unit_test(what_is_too_old_is_told),
        cmocka_unit_test(one_that_is_too_large_to_keep_has_a_number),
        cmocka_unit_test(positions_of_others_are_known_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

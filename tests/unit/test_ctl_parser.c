/* SPDX-License-Identifier: MIT */
/* The doctor's event stream parser: it agrees with the standard, however the bytes are cut. */
#include "ctl/parser.h"
#include "whatwg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ITEMS_MAX 512
#define MODEL_RUNS 3000

struct seen {
    struct ctl_item items[ITEMS_MAX];
    size_t count;
};

static void take_item(void *ctx, const struct ctl_item *item)
{
    struct seen *s = ctx;
    assert_true(s->count < ITEMS_MAX);
    s->items[s->count++] = *item;
}

/* Parses text in pieces of `piece` bytes; 0: all at once. */
static void parse(struct seen *s, struct ctl_parser *p, const char *text, size_t len, size_t piece)
{
    s->count = 0;
    ctl_parser_init(p, take_item, s);
    piece = piece ? piece : len;
    for (size_t at = 0; at < len; at += piece) {
        assert_int_equal(ctl_parser_take(p, text + at, len - at < piece ? len - at : piece), 0);
    }
}

#define PARSE(s, p, text) parse((s), (p), (text), sizeof(text) - 1, 0)

static void tells_what_ssecgi_begins_with(void **state)
{
    (void)state;
    static struct seen s;
    struct ctl_parser p;
    PARSE(&s, &p, "retry: 1875\n\nid: 17\n\n: \n\nid: 18\nevent: e\ndata: a\ndata: b\n\n");
    assert_int_equal(s.count, 4);
    assert_int_equal(s.items[0].kind, CTL_RETRY);
    assert_string_equal(s.items[0].data, "1875");
    assert_int_equal(s.items[1].kind, CTL_ID);
    assert_string_equal(s.items[1].id, "17");
    assert_int_equal(s.items[2].kind, CTL_COMMENT);
    assert_int_equal(s.items[3].kind, CTL_EVENT);
    assert_string_equal(s.items[3].id, "18");
    assert_string_equal(s.items[3].name, "e");
    assert_string_equal(s.items[3].data, "a\nb");
    assert_int_equal(p.odd_lines, 0);
    assert_false(ctl_parser_is_inside(&p));
    ctl_parser_fini(&p);
}

static void counts_lines_that_mean_nothing(void **state)
{
    (void)state;
    static struct seen s;
    struct ctl_parser p;
    PARSE(&s, &p, "<html>\nretry: 1x\nid: a\0b\ndata: \xff\nData: x\ndata: y\n\n");
    assert_int_equal(p.odd_lines, 5);
    assert_string_equal(p.odd, "<html>");
    assert_int_equal(s.count, 1);
    assert_string_equal(s.items[0].id, "");
    ctl_parser_fini(&p);
}

static void knows_an_unfinished_block(void **state)
{
    (void)state;
    static struct seen s;
    struct ctl_parser p;
    PARSE(&s, &p, "id: 1\ndata: x\n");
    assert_int_equal(s.count, 0);
    assert_true(ctl_parser_is_inside(&p));
    ctl_parser_fini(&p);
}

static void cuts_what_is_too_long(void **state)
{
    (void)state;
    static struct seen s;
    struct ctl_parser p;
    char *text = malloc(3 * CTL_LINE_MAX);
    assert_non_null(text);
    memset(text, 'x', 3 * CTL_LINE_MAX);
    memcpy(text, "data: ", 6);
    memcpy(text + 3 * CTL_LINE_MAX - 2, "\n\n", 2);
    parse(&s, &p, text, 3 * CTL_LINE_MAX, 1000);
    assert_int_equal(s.count, 1);
    assert_int_equal(strlen(s.items[0].data), CTL_DATA_SIZE - 1);
    assert_int_equal(p.odd_lines, 1);
    ctl_parser_fini(&p);
    free(text);
}

/* --- against the parser that was written from the standard ---------------------------------- */

static const char *const words[] = {
    "data: a\n", "data:b\r\n", "data:  c\r", "data\n",      "data:\n",      "event: e\n",
    "event\n",   "id: 1\n",    "id:2\r\n",   "id\n",        "\n",           "\r\n",
    "\r",        "\n\n",       ": c\n",      ":\r\n",       "retry: 5\n",   "retry: x\n",
    "odd\n",     " data: d\n", "Data: e\n",  "data: f:g\n", "\xef\xbb\xbf",
};

static void assert_agrees(const struct seen *s, const struct whatwg_stream *wanted)
{
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct ctl_item *item = &s->items[i];
        if (item->kind != CTL_EVENT) {
            continue;
        }
        assert_true(n < wanted->count);
        const struct whatwg_event *e = &wanted->events[n++];
        assert_string_equal(item->data, e->data.data);
        assert_string_equal(item->name[0] ? item->name : "message", e->type.data);
        assert_string_equal(item->id, e->last_id.data);
    }
    assert_int_equal(n, wanted->count);
}

static void agrees_with_the_standard_however_cut(void **state)
{
    (void)state;
    static struct seen s;
    uint32_t dice = 1;
    for (int run = 0; run < MODEL_RUNS; run++) {
        char text[512] = "";
        size_t len = 0;
        struct ctl_parser p;
        struct whatwg_stream wanted;
        for (int i = 0; i < 24; i++) {
            dice = dice * 1664525 + 1013904223;
            const char *word = words[(dice >> 16) % (sizeof words / sizeof *words)];
            memcpy(text + len, word, strlen(word));
            len += strlen(word);
        }
        whatwg_parse(&wanted, text, len);
        parse(&s, &p, text, len, (dice >> 8) % 7);
        assert_agrees(&s, &wanted);
        ctl_parser_fini(&p);
        whatwg_free(&wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_ssecgi_begins_with),
        cmocka_unit_test(counts_lines_that_mean_nothing),
        cmocka_unit_test(knows_an_unfinished_block),
        cmocka_unit_test(cuts_what_is_too_long),
        cmocka_unit_test(agrees_with_the_standard_however_cut),
    };
    return cmocka_run_group_tests_name("ctl parser", tests, NULL, NULL);
}

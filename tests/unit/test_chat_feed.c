/* SPDX-License-Identifier: MIT */
/* test_chat_feed: the service's event stream gives the standard's data, however the bytes come. */
#include "source/chat/feed.h"

#include "base/err.h"
#include "whatwg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STREAMS 3000
#define PIECES_MAX 64

struct seen {
    struct buf data; /* of all events, each with a NUL behind it */
    size_t count;
    size_t stop_after; /* 0: never */
};

static int take(void *ctx, const char *data, size_t len)
{
    struct seen *s = ctx;
    assert_int_equal(buf_append(&s->data, data, len), 0);
    assert_int_equal(buf_append_char(&s->data, '\0'), 0);
    return ++s->count == s->stop_after;
}

/* Feeds `step` bytes at a time, each in memory of their own, so that a sanitizer sees what is read beyond. */
static int feed(struct seen *s, const char *bytes, size_t len, size_t step)
{
    struct chat_feed f;
    int rc = 0;
    buf_init(&s->data, 1 << 20);
    s->count = 0;
    chat_feed_init(&f);
    for (size_t at = 0; at < len && !rc; at += step) {
        size_t here = len - at < step ? len - at : step;
        char *copy = malloc(here);
        assert_non_null(copy);
        memcpy(copy, bytes + at, here);
        rc = chat_feed_take(&f, copy, here, take, s);
        free(copy);
    }
    chat_feed_fini(&f);
    return rc;
}

/* `expected` has a "|" after each event's data. */
static void expect(const char *text, const char *expected)
{
    for (size_t step = 1; step <= strlen(text); step++) {
        struct seen s = {.stop_after = 0};
        assert_int_equal(feed(&s, text, strlen(text), step), 0);
        for (size_t i = 0; i < s.data.len; i++) {
            s.data.data[i] = s.data.data[i] ? s.data.data[i] : '|';
        }
        assert_int_equal(s.data.len, strlen(expected));
        assert_memory_equal(s.data.data ? s.data.data : "", expected, s.data.len);
        buf_fini(&s.data);
    }
}

static void takes_the_data_of_events_with_any_line_end(void **state)
{
    (void)state;
    expect("data: a\n\ndata: b\r\n\r\ndata: c\r\rdata:d\n\n", "a|b|c|d|");
    expect("\xef\xbb\xbf" "data: a\n\n", "a|");
}

static void passes_over_what_is_no_data(void **state)
{
    (void)state;
    expect(": processing\n\nevent: x\nid: 1\nretry: 5\ndatum: no\ndata: a\n\nid: 2\n\n", "a|");
}

static void several_lines_of_data_are_one(void **state)
{
    (void)state;
    expect("data: a\ndata:\ndata:  b\ndata\n\n", "a\n\n b\n|");
}

static void an_event_without_its_end_is_none(void **state)
{
    (void)state;
    expect("data: a\n\ndata: b\n", "a|");
    expect("data: a\n\ndata: b", "a|");
}

static void stops_when_it_is_told_to(void **state)
{
    (void)state;
    struct seen s = {.stop_after = 1};
    assert_int_equal(feed(&s, "data: a\n\ndata: b\n\n", 18, 18), 1);
    assert_int_equal(s.count, 1);
    buf_fini(&s.data);
}

static void refuses_a_line_and_data_past_the_limit(void **state)
{
    (void)state;
    static const char line[] = "data: abc\n";
    static char text[3 * CHAT_FEED_MAX];
    for (size_t step = 1000; step <= sizeof text; step *= sizeof text / 1000) {
        struct seen s = {.stop_after = 0};
        memset(text, 'x', sizeof text);
        assert_int_equal(feed(&s, text, sizeof text, step), ERR_LIMIT);
        for (size_t i = 0; i < sizeof text; i++) {
            text[i] = line[i % (sizeof line - 1)];
        }
        assert_int_equal(feed(&s, text, sizeof text, step), ERR_LIMIT);
        assert_int_equal(s.count, 0);
        buf_fini(&s.data);
    }
}

/* ---- against the standard ---- */

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return *state >> 33;
}

static size_t make(char *out, uint64_t *dice)
{
    static const char *const pieces[] = {"data", ":",  " ",    "\n", "\r",     "\r\n",         "x",
                                         "id",   "\n", "data: ", ": ", "\n\n", "\xef\xbb\xbf", "event"};
    size_t len = 0;
    for (uint64_t n = next(dice) % PIECES_MAX; n > 0; n--) {
        const char *piece = pieces[next(dice) % (sizeof pieces / sizeof pieces[0])];
        memcpy(out + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return len;
}

static void agrees_with_the_standard_on_any_bytes(void **state)
{
    (void)state;
    uint64_t dice = 1;
    for (int run = 0; run < STREAMS; run++) {
        char text[PIECES_MAX * 8];
        struct seen s = {.stop_after = 0};
        struct whatwg_stream w;
        size_t len = make(text, &dice);
        whatwg_parse(&w, text, len);
        assert_int_equal(feed(&s, text, len, 1 + next(&dice) % 9), 0);
        assert_int_equal(s.count, w.count);
        const char *at = s.data.data;
        for (size_t i = 0; i < w.count; i++) {
            assert_string_equal(at, w.events[i].data.data);
            at += strlen(at) + 1;
        }
        whatwg_free(&w);
        buf_fini(&s.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_data_of_events_with_any_line_end),
        cmocka_unit_test(passes_over_what_is_no_data),
        cmocka_unit_test(several_lines_of_data_are_one),
        cmocka_unit_test(an_event_without_its_end_is_none),
        cmocka_unit_test(stops_when_it_is_told_to),
        cmocka_unit_test(refuses_a_line_and_data_past_the_limit),
        cmocka_unit_test(agrees_with_the_standard_on_any_bytes),
    };
    return cmocka_run_group_tests_name("chat_feed", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* The encoder, tested by parsing its output back: what comes out equals what went in. */
#include "sse/frame.h"

#include "base/buf.h"
#include "base/err.h"
#include "whatwg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT_BYTES (16U * 1024 * 1024)
#define RANDOM_STRINGS 20000
#define RANDOM_BYTES_MAX 600
#define SEED 0x2545f4914f6cdd1dULL

/* What a client must see of `data`: line ends are LF, what is not UTF-8 is U+FFFD. */
static size_t expected_data(char *out, const char *data, size_t len)
{
    char *decoded = malloc(3 * len + 1);
    assert_non_null(decoded);
    size_t total = whatwg_utf8_decode(decoded, data, len);
    size_t used = 0;
    for (size_t i = 0; i < total; i++) {
        if (decoded[i] == '\r' && i + 1 < total && decoded[i + 1] == '\n') {
            continue;
        }
        out[used++] = decoded[i] == '\r' ? '\n' : decoded[i];
    }
    free(decoded);
    return used;
}

/* One frame between two others, so that a frame that runs on or stops short shows. */
static void assert_round_trip(struct buf *b, const char *name, const char *data, size_t len)
{
    char wanted[3 * RANDOM_BYTES_MAX + 1];
    assert_true(len <= RANDOM_BYTES_MAX);
    size_t wanted_len = expected_data(wanted, data, len);
    buf_clear(b);
    assert_int_equal(sse_frame_event(b, "before", "first", "x", 1), 0);
    assert_int_equal(sse_frame_event(b, "a.1", name, data, len), 0);
    assert_int_equal(sse_frame_event(b, NULL, NULL, "y", 1), 0);
    struct whatwg_stream s;
    whatwg_parse(&s, b->data, b->len);
    assert_int_equal(s.count, 3);
    assert_string_equal(s.events[0].data.data, "x");
    assert_string_equal(s.events[1].last_id.data, "a.1");
    assert_string_equal(s.events[1].type.data, name ? name : "message");
    assert_int_equal(s.events[1].data.len, wanted_len);
    assert_memory_equal(s.events[1].data.data, wanted, wanted_len);
    assert_string_equal(s.events[2].data.data, "y");
    assert_string_equal(s.events[2].type.data, "message");
    assert_string_equal(s.events[2].last_id.data, "a.1");
    assert_false(s.has_retry);
    whatwg_free(&s);
}

/* Bytes that mean something to a parser, and pieces of characters. */
static const char nasty[] = "\r\n\0 :a\xc3\xa9\xff\xef\xbb\xbf";
#define NASTY_COUNT (sizeof nasty - 1)
#define NASTY_LENGTH_MAX 4

static void returns_every_short_nasty_string(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, LIMIT_BYTES);
    for (size_t len = 0; len <= NASTY_LENGTH_MAX; len++) {
        size_t total = 1;
        for (size_t i = 0; i < len; i++) {
            total *= NASTY_COUNT;
        }
        for (size_t n = 0; n < total; n++) {
            char data[NASTY_LENGTH_MAX];
            size_t rest = n;
            for (size_t i = 0; i < len; i++) {
                data[i] = nasty[rest % NASTY_COUNT];
                rest /= NASTY_COUNT;
            }
            assert_round_trip(&b, NULL, data, len);
        }
    }
    buf_fini(&b);
}

static void returns_every_pair_of_bytes(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, LIMIT_BYTES);
    for (unsigned n = 0; n < 65536; n++) {
        char data[2] = {(char)(n >> 8), (char)(n & 0xff)};
        assert_round_trip(&b, "name", data, sizeof data);
    }
    buf_fini(&b);
}

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Mostly whole characters and field names with some bytes broken: pure noise never gets far. */
static size_t random_data(uint64_t *seed, char *out)
{
    static const char *const pieces[] = {
        "\r",
        "\n",
        "\r\n",
        "\n\n",
        "data: ",
        "id: 9\n",
        "event: x\n",
        "retry: 1\n",
        ": c\n",
        " ",
        "\xc3\xa9",
        "\xe2\x82\xac",
        "\xf0\x9f\x98\x80",
        "\xef\xbb\xbf",
        "\xed\xa0\x80",
        "\xe2\x80\xa8",
        "\xc0\x80",
        "\xf4\x90\x80\x80",
        "\xf0\x9f\x98",
        "\xe2\x82",
        "plain text",
        "\xc2\x85",
    };
    size_t len = 0;
    size_t wanted = random_next(seed) % RANDOM_BYTES_MAX;
    while (len < wanted) {
        uint64_t r = random_next(seed);
        if (r % 8 == 0) {
            out[len++] = (char)(r >> 8 & 0xff);
            continue;
        }
        const char *piece = pieces[(r >> 8) % (sizeof pieces / sizeof *pieces)];
        size_t piece_len = strlen(piece);
        if (len + piece_len > RANDOM_BYTES_MAX) {
            break;
        }
        memcpy(out + len, piece, piece_len);
        len += piece_len;
    }
    return len;
}

static void returns_long_random_strings(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, LIMIT_BYTES);
    uint64_t seed = SEED;
    for (int i = 0; i < RANDOM_STRINGS; i++) {
        char data[RANDOM_BYTES_MAX];
        assert_round_trip(&b, i % 2 ? "tick" : NULL, data, random_data(&seed, data));
    }
    buf_fini(&b);
}

static void writes_fields_in_a_fixed_form(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, LIMIT_BYTES);
    assert_int_equal(sse_frame_event(&b, "p1", "e", "a\r\nb", 4), 0);
    static const char wanted[] = "id: p1\nevent: e\ndata: a\ndata: b\n\n";
    assert_int_equal(b.len, sizeof wanted - 1);
    assert_memory_equal(b.data, wanted, b.len);
    assert_memory_equal(b.data + SSE_FRAME_ID_OFFSET, "p1", 2);
    buf_fini(&b);
}

static void dispatches_empty_data(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, LIMIT_BYTES);
    assert_int_equal(sse_frame_event(&b, "p", NULL, NULL, 0), 0);
    struct whatwg_stream s;
    whatwg_parse(&s, b.data, b.len);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.events[0].data.len, 0);
    whatwg_free(&s);
    buf_fini(&b);
}

/* Looking for the next LF from each CR anew would take minutes here. */
static void takes_a_megabyte_of_line_ends(void **state)
{
    (void)state;
    const size_t len = 1024 * 1024;
    char *data = malloc(len);
    assert_non_null(data);
    memset(data, '\r', len);
    struct buf b;
    buf_init(&b, LIMIT_BYTES);
    assert_int_equal(sse_frame_event(&b, NULL, NULL, data, len), 0);
    assert_int_equal(b.len, (len + 1) * 7 + 1);
    for (size_t at = 0; at + 1 < b.len; at += 7) {
        assert_int_equal(memcmp(b.data + at, "data: \n", 7), 0);
    }
    free(data);
    buf_fini(&b);
}

static void keeps_line_ends_out_of_the_name(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, LIMIT_BYTES);
    assert_int_equal(sse_frame_event(&b, "p", "a\r\ndata: forged\n\nid: x\xff", "d", 1), 0);
    struct whatwg_stream s;
    whatwg_parse(&s, b.data, b.len);
    assert_int_equal(s.count, 1);
    assert_string_equal(s.events[0].type.data, "a  data: forged  id: x\xef\xbf\xbd");
    assert_string_equal(s.events[0].data.data, "d");
    assert_string_equal(s.last_id.data, "p");
    whatwg_free(&s);
    buf_fini(&b);
}

static void comments_dispatch_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "keep-alive", "a\ndata: forged\r\n\n", "\xff", ": :"};
    struct buf b;
    buf_init(&b, LIMIT_BYTES);
    assert_int_equal(sse_frame_event(&b, "p", NULL, "d", 1), 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(sse_frame_comment(&b, texts[i]), 0);
        assert_memory_equal(b.data + b.len - 2, "\n\n", 2);
    }
    struct whatwg_stream s;
    whatwg_parse(&s, b.data, b.len);
    assert_int_equal(s.count, 1);
    assert_string_equal(s.last_id.data, "p");
    whatwg_free(&s);
    buf_fini(&b);
}

static void retry_and_id_blocks_count_without_an_event(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, LIMIT_BYTES);
    assert_int_equal(sse_frame_retry(&b, UINT64_MAX), 0);
    assert_int_equal(sse_frame_retry(&b, 2000), 0);
    assert_int_equal(sse_frame_id(&b, "g.12~a_b-c"), 0);
    struct whatwg_stream s;
    whatwg_parse(&s, b.data, b.len);
    assert_int_equal(s.count, 0);
    assert_true(s.has_retry);
    assert_int_equal(s.retry_ms, 2000);
    assert_string_equal(s.last_id.data, "g.12~a_b-c");
    whatwg_free(&s);
    buf_fini(&b);
}

/* One form of frame, for a buffer with too little room. */
static int append_kind(struct buf *b, int kind)
{
    switch (kind) {
    case 0:
        return sse_frame_event(b, "p", "name", "a\n\xff\nb", 5);
    case 1:
        return sse_frame_comment(b, "text\nmore");
    case 2:
        return sse_frame_retry(b, 12345);
    default:
        return sse_frame_id(b, "position");
    }
}

static void appends_whole_frames_or_nothing(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        int has_fit = 0;
        for (size_t limit = 3; limit < 80; limit++) {
            struct buf b;
            buf_init(&b, limit);
            assert_int_equal(buf_append(&b, "abc", 3), 0);
            int rc = append_kind(&b, kind);
            assert_true(rc == 0 || rc == ERR_LIMIT);
            assert_false(has_fit && rc); /* what fits in less fits in more */
            has_fit = rc == 0;
            assert_true(has_fit ? b.len > 3 : b.len == 3);
            assert_memory_equal(b.data, "abc", 3);
            buf_fini(&b);
        }
        assert_true(has_fit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(returns_every_short_nasty_string),
        cmocka_unit_test(returns_every_pair_of_bytes),
        cmocka_unit_test(returns_long_random_strings),
        cmocka_unit_test(writes_fields_in_a_fixed_form),
        cmocka_unit_test(dispatches_empty_data),
        cmocka_unit_test(takes_a_megabyte_of_line_ends),
        cmocka_unit_test(keeps_line_ends_out_of_the_name),
        cmocka_unit_test(comments_dispatch_nothing),
        cmocka_unit_test(retry_and_id_blocks_count_without_an_event),
        cmocka_unit_test(appends_whole_frames_or_nothing),
    };
    return cmocka_run_group_tests_name("sse frame", tests, NULL, NULL);
}

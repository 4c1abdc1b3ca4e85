/* SPDX-License-Identifier: MIT */
/* test_tail_lines: bytes into lines, however they are cut up; and positions to text and back. */
#include "test_tail_rig.h"

#include "base/hash.h"
#include "source/tail/identity.h"

#define LIMIT 1024

/* "line|" for lines, "#12|" for holes. */
static size_t feed(const char *data, size_t len, size_t chunk, char *out)
{
    const char *begin = out;
    struct tail_lines l = {.max_line_bytes = LIMIT};
    size_t at = 0, end = 0;
    struct tail_piece piece;
    for (;;) {
        size_t used;
        assert_int_equal(tail_lines_take(&l, data + at, end - at, at == 0, &used, &piece), 0);
        assert_true(used <= end - at);
        at += used;
        if (piece.kind == TAIL_PIECE_LINE) {
            memcpy(out, piece.data, piece.len);
            out += piece.len;
            *out++ = '|';
        } else if (piece.kind == TAIL_PIECE_HOLE) {
            out += sprintf(out, "#%" PRIu64 "|", piece.bytes);
        } else {
            assert_true(end - at <= TAIL_LINE_REST(LIMIT));
            if (end == len) {
                break;
            }
            end = len - end < chunk ? len : end + chunk;
        }
    }
    tail_lines_finish(&l, data + at, end - at, at == 0, &piece);
    if (piece.kind == TAIL_PIECE_LINE) {
        memcpy(out, piece.data, piece.len);
        out += piece.len;
    } else if (piece.kind == TAIL_PIECE_HOLE) {
        out += sprintf(out, "#%" PRIu64, piece.bytes);
    }
    *out = '\0';
    tail_lines_fini(&l);
    return (size_t)(out - begin);
}

static void expect(const char *data, size_t len, const char *expected)
{
    char out[8192];
    feed(data, len, len ? len : 1, out);
    assert_string_equal(out, expected);
}

static void cuts_lines_at_lf_and_crlf(void **state)
{
    (void)state;
    expect("a\nb\r\n\n\r\nc", 10, "a|b|||c");
    expect("", 0, "");
    expect("\n", 1, "|");
    expect("\xef\xbb\xbf" "a\n\xef\xbb\xbf\n", 9, "a|\xef\xbb\xbf|");
}

static void tells_holes(void **state)
{
    char data[2048];
    (void)state;
    memset(data, 0, sizeof data);
    expect("\0\0\0a\n", 5, "#3|a|");
    memcpy(data, "ab", 2);
    memcpy(data + 2 + TAIL_HOLE_BYTES, "c\n", 2);
    expect(data, TAIL_HOLE_BYTES + 4, "ab|#512|c|");
    memset(data, 0, sizeof data);
    expect(data, sizeof data, "#2048");
}

static void the_limit_itself_is_not_cut(void **state)
{
    char data[LIMIT + 8], expected[LIMIT + 64];
    (void)state;
    memset(data, 'x', sizeof data);
    data[LIMIT] = '\n';
    memset(expected, 'x', LIMIT);
    strcpy(expected + LIMIT, "|");
    expect(data, LIMIT + 1, expected);
    data[LIMIT] = 'x';
    data[LIMIT + 1] = '\n';
    strcpy(expected + LIMIT, " [... 1 more bytes]|");
    expect(data, LIMIT + 2, expected);
}

/* Half as long as it may be, and cut between characters. */
static void cuts_between_characters(void **state)
{
    char data[LIMIT + 8], expected[LIMIT + 64];
    (void)state;
    memset(data, 'x', sizeof data);
    memcpy(data + LIMIT - 1, "\xc3\xa9zz\n", 5);
    memset(expected, 'x', LIMIT - 1);
    strcpy(expected + LIMIT - 1, " [... 4 more bytes]|");
    expect(data, LIMIT + 4, expected);
}

static void how_bytes_are_chopped_makes_no_difference(void **state)
{
    static const struct {
        char byte;
        size_t most;
    } runs[] = {{'\n', 2}, {'\r', 2}, {'a', 40}, {'b', 1500}, {0, 3}, {0, 1200}, {'\xc3', 2},
                {'\xa9', 3}, {'\xef', 1}, {'\xbb', 1}, {'\xbf', 1}};
    static char data[60000], whole[140000], parts[140000];
    uint64_t n = 0;
    (void)state;
    for (int round = 0; round < 400; round++) {
        size_t len = 0;
        while (len < 20000) {
            size_t kind = hash_mix64(++n) % (sizeof runs / sizeof *runs);
            size_t run = 1 + hash_mix64(++n) % runs[kind].most;
            memset(data + len, runs[kind].byte, run);
            len += run;
        }
        size_t whole_len = feed(data, len, len, whole);
        size_t chunk = 1 + hash_mix64(++n) % (round % 2 ? 50 : 3000);
        assert_int_equal(feed(data, len, chunk, parts), whole_len);
        assert_memory_equal(whole, parts, whole_len);
    }
}

static void positions_come_back_as_they_were(void **state)
{
    (void)state;
    for (uint64_t i = 1; i < 20000; i++) {
        struct tail_position p = {
            .label = {.birth_ms = hash_mix64(i) & TAIL_BIRTH_MASK,
                      .tag = (uint32_t)hash_mix64(i + 1) & TAIL_TAG_MASK},
            .offset = hash_mix64(i + 2) >> (1 + i % 63),
            .head = hash_mix64(i + 3) & TAIL_HEAD_MASK,
            .before = (uint32_t)hash_mix64(i + 4) & TAIL_BEFORE_MASK,
        };
        struct tail_position q;
        char text[SSE_POSITION_SIZE], again[SSE_POSITION_SIZE];
        tail_position_print(&p, text);
        assert_true(sse_position_is_valid(text, strlen(text)));
        assert_int_equal(tail_position_parse(text, &q), 0);
        assert_true(tail_label_equal(p.label, q.label));
        assert_true(p.offset == q.offset && p.head == q.head && p.before == q.before);
        tail_position_print(&q, again);
        assert_string_equal(text, again);
        for (size_t k = 0; text[k]; k++) {
            text[k] = '!';
            assert_int_equal(tail_position_parse(text, &q), ERR_INVALID);
            text[k] = again[k];
        }
    }
}

static void hashes_tell_bytes_apart(void **state)
{
    char bytes[TAIL_HEAD_BYTES] = "";
    (void)state;
    uint64_t head = tail_hash_head(bytes, sizeof bytes);
    uint32_t before = tail_hash_before(bytes, TAIL_BEFORE_BYTES);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = 1;
        assert_true(tail_hash_head(bytes, sizeof bytes) != head);
        assert_true(i >= TAIL_BEFORE_BYTES || tail_hash_before(bytes, TAIL_BEFORE_BYTES) != before);
        bytes[i] = 0;
        assert_true(tail_hash_head(bytes, i) != head);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_lines_at_lf_and_crlf),
        cmocka_unit_test(tells_holes),
        cmocka_unit_test(the_limit_itself_is_not_cut),
        cmocka_unit_test(cuts_between_characters),
        cmocka_unit_test(how_bytes_are_chopped_makes_no_difference),
        cmocka_unit_test(positions_come_back_as_they_were),
        cmocka_unit_test(hashes_tell_bytes_apart),
    };
    return cmocka_run_group_tests_name("tail_lines", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* FastCGI records: read in every cut and from garbage, and name-value pairs. */
#include "gate/fcgi_record.h"

#include "base/buf.h"
#include "base/err.h"
#include "hub_rig.h"

#include <stdlib.h>
#include <string.h>

#define STREAM_BYTES 200000
#define PIECES_MAX 64

static void add_record(struct buf *b, uint8_t type, uint16_t id, size_t len, uint8_t padding)
{
    uint8_t head[FCGI_RECORD_HEAD_BYTES];
    fcgi_record_head(head, type, id, (uint16_t)len);
    head[6] = padding;
    head[7] = 0xee; /* reserved: anything */
    assert_int_equal(buf_append(b, head, sizeof head), 0);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(buf_append_char(b, (char)(b->len * 31 + type)), 0);
    }
    for (size_t i = 0; i < padding; i++) {
        assert_int_equal(buf_append_char(b, 9), 0);
    }
}

/* Walks over the whole stream at once, the simple way: where record number `n` begins. */
static int record_at(const struct buf *b, size_t n, size_t *at)
{
    *at = 0;
    while (b->len - *at >= FCGI_RECORD_HEAD_BYTES) {
        const uint8_t *head = (uint8_t *)b->data + *at;
        if (head[0] != 1) {
            return 0;
        }
        if (n-- == 0) {
            return 1;
        }
        size_t whole = FCGI_RECORD_HEAD_BYTES + (size_t)(head[4] << 8 | head[5]) + head[6];
        if (b->len - *at < whole) {
            return 0;
        }
        *at += whole;
    }
    return 0;
}

/* What the parser has said so far, checked against the walk. */
struct reading {
    struct fcgi_record_parser parser;
    const struct buf *stream;
    size_t records;
    size_t content; /* of the record in progress */
    int is_broken;
};

static void check_piece(struct reading *g, const struct fcgi_record_piece *p)
{
    size_t at;
    assert_int_equal(record_at(g->stream, g->records, &at), 1);
    const uint8_t *head = (uint8_t *)g->stream->data + at;
    assert_int_equal(p->type, head[1]);
    assert_int_equal(p->id, head[2] << 8 | head[3]);
    assert_int_equal(p->content_len, head[4] << 8 | head[5]);
    assert_int_equal(p->is_first, g->content == 0);
    assert_true(p->len > 0 || p->content_len == 0);
    assert_memory_equal(p->data, head + FCGI_RECORD_HEAD_BYTES + g->content, p->len);
    g->content += p->len;
    assert_int_equal(p->is_last, g->content == p->content_len);
    if (p->is_last) {
        g->records++;
        g->content = 0;
    }
}

/* Feeds bytes [from, to) out of a block of their own, so that reading past them is seen. */
static void feed(struct reading *g, size_t from, size_t to)
{
    size_t len = to - from;
    uint8_t *block = malloc(len ? len : 1);
    size_t at = 0;
    assert_non_null(block);
    memcpy(block, g->stream->data + from, len);
    while (at < len && !g->is_broken) {
        struct fcgi_record_piece piece;
        size_t used = 0;
        int rc = fcgi_record_next(&g->parser, block + at, len - at, &used, &piece);
        assert_true(used <= len - at);
        if (rc == 1) {
            check_piece(g, &piece);
        } else if (rc) {
            assert_int_equal(rc, ERR_PROTOCOL);
            g->is_broken = 1;
        }
        assert_true(used > 0 || g->is_broken);
        at += used;
    }
    free(block);
}

static void reads_the_same_in_every_cut(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, STREAM_BYTES);
    add_record(&b, FCGI_TYPE_BEGIN_REQUEST, 1, 8, 0);
    add_record(&b, FCGI_TYPE_PARAMS, 0xfffe, 5, 3);
    add_record(&b, FCGI_TYPE_PARAMS, 1, 0, 0);
    add_record(&b, FCGI_TYPE_STDIN, 1, 0, 8);
    add_record(&b, 200, 0, 1, 255);
    add_record(&b, FCGI_TYPE_STDIN, 1, 0, 0);
    for (size_t a = 0; a <= b.len; a++) {
        for (size_t c = a; c <= b.len; c++) {
            struct reading g = {.stream = &b};
            feed(&g, 0, a);
            feed(&g, a, c);
            feed(&g, c, b.len);
            assert_int_equal(g.records, 6);
            assert_false(g.is_broken);
        }
    }
    struct reading g = {.stream = &b};
    for (size_t i = 0; i < b.len; i++) {
        feed(&g, i, i + 1);
    }
    assert_int_equal(g.records, 6);
    buf_fini(&b);
}

static void feed_random(struct rig_dice *d, const struct buf *b, int *is_broken, size_t *records)
{
    struct reading g = {.stream = b};
    size_t most = 1 + (size_t)rig_roll(d, 3000);
    for (size_t at = 0; at < b->len;) {
        size_t len = (size_t)rig_roll(d, most) + 1;
        len = len < b->len - at ? len : b->len - at;
        feed(&g, at, at + len);
        at += len;
    }
    *is_broken = g.is_broken;
    *records = g.records;
}

static void reads_long_records_in_random_cuts(void **state)
{
    (void)state;
    struct rig_dice d = {.state = 1};
    for (int round = 0; round < 200; round++) {
        struct buf b;
        int is_broken;
        size_t records;
        size_t wanted = (size_t)rig_roll(&d, 4);
        buf_init(&b, 4 * STREAM_BYTES);
        for (size_t i = 0; i < wanted; i++) {
            size_t len = rig_chance(&d, 50) ? 65535 : (size_t)rig_roll(&d, 65536);
            add_record(&b, (uint8_t)rig_roll(&d, 256), (uint16_t)rig_roll(&d, 65536), len,
                       (uint8_t)rig_roll(&d, 256));
        }
        feed_random(&d, &b, &is_broken, &records);
        assert_int_equal(records, wanted);
        assert_false(is_broken);
        buf_fini(&b);
    }
}

/* Random bytes, with more ones and zeros than chance gives, so that some are taken for records. */
static void stops_at_the_first_record_of_another_version(void **state)
{
    (void)state;
    struct rig_dice d = {.state = 2};
    size_t broken = 0;
    for (int round = 0; round < 20000; round++) {
        struct buf b;
        int is_broken;
        size_t records;
        size_t at;
        buf_init(&b, STREAM_BYTES);
        for (uint64_t n = rig_roll(&d, 100); n > 0; n--) {
            uint64_t byte = rig_chance(&d, 40) ? rig_roll(&d, 256) : rig_roll(&d, 2);
            assert_int_equal(buf_append_char(&b, (char)byte), 0);
        }
        feed_random(&d, &b, &is_broken, &records);
        broken += (size_t)is_broken;
        /* The simple walk ends where the parser did. */
        size_t whole = 0;
        while (record_at(&b, whole, &at)) {
            whole++;
        }
        int is_wrong = 0;
        if (whole == 0) {
            is_wrong = b.len > 0 && b.data[0] != 1;
        } else {
            record_at(&b, whole - 1, &at);
            const uint8_t *head = (uint8_t *)b.data + at;
            size_t next = at + 8 + (size_t)(head[4] << 8 | head[5]) + head[6];
            is_wrong = next < b.len && b.data[next] != 1;
        }
        assert_int_equal(is_broken, is_wrong);
        assert_true(records <= whole && records + 1 >= whole);
        buf_fini(&b);
    }
    assert_in_range(broken, 2000, 19000);
}

static void writes_heads_and_ends(void **state)
{
    (void)state;
    static const uint8_t end[] = {1, 3, 0xab, 0xcd, 0, 8, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0};
    uint8_t out[2 * FCGI_RECORD_HEAD_BYTES];
    fcgi_record_end(out, 0xabcd, FCGI_STATUS_UNKNOWN_ROLE);
    assert_memory_equal(out, end, sizeof end);
    fcgi_record_head(out, FCGI_TYPE_STDOUT, 1, 0xffff);
    assert_memory_equal(out, "\1\6\0\1\xff\xff\0\0", FCGI_RECORD_HEAD_BYTES);
}

/* --- name-value pairs ---------------------------------------------------------------------- */

static void add_length(struct buf *b, size_t len, int is_long)
{
    if (is_long || len > 127) {
        assert_int_equal(buf_append_char(b, (char)(len >> 24 | 0x80)), 0);
        assert_int_equal(buf_append_char(b, (char)(len >> 16)), 0);
        assert_int_equal(buf_append_char(b, (char)(len >> 8)), 0);
    }
    assert_int_equal(buf_append_char(b, (char)len), 0);
}

static void add_pair(struct buf *b, const char *name, const char *value, int is_long)
{
    add_length(b, strlen(name), is_long);
    add_length(b, strlen(value), is_long);
    assert_int_equal(buf_append_str(b, name), 0);
    assert_int_equal(buf_append_str(b, value), 0);
}

/* Out of a block of its own. */
static int are_whole(const void *data, size_t len)
{
    uint8_t *block = malloc(len ? len : 1);
    assert_non_null(block);
    if (len > 0) {
        memcpy(block, data, len);
    }
    int whole = fcgi_record_check_pairs(block, len) == 0;
    free(block);
    return whole;
}

static void tells_whole_pairs_from_cut_ones(void **state)
{
    (void)state;
    struct buf b;
    char value[301] = "";
    size_t ends[PIECES_MAX] = {0};
    size_t count = 1;
    buf_init(&b, STREAM_BYTES);
    memset(value, 'v', 300);
    add_pair(&b, "A", "", 0);
    ends[count++] = b.len;
    add_pair(&b, "", "", 1);
    ends[count++] = b.len;
    add_pair(&b, "NAME", value, 0);
    ends[count++] = b.len;
    add_pair(&b, "HTTP_COOKIE", "x=1", 1);
    ends[count++] = b.len;
    for (size_t len = 0; len <= b.len; len++) {
        int is_end = 0;
        for (size_t i = 0; i < count; i++) {
            is_end |= len == ends[i];
        }
        assert_int_equal(are_whole(b.data, len), is_end);
    }
    buf_fini(&b);
}

static void refuses_lengths_that_reach_beyond_the_end(void **state)
{
    (void)state;
    assert_true(are_whole("", 0));
    assert_false(are_whole("\1", 1));
    assert_false(are_whole("\x80\0\0", 3));
    assert_false(are_whole("\xff\xff\xff\xff\xff\xff\xff\xff", 8));
    assert_false(are_whole("\xff\xff\xff\xff\1xx", 7));
    assert_false(are_whole("\1\xff\xff\xff\xffxx", 7));
    assert_false(are_whole("\1\2xy", 4));
    assert_true(are_whole("\1\2xyz", 5));
}

static void finds_a_nul_in_a_name_or_a_value(void **state)
{
    (void)state;
    const struct {
        const char *pairs;
        size_t len;
        int has_nul;
    } cases[] = {
        {"", 0, 0},
        {"\1\2xyz\0\0", 7, 0}, /* lengths are no text */
        {"\0\1v\1\0n", 6, 0},
        {"\1\2xy\0", 5, 1},
        {"\1\2\0yz", 5, 1},
        {"\1\2xyz\2\1a\0v", 10, 1},
        {"\x80\0\0\1\x80\0\0\1nv", 10, 0},
        {"\x80\0\0\1\x80\0\0\1n\0", 10, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t *data = (const uint8_t *)cases[i].pairs;
        assert_int_equal(fcgi_record_check_pairs(data, cases[i].len),
                         cases[i].has_nul ? ERR_INVALID : 0);
    }
}

static void reads_lengths_of_one_and_four_bytes(void **state)
{
    (void)state;
    size_t used = 0;
    uint32_t len = 0;
    assert_int_equal(fcgi_record_length((const uint8_t *)"\x7f", 1, &used, &len), 0);
    assert_true(used == 1 && len == 127);
    assert_int_equal(fcgi_record_length((const uint8_t *)"\x80\0\0\5", 4, &used, &len), 0);
    assert_true(used == 4 && len == 5);
    assert_int_equal(fcgi_record_length((const uint8_t *)"\xff\xff\xff\xfe", 4, &used, &len), 0);
    assert_true(used == 4 && len == 0x7ffffffe);
    assert_int_equal(fcgi_record_length((const uint8_t *)"", 0, &used, &len), ERR_PROTOCOL);
    assert_int_equal(fcgi_record_length((const uint8_t *)"\x80\0\0", 3, &used, &len), ERR_PROTOCOL);
}

/* --- FCGI_GET_VALUES ----------------------------------------------------------------------- */

static void assert_answer(const struct buf *asked, uint64_t max_conns, const char *wanted,
                          size_t wanted_len)
{
    struct buf out;
    buf_init(&out, 4096);
    assert_int_equal(buf_append(&out, "before", 6), 0);
    assert_int_equal(fcgi_record_answer_values((uint8_t *)asked->data, asked->len, max_conns, &out),
                     0);
    const uint8_t head[8] = {1, FCGI_TYPE_GET_VALUES_RESULT, 0, 0, 0, (uint8_t)wanted_len, 0, 0};
    assert_int_equal(out.len, 6 + sizeof head + wanted_len);
    assert_memory_equal(out.data + 6, head, sizeof head);
    assert_memory_equal(out.data + 14, wanted, wanted_len);
    buf_fini(&out);
}

static void answers_the_values_that_it_knows_each_once(void **state)
{
    (void)state;
    struct buf asked;
    buf_init(&asked, 4096);
    assert_answer(&asked, 1, "", 0);
    add_pair(&asked, "FCGI_MPXS_CONNS", "", 0);
    add_pair(&asked, "FCGI_OTHER", "", 0);
    add_pair(&asked, "FCGI_MAX_CONN", "", 0);
    add_pair(&asked, "FCGI_MAX_CONNS", "ignored", 1);
    add_pair(&asked, "FCGI_MPXS_CONNS", "", 0);
    add_pair(&asked, "FCGI_MAX_REQS", "", 0);
    static const char wanted[] = "\17\1FCGI_MPXS_CONNS0"
                                 "\16\5FCGI_MAX_CONNS10000"
                                 "\15\5FCGI_MAX_REQS10000";
    assert_answer(&asked, 10000, wanted, sizeof wanted - 1);
    buf_fini(&asked);
}

static void refuses_broken_questions_and_adds_nothing(void **state)
{
    (void)state;
    struct buf asked;
    struct buf out;
    buf_init(&asked, 4096);
    buf_init(&out, 4096);
    add_pair(&asked, "FCGI_MAX_CONNS", "", 0);
    assert_int_equal(buf_append(&asked, "\5", 1), 0);
    assert_int_equal(buf_append(&out, "x", 1), 0);
    assert_int_equal(fcgi_record_answer_values((uint8_t *)asked.data, asked.len, 1, &out),
                     ERR_PROTOCOL);
    assert_int_equal(out.len, 1);
    buf_fini(&asked);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_same_in_every_cut),
        cmocka_unit_test(reads_long_records_in_random_cuts),
        cmocka_unit_test(stops_at_the_first_record_of_another_version),
        cmocka_unit_test(writes_heads_and_ends),
        cmocka_unit_test(tells_whole_pairs_from_cut_ones),
        cmocka_unit_test(refuses_lengths_that_reach_beyond_the_end),
        cmocka_unit_test(finds_a_nul_in_a_name_or_a_value),
        cmocka_unit_test(reads_lengths_of_one_and_four_bytes),
        cmocka_unit_test(answers_the_values_that_it_knows_each_once),
        cmocka_unit_test(refuses_broken_questions_and_adds_nothing),
    };
    return cmocka_run_group_tests_name("gate_record", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* test_tail_seek: pages before a position, places by time, and filtered views; each held against
 * reading the whole log forward. */
#include "test_tail_rig.h"

#include "base/buf.h"
#include "base/clock.h"
#include "source/filter.h"
#include "source/tail/seek.h"
#include "source/tail/view.h"

#define SEEDS 30
#define PROBES 40

static uint64_t dice_state;

static unsigned dice(unsigned sides)
{
    dice_state = dice_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)((dice_state >> 33) % sides);
}

static void record_advance(void *ctx, const char *position)
{
    (void)ctx;
    (void)position;
}

static struct tail_style style_of(const char *grep, const char *regex)
{
    struct tail_style s = {.format = LINE_FORMAT_TEXT, .clock = &clock_system};
    struct filter_want want = {.grep = grep, .regex = regex};
    struct err err;
    assert_int_equal(filter_new(&s.filter, &want, &err), 0);
    return s;
}

/* A page that ends with the event at a position. */
struct cut {
    struct record *page;
    const char *until;
    int is_done;
};

static int cut_at(struct cut *c, const char *position)
{
    c->is_done = strcmp(position, c->until) == 0;
    return c->is_done;
}

static int cut_event(void *ctx, const struct sse_event *e)
{
    struct cut *c = ctx;
    record_event(c->page, e);
    return cut_at(c, e->position);
}

static int cut_gap(void *ctx, const struct sse_gap *gap)
{
    struct cut *c = ctx;
    record_gap(c->page, gap);
    return cut_at(c, gap->position);
}

/* What a reader of this style gets from `position` on, up to the event at `until` (or the head). */
static void read_forward(struct rig *r, struct tail_style *style, const char *position,
                         const char *until, struct record *page)
{
    char at[SSE_POSITION_SIZE];
    struct tail_view view;
    struct cut cut = {.page = page, .until = until, .is_done = strcmp(position, until) == 0};
    struct sse_out out = {
        .event = cut_event, .gap = cut_gap, .advance = record_advance, .ctx = &cut};
    int rc = SOURCE_MORE;
    record_init(page);
    snprintf(at, sizeof at, "%s", position);
    tail_view_init(&view, style, &out);
    /* Passing over lines by the block must not make a difference, nor trust in hints. */
    r->log.skip = dice(2) ? tail_view_skip(style) : (struct tail_skip){.find = NULL};
    r->log.has_hints = dice(2) == 0;
    for (int i = 0; i <= TAIL_LANE_TICKS; i++) {
        tail_log_tick(&r->log); /* readers that were cut off are forgotten */
    }
    for (int i = 0; rc == SOURCE_MORE && !cut.is_done; i++) {
        tail_view_begin(&view);
        rc = tail_log_pull(&r->log, at, &view.out, 65536);
        assert_true(i < 100000);
    }
    assert_true(rc == SOURCE_MORE || rc == SOURCE_HEAD);
}

static void expect_same(const struct record *all, size_t from, size_t end, const struct record *got)
{
    assert_int_equal(got->count, end - from);
    for (size_t i = 0; i < got->count; i++) {
        assert_string_equal(got->items[i].text, all->items[from + i].text);
        assert_string_equal(got->items[i].position, all->items[from + i].position);
    }
}

/* The events of a filtered record that are before the raw event at index `at`. */
static size_t count_before(const struct record *raw, size_t at, const struct record *wanted)
{
    size_t n = 0;
    for (size_t i = 0; i < at && n < wanted->count; i++) {
        n += strcmp(raw->items[i].position, wanted->items[n].position) == 0;
    }
    return n;
}

static void add_lines(struct rig *r, unsigned count)
{
    static unsigned number;
    for (unsigned i = 0; i < count; i++) {
        char text[400];
        const char *word = dice(4) ? "plain" : dice(2) ? "warm" : "rare";
        int n = snprintf(text, sizeof text, "%u %s %.*s%s", number++, word, (int)dice(120),
                         "........................................................................"
                         "................................................",
                         dice(10) ? "\n" : "\r\n");
        assert_true(n > 0);
        rig_append(r, dice(12) ? text : "\n");
    }
    if (dice(6) == 0) {
        char hole[700] = "";
        rig_write(r, "", O_APPEND, hole, sizeof hole);
        rig_append(r, dice(2) ? "behind a hole\n" : "\n");
    }
}

static void rotate(struct rig *r, unsigned *files)
{
    for (unsigned i = *files; i > 0; i--) {
        char from[32], to[32], name[256];
        snprintf(from, sizeof from, ".%u", i);
        snprintf(to, sizeof to, ".%u", i + 1);
        if (access(rig_name(r, from, name), F_OK) != 0) {
            snprintf(from, sizeof from, ".%u.gz", i);
            snprintf(to, sizeof to, ".%u.gz", i + 1);
        }
        rig_rename(r, from, to);
    }
    rig_rename(r, "", ".1");
    ++*files;
}

/* A log of some files, the older ones compressed now and then. */
static void make_log(struct rig *r)
{
    unsigned files = 0;
    for (unsigned rounds = 1 + dice(4); rounds > 0; rounds--) {
        add_lines(r, 1 + dice(40));
        if (dice(5) == 0) {
            rig_append(r, "a line without an end");
        }
        if (rounds > 1) {
            rotate(r, &files);
            if (dice(3) == 0) {
                rig_gzip(r, ".1");
            }
            if (dice(4) == 0) {
                rig_append(r, "");
            }
        }
    }
}

static void check_before(struct rig *r, const struct record *raw, struct tail_style *style)
{
    struct record wanted, page;
    char start[SSE_POSITION_SIZE], end[SSE_POSITION_SIZE];
    read_forward(r, style, TAIL_POSITION_START, "", &wanted);
    for (unsigned i = 0; i < PROBES && raw->count > 0; i++) {
        size_t at = dice((unsigned)raw->count);
        size_t count = 1 + dice(dice(2) ? 5 : 200);
        size_t last = count_before(raw, at, &wanted);
        size_t first = last > count ? last - count : 0;
        assert_int_equal(
            tail_seek_before(&r->log, style, raw->items[at].position, count, start, end), 0);
        read_forward(r, style, start, end, &page);
        expect_same(&wanted, first, last, &page);
        record_fini(&page);
        if (first == last) {
            assert_string_equal(start, end);
        }
    }
    /* From the head, back() does the same. */
    for (size_t count = 1; count < 100; count *= 3) {
        size_t first = wanted.count > count ? wanted.count - count : 0;
        assert_int_equal(tail_seek_back(&r->log, style, count, start), 0);
        read_forward(r, style, start, "", &page);
        if (style->filter || page.count == wanted.count - first) {
            expect_same(&wanted, first, wanted.count, &page);
        }
        record_fini(&page);
    }
    record_fini(&wanted);
}

static void a_page_before_is_what_reading_forward_gives(void **state)
{
    struct rig *r = *state;
    const char *seed_text = getenv("TAIL_SEEK_SEED");
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : 1;
    struct tail_style all = style_of(NULL, NULL);
    struct tail_style warm = style_of("warm", NULL);
    /* Valgrind takes what PCRE2's machine code does for a mistake; test_filter has that code run. */
    struct tail_style rare = style_of(NULL, "^\\d*[05] rare");
    struct tail_style never = style_of("never", NULL);
    for (uint64_t end = seed + (seed_text ? 1 : SEEDS); seed < end; seed++) {
        struct record raw;
        print_message("# TAIL_SEEK_SEED=%" PRIu64 "\n", seed);
        dice_state = seed;
        make_log(r);
        rig_open(r);
        rig_look(r);
        read_forward(r, &all, TAIL_POSITION_START, "", &raw);
        check_before(r, &raw, &all);
        check_before(r, &raw, &warm);
        check_before(r, &raw, &rare);
        check_before(r, &raw, &never);
        record_fini(&raw);
        rig_close(r);
        rig_wipe(r->folder);
        assert_int_equal(mkdir(r->folder, 0700), 0);
    }
    filter_free(warm.filter);
    filter_free(rare.filter);
    filter_free(never.filter);
}

static void before_a_position_that_is_gone_there_is_no_page(void **state)
{
    struct rig *r = *state;
    char start[SSE_POSITION_SIZE], end[SSE_POSITION_SIZE], old[SSE_POSITION_SIZE];
    struct tail_style all = style_of(NULL, NULL);
    rig_append(r, "a\nb\n");
    rig_open(r);
    memcpy(old, r->log.head, sizeof old);
    assert_int_equal(tail_seek_before(&r->log, &all, old, 5, start, end), 0);
    rig_rewrite(r, "other\nlines\nhere\n");
    rig_restart(r);
    assert_int_equal(tail_seek_before(&r->log, &all, old, 5, start, end), ERR_GONE);
}

static void how_much_is_left_counts_over_files(void **state)
{
    struct rig *r = *state;
    char at[SSE_POSITION_SIZE];
    rig_append(r, "one\ntwo\n");
    rig_rename(r, "", ".1");
    rig_append(r, "three\nfour\n");
    rig_open(r);
    rig_look(r);
    assert_int_equal(tail_log_back(&r->log, 3, at), 0);
    assert_int_equal(tail_seek_left(&r->log, at), 4 + 11);
    assert_int_equal(tail_seek_left(&r->log, r->log.head), 0);
    assert_int_equal(tail_seek_left(&r->log, "nonsense"), -1);
}

/* --- times ------------------------------------------------------------------------------------ */

/* The index of the first event at or after a time, found by reading all. */
static size_t index_since(const struct record *all, int64_t wall_ms)
{
    for (size_t i = 0; i < all->count; i++) {
        int64_t time;
        if (line_time(LINE_TIME_EPOCH, all->items[i].text, strlen(all->items[i].text), 0, &time)
            && time >= wall_ms) {
            return i;
        }
    }
    return all->count;
}

static void write_times(struct rig *r, int64_t *now, unsigned lines)
{
    struct buf b;
    buf_init(&b, 1 << 24);
    for (unsigned i = 0; i < lines; i++) {
        if (dice(3) == 0) {
            *now += dice(4);
            assert_int_equal(buf_appendf(&b, "%" PRId64 " something %u\n", *now, i), 0);
        } else {
            assert_int_equal(
                buf_appendf(&b, "  of the same time, %.*s\n", (int)dice(60),
                            "------------------------------------------------------------"),
                0);
        }
        if (dice(2000) == 0) {
            char long_line[70000];
            memset(long_line, 'x', sizeof long_line);
            assert_int_equal(buf_append(&b, long_line, sizeof long_line), 0);
            assert_int_equal(buf_append_char(&b, '\n'), 0);
        }
    }
    rig_write(r, "", O_APPEND, b.data ? b.data : "", b.len);
    buf_fini(&b);
}

static void a_time_is_found_as_reading_forward_finds_it(void **state)
{
    struct rig *r = *state;
    struct tail_style all = style_of(NULL, NULL);
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct record raw, page;
        struct err err;
        char at[SSE_POSITION_SIZE];
        unsigned files = 0;
        int64_t begin = 1700000000000, now = begin;
        dice_state = seed;
        for (unsigned rounds = 1 + dice(3); rounds > 0; rounds--) {
            write_times(r, &now, 1 + dice(seed % 3 ? 200 : 8000));
            if (rounds > 1) {
                rotate(r, &files);
                if (dice(3) == 0) {
                    rig_gzip(r, ".1");
                }
            }
        }
        rig_open(r);
        rig_look(r);
        read_forward(r, &all, TAIL_POSITION_START, "", &raw);
        for (int i = 0; i < 30; i++) {
            int64_t wall_ms = begin - 2 + dice((unsigned)(now - begin) + 5);
            size_t from = index_since(&raw, wall_ms);
            int rc = tail_seek_since(&r->log, LINE_TIME_EPOCH, wall_ms, at, &err);
            if (now == begin && rc == ERR_INVALID) {
                continue; /* there happens to be no time at all */
            }
            assert_int_equal(rc, 0);
            read_forward(r, &all, at, from < raw.count ? raw.items[from].position : at, &page);
            expect_same(&raw, from, from < raw.count ? from + 1 : from, &page);
            record_fini(&page);
        }
        record_fini(&raw);
        rig_close(r);
        rig_wipe(r->folder);
        assert_int_equal(mkdir(r->folder, 0700), 0);
    }
}

static void without_times_since_says_what_it_needs(void **state)
{
    struct rig *r = *state;
    struct err err;
    char at[SSE_POSITION_SIZE];
    rig_append(r, "hello\n");
    rig_open(r);
    assert_int_equal(tail_seek_since(&r->log, LINE_TIME_NONE, 0, at, &err), ERR_INVALID);
    assert_string_equal(err.text, "since: this stream has no times: its time_format is not set");
    assert_int_equal(tail_seek_since(&r->log, LINE_TIME_CLF, 0, at, &err), ERR_INVALID);
    assert_string_equal(err.text, "since: no line of this stream has a time of the form clf");
}

/* --- views ------------------------------------------------------------------------------------ */

static void live_and_replay_of_a_filter_are_the_same(void **state)
{
    struct rig *r = *state;
    struct tail_style warm = style_of("warm", NULL);
    struct tail_view view;
    struct record page;
    unsigned files = 0;
    char begin[SSE_POSITION_SIZE];
    r->live.out.advance = record_advance;
    tail_view_init(&view, &warm, &r->live.out);
    assert_int_equal(tail_log_init(&r->log, r->path, 0, NULL, RIG_LINE_BYTES, &r->quiet, &view.out),
                     0);
    r->is_open = 1;
    memcpy(begin, r->log.head, sizeof begin);
    dice_state = 7;
    for (int i = 0; i < 30; i++) {
        add_lines(r, 20);
        rig_look(r);
        if (dice(6) == 0) {
            rotate(r, &files);
        }
    }
    rig_look(r);
    assert_true(r->live.count > 20);
    read_forward(r, &warm, begin, "", &page);
    expect_same(&r->live, 0, r->live.count, &page);
    record_fini(&page);
    filter_free(warm.filter);
}

static void a_line_over_budget_is_a_gap_and_the_rest_goes_on(void **state)
{
    struct rig *r = *state;
    struct tail_style style = style_of(NULL, "^(a+)+$");
    struct record page;
    rig_append(r, "aa\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\na\n");
    rig_open(r);
    read_forward(r, &style, TAIL_POSITION_START, "", &page);
    record_expect(&page, "aa|!filter-limit|a");
    assert_int_equal(page.items[1].bytes, 41);
    record_fini(&page);
    filter_free(style.filter);
}

static void lines_are_wrapped_with_the_offset_behind_them(void **state)
{
    struct rig *r = *state;
    struct buf text;
    struct record page;
    struct tail_style style = {.format = LINE_FORMAT_JSON, .clock = &clock_system, .text = &text};
    buf_init(&text, 65536);
    rig_append(r, "a\nb\n");
    rig_open(r);
    read_forward(r, &style, TAIL_POSITION_START, "", &page);
    record_expect(&page, "{\"line\":\"a\",\"offset\":2}|{\"line\":\"b\",\"offset\":4}");
    record_fini(&page);
    buf_fini(&text);
}

static void cut_advance(void *ctx, const char *position)
{
    struct cut *c = ctx;
    c->is_done = c->is_done || strcmp(position, c->until) == 0;
}

/* However much is passed over, who looks for one line sees it go by. */
static void a_line_that_is_looked_for_is_not_passed_over(void **state)
{
    struct rig *r = *state;
    struct tail_style every = style_of(NULL, NULL), rare = style_of("line 77", NULL);
    struct record raw;
    dice_state = 5;
    rig_open(r);
    add_lines(r, 300);
    rig_look(r);
    read_forward(r, &every, TAIL_POSITION_START, "", &raw);
    r->log.skip = tail_view_skip(&rare);
    for (size_t i = 0; i < raw.count; i++) {
        struct record page;
        struct tail_view view;
        char at[SSE_POSITION_SIZE] = TAIL_POSITION_START;
        struct cut cut = {.page = &page, .until = raw.items[i].position};
        struct sse_out out = {.event = cut_event, .gap = cut_gap, .advance = cut_advance,
                              .ctx = &cut, .wants_all = 1, .until = cut.until};
        int rc = SOURCE_MORE;
        record_init(&page);
        tail_view_init(&view, &rare, &out);
        while (rc == SOURCE_MORE && !cut.is_done) {
            rc = tail_log_pull(&r->log, at, &view.out, 65536);
        }
        assert_true(cut.is_done);
        record_fini(&page);
    }
    record_fini(&raw);
    filter_free(rare.filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(a_page_before_is_what_reading_forward_gives),
        rig_test(before_a_position_that_is_gone_there_is_no_page),
        rig_test(how_much_is_left_counts_over_files),
        rig_test(a_time_is_found_as_reading_forward_finds_it),
        rig_test(without_times_since_says_what_it_needs),
        rig_test(a_line_that_is_looked_for_is_not_passed_over),
        rig_test(live_and_replay_of_a_filter_are_the_same),
        rig_test(a_line_over_budget_is_a_gap_and_the_rest_goes_on),
        rig_test(lines_are_wrapped_with_the_offset_behind_them),
    };
    return cmocka_run_group_tests_name("tail seek", tests, NULL, NULL);
}

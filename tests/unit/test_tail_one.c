/* SPDX-License-Identifier: MIT */
/* test_tail_one: lines in their context: what is shown is what looking at the whole log at once would
 * show, live, read again from any place, and after a new start. */
#include "test_tail_rig.h"

#include "base/buf.h"
#include "base/clock.h"
#include "source/filter.h"
#include "source/tail/one.h"

#define LINES_MAX 400
#define SEEDS 120

static uint64_t dice_state;

static unsigned dice(unsigned sides)
{
    dice_state = dice_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)((dice_state >> 33) % sides);
}

static void ignore(void *ctx, const char *position)
{
    (void)ctx;
    (void)position;
}

/* A log, all that was written to it, and what of that is to be shown. */
struct play {
    struct rig *rig;
    struct filter *filter;
    struct tail_one one;
    size_t lines; /* of context */
    char *text[LINES_MAX];
    int is_match[LINES_MAX];
    size_t count;
    unsigned rotated;
    struct record live;
};

static void open_one(struct play *p)
{
    struct tail_one_setup setup = {
        .path = p->rig->path,
        .max_line_bytes = RIG_LINE_BYTES,
        .log = &p->rig->quiet,
        .out = &p->live.out,
        .style = {.format = LINE_FORMAT_TEXT, .filter = p->filter, .clock = &clock_system},
    };
    assert_int_equal(tail_one_init(&p->one, &setup), 0);
}

static void look(struct play *p)
{
    int rc;
    do {
        rc = tail_one_look(&p->one, 1 + dice(2000));
    } while (rc == TAIL_LOG_BUSY);
    assert_int_equal(rc, TAIL_LOG_IDLE);
}

static void play_init(struct play *p, struct rig *r, const char *grep, size_t lines)
{
    char context[32];
    struct err err;
    *p = (struct play){.rig = r, .lines = lines};
    snprintf(context, sizeof context, "%zu", lines);
    struct filter_want want = {.grep = grep, .context = context};
    assert_int_equal(filter_new(&p->filter, &want, &err), 0);
    record_init(&p->live);
    p->live.out.advance = ignore;
    open_one(p);
}

static void play_fini(struct play *p)
{
    tail_one_fini(&p->one);
    filter_free(p->filter);
    record_fini(&p->live);
    for (size_t i = 0; i < p->count; i++) {
        free(p->text[i]);
    }
}

static void write_line(struct play *p, int is_match)
{
    char line[128];
    assert_true(p->count < LINES_MAX);
    snprintf(line, sizeof line, "%s line %zu%.*s\n", is_match ? "warm" : "cold", p->count,
             (int)dice(40), "........................................");
    rig_append(p->rig, line);
    line[strlen(line) - 1] = '\0';
    p->text[p->count] = strdup(line);
    p->is_match[p->count++] = is_match;
}

static void rotate(struct play *p)
{
    for (unsigned i = p->rotated++; i > 0; i--) {
        char from[16], to[16];
        snprintf(from, sizeof from, ".%u", i);
        snprintf(to, sizeof to, ".%u", i + 1);
        rig_rename(p->rig, from, to);
    }
    rig_rename(p->rig, "", ".1");
}

static int is_shown(const struct play *p, size_t i)
{
    size_t from = i > p->lines ? i - p->lines : 0;
    for (size_t k = from; k < p->count && k <= i + p->lines; k++) {
        if (p->is_match[k]) {
            return 1;
        }
    }
    return 0;
}

/* The number of a line that came out. */
static size_t number_of(const char *text)
{
    return (size_t)strtoul(text + strlen("cold line "), NULL, 10);
}

/* The record holds just what is to be shown after the first `after` lines, up to the last match; lines
 * behind that may be there as far as they are decided. */
static void expect_shown(const struct play *p, size_t after, const struct record *got)
{
    size_t n = 0;
    for (size_t i = after; i < p->count; i++) {
        if (is_shown(p, i)) {
            if (n >= got->count || strcmp(got->items[n].text, p->text[i]) != 0) {
                fail_msg("after %zu: \"%s\" is missing, there is \"%s\"", after, p->text[i],
                         n < got->count ? got->items[n].text : "nothing");
            }
            n++;
        }
    }
    assert_int_equal(got->count, n);
}

static void read_from(struct play *p, const char *position, struct record *page)
{
    char at[SSE_POSITION_SIZE];
    int rc;
    record_init(page);
    page->out.advance = ignore;
    snprintf(at, sizeof at, "%s", position);
    int tries = 0;
    do {
        page->stop_after = page->count + 1 + dice(8);
        rc = tail_one_pull(&p->one, at, &page->out, 1 + dice(3000));
        assert_true(++tries < 100000);
    } while (rc == SOURCE_MORE);
    assert_int_equal(rc, SOURCE_HEAD);
    assert_string_equal(at, tail_one_head(&p->one));
}

static void grow(struct play *p, unsigned steps)
{
    while (steps-- > 0) {
        unsigned act = dice(12);
        if (act == 0 && p->rotated < 4 && p->count > 0 && access(p->rig->path, F_OK) == 0) {
            look(p); /* an empty file has no name of its own to go by */
            rotate(p);
        } else if (act < 3) {
            look(p);
        } else if (p->count < LINES_MAX) {
            write_line(p, dice(7) == 0);
        }
    }
    look(p);
}

static void live_and_replay_show_what_the_whole_log_says(void **state)
{
    struct rig *r = *state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct play p;
        struct record page;
        dice_state = seed;
        play_init(&p, r, "warm", 1 + dice(4));
        grow(&p, 120);
        expect_shown(&p, 0, &p.live);
        read_from(&p, TAIL_POSITION_START, &page);
        expect_shown(&p, 0, &page);
        record_fini(&page);
        for (int i = 0; i < 10 && p.live.count > 0; i++) {
            const struct seen *s = &p.live.items[dice((unsigned)p.live.count)];
            read_from(&p, s->position, &page);
            expect_shown(&p, number_of(s->text) + 1, &page);
            record_fini(&page);
        }
        /* A new process: whoever follows from now on gets what belongs to later matches, too. */
        char last[SSE_POSITION_SIZE];
        size_t had = p.live.count;
        size_t after = had ? number_of(p.live.items[had - 1].text) + 1 : 0;
        snprintf(last, sizeof last, "%s", tail_one_head(&p.one));
        tail_one_fini(&p.one);
        record_clear(&p.live);
        open_one(&p);
        assert_string_equal(tail_one_head(&p.one), last);
        grow(&p, 60);
        expect_shown(&p, after, &p.live);
        read_from(&p, last, &page);
        expect_shown(&p, after, &page);
        record_fini(&page);
        play_fini(&p);
        rig_wipe(r->folder);
        assert_int_equal(mkdir(r->folder, 0700), 0);
    }
}

static void the_last_matches_come_with_their_context(void **state)
{
    struct play p;
    struct record page;
    char at[SSE_POSITION_SIZE];
    play_init(&p, *state, "warm", 1);
    for (int i = 0; i < 20; i++) {
        write_line(&p, i % 5 == 2);
    }
    look(&p);
    assert_int_equal(tail_one_back(&p.one, 2, at), 0);
    read_from(&p, at, &page);
    assert_int_equal(page.count, 6);
    assert_int_equal(number_of(page.items[0].text), 11);
    assert_int_equal(number_of(page.items[5].text), 18);
    record_fini(&page);
    assert_int_equal(tail_one_back(&p.one, 0, at), 0);
    assert_string_equal(at, tail_one_head(&p.one));
    play_fini(&p);
}

/* --- tail_context by itself ---------------------------------------------------------------- */

static int hidden;

static void hide(void *ctx, const char *position)
{
    (void)ctx;
    (void)position;
    hidden++;
}

static void held_lines_have_a_limit_in_bytes(void **state)
{
    (void)state;
    struct tail_context c;
    struct record shown;
    size_t len = TAIL_CONTEXT_BYTES / 3;
    char *text = calloc(1, TAIL_CONTEXT_BYTES + 1);
    record_init(&shown);
    hidden = 0;
    struct tail_context_out out = {.show = record_event, .hide = hide, .ctx = &shown};
    assert_non_null(text);
    assert_int_equal(tail_context_init(&c, 10, "p"), 0);
    for (int i = 0; i < 5; i++) {
        char position[16];
        snprintf(position, sizeof position, "p%d", i);
        struct sse_event e = {.position = position, .data = text, .data_len = len};
        assert_int_equal(tail_context_take(&c, &e, 0, &out), 0);
        assert_true(c.bytes <= TAIL_CONTEXT_BYTES);
    }
    assert_int_equal(hidden, 2);
    assert_string_equal(c.decided, "p1");
    struct sse_event giant = {.position = "q", .data = text, .data_len = TAIL_CONTEXT_BYTES + 1};
    tail_context_take(&c, &giant, 0, &out);
    assert_int_equal(hidden, 6);
    assert_string_equal(c.decided, "q");
    tail_context_fini(&c);
    record_fini(&shown);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(live_and_replay_show_what_the_whole_log_says),
        rig_test(the_last_matches_come_with_their_context),
        cmocka_unit_test(held_lines_have_a_limit_in_bytes),
    };
    return cmocka_run_group_tests_name("tail one", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Figures of several processes become one, and their text is what Prometheus reads (text format
 * 0.0.4), by a parser that forgives nothing. */
#include "app/figures.c"

#include "base/err.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SERIES_MAX 4096
#define NAME_BYTES 128

/* One sample: "ssecgi_name{label=\"value\"}" as it is written, and its value. */
struct series {
    char key[2 * NAME_BYTES];
    double value;
};

struct page {
    struct series series[SERIES_MAX];
    size_t count;
    char families[SERIES_MAX][NAME_BYTES]; /* those that had a TYPE */
    char types[SERIES_MAX][16];
    size_t family_count;
    int is_announced; /* a HELP line came last */
};

static struct page page;

static size_t name_len(const char *at)
{
    size_t len = 0;
    while (isalnum((unsigned char)at[len]) || at[len] == '_' || at[len] == ':') {
        len++;
    }
    assert_true(len > 0 && len < NAME_BYTES && !isdigit((unsigned char)at[0]));
    return len;
}

/* "# HELP name text" and, right behind it, "# TYPE name type". */
static void read_comment(const char *line)
{
    const char *name = line + strlen("# HELP ");
    size_t len = name_len(name);
    assert_int_equal(name[len], ' ');
    const char *text = name + len + 1;
    assert_true(*text);
    if (strncmp(line, "# HELP ", 7) == 0) {
        assert_false(page.is_announced);
        page.is_announced = 1;
        assert_null(strchr(text, '\\'));
        for (size_t i = 0; i < page.family_count; i++) {
            assert_false(strlen(page.families[i]) == len
                         && strncmp(page.families[i], name, len) == 0);
        }
        memcpy(page.families[page.family_count], name, len);
        page.families[page.family_count][len] = '\0';
        return;
    }
    assert_int_equal(strncmp(line, "# TYPE ", 7), 0);
    assert_true(page.is_announced);
    page.is_announced = 0;
    char *type = page.types[page.family_count];
    assert_int_equal(strlen(page.families[page.family_count]), len);
    assert_int_equal(strncmp(page.families[page.family_count], name, len), 0);
    assert_true(strcmp(text, "counter") == 0 || strcmp(text, "gauge") == 0
                || strcmp(text, "histogram") == 0);
    strcpy(type, text);
    page.family_count++;
}

/* Answers what follows the labels. */
static const char *read_labels(const char *at)
{
    if (*at != '{') {
        return at;
    }
    do {
        at++;
        at += name_len(at);
        assert_int_equal(*at++, '=');
        assert_int_equal(*at++, '"');
        while (*at != '"') {
            if (*at == '\\') {
                at++;
                assert_true(*at == '\\' || *at == '"' || *at == 'n');
            }
            assert_true(*at && *at != '\n');
            at++;
        }
        at++;
    } while (*at == ',');
    assert_int_equal(*at, '}');
    return at + 1;
}

static void check_family(const char *name, size_t len)
{
    assert_true(page.family_count > 0 && !page.is_announced);
    const char *family = page.families[page.family_count - 1];
    const char *type = page.types[page.family_count - 1];
    size_t family_len = strlen(family);
    assert_true(len >= family_len && strncmp(name, family, family_len) == 0);
    const char *rest = name + family_len;
    len -= family_len;
    if (strcmp(type, "histogram") == 0) {
        assert_true((len == 7 && !strncmp(rest, "_bucket", 7))
                    || (len == 4 && !strncmp(rest, "_sum", 4))
                    || (len == 6 && !strncmp(rest, "_count", 6)));
        return;
    }
    assert_int_equal(len, 0);
    /* https://prometheus.io/docs/practices/naming: only what counts up is a total. */
    int is_total = family_len > 6 && strcmp(family + family_len - 6, "_total") == 0;
    assert_int_equal(is_total, strcmp(type, "counter") == 0);
}

static void read_sample(const char *line)
{
    size_t len = name_len(line);
    assert_int_equal(strncmp(line, "ssecgi_", 7), 0);
    check_family(line, len);
    const char *behind = read_labels(line + len);
    assert_int_equal(*behind, ' ');
    char *end;
    struct series *s = &page.series[page.count++];
    assert_true((size_t)(behind - line) < sizeof s->key);
    memcpy(s->key, line, (size_t)(behind - line));
    s->key[behind - line] = '\0';
    s->value = strtod(behind + 1, &end);
    assert_true(end != behind + 1 && *end == '\0');
    for (size_t i = 0; i + 1 < page.count; i++) {
        assert_string_not_equal(page.series[i].key, s->key);
    }
}

static void parse(const struct buf *text)
{
    static char copy[1 << 20];
    memset(&page, 0, sizeof page);
    assert_true(text->len > 0 && text->len < sizeof copy);
    assert_int_equal(text->data[text->len - 1], '\n');
    memcpy(copy, text->data, text->len);
    copy[text->len - 1] = '\0';
    assert_int_equal(strlen(copy), text->len - 1);
    for (char *line = copy, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next) {
            *next++ = '\0';
        }
        if (line[0] == '#') {
            read_comment(line);
        } else {
            read_sample(line);
        }
    }
}

static void print(const struct figures *f, int is_whole)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    assert_int_equal(figures_text(f, is_whole, &text), 0);
    parse(&text);
    buf_fini(&text);
}

static double value_of(const char *key)
{
    for (size_t i = 0; i < page.count; i++) {
        if (strcmp(page.series[i].key, key) == 0) {
            return page.series[i].value;
        }
    }
    fail_msg("no series %s", key);
    return -1;
}

/* --- text ---------------------------------------------------------------------------------- */

static void nothing_yet_is_all_series_at_zero(void **state)
{
    (void)state;
    static struct figures f;
    f = (struct figures){.stream_count = 0};
    print(&f, 1);
    assert_int_equal(page.family_count, 3 + 11 + 10);
    assert_true(value_of("ssecgi_build_info{version=\"" SSECGI_VERSION "\"}") == 1);
    assert_true(value_of("ssecgi_scoreboard_up") == 1);
    assert_true(value_of("ssecgi_rejected_total{reason=\"forbidden\"}") == 0);
    assert_true(value_of("ssecgi_rejected_total{reason=\"too_slow\"}") == 0);
    assert_true(value_of("ssecgi_gaps_total{reason=\"other\"}") == 0);
    assert_true(value_of("ssecgi_loop_delay_seconds_count") == 0);
    print(&f, 0);
    assert_true(value_of("ssecgi_scoreboard_up") == 0);
}

/* Each word stands at a place of its own. */
static void each_figure_is_shown_once(void **state)
{
    (void)state;
    static struct figures f;
    f = (struct figures){.stream_count = 0};
    figures_find(&f, "a", 1);
    figures_find(&f, "b", 1);
    for (size_t i = 0; i < offsetof(struct figures, stream_count) / 8; i++) {
        ((uint64_t *)&f)[i] = i + 1000;
    }
    for (size_t i = 0; i < 2; i++) {
        uint64_t *word = &f.streams[i].readers;
        for (size_t k = 0; k < 8; k++) {
            word[k] = 2000 + 100 * i + k;
        }
    }
    print(&f, 1);
    assert_true(value_of("ssecgi_processes") == 1000);
    assert_true(value_of("ssecgi_readers{stream=\"a\"}") == 2000);
    assert_true(value_of("ssecgi_stream_gaps_total{stream=\"b\"}") == 2107);
    size_t shown = 0;
    for (uint64_t wanted = 1000; wanted < 1000 + offsetof(struct figures, delays) / 8; wanted++) {
        size_t times = 0;
        for (size_t i = 0; i < page.count; i++) {
            times += page.series[i].value == (double)wanted
                     && !strstr(page.series[i].key, "loop_delay");
        }
        assert_int_equal(times, 1);
        shown++;
    }
    assert_true(shown > 40);
}

static void labels_are_escaped(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 4096);
    assert_int_equal(append_label(&text, "stream", "a\"b\\c\nd"), 0);
    assert_int_equal(buf_append_char(&text, '\0'), 0);
    assert_string_equal(text.data, "{stream=\"a\\\"b\\\\c\\nd\"}");
    buf_fini(&text);
}

static void the_histogram_adds_up(void **state)
{
    (void)state;
    static struct figures f;
    f = (struct figures){.delay_ns = 61234567890};
    static const uint64_t turns[] = {0, 1, 100000, 100001, 999999, 1000000000, 1000000001, UINT64_MAX};
    for (size_t i = 0; i < sizeof turns / sizeof turns[0]; i++) {
        f.delays[figures_bucket(turns[i])]++;
    }
    print(&f, 1);
    assert_true(value_of("ssecgi_loop_delay_seconds_bucket{le=\"0.0001\"}") == 3);
    assert_true(value_of("ssecgi_loop_delay_seconds_bucket{le=\"0.0005\"}") == 4);
    assert_true(value_of("ssecgi_loop_delay_seconds_bucket{le=\"0.001\"}") == 5);
    assert_true(value_of("ssecgi_loop_delay_seconds_bucket{le=\"1\"}") == 6);
    assert_true(value_of("ssecgi_loop_delay_seconds_bucket{le=\"+Inf\"}") == 8);
    assert_true(value_of("ssecgi_loop_delay_seconds_count") == 8);
    assert_true(value_of("ssecgi_loop_delay_seconds_sum") == 61.23456789);
    double last_end = 0;
    double last = 0;
    size_t buckets = 0;
    for (size_t i = 0; i < page.count; i++) {
        const char *le = strstr(page.series[i].key, "le=\"");
        if (le) {
            double end = le[4] == '+' ? 1e300 : atof(le + 4);
            assert_true(end > last_end && page.series[i].value >= last);
            last_end = end;
            last = page.series[i].value;
            buckets++;
        }
    }
    assert_int_equal(buckets, FIGURES_BUCKETS);
}

static void no_room_is_an_error(void **state)
{
    (void)state;
    static struct figures f;
    struct buf text;
    for (size_t limit = 0; limit < 3000; limit += 7) {
        buf_init(&text, limit);
        assert_int_equal(figures_text(&f, 1, &text), ERR_LIMIT);
        buf_fini(&text);
    }
}

/* --- several processes --------------------------------------------------------------------- */

static struct figures sum, one;

static void a_dead_process_leaves_its_totals_only(void **state)
{
    (void)state;
    sum = (struct figures){.stream_count = 0};
    one = (struct figures){.processes = 1, .requests = 5, .start_s = 100, .loaded_s = 100,
                           .stale = 1, .delay_ns = 7};
    one.delays[2] = 3;
    one.gaps[1] = 2;
    *figures_find(&one, "a", 1) = (struct figures_stream){.name = "a", .readers = 3, .bytes = 10,
                                                          .lag_bytes = 50};
    figures_add(&sum, &one, figures_len(&one), 1, 1);
    one.start_s = 90;
    one.loaded_s = 200;
    one.streams[0].lag_bytes = 40;
    figures_add(&sum, &one, figures_len(&one), 1, 1);
    one.start_s = 1;
    one.loaded_s = 300;
    one.streams[0].lag_bytes = 400;
    figures_add(&sum, &one, figures_len(&one), 0, 1);
    assert_int_equal(sum.processes, 2);
    assert_int_equal(sum.stale, 2);
    assert_int_equal(sum.requests, 15);
    assert_int_equal(sum.start_s, 90);
    assert_int_equal(sum.loaded_s, 200);
    assert_int_equal(sum.delays[2], 9);
    assert_int_equal(sum.delay_ns, 21);
    assert_int_equal(sum.gaps[1], 6);
    assert_int_equal(sum.stream_count, 1);
    assert_int_equal(sum.streams[0].readers, 6);
    assert_int_equal(sum.streams[0].bytes, 30);
    assert_int_equal(sum.streams[0].lag_bytes, 50);
}

static void what_a_process_does_not_know_changes_nothing(void **state)
{
    (void)state;
    sum = (struct figures){.start_s = 90, .loaded_s = 200};
    one = (struct figures){.start_s = 0};
    figures_add(&sum, &one, figures_len(&one), 1, 1);
    assert_int_equal(sum.start_s, 90);
    assert_int_equal(sum.loaded_s, 200);
}

static void streams_beyond_the_named_ones_are_one(void **state)
{
    (void)state;
    char name[32];
    sum = (struct figures){.stream_count = 0};
    for (int i = 0; i < 2 * FIGURES_STREAMS; i++) {
        snprintf(name, sizeof name, "s%d", i);
        figures_find(&sum, name, 1)->bytes++;
    }
    assert_int_equal(sum.stream_count, FIGURES_STREAMS + 1);
    assert_string_equal(sum.streams[FIGURES_STREAMS].name, FIGURES_OTHER);
    assert_int_equal(sum.streams[FIGURES_STREAMS].bytes, FIGURES_STREAMS);
    assert_ptr_equal(figures_find(&sum, "s1", 1), &sum.streams[1]);
    /* The others may come first, and there is still room for the named ones. */
    sum = (struct figures){.stream_count = 0};
    figures_find(&sum, FIGURES_OTHER, 1);
    for (int i = 0; i < FIGURES_STREAMS; i++) {
        snprintf(name, sizeof name, "s%d", i);
        assert_string_equal(figures_find(&sum, name, 1)->name, name);
    }
    assert_int_equal(sum.stream_count, FIGURES_STREAMS + 1);
    assert_ptr_equal(figures_find(&sum, "late", 1), &sum.streams[0]);
    assert_true(figures_len(&sum) <= sizeof sum);
}

static void a_sum_that_may_not_grow_keeps_its_names(void **state)
{
    (void)state;
    sum = (struct figures){.stream_count = 0};
    figures_find(&sum, "a", 1);
    one = (struct figures){.stream_count = 0};
    figures_find(&one, "b", 1)->gaps = 4;
    figures_find(&one, "c", 1)->gaps = 5;
    figures_find(&one, "a", 1)->gaps = 6;
    figures_add(&sum, &one, figures_len(&one), 0, 0);
    assert_int_equal(sum.stream_count, 2);
    assert_int_equal(sum.streams[0].gaps, 6);
    assert_string_equal(sum.streams[1].name, FIGURES_OTHER);
    assert_int_equal(sum.streams[1].gaps, 9);
}

static void a_fold_of_folds_is_the_sum(void **state)
{
    (void)state;
    sum = (struct figures){.stream_count = 0};
    for (uint64_t i = 1; i <= 10; i++) {
        one = (struct figures){.processes = 1, .requests = i};
        figures_find(&one, i % 2 ? "odd" : "even", 1)->bytes = i;
        size_t len = figures_fold(&sum, &one, figures_len(&one));
        assert_int_equal(len, figures_len(&sum));
    }
    assert_int_equal(sum.requests, 55);
    assert_int_equal(sum.processes, 0);
    assert_int_equal(figures_find(&sum, "odd", 0)->bytes, 25);
    assert_int_equal(figures_find(&sum, "even", 0)->bytes, 30);
}

/* What stands in the file is not to be trusted more than any input. */
static void a_broken_record_harms_nobody(void **state)
{
    (void)state;
    for (size_t len = 0; len <= sizeof one; len += 8) {
        memset(&one, 0xa5, sizeof one);
        sum = (struct figures){.stream_count = 0};
        figures_add(&sum, &one, len, 1, 1);
        assert_true(sum.stream_count <= FIGURES_STREAMS + 1);
        memset(&sum, 0xa5, sizeof sum);
        assert_true(figures_fold(&sum, &one, len) <= sizeof sum);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_yet_is_all_series_at_zero),
        cmocka_unit_test(each_figure_is_shown_once),
        cmocka_unit_test(labels_are_escaped),
        cmocka_unit_test(the_histogram_adds_up),
        cmocka_unit_test(no_room_is_an_error),
        cmocka_unit_test(a_dead_process_leaves_its_totals_only),
        cmocka_unit_test(what_a_process_does_not_know_changes_nothing),
        cmocka_unit_test(streams_beyond_the_named_ones_are_one),
        cmocka_unit_test(a_sum_that_may_not_grow_keeps_its_names),
        cmocka_unit_test(a_fold_of_folds_is_the_sum),
        cmocka_unit_test(a_broken_record_harms_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

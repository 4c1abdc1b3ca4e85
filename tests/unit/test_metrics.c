/* SPDX-License-Identifier: MIT */
/* Figures of several processes become one, and their text is what Prometheus reads (text format
 * 0.0.4), by a parser that forgives nothing. */
#include "app/figures/figures.c"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test_metrics_page.h"

/* --- text ---------------------------------------------------------------------------------- */

static void nothing_yet_is_all_series_at_zero(void **state)
{
    (void)state;
    static struct figures f;
    f = (struct figures){.stream_count = 0};
    print(&f, 1);
    assert_int_equal(page.family_count, 3 + 11 + 10 + 6);
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
    assert_string_equal(text.data, "stream=\"a\\\"b\\\\c\\nd\"");
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

/* --- users --------------------------------------------------------------------------------- */

static struct usage_counts *ask(struct figures *f, const char *stream, const char *user)
{
    struct usage_counts *c = &figures_usage(f, figures_find(f, stream, 1), user)->counts;
    c->questions++;
    return c;
}

static void users_are_counted_by_stream(void **state)
{
    (void)state;
    one = (struct figures){.stream_count = 0};
    ask(&one, "chat", "alice")->completion_tokens = 30;
    ask(&one, "chat", "bob")->ended[USAGE_FAILED] = 4;
    ask(&one, "trace", "alice")->bytes = 50;
    ask(&one, "chat", "alice")->prompt_tokens = 20;
    ask(&one, "chat", "");
    print(&one, 1);
    assert_true(value_of("ssecgi_questions_total{stream=\"chat\",user=\"alice\"}") == 2);
    assert_true(value_of("ssecgi_questions_total{stream=\"chat\",user=\"\"}") == 1);
    assert_true(value_of("ssecgi_prompt_tokens_total{stream=\"chat\",user=\"alice\"}") == 20);
    assert_true(value_of("ssecgi_completion_tokens_total{stream=\"chat\",user=\"alice\"}") == 30);
    assert_true(value_of("ssecgi_completion_tokens_total{stream=\"trace\",user=\"alice\"}") == 0);
    assert_true(value_of("ssecgi_answer_bytes_total{stream=\"trace\",user=\"alice\"}") == 50);
    assert_true(value_of("ssecgi_answers_total{stream=\"chat\",user=\"bob\",result=\"failed\"}") == 4);
    assert_true(value_of("ssecgi_answers_total{stream=\"chat\",user=\"bob\",result=\"complete\"}") == 0);
}

static void users_are_escaped_and_odd_ones_have_no_name(void **state)
{
    (void)state;
    char longest[USAGE_NAME_BYTES];
    char longer[USAGE_NAME_BYTES + 1];
    memset(longest, 'x', sizeof longest);
    memset(longer, 'x', sizeof longer);
    longest[sizeof longest - 1] = longer[sizeof longer - 1] = '\0';
    one = (struct figures){.stream_count = 0};
    ask(&one, "c", "a\"b\\c\nd}\xc3\xa9");
    ask(&one, "c", longest);
    ask(&one, "c", longer);
    ask(&one, "c", "\xe9t\xe9");
    print(&one, 1);
    assert_true(value_of("ssecgi_questions_total{stream=\"c\",user=\"a\\\"b\\\\c\\nd}\xc3\xa9\"}") == 1);
    assert_true(value_of("ssecgi_questions_total{stream=\"c\",user=\"-/other\"}") == 2);
    assert_int_equal(one.usage.count, 3);
}

static void users_beyond_the_bound_are_their_streams_others(void **state)
{
    (void)state;
    char stream[32], user[32];
    uint64_t questions = 0;
    one = (struct figures){.stream_count = 0};
    for (int i = 0; i < 2 * FIGURES_STREAMS; i++) {
        for (int k = 0; k < 3; k++) {
            snprintf(stream, sizeof stream, "s%d", i);
            snprintf(user, sizeof user, "u%d", k);
            ask(&one, stream, user);
        }
    }
    assert_true(one.usage.count <= USAGE_MAX);
    assert_int_equal(figures_len(&one), offsetof(struct figures, usage) + usage_len(&one.usage));
    for (size_t i = 0; i < one.usage.count; i++) {
        questions += one.usage.list[i].counts.questions;
    }
    assert_int_equal(questions, 6 * FIGURES_STREAMS);
    assert_int_equal(ask(&one, "s0", "u0")->questions, 2);
    assert_int_equal(ask(&one, "s63", "new")->questions, 4);
    print(&one, 1);
    assert_true(value_of("ssecgi_questions_total{stream=\"s50\",user=\"-/other\"}") == 3);
}

/* Streams stand in another order in each process. */
static void users_of_several_processes_add_up(void **state)
{
    (void)state;
    static struct figures whole;
    whole = sum = (struct figures){.stream_count = 0};
    figures_find(&whole, "b", 1);
    for (uint64_t i = 1; i <= 4; i++) {
        one = (struct figures){.stream_count = 0};
        figures_find(&one, i % 2 ? "a" : "b", 1);
        ask(&one, "b", "alice")->prompt_tokens = i;
        ask(&one, "a", "bob")->prompt_tokens = 10 * i;
        figures_add(&whole, &one, figures_len(&one), (int)(i % 2), 0);
        size_t len = figures_fold(&sum, &one, figures_len(&one));
        assert_int_equal(len, figures_len(&sum));
    }
    print(&sum, 1);
    assert_true(value_of("ssecgi_prompt_tokens_total{stream=\"b\",user=\"alice\"}") == 10);
    assert_true(value_of("ssecgi_prompt_tokens_total{stream=\"a\",user=\"bob\"}") == 100);
    assert_true(value_of("ssecgi_questions_total{stream=\"a\",user=\"bob\"}") == 4);
    print(&whole, 1);
    assert_true(value_of("ssecgi_prompt_tokens_total{stream=\"b\",user=\"alice\"}") == 10);
    assert_true(value_of("ssecgi_prompt_tokens_total{stream=\"-/other\",user=\"bob\"}") == 100);
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
    for (uint64_t count = 0; count < USAGE_MAX + 2; count++) {
        memset(&sum, 0xa5, sizeof sum);
        sum.stream_count = 0;
        sum.usage.count = count;
        one = (struct figures){.stream_count = 0};
        ask(&one, "a", "alice");
        one.usage.list[1] = (struct usage){.stream = FIGURES_STREAMS, .counts = {.questions = 7}};
        one.usage.count = 2;
        assert_true(figures_fold(&sum, &one, figures_len(&one)) <= sizeof sum);
        assert_true(sum.usage.count <= USAGE_MAX);
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
        cmocka_unit_test(users_are_counted_by_stream),
        cmocka_unit_test(users_are_escaped_and_odd_ones_have_no_name),
        cmocka_unit_test(users_beyond_the_bound_are_their_streams_others),
        cmocka_unit_test(users_of_several_processes_add_up),
        cmocka_unit_test(a_broken_record_harms_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

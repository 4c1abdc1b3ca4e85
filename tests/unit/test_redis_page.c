/* SPDX-License-Identifier: MIT */
/* test_redis_page: what follows a position, judged by what Redis answered: events, and what is missing. */
#include "base/err.h"
#include "source/redis/page.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_BYTES 1024

/* A store of generation "AAAAAAAA" whose newest event has this epoch and number; id 1000 + number. */
static struct redis_facts store(uint32_t epoch, uint64_t n)
{
    return (struct redis_facts){.has_store = 1, .last = {.generation = "AAAAAAAA", .epoch = epoch,
                                .n = n}, .last_id = {1000 + n, 0}};
}

static void begin_with(struct redis_facts *f, uint64_t n)
{
    f->has_first = 1;
    f->first_id = (struct redis_id){1000 + n, 0};
}

static struct redis_entry entry(uint32_t epoch, uint64_t n)
{
    return (struct redis_entry){.id = {1000 + n, 0}, .has_mark = 1,
                                .mark = {.generation = "AAAAAAAA", .epoch = epoch, .n = n},
                                .data = "x", .data_len = 1, .size = 1};
}

static void add_text(char out[TEXT_BYTES], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_text(char out[TEXT_BYTES], const char *format, ...)
{
    size_t used = strlen(out);
    va_list args;
    va_start(args, format);
    vsnprintf(out + used, TEXT_BYTES - used, format, args);
    va_end(args);
}

/* "96 expired:4 97 = AAAAAAAA.0.97.1097-0": numbers of events, gaps, and where it leads; "..." where there
 * is more. */
static void tell(const struct redis_page *p, char out[TEXT_BYTES])
{
    char at[SSE_POSITION_SIZE];
    for (size_t i = 0; i < p->count; i++) {
        const struct redis_step *s = &p->steps[i];
        if (s->reason) {
            add_text(out, "%s:%" PRId64 " ", s->reason, s->events);
        } else {
            add_text(out, "%" PRIu64 " ", s->at.mark.n);
        }
    }
    redis_position_print(&p->at, at);
    add_text(out, "= %s%s", at, p->is_end ? "" : "...");
}

static void expect(const char *from, const struct redis_facts *facts,
                   const struct redis_entry *entries, size_t count, const char *wanted)
{
    struct redis_page p;
    struct redis_position at;
    char text[TEXT_BYTES] = "";
    redis_page_init(&p);
    assert_int_equal(redis_position_parse(from, &at), 0);
    int rc = redis_page_begin(&p, &at, facts);
    assert_true(rc >= 0);
    for (size_t i = 0; i < count && rc == 1; i++) {
        assert_int_equal(redis_page_add(&p, &entries[i]), 0);
    }
    if (rc == 1) {
        assert_int_equal(redis_page_finish(&p, 0), 0);
    }
    tell(&p, text);
    assert_string_equal(text, wanted);
    redis_page_fini(&p);
}

static void goes_on_behind_an_event_that_is_there(void **state)
{
    (void)state;
    struct redis_facts f = store(0, 7);
    begin_with(&f, 1);
    f.is_here = f.has_here_mark = 1;
    f.here = (struct redis_mark){.generation = "AAAAAAAA", .n = 5};
    const struct redis_entry e[] = {entry(0, 6), entry(0, 7)};
    expect("AAAAAAAA.0.5.1005-0", &f, e, 2, "6 7 = AAAAAAAA.0.7.1007-0");
}

static void is_at_the_end_without_a_gap_though_its_event_was_deleted(void **state)
{
    (void)state;
    struct redis_facts f = store(0, 7);
    expect("AAAAAAAA.0.7.1007-0", &f, NULL, 0, "= AAAAAAAA.0.7.1007-0.p");
}

static void counts_what_was_trimmed_and_what_was_deleted(void **state)
{
    (void)state;
    struct redis_facts f = store(0, 9);
    begin_with(&f, 6);
    const struct redis_entry e[] = {entry(0, 6), entry(0, 9)};
    expect("AAAAAAAA.0.2.1002-0", &f, e, 2, "expired:3 6 deleted:2 9 = AAAAAAAA.0.9.1009-0");
    expect("AAAAAAAA.0.5.1005-0", &f, e, 2, "6 deleted:2 9 = AAAAAAAA.0.9.1009-0");
    f.deleted_n = 5;
    expect("AAAAAAAA.0.2.1002-0", &f, e, 2, "deleted:3 6 deleted:2 9 = AAAAAAAA.0.9.1009-0");
}

static void counts_what_is_missing_at_the_end(void **state)
{
    (void)state;
    struct redis_facts f = store(0, 9);
    begin_with(&f, 1);
    const struct redis_entry e[] = {entry(0, 7)};
    expect("AAAAAAAA.0.6.1006-0", &f, e, 1, "7 deleted:2 = AAAAAAAA.0.9.1009-0.p");
    expect("AAAAAAAA.0.9.1009-0.p", &f, NULL, 0, "= AAAAAAAA.0.9.1009-0.p");
}

static void says_that_the_store_is_another_one(void **state)
{
    (void)state;
    struct redis_facts f = store(0, 3), none = {.has_store = 0};
    begin_with(&f, 2);
    expect("BBBBBBBB.0.5.1005-0", &f, NULL, 0, "replaced:-1 = AAAAAAAA.0.b...");
    expect("BBBBBBBB.5.b", &f, NULL, 0, "replaced:-1 = AAAAAAAA.0.b...");
    expect("BBBBBBBB.0.5.1005-0", &none, NULL, 0, "replaced:-1 = start...");
    expect("start", &none, NULL, 0, "= start");
    const struct redis_entry e[] = {entry(0, 2), entry(0, 3)};
    expect("start", &f, e, 2, "expired:1 2 3 = AAAAAAAA.0.3.1003-0");
}

/* Its epoch 0 ended with 95, and the next one began behind `begun`. */
static struct redis_facts failed_over(uint64_t begun, uint64_t n)
{
    struct redis_facts f = store(1, n);
    begin_with(&f, 1);
    f.has_ended = 1;
    f.ended_n = 95;
    f.ended_id = (struct redis_id){1095, 0};
    f.begun_n = begun;
    return f;
}

static void waits_while_nothing_comes_after_what_was_lost(void **state)
{
    (void)state;
    struct redis_facts f = store(0, 95);
    begin_with(&f, 1);
    expect("AAAAAAAA.0.100.1100-0", &f, NULL, 0, "= AAAAAAAA.0.100.1100-0.p");
}

static void lost_events_that_a_reader_has_are_no_gap(void **state)
{
    (void)state;
    struct redis_facts f = failed_over(100, 102);
    const struct redis_entry e[] = {entry(1, 101), entry(1, 102)};
    expect("AAAAAAAA.0.100.1100-0", &f, NULL, 0, "= AAAAAAAA.1.100.1095-0.p...");
    expect("AAAAAAAA.1.100.1095-0.p", &f, e, 2, "101 102 = AAAAAAAA.1.102.1102-0");
}

static void lost_events_that_a_reader_has_not_are_counted(void **state)
{
    (void)state;
    struct redis_facts f = failed_over(100, 102);
    const struct redis_entry e[] = {entry(0, 95), entry(1, 101), entry(1, 102)};
    expect("AAAAAAAA.0.98.1098-0", &f, NULL, 0, "truncated:2 = AAAAAAAA.1.100.1095-0.p...");
    expect("AAAAAAAA.1.100.1095-0.p", &f, e + 1, 2, "101 102 = AAAAAAAA.1.102.1102-0");
    expect("AAAAAAAA.0.94.1094-0", &f, e, 3, "95 truncated:5 101 102 = AAAAAAAA.1.102.1102-0");
}

static void numbers_that_were_used_again_are_told(void **state)
{
    (void)state;
    struct redis_facts f = failed_over(97, 99);
    const struct redis_entry e[] = {entry(1, 98), entry(1, 99)};
    expect("AAAAAAAA.0.100.1100-0", &f, NULL, 0, "truncated:-1 = AAAAAAAA.1.97.1095-0.p...");
    expect("AAAAAAAA.1.97.1095-0.p", &f, e, 2, "98 99 = AAAAAAAA.1.99.1099-0");
    f.is_here = f.has_here_mark = 1; /* another event has its id */
    f.here = (struct redis_mark){.generation = "AAAAAAAA", .epoch = 1, .n = 98};
    expect("AAAAAAAA.0.97.1098-0", &f, NULL, 0, "truncated:-1 = AAAAAAAA.1.98.1098-0.p...");
}

static void a_gap_beyond_the_end_of_an_epoch_leads_into_the_next_one(void **state)
{
    (void)state;
    struct redis_facts f = failed_over(95, 97);
    f.has_first = 0;
    expect("AAAAAAAA.0.94.1094-0", &f, NULL, 0, "deleted:3 = AAAAAAAA.1.97.1097-0.p");
}

static void a_new_epoch_is_no_gap_where_nothing_was_lost(void **state)
{
    (void)state;
    struct redis_facts f = failed_over(95, 97);
    const struct redis_entry e[] = {entry(0, 95), entry(1, 96), entry(1, 97)};
    expect("AAAAAAAA.0.94.1094-0", &f, e, 3, "95 96 97 = AAAAAAAA.1.97.1097-0");
}

static void entries_of_others_are_one_gap(void **state)
{
    (void)state;
    struct redis_facts f = store(0, 6);
    begin_with(&f, 1);
    struct redis_entry e[] = {{.id = {1005, 1}}, {.id = {1005, 2}}, entry(0, 6), {.id = {2000, 0}}};
    expect("AAAAAAAA.0.5.1005-0", &f, e, 4, "damaged:2 6 damaged:1 = AAAAAAAA.0.6.2000-0.p");
    e[1] = entry(0, 3); /* a number that was passed */
    e[0] = entry(0, 6);
    e[0].mark.generation[0] = 'B';
    expect("AAAAAAAA.0.5.1005-0", &f, e, 3, "damaged:2 6 = AAAAAAAA.0.6.1006-0");
    expect("t.1000", &f, e, 3, "3 deleted:2 6 = AAAAAAAA.0.6.1006-0");
}

static void an_event_that_cannot_be_sent_is_a_gap_of_one(void **state)
{
    (void)state;
    struct redis_facts f = store(0, 3);
    begin_with(&f, 1);
    struct redis_entry e[] = {entry(0, 1), entry(0, 2), entry(0, 3)};
    e[0].data = e[1].data = NULL;
    e[1].size = REDIS_DATA_MAX + 1;
    expect("start", &f, e, 3, "damaged:1 too-large:1 3 = AAAAAAAA.0.3.1003-0");
}

static void what_was_sought_by_number_begins_there_and_misses_nothing_before(void **state)
{
    (void)state;
    struct redis_facts f = store(0, 9);
    begin_with(&f, 4);
    struct redis_entry e[] = {entry(0, 4), entry(0, 5), entry(0, 8), entry(0, 9)};
    f.sought_n = 5;
    expect("AAAAAAAA.5.b", &f, e, 4, "deleted:2 8 9 = AAAAAAAA.0.9.1009-0");
    f.sought_n = 7;
    expect("AAAAAAAA.7.b", &f, e, 4, "8 9 = AAAAAAAA.0.9.1009-0");
    f.sought_n = 1;
    expect("AAAAAAAA.0.b", &f, e + 2, 2, "8 9 = AAAAAAAA.0.9.1009-0");
    expect("AAAAAAAA.1.b", &f, e, 4, "4 5 deleted:2 8 9 = AAAAAAAA.0.9.1009-0");
    f.sought_n = 9;
    expect("l.0.5000", &f, e, 4, "= AAAAAAAA.0.9.1009-0.p");
    expect("t.5000", &f, NULL, 0, "= AAAAAAAA.0.9.1009-0.p");
}

static void only_what_comes_next_is_taken_live(void **state)
{
    (void)state;
    struct redis_page p;
    struct redis_position head;
    assert_int_equal(redis_position_parse("AAAAAAAA.1.5.1005-0", &head), 0);
    redis_page_init(&p);
    redis_page_follow(&p, &head);
    struct redis_entry good = entry(1, 6), hole = entry(1, 7), epoch = entry(2, 6);
    struct redis_entry empty = entry(1, 6), other = entry(1, 6);
    empty.data = NULL;
    other.mark.generation[0] = 'B';
    assert_true(redis_page_is_next(&p, &good));
    assert_false(redis_page_is_next(&p, &hole));
    assert_false(redis_page_is_next(&p, &epoch));
    assert_false(redis_page_is_next(&p, &empty));
    assert_false(redis_page_is_next(&p, &other));
    assert_int_equal(redis_page_add(&p, &good), 0);
    assert_true(redis_page_is_next(&p, &hole));
    redis_page_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_on_behind_an_event_that_is_there),
        cmocka_unit_test(is_at_the_end_without_a_gap_though_its_event_was_deleted),
        cmocka_unit_test(counts_what_was_trimmed_and_what_was_deleted),
        cmocka_unit_test(counts_what_is_missing_at_the_end),
        cmocka_unit_test(says_that_the_store_is_another_one),
        cmocka_unit_test(waits_while_nothing_comes_after_what_was_lost),
        cmocka_unit_test(lost_events_that_a_reader_has_are_no_gap),
        cmocka_unit_test(lost_events_that_a_reader_has_not_are_counted),
        cmocka_unit_test(numbers_that_were_used_again_are_told),
        cmocka_unit_test(a_gap_beyond_the_end_of_an_epoch_leads_into_the_next_one),
        cmocka_unit_test(a_new_epoch_is_no_gap_where_nothing_was_lost),
        cmocka_unit_test(entries_of_others_are_one_gap),
        cmocka_unit_test(an_event_that_cannot_be_sent_is_a_gap_of_one),
        cmocka_unit_test(what_was_sought_by_number_begins_there_and_misses_nothing_before),
        cmocka_unit_test(only_what_comes_next_is_taken_live),
    };
    return cmocka_run_group_tests_name("redis page", tests, NULL, NULL);
}

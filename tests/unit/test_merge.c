/* SPDX-License-Identifier: MIT */
/* test_merge: what several streams as one say, and what one of them does to the others. */
#include "test_merge_rig.h"

#define LOGS 3
#define LINES_MAX 64

/* What was sent: "POSITION-LESS" lines such as `event NAME DATA`, `gap STREAM REASON`, `end`. */
struct record {
    struct sse_out out;
    size_t count;
    size_t stop_after;
    char lines[LINES_MAX][200];
    char last[SSE_POSITION_SIZE];
};

struct rig {
    struct fake_log logs[LOGS];
    struct fake fakes[LOGS];
    struct merge_store *store;
    struct record live, page;
    struct source_host host;
    struct log quiet;
    struct source *source;
    char position[SSE_POSITION_SIZE];
};

static char *next_line(struct record *r, const char *position)
{
    assert_true(r->count < LINES_MAX);
    assert_true(sse_position_is_valid(position, strlen(position)));
    memcpy(r->last, position, strlen(position) + 1);
    return r->lines[r->count++];
}

static int answer(const struct record *r)
{
    return r->stop_after && r->count >= r->stop_after;
}

static int on_event(void *ctx, const struct sse_event *e)
{
    struct record *r = ctx;
    snprintf(next_line(r, e->position), sizeof r->lines[0], "event %s %.*s", e->name ? e->name : "-",
             (int)e->data_len, e->data);
    return answer(r);
}

static int on_gap(void *ctx, const struct sse_gap *gap)
{
    struct record *r = ctx;
    snprintf(next_line(r, gap->position), sizeof r->lines[0], "gap %s %s",
             gap->stream ? gap->stream : "-", gap->reason);
    return answer(r);
}

static void on_advance(void *ctx, const char *position)
{
    struct record *r = ctx;
    memcpy(r->last, position, strlen(position) + 1);
}

static void on_end(void *ctx, const char *position, const char *data)
{
    struct record *r = ctx;
    assert_null(data);
    snprintf(next_line(r, position), sizeof r->lines[0], "end");
}

static void open_merge(struct rig *r, size_t count, int is_raw)
{
    struct merge_member members[LOGS];
    struct merge_setup setup = {.members = members, .count = count, .is_raw = is_raw,
                                .store = r->store};
    for (size_t i = 0; i < count; i++) {
        members[i] = (struct merge_member){.name = r->logs[i].name, .source = &r->fakes[i].base,
                                           .has_ended = fake_is_at_end(&r->fakes[i],
                                                                       r->fakes[i].head)};
    }
    assert_int_equal(merge_open(&r->source, &setup, &r->host), 0);
    for (size_t i = 0; i < count; i++) {
        r->fakes[i].live = merge_input(r->source, i);
    }
    r->source->type->head(r->source, r->position);
    merge_start(r->source);
}

static int make_rig(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    if (!r) {
        return -1;
    }
    r->quiet = (struct log){.fd = -1};
    for (size_t i = 0; i < LOGS; i++) {
        snprintf(r->logs[i].name, sizeof r->logs[i].name, "s%u", (unsigned)(i & 7));
        r->fakes[i] = (struct fake){.base = {.type = &fake_type}, .log = &r->logs[i]};
    }
    r->live.out = r->page.out = (struct sse_out){.event = on_event, .gap = on_gap,
                                                 .advance = on_advance, .end = on_end};
    r->live.out.ctx = &r->live;
    r->page.out.ctx = &r->page;
    r->host = (struct source_host){.log = &r->quiet, .live = &r->live.out};
    *state = r;
    return merge_store_new(&r->store, NULL, &r->quiet);
}

static int free_rig(void **state)
{
    struct rig *r = *state;
    if (r->source) {
        r->source->type->close(r->source, NULL, NULL);
    }
    merge_store_unref(r->store);
    free(r);
    return 0;
}

#define rigged(test) cmocka_unit_test_setup_teardown(test, make_rig, free_rig)

static void write_items(struct rig *r, size_t log, enum fake_kind kind, size_t count, int is_read)
{
    for (size_t i = 0; i < count; i++) {
        r->logs[log].items[r->logs[log].count++] = (unsigned char)kind;
        if (is_read) {
            fake_step(&r->fakes[log]);
        }
    }
}

static int pull(struct rig *r)
{
    r->page.count = 0;
    return r->source->type->pull(r->source, r->position, &r->page.out, 4096);
}

static void expect_head(struct rig *r)
{
    char head[SSE_POSITION_SIZE];
    r->source->type->head(r->source, head);
    assert_string_equal(r->position, head);
}

/* --- what is said -------------------------------------------------------------------------- */

static void give(struct rig *r, const char *name, const char *data, size_t len)
{
    char position[SSE_POSITION_SIZE];
    fake_print(&r->logs[0], 1, position);
    struct sse_event e = {.position = position, .name = name, .data = data, .data_len = len};
    r->live.count = 0;
    r->fakes[0].live->event(r->fakes[0].live->ctx, &e);
    assert_int_equal(r->live.count, 1);
}

static void events_name_their_stream(void **state)
{
    struct rig *r = *state;
    open_merge(r, 2, 0);
    give(r, NULL, "a \"b\" /\\", 8);
    assert_string_equal(r->live.lines[0],
                        "event - {\"stream\":\"s0\",\"data\":\"a \\\"b\\\" /\\\\\"}");
    give(r, "x", "1\r\n2\r3\n\r", 8);
    assert_string_equal(r->live.lines[0],
                        "event x {\"stream\":\"s0\",\"event\":\"x\",\"data\":\"1\\n2\\n3\\n\\n\"}");
    give(r, NULL, NULL, 0);
    assert_string_equal(r->live.lines[0], "event - {\"stream\":\"s0\",\"data\":\"\"}");
    give(r, NULL, "a\0b", 3);
    assert_string_equal(r->live.lines[0], "event - {\"stream\":\"s0\",\"data\":\"a\\u0000b\"}");
}

static void raw_events_are_left_as_they_are(void **state)
{
    struct rig *r = *state;
    open_merge(r, 2, 1);
    give(r, "x", "1\r\n2", 4);
    assert_string_equal(r->live.lines[0], "event x 1\r\n2");
    write_items(r, 1, FAKE_GAP, 1, 1);
    assert_string_equal(r->live.lines[1], "gap s1 lost");
}

static void the_end_comes_when_all_have_ended(void **state)
{
    struct rig *r = *state;
    char before[SSE_POSITION_SIZE];
    open_merge(r, 2, 0);
    write_items(r, 0, FAKE_END, 1, 1);
    assert_int_equal(r->live.count, 1);
    assert_string_equal(r->live.lines[0],
                        "event stream.member_end {\"stream\":\"s0\",\"status\":0}");
    write_items(r, 1, FAKE_EVENT, 1, 1);
    write_items(r, 1, FAKE_END, 1, 1);
    assert_int_equal(r->live.count, 4);
    assert_string_equal(r->live.lines[3], "end");
    /* As history, and once. */
    assert_int_equal(pull(r), SOURCE_END);
    assert_int_equal(r->page.count, 4);
    assert_string_equal(r->page.lines[3], "end");
    assert_string_equal(r->page.last, r->position);
    expect_head(r);
    memcpy(before, r->position, sizeof before);
    assert_int_equal(pull(r), SOURCE_END);
    assert_int_equal(r->page.count, 0);
    assert_string_equal(before, r->position);
}

static void streams_that_ended_before_are_told_as_ended(void **state)
{
    struct rig *r = *state;
    for (size_t i = 0; i < 2; i++) {
        write_items(r, i, FAKE_END, 1, 0);
        r->fakes[i].head = 1;
    }
    open_merge(r, 2, 0);
    assert_int_equal(r->live.count, 1);
    assert_string_equal(r->live.lines[0], "end");
}

/* --- one and the others -------------------------------------------------------------------- */

static void one_that_cannot_be_read_does_not_hold_up_the_others(void **state)
{
    static const int failures[] = {ERR_IO, ERR_AGAIN};
    struct rig *r = *state;
    open_merge(r, 3, 0);
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < 3; i++) {
            write_items(r, i, FAKE_EVENT, 2, 1);
        }
        r->fakes[1].failing = failures[k];
        assert_int_equal(pull(r), failures[k]);
        assert_int_equal(r->page.count, 4);
        assert_int_equal(pull(r), failures[k]);
        assert_int_equal(r->page.count, 0);
        r->fakes[1].failing = 0;
        assert_int_equal(pull(r), SOURCE_HEAD);
        assert_int_equal(r->page.count, 2);
        expect_head(r);
    }
}

static void what_had_nothing_to_show_is_not_read_again(void **state)
{
    struct rig *r = *state;
    open_merge(r, 2, 0);
    write_items(r, 0, FAKE_NOTHING, 3, 1);
    write_items(r, 1, FAKE_EVENT, 1, 1);
    r->fakes[1].failing = ERR_IO;
    assert_int_equal(pull(r), SOURCE_MORE);
    assert_int_equal(pull(r), ERR_IO);
}

static void a_busy_stream_does_not_keep_the_rest_waiting(void **state)
{
    struct rig *r = *state;
    size_t quiet = 0;
    open_merge(r, 2, 0);
    write_items(r, 1, FAKE_EVENT, 2, 1);
    for (int n = 0; n < 6; n++) {
        write_items(r, 0, FAKE_EVENT, 3, 1);
        r->live.count = 0;
        r->fakes[0].pull_max = 1;
        (void)pull(r);
        for (size_t i = 0; i < r->page.count; i++) {
            quiet += strstr(r->page.lines[i], "\"s1\"") != NULL;
        }
    }
    assert_int_equal(quiet, 2);
}

static void a_full_page_ends_the_pull(void **state)
{
    struct rig *r = *state;
    size_t got = 0;
    open_merge(r, 3, 0);
    for (size_t i = 0; i < 3; i++) {
        write_items(r, i, FAKE_EVENT, 2, 1);
    }
    r->page.stop_after = 1;
    while (got < 6) {
        assert_int_equal(pull(r), SOURCE_MORE);
        assert_int_equal(r->page.count, 1);
        got++;
    }
    assert_int_equal(pull(r), SOURCE_HEAD);
    assert_int_equal(r->page.count, 0);
    expect_head(r);
}

static void a_stream_that_became_another_goes_on_from_now(void **state)
{
    struct rig *r = *state;
    open_merge(r, 2, 0);
    write_items(r, 0, FAKE_EVENT, 2, 1);
    write_items(r, 1, FAKE_EVENT, 2, 1);
    r->source->type->close(r->source, NULL, NULL);
    r->logs[1].prefix = 5;
    r->live.count = 0;
    char old[SSE_POSITION_SIZE];
    memcpy(old, r->position, sizeof old);
    open_merge(r, 2, 0);
    assert_int_equal(merge_adopt(r->source, old, r->position), 0);
    assert_int_equal(pull(r), SOURCE_HEAD);
    size_t gaps = 0;
    for (size_t i = 0; i < r->page.count; i++) {
        gaps += strcmp(r->page.lines[i], "gap s1 unknown-position") == 0;
    }
    assert_int_equal(gaps, 1);
    assert_int_equal(r->page.count, 3);
    expect_head(r);
}

static void a_base_that_is_gone_is_told(void **state)
{
    struct rig *r = *state;
    open_merge(r, 2, 0);
    memcpy(r->position, "n0000004711", 12);
    assert_true(r->source->type->understands(r->source, r->position)); /* it may have been good */
    assert_false(r->source->type->understands(r->source, "n0000"));
    assert_int_equal(pull(r), SOURCE_HEAD);
    assert_string_equal(r->page.lines[0], "gap - unknown-position");
    expect_head(r);
}

static void another_set_keeps_what_it_has_in_common(void **state)
{
    struct rig *r = *state;
    char id[SSE_POSITION_SIZE], none[SSE_POSITION_SIZE];
    open_merge(r, 2, 0);
    memcpy(id, r->position, sizeof id);
    for (size_t i = 0; i < 3; i++) {
        write_items(r, i, FAKE_EVENT, 1, i < 2);
    }
    r->fakes[2].head = 1;
    r->source->type->close(r->source, NULL, NULL);
    open_merge(r, 3, 0); /* s2 begins now */
    assert_int_equal(merge_adopt(r->source, id, r->position), 0);
    assert_int_equal(pull(r), SOURCE_HEAD);
    assert_int_equal(r->page.count, 2);
    r->source->type->close(r->source, NULL, NULL);
    open_merge(r, 1, 0); /* s1 is ignored */
    assert_int_equal(merge_adopt(r->source, id, r->position), 0);
    assert_int_equal(pull(r), SOURCE_HEAD);
    assert_int_equal(r->page.count, 1);
    assert_string_equal(r->page.lines[0], "event - {\"stream\":\"s0\",\"data\":\"0\"}");
    snprintf(r->logs[0].name, sizeof r->logs[0].name, "other");
    r->source->type->close(r->source, NULL, NULL);
    open_merge(r, 1, 0);
    assert_int_equal(merge_adopt(r->source, id, none), ERR_UNKNOWN);
}

static void the_last_events_are_those_of_each_stream(void **state)
{
    struct rig *r = *state;
    for (size_t i = 0; i < 3; i++) {
        write_items(r, i, FAKE_EVENT, 10 * i, 0);
        r->fakes[i].head = 10 * i;
    }
    r->logs[2].floor = 15;
    open_merge(r, 3, 0);
    assert_int_equal(r->source->type->back(r->source, 7, r->position), 0);
    assert_int_equal(pull(r), SOURCE_HEAD);
    assert_int_equal(r->page.count, 0 + 7 + 5);
    struct err err;
    assert_int_equal(r->source->type->since(r->source, 0, r->position, &err), ERR_INVALID);
    assert_string_equal(err.text, "since: the events of s0 have no times");
}

static void an_id_outlives_the_file_that_its_base_was_in(void **state)
{
    struct rig *r = *state;
    char folder[] = "/tmp/ssecgi-merge-XXXXXX";
    char path[64];
    char out[SSE_POSITION_SIZE];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/several.marks", folder);
    merge_store_unref(r->store);
    assert_int_equal(merge_store_new(&r->store, folder, &r->quiet), 0);
    for (size_t i = 0; i < LOGS; i++) {
        r->logs[i].prefix = 90;
    }
    open_merge(r, 3, 0);
    assert_true(r->position[0] == 'n');
    assert_int_equal(unlink(path), 0);
    merge_tick(r->source);
    write_items(r, 0, FAKE_EVENT, 1, 1);
    /* Another process, whose own base is another. */
    merge_store_unref(r->store);
    r->source->type->close(r->source, NULL, NULL);
    assert_int_equal(merge_store_new(&r->store, folder, &r->quiet), 0);
    memcpy(out, r->position, sizeof out);
    open_merge(r, 3, 0);
    assert_int_equal(merge_adopt(r->source, out, r->position), 0);
    assert_int_equal(pull(r), SOURCE_HEAD);
    assert_int_equal(r->page.count, 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rigged(events_name_their_stream),
        rigged(raw_events_are_left_as_they_are),
        rigged(the_end_comes_when_all_have_ended),
        rigged(streams_that_ended_before_are_told_as_ended),
        rigged(one_that_cannot_be_read_does_not_hold_up_the_others),
        rigged(what_had_nothing_to_show_is_not_read_again),
        rigged(a_busy_stream_does_not_keep_the_rest_waiting),
        rigged(a_full_page_ends_the_pull),
        rigged(a_stream_that_became_another_goes_on_from_now),
        rigged(a_base_that_is_gone_is_told),
        rigged(another_set_keeps_what_it_has_in_common),
        rigged(the_last_events_are_those_of_each_stream),
        rigged(an_id_outlives_the_file_that_its_base_was_in),
    };
    return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}

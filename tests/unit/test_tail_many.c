/* SPDX-License-Identifier: MIT */
/* test_tail_many: several logs in one stream: how they come and go, and what their positions lead to. */
#include "test_tail_rig.h"

#include "base/buf.h"
#include "base/clock.h"
#include "source/filter.h"
#include "source/tail/many.h"

struct many_rig {
    struct rig *rig;
    struct tail_many *many;
    struct tail_many_setup setup;
    struct conf_list paths;
    struct conf_list rotated;
    char pattern[128];
    char *items[2];
    struct buf text;
    struct record live;
    struct record page;
};

/* "NAME:LINE" for lines, so that record_expect shows both. */
static int note_event(void *ctx, const struct sse_event *e)
{
    char text[512];
    int len = snprintf(text, sizeof text, "%s:%.*s", e->name ? e->name : "", (int)e->data_len,
                       e->data);
    struct sse_event shown = {.position = e->position, .data = text, .data_len = (size_t)len};
    return record_event(ctx, &shown);
}

static void note_nothing(void *ctx, const char *position)
{
    (void)ctx;
    (void)position;
}

static void record_many(struct record *r)
{
    record_init(r);
    r->out.event = note_event;
    r->out.advance = note_nothing;
}

static void open_many(struct many_rig *m, const char *pattern, const char *state_dir)
{
    snprintf(m->pattern, sizeof m->pattern, "%s/%s", m->rig->folder, pattern);
    m->items[0] = m->pattern;
    m->paths = (struct conf_list){.items = m->items, .count = 1};
    m->setup.stream = "many";
    m->setup.state_dir = state_dir;
    m->setup.paths = &m->paths;
    m->setup.rotated = &m->rotated;
    m->setup.max_line_bytes = RIG_LINE_BYTES;
    m->setup.style.text = &m->text;
    m->setup.style.clock = &clock_system;
    m->setup.log = &m->rig->quiet;
    m->setup.live = &m->live.out;
    assert_int_equal(tail_many_new(&m->many, &m->setup), 0);
}

static void init(struct many_rig *m, struct rig *r, const char *pattern)
{
    *m = (struct many_rig){.rig = r};
    buf_init(&m->text, 1 << 20);
    record_many(&m->live);
    record_many(&m->page);
    open_many(m, pattern, NULL);
}

static void fini(struct many_rig *m)
{
    tail_many_free(m->many);
    record_fini(&m->live);
    record_fini(&m->page);
    buf_fini(&m->text);
}

/* Another process. */
static void reopen(struct many_rig *m, const char *pattern, const char *state_dir)
{
    tail_many_free(m->many);
    record_clear(&m->live);
    open_many(m, pattern, state_dir);
}

static void write_to(const struct many_rig *m, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", m->rig->folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void move(const struct many_rig *m, const char *from, const char *to)
{
    char a[256], b[256];
    snprintf(a, sizeof a, "%s/%s", m->rig->folder, from);
    snprintf(b, sizeof b, "%s/%s", m->rig->folder, to);
    assert_int_equal(rename(a, b), 0);
}

static void take_away(const struct many_rig *m, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", m->rig->folder, name);
    assert_int_equal(unlink(path), 0);
}

static void look(struct many_rig *m)
{
    tail_many_tick(m->many);
    for (int i = 0; i < 10000; i++) {
        int rc = tail_many_look(m->many, 65536);
        assert_true(rc > 0);
        if (rc == TAIL_LOG_IDLE) {
            return;
        }
    }
    fail_msg("never idle");
}

static void expect_live(struct many_rig *m, const char *expected)
{
    look(m);
    record_expect(&m->live, expected);
    record_clear(&m->live);
}

static void expect_from(struct many_rig *m, const char *position, const char *expected)
{
    char at[SSE_POSITION_SIZE];
    snprintf(at, sizeof at, "%s", position);
    record_clear(&m->page);
    for (int i = 0; i < 10000; i++) {
        int rc = tail_many_pull(m->many, at, &m->page.out, 4096);
        assert_true(rc > 0);
        if (rc == SOURCE_HEAD) {
            record_expect(&m->page, expected);
            assert_string_equal(at, m->many->head);
            return;
        }
    }
    fail_msg("never at the head");
}

static void keep_head(const struct many_rig *m, char out[SSE_POSITION_SIZE])
{
    memcpy(out, m->many->head, SSE_POSITION_SIZE);
}

/* ---- names that change ---- */

static void a_log_between_two_files_is_known_by_the_rotated_one(void **state)
{
    struct many_rig m;
    char at[SSE_POSITION_SIZE];
    init(&m, *state, "*.log");
    write_to(&m, "app.log", "a\nb\n");
    expect_live(&m, "app.log:a|app.log:b");
    keep_head(&m, at);
    write_to(&m, "app.log", "c\n");
    move(&m, "app.log", "app.log.1");
    reopen(&m, "*.log", NULL);
    expect_from(&m, at, "app.log:c");
    write_to(&m, "app.log", "d\n");
    expect_live(&m, "app.log:d");
    expect_from(&m, at, "app.log:c|app.log:d");
    fini(&m);
}

static void a_dated_file_is_no_log_while_its_log_is_away(void **state)
{
    struct many_rig m;
    init(&m, *state, "*.log");
    write_to(&m, "app.log", "a\n");
    expect_live(&m, "app.log:a");
    move(&m, "app.log", "app-20261121.log");
    expect_live(&m, "");
    write_to(&m, "app.log", "b\n");
    expect_live(&m, "app.log:b");
    assert_int_equal(m.many->count, 1);
    fini(&m);
}

static void a_log_that_comes_back_takes_its_dated_file_over(void **state)
{
    struct many_rig m;
    char at[SSE_POSITION_SIZE];
    init(&m, *state, "*.log");
    write_to(&m, "app.log", "a\nb\n");
    look(&m);
    snprintf(at, sizeof at, "%s", m.live.items[0].position);
    move(&m, "app.log", "app-20261121.log");
    reopen(&m, "*.log", NULL);
    expect_from(&m, at, "app-20261121.log:b");
    write_to(&m, "app.log", "c\n");
    expect_live(&m, "app.log:c");
    expect_from(&m, at, "app.log:b|app.log:c");
    assert_int_equal(m.many->count, 1);
    fini(&m);
}

static void a_renamed_log_goes_on_where_it_was(void **state)
{
    struct many_rig m;
    char at[SSE_POSITION_SIZE];
    init(&m, *state, "*.log");
    write_to(&m, "app.log", "a\nb\n");
    look(&m);
    snprintf(at, sizeof at, "%s", m.live.items[0].position);
    record_clear(&m.live);
    move(&m, "app.log", "old.log");
    write_to(&m, "app.log", "c\n");
    expect_live(&m, "app.log:c");
    expect_live(&m, ""); /* the old one is a log of its own by now */
    assert_int_equal(m.many->count, 2);
    write_to(&m, "old.log", "late\n");
    look(&m);
    assert_string_equal(m.live.items[m.live.count - 1].text, "old.log:late");
    reopen(&m, "*.log", NULL);
    expect_from(&m, at, "!rotated-away|app.log:c|old.log:b|old.log:late");
    fini(&m);
}

/* ---- coming and going ---- */

static void a_log_without_files_is_given_up(void **state)
{
    struct many_rig m;
    char at[SSE_POSITION_SIZE];
    init(&m, *state, "*.log");
    write_to(&m, "a.log", "1\n");
    write_to(&m, "b.log", "1\n");
    look(&m);
    keep_head(&m, at);
    take_away(&m, "b.log");
    for (int i = 0; i < TAIL_MANY_GONE_TICKS - 1; i++) {
        look(&m);
    }
    assert_int_equal(m.many->count, 2);
    expect_from(&m, at, "");
    look(&m);
    look(&m);
    assert_int_equal(m.many->count, 1);
    assert_string_not_equal(at, m.many->head);
    expect_from(&m, at, "!rotated-away");
    record_clear(&m.live);
    write_to(&m, "a.log", "2\n");
    write_to(&m, "b.log", "again\n");
    expect_live(&m, "a.log:2|b.log:again");
    fini(&m);
}

static void a_log_that_is_named_outright_is_waited_for(void **state)
{
    struct many_rig m;
    init(&m, *state, "app.log");
    for (int i = 0; i < 2 * TAIL_MANY_GONE_TICKS; i++) {
        look(&m);
    }
    assert_int_equal(m.many->count, 1);
    assert_string_equal(m.many->head, TAIL_POSITION_START);
    write_to(&m, "app.log", "a\n");
    expect_live(&m, "app.log:a");
    fini(&m);
}

static void a_file_that_another_process_saw_first_is_read(void **state)
{
    struct many_rig a, b;
    init(&a, *state, "*.log");
    init(&b, *state, "*.log");
    write_to(&a, "a.log", "1\n2\n");
    look(&a);
    expect_from(&b, a.live.items[0].position, "a.log:2");
    record_expect(&b.live, "a.log:1|a.log:2");
    fini(&a);
    fini(&b);
}

static void an_empty_folder_has_an_empty_place(void **state)
{
    struct many_rig m;
    char at[SSE_POSITION_SIZE];
    init(&m, *state, "*.log");
    assert_string_equal(m.many->head, TAIL_POSITION_START);
    assert_int_equal(tail_many_back(m.many, 7, at), 0);
    assert_string_equal(at, TAIL_POSITION_START);
    assert_int_equal(tail_many_left(m.many, at), 0);
    assert_int_equal(tail_many_look(m.many, 4096), TAIL_LOG_IDLE);
    fini(&m);
}

/* ---- more files than fit ---- */

static void write_all(const struct many_rig *m, int count, const char *text)
{
    for (int i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%02d.log", i);
        write_to(m, name, text);
    }
}

static void a_file_that_was_cut_is_told_through_a_base(void **state)
{
    struct many_rig m;
    struct rig *r = *state;
    char at[SSE_POSITION_SIZE], path[128];
    init(&m, r, "*.log");
    write_all(&m, 8, "one\n");
    reopen(&m, "*.log", r->folder);
    write_to(&m, "03.log", "two\n");
    look(&m);
    keep_head(&m, at);
    assert_true(at[0] == 'b' && strlen(at) > 11);
    write_to(&m, "05.log", "two\n");
    snprintf(path, sizeof path, "%s/03.log", r->folder);
    assert_int_equal(truncate(path, 0), 0);
    write_to(&m, "03.log", "other\nlines\n");
    reopen(&m, "*.log", r->folder);
    expect_from(&m, at, "!truncated|03.log:other|03.log:lines|05.log:two");
    fini(&m);
}

static void readers_far_behind_go_on_with_bases_of_their_own(void **state)
{
    struct many_rig m;
    struct rig *r = *state;
    init(&m, r, "*.log");
    write_all(&m, 40, "one\n");
    reopen(&m, "*.log", r->folder);
    for (int i = 0; i < 5; i++) {
        write_all(&m, 40, "more\n");
    }
    look(&m);
    assert_int_equal(m.live.count, 200);
    char first[SSE_POSITION_SIZE];
    snprintf(first, sizeof first, "%s", m.live.items[10].position);
    reopen(&m, "*.log", r->folder);
    char at[SSE_POSITION_SIZE];
    memcpy(at, first, sizeof at);
    size_t got = 0;
    for (int i = 0; i < 10000; i++) {
        /* A new process for every page. */
        record_clear(&m.page);
        m.page.stop_after = 3;
        int rc = tail_many_pull(m.many, at, &m.page.out, 4096);
        assert_true(rc > 0);
        got += m.page.count;
        if (rc == SOURCE_HEAD) {
            break;
        }
        reopen(&m, "*.log", r->folder);
    }
    assert_int_equal(got, 189);
    fini(&m);
}

static void the_limit_of_files_holds(void **state)
{
    struct many_rig m;
    init(&m, *state, "*.log");
    for (int i = 0; i < TAIL_MANY_MAX + 5; i++) {
        char name[32];
        snprintf(name, sizeof name, "%03d.log", i);
        write_to(&m, name, "a\n");
    }
    look(&m);
    assert_int_equal(m.many->count, TAIL_MANY_MAX);
    assert_int_equal(m.live.count, TAIL_MANY_MAX);
    assert_int_equal(m.many->was_cut, 1);
    fini(&m);
}

/* ---- what the stream makes of lines ---- */

static void half_lines_are_flushed_when_they_have_stood_still(void **state)
{
    struct many_rig m;
    init(&m, *state, "*.log");
    write_to(&m, "a.log", "ha");
    expect_live(&m, "");
    tail_many_flush(m.many);
    write_to(&m, "a.log", "lf");
    look(&m);
    tail_many_flush(m.many);
    record_expect(&m.live, "");
    tail_many_flush(m.many);
    record_expect(&m.live, "a.log:half");
    record_clear(&m.live);
    write_to(&m, "a.log", "rest\n");
    expect_live(&m, "a.log:rest");
    fini(&m);
}

static void context_is_each_files_own(void **state)
{
    struct many_rig m;
    struct filter_want want = {.grep = "hit", .context = "1"};
    struct filter *filter;
    struct err err;
    char at[SSE_POSITION_SIZE];
    assert_int_equal(filter_new(&filter, &want, &err), 0);
    init(&m, *state, "*.log");
    write_to(&m, "a.log", "a1\na2\nhit\na4\na5\n");
    write_to(&m, "b.log", "b1\nb2\nb3\n");
    m.setup.style.filter = filter;
    reopen(&m, "*.log", NULL);
    snprintf(at, sizeof at, "start");
    expect_from(&m, at, "a.log:a2|a.log:hit|a.log:a4");
    write_to(&m, "b.log", "hit\n");
    write_to(&m, "a.log", "a6\n");
    write_to(&m, "b.log", "b5\nb6\n");
    look(&m);
    record_expect(&m.live, "b.log:b3|b.log:hit|b.log:b5");
    expect_from(&m, m.live.items[1].position, "b.log:b5");
    fini(&m);
    filter_free(filter);
}

static void a_page_takes_from_each_file(void **state)
{
    struct many_rig m;
    init(&m, *state, "*.log");
    char *block = malloc(100 * 1000 + 1);
    assert_non_null(block);
    for (int i = 0; i < 1000; i++) {
        memset(block + 100 * i, 'x', 99);
        block[100 * i + 99] = '\n';
    }
    block[100 * 1000] = '\0';
    write_to(&m, "a.log", block);
    write_to(&m, "b.log", "calm\n");
    free(block);
    reopen(&m, "*.log", NULL);
    char at[SSE_POSITION_SIZE] = "start";
    int is_calm = 0;
    for (int i = 0; i < 4 && !is_calm; i++) {
        record_clear(&m.page);
        m.page.stop_after = 10;
        assert_int_equal(tail_many_pull(m.many, at, &m.page.out, 4096), SOURCE_MORE);
        for (size_t k = 0; k < m.page.count; k++) {
            is_calm |= strcmp(m.page.items[k].text, "b.log:calm") == 0;
        }
    }
    assert_true(is_calm);
    fini(&m);
}

static void the_way_left_is_that_of_all_files(void **state)
{
    struct many_rig m;
    init(&m, *state, "*.log");
    write_to(&m, "a.log", "12345\n");
    write_to(&m, "b.log", "123\n");
    reopen(&m, "*.log", NULL);
    assert_int_equal(tail_many_left(m.many, "start"), 10);
    assert_int_equal(tail_many_left(m.many, m.many->head), 0);
    fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(a_log_between_two_files_is_known_by_the_rotated_one),
        rig_test(a_dated_file_is_no_log_while_its_log_is_away),
        rig_test(a_log_that_comes_back_takes_its_dated_file_over),
        rig_test(a_renamed_log_goes_on_where_it_was),
        rig_test(a_log_without_files_is_given_up),
        rig_test(a_log_that_is_named_outright_is_waited_for),
        rig_test(a_file_that_another_process_saw_first_is_read),
        rig_test(an_empty_folder_has_an_empty_place),
        rig_test(a_file_that_was_cut_is_told_through_a_base),
        rig_test(readers_far_behind_go_on_with_bases_of_their_own),
        rig_test(the_limit_of_files_holds),
        rig_test(half_lines_are_flushed_when_they_have_stood_still),
        rig_test(context_is_each_files_own),
        rig_test(a_page_takes_from_each_file),
        rig_test(the_way_left_is_that_of_all_files),
    };
    return cmocka_run_group_tests_name("tail_many", tests, NULL, NULL);
}

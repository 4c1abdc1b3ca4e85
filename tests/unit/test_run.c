/* SPDX-License-Identifier: MIT */
/* Tests of source/run: a run's folder, how long it is kept, and the end of one that nobody makes
 * any more. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "source/journal/journal.h"
#include "source/run/folder.h"
#include "source/run/keep.h"
#include "source/run/log.h"
#include "source/run/view.h"
#include "source/source.h"
#include "source/topic/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW_S 1700000000
#define KEEP_S 100
#define COUNT 40

struct world {
    char base[64];
    char *state; /* BASE/runs */
    char id[RUN_ID_CHARS + 1];
    char *stream;
    char *folder;
};

static void name_run(struct world *w)
{
    free(w->stream);
    free(w->folder);
    assert_int_equal(run_id_draw(w->id), 0);
    assert_true(asprintf(&w->stream, "ask/%s", w->id) > 0);
    w->folder = run_folder_path(w->state, w->stream);
    assert_non_null(w->folder);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->base, "/tmp/ssecgi-run-XXXXXX");
    assert_non_null(mkdtemp(w->base));
    assert_true(asprintf(&w->state, "%s/runs", w->base) > 0);
    name_run(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", w->base);
    assert_int_equal(system(command), 0);
    free(w->state);
    free(w->stream);
    free(w->folder);
    free(w);
    return 0;
}

static int make(struct world *w, const char *user)
{
    struct run_facts facts = {.keep_s = KEEP_S};
    int fd;
    strcpy(facts.user, user);
    assert_int_equal(run_folder_make(w->folder, &facts, &fd), 0);
    return fd;
}

/* As if it was written to then. */
static void set_age(const struct world *w, int64_t when_s)
{
    char *file;
    struct timespec times[2] = {{.tv_sec = when_s}, {.tv_sec = when_s}};
    assert_true(asprintf(&file, "%s/run", w->folder) > 0);
    assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
    free(file);
}

static int is_there(const struct world *w)
{
    return access(w->folder, F_OK) == 0;
}

/* --- names --------------------------------------------------------------------------------- */

static void ids_are_hex_and_never_the_same(void **state)
{
    char a[RUN_ID_CHARS + 1], b[RUN_ID_CHARS + 1];
    (void)state;
    assert_int_equal(run_id_draw(a), 0);
    assert_int_equal(run_id_draw(b), 0);
    assert_string_not_equal(a, b);
    assert_true(run_id_is_valid(a) && run_id_is_valid(b));
    assert_false(run_id_is_valid(""));
    assert_false(run_id_is_valid("0123456789abcdef0123456789abcdeF"));
    assert_false(run_id_is_valid("0123456789abcdef0123456789abcde/"));
    assert_false(run_id_is_valid("0123456789abcdef0123456789abcde"));
    assert_false(run_id_is_valid("0123456789abcdef0123456789abcdef0"));
}

/* --- the folder ---------------------------------------------------------------------------- */

static void it_knows_whose_it_is(void **state)
{
    struct world *w = *state;
    struct run_facts facts;
    assert_int_equal(run_folder_read(w->folder, &facts), ERR_GONE);
    int fd = make(w, "alice of the \"shop\"");
    assert_int_equal(run_folder_read(w->folder, &facts), 0);
    assert_string_equal(facts.user, "alice of the \"shop\"");
    assert_int_equal(facts.keep_s, KEEP_S);
    close(fd);
}

static void one_makes_it_and_the_lock_goes_with_him(void **state)
{
    struct world *w = *state;
    int fd = make(w, "");
    int other;
    assert_int_equal(run_folder_lock(w->folder, &other), ERR_AGAIN);
    close(fd);
    assert_int_equal(run_folder_lock(w->folder, &other), 0);
    run_folder_remove(w->folder);
    close(other);
    assert_int_equal(run_folder_lock(w->folder, &other), ERR_GONE);
    assert_false(is_there(w));
}

static void readers_are_seen_as_long_as_there_are_some(void **state)
{
    struct world *w = *state;
    int fd = make(w, "");
    int look, a, b;
    assert_int_equal(run_folder_open_readers(w->folder, &look), 0);
    assert_false(run_folder_has_readers(look));
    assert_int_equal(run_folder_join(w->folder, &a), 0);
    assert_int_equal(run_folder_join(w->folder, &b), 0);
    assert_true(run_folder_has_readers(look));
    close(a);
    assert_true(run_folder_has_readers(look));
    close(b);
    assert_false(run_folder_has_readers(look));
    close(look);
    close(fd);
}

static void one_that_is_cancelled_is_unknown_at_once(void **state)
{
    struct world *w = *state;
    struct run_facts facts;
    assert_int_equal(run_folder_cancel(w->folder), ERR_GONE);
    int fd = make(w, "");
    assert_false(run_folder_is_cancelled(w->folder));
    assert_int_equal(run_folder_cancel(w->folder), 0);
    assert_int_equal(run_folder_cancel(w->folder), 0);
    assert_true(run_folder_is_cancelled(w->folder));
    assert_int_equal(run_folder_read(w->folder, &facts), ERR_GONE);
    close(fd);
}

/* --- how long ------------------------------------------------------------------------------ */

static void it_goes_when_all_is_old_and_nobody_makes_it(void **state)
{
    struct world *w = *state;
    int64_t touched_s;
    int fd = make(w, "");
    set_age(w, NOW_S);
    assert_true(run_folder_expire(w->folder, NOW_S + 10 * KEEP_S, &touched_s));
    assert_int_equal(touched_s, -1);
    close(fd);
    assert_true(run_folder_expire(w->folder, NOW_S + KEEP_S - 1, &touched_s));
    assert_int_equal(touched_s, NOW_S);
    assert_false(run_folder_expire(w->folder, NOW_S + KEEP_S, &touched_s));
    assert_false(is_there(w));
}

static void a_walk_deletes_what_is_due_and_nothing_else(void **state)
{
    struct world *w = *state;
    struct run_sweep sweep = {.list = NULL};
    char *other = run_folder_path(w->state, "ask/other");
    int steps = 1;
    for (int i = 0; i < 3 * RUN_SWEEP_FOLDERS; i++) {
        name_run(w);
        close(make(w, ""));
        set_age(w, i % 2 ? NOW_S : NOW_S - KEEP_S);
    }
    assert_int_equal(mkdir(other, 0700), 0);
    while (run_sweep_step(&sweep, w->state, NOW_S)) {
        steps++;
    }
    assert_true(steps >= 3);
    assert_true(is_there(w));
    assert_int_equal(access(other, F_OK), 0);
    assert_int_equal(run_keep_admit(w->state, "ask", 3 * RUN_SWEEP_FOLDERS / 2 + 1, NOW_S), 0);
    assert_true(is_there(w));
    free(other);
}

static void the_oldest_make_room(void **state)
{
    struct world *w = *state;
    char *folders[COUNT];
    int fd = make(w, ""); /* is being made, and as old as can be */
    set_age(w, 1);
    char *made = strdup(w->folder);
    for (int i = 0; i < COUNT; i++) {
        name_run(w);
        close(make(w, ""));
        set_age(w, NOW_S - COUNT + i);
        folders[i] = strdup(w->folder);
    }
    assert_int_equal(run_keep_admit(w->state, "ask", COUNT + 2, NOW_S), 0);
    assert_int_equal(access(folders[0], F_OK), 0);
    assert_int_equal(run_keep_admit(w->state, "other", 1, NOW_S), 0);
    assert_int_equal(access(folders[0], F_OK), 0);
    assert_int_equal(run_keep_admit(w->state, "ask", COUNT, NOW_S), 0);
    assert_int_equal(access(made, F_OK), 0);
    assert_int_not_equal(access(folders[0], F_OK), 0);
    assert_int_equal(access(folders[COUNT - 1], F_OK), 0);
    assert_int_equal(run_keep_admit(w->state, "ask", 1, NOW_S), ERR_LIMIT);
    assert_int_equal(access(made, F_OK), 0);
    for (int i = 0; i < COUNT; i++) {
        free(folders[i]);
    }
    free(made);
    close(fd);
}

/* --- what is in it ------------------------------------------------------------------------- */

struct seen {
    char text[1024];
    char last[SSE_POSITION_SIZE];
    struct sse_out out;
};

static int on_event(void *ctx, const struct sse_event *e)
{
    struct seen *s = ctx;
    size_t len = strlen(s->text);
    snprintf(s->text + len, sizeof s->text - len, "%s=%.*s|", e->name ? e->name : "",
             (int)e->data_len, e->data);
    return 0;
}

static int on_gap(void *ctx, const struct sse_gap *gap)
{
    struct seen *s = ctx;
    size_t len = strlen(s->text);
    snprintf(s->text + len, sizeof s->text - len, "!%s|", gap->reason);
    return 0;
}

static void on_end(void *ctx, const char *position, const char *data)
{
    struct seen *s = ctx;
    size_t len = strlen(s->text);
    snprintf(s->text + len, sizeof s->text - len, "end %s", data);
    snprintf(s->last, sizeof s->last, "%s", position);
}

/* All of it, as a reader sees it. */
static void read_all(const struct world *w, struct seen *s)
{
    struct topic_log log;
    struct run_view view;
    char position[SSE_POSITION_SIZE] = JOURNAL_POSITION_START;
    *s = (struct seen){.out = {.event = on_event, .gap = on_gap, .end = on_end, .ctx = s}};
    run_view_init(&view, &s->out);
    assert_int_equal(topic_log_init(&log, w->state, w->stream, &view.out), 0);
    while (topic_log_pull(&log, position, &view.out, 65536) == SOURCE_MORE) {
    }
    if (view.has_ended) {
        assert_string_equal(view.end, position);
        assert_string_equal(s->last, position);
    }
    topic_log_fini(&log);
}

static void put(const struct world *w, const char *name, const char *data)
{
    struct journal *j;
    struct journal_position place;
    struct journal_event e = {.name = name, .data = data, .data_len = strlen(data)};
    assert_int_equal(journal_new(&j, w->state, w->stream, &run_log_rules, &clock_system), 0);
    assert_int_equal(journal_append(j, &e, 1, &place), 0);
    journal_free(j);
}

static void one_that_has_ended_is_not_interrupted(void **state)
{
    struct world *w = *state;
    struct seen s;
    close(make(w, ""));
    put(w, NULL, "a");
    put(w, RUN_END_NAME, "{\"status\":0}");
    assert_int_equal(run_log_interrupt(w->state, w->stream, &clock_system), 0);
    read_all(w, &s);
    assert_string_equal(s.text, "=a|end {\"status\":0}");
}

static void one_without_an_end_gets_a_gap_and_an_end_once(void **state)
{
    struct world *w = *state;
    struct seen s;
    close(make(w, ""));
    put(w, "word", "a");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run_log_interrupt(w->state, w->stream, &clock_system), 0);
    }
    read_all(w, &s);
    assert_string_equal(s.text, "word=a|!interrupted|end {\"reason\":\"interrupted\"}");
}

static void one_that_has_nothing_ends_too(void **state)
{
    struct world *w = *state;
    struct seen s;
    close(make(w, ""));
    assert_int_equal(run_log_interrupt(w->state, w->stream, &clock_system), 0);
    read_all(w, &s);
    assert_string_equal(s.text, "!interrupted|end {\"reason\":\"interrupted\"}");
}

static void a_gap_that_is_no_json_is_a_gap(void **state)
{
    struct world *w = *state;
    struct seen s;
    close(make(w, ""));
    put(w, RUN_GAP_NAME, "what is this");
    put(w, RUN_GAP_NAME, "{\"reason\":\"late\"}");
    read_all(w, &s);
    assert_string_equal(s.text, "!damaged|!late|");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ids_are_hex_and_never_the_same),
        TEST(it_knows_whose_it_is),
        TEST(one_makes_it_and_the_lock_goes_with_him),
        TEST(readers_are_seen_as_long_as_there_are_some),
        TEST(one_that_is_cancelled_is_unknown_at_once),
        TEST(it_goes_when_all_is_old_and_nobody_makes_it),
        TEST(a_walk_deletes_what_is_due_and_nothing_else),
        TEST(the_oldest_make_room),
        TEST(one_that_has_ended_is_not_interrupted),
        TEST(one_without_an_end_gets_a_gap_and_an_end_once),
        TEST(one_that_has_nothing_ends_too),
        TEST(a_gap_that_is_no_json_is_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

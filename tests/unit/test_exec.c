/* SPDX-License-Identifier: MIT */
/* test_exec: the source on a loop: what a program writes comes live and can be pulled. */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/option.h"
#include "source/exec/exec.h"
#include "source/exec/settings.h"
#include "source/exec/supervisor.h"
#include "source/source.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DEADLINE_MS 20000

/* What came, "a|!restarted|$", and where it was last. */
struct record {
    char text[4096];
    char last[SSE_POSITION_SIZE];
    size_t count;
    int is_full; /* it says stop after each one */
    int has_ended;
    struct sse_out out;
};

struct world {
    uv_loop_t loop;
    uv_timer_t deadline;
    struct log log;
    struct exec_settings settings;
    struct source_host host;
    struct source_setup setup;
    struct source *source;
    struct record live;
    int closed;
};

static void add(struct record *r, const char *text, size_t len, const char *position)
{
    size_t used = strlen(r->text);
    assert_true(sse_position_is_valid(position, strlen(position)));
    assert_string_not_equal(position, r->last);
    assert_true(used + len + 2 < sizeof r->text);
    snprintf(r->text + used, sizeof r->text - used, "%s%.*s", used ? "|" : "", (int)len, text);
    snprintf(r->last, sizeof r->last, "%s", position);
    r->count++;
}

static int on_event(void *ctx, const struct sse_event *e)
{
    struct record *r = ctx;
    add(r, e->data, e->data_len, e->position);
    return r->is_full;
}

static int on_gap(void *ctx, const struct sse_gap *g)
{
    struct record *r = ctx;
    char text[64];
    snprintf(text, sizeof text, "!%s", g->reason);
    add(r, text, strlen(text), g->position);
    return r->is_full;
}

static void on_end(void *ctx, const char *position, const char *data)
{
    struct record *r = ctx;
    add(r, data, strlen(data), position);
    r->has_ended = 1;
}

static void record_init(struct record *r)
{
    *r = (struct record){.count = 0};
    r->out = (struct sse_out){.event = on_event, .gap = on_gap, .end = on_end, .ctx = r};
}

static void on_deadline(uv_timer_t *t)
{
    (void)t;
    fail_msg("nothing came in time");
}

static void on_closed(void *ctx)
{
    ((struct world *)ctx)->closed = 1;
}

static void read_settings(struct exec_settings *s, const char *text, int rc)
{
    struct err err = {.code = 0};
    struct json_object *object = json_tokener_parse(text);
    assert_non_null(object);
    memset(s, 0, sizeof *s);
    assert_int_equal(conf_read(exec_settings_options, s, object, "", NULL, &err), 0);
    assert_int_equal(exec_settings_check(s, &err), rc);
    json_object_put(object);
}

static void open_world(struct world *w, const char *settings)
{
    struct err err = {.code = 0};
    *w = (struct world){.log = {.fd = -1}};
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->deadline);
    uv_timer_start(&w->deadline, on_deadline, DEADLINE_MS, 0);
    read_settings(&w->settings, settings, 0);
    record_init(&w->live);
    w->host = (struct source_host){
        .loop = &w->loop, .log = &w->log, .clock = &clock_system, .live = &w->live.out};
    w->setup = (struct source_setup){.stream = "x", .settings = &w->settings};
    assert_int_equal(source_exec.open(&w->source, &w->setup, &w->host, &err), 0);
    assert_int_equal(w->live.count, 0); /* nothing from inside open() */
}

static void close_world(struct world *w)
{
    source_exec.close(w->source, on_closed, w);
    source_exec.close(w->source, on_closed, w); /* safe to ask for twice */
    uv_close((uv_handle_t *)&w->deadline, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_true(w->closed);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    conf_free(exec_settings_options, &w->settings);
}

static void run_until(struct world *w, size_t count)
{
    while (w->live.count < count) {
        uv_run(&w->loop, UV_RUN_ONCE);
    }
}

static int pull(struct world *w, char position[SSE_POSITION_SIZE], int is_full,
                const char *expected)
{
    struct record page;
    record_init(&page);
    page.is_full = is_full;
    int rc = source_exec.pull(w->source, position, &page.out, 1 << 20);
    assert_string_equal(page.text, expected);
    return rc;
}

static void live_and_pulled_are_the_same(void **state)
{
    struct world w;
    char at[SSE_POSITION_SIZE], head[SSE_POSITION_SIZE];
    (void)state;
    open_world(&w, "{\"argv\": [\"sh\", \"-c\", \"echo one; echo two; exit 4\"],"
                   " \"restart_min_ms\": 10, \"restart_limit\": 1}");
    source_exec.head(w.source, at);
    run_until(&w, 6);
    static const char all[] = "one|two|!restarted|one|two|{\"status\":4}";
    assert_string_equal(w.live.text, all);
    assert_int_equal(pull(&w, at, 0, all), SOURCE_END);
    source_exec.head(w.source, head);
    assert_string_equal(at, head);
    assert_string_equal(at, w.live.last);
    assert_int_equal(pull(&w, at, 0, ""), SOURCE_END);
    assert_int_equal(source_exec.back(w.source, 2, at), 0);
    assert_int_equal(pull(&w, at, 1, "two"), SOURCE_MORE);
    assert_true(source_exec.understands(w.source, at));
    assert_false(source_exec.understands(w.source, "start"));
    close_world(&w);
}

static void a_full_ring_slows_nothing_down_for_good(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "{\"argv\": [\"seq\", \"500\"], \"restart\": \"never\"}");
    w.live.is_full = 1; /* one event a turn */
    run_until(&w, 501);
    assert_true(w.live.has_ended);
    close_world(&w);
}

static void it_is_down_between_runs(void **state)
{
    struct world w;
    struct source_health health = {.is_unreadable = 0};
    (void)state;
    open_world(&w, "{\"argv\": [\"sh\", \"-c\", \"echo one; exit 1\"], \"restart_min_ms\": 60000}");
    run_until(&w, 1);
    while (!health.is_unreadable) {
        uv_run(&w.loop, UV_RUN_ONCE);
        source_exec.health(w.source, &health);
    }
    close_world(&w);
}

static void closing_does_not_wait_for_the_program_to_agree(void **state)
{
    struct world w;
    (void)state;
    open_world(&w,
               "{\"argv\": [\"sh\", \"-c\", \"trap '' TERM; echo one; while :; do sleep 1; done\"],"
               " \"kill_s\": 0}");
    run_until(&w, 1);
    close_world(&w);
}

static void closing_before_it_began_is_fine(void **state)
{
    struct world w;
    (void)state;
    open_world(&w, "{\"argv\": [\"true\"]}");
    close_world(&w);
    assert_int_equal(w.live.count, 0);
}

static void times_need_a_journal(void **state)
{
    struct world w;
    struct err err = {.code = 0};
    char at[SSE_POSITION_SIZE];
    (void)state;
    open_world(&w, "{\"argv\": [\"true\"]}");
    assert_int_equal(source_exec.since(w.source, 0, at, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "since: "));
    close_world(&w);
}

static void the_settings_say_how_long_it_stays(void **state)
{
    struct exec_settings s;
    (void)state;
    read_settings(&s, "{\"argv\": [\"x\"], \"linger_s\": 7}", 0);
    assert_int_equal(exec_settings_linger_ms(&s), 7000);
    conf_free(exec_settings_options, &s);
    read_settings(&s, "{\"argv\": [\"x\"], \"start\": \"now\"}", 0);
    assert_int_equal(exec_settings_linger_ms(&s), SOURCE_LINGER_ALWAYS);
    conf_free(exec_settings_options, &s);
}

static void the_environment_is_ours_to_say(void **state)
{
    struct exec_settings s;
    (void)state;
    read_settings(&s, "{\"argv\": [\"x\", \"y\"], \"env\": {\"PATH\": \"/p\", \"A\": \"\"}}", 0);
    char **env = exec_settings_env(&s);
    char **argv = exec_settings_argv(&s);
    assert_string_equal(env[0], "LANG=C.UTF-8");
    assert_string_equal(env[1], "PATH=/p");
    assert_string_equal(env[2], "A=");
    assert_null(env[3]);
    assert_string_equal(argv[1], "y");
    assert_null(argv[2]);
    free(env);
    free(argv);
    conf_free(exec_settings_options, &s);
    read_settings(&s, "{\"argv\": [\"x\"], \"env\": {\"A=B\": \"\"}}", ERR_INVALID);
    conf_free(exec_settings_options, &s);
    read_settings(&s, "{\"argv\": [\"x\"], \"env\": {\"A\": \"a\\u0000b\"}}", ERR_INVALID);
    conf_free(exec_settings_options, &s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_and_pulled_are_the_same),
        cmocka_unit_test(a_full_ring_slows_nothing_down_for_good),
        cmocka_unit_test(it_is_down_between_runs),
        cmocka_unit_test(closing_does_not_wait_for_the_program_to_agree),
        cmocka_unit_test(closing_before_it_began_is_fine),
        cmocka_unit_test(times_need_a_journal),
        cmocka_unit_test(the_settings_say_how_long_it_stays),
        cmocka_unit_test(the_environment_is_ours_to_say),
    };
    if (exec_supervisor_is_wanted(argc, argv)) {
        exec_supervisor_run(argc, argv);
    }
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

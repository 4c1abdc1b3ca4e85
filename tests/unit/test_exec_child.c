/* SPDX-License-Identifier: MIT */
/* test_exec_child: programs on a loop: input, output, limits, and how they end. */
#include "base/err.h"
#include "source/exec/child.h"
#include "source/exec/supervisor.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_MS 20000
#define TEXT_BYTES (1 << 20)

struct world {
    uv_loop_t loop;
    uv_timer_t deadline;
    struct exec_child *child;
    struct exec_child_setup setup;
    struct exec_status status;
    char *text; /* of standard output */
    size_t len;
    char said[256]; /* on standard error */
    size_t said_len;
    int calls;
    int is_slow; /* output() uses a byte at a time, and asks to be called again */
    int has_ended;
    int closed;
    size_t fds; /* before */
};

static char *const no_env[] = {(char *)"PATH=/usr/bin:/bin", NULL};

static size_t count_fds(void)
{
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir)) {
        count++;
    }
    closedir(dir);
    return count;
}

static void on_deadline(uv_timer_t *t)
{
    (void)t;
    fail_msg("nothing came in time");
}

static int on_output(void *ctx, const char *data, size_t len, int is_end, size_t *used)
{
    struct world *w = ctx;
    size_t n = w->is_slow && len > 1 ? 1 : len;
    (void)is_end;
    assert_true(w->len + n < TEXT_BYTES);
    assert_false(w->has_ended);
    if (n > 0) {
        memcpy(w->text + w->len, data, n);
    }
    w->len += n;
    w->text[w->len] = '\0';
    w->calls++;
    *used = n;
    return n < len ? 0 : EXEC_CHILD_WAIT;
}

static void on_error(void *ctx, const char *data, size_t len)
{
    struct world *w = ctx;
    assert_true(w->said_len + len < sizeof w->said);
    memcpy(w->said + w->said_len, data, len);
    w->said_len += len;
}

static void on_closed(void *ctx)
{
    ((struct world *)ctx)->closed = 1;
}

static void on_ended(void *ctx, const struct exec_status *status)
{
    struct world *w = ctx;
    w->has_ended = 1;
    w->status = *status;
    exec_child_close(w->child, on_closed, w);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w || !(w->text = malloc(TEXT_BYTES))) {
        free(w);
        return -1;
    }
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->deadline);
    uv_timer_start(&w->deadline, on_deadline, DEADLINE_MS, 0);
    uv_unref((uv_handle_t *)&w->deadline);
    w->setup = (struct exec_child_setup){.loop = &w->loop,
                                         .env = no_env,
                                         .kill_ms = DEADLINE_MS,
                                         .rest_bytes = 65536,
                                         .output = on_output,
                                         .error = on_error,
                                         .ended = on_ended,
                                         .ctx = w};
    w->fds = count_fds();
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    uv_close((uv_handle_t *)&w->deadline, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    size_t fds = count_fds();
    int rc = uv_loop_close(&w->loop);
    if (rc || fds > w->fds + 4) {
        print_error("left open: %s, %zu descriptors of %zu\n", uv_strerror(rc), fds, w->fds);
        return -1;
    }
    free(w->text);
    free(w);
    return 0;
}

static void start(struct world *w, const char *script)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
    w->setup.argv = argv;
    assert_int_equal(exec_child_new(&w->child, &w->setup), 0);
}

/* To its very end. */
static void run(struct world *w, const char *script)
{
    start(w, script);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_true(w->has_ended && w->closed);
}

static void output_and_status_arrive(void **state)
{
    struct world *w = *state;
    run(w, "echo out; echo err >&2; exit 7");
    assert_string_equal(w->text, "out\n");
    assert_memory_equal(w->said, "err\n", 4);
    assert_int_equal(w->status.code, 7);
    assert_int_equal(w->status.signal, 0);
    assert_int_equal(w->status.is_cancelled, 0);
}

static void a_signal_is_told(void **state)
{
    struct world *w = *state;
    char name[16];
    run(w, "kill -SEGV $$");
    assert_int_equal(w->status.signal, SIGSEGV);
    exec_signal_name(w->status.signal, name);
    assert_string_equal(name, "SIGSEGV");
    exec_signal_name(60, name);
    assert_string_equal(name, "60");
}

static void input_is_given_and_ends(void **state)
{
    struct world *w = *state;
    size_t len = 300000; /* more than a pipe holds */
    char *input = malloc(len);
    assert_non_null(input);
    memset(input, 'x', len);
    w->setup.input = input;
    w->setup.input_len = len;
    start(w, "cat");
    memset(input, 'y', len); /* it was copied */
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->len, len);
    assert_null(strchr(w->text, 'y'));
    free(input);
}

static void one_that_does_not_want_its_input_may_go(void **state)
{
    struct world *w = *state;
    static char input[300000];
    w->setup.input = input;
    w->setup.input_len = sizeof input;
    run(w, "exit 0");
    assert_int_equal(w->status.code, 0);
}

static void without_input_there_is_none(void **state)
{
    struct world *w = *state;
    run(w, "cat; echo end");
    assert_string_equal(w->text, "end\n");
}

static void slow_consumers_get_everything(void **state)
{
    struct world *w = *state;
    w->is_slow = 1;
    run(w, "seq 100");
    assert_int_equal(w->len, 292);
    assert_true(w->calls >= 292);
}

static void one_that_cannot_be_started_is_told(void **state)
{
    struct world *w = *state;
    char *const argv[] = {(char *)"/no/such/program", NULL};
    w->setup.argv = argv;
    assert_int_equal(exec_child_new(&w->child, &w->setup), 0);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->status.code, 127);
    assert_int_equal(w->status.error, ENOENT);
    assert_string_equal(w->status.step, "argv");
}

static void a_folder_that_is_not_there_is_told(void **state)
{
    struct world *w = *state;
    w->setup.cwd = "/no/such/folder";
    run(w, "echo");
    assert_int_equal(w->status.error, ENOENT);
    assert_string_equal(w->status.step, "cwd");
}

static void one_that_runs_too_long_is_stopped(void **state)
{
    struct world *w = *state;
    w->setup.run_ms = 100;
    w->setup.kill_ms = 0;
    run(w, "trap '' TERM; while :; do sleep 1; done");
    assert_true(w->status.is_too_late);
    assert_false(w->status.is_cancelled);
    assert_int_equal(w->status.signal, SIGKILL);
}

static void one_that_writes_too_much_is_stopped(void **state)
{
    struct world *w = *state;
    w->setup.output_bytes = 100001;
    run(w, "yes");
    assert_true(w->status.is_too_much);
    assert_int_equal(w->len, 100001);
}

static void stopping_is_asked_for_first(void **state)
{
    struct world *w = *state;
    start(w, "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done");
    while (w->len == 0) {
        uv_run(&w->loop, UV_RUN_ONCE);
    }
    exec_child_stop(w->child, 0);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_string_equal(w->text, "ready\nbye\n");
    assert_int_equal(w->status.code, 3);
    assert_true(w->status.is_cancelled);
}

static void an_urgent_stop_does_not_wait(void **state)
{
    struct world *w = *state;
    start(w, "trap '' TERM; echo ready; while :; do sleep 1; done");
    while (w->len == 0) {
        uv_run(&w->loop, UV_RUN_ONCE);
    }
    exec_child_stop(w->child, 1);
    exec_child_stop(w->child, 1);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->status.signal, SIGKILL);
}

static void closing_ends_it_and_calls_nothing_else(void **state)
{
    struct world *w = *state;
    start(w, "while :; do echo flood; echo flood >&2; done");
    uv_run(&w->loop, UV_RUN_NOWAIT);
    size_t len = w->len;
    exec_child_close(w->child, on_closed, w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->len, len);
    assert_false(w->has_ended);
    assert_true(w->closed);
}

static int close_at_once(void *ctx, const char *data, size_t len, int is_end, size_t *used)
{
    struct world *w = ctx;
    (void)data;
    (void)len;
    (void)is_end;
    (void)used;
    assert_int_equal(w->calls++, 0);
    exec_child_close(w->child, on_closed, w);
    return EXEC_CHILD_WAIT;
}

static void closing_from_inside_is_safe(void **state)
{
    static const char *const scripts[] = {"yes", "exit 0", "echo x"};
    struct world *w = *state;
    w->setup.output = close_at_once;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        w->calls = w->closed = 0;
        start(w, scripts[i]);
        uv_run(&w->loop, UV_RUN_DEFAULT);
        assert_true(w->closed);
        assert_false(w->has_ended);
    }
}

static void what_it_leaves_behind_ends_with_it(void **state)
{
    struct world *w = *state;
    w->setup.kill_ms = 100;
    /* The pipe stays open as long as the daemon lives. */
    run(w, "(setsid sh -c 'trap \"\" TERM HUP; echo here; while :; do sleep 1; done' &); exit 0");
    assert_int_equal(w->status.code, 0);
}

/* With room for one more each time, until it is enough. */
static void without_descriptors_it_fails_at_once(void **state)
{
    struct world *w = *state;
    char *const argv[] = {(char *)"true", NULL};
    struct rlimit before, limit;
    int rc = ERR_IO;
    int failures = 0;
    w->setup.argv = argv;
    uv_run(&w->loop, UV_RUN_NOWAIT);
    int first = dup(0); /* the lowest that is free */
    close(first);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (rlim_t more = 1; rc && more < 32; more++) {
        limit = (struct rlimit){.rlim_cur = (rlim_t)first + more, .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        rc = exec_child_new(&w->child, &w->setup);
        failures += rc == ERR_IO;
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(rc, 0);
    assert_true(failures >= 7);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_true(w->has_ended);
    assert_int_equal(w->status.code, 0);
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        world_test(output_and_status_arrive),
        world_test(a_signal_is_told),
        world_test(input_is_given_and_ends),
        world_test(one_that_does_not_want_its_input_may_go),
        world_test(without_input_there_is_none),
        world_test(slow_consumers_get_everything),
        world_test(one_that_cannot_be_started_is_told),
        world_test(a_folder_that_is_not_there_is_told),
        world_test(one_that_runs_too_long_is_stopped),
        world_test(one_that_writes_too_much_is_stopped),
        world_test(stopping_is_asked_for_first),
        world_test(an_urgent_stop_does_not_wait),
        world_test(closing_ends_it_and_calls_nothing_else),
        world_test(closing_from_inside_is_safe),
        world_test(what_it_leaves_behind_ends_with_it),
        world_test(without_descriptors_it_fails_at_once),
    };
    if (exec_supervisor_is_wanted(argc, argv)) {
        exec_supervisor_run(argc, argv);
    }
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

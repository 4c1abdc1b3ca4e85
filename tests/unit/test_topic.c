/* SPDX-License-Identifier: MIT */
/* test_topic: the topic source and its publisher on a loop: what is published arrives, and is answered when
 * `sync` says so. */
#include "test_journal_rig.h"

#include "base/log.h"
#include "conf/option.h"
#include "source/topic/publisher.h"
#include "source/topic/settings.h"
#include "source/topic/topic.h"

#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#define DEADLINE_MS 20000

/* fdatasync() stands in for the disk: counts, and fails when told to. Threads call it. */
static struct {
    int calls;
    int is_failing;
} disk;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
    __atomic_add_fetch(&disk.calls, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&disk.is_failing, __ATOMIC_SEQ_CST)) {
        errno = EIO;
        return -1;
    }
    return __real_fdatasync(fd);
}

struct world {
    struct rig *rig;
    uv_loop_t loop;
    uv_timer_t deadline;
    struct log log;
    struct topic_settings settings;
    struct source_host host;
    struct source_setup setup;
    struct source *source;
    struct topic_publisher *publisher;
    int answers; /* that came */
    int failures;
    int closed;
};

static void on_deadline(uv_timer_t *t)
{
    (void)t;
    fail_msg("nothing came in time");
}

static void on_closed(void *ctx)
{
    ++*(int *)ctx;
}

static void on_answer(void *ctx, int rc, const struct journal_position *places, size_t count)
{
    struct world *w = ctx;
    w->answers++;
    w->failures += rc != 0;
    assert_true(rc == 0 || rc == ERR_IO);
    for (size_t i = 0; i < count; i++) {
        assert_true(places[i].is_event);
    }
}

static void open_world(struct world *w, struct rig *r, const char *settings)
{
    struct err err = {.code = 0};
    *w = (struct world){.rig = r, .log = {.fd = -1}};
    disk.calls = disk.is_failing = 0;
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->deadline);
    uv_timer_start(&w->deadline, on_deadline, DEADLINE_MS, 0);
    struct json_object *object = json_tokener_parse(settings);
    assert_int_equal(conf_read(topic_settings_options, &w->settings, object, "", NULL, &err), 0);
    json_object_put(object);
    record_init(&r->live);
    w->host = (struct source_host){
        .loop = &w->loop, .log = &w->log, .clock = &clock_system, .live = &r->live.out};
    w->setup = (struct source_setup){
        .stream = STREAM, .settings = &w->settings, .state_dir = r->state};
    assert_int_equal(source_topic.check(&w->settings, &err), 0);
    assert_int_equal(source_topic.open(&w->source, &w->setup, &w->host, &err), 0);
    assert_int_equal(topic_publisher_new(&w->publisher, &w->setup, &w->host, &err), 0);
}

static void close_world(struct world *w)
{
    topic_publisher_close(w->publisher, on_closed, &w->closed);
    source_topic.close(w->source, on_closed, &w->closed);
    uv_close((uv_handle_t *)&w->deadline, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->closed, 2);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    conf_free(topic_settings_options, &w->settings);
}

static int put(struct world *w, const char *data)
{
    struct journal_event e = {.data = data, .data_len = strlen(data)};
    return topic_publisher_put(w->publisher, &e, 1, on_answer, w);
}

static void run_until(struct world *w, const size_t *what, size_t count)
{
    while (*what < count) {
        uv_run(&w->loop, UV_RUN_ONCE);
    }
}

static void run_until_int(struct world *w, const int *what, int count)
{
    while (__atomic_load_n(what, __ATOMIC_SEQ_CST) < count) {
        uv_run(&w->loop, UV_RUN_ONCE);
    }
}

static void what_is_published_arrives(void **state)
{
    struct world w;
    open_world(&w, *state, "{\"sync\": \"none\", \"poll_ms\": 3600000}");
    assert_int_equal(put(&w, "one"), 0);
    assert_int_equal(w.answers, 1); /* from inside */
    topic_published(w.source);
    run_until(&w, &w.rig->live.count, 1);
    /* Another process: the system's notice tells of it. */
    rig_put(w.rig, "two");
    run_until(&w, &w.rig->live.count, 2);
    assert_string_equal(w.rig->live.text, "one|two");
    assert_int_equal(disk.calls, 0);
    close_world(&w);
    assert_int_equal(disk.calls, 0);
}

static void the_poll_makes_up_for_lost_notices(void **state)
{
    struct world w;
    open_world(&w, *state, "{\"sync\": \"none\", \"poll_ms\": 10}");
    uv_run(&w.loop, UV_RUN_NOWAIT);
    rig_put(w.rig, "one");
    run_until(&w, &w.rig->live.count, 1);
    close_world(&w);
}

static size_t open_files(void)
{
    size_t count = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d)) {
        count++;
    }
    closedir(d);
    return count;
}

static void a_quiet_topic_has_no_file_open(void **state)
{
    struct world w;
    struct rig *r = *state;
    rig_put(r, "one");
    rig_put(r, "two");
    journal_rest(r->journal);
    size_t before = open_files();
    struct topic_log log;
    assert_int_equal(topic_log_init(&log, r->state, STREAM, &r->live.out), 0);
    assert_int_equal(open_files(), before);
    topic_log_fini(&log);
    open_world(&w, r, "{\"sync\": \"none\"}");
    assert_int_equal(put(&w, "three"), 0);
    topic_published(w.source);
    run_until(&w, &r->live.count, 1);
    topic_publisher_rest(w.publisher);
    assert_int_equal(put(&w, "four"), 0);
    topic_published(w.source);
    run_until(&w, &r->live.count, 2);
    assert_string_equal(r->live.text, "three|four");
    close_world(&w);
}

static void a_position_ahead_is_waited_for(void **state)
{
    struct world w;
    struct record page;
    struct journal_position at;
    char text[SSE_POSITION_SIZE];
    open_world(&w, *state, "{\"poll_ms\": 3600000}");
    record_init(&page);
    assert_int_equal(rig_try(w.rig->journal, "one", NULL, &at), 0);
    journal_position_print(&at, text);
    assert_int_equal(source_topic.understands(w.source, text), 1);
    assert_int_equal(source_topic.pull(w.source, text, &page.out, 1000), ERR_AGAIN);
    run_until(&w, &w.rig->live.count, 1);
    assert_int_equal(source_topic.pull(w.source, text, &page.out, 1000), SOURCE_HEAD);
    close_world(&w);
}

static void always_is_answered_after_the_disk(void **state)
{
    struct world w;
    open_world(&w, *state, "{\"sync\": \"always\"}");
    for (int i = 0; i < 50; i++) {
        assert_int_equal(put(&w, "x"), 0);
    }
    assert_int_equal(w.answers, 0);
    run_until_int(&w, &w.answers, 50);
    assert_int_equal(w.failures, 0);
    assert_in_range(disk.calls, 1, 2); /* one for the first, one for all that came meanwhile */
    close_world(&w);
}

static void interval_syncs_once_for_many(void **state)
{
    struct world w;
    open_world(&w, *state, "{\"sync\": \"interval\", \"sync_ms\": 10}");
    for (int i = 0; i < 50; i++) {
        assert_int_equal(put(&w, "x"), 0);
    }
    assert_int_equal(w.answers, 50);
    run_until_int(&w, &disk.calls, 1);
    assert_int_equal(put(&w, "last"), 0);
    close_world(&w); /* syncs what is left */
    assert_in_range(disk.calls, 2, 3);
}

static void a_failed_disk_stops_publishing(void **state)
{
    struct world w;
    open_world(&w, *state, "{\"sync\": \"always\"}");
    assert_int_equal(put(&w, "one"), 0);
    run_until_int(&w, &w.answers, 1);
    disk.is_failing = 1;
    assert_int_equal(put(&w, "two"), 0);
    assert_int_equal(put(&w, "three"), 0);
    run_until_int(&w, &w.answers, 3);
    assert_int_equal(w.failures, 2);
    disk.is_failing = 0;
    assert_int_equal(put(&w, "four"), ERR_GONE);
    assert_int_equal(w.answers, 3);
    close_world(&w);
}

static void closing_answers_those_that_wait(void **state)
{
    struct world w;
    open_world(&w, *state, "{\"sync\": \"always\"}");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(put(&w, "x"), 0);
    }
    close_world(&w);
    assert_int_equal(w.answers, 5);
    assert_int_equal(w.failures, 0);
}

/* ---- another process has the lock ---- */

/* Holds the newest segment's lock until it is killed. */
static pid_t hold_lock(struct rig *r)
{
    char path[320], ready;
    int pipe_fds[2];
    assert_int_equal(rig_segment(r, 0, path), 1);
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0 || flock(fd, LOCK_EX) || write(pipe_fds[1], "x", 1) != 1) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    close(pipe_fds[1]);
    assert_int_equal(read(pipe_fds[0], &ready, 1), 1);
    close(pipe_fds[0]);
    return child;
}

static void let_lock_go(pid_t child)
{
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void a_lock_of_another_process_is_waited_for(void **state)
{
    struct world w;
    rig_put(*state, "first");
    pid_t child = hold_lock(*state);
    open_world(&w, *state, "{\"sync\": \"none\"}");
    char words[3][8] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(put(&w, words[i]), 0);
        words[i][0] = '?'; /* it was borrowed */
    }
    uv_run(&w.loop, UV_RUN_ONCE);
    assert_int_equal(w.answers, 0);
    let_lock_go(child);
    run_until_int(&w, &w.answers, 3);
    assert_int_equal(w.failures, 0);
    run_until(&w, &w.rig->live.count, 3);
    assert_string_equal(w.rig->live.text, "a|b|c");
    close_world(&w);
}

static void on_refusal(void *ctx, int rc, const struct journal_position *places, size_t count)
{
    struct world *w = ctx;
    assert_null(places);
    assert_int_equal(rc, ERR_AGAIN);
    assert_int_equal(count, 1);
    w->failures++;
}

static void nobody_waits_for_a_lock_for_ever(void **state)
{
    struct world w;
    const struct journal_event e = {.name = "n", .data = "x", .data_len = 1, .key = "k", .key_len = 1};
    rig_put(*state, "first");
    pid_t child = hold_lock(*state);
    open_world(&w, *state, "{\"sync\": \"always\"}");
    assert_int_equal(topic_publisher_put(w.publisher, &e, 1, on_refusal, &w), 0);
    run_until_int(&w, &w.failures, 1); /* TOPIC_HELD_MS have passed */
    assert_int_equal(topic_publisher_put(w.publisher, &e, 1, on_refusal, &w), 0);
    close_world(&w); /* answers those that wait */
    assert_int_equal(w.failures, 2);
    let_lock_go(child);
    rig_open(*state);
    rig_expect(*state, "start", "first");
}

static void what_waits_for_a_lock_is_bounded(void **state)
{
    struct world w;
    static char data[65536];
    const struct journal_event e = {.data = data, .data_len = sizeof data};
    int held = 0;
    rig_put(*state, "first");
    pid_t child = hold_lock(*state);
    open_world(&w, *state, "{\"sync\": \"none\"}");
    while (topic_publisher_put(w.publisher, &e, 1, on_refusal, &w) == 0) {
        held++;
    }
    assert_in_range(held, 100, TOPIC_HELD_BYTES / sizeof data);
    close_world(&w);
    assert_int_equal(w.failures, held);
    let_lock_go(child);
}

static void needs_a_state_dir(void **state)
{
    struct world w;
    struct err err;
    struct source *s;
    struct topic_publisher *p;
    open_world(&w, *state, "{}");
    w.setup.state_dir = NULL;
    assert_int_equal(source_topic.open(&s, &w.setup, &w.host, &err), ERR_IO);
    assert_non_null(strstr(err.text, "state_dir"));
    assert_int_equal(topic_publisher_new(&p, &w.setup, &w.host, &err), ERR_INVALID);
    close_world(&w);
}

static void settings_that_contradict_are_refused(void **state)
{
    struct err err;
    struct topic_settings s = {.keep_bytes = 1000};
    (void)state;
    assert_int_equal(source_topic.check(&s, &err), ERR_INVALID);
    s = (struct topic_settings){.keep_bytes = 1 << 20, .segment_bytes = 1 << 20};
    assert_int_equal(source_topic.check(&s, &err), ERR_INVALID);
    s.segment_bytes = 1 << 19;
    assert_int_equal(source_topic.check(&s, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(what_is_published_arrives),
        rig_test(the_poll_makes_up_for_lost_notices),
        rig_test(a_quiet_topic_has_no_file_open),
        rig_test(a_position_ahead_is_waited_for),
        rig_test(always_is_answered_after_the_disk),
        rig_test(interval_syncs_once_for_many),
        rig_test(a_failed_disk_stops_publishing),
        rig_test(closing_answers_those_that_wait),
        rig_test(a_lock_of_another_process_is_waited_for),
        rig_test(nobody_waits_for_a_lock_for_ever),
        rig_test(what_waits_for_a_lock_is_bounded),
        rig_test(needs_a_state_dir),
        cmocka_unit_test(settings_that_contradict_are_refused),
    };
    return cmocka_run_group_tests_name("topic", tests, NULL, NULL);
}

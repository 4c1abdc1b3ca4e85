/* SPDX-License-Identifier: MIT */
/* test_tail_watch: the tail source where the system will not watch, or stops to. */
#include "test_tail_rig.h"

#include "base/clock.h"
#include "source/tail/tail.h"

#include <json-c/json.h>
#include <uv.h>

#define DEADLINE_MS 20000

/* uv_fs_event_start() stands in for the system: it refuses so often, and counts. */
static struct {
    int refusals; /* left */
    int error;
    int starts; /* that were granted */
    int calls;
    int is_silent; /* nothing is told, as on a file system without notices */
} fake;

int __real_uv_fs_event_start(uv_fs_event_t *handle, uv_fs_event_cb cb, const char *path,
                             unsigned flags);
int __wrap_uv_fs_event_start(uv_fs_event_t *handle, uv_fs_event_cb cb, const char *path,
                             unsigned flags);

static void tell_nobody(uv_fs_event_t *handle, const char *name, int events, int status)
{
    (void)handle;
    (void)name;
    (void)events;
    (void)status;
}

int __wrap_uv_fs_event_start(uv_fs_event_t *handle, uv_fs_event_cb cb, const char *path,
                             unsigned flags)
{
    fake.calls++;
    if (fake.refusals > 0) {
        fake.refusals--;
        return fake.error;
    }
    fake.starts++;
    return __real_uv_fs_event_start(handle, fake.is_silent ? tell_nobody : cb, path, flags);
}

struct world {
    struct rig *rig;
    uv_loop_t loop;
    uv_timer_t deadline;
    void *settings;
    struct log log;
    struct source_host host;
    struct source *source;
    int is_closed;
};

static void on_deadline(uv_timer_t *t)
{
    (void)t;
    fail_msg("nothing came in time");
}

static void on_source_closed(void *ctx)
{
    *(int *)ctx = 1;
}

static void open_world(struct world *w, struct rig *r, int64_t poll_ms)
{
    char name[256];
    struct err err;
    *w = (struct world){.rig = r};
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->deadline);
    uv_timer_start(&w->deadline, on_deadline, DEADLINE_MS, 0);
    int fd = open(rig_name(r, ".said", name), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    w->log = (struct log){.fd = fd, .level = LOG_LEVEL_WARN};
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "path", json_object_new_string(r->path));
    json_object_object_add(object, "poll_ms", json_object_new_int64(poll_ms));
    w->settings = calloc(1, source_tail.settings_size);
    assert_non_null(w->settings);
    assert_int_equal(conf_read(source_tail.options, w->settings, object, "", NULL, &err), 0);
    json_object_put(object);
    w->host = (struct source_host){
        .loop = &w->loop, .log = &w->log, .clock = &clock_system, .live = &r->live.out};
    struct source_setup setup = {.stream = "app", .settings = w->settings};
    assert_int_equal(source_tail.open(&w->source, &setup, &w->host, &err), 0);
}

static void close_world(struct world *w)
{
    source_tail.close(w->source, on_source_closed, &w->is_closed);
    uv_close((uv_handle_t *)&w->deadline, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(w->is_closed, 1);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    conf_free(source_tail.options, w->settings);
    free(w->settings);
    close(w->log.fd);
}

static void run_until(struct world *w, size_t count)
{
    while (w->rig->live.count < count) {
        uv_run(&w->loop, UV_RUN_ONCE);
    }
}

/* How many lines the log has that name this. */
static int said(const struct world *w, const char *text)
{
    char all[4096];
    int count = 0;
    ssize_t len = pread(w->log.fd, all, sizeof all - 1, 0);
    assert_true(len >= 0);
    all[len] = '\0';
    for (const char *at = all; (at = strstr(at, text)); at += strlen(text)) {
        count++;
    }
    return count;
}

static int setup(void **state)
{
    memset(&fake, 0, sizeof fake);
    return rig_setup(state);
}

/* With refusals that never end there is the poll, and one line that says why. */
static void follow_refused(struct rig *r, int error)
{
    struct world w;
    fake.refusals = INT32_MAX;
    fake.error = error;
    rig_append(r, "old\n");
    open_world(&w, r, 10);
    for (size_t i = 1; i <= 5; i++) {
        rig_append(r, "line\n");
        run_until(&w, i);
    }
    rig_rename(r, "", ".1");
    rig_append(r, "next\n");
    run_until(&w, 6);
    record_expect(&r->live, "line|line|line|line|line|next");
    assert_int_equal(said(&w, "cannot watch the folder"), 1);
    assert_int_equal(said(&w, uv_strerror(error)), 1);
    assert_true(fake.calls > 1); /* it went on trying */
    close_world(&w);
}

static void polls_when_all_watches_are_used_up(void **state)
{
    follow_refused(*state, UV_ENOSPC);
}

static void polls_when_there_is_no_inotify_to_be_had(void **state)
{
    follow_refused(*state, UV_EMFILE);
}

static void polls_where_nothing_is_ever_told(void **state)
{
    struct rig *r = *state;
    struct world w;
    fake.is_silent = 1;
    open_world(&w, r, 10);
    rig_append(r, "a\n");
    run_until(&w, 1);
    rig_rename(r, "", ".1");
    rig_append(r, "b\n");
    run_until(&w, 2);
    rig_delete(r, "");
    rig_append(r, "c\n");
    run_until(&w, 3);
    record_expect(&r->live, "a|b|c");
    assert_int_equal(said(&w, "watch"), 0);
    close_world(&w);
}

static void watches_as_soon_as_that_is_granted_and_no_more_then(void **state)
{
    struct rig *r = *state;
    struct world w;
    fake.refusals = 3;
    fake.error = UV_ENOSPC;
    open_world(&w, r, 10);
    while (fake.starts == 0) {
        uv_run(&w.loop, UV_RUN_ONCE);
    }
    int calls = fake.calls;
    for (size_t i = 1; i <= 5; i++) {
        rig_append(r, "line\n");
        run_until(&w, i);
    }
    for (int i = 0; i < 20; i++) {
        uv_run(&w.loop, UV_RUN_ONCE);
    }
    assert_int_equal(fake.calls, calls);
    assert_int_equal(said(&w, "cannot watch the folder"), 1);
    close_world(&w);
}

static void watches_the_folder_that_took_the_place_of_the_old_one(void **state)
{
    struct rig *r = *state;
    struct world w;
    char folder[128], away[160];
    snprintf(folder, sizeof folder, "%s/logs", r->folder);
    snprintf(away, sizeof away, "%s.away", folder);
    snprintf(r->path, sizeof r->path, "%s/logs/app.log", r->folder);
    assert_int_equal(mkdir(folder, 0755), 0);
    rig_append(r, "old\n");
    open_world(&w, r, 10);
    rig_append(r, "a\n");
    run_until(&w, 1);
    int starts = fake.starts;
    assert_int_equal(rename(folder, away), 0);
    assert_int_equal(mkdir(folder, 0755), 0);
    rig_append(r, "b\n");
    run_until(&w, 2);
    while (fake.starts == starts) {
        uv_run(&w.loop, UV_RUN_ONCE);
    }
    record_expect(&r->live, "a|b");
    close_world(&w);
}

#define watch_test(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        watch_test(polls_when_all_watches_are_used_up),
        watch_test(polls_when_there_is_no_inotify_to_be_had),
        watch_test(polls_where_nothing_is_ever_told),
        watch_test(watches_as_soon_as_that_is_granted_and_no_more_then),
        watch_test(watches_the_folder_that_took_the_place_of_the_old_one),
    };
    return cmocka_run_group_tests_name("tail_watch", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* test_tail: the tail source on a real loop, through the contract. */
#include "test_tail_rig.h"

#include "base/clock.h"
#include "source/tail/tail.h"

#include <json-c/json.h>
#include <uv.h>

#define DEADLINE_MS 20000

struct loop_rig {
    struct rig *rig;
    uv_loop_t loop;
    uv_timer_t deadline;
    void *settings;
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

static void open_source(struct loop_rig *l, struct rig *r, const char *more)
{
    char text[512];
    struct err err;
    *l = (struct loop_rig){.rig = r};
    uv_loop_init(&l->loop);
    uv_timer_init(&l->loop, &l->deadline);
    uv_timer_start(&l->deadline, on_deadline, DEADLINE_MS, 0);
    snprintf(text, sizeof text, "{\"path\":\"%s\"%s}", r->path, more);
    struct json_object *object = json_tokener_parse(text);
    l->settings = calloc(1, source_tail.settings_size);
    assert_non_null(l->settings);
    assert_int_equal(conf_read(source_tail.options, l->settings, object, "", NULL, &err), 0);
    json_object_put(object);
    assert_int_equal(source_tail.check(l->settings, &err), 0);
    l->host = (struct source_host){
        .loop = &l->loop, .log = &r->quiet, .clock = &clock_system, .live = &r->live.out};
    struct source_setup setup = {.stream = "app", .settings = l->settings};
    assert_int_equal(source_tail.open(&l->source, &setup, &l->host, &err), 0);
    assert_ptr_equal(l->source->type, &source_tail);
}

static void close_source(struct loop_rig *l)
{
    source_tail.close(l->source, on_source_closed, &l->is_closed);
    uv_close((uv_handle_t *)&l->deadline, NULL);
    uv_run(&l->loop, UV_RUN_DEFAULT);
    assert_int_equal(l->is_closed, 1);
    assert_int_equal(uv_loop_close(&l->loop), 0);
    conf_free(source_tail.options, l->settings);
    free(l->settings);
}

static void run_until(struct loop_rig *l, size_t count)
{
    while (l->rig->live.count < count) {
        uv_run(&l->loop, UV_RUN_ONCE);
    }
}

/* With a poll this rare, only the notification can have told. */
static void notification_tells_of_new_lines(void **state)
{
    struct rig *r = *state;
    struct loop_rig l;
    rig_append(r, "a\n");
    open_source(&l, r, ",\"poll_ms\":3600000");
    for (size_t i = 1; i <= 5; i++) {
        rig_append(r, "line\n");
        run_until(&l, i);
    }
    record_expect(&r->live, "line|line|line|line|line");
    close_source(&l);
}

static void polling_tells_when_the_folder_was_not_there(void **state)
{
    struct rig *r = *state;
    struct loop_rig l;
    char folder[128];
    snprintf(folder, sizeof folder, "%s/logs", r->folder);
    snprintf(r->path, sizeof r->path, "%s/logs/app.log", r->folder);
    open_source(&l, r, ",\"poll_ms\":10");
    uv_run(&l.loop, UV_RUN_ONCE);
    assert_int_equal(mkdir(folder, 0755), 0);
    rig_append(r, "a\n");
    run_until(&l, 1);
    record_expect(&r->live, "a");
    close_source(&l);
}

static void nothing_comes_from_inside_open(void **state)
{
    struct rig *r = *state;
    struct loop_rig l;
    char at[SSE_POSITION_SIZE];
    rig_append(r, "a\n");
    open_source(&l, r, "");
    assert_int_equal(r->live.count, 0);
    assert_int_equal(source_tail.back(l.source, 1, at), 0);
    assert_int_equal(source_tail.understands(l.source, at), 1);
    assert_int_equal(source_tail.understands(l.source, "nonsense"), 0);
    assert_int_equal(source_tail.pull(l.source, at, &r->live.out, 4096), SOURCE_HEAD);
    record_expect(&r->live, "a");
    char head[SSE_POSITION_SIZE];
    source_tail.head(l.source, head);
    assert_string_equal(at, head);
    close_source(&l);
}

static void nothing_comes_after_close(void **state)
{
    struct rig *r = *state;
    struct loop_rig l;
    open_source(&l, r, ",\"poll_ms\":10");
    rig_append(r, "a\n");
    close_source(&l);
    record_expect(&r->live, "");
}

static void a_burst_comes_whole(void **state)
{
    struct rig *r = *state;
    struct loop_rig l;
    open_source(&l, r, ",\"poll_ms\":3600000");
    char *block = malloc(10000 * 20 + 1);
    assert_non_null(block);
    for (int i = 0; i < 10000; i++) {
        memcpy(block + i * 20, "line number 000000 \n", 20);
        for (int n = i, k = 17; n; n /= 10) {
            block[i * 20 + k--] = (char)('0' + n % 10);
        }
    }
    rig_write(r, "", O_APPEND, block, 10000 * 20);
    run_until(&l, 10000);
    assert_string_equal(r->live.items[9999].text, "line number 009999 ");
    free(block);
    close_source(&l);
}

static void a_path_must_name_a_file(void **state)
{
    struct err err;
    (void)state;
    void *settings = calloc(1, source_tail.settings_size);
    assert_non_null(settings);
    struct json_object *object = json_tokener_parse("{\"path\":\"/var/log/\"}");
    assert_int_equal(conf_read(source_tail.options, settings, object, "", NULL, &err), 0);
    assert_int_equal(source_tail.check(settings, &err), ERR_INVALID);
    assert_string_equal(err.text, "path: must name a file");
    json_object_put(object);
    conf_free(source_tail.options, settings);
    free(settings);
}

static struct source_health health_of(const struct loop_rig *l)
{
    struct source_health health = {.is_unreadable = 0};
    source_tail.health(l->source, &health);
    return health;
}

static void health_tells_what_was_not_read_yet(void **state)
{
    struct rig *r = *state;
    struct loop_rig l;
    rig_append(r, "old\n");
    open_source(&l, r, "");
    assert_int_equal(health_of(&l).lag_bytes, 0);
    rig_append(r, "line\nline\nhalf");
    assert_int_equal(health_of(&l).lag_bytes, 14);
    run_until(&l, 2);
    assert_int_equal(health_of(&l).lag_bytes, 0); /* a half line was read */
    assert_int_equal(health_of(&l).is_unreadable, 0);
    close_source(&l);
}

static void health_tells_what_cannot_be_read(void **state)
{
    struct rig *r = *state;
    struct loop_rig l;
    assert_int_equal(mkdir(r->path, 0755), 0);
    open_source(&l, r, ",\"poll_ms\":10");
    run_until(&l, 1);
    record_expect(&r->live, "!unreadable");
    assert_int_equal(health_of(&l).is_unreadable, 1);
    assert_int_equal(health_of(&l).lag_bytes, 0);
    assert_int_equal(rmdir(r->path), 0);
    rig_append(r, "back\n");
    run_until(&l, 2);
    assert_int_equal(health_of(&l).is_unreadable, 0);
    close_source(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(notification_tells_of_new_lines),
        rig_test(polling_tells_when_the_folder_was_not_there),
        rig_test(nothing_comes_from_inside_open),
        rig_test(nothing_comes_after_close),
        rig_test(a_burst_comes_whole),
        rig_test(health_tells_what_was_not_read_yet),
        rig_test(health_tells_what_cannot_be_read),
        cmocka_unit_test(a_path_must_name_a_file),
    };
    return cmocka_run_group_tests_name("tail", tests, NULL, NULL);
}

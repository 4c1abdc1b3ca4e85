/* SPDX-License-Identifier: MIT */
/* app: the process: what it is made of, its loop, its signals, its end. */
#include "app/app.h"

#include "app/answers/runs.h"
#include "app/begin.h"
#include "app/channels.h"
#include "app/config.h"
#include "app/figures/metrics.h"
#include "app/figures/presence.h"
#include "app/json.h"
#include "app/passed.h"
#include "app/reload.h"
#include "app/several.h"
#include "base/clock.h"
#include "base/err.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define TICK_MS 1000
#define DRAIN_GRACE_MS 2000 /* beyond drain_s, for readers that do not take their last bytes */
#define CLOSE_GRACE_MS 5000 /* beyond that, for sources to close */

int64_t app_now_ms(const struct app *app)
{
    return app->clock->mono_ms(app->clock);
}

int app_has_address(const struct app *app)
{
    return app->flags.listen_count > 0 || app->passed_count > 0;
}

/* --- the end ------------------------------------------------------------------------------- */

static void close_loop_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void on_channels_closed(void *ctx)
{
    struct app *app = ctx;
    app->channels = NULL;
    close_loop_handle((uv_handle_t *)&app->prepare);
    close_loop_handle((uv_handle_t *)&app->idle);
    close_loop_handle((uv_handle_t *)&app->tick);
    close_loop_handle((uv_handle_t *)&app->gather);
    app_notify_close(&app->notify);
    for (size_t i = 0; i < app->signal_count; i++) {
        close_loop_handle((uv_handle_t *)&app->signals[i]);
    }
}

static void on_runs_closed(void *ctx)
{
    struct app *app = ctx;
    app_severals_free(app->severals);
    app->severals = NULL;
    app_channels_close(app->channels, on_channels_closed, app);
}

static void on_gate_closed(void *ctx)
{
    struct app *app = ctx;
    app->gate = NULL;
    if (app->runs) {
        app_runs_close(app->runs, on_runs_closed, app);
    } else {
        on_runs_closed(app);
    }
}

/* Readers, then sockets, then answers, then sources, then the loop's own handles. */
static void stop(struct app *app)
{
    if (app->is_stopping) {
        return;
    }
    app->is_stopping = 1;
    gate_print_free(app->print);
    app->print = NULL;
    if (app->gate) {
        gate_close(app->gate, on_gate_closed, app);
    } else {
        on_gate_closed(app);
    }
}

static int is_drained(const struct app *app)
{
    return hub_reader_count(app->hub) == 0 && app_runs_count(app->runs) == 0
           && (!app->gate || gate_connection_count(app->gate) == 0);
}

void app_drain(struct app *app)
{
    if (app->is_draining || app->print) {
        stop(app);
        return;
    }
    int64_t now = app_now_ms(app);
    app->is_draining = 1;
    app->drain_end_ms = now + app->hub_settings.drain_s * 1000 + DRAIN_GRACE_MS;
    log_say(&app->log, INFO, "app", "draining", LOG_NUM("readers", hub_reader_count(app->hub)),
            LOG_NUM("drain_s", app->hub_settings.drain_s));
    if (app->gate) {
        app_notify_stopping(&app->notify, (uint64_t)(app->drain_end_ms - now + CLOSE_GRACE_MS));
        gate_stop(app->gate);
    }
    hub_drain(app->hub, now);
    if (is_drained(app)) {
        stop(app);
    } else {
        uv_timer_set_repeat(&app->tick, HUB_DRAIN_TICK_MS);
        uv_timer_again(&app->tick);
    }
}

/* --- the loop ------------------------------------------------------------------------------ */

static void on_idle(uv_idle_t *handle)
{
    (void)handle; /* its being active is what counts */
}

static void on_gather(uv_timer_t *handle)
{
    (void)handle; /* the turn that comes now is what it is for */
}

/* One timer for all channels that gather events. */
static void arm_gather(struct app *app, int64_t now)
{
    int64_t next_ms = hub_next_ms(app->hub, now);
    if (next_ms < 0) {
        uv_timer_stop(&app->gather);
    } else if (!uv_is_active((uv_handle_t *)&app->gather)) {
        uv_timer_start(&app->gather, on_gather, (uint64_t)(next_ms > 0 ? next_ms : 1), 0);
    }
}

static void on_prepare(uv_prepare_t *handle)
{
    struct app *app = handle->data;
    app_metrics_turn(app->metrics);
    if (app->is_stopping) {
        return;
    }
    int64_t now = app_now_ms(app);
    int is_busy = hub_turn(app->hub, now);
    arm_gather(app, now);
    if (is_busy) {
        uv_idle_start(&app->idle, on_idle);
    } else {
        uv_idle_stop(&app->idle);
    }
}

static void on_tick(uv_timer_t *handle)
{
    struct app *app = handle->data;
    int64_t now = app_now_ms(app);
    if (app->is_stopping) {
        return;
    }
    hub_tick(app->hub, now);
    if (app->gate) {
        gate_tick(app->gate);
        app_notify_tick(&app->notify, hub_reader_count(app->hub), app->is_draining);
    }
    if (!app->print) {
        app_presence_tick(app->presence);
        app_runs_tick(app->runs, app->config);
    }
    app_severals_tick(app->severals);
    app_channels_tick(app->channels);
    if (!app->print) {
        app_metrics_tick(app->metrics);
    }
    if (app->is_draining && (is_drained(app) || now >= app->drain_end_ms)) {
        stop(app);
    }
}

static void on_signal(uv_signal_t *handle, int signal)
{
    struct app *app = handle->data;
    /* One request, or a terminal that was closed, has no use for another configuration. */
    if (signal == SIGHUP && app->gate) {
        app_reload(app);
    } else {
        app_drain(app);
    }
}

static int start_loop(struct app *app)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    int rc = uv_loop_init(&app->loop);
    if (rc) {
        return rc;
    }
    uv_prepare_init(&app->loop, &app->prepare);
    uv_idle_init(&app->loop, &app->idle);
    uv_timer_init(&app->loop, &app->tick);
    uv_timer_init(&app->loop, &app->gather);
    app->prepare.data = app->tick.data = app;
    uv_prepare_start(&app->prepare, on_prepare);
    uv_timer_start(&app->tick, on_tick, TICK_MS, TICK_MS);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        rc = uv_signal_init(&app->loop, &app->signals[i]);
        if (rc) {
            return rc;
        }
        app->signal_count++;
        app->signals[i].data = app;
        rc = uv_signal_start(&app->signals[i], on_signal, signals[i]);
        if (rc) {
            return rc;
        }
    }
    app_unblock_reload();
    return 0;
}

/* --- what it serves ------------------------------------------------------------------------ */

/* The gate or the printer is done: the loop is to end, but not from inside the hub. */
static void on_done(void *ctx)
{
    struct app *app = ctx;
    app->is_draining = 1;
    app->drain_end_ms = 0;
    uv_timer_start(&app->tick, on_tick, 0, TICK_MS);
}

static int64_t open_files_limit(void)
{
    struct rlimit limit;
    int is_limited = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return is_limited ? (int64_t)limit.rlim_cur : -1;
}

static int serve_fastcgi(struct app *app, const struct gate_setup *setup, struct err *err)
{
    int rc = app_passed_check(app->passed_count, err);
    rc = rc ? rc : gate_new(&app->gate, setup, err);
    for (size_t i = 0; i < app->passed_count && !rc; i++) {
        rc = gate_listen_fd(app->gate, APP_PASSED_FIRST + (int)i, err);
    }
    for (size_t i = 0; i < app->flags.listen_count && !rc; i++) {
        rc = gate_listen(app->gate, app->flags.listen[i], err);
    }
    if (!rc && !app_has_address(app)) {
        rc = gate_listen_fd(app->gate, STDIN_FILENO, err);
    }
    if (!rc) {
        app_set_hub_settings(app);
        log_say(&app->log, INFO, "app", "started", LOG_TEXT("version", SSECGI_VERSION),
                LOG_NUM("streams", app->config->stream_count),
                LOG_NUM("max_streams", app->hub_settings.max_streams),
                LOG_NUM("open_files", open_files_limit()),
                LOG_TEXT("listen", app->flags.listen_count ? app->flags.listen[0]
                                   : app->passed_count     ? "LISTEN_FDS"
                                                           : "descriptor 0"));
        app_channels_begin(app->channels, app->config);
        app_warn_state(app);
        app_notify_start(&app->notify, &app->loop);
        app_notify_ready(&app->notify);
    }
    return rc;
}

/* What the parameters name where there is no other name, or the stream. */
static int open_print(struct app *app, const char *name, const struct sse_query *query,
                      struct app_channel **out, struct err *err)
{
    struct err why = {.code = 0};
    struct app_stream *stream = NULL;
    if (name[0] == '\0' && app_several_is_asked(query)) {
        int rc = app_several_open(app->severals, app->config, query, out, &why);
        return rc ? err_set(err, rc == ERR_UNKNOWN ? ERR_INVALID : rc, "--print: %s", why.text) : 0;
    }
    if (app_config_stream(app->config, name, &stream, &why)) {
        return err_set(err, ERR_INVALID, "--print: \"%.128s\": %s", name, why.text);
    }
    int rc = app_begin_check_params(stream, query, err);
    if (!rc) {
        rc = app_channels_open(app->channels, stream, query, out, err);
    }
    app_stream_unref(stream);
    return rc;
}

/* STREAM may carry parameters: "price?symbol=ACME", "?stream=a&stream=b". */
static int serve_print(struct app *app, struct err *err)
{
    char text[SSE_REQUEST_TEXT_MAX];
    struct sse_query query = {.count = 0};
    struct app_channel *c;
    struct app_begin begin;
    size_t len = strlen(app->flags.stream);
    if (len >= sizeof text) {
        return err_set(err, ERR_INVALID, "--print: the stream's name is too long");
    }
    memcpy(text, app->flags.stream, len + 1);
    char *mark = strchr(text, '?');
    if (mark) {
        *mark = '\0';
        if (sse_query_parse(mark + 1, &query)) {
            return err_set(err, ERR_INVALID, "--print: the parameters are broken");
        }
    }
    int rc = open_print(app, text, &query, &c, err);
    if (!rc) {
        struct app_wish wish = app_begin_wish(&query);
        wish.from = app->flags.from ? app->flags.from : wish.from;
        wish.last = app->flags.last ? app->flags.last : wish.last;
        rc = app_begin_at(c, &wish, &begin, err);
    }
    if (!rc && gate_print_new(&app->print, STDOUT_FILENO, app->flags.count, on_done, app)) {
        rc = err_set(err, ERR_NOMEM, "out of memory");
    }
    if (!rc) {
        struct hub_start start = {.position = begin.position,
                                  .until = begin.until[0] ? begin.until : NULL};
        rc = gate_print_start(app->print, c->hub_channel, &start, app_now_ms(app));
    }
    return rc;
}

static int serve(struct app *app, struct err *err)
{
    struct gate_setup setup = {.loop = &app->loop, .log = &app->log, .clock = app->clock,
                               .handler = &app->handler, .settings = &app->hub_settings};
    if (app->flags.action == APP_PRINT) {
        return serve_print(app, err);
    }
    if (!app_has_address(app) && gate_is_cgi()) {
        /* One reader: nobody to spread the end among. */
        app->hub_settings.drain_s = 0;
        return gate_cgi(&setup, on_done, app, err);
    }
    return serve_fastcgi(app, &setup, err);
}

/* Every stream is a descriptor: the hard limit is what the administrator allows. */
static void raise_descriptor_limit(const struct log *log)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit)) {
        log_say(log, WARN, "app", "cannot raise the limit of open files",
                LOG_NUM("wanted", limit.rlim_max));
    }
}

static int make_parts(struct app *app)
{
    app_set_hub_settings(app);
    app->handler = (struct gate_handler){.request = app_serve, .ctx = &app->server};
    struct hub_setup hub = {.settings = &app->hub_settings, .gap_json = app_json_gap,
                            .end_json = app_json_end, .progress_json = app_json_progress};
    int rc = hub_new(&app->hub, &hub);
    if (rc) {
        return rc;
    }
    struct app_metrics_setup metrics = {.path = app->flags.config, .config = &app->config,
                                        .hub = app->hub, .gate = &app->gate,
                                        .channels = &app->channels,
                                        .is_draining = &app->is_draining, .loop = &app->loop,
                                        .clock = app->clock, .log = &app->log};
    rc = app_metrics_new(&app->metrics, &metrics);
    if (rc) {
        return rc;
    }
    struct app_channels_setup channels = {.loop = &app->loop, .hub = app->hub, .log = &app->log,
                                          .clock = app->clock, .metrics = app->metrics};
    rc = app_channels_new(&app->channels, &channels);
    rc = rc ? rc : app_severals_new(&app->severals, &channels, app->channels);
    if (rc) {
        return rc;
    }
    struct app_presence_setup presence = {.path = app->flags.config, .config = &app->config,
                                          .channels = &app->channels, .clock = app->clock,
                                          .log = &app->log};
    struct app_runs_setup runs = {.loop = &app->loop, .log = &app->log, .clock = app->clock,
                                  .metrics = app->metrics};
    rc = app_presence_new(&app->presence, &presence);
    rc = rc ? rc : app_runs_new(&app->runs, &runs);
    app->server = (struct app_server){.config = app->config, .hub = &app->hub_settings,
                                      .channels = app->channels, .severals = app->severals,
                                      .clock = app->clock, .log = &app->log, .metrics = app->metrics,
                                      .counts = app_metrics_counts(app->metrics),
                                      .presence = app->presence, .runs = app->runs,
                                      .is_draining = &app->is_draining};
    return rc;
}

int app_run(struct app *app)
{
    struct err err = {.code = 0};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a full disk */
    app_set_log(app);
    raise_descriptor_limit(&app->log);
    int rc = start_loop(app);
    if (rc) {
        log_say(&app->log, ERROR, "app", "cannot start the loop",
                LOG_TEXT("error", uv_strerror(rc)));
        return APP_EXIT_FAILURE;
    }
    if (make_parts(app)) {
        log_say(&app->log, ERROR, "app", "out of memory", LOG_NONE);
        return APP_EXIT_FAILURE;
    }
    rc = serve(app, &err);
    if (rc && app->flags.action == APP_SERVE) {
        log_say(&app->log, ERROR, "app", "cannot serve", LOG_TEXT("error", err.text));
    } else if (rc) {
        fprintf(stderr, "ssecgi: %s\n", err.text);
    }
    if (rc) {
        app->exit_status = rc == ERR_INVALID && app->flags.action == APP_PRINT ? APP_EXIT_USAGE
                                                                               : APP_EXIT_FAILURE;
        stop(app);
    }
    uv_run(&app->loop, UV_RUN_DEFAULT);
    app_runs_free(app->runs);
    app_presence_free(app->presence);
    app_metrics_free(app->metrics);
    hub_free(app->hub);
    uv_loop_close(&app->loop);
    return app->exit_status;
}

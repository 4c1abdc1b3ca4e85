/* SPDX-License-Identifier: MIT */
/* tail: growing files, line by line, through rotation and truncation. This file is what the loop
 * sees of it: tail_one knows a log, tail_many several. */
#include "source/tail/tail.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/option.h"
#include "source/filter.h"
#include "source/source.h"
#include "source/tail/glob.h"
#include "source/tail/many.h"
#include "source/tail/one.h"
#include "source/tail/seek.h"
#include "source/tail/settings.h"
#include "source/tail/watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TURN_BYTES (256 * 1024) /* of the log, per turn of the loop */
#define SCAN_MS 20 /* after a change in a folder: several changes are one scan */

static const char *const tail_params[] = {"grep", "regex", "invert", "context", NULL};

struct tail {
    struct source base;
    struct tail_one one;
    struct tail_many *many; /* with `paths`, instead of `one` */
    const struct source_host *host;
    const struct tail_settings *settings;
    struct filter *filter;
    struct buf text;
    uv_timer_t poll;
    uv_timer_t half; /* an unfinished line is to be sent */
    uint64_t pending; /* the end of that */
    uv_timer_t turn; /* the next look, as soon as the loop comes round */
    uv_timer_t scan; /* the next look at which files there are */
    struct tail_watch watch;
    int open_handles; /* the timers, and the watch as one */
    int is_closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void on_turn(uv_timer_t *timer);

static void look_soon(struct tail *t)
{
    if (!t->is_closing && !uv_is_active((uv_handle_t *)&t->turn)) {
        uv_timer_start(&t->turn, on_turn, 0, 0);
    }
}

static void on_half(uv_timer_t *timer)
{
    struct tail *t = timer->data;
    if (t->many) {
        tail_many_flush(t->many);
        return;
    }
    tail_log_flush(&t->one.core, tail_log_pending(&t->one.core));
    t->pending = 0;
}

/* An unfinished line is sent when it has not grown for long enough. */
static void wait_for_half(struct tail *t)
{
    if (t->many) {
        return; /* the timer runs all the time */
    }
    uint64_t pending = tail_log_pending(&t->one.core);
    if (!pending) {
        uv_timer_stop(&t->half);
    } else if (pending != t->pending && t->settings->partial_flush_ms > 0) {
        uv_timer_start(&t->half, on_half, (uint64_t)t->settings->partial_flush_ms, 0);
    }
    t->pending = pending;
}

static void look(struct tail *t)
{
    int answer = t->many ? tail_many_look(t->many, TURN_BYTES) : tail_one_look(&t->one, TURN_BYTES);
    if (answer == TAIL_LOG_BUSY) {
        look_soon(t);
    }
    wait_for_half(t);
    /* Out of memory: nothing was lost, the poll timer tries again. */
}

static void on_turn(uv_timer_t *timer)
{
    look(timer->data);
}

/* Watches the folders that are there now. The poll timer makes up for whatever fails here. */
static void watch_folders(struct tail *t)
{
    const struct conf_list *paths = &t->settings->paths;
    if (!t->many) {
        tail_watch_want(&t->watch, t->one.core.names.folder);
    }
    for (size_t i = 0; t->many && i < t->many->count; i++) {
        tail_watch_want(&t->watch, t->many->logs[i]->one.core.names.folder);
    }
    for (size_t i = 0; t->many && i < paths->count; i++) {
        char folder[CONF_TEXT_MAX + 1];
        size_t len = tail_glob_fixed(paths->items[i]);
        len -= len > 1; /* without the slash, as the logs' folders are */
        memcpy(folder, paths->items[i], len);
        folder[len] = '\0';
        tail_watch_want(&t->watch, folder);
    }
    tail_watch_done(&t->watch);
}

static void on_scan(uv_timer_t *timer)
{
    struct tail *t = timer->data;
    (void)tail_many_scan(t->many); /* what it missed the poll meets */
    watch_folders(t);
    look_soon(t);
}

static void on_change(void *ctx, const char *folder, const char *name, int is_moved)
{
    struct tail *t = ctx;
    if (t->many) {
        tail_many_changed(t->many, folder, name, is_moved);
    } else if (is_moved) {
        tail_log_moved(&t->one.core);
    }
    if (t->many && is_moved && !t->is_closing && !uv_is_active((uv_handle_t *)&t->scan)) {
        uv_timer_start(&t->scan, on_scan, SCAN_MS, 0);
    }
    look_soon(t);
}

static void on_poll(uv_timer_t *timer)
{
    struct tail *t = timer->data;
    if (t->many) {
        tail_many_tick(t->many);
    } else {
        tail_log_moved(&t->one.core);
    }
    watch_folders(t);
    look(t);
    if (!t->many) {
        tail_log_tick(&t->one.core);
    }
}

static void destroy(struct tail *t)
{
    if (t->many) {
        tail_many_free(t->many);
    } else {
        tail_one_fini(&t->one);
    }
    filter_free(t->filter);
    buf_fini(&t->text);
    free(t);
}

static void on_part_closed(void *part_ctx)
{
    struct tail *t = part_ctx;
    if (--t->open_handles > 0) {
        return;
    }
    void (*closed)(void *ctx) = t->closed;
    void *ctx = t->closed_ctx;
    destroy(t);
    if (closed) {
        closed(ctx);
    }
}

static void on_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

static void tail_close(struct source *s, void (*closed)(void *ctx), void *ctx)
{
    struct tail *t = (struct tail *)s;
    t->closed = closed;
    t->closed_ctx = ctx;
    if (t->is_closing) {
        return;
    }
    t->is_closing = 1;
    uv_close((uv_handle_t *)&t->poll, on_closed);
    uv_close((uv_handle_t *)&t->half, on_closed);
    uv_close((uv_handle_t *)&t->turn, on_closed);
    uv_close((uv_handle_t *)&t->scan, on_closed);
    tail_watch_close(&t->watch);
}

/* A line grows at most by this when it becomes JSON: \u0000 for each byte, and what is around. */
static size_t text_limit(const struct tail_settings *settings)
{
    return 6 * (TAIL_LINE_REST((size_t)settings->max_line_bytes) + 4096);
}

static int make_filter(struct tail *t, const struct source_setup *setup, struct err *err)
{
    struct filter_want want = {
        .grep = source_param_value(setup, "grep"),
        .regex = source_param_value(setup, "regex"),
        .invert = source_param_value(setup, "invert"),
        .context = source_param_value(setup, "context"),
    };
    return filter_new(&t->filter, &want, err);
}

static int open_many(struct tail *t, const struct source_setup *setup, const struct tail_style *style)
{
    const struct tail_settings *settings = t->settings;
    struct tail_many_setup many = {
        .stream = setup->stream,
        .state_dir = setup->state_dir,
        .paths = &settings->paths,
        .rotated = &settings->rotated,
        .follow = settings->follow_symlinks,
        .max_line_bytes = (size_t)settings->max_line_bytes,
        .time_format = (enum line_time_format)settings->time_format,
        .style = *style,
        .log = t->host->log,
        .live = t->host->live,
        .has_hints = 1,
    };
    return tail_many_new(&t->many, &many);
}

static int open_logs(struct tail *t, const struct source_setup *setup)
{
    const struct tail_settings *settings = t->settings;
    const struct tail_style style = {.format = (enum line_format)settings->format,
                                     .level_events = settings->level_events,
                                     .filter = t->filter,
                                     .text = &t->text,
                                     .clock = t->host->clock};
    buf_init(&t->text, text_limit(settings));
    if (!settings->path) {
        return open_many(t, setup, &style);
    }
    struct tail_one_setup one = {
        .path = settings->path,
        .follow = settings->follow_symlinks,
        .rotated = &settings->rotated,
        .max_line_bytes = (size_t)settings->max_line_bytes,
        .log = t->host->log,
        .out = t->host->live,
        .style = style,
    };
    int rc = tail_one_init(&t->one, &one);
    t->one.core.has_hints = 1;
    return rc;
}

static void start_timers(struct tail *t)
{
    uv_loop_t *loop = t->host->loop;
    uint64_t poll_ms = (uint64_t)t->settings->poll_ms;
    uint64_t half_ms = (uint64_t)t->settings->partial_flush_ms;
    uv_timer_init(loop, &t->poll);
    uv_timer_init(loop, &t->half);
    uv_timer_init(loop, &t->turn);
    uv_timer_init(loop, &t->scan);
    t->poll.data = t->half.data = t->turn.data = t->scan.data = t;
    t->watch = (struct tail_watch){.loop = loop,
                                   .log = t->host->log,
                                   .changed = on_change,
                                   .closed = on_part_closed,
                                   .ctx = t};
    t->open_handles = 5;
    uv_timer_start(&t->poll, on_poll, poll_ms, poll_ms);
    if (t->many && half_ms > 0) {
        uv_timer_start(&t->half, on_half, half_ms, half_ms);
    }
}

static int tail_open_source(struct source **out, const struct source_setup *setup,
                            const struct source_host *host, struct err *err)
{
    const struct tail_settings *settings = setup->settings;
    struct tail *t = calloc(1, sizeof *t);
    if (!t) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    t->base.type = &source_tail;
    t->host = host;
    t->settings = settings;
    int rc = make_filter(t, setup, err);
    if (rc) {
        free(t);
        return rc;
    }
    rc = open_logs(t, setup);
    if (rc) {
        filter_free(t->filter);
        free(t);
        return err_set(err, rc, "out of memory");
    }
    start_timers(t);
    watch_folders(t);
    look_soon(t);
    *out = &t->base;
    return 0;
}

static void tail_head(struct source *s, char out[SSE_POSITION_SIZE])
{
    struct tail *t = (struct tail *)s;
    const char *head = t->many ? t->many->head : tail_one_head(&t->one);
    memcpy(out, head, strlen(head) + 1);
}

static int tail_understands(struct source *s, const char *position)
{
    struct tail_position p;
    if (((struct tail *)s)->many) {
        return tail_many_understands(position);
    }
    return tail_position_parse(position, &p) == 0;
}

static int tail_back(struct source *s, uint64_t count, char out[SSE_POSITION_SIZE])
{
    struct tail *t = (struct tail *)s;
    return t->many ? tail_many_back(t->many, count, out) : tail_one_back(&t->one, count, out);
}

static int tail_before(struct source *s, const char *position, uint64_t count,
                       char start[SSE_POSITION_SIZE], char end[SSE_POSITION_SIZE])
{
    struct tail *t = (struct tail *)s;
    if (t->many) {
        return ERR_UNKNOWN; /* there is no order between files */
    }
    return tail_seek_before(&t->one.core, &t->one.style, position, count, start, end);
}

static int tail_since(struct source *s, int64_t wall_ms, char out[SSE_POSITION_SIZE],
                      struct err *err)
{
    struct tail *t = (struct tail *)s;
    if (t->many) {
        return tail_many_since(t->many, wall_ms, out, err);
    }
    return tail_seek_since(&t->one.core, (enum line_time_format)t->settings->time_format, wall_ms,
                           out, err);
}

static int64_t tail_left(struct source *s, const char *position)
{
    struct tail *t = (struct tail *)s;
    return t->many ? tail_many_left(t->many, position) : tail_seek_left(&t->one.core, position);
}

/* The file that is followed; what may be in files after it is not counted. */
static void log_health(const struct tail_log *l, struct source_health *out)
{
    const struct tail_cursor *c = &l->live;
    struct stat st;
    out->is_unreadable |= l->is_unreadable;
    if (!c->file || c->file->is_compressed || c->file->fd < 0 || fstat(c->file->fd, &st)) {
        return;
    }
    uint64_t seen = c->scanned + c->waiting;
    out->lag_bytes += (uint64_t)st.st_size > seen ? (uint64_t)st.st_size - seen : 0;
}

static void tail_health(struct source *s, struct source_health *out)
{
    struct tail *t = (struct tail *)s;
    if (!t->many) {
        log_health(&t->one.core, out);
    }
    for (size_t i = 0; t->many && i < t->many->count; i++) {
        log_health(&t->many->logs[i]->one.core, out);
    }
}

static int tail_pull(struct source *s, char position[SSE_POSITION_SIZE],
                     const struct sse_out *page, size_t budget_bytes)
{
    struct tail *t = (struct tail *)s;
    if (t->many) {
        return tail_many_pull(t->many, position, page, budget_bytes);
    }
    return tail_one_pull(&t->one, position, page, budget_bytes);
}

const struct source_type source_tail = {
    .contract = SOURCE_CONTRACT,
    .name = "tail",
    .summary = "a growing file, line by line, through rotation and truncation",
    .options = tail_settings_options,
    .settings_size = sizeof(struct tail_settings),
    .param_names = tail_params,
    .check = tail_settings_check,
    .open = tail_open_source,
    .close = tail_close,
    .head = tail_head,
    .understands = tail_understands,
    .back = tail_back,
    .before = tail_before,
    .since = tail_since,
    .left = tail_left,
    .health = tail_health,
    .pull = tail_pull,
};

/* SPDX-License-Identifier: MIT */
/* tail: a growing file, line by line, through rotation and truncation. This file is what the loop
 * sees of it: tail_log knows the log. */
#include "source/tail.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/option.h"
#include "source/filter.h"
#include "source/source.h"
#include "source/tail_log.h"
#include "source/tail_seek.h"
#include "source/tail_view.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define TURN_BYTES (256 * 1024) /* of the log, per turn of the loop */

struct tail_settings {
    char *path;
    struct conf_list rotated;
    int64_t poll_ms;
    int64_t max_line_bytes;
    int64_t partial_flush_ms;
    int follow_symlinks;
    int format;
    int level_events;
    int time_format;
};

static const char *const tail_params[] = {"grep", "regex", "invert", NULL};

#define OPTION(member) #member, .offset = offsetof(struct tail_settings, member)

static const struct conf_option tail_options[] = {
    {.name = OPTION(path), .type = CONF_PATH, .is_required = 1, .help = "the file to follow"},
    {.name = OPTION(rotated),
     .type = CONF_LIST,
     .help = "patterns of its rotated files' names, where they are not the usual ones"},
    {.name = OPTION(poll_ms),
     .type = CONF_INT,
     .min = 10,
     .max = 3600000,
     .fallback = "1000",
     .help = "how often it is looked at when the system tells of no change"},
    {.name = OPTION(max_line_bytes),
     .type = CONF_INT,
     .min = TAIL_LINE_LEAST,
     .max = 16777216,
     .fallback = "65536",
     .help = "longer lines are cut and say how much is left out"},
    {.name = OPTION(partial_flush_ms),
     .type = CONF_INT,
     .max = 3600000,
     .fallback = "0",
     .help = "send a line that has no end yet after this time, as an event named partial; 0: never"},
    {.name = OPTION(follow_symlinks),
     .type = CONF_BOOL,
     .fallback = "false",
     .help = "follow symlinks even in directories that others can write"},
    {.name = OPTION(format),
     .type = CONF_CHOICE,
     .choices = line_formats,
     .fallback = "\"text\"",
     .help = "what an event holds: text, the line; json, the line wrapped; ndjson, the line, which is "
             "JSON, and wrapped where it is not"},
    {.name = OPTION(level_events),
     .type = CONF_BOOL,
     .fallback = "false",
     .help = "name events by the line's level: error, warn, info, ..."},
    {.name = OPTION(time_format),
     .type = CONF_CHOICE,
     .choices = line_time_formats,
     .fallback = "\"none\"",
     .help = "how lines tell their time, for ?since=: none, iso8601, clf, syslog or epoch"},
    {.name = NULL},
};

struct tail {
    struct source base;
    struct tail_log core;
    const struct source_host *host;
    const struct tail_settings *settings;
    struct tail_style style;
    struct tail_view live;
    struct buf text;
    uv_timer_t poll;
    uv_timer_t half; /* an unfinished line is to be sent */
    uint64_t pending; /* the end of that */
    uv_timer_t turn; /* the next look, as soon as the loop comes round */
    uv_fs_event_t watch;
    struct tail_stat watched; /* the folder that `watch` is on */
    int is_watching;
    int watch_failed; /* that was told */
    int open_handles;
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
    tail_log_flush(&t->core, tail_log_pending(&t->core));
    t->pending = 0;
}

/* An unfinished line is sent when it has not grown for long enough. */
static void wait_for_half(struct tail *t)
{
    uint64_t pending = tail_log_pending(&t->core);
    if (!pending) {
        uv_timer_stop(&t->half);
    } else if (pending != t->pending && t->settings->partial_flush_ms > 0) {
        uv_timer_start(&t->half, on_half, (uint64_t)t->settings->partial_flush_ms, 0);
    }
    t->pending = pending;
}

static void look(struct tail *t)
{
    tail_view_begin(&t->live);
    int answer = tail_log_look(&t->core, TURN_BYTES);
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

static void on_change(uv_fs_event_t *watch, const char *name, int events, int status)
{
    (void)name;
    (void)events;
    (void)status;
    look_soon(watch->data);
}

/* Watches the folder that is there now. The poll timer makes up for whatever fails here. */
static void watch_folder(struct tail *t)
{
    struct tail_stat st;
    const char *folder = t->core.names.folder;
    if (tail_stat_read(AT_FDCWD, folder, 1, &st)) {
        return;
    }
    if (t->is_watching && tail_stat_same(&st, &t->watched)) {
        return;
    }
    uv_fs_event_stop(&t->watch);
    int rc = uv_fs_event_start(&t->watch, on_change, folder, 0);
    t->is_watching = rc == 0;
    t->watched = st;
    if (rc && !t->watch_failed) {
        t->watch_failed = 1;
        log_say(t->host->log, WARN, "tail", "cannot watch the folder, polling only",
                LOG_TEXT("folder", folder), LOG_TEXT("error", uv_strerror(rc)));
    }
}

static void on_poll(uv_timer_t *timer)
{
    struct tail *t = timer->data;
    watch_folder(t);
    look(t);
    tail_log_tick(&t->core);
}

static void destroy(struct tail *t)
{
    tail_log_fini(&t->core);
    filter_free(t->style.filter);
    buf_fini(&t->text);
    free(t);
}

static void on_closed(uv_handle_t *handle)
{
    struct tail *t = handle->data;
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
    uv_close((uv_handle_t *)&t->watch, on_closed);
}

/* A line grows at most by this when it becomes JSON: \u0000 for each byte, and what is around. */
static size_t text_limit(const struct tail_settings *settings)
{
    return 6 * (TAIL_LINE_REST((size_t)settings->max_line_bytes) + 4096);
}

static int set_style(struct tail *t, const struct source_setup *setup, struct err *err)
{
    struct filter_want want = {
        .grep = source_param_value(setup, "grep"),
        .regex = source_param_value(setup, "regex"),
        .invert = source_param_value(setup, "invert"),
    };
    t->style = (struct tail_style){
        .format = (enum line_format)t->settings->format,
        .level_events = t->settings->level_events,
        .text = &t->text,
        .clock = t->host->clock,
    };
    buf_init(&t->text, text_limit(t->settings));
    tail_view_init(&t->live, &t->style, t->host->live);
    return filter_new(&t->style.filter, &want, err);
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
    int rc = set_style(t, setup, err);
    if (rc) {
        free(t);
        return rc;
    }
    rc = tail_log_init(&t->core, settings->path, settings->follow_symlinks, &settings->rotated,
                       (size_t)settings->max_line_bytes, host->log, &t->live.out);
    if (rc) {
        destroy(t);
        return err_set(err, rc, "out of memory");
    }
    uv_timer_init(host->loop, &t->poll);
    uv_timer_init(host->loop, &t->half);
    uv_timer_init(host->loop, &t->turn);
    uv_fs_event_init(host->loop, &t->watch);
    t->poll.data = t->half.data = t->turn.data = t->watch.data = t;
    t->open_handles = 4;
    uint64_t poll_ms = (uint64_t)settings->poll_ms;
    uv_timer_start(&t->poll, on_poll, poll_ms, poll_ms);
    watch_folder(t);
    look_soon(t);
    *out = &t->base;
    return 0;
}

static void tail_head(struct source *s, char out[SSE_POSITION_SIZE])
{
    struct tail *t = (struct tail *)s;
    memcpy(out, t->core.head, sizeof t->core.head);
}

static int tail_understands(struct source *s, const char *position)
{
    (void)s;
    struct tail_position p;
    return tail_position_parse(position, &p) == 0;
}

static int tail_back(struct source *s, uint64_t count, char out[SSE_POSITION_SIZE])
{
    struct tail *t = (struct tail *)s;
    return tail_seek_back(&t->core, &t->style, count, out);
}

static int tail_before(struct source *s, const char *position, uint64_t count,
                       char start[SSE_POSITION_SIZE], char end[SSE_POSITION_SIZE])
{
    struct tail *t = (struct tail *)s;
    return tail_seek_before(&t->core, &t->style, position, count, start, end);
}

static int tail_since(struct source *s, int64_t wall_ms, char out[SSE_POSITION_SIZE],
                      struct err *err)
{
    struct tail *t = (struct tail *)s;
    return tail_seek_since(&t->core, (enum line_time_format)t->settings->time_format, wall_ms, out,
                           err);
}

static int64_t tail_left(struct source *s, const char *position)
{
    return tail_seek_left(&((struct tail *)s)->core, position);
}

static int tail_pull(struct source *s, char position[SSE_POSITION_SIZE],
                     const struct sse_out *page, size_t budget_bytes)
{
    struct tail *t = (struct tail *)s;
    struct tail_view view;
    tail_view_init(&view, &t->style, page);
    tail_view_begin(&t->live); /* live events may come of it, too */
    return tail_log_pull(&t->core, position, &view.out, budget_bytes);
}

static int tail_check(const void *settings, struct err *err)
{
    const struct tail_settings *s = settings;
    size_t len = strlen(s->path);
    if (len == 0 || s->path[len - 1] == '/') {
        return err_set(err, ERR_INVALID, "path: must name a file");
    }
    for (size_t i = 0; i < s->rotated.count; i++) {
        const char *slash = strrchr(s->rotated.items[i], '/');
        if (!(slash ? slash[1] : s->rotated.items[i][0])) {
            return err_set(err, ERR_INVALID, "rotated: must be patterns of file names");
        }
    }
    return 0;
}

const struct source_type source_tail = {
    .contract = SOURCE_CONTRACT,
    .name = "tail",
    .summary = "a growing file, line by line, through rotation and truncation",
    .options = tail_options,
    .settings_size = sizeof(struct tail_settings),
    .param_names = tail_params,
    .check = tail_check,
    .open = tail_open_source,
    .close = tail_close,
    .head = tail_head,
    .understands = tail_understands,
    .back = tail_back,
    .before = tail_before,
    .since = tail_since,
    .left = tail_left,
    .pull = tail_pull,
};

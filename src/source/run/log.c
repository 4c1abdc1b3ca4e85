/* SPDX-License-Identifier: MIT */
/* run_log: the answer to one request, read from its journal. */
#include "source/run/log.h"

#include "base/buf.h"
#include "base/err.h"
#include "source/run/folder.h"
#include "source/run/view.h"
#include "source/source.h"
#include "source/topic/log.h"
#include "source/topic/settings.h"
#include "source/topic/topic.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEGMENT_BYTES (64 * 1024 * 1024)
#define LOOK_MS 1000 /* between looks whether the maker is still there */
#define DATA_BYTES 1024
#define INTERRUPTED "{\"reason\":\"interrupted\"}"
#define DELETED "{\"reason\":\"deleted\"}"

const struct journal_rules run_log_rules = {.segment_bytes = SEGMENT_BYTES,
                                            .max_event_bytes = JOURNAL_DATA_MAX,
                                            .is_sole = 1}; /* who makes it has the folder's lock */

struct run_log {
    struct source base;
    struct source *topic;
    const struct source_host *host;
    struct source_host own; /* the topic's */
    struct topic_settings settings;
    struct source_setup setup;
    struct run_view live;
    uv_timer_t timer;
    char *folder;
    int readers_fd;
    int open_parts; /* the timer and the topic */
    int is_closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static struct run_log *of_source(const struct source *s)
{
    return (struct run_log *)s;
}

/* --- its last event ------------------------------------------------------------------------ */

/* The last event of a journal, if it is the end. */
struct last {
    char position[SSE_POSITION_SIZE]; /* "": it is not */
    char *data;
};

static int last_event(void *ctx, const struct sse_event *e)
{
    struct last *l = ctx;
    if (e->name && strcmp(e->name, RUN_END_NAME) == 0) {
        memcpy(l->position, e->position, strlen(e->position) + 1);
        l->data = strndup(e->data, e->data_len);
    }
    return 1;
}

static int last_gap(void *ctx, const struct sse_gap *gap)
{
    (void)ctx;
    (void)gap;
    return 0;
}

/* Reads the files as they are now. ERR_IO, ERR_NOMEM. */
static int read_last(const char *state_dir, const char *stream, struct last *out)
{
    struct topic_log log;
    struct sse_out to = {.event = last_event, .gap = last_gap, .ctx = out};
    char position[SSE_POSITION_SIZE];
    *out = (struct last){.data = NULL};
    int rc = topic_log_init(&log, state_dir, stream, &to);
    if (rc) {
        return rc;
    }
    rc = topic_log_back(&log, 1, position);
    rc = rc ? rc : topic_log_pull(&log, position, &to, 1);
    topic_log_fini(&log);
    return rc < 0 ? rc : 0;
}

/* --- one that nobody makes any more -------------------------------------------------------- */

/* The lock is free or ours: nobody else writes. */
static int write_end(const char *state_dir, const char *stream, const struct clock *clock)
{
    struct journal *j;
    struct journal_position places[2];
    struct buf gap;
    buf_init(&gap, DATA_BYTES);
    int rc = run_view_gap("interrupted", "the answer is not complete: what made it is gone", &gap);
    struct journal_event events[] = {
        {.name = RUN_GAP_NAME, .data = gap.data, .data_len = gap.len},
        {.name = RUN_END_NAME, .data = INTERRUPTED, .data_len = sizeof INTERRUPTED - 1},
    };
    rc = rc ? rc : journal_new(&j, state_dir, stream, &run_log_rules, clock);
    if (!rc) {
        rc = journal_append(j, events, 2, places);
        journal_free(j);
    }
    buf_fini(&gap);
    return rc;
}

int run_log_interrupt(const char *state_dir, const char *stream, const struct clock *clock)
{
    struct last last;
    int rc = read_last(state_dir, stream, &last);
    int has_ended = last.position[0] != '\0';
    free(last.data);
    return rc || has_ended ? rc : write_end(state_dir, stream, clock);
}

/* Nothing of this comes from the journal: the position is that of what came last. */
static void end_here(struct run_log *l, const char *data)
{
    char head[SSE_POSITION_SIZE];
    source_topic.head(l->topic, head);
    l->live.has_ended = 1;
    memcpy(l->live.end, head, strlen(head) + 1);
    l->host->live->end(l->host->live->ctx, head, data);
}

static void on_timer(uv_timer_t *timer)
{
    struct run_log *l = timer->data;
    int fd;
    if (l->live.has_ended) {
        uv_timer_stop(timer);
        return;
    }
    int rc = run_folder_lock(l->folder, &fd);
    if (rc == ERR_GONE) {
        end_here(l, DELETED);
    }
    if (rc) {
        return;
    }
    rc = run_log_interrupt(l->setup.state_dir, l->setup.stream, l->host->clock);
    close(fd);
    if (!rc) {
        topic_published(l->topic);
    } else if (rc != ERR_AGAIN) {
        end_here(l, INTERRUPTED); /* on a full disk, too, it has to end */
    }
}

/* --- life ---------------------------------------------------------------------------------- */

static void destroy(struct run_log *l)
{
    if (l->readers_fd >= 0) {
        close(l->readers_fd);
    }
    conf_free(topic_settings_options, &l->settings);
    free(l->folder);
    free(l);
}

static int make_settings(struct topic_settings *s, struct err *err)
{
    int rc = conf_defaults(topic_settings_options, s, err);
    if (!rc) {
        s->keep_bytes = s->keep_events = s->keep_s = 0;
        s->segment_bytes = SEGMENT_BYTES;
        s->max_event_bytes = JOURNAL_DATA_MAX;
        s->sync = TOPIC_SYNC_NONE;
    }
    return rc;
}

/* One that has ended before is told so by the loop. */
static void on_first(uv_timer_t *timer)
{
    struct run_log *l = timer->data;
    struct last last;
    if (read_last(l->setup.state_dir, l->setup.stream, &last) == 0 && last.position[0]
        && !l->live.has_ended) {
        char head[SSE_POSITION_SIZE];
        source_topic.head(l->topic, head);
        if (strcmp(head, last.position) == 0) { /* otherwise it comes yet */
            l->live.has_ended = 1;
            memcpy(l->live.end, last.position, sizeof last.position);
            l->host->live->end(l->host->live->ctx, last.position, last.data);
        }
    }
    free(last.data);
    uv_timer_start(timer, on_timer, 0, LOOK_MS);
}

static int open_topic(struct run_log *l, struct err *err)
{
    int rc = make_settings(&l->settings, err);
    if (rc) {
        return rc;
    }
    run_view_init(&l->live, l->host->live);
    l->own = *l->host;
    l->own.live = &l->live.out;
    struct source_setup own = l->setup;
    own.settings = &l->settings;
    return source_topic.open(&l->topic, &own, &l->own, err);
}

static int run_open(struct source **out, const struct source_setup *setup,
                    const struct source_host *host, struct err *err)
{
    struct run_log *l = calloc(1, sizeof *l);
    if (!l) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    l->base.type = &source_run_log;
    l->host = host;
    l->setup = *setup;
    l->setup.params = NULL;
    l->setup.param_count = 0;
    l->setup.family = (struct source_family){.chars = 0};
    l->readers_fd = -1;
    l->folder = run_folder_path(setup->state_dir, setup->stream);
    int rc = l->folder ? run_folder_join(l->folder, &l->readers_fd) : ERR_NOMEM;
    rc = rc ? err_set(err, rc, "the answer cannot be read") : open_topic(l, err);
    if (rc) {
        destroy(l);
        return rc;
    }
    uv_timer_init(host->loop, &l->timer);
    l->timer.data = l;
    l->open_parts = 2;
    uv_timer_start(&l->timer, on_first, 0, 0);
    *out = &l->base;
    return 0;
}

static void on_part_closed(void *ctx)
{
    struct run_log *l = ctx;
    if (--l->open_parts > 0) {
        return;
    }
    void (*closed)(void *ctx) = l->closed;
    void *closed_ctx = l->closed_ctx;
    destroy(l);
    if (closed) {
        closed(closed_ctx);
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

static void run_close(struct source *s, void (*closed)(void *ctx), void *ctx)
{
    struct run_log *l = of_source(s);
    l->closed = closed;
    l->closed_ctx = ctx;
    if (l->is_closing) {
        return;
    }
    l->is_closing = 1;
    uv_close((uv_handle_t *)&l->timer, on_timer_closed);
    source_topic.close(l->topic, on_part_closed, l);
}

/* Nothing is gained by keeping it open: it is one request's. */
static int64_t run_linger_ms(const void *settings)
{
    (void)settings;
    return 0;
}

/* --- for readers --------------------------------------------------------------------------- */

int run_log_is_over(const struct source *s, const char *position)
{
    const struct run_log *l = of_source(s);
    struct last last;
    if (l->live.has_ended) {
        return strcmp(position, l->live.end) == 0;
    }
    int is_over = read_last(l->setup.state_dir, l->setup.stream, &last) == 0
                  && strcmp(position, last.position) == 0;
    free(last.data);
    return is_over;
}

void run_log_written(struct source *s, int has_begun)
{
    topic_written(of_source(s)->topic, has_begun);
}

static void run_head(struct source *s, char out[SSE_POSITION_SIZE])
{
    source_topic.head(of_source(s)->topic, out);
}

static int run_understands(struct source *s, const char *position)
{
    return source_topic.understands(of_source(s)->topic, position);
}

static int run_back(struct source *s, uint64_t count, char out[SSE_POSITION_SIZE])
{
    return source_topic.back(of_source(s)->topic, count, out);
}

static int run_before(struct source *s, const char *position, uint64_t count,
                      char start[SSE_POSITION_SIZE], char end[SSE_POSITION_SIZE])
{
    return source_topic.before(of_source(s)->topic, position, count, start, end);
}

static int run_since(struct source *s, int64_t wall_ms, char out[SSE_POSITION_SIZE],
                     struct err *err)
{
    return source_topic.since(of_source(s)->topic, wall_ms, out, err);
}

static void run_health(struct source *s, struct source_health *out)
{
    source_topic.health(of_source(s)->topic, out);
}

static int run_pull(struct source *s, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                    size_t budget_bytes)
{
    const struct run_log *l = of_source(s);
    struct run_view view;
    run_view_init(&view, page);
    int rc = source_topic.pull(l->topic, position, &view.out, budget_bytes);
    return rc >= 0 && strcmp(position, l->live.has_ended ? l->live.end : view.end) == 0 ? SOURCE_END
                                                                                        : rc;
}

static const struct conf_option no_options[] = {{.name = NULL}};

const struct source_type source_run_log = {
    .contract = SOURCE_CONTRACT,
    .name = "run",
    .summary = "the answer to one request",
    .options = no_options,
    .linger_ms = run_linger_ms,
    .open = run_open,
    .close = run_close,
    .head = run_head,
    .understands = run_understands,
    .back = run_back,
    .before = run_before,
    .since = run_since,
    .health = run_health,
    .pull = run_pull,
};

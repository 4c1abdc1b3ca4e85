/* SPDX-License-Identifier: MIT */
/* runs: answers to requests: each a stream of its own, made in this process. */
#include "app/answers/runs.h"

#include "app/answers/run.h"
#include "app/answers/run_maker.h"
#include "app/answers/run_stream.h"
#include "app/config.h"
#include "app/figures/metrics.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "source/run/keep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 200    /* between looks for what other processes want and give back */
#define SWEEP_MS 60000 /* between looks for what need not be kept */
#define PLACE_MS 1000  /* between two words about one's place in the queue */
#define RESERVED "stream."

struct app_runs {
    struct app_runs_setup setup;
    struct app_run *first, *last;
    size_t count;
    struct app_run *due; /* there is something to write, or to drop */
    struct app_run_maker *makers;
    struct app_run_streams streams;
    uv_timer_t look;
    uv_timer_t turn; /* what has to be done, but not from inside a source */
    struct run_sweep sweep;
    int64_t swept_ms;
    int has_room; /* perhaps one of the queue may begin */
    int open_handles;
    int is_closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static int64_t now_ms(const struct app_runs *all)
{
    return all->setup.clock->mono_ms(all->setup.clock);
}

static int64_t now_s(const struct app_runs *all)
{
    return all->setup.clock->wall_ms(all->setup.clock) / 1000;
}

static void on_look(uv_timer_t *timer);
static void on_turn(uv_timer_t *timer);

static void work_soon(struct app_runs *all)
{
    if (!all->is_closing && !uv_is_active((uv_handle_t *)&all->turn)) {
        uv_timer_start(&all->turn, on_turn, 0, 0);
    }
}

static void is_due_now(struct app_run *r)
{
    if (!r->is_due) {
        r->is_due = 1;
        r->next_due = r->all->due;
        r->all->due = r;
        work_soon(r->all);
    }
}

/* --- what the source tells ----------------------------------------------------------------- */

/* Something is lost: it ends, and says so. */
static void give_up(struct app_run *r, int rc)
{
    log_say(r->host.log, ERROR, "app", "an answer cannot be kept",
            LOG_TEXT("stream", r->stream->family->name),
            LOG_TEXT("error", rc == ERR_RANGE ? "no room on disk" : strerror(errno)));
    r->is_unwritten = 1;
    is_due_now(r);
}

static int on_event(void *ctx, const struct source_item *item)
{
    struct app_run *r = ctx;
    if (r->state != APP_RUN_MADE || r->is_cancelled || r->is_unwritten) {
        return ERR_IO;
    }
    if (item->name && strncmp(item->name, RESERVED, sizeof RESERVED - 1) == 0) {
        return ERR_INVALID;
    }
    int rc = app_run_add(r, item);
    if (rc && rc != ERR_LIMIT) {
        give_up(r, rc);
    }
    r->usage->events += !rc;
    r->usage->bytes += rc ? 0 : item->data_len;
    if (r->batch.count > 0) {
        is_due_now(r);
    }
    return rc;
}

static void on_count(void *ctx, enum source_count what, uint64_t n)
{
    struct usage_counts *u = ((struct app_run *)ctx)->usage;
    *(what == SOURCE_PROMPT_TOKENS ? &u->prompt_tokens : &u->completion_tokens) += n;
}

static void on_end(void *ctx, const char *data, int has_failed)
{
    struct app_run *r = ctx;
    if (r->state == APP_RUN_MADE) {
        r->has_failed = has_failed;
        app_run_write_end(r, data);
        is_due_now(r);
    }
}

/* --- a run --------------------------------------------------------------------------------- */

static void unlink_run(struct app_run *r)
{
    struct app_runs *all = r->all;
    *(r->prev ? &r->prev->next : &all->first) = r->next;
    *(r->next ? &r->next->prev : &all->last) = r->prev;
    all->count--;
}

static void finish_close(struct app_runs *all);

static void let_go(struct app_run *r)
{
    struct app_runs *all = r->all;
    struct app_run **at = &all->due;
    while (r->is_due && *at) {
        if (*at == r) {
            *at = r->next_due;
            break;
        }
        at = &(*at)->next_due;
    }
    unlink_run(r);
    app_run_free(r);
    finish_close(all);
}

/* Nothing is made any more. */
static void leave(struct app_run *r)
{
    r->made = NULL;
    app_run_give_slot(r);
    r->all->has_room = 1;
    work_soon(r->all);
    if (r->is_deleted && !r->all->is_closing) {
        r->state = APP_RUN_LEAVING;
        r->deadline_ms = now_ms(r->all) + APP_RUN_LINGER_MS;
    } else {
        let_go(r);
    }
}

static void on_dropped(void *ctx)
{
    leave(ctx);
}

static void drop(struct app_run *r)
{
    r->state = APP_RUN_DROPPING;
    if (r->made) {
        r->made->type->drop(r->made, on_dropped, r);
    } else {
        leave(r);
    }
}

static int make(struct app_run *r, const struct source_request *request, struct err *err)
{
    const struct source_answer answer = {
        .event = on_event, .count = on_count, .end = on_end, .ctx = r};
    return r->stream->family->type->run(&r->made, &r->setup, &r->host, request, &answer, err);
}

/* Its turn has come. */
static void make_queued(struct app_run *r)
{
    struct err err = {.code = 0};
    r->maker->queued--;
    r->state = APP_RUN_MADE;
    int rc = make(r, &r->request, &err);
    if (rc) {
        int status = rc == ERR_INVALID ? 400 : rc == ERR_LIMIT ? 413 : rc == ERR_AGAIN ? 503 : 500;
        app_run_write_refusal(r, status, err.text[0] ? err.text : "it cannot be answered now");
        is_due_now(r);
    }
    free(r->copies);
    r->copies = NULL;
}

static void cancel(struct app_run *r, int is_urgent)
{
    if (r->state == APP_RUN_QUEUED) {
        r->maker->queued--;
        r->is_cancelled = 1;
        app_run_write_end(r, NULL);
        is_due_now(r);
    } else if (r->state == APP_RUN_MADE && !r->is_cancelled) {
        r->is_cancelled = 1;
        r->deadline_ms = now_ms(r->all) + APP_RUN_STOP_MS;
        r->made->type->cancel(r->made, is_urgent);
    }
}

/* --- work ---------------------------------------------------------------------------------- */

/* The first in the queue whose user may. The places of the others move up. */
static void serve_queue(struct app_runs *all)
{
    int64_t now = now_ms(all);
    for (struct app_run_maker *m = all->makers; m; m = m->next) {
        size_t place = 0;
        for (struct app_run *r = m->queued > 0 ? all->first : NULL; r; r = r->next) {
            if (r->maker != m || r->state != APP_RUN_QUEUED) {
                continue;
            }
            if (app_run_take_slot(r) == 0) {
                make_queued(r);
                continue;
            }
            place++;
            if (r->place != place && now - r->placed_ms >= PLACE_MS) {
                r->place = place;
                r->placed_ms = now;
                (void)app_run_write_place(r, place); /* a full disk shows when it is made */
            }
        }
    }
}

/* It may be gone after this. */
static void work_on(struct app_run *r)
{
    int64_t now = now_ms(r->all);
    int rc = r->state == APP_RUN_MADE ? app_run_flush(r) : 0;
    if (rc) {
        give_up(r, rc);
    }
    if (r->state == APP_RUN_MADE && r->is_unwritten && r->deadline_ms == 0) {
        r->deadline_ms = now + APP_RUN_STOP_MS;
        r->made->type->cancel(r->made, 1);
    }
    if (r->state == APP_RUN_MADE && r->deadline_ms != 0 && now >= r->deadline_ms) {
        app_run_write_end(r, NULL);
    }
    if (r->state == APP_RUN_ENDED) {
        drop(r);
    } else if (r->state == APP_RUN_LEAVING && now >= r->deadline_ms) {
        let_go(r);
    }
}

static void work(struct app_runs *all)
{
    struct app_run *r = all->due;
    all->due = NULL;
    while (r) {
        struct app_run *next = r->next_due;
        r->is_due = 0;
        work_on(r);
        r = next;
    }
    if (all->has_room) {
        all->has_room = 0;
        serve_queue(all);
    }
}

static void on_turn(uv_timer_t *timer)
{
    work(timer->data);
}

static void on_look(uv_timer_t *timer)
{
    struct app_runs *all = timer->data;
    int64_t now = now_ms(all);
    for (struct app_run *r = all->first; r; r = r->next) {
        if (r->deadline_ms != 0 && now >= r->deadline_ms) {
            is_due_now(r);
        }
        if (r->state != APP_RUN_QUEUED && r->state != APP_RUN_MADE) {
            continue;
        }
        if (run_folder_is_cancelled(r->folder)) {
            r->is_deleted = 1;
            cancel(r, 1);
        } else if (app_run_is_left(r, now)) {
            cancel(r, 0);
        }
    }
    all->has_room = 1; /* other processes give places back, too */
    work(all);
    if (all->count == 0) {
        uv_timer_stop(timer);
    }
}

/* --- beginning ----------------------------------------------------------------------------- */

static void link_run(struct app_runs *all, struct app_run *r)
{
    r->prev = all->last;
    *(all->last ? &all->last->next : &all->first) = r;
    all->last = r;
    all->count++;
    if (!uv_is_active((uv_handle_t *)&all->look)) {
        uv_timer_start(&all->look, on_look, LOOK_MS, LOOK_MS);
    }
}

/* In the queue, or at once: what can fail is done before anybody knows of it. */
static int begin(struct app_run *r, const char *prefix, const struct source_request *request,
                 struct err *err)
{
    struct app_runs *all = r->all;
    const struct app_run_settings *s = &r->stream->family->runs;
    int rc = app_run_take_slot(r);
    if (rc == ERR_LIMIT || rc == ERR_AGAIN) {
        if (r->maker->queued >= (size_t)s->queue) {
            return APP_RUNS_FULL;
        }
        rc = app_run_copy_request(r, request);
        r->state = APP_RUN_QUEUED;
        r->place = r->maker->queued + 1;
        r->placed_ms = now_ms(all);
    } else if (!rc) {
        r->state = APP_RUN_MADE;
        rc = make(r, &r->request, err);
    }
    rc = rc ? rc : app_run_admit(r, now_s(all)) ? ERR_RANGE : 0;
    rc = rc ? rc : app_run_prepare(r);
    rc = rc ? rc : app_run_write_started(r, prefix);
    if (!rc && r->state == APP_RUN_QUEUED) {
        rc = app_run_write_place(r, r->place);
    }
    return rc;
}

int app_runs_begin(struct app_runs *all, struct app_stream *stream, const char *prefix,
                   const struct source_request *request, struct app_stream **run, struct err *err)
{
    struct app_run *r = app_run_new(&all->streams, stream, request);
    if (!r) {
        return ERR_NOMEM;
    }
    r->all = all;
    r->host = (struct source_host){
        .loop = all->setup.loop, .log = all->setup.log, .clock = all->setup.clock};
    int rc = app_run_find_maker(&all->makers, stream, &r->maker);
    rc = rc ? rc : begin(r, prefix, request, err);
    if (!rc) {
        const char *user = request->user ? request->user : "";
        r->usage = app_metrics_usage(all->setup.metrics, stream->name, user);
        rc = r->usage ? 0 : ERR_NOMEM;
    }
    if (rc && !r->made) {
        app_run_give_slot(r);
        r->is_deleted = 1;
        app_run_free(r);
        return rc;
    }
    link_run(all, r);
    if (rc) {
        r->is_deleted = 1;
        drop(r);
        return rc;
    }
    r->maker->queued += r->state == APP_RUN_QUEUED;
    r->usage->questions++;
    *run = app_stream_ref(r->stream);
    return 0;
}

int app_runs_find(struct app_runs *all, const struct app_config *config, const char *name,
                  const char *user, struct app_stream **run)
{
    /* Most names are not: nothing is looked up for them. */
    return app_run_stream_is_named(config, name)
               ? app_run_stream_find(&all->streams, config, name, user, run)
               : ERR_UNKNOWN;
}

int app_runs_delete(struct app_runs *all, struct app_stream *run)
{
    int fd;
    char *folder = run_folder_path(run->state_dir, run->name);
    int rc = folder ? run_folder_cancel(folder) : ERR_NOMEM;
    if (!rc && run_folder_lock(folder, &fd) == 0) {
        run_folder_remove(folder);
        close(fd);
    } else if (!rc && all->count > 0) {
        uv_timer_start(&all->look, on_look, 0, LOOK_MS); /* perhaps it is one of ours */
    }
    free(folder);
    return rc == ERR_GONE ? ERR_UNKNOWN : rc;
}

/* --- life ---------------------------------------------------------------------------------- */

int app_runs_new(struct app_runs **out, const struct app_runs_setup *setup)
{
    struct app_runs *all = calloc(1, sizeof *all);
    if (!all) {
        return ERR_NOMEM;
    }
    all->setup = *setup;
    uv_timer_init(setup->loop, &all->look);
    uv_timer_init(setup->loop, &all->turn);
    all->look.data = all->turn.data = all;
    all->open_handles = 2;
    *out = all;
    return 0;
}

size_t app_runs_count(const struct app_runs *all)
{
    return all->count;
}

void app_runs_tick(struct app_runs *all, const struct app_config *config)
{
    int64_t now = now_ms(all);
    int is_due = all->sweep.list || all->swept_ms == 0 || now - all->swept_ms >= SWEEP_MS;
    if (is_due && config->state_dir && !all->is_closing) {
        char *dir;
        all->swept_ms = now;
        if (asprintf(&dir, "%s/runs", config->state_dir) >= 0) {
            (void)run_sweep_step(&all->sweep, dir, now_s(all));
            free(dir);
        }
    }
}

static void finish_close(struct app_runs *all)
{
    if (all->is_closing && all->count == 0 && all->open_handles == 0) {
        void (*closed)(void *ctx) = all->closed;
        all->closed = NULL;
        if (closed) {
            closed(all->closed_ctx);
        }
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct app_runs *all = handle->data;
    all->open_handles--;
    finish_close(all);
}

void app_runs_close(struct app_runs *all, void (*closed)(void *ctx), void *ctx)
{
    struct app_run *next;
    all->closed = closed;
    all->closed_ctx = ctx;
    all->is_closing = 1;
    run_sweep_fini(&all->sweep);
    uv_close((uv_handle_t *)&all->look, on_handle_closed);
    uv_close((uv_handle_t *)&all->turn, on_handle_closed);
    for (struct app_run *r = all->first; r; r = next) {
        next = r->next;
        if (r->state == APP_RUN_QUEUED || r->state == APP_RUN_MADE) {
            r->is_unwritten = 1;
            app_run_write_end(r, NULL);
        }
        if (r->state == APP_RUN_ENDED) {
            drop(r);
        } else if (r->state == APP_RUN_LEAVING) {
            let_go(r);
        }
    }
}

void app_runs_free(struct app_runs *all)
{
    if (all) {
        app_run_makers_free(all->makers);
    }
    free(all);
}

/* SPDX-License-Identifier: MIT */
/* exec: the output of a program, run once for all readers. */
#include "source/exec/exec.h"

#include "base/err.h"
#include "base/rand.h"
#include "source/exec/history.h"
#include "source/exec/request.h"
#include "source/exec/run.h"
#include "source/exec/settings.h"
#include "source/source.h"

#include "source/exec/store.h"
#include "source/topic/topic.h"

#include <stdlib.h>

#define GENERATIONS (1ULL << 48)
#define LOCK_MS 1000 /* between tries to become the process that runs the program */

struct exec {
    struct source base;
    const struct exec_settings *settings;
    const struct source_host *host;
    const char *stream;
    struct exec_history history; /* without a journal */
    struct exec_store store;     /* with one */
    int has_store;
    struct exec_run run;
    int has_run;      /* this process runs the program */
    uv_timer_t timer; /* with a journal: tries to get its lock */
    int open_parts;
    int is_closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static struct exec *of_source(struct source *s)
{
    return (struct exec *)s;
}

/* ---- running it ---- */

static int put(void *ctx, const struct exec_entry *e)
{
    struct exec *x = ctx;
    char position[SSE_POSITION_SIZE];
    exec_history_print(&x->history, x->history.next, position);
    exec_history_add(&x->history, e);
    return exec_entry_hand(e, position, x->host->live);
}

static int run(struct exec *x)
{
    struct exec_target target = {.put = put, .ctx = x};
    if (x->has_store) {
        target = (struct exec_target){.put = exec_store_put,
                                      .flush = exec_store_flush,
                                      .ctx = &x->store,
                                      .lock_fd = x->store.lock_fd};
    }
    int rc = exec_run_init(&x->run, x->settings, x->host, x->stream, &target);
    x->has_run = rc == 0;
    return rc;
}

/* One process runs it; when that is gone, another takes over, and says so. One whose program has
 * ended for good keeps the lock as long as it has the stream open. */
static void on_timer(uv_timer_t *timer)
{
    struct exec *x = timer->data;
    if (x->store.has_ended) { /* while it was open: it is not for us to begin anew */
        uv_timer_stop(timer);
        return;
    }
    if (!exec_store_lock(&x->store)) {
        exec_store_look_for_end(&x->store);
        return;
    }
    if (run(x)) {
        return;
    }
    uv_timer_stop(timer);
    if (!exec_store_is_empty(&x->store)) {
        exec_run_has_run(&x->run);
    }
}

/* ---- life ---- */

static int start(struct exec *x, const struct source_setup *setup, struct err *err)
{
    const struct exec_settings *settings = setup->settings;
    size_t keep_bytes = (size_t)settings->keep_bytes;
    if (!settings->journal) {
        exec_history_init(&x->history, rand_below(GENERATIONS), keep_bytes);
        return run(x) ? err_set(err, ERR_NOMEM, "out of memory") : 0;
    }
    int rc = exec_store_open(&x->store, setup, keep_bytes, x->host, err);
    if (rc) {
        return rc;
    }
    x->has_store = 1;
    uv_timer_init(x->host->loop, &x->timer);
    x->timer.data = x;
    uv_timer_start(&x->timer, on_timer, 0, LOCK_MS);
    return 0;
}

static int exec_open(struct source **out, const struct source_setup *setup,
                     const struct source_host *host, struct err *err)
{
    struct exec *x = calloc(1, sizeof *x);
    if (!x) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    x->base.type = &source_exec;
    x->host = host;
    x->stream = setup->stream;
    x->settings = setup->settings;
    int rc = start(x, setup, err);
    if (rc) {
        free(x);
        return rc;
    }
    *out = &x->base;
    return 0;
}

/* The timer, the run and, last of all, the store. */
static void on_part_closed(void *ctx)
{
    struct exec *x = ctx;
    if (--x->open_parts == 1 && x->has_store) {
        exec_store_close(&x->store, on_part_closed, x);
        return;
    }
    if (x->open_parts > 0) {
        return;
    }
    void (*closed)(void *ctx) = x->closed;
    void *closed_ctx = x->closed_ctx;
    exec_history_fini(&x->history);
    free(x);
    if (closed) {
        closed(closed_ctx);
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

static void exec_close(struct source *s, void (*closed)(void *ctx), void *ctx)
{
    struct exec *x = of_source(s);
    x->closed = closed;
    x->closed_ctx = ctx;
    if (x->is_closing) {
        return;
    }
    x->is_closing = 1;
    x->open_parts = x->has_run + 2 * x->has_store; /* with a store there is the timer */
    if (x->has_run) {
        exec_run_close(&x->run, on_part_closed, x);
    }
    if (x->has_store) {
        uv_close((uv_handle_t *)&x->timer, on_timer_closed);
    }
}

/* ---- for readers ---- */

static void exec_head(struct source *s, char out[SSE_POSITION_SIZE])
{
    const struct exec *x = of_source(s);
    if (x->has_store) {
        source_topic.head(x->store.topic, out);
    } else {
        exec_history_print(&x->history, x->history.next - 1, out);
    }
}

static int exec_understands(struct source *s, const char *position)
{
    const struct exec *x = of_source(s);
    uint64_t number;
    int is_ours;
    return x->has_store ? source_topic.understands(x->store.topic, position)
                        : exec_history_parse(&x->history, position, &is_ours, &number);
}

static int exec_back(struct source *s, uint64_t count, char out[SSE_POSITION_SIZE])
{
    const struct exec *x = of_source(s);
    return x->has_store ? source_topic.back(x->store.topic, count, out)
                        : exec_history_back(&x->history, count, out);
}

static int exec_before(struct source *s, const char *position, uint64_t count,
                       char first[SSE_POSITION_SIZE], char end[SSE_POSITION_SIZE])
{
    const struct exec *x = of_source(s);
    return x->has_store ? source_topic.before(x->store.topic, position, count, first, end)
                        : exec_history_before(&x->history, position, count, first, end);
}

static int exec_since(struct source *s, int64_t wall_ms, char out[SSE_POSITION_SIZE],
                      struct err *err)
{
    const struct exec *x = of_source(s);
    return x->has_store
               ? source_topic.since(x->store.topic, wall_ms, out, err)
               : err_set(err, ERR_INVALID,
                         "since: only with \"journal\" do the events of this stream have times");
}

static void exec_health(struct source *s, struct source_health *out)
{
    const struct exec *x = of_source(s);
    if (x->has_store) {
        source_topic.health(x->store.topic, out);
    }
    out->is_unreadable |= x->has_run && exec_run_is_down(&x->run);
}

static int exec_pull(struct source *s, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                     size_t budget_bytes)
{
    struct exec *x = of_source(s);
    return x->has_store ? exec_store_pull(&x->store, position, page, budget_bytes)
                        : exec_history_pull(&x->history, position, page, budget_bytes);
}

static int exec_needs_state(const void *settings)
{
    return ((const struct exec_settings *)settings)->journal;
}

const struct source_type source_exec = {
    .contract = SOURCE_CONTRACT,
    .name = "exec",
    .summary = "what a program writes, run once for all readers",
    .options = exec_settings_options,
    .settings_size = sizeof(struct exec_settings),
    .needs_state = exec_needs_state,
    .check = exec_settings_check,
    .linger_ms = exec_settings_linger_ms,
    .open = exec_open,
    .close = exec_close,
    .head = exec_head,
    .understands = exec_understands,
    .back = exec_back,
    .before = exec_before,
    .since = exec_since,
    .health = exec_health,
    .pull = exec_pull,
    .answers = exec_request_answers,
    .run = exec_request_run,
    .cancel = exec_request_cancel,
    .drop = exec_request_drop,
};

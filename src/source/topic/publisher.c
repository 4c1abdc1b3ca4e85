/* SPDX-License-Identifier: MIT */
/* topic_publisher: publishes into a topic from a process with a loop. */
#include "source/topic/publisher.h"

#include "base/err.h"
#include "base/log.h"
#include "source/source.h"
#include "source/topic/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 100

/* A batch that is in the journal and waits for the disk. */
struct waiter {
    struct waiter *next;
    topic_published_fn *done;
    void *ctx;
    size_t count;
    struct journal_position places[];
};

struct queue {
    struct waiter *first, **last;
};

struct topic_publisher {
    const struct topic_settings *settings;
    const struct source_host *host;
    struct journal *journal;
    uv_timer_t timer; /* the next sync, with TOPIC_SYNC_INTERVAL */
    uv_work_t work;
    struct journal_unsynced working; /* what the worker syncs, for those in `served` */
    int work_rc, work_errno;
    struct queue waiting, served;
    size_t waiting_count;
    int is_working;
    int has_failed; /* the disk did: what it holds nobody knows */
    int is_closing;
    int is_timer_closed;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* ---- those who wait ---- */

static void queue_init(struct queue *q)
{
    *q = (struct queue){.first = NULL};
    q->last = &q->first;
}

static void queue_add(struct queue *q, struct waiter *w)
{
    *q->last = w;
    q->last = &w->next;
}

static void answer_all(struct topic_publisher *p, struct queue *q, int rc)
{
    struct waiter *w = q->first;
    queue_init(q);
    while (w) {
        struct waiter *next = w->next;
        p->waiting_count--;
        w->done(w->ctx, rc, w->places, w->count);
        free(w);
        w = next;
    }
}

/* ---- the disk ---- */

static void finish_close(struct topic_publisher *p);
static void start_sync(struct topic_publisher *p);
static void on_timer(uv_timer_t *timer);

static void on_work(uv_work_t *work)
{
    struct topic_publisher *p = work->data;
    p->work_rc = journal_sync(&p->working);
    p->work_errno = p->work_rc ? errno : 0;
}

/* After a failed fdatasync the kernel may have dropped the pages and call them clean: to sync again would
 * prove nothing. */
static void fail(struct topic_publisher *p, int error)
{
    p->has_failed = 1;
    log_say(p->host->log, ERROR, "topic", "the disk failed, nothing more is published",
            LOG_TEXT("folder", p->journal->dir.path), LOG_TEXT("error", strerror(error)));
}

static void on_worked(uv_work_t *work, int status)
{
    struct topic_publisher *p = work->data;
    int rc = status ? ERR_IO : p->work_rc;
    p->is_working = 0;
    journal_close_unsynced(&p->working);
    if (rc && !p->has_failed) {
        fail(p, status ? ECANCELED : p->work_errno);
    }
    answer_all(p, &p->served, rc);
    if (p->has_failed) {
        answer_all(p, &p->waiting, ERR_IO);
    }
    if (p->waiting.first || p->is_closing) {
        start_sync(p);
    }
    finish_close(p);
}

/* One sync for all that wait. */
static void start_sync(struct topic_publisher *p)
{
    if (p->is_working || p->has_failed) {
        return;
    }
    if (journal_take_unsynced(p->journal, &p->working) == 0 && !p->working.has_new) {
        if (p->waiting.first && !p->is_closing) { /* no descriptor is left */
            uv_timer_start(&p->timer, on_timer, RETRY_MS, 0);
        }
        return;
    }
    p->served = p->waiting;
    if (!p->served.first) {
        queue_init(&p->served);
    }
    queue_init(&p->waiting);
    p->is_working = 1;
    (void)uv_queue_work(p->host->loop, &p->work, on_work, on_worked); /* it cannot fail */
}

static void on_timer(uv_timer_t *timer)
{
    start_sync(timer->data);
}

/* ---- publishing ---- */

static int wait_for_disk(struct topic_publisher *p, const struct journal_event *events,
                         size_t count, topic_published_fn *done, void *ctx)
{
    struct waiter *w = malloc(sizeof *w + count * sizeof *w->places);
    if (!w) {
        return ERR_NOMEM;
    }
    int rc = journal_append(p->journal, events, count, w->places);
    if (rc) {
        free(w);
        return rc;
    }
    w->next = NULL;
    w->done = done;
    w->ctx = ctx;
    w->count = count;
    p->journal->is_dirty = 1; /* another process may have written it, and not synced yet */
    p->waiting_count++;
    queue_add(&p->waiting, w);
    start_sync(p);
    return 0;
}

int topic_publisher_put(struct topic_publisher *p, const struct journal_event *events, size_t count,
                        topic_published_fn *done, void *ctx)
{
    if (p->has_failed || p->is_closing) {
        return ERR_GONE;
    }
    if (count == 0 || count > JOURNAL_BATCH_MAX) {
        return ERR_LIMIT;
    }
    if (p->settings->sync == TOPIC_SYNC_ALWAYS) {
        return p->waiting_count < TOPIC_WAITING_MAX ? wait_for_disk(p, events, count, done, ctx)
                                                    : ERR_AGAIN;
    }
    struct journal_position one;
    struct journal_position *places = count == 1 ? &one : malloc(count * sizeof *places);
    int rc = places ? journal_append(p->journal, events, count, places) : ERR_NOMEM;
    if (!rc) {
        int is_timed = p->settings->sync == TOPIC_SYNC_INTERVAL;
        if (is_timed && !uv_is_active((uv_handle_t *)&p->timer)) {
            uv_timer_start(&p->timer, on_timer, (uint64_t)p->settings->sync_ms, 0);
        }
        done(ctx, 0, places, count);
    }
    if (places != &one) {
        free(places);
    }
    return rc;
}

int topic_publisher_is_full(const struct topic_publisher *p)
{
    return journal_is_full(p->journal);
}

/* ---- life ---- */

int topic_publisher_new(struct topic_publisher **out, const struct source_setup *setup,
                        const struct source_host *host, struct err *err)
{
    struct journal_rules rules;
    if (!setup->state_dir) {
        return err_set(err, ERR_INVALID, "state_dir: must be set, a topic keeps its events there");
    }
    struct topic_publisher *p = calloc(1, sizeof *p);
    if (!p) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    topic_settings_rules(setup->settings, &rules);
    int rc = journal_new(&p->journal, setup->state_dir, setup->stream, &rules, host->clock);
    if (rc) {
        free(p);
        return err_set(err, rc, "out of memory");
    }
    p->settings = setup->settings;
    p->host = host;
    queue_init(&p->waiting);
    queue_init(&p->served);
    p->work.data = p;
    uv_timer_init(host->loop, &p->timer);
    p->timer.data = p;
    *out = p;
    return 0;
}

static void finish_close(struct topic_publisher *p)
{
    if (!p->is_timer_closed || p->is_working) {
        return;
    }
    void (*closed)(void *ctx) = p->closed;
    void *ctx = p->closed_ctx;
    answer_all(p, &p->waiting, ERR_IO);
    journal_free(p->journal);
    free(p);
    if (closed) {
        closed(ctx);
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct topic_publisher *p = handle->data;
    p->is_timer_closed = 1;
    finish_close(p);
}

void topic_publisher_close(struct topic_publisher *p, void (*closed)(void *ctx), void *ctx)
{
    p->closed = closed;
    p->closed_ctx = ctx;
    if (p->is_closing) {
        return;
    }
    p->is_closing = 1;
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
    start_sync(p);
}

/* SPDX-License-Identifier: MIT */
/* topic_publisher: publishes into a topic from a process with a loop. */
#include "source/topic/publisher.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "source/source.h"
#include "source/topic/settings.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define RETRY_MS 100     /* when there was no descriptor for the sync */
#define LOCK_RETRY_MS 5  /* when another process held the lock */
#define SCARCE_MUL 3     /* files are, when 3/4 of all that may be are open */
#define SCARCE_DIV 4

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

/* A batch that could not be written yet; the events and all they point to stand behind it. */
struct held {
    struct held *next;
    topic_published_fn *done;
    void *ctx;
    int64_t until_ms;
    size_t bytes; /* of all this */
    size_t count;
    struct journal_event events[];
};

struct topic_publisher {
    const struct topic_settings *settings;
    const struct source_host *host;
    struct journal *journal;
    uv_timer_t timer; /* the next sync, with TOPIC_SYNC_INTERVAL */
    uv_timer_t retry; /* the next try to write what is held */
    struct held *held, **held_last; /* in order; while there are some, all that come join them */
    size_t held_bytes;
    int scarce_from; /* as topic_scarce_from() said after the last sync */
    uv_work_t work;
    struct journal_unsynced working; /* what the worker syncs, for those in `served` */
    int work_rc, work_errno;
    struct queue waiting, served;
    size_t waiting_count;
    int is_working;
    int has_failed; /* the disk did: what it holds nobody knows */
    int is_closing;
    int open_timers;
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

/* There was no descriptor for the folder: it is tried again, and those that wait go on waiting. */
static void put_back(struct topic_publisher *p)
{
    journal_give_back(p->journal, &p->working);
    if (p->served.first) {
        *p->served.last = p->waiting.first;
        p->waiting.last = p->waiting.first ? p->waiting.last : p->served.last;
        p->waiting.first = p->served.first;
        queue_init(&p->served);
    }
    uv_timer_start(&p->timer, on_timer, RETRY_MS, 0);
}

static void on_worked(uv_work_t *work, int status)
{
    struct topic_publisher *p = work->data;
    int rc = status ? ERR_IO : p->work_rc;
    p->is_working = 0;
    if (rc == ERR_AGAIN && !p->is_closing) {
        put_back(p);
        return;
    }
    journal_close_unsynced(&p->working);
    p->scarce_from = topic_scarce_from();
    if (rc && rc != ERR_AGAIN && !p->has_failed) {
        fail(p, status ? ECANCELED : p->work_errno);
    }
    answer_all(p, &p->served, rc ? ERR_IO : 0);
    if (p->has_failed) {
        answer_all(p, &p->waiting, ERR_IO);
    }
    if (p->waiting.first || p->is_closing) {
        start_sync(p);
    } else if (topic_publisher_fd(p) >= p->scarce_from) {
        topic_publisher_rest(p);
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

int topic_scarce_from(void)
{
    struct rlimit limit;
    int is_known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < INT_MAX;
    return is_known ? (int)(limit.rlim_cur / SCARCE_DIV * SCARCE_MUL) : INT_MAX;
}

int topic_publisher_fd(const struct topic_publisher *p)
{
    return p->journal->seg.fd;
}

static int wait_for_disk(struct topic_publisher *p, const struct journal_event *events,
                         size_t count, topic_published_fn *done, void *ctx)
{
    if (p->waiting_count >= TOPIC_WAITING_MAX) {
        return ERR_AGAIN;
    }
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
    if (!p->is_closing && !p->is_working) {
        uv_timer_start(&p->timer, on_timer, 0, 0); /* what comes in this turn of the loop is synced, too */
    }
    return 0;
}

static int append(struct topic_publisher *p, const struct journal_event *events, size_t count,
                  topic_published_fn *done, void *ctx)
{
    struct journal_position one;
    struct journal_position *places = count == 1 ? &one : malloc(count * sizeof *places);
    int rc = places ? journal_append(p->journal, events, count, places) : ERR_NOMEM;
    if (!rc) {
        int is_timed = p->settings->sync == TOPIC_SYNC_INTERVAL && !p->is_closing;
        int is_scarce = is_timed && topic_publisher_fd(p) >= p->scarce_from;
        if (is_timed && (is_scarce || !uv_is_active((uv_handle_t *)&p->timer))) {
            uv_timer_start(&p->timer, on_timer, is_scarce ? 0 : (uint64_t)p->settings->sync_ms, 0);
        }
        done(ctx, 0, places, count);
    }
    if (places != &one) {
        free(places);
    }
    return rc;
}

/* One try. ERR_RANGE: there is no room. */
static int try_put(struct topic_publisher *p, const struct journal_event *events, size_t count,
                   topic_published_fn *done, void *ctx)
{
    if (p->has_failed) {
        return ERR_GONE;
    }
    int rc = p->settings->sync == TOPIC_SYNC_ALWAYS ? wait_for_disk(p, events, count, done, ctx)
                                                    : append(p, events, count, done, ctx);
    if (rc == ERR_AGAIN) {
        start_sync(p); /* perhaps too much waits for the disk */
    }
    if (rc == ERR_IO && !journal_is_full(p->journal)) {
        log_say(p->host->log, WARN, "topic", "cannot write the journal",
                LOG_TEXT("folder", p->journal->dir.path),
                LOG_TEXT("error", strerror(p->journal->error)));
    }
    return rc == ERR_IO && journal_is_full(p->journal) ? ERR_RANGE : rc;
}

/* Of an append that failed nothing is there. */
static int as_refusal(int rc)
{
    return rc == ERR_IO ? ERR_AGAIN : rc;
}

/* ---- what has to wait for the lock ---- */

static char *put_text(char *at, const char **text, size_t len)
{
    if (*text) {
        memcpy(at, *text, len);
        *text = at;
        at += len;
    }
    return at;
}

static struct held *held_new(const struct journal_event *events, size_t count)
{
    size_t bytes = sizeof(struct held) + count * sizeof *events;
    for (size_t i = 0; i < count; i++) {
        bytes += events[i].data_len + events[i].key_len
                 + (events[i].name ? strlen(events[i].name) + 1 : 0);
    }
    struct held *h = malloc(bytes);
    if (!h) {
        return NULL;
    }
    *h = (struct held){.bytes = bytes, .count = count};
    memcpy(h->events, events, count * sizeof *events);
    char *at = (char *)&h->events[count];
    for (size_t i = 0; i < count; i++) {
        struct journal_event *e = &h->events[i];
        at = put_text(at, &e->name, e->name ? strlen(e->name) + 1 : 0);
        at = put_text(at, &e->data, e->data_len);
        at = put_text(at, &e->key, e->key_len);
    }
    return h;
}

static void on_retry(uv_timer_t *timer);

static int hold(struct topic_publisher *p, const struct journal_event *events, size_t count,
                topic_published_fn *done, void *ctx)
{
    const struct clock *clock = p->host->clock;
    struct held *h = held_new(events, count);
    if (!h) {
        return ERR_NOMEM;
    }
    if (p->held && p->held_bytes + h->bytes > TOPIC_HELD_BYTES) {
        free(h);
        return ERR_AGAIN;
    }
    h->done = done;
    h->ctx = ctx;
    h->until_ms = clock->mono_ms(clock) + TOPIC_HELD_MS;
    p->held_bytes += h->bytes;
    *p->held_last = h;
    p->held_last = &h->next;
    if (!uv_is_active((uv_handle_t *)&p->retry)) {
        uv_timer_start(&p->retry, on_retry, LOCK_RETRY_MS, 0);
    }
    return 0;
}

static struct held *take_first(struct topic_publisher *p)
{
    struct held *h = p->held;
    p->held = h->next;
    p->held_last = p->held ? p->held_last : &p->held;
    p->held_bytes -= h->bytes;
    return h;
}

static void put_first(struct topic_publisher *p, struct held *h)
{
    h->next = p->held;
    p->held_last = p->held ? p->held_last : &h->next;
    p->held = h;
    p->held_bytes += h->bytes;
}

static void refuse(struct held *h, int rc)
{
    h->done(h->ctx, rc, NULL, h->count);
    free(h);
}

/* Those that have waited long enough, or all when it closes, are refused: nothing of them was written. */
static void retry(struct topic_publisher *p)
{
    const struct clock *clock = p->host->clock;
    int rc = 0;
    while (p->held && rc != ERR_AGAIN) {
        struct held *h = take_first(p);
        rc = try_put(p, h->events, h->count, h->done, h->ctx);
        if (rc == ERR_AGAIN) {
            put_first(p, h);
        } else if (rc) {
            refuse(h, as_refusal(rc));
        } else {
            free(h);
        }
    }
    int64_t now_ms = clock->mono_ms(clock);
    while (p->held && (p->is_closing || now_ms >= p->held->until_ms)) {
        refuse(take_first(p), ERR_AGAIN);
    }
}

static void on_retry(uv_timer_t *timer)
{
    struct topic_publisher *p = timer->data;
    retry(p);
    if (p->held && !p->is_closing) {
        uv_timer_start(&p->retry, on_retry, LOCK_RETRY_MS, 0);
    }
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
    int rc = p->held ? ERR_AGAIN : try_put(p, events, count, done, ctx);
    return rc == ERR_AGAIN ? hold(p, events, count, done, ctx) : as_refusal(rc);
}

void topic_publisher_rest(struct topic_publisher *p)
{
    if (!p->held && !p->waiting.first && !p->is_working) {
        journal_rest(p->journal);
    }
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
    topic_settings_rules(setup->settings, setup->family, &rules);
    int rc = journal_new(&p->journal, setup->state_dir, setup->stream, &rules, host->clock);
    if (rc) {
        free(p);
        return err_set(err, rc, "out of memory");
    }
    p->settings = setup->settings;
    p->scarce_from = topic_scarce_from();
    p->host = host;
    queue_init(&p->waiting);
    queue_init(&p->served);
    p->held_last = &p->held;
    p->work.data = p;
    uv_timer_init(host->loop, &p->timer);
    uv_timer_init(host->loop, &p->retry);
    p->timer.data = p->retry.data = p;
    p->open_timers = 2;
    *out = p;
    return 0;
}

static void finish_close(struct topic_publisher *p)
{
    if (p->open_timers > 0 || p->is_working) {
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
    p->open_timers--;
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
    uv_close((uv_handle_t *)&p->retry, on_timer_closed);
    retry(p);
    start_sync(p);
}

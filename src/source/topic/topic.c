/* SPDX-License-Identifier: MIT */
/* topic: what others publish, kept in a journal of files. This file is what the loop sees of it. */
#include "source/topic/topic.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "source/journal/journal.h"
#include "source/source.h"
#include "source/tail/watch.h"
#include "source/topic/log.h"
#include "source/topic/publisher.h"
#include "source/topic/settings.h"

#include <stdlib.h>
#include <string.h>

#define TURN_BYTES (256 * 1024) /* of the journal, per turn of the loop */
#define EXPIRE_MS 10000         /* between looks whether something can be deleted */
#define REST_MS 5000            /* without news: files are closed */

struct topic {
    struct source base;
    struct topic_log log;
    struct source_setup setup;
    struct topic_publisher *publisher; /* NULL until somebody publishes */
    const struct source_host *host;
    struct journal *keeper; /* for deleting what need not be kept; it publishes nothing */
    int64_t expired_ms;
    int64_t busy_ms; /* when something came or was published last */
    int is_moved;    /* something was made or deleted in the folder */
    int was_told;    /* that it cannot be read */
    int is_own;      /* this process alone publishes, and tells of it */
    int scarce_from; /* files are, when descriptors have this number; looked up now and then */
    uv_timer_t poll;
    uv_timer_t turn; /* the next look, as soon as the loop comes round */
    struct tail_watch watch;
    char *above; /* STATE_DIR/topics, and STATE_DIR, where the journal's folder comes into being */
    char *root;
    const char *own; /* that folder's name */
    int open_handles; /* the timers, and the watch as one */
    int is_closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void on_turn(uv_timer_t *timer);

static void look_soon(struct topic *t)
{
    if (!t->is_closing && !uv_is_active((uv_handle_t *)&t->turn)) {
        uv_timer_start(&t->turn, on_turn, 0, 0);
    }
}

void topic_published(struct source *s)
{
    struct topic *t = (struct topic *)s;
    t->is_moved |= topic_log_has_moved(&t->log); /* it may have begun a new file */
    t->busy_ms = t->host->clock->mono_ms(t->host->clock);
    look_soon(t);
}

void topic_written(struct source *s, int is_moved)
{
    struct topic *t = (struct topic *)s;
    if (!t->is_own) {
        t->is_own = 1;
        t->is_moved = 1; /* it may have begun before this one was opened */
        tail_watch_done(&t->watch);
    }
    t->is_moved |= is_moved;
    t->busy_ms = t->host->clock->mono_ms(t->host->clock);
    look_soon(t);
}

/* Watches the folder, or those above it, until it is there. Not for a member of a family: each of them would
 * be told of all others. The poll finds it. */
static void watch_folders(struct topic *t)
{
    if (t->is_own) {
        return;
    }
    if (!t->log.dir.is_there && t->setup.family.chars == 0) {
        tail_watch_want(&t->watch, t->root);
        tail_watch_want(&t->watch, t->above);
    }
    tail_watch_want(&t->watch, t->log.dir.path);
    tail_watch_done(&t->watch);
}

static void tell(struct topic *t)
{
    if (t->log.is_unreadable && !t->was_told) {
        log_say(t->host->log, WARN, "topic", "cannot read the journal",
                LOG_TEXT("folder", t->log.dir.path));
    }
    t->was_told = t->log.is_unreadable;
}

/* Closes what nobody needed for a while, or at once where files are scarce. */
static void rest(struct topic *t, int is_quiet)
{
    if (is_quiet || t->log.reader.seg.fd >= t->scarce_from) {
        topic_log_rest(&t->log);
    }
    if (t->publisher && (is_quiet || topic_publisher_fd(t->publisher) >= t->scarce_from)) {
        topic_publisher_rest(t->publisher);
    }
}

static void look(struct topic *t)
{
    if (t->is_moved) {
        t->is_moved = 0;
        (void)topic_log_list(&t->log); /* what fails is told, and the poll tries again */
        watch_folders(t);
    }
    if (topic_log_look(&t->log, TURN_BYTES) == TOPIC_LOG_BUSY) {
        look_soon(t);
    } else {
        rest(t, 0);
    }
    tell(t);
}

static void on_turn(uv_timer_t *timer)
{
    look(timer->data);
}

/* While its folder is not there, a topic is told of all that is made above it. */
static int is_own(const struct topic *t, const char *name)
{
    return !name || t->log.dir.is_there || strcmp(name, t->own) == 0
           || strcmp(name, strrchr(t->above, '/') + 1) == 0;
}

static void on_change(void *ctx, const char *folder, const char *name, int is_moved)
{
    struct topic *t = ctx;
    (void)folder;
    if (is_own(t, name)) {
        t->is_moved |= is_moved;
        t->busy_ms = t->host->clock->mono_ms(t->host->clock);
        look_soon(t);
    }
}

static void on_poll(uv_timer_t *timer)
{
    struct topic *t = timer->data;
    int64_t now_ms = t->host->clock->mono_ms(t->host->clock);
    if (now_ms - t->expired_ms >= EXPIRE_MS && t->log.dir.count > 1) {
        t->expired_ms = now_ms;
        (void)journal_expire(t->keeper); /* tried again the next time */
    }
    t->is_moved |= topic_log_has_moved(&t->log);
    if (t->log.reader.seg.fd >= 0) { /* many rest */
        t->scarce_from = topic_scarce_from();
    }
    look(t);
    rest(t, now_ms - t->busy_ms >= REST_MS);
}

/* ---- life ---- */

static void destroy(struct topic *t)
{
    topic_log_fini(&t->log);
    journal_free(t->keeper);
    free(t->above);
    free(t->root);
    free(t);
}

static void on_part_closed(void *ctx)
{
    struct topic *t = ctx;
    if (--t->open_handles > 0) {
        return;
    }
    void (*closed)(void *ctx) = t->closed;
    void *closed_ctx = t->closed_ctx;
    destroy(t);
    if (closed) {
        closed(closed_ctx);
    }
}

static void on_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

static void topic_close(struct source *s, void (*closed)(void *ctx), void *ctx)
{
    struct topic *t = (struct topic *)s;
    t->closed = closed;
    t->closed_ctx = ctx;
    if (t->is_closing) {
        return;
    }
    t->is_closing = 1;
    if (t->publisher) {
        t->open_handles++;
        topic_publisher_close(t->publisher, on_part_closed, t);
    }
    uv_close((uv_handle_t *)&t->poll, on_closed);
    uv_close((uv_handle_t *)&t->turn, on_closed);
    tail_watch_close(&t->watch);
}

static void start(struct topic *t, uint64_t poll_ms)
{
    uv_timer_init(t->host->loop, &t->poll);
    uv_timer_init(t->host->loop, &t->turn);
    t->poll.data = t->turn.data = t;
    t->watch = (struct tail_watch){.loop = t->host->loop,
                                   .log = t->host->log,
                                   .changed = on_change,
                                   .closed = on_part_closed,
                                   .ctx = t};
    t->open_handles = 3;
    uv_timer_start(&t->poll, on_poll, poll_ms, poll_ms);
    watch_folders(t);
    t->is_moved = 1; /* between listing and watching something may have been made */
    look_soon(t);
}

/* Everything but the handles. */
static int prepare(struct topic *t, const struct source_setup *setup)
{
    struct journal_rules rules;
    topic_settings_rules(setup->settings, setup->family, &rules);
    rules.is_synced = 0;
    int rc = journal_new(&t->keeper, setup->state_dir, setup->stream, &rules, t->host->clock);
    rc = rc ? rc : topic_log_init(&t->log, setup->state_dir, setup->stream, t->host->live);
    if (rc) {
        return rc;
    }
    t->root = strdup(setup->state_dir);
    t->above = strdup(t->log.dir.path);
    if (!t->root || !t->above) {
        topic_log_fini(&t->log);
        return ERR_NOMEM;
    }
    *strrchr(t->above, '/') = '\0';
    t->own = strrchr(t->log.dir.path, '/') + 1;
    return 0;
}

static int topic_open(struct source **out, const struct source_setup *setup,
                      const struct source_host *host, struct err *err)
{
    const struct topic_settings *settings = setup->settings;
    if (!setup->state_dir) {
        return err_set(err, ERR_IO, "state_dir: must be set, a topic keeps its events there");
    }
    struct topic *t = calloc(1, sizeof *t);
    if (!t) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    t->base.type = &source_topic;
    t->host = host;
    t->setup = *setup;
    t->scarce_from = topic_scarce_from();
    t->expired_ms = t->busy_ms = host->clock->mono_ms(host->clock);
    int rc = prepare(t, setup);
    if (rc) {
        journal_free(t->keeper);
        free(t->above);
        free(t->root);
        free(t);
        return err_set(err, rc, "out of memory");
    }
    start(t, (uint64_t)settings->poll_ms);
    *out = &t->base;
    return 0;
}

/* ---- for readers ---- */

static void topic_head(struct source *s, char out[SSE_POSITION_SIZE])
{
    const struct topic *t = (struct topic *)s;
    memcpy(out, t->log.head_text, strlen(t->log.head_text) + 1);
}

static int topic_understands(struct source *s, const char *position)
{
    struct journal_position p;
    (void)s;
    return journal_position_parse(position, &p) == 0;
}

static int topic_back(struct source *s, uint64_t count, char out[SSE_POSITION_SIZE])
{
    return topic_log_back(&((struct topic *)s)->log, count, out);
}

static int topic_before(struct source *s, const char *position, uint64_t count,
                        char start_at[SSE_POSITION_SIZE], char end[SSE_POSITION_SIZE])
{
    return topic_log_before(&((struct topic *)s)->log, position, count, start_at, end);
}

static int topic_since(struct source *s, int64_t wall_ms, char out[SSE_POSITION_SIZE],
                       struct err *err)
{
    (void)err;
    return topic_log_since(&((struct topic *)s)->log, wall_ms, out);
}

static void topic_health(struct source *s, struct source_health *out)
{
    const struct topic *t = (struct topic *)s;
    out->is_unreadable = t->log.is_unreadable;
    out->lag_bytes = topic_log_lag(&t->log);
}

static int topic_pull(struct source *s, char position[SSE_POSITION_SIZE],
                      const struct sse_out *page, size_t budget_bytes)
{
    struct topic *t = (struct topic *)s;
    int rc = topic_log_pull(&t->log, position, page, budget_bytes);
    if (rc == ERR_AGAIN) {
        t->is_moved = 1; /* another process knows more */
        look_soon(t);
    }
    return rc;
}

/* --- for publishers --- */

struct ask {
    struct topic *topic;
    void (*done)(void *ctx, int rc, const char *position);
    void *ctx;
};

/* As struct source_publish has it. */
static int answer_of(int rc)
{
    return rc == ERR_GONE ? ERR_IO : rc == ERR_INVALID ? ERR_LIMIT : rc;
}

static void on_published(void *ctx, int rc, const struct journal_position *places, size_t count)
{
    struct ask *a = ctx;
    char position[SSE_POSITION_SIZE];
    if (!a->topic->is_closing && places) {
        topic_published(&a->topic->base);
    }
    if (!rc) {
        journal_position_print(&places[count - 1], position);
    }
    a->done(a->ctx, answer_of(rc), rc ? NULL : position);
    free(a);
}

static int put(struct topic *t, const struct source_publish *p, struct journal_event *events,
               struct ask *a)
{
    int rc = t->publisher ? 0 : topic_publisher_new(&t->publisher, &t->setup, t->host, NULL);
    if (rc) {
        return rc;
    }
    for (size_t i = 0; i < p->count; i++) {
        const struct source_item *item = &p->items[i];
        events[i] = (struct journal_event){.name = item->name,
                                           .data = item->data,
                                           .data_len = item->data_len,
                                           .key = item->key,
                                           .key_len = item->key ? strlen(item->key) : 0};
    }
    return answer_of(topic_publisher_put(t->publisher, events, p->count, on_published, a));
}

static void topic_publish(struct source *s, const struct source_publish *p)
{
    struct topic *t = (struct topic *)s;
    struct journal_event *events = calloc(p->count, sizeof *events);
    struct ask *a = malloc(sizeof *a);
    int rc = events && a ? 0 : ERR_NOMEM;
    if (!rc) {
        *a = (struct ask){.topic = t, .done = p->done, .ctx = p->ctx};
        rc = put(t, p, events, a);
    }
    free(events);
    if (rc) {
        free(a);
        p->done(p->ctx, rc, NULL);
    }
}

static int topic_needs_state(const void *settings)
{
    (void)settings;
    return 1;
}

const struct source_type source_topic = {
    .contract = SOURCE_CONTRACT,
    .name = "topic",
    .summary = "what others publish, kept in files below state_dir",
    .options = topic_settings_options,
    .settings_size = sizeof(struct topic_settings),
    .needs_state = topic_needs_state,
    .check = topic_settings_check,
    .open = topic_open,
    .close = topic_close,
    .head = topic_head,
    .understands = topic_understands,
    .back = topic_back,
    .before = topic_before,
    .since = topic_since,
    .publish = topic_publish,
    .health = topic_health,
    .pull = topic_pull,
};

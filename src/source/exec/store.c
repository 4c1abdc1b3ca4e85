/* SPDX-License-Identifier: MIT */
/* exec_store: a program's output in a topic's journal: for all processes, and for longer than they
 * live. */
#include "source/exec/store.h"

#include "base/err.h"
#include "base/log.h"
#include "conf/json.h"
#include "source/exec/history.h"
#include "source/exec/run.h"
#include "source/journal/journal.h"
#include "source/run/view.h"
#include "source/topic/topic.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_NAME "exec.lock"
#define FLIGHT_MS 5                    /* between looks whether a batch was published */
#define FAILED_MS 1000                 /* between tries when it cannot be */
#define BATCH_LIMIT (64 * 1024 * 1024) /* far more than one turn gives */

/* ---- entries as events ---- */

/* A gap as the data of an event; the caller puts it. NULL when out of memory. */
static struct json_object *gap_json(const struct exec_entry *e)
{
    struct json_object *o = json_object_new_object();
    int rc = o ? conf_json_add(o, "reason", json_object_new_string(e->name)) : ERR_NOMEM;
    if (!rc && e->len > 0) {
        rc = conf_json_add(o, "detail", json_object_new_string_len(e->data, (int)e->len));
    }
    if (!rc && e->bytes >= 0) {
        rc = conf_json_add(o, "bytes", json_object_new_int64(e->bytes));
    }
    if (rc) {
        json_object_put(o);
        return NULL;
    }
    return o;
}

/* ---- what is new ---- */

static int on_event(void *ctx, const struct sse_event *e)
{
    struct exec_store *s = ctx;
    const struct sse_out *out = s->host->live;
    s->has_ended = run_view_is(e, RUN_END_NAME);
    if (run_view_is(e, RUN_GAP_NAME)) {
        return run_view_pass_gap(e, out);
    }
    if (!s->has_ended) {
        return out->event(out->ctx, e);
    }
    run_view_pass_end(e, out);
    return 1;
}

static int on_gap(void *ctx, const struct sse_gap *gap)
{
    struct exec_store *s = ctx;
    return s->host->live->gap(s->host->live->ctx, gap);
}

static void on_advance(void *ctx, const char *position)
{
    struct exec_store *s = ctx;
    if (s->host->live->advance) {
        s->host->live->advance(s->host->live->ctx, position);
    }
}

/* ---- history ---- */

/* A page, and what goes on to it. */
struct page {
    const struct sse_out *to;
    char head[SSE_POSITION_SIZE];
    int has_ended; /* the head is the end */
};

static int page_event(void *ctx, const struct sse_event *e)
{
    const struct page *p = ctx;
    const struct sse_out *to = p->to;
    if (run_view_is(e, RUN_GAP_NAME)) {
        return run_view_pass_gap(e, to);
    }
    if (!run_view_is(e, RUN_END_NAME)) {
        return to->event(to->ctx, e);
    }
    if (p->has_ended && strcmp(e->position, p->head) == 0) {
        run_view_pass_end(e, to);
    } else if (to->advance) {
        to->advance(to->ctx, e->position); /* another run has followed, as a gap says */
    }
    return 0;
}

static int page_gap(void *ctx, const struct sse_gap *gap)
{
    const struct page *p = ctx;
    return p->to->gap(p->to->ctx, gap);
}

static void page_advance(void *ctx, const char *position)
{
    const struct page *p = ctx;
    if (p->to->advance) {
        p->to->advance(p->to->ctx, position);
    }
}

int exec_store_pull(struct exec_store *s, char position[SSE_POSITION_SIZE],
                    const struct sse_out *page, size_t budget_bytes)
{
    struct page p = {.to = page, .has_ended = s->has_ended};
    struct sse_out out = *page;
    source_topic.head(s->topic, p.head);
    out.event = page_event;
    out.gap = page_gap;
    out.advance = page_advance;
    out.ctx = &p;
    int rc = source_topic.pull(s->topic, position, &out, budget_bytes);
    return rc == SOURCE_HEAD && s->has_ended ? SOURCE_END : rc;
}

static int look_event(void *ctx, const struct sse_event *e)
{
    struct exec_store *s = ctx;
    char head[SSE_POSITION_SIZE];
    source_topic.head(s->topic, head);
    if (run_view_is(e, RUN_END_NAME) && strcmp(e->position, head) == 0) {
        (void)on_event(s, e);
    }
    return 1;
}

static int look_gap(void *ctx, const struct sse_gap *gap)
{
    (void)ctx;
    (void)gap;
    return 1;
}

void exec_store_look_for_end(struct exec_store *s)
{
    char position[SSE_POSITION_SIZE];
    struct sse_out out = {.event = look_event, .gap = look_gap, .ctx = s};
    if (!source_topic.back(s->topic, 1, position)) {
        (void)source_topic.pull(s->topic, position, &out, 1);
    }
}

/* ---- publishing ---- */

static int batch(struct exec_store *s, const char *name, const char *data, size_t len)
{
    struct exec_batched item = {.name = s->bytes.len, .len = len, .has_name = name != NULL};
    size_t before = s->bytes.len;
    int rc = s->count < EXEC_BATCH_MAX + 2 ? 0 : ERR_LIMIT;
    rc = rc || !name ? rc : buf_append(&s->bytes, name, strlen(name) + 1);
    item.data = s->bytes.len;
    rc = rc ? rc : buf_append(&s->bytes, data, len);
    rc = rc ? rc : buf_append_char(&s->bytes, '\0'); /* so that there is a buffer */
    if (rc) {
        s->bytes.len = before;
        return rc;
    }
    s->items[s->count++] = item;
    return 0;
}

int exec_store_put(void *ctx, const struct exec_entry *e)
{
    struct exec_store *s = ctx;
    int rc;
    if (e->kind == EXEC_ENTRY_GAP) {
        struct json_object *o = gap_json(e);
        const char *text = o ? json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN) : NULL;
        rc = text ? batch(s, RUN_GAP_NAME, text, strlen(text)) : ERR_NOMEM;
        json_object_put(o);
    } else {
        rc = batch(s, e->kind == EXEC_ENTRY_END ? RUN_END_NAME : e->name, e->data, e->len);
    }
    if (rc) {
        log_say(s->host->log, ERROR, "exec", "out of memory, output is lost",
                LOG_TEXT("stream", s->stream), LOG_NUM("bytes", e->len));
    }
    return rc || s->count >= EXEC_BATCH_MAX || s->bytes.len >= EXEC_BATCH_BYTES;
}

static void on_published(void *ctx, int rc, const char *position)
{
    struct exec_store *s = ctx;
    (void)position;
    s->is_in_flight = 0;
    if (!rc) {
        s->count = 0;
        buf_clear(&s->bytes);
    } else if (rc != ERR_CLOSED && rc != ERR_AGAIN && !s->was_told) {
        log_say(s->host->log, ERROR, "exec", "the output cannot be kept, the program waits",
                LOG_TEXT("stream", s->stream),
                LOG_TEXT("error", rc == ERR_RANGE ? "no room on disk" : "see above"));
    }
    s->was_told = rc != 0;
}

int exec_store_flush(void *ctx)
{
    struct exec_store *s = ctx;
    if (s->is_in_flight || s->count == 0) {
        return s->is_in_flight ? FLIGHT_MS : EXEC_GO_ON;
    }
    struct source_item *items = calloc(s->count, sizeof *items);
    if (!items) {
        return FAILED_MS;
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct exec_batched *b = &s->items[i];
        items[i] = (struct source_item){.name = b->has_name ? s->bytes.data + b->name : NULL,
                                        .data = s->bytes.data + b->data,
                                        .data_len = b->len};
    }
    struct source_publish p = {.items = items, .count = s->count, .done = on_published, .ctx = s};
    s->is_in_flight = 1;
    source_topic.publish(s->topic, &p);
    free(items);
    return s->is_in_flight ? FLIGHT_MS : s->count > 0 ? FAILED_MS : EXEC_GO_ON;
}

/* ---- the lock ---- */

int exec_store_lock(struct exec_store *s)
{
    if (s->lock_fd >= 0) {
        return 1;
    }
    int fd = open(s->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
        close(fd);
        fd = -1;
    }
    s->lock_fd = fd;
    return fd >= 0;
}

/* ---- life ---- */

int exec_store_is_empty(const struct exec_store *s)
{
    char head[SSE_POSITION_SIZE];
    source_topic.head(s->topic, head);
    return strcmp(head, JOURNAL_POSITION_START) == 0;
}

static void release(struct exec_store *s)
{
    if (s->lock_fd >= 0) {
        close(s->lock_fd);
    }
    free(s->lock_path);
    free(s->items);
    buf_fini(&s->bytes);
    conf_free(topic_settings_options, &s->settings);
}

/* The folder is made here: the lock stands in it before anything was published. */
static int prepare(struct exec_store *s, const struct source_setup *setup)
{
    struct journal_dir dir;
    int rc = journal_dir_init(&dir, setup->state_dir, setup->stream);
    if (rc) {
        return rc;
    }
    rc = journal_dir_make(&dir);
    s->items = calloc(EXEC_BATCH_MAX + 2, sizeof *s->items);
    if (asprintf(&s->lock_path, "%s/%s", dir.path, LOCK_NAME) < 0) {
        s->lock_path = NULL;
    }
    journal_dir_fini(&dir);
    return rc ? rc : s->items && s->lock_path ? 0 : ERR_NOMEM;
}

int exec_store_open(struct exec_store *s, const struct source_setup *setup, size_t keep_bytes,
                    const struct source_host *host, struct err *err)
{
    *s = (struct exec_store){.host = host, .stream = setup->stream, .lock_fd = -1};
    if (!setup->state_dir) {
        return err_set(err, ERR_IO, "state_dir: must be set, the journal stands there");
    }
    buf_init(&s->bytes, BATCH_LIMIT);
    int rc = conf_defaults(topic_settings_options, &s->settings, err);
    if (rc) {
        return rc;
    }
    s->settings.keep_bytes = (int64_t)keep_bytes;
    s->settings.max_event_bytes = JOURNAL_DATA_MAX;
    rc = prepare(s, setup);
    if (rc) {
        release(s);
        return err_set(err, rc, "the journal's folder cannot be made below state_dir");
    }
    s->live = (struct sse_out){.event = on_event, .gap = on_gap, .advance = on_advance, .ctx = s};
    s->own = *host;
    s->own.live = &s->live;
    struct source_setup own = *setup;
    own.settings = &s->settings;
    rc = source_topic.open(&s->topic, &own, &s->own, err);
    if (rc) {
        release(s);
    }
    return rc;
}

static void on_topic_closed(void *ctx)
{
    struct exec_store *s = ctx;
    release(s);
    s->closed(s->closed_ctx);
}

void exec_store_close(struct exec_store *s, void (*closed)(void *ctx), void *ctx)
{
    s->closed = closed;
    s->closed_ctx = ctx;
    source_topic.close(s->topic, on_topic_closed, s);
}

/* SPDX-License-Identifier: MIT */
/* tail_many: several logs in one stream. This file follows them; which there are is
 * tail_many_scan.c's, reading them again tail_many_pull.c's. */
#include "source/tail/many.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "sse/event.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARE_LEAST 4096 /* bytes of one log in one turn */

int tail_many_spell(struct tail_many *m, struct tail_many_place *p, char out[SSE_POSITION_SIZE])
{
    if (tail_many_print(p, out) == 0) {
        return 0;
    }
    int rc = tail_marks_put(&m->marks, p->items, p->count, &p->base);
    if (rc) {
        return rc;
    }
    if (!m->setup.state_dir && !m->was_forgetful) {
        m->was_forgetful = 1;
        log_say(m->setup.log, WARN, "tail",
                "so many files need state_dir to be set, for other processes to know positions",
                LOG_TEXT("stream", m->setup.stream), LOG_NUM("files", p->count));
    }
    return tail_many_print(p, out);
}

struct tail_mark *tail_many_find(struct tail_many_place *p, uint64_t tag)
{
    for (size_t i = 0; i < p->count; i++) {
        if (tail_many_is_tag(p, i, tag)) {
            return &p->items[i];
        }
    }
    return NULL;
}

/* ---- what the logs hand to live ---- */

/* The log has come to a position of its own. Without memory for a base the head stays: then the
 * event comes twice to those who resume there. */
static void move(struct tail_many_log *l, const char *position)
{
    struct tail_many *m = l->many;
    struct tail_position at;
    if (tail_position_parse(position, &at) || at.is_start) {
        return;
    }
    if (!l->mark) {
        assert(m->place.count < TAIL_MANY_MAX);
        l->mark = &m->place.items[m->place.count++];
        l->mark->tag = l->tag;
        m->place.like = 0;
    }
    tail_many_move(&m->place, l->mark, &at);
    (void)tail_many_spell(m, &m->place, m->head);
}

static int live_event(void *ctx, const struct sse_event *e)
{
    struct tail_many_log *l = ctx;
    const struct sse_out *live = l->many->setup.live;
    struct sse_event shown = *e;
    move(l, e->position);
    shown.position = l->many->head;
    if (l->one.style.format == LINE_FORMAT_TEXT) {
        shown.name = l->name;
    }
    return live->event(live->ctx, &shown);
}

static int live_gap(void *ctx, const struct sse_gap *gap)
{
    struct tail_many_log *l = ctx;
    const struct sse_out *live = l->many->setup.live;
    struct sse_gap shown = *gap;
    char detail[512];
    snprintf(detail, sizeof detail, "%.200s: %s", l->name, gap->detail ? gap->detail : gap->reason);
    move(l, gap->position);
    shown.position = l->many->head;
    shown.detail = detail;
    return live->gap(live->ctx, &shown);
}

static void live_advance(void *ctx, const char *position)
{
    struct tail_many_log *l = ctx;
    const struct sse_out *live = l->many->setup.live;
    move(l, position);
    live->advance(live->ctx, l->many->head);
}

/* ---- one log ---- */

void tail_many_log_free(struct tail_many_log *l)
{
    if (l) {
        tail_one_fini(&l->one);
        free(l->path);
        free(l->name);
        free(l);
    }
}

/* A name of its own is what events begin with that are not of a log. */
static char *event_name(const char *name)
{
    int is_reserved = strncmp(name, "stream.", 7) == 0;
    char *copy = malloc(strlen(name) + 3);
    if (copy) {
        sprintf(copy, "%s%s", is_reserved ? "./" : "", name);
    }
    return copy;
}

int tail_many_log_new(struct tail_many *m, const char *path, const char *name,
                      struct tail_many_log **out)
{
    const struct tail_many_setup *s = &m->setup;
    struct tail_many_log *l = calloc(1, sizeof *l);
    if (!l) {
        return ERR_NOMEM;
    }
    l->many = m;
    l->path = strdup(path);
    l->name = event_name(name);
    if (!l->path || !l->name) {
        free(l->path);
        free(l->name);
        free(l);
        return ERR_NOMEM;
    }
    l->tag = tail_many_tag(path);
    l->out = (struct sse_out){
        .event = live_event, .gap = live_gap, .advance = live_advance, .ctx = l};
    struct tail_one_setup setup = {.path = l->path,
                                   .follow = s->follow,
                                   .rotated = s->rotated,
                                   .max_line_bytes = s->max_line_bytes,
                                   .log = s->log,
                                   .out = &l->out,
                                   .style = s->style};
    setup.style.file = l->name;
    int rc = tail_one_init(&l->one, &setup);
    if (rc) {
        free(l->path);
        free(l->name);
        free(l);
        return rc;
    }
    l->one.core.has_hints = s->has_hints;
    l->is_due = 1;
    *out = l;
    return 0;
}

/* ---- following ---- */

void tail_many_changed(struct tail_many *m, const char *folder, const char *name, int is_moved)
{
    for (size_t i = 0; i < m->count; i++) {
        struct tail_many_log *l = m->logs[i];
        int is_there = strcmp(l->one.core.names.folder, folder) == 0;
        if (is_there && is_moved) {
            tail_log_moved(&l->one.core);
        }
        if (is_there && (is_moved || !name || strcmp(l->one.core.names.base, name) == 0)) {
            l->is_due = 1;
        }
    }
}

int tail_many_look(struct tail_many *m, size_t budget_bytes)
{
    size_t due = 0;
    int answer = TAIL_LOG_IDLE;
    for (size_t i = 0; i < m->count; i++) {
        due += (size_t)m->logs[i]->is_due;
    }
    size_t share = due ? budget_bytes / due : 0;
    size_t first = m->next++;
    for (size_t i = 0; i < m->count; i++) {
        struct tail_many_log *l = m->logs[(first + i) % m->count];
        if (!l->is_due) {
            continue;
        }
        int rc = tail_one_look(&l->one, share > SHARE_LEAST ? share : SHARE_LEAST);
        l->is_due = rc != TAIL_LOG_IDLE;
        if (rc == TAIL_LOG_BUSY) {
            answer = TAIL_LOG_BUSY;
        } else if (rc < 0 && answer != TAIL_LOG_BUSY) {
            answer = rc; /* the poll tries it again */
        }
    }
    return answer;
}

void tail_many_flush(struct tail_many *m)
{
    for (size_t i = 0; i < m->count; i++) {
        struct tail_many_log *l = m->logs[i];
        uint64_t pending = tail_log_pending(&l->one.core);
        if (pending && pending == l->pending) {
            tail_view_begin(&l->one.live);
            tail_log_flush(&l->one.core, pending);
            pending = 0;
        }
        l->pending = pending;
    }
}

/* ---- life ---- */

int tail_many_new(struct tail_many **out, const struct tail_many_setup *setup)
{
    struct tail_many *m = calloc(1, sizeof *m);
    if (!m) {
        return ERR_NOMEM;
    }
    m->setup = *setup;
    int rc = tail_marks_init(&m->marks, setup->stream, setup->state_dir, setup->log);
    if (!rc) {
        rc = tail_many_scan(m);
    }
    if (!rc) {
        rc = tail_many_spell(m, &m->place, m->head);
    }
    if (rc) {
        tail_many_free(m);
        return rc;
    }
    *out = m;
    return 0;
}

void tail_many_free(struct tail_many *m)
{
    if (!m) {
        return;
    }
    for (size_t i = 0; i < m->count; i++) {
        tail_many_log_free(m->logs[i]);
    }
    tail_base_unref(m->place.base);
    tail_base_unref(m->reading.base);
    tail_marks_fini(&m->marks);
    free(m);
}

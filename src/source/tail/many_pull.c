/* SPDX-License-Identifier: MIT */
/* tail_many_pull: the part of tail_many that reads its logs again, from a position up to the
 * head. */
#include "source/tail/many.h"

#include "base/err.h"
#include "source/source.h"

#include <stdio.h>
#include <string.h>

int tail_many_understands(const char *position)
{
    return tail_many_is_valid(position);
}

/* ---- a position's items, and the logs that there are ---- */

static const struct tail_many_log *log_of(const struct tail_many *m, size_t item)
{
    for (size_t i = 0; i < m->count; i++) {
        if (tail_many_is_tag(&m->reading, item, m->logs[i]->tag)) {
            return m->logs[i];
        }
    }
    return NULL;
}

static size_t count_unknown(const struct tail_many *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->reading.count; i++) {
        n += log_of(m, i) == NULL;
    }
    return n;
}

/* 1 when the log has a file of that generation. */
static int has_file(const struct tail_files *files, struct tail_label label)
{
    for (size_t i = 0; i < files->count; i++) {
        if (tail_label_equal(files->items[i]->label, label)) {
            return 1;
        }
    }
    return 0;
}

/* A log that the position does not know may be one that it knows by another name: then its file was
 * read up to there. `is_known` tells which of the items have a log, and is kept up to date. */
static int adopt(struct tail_many *m, const struct tail_many_log *l, char *is_known)
{
    struct tail_files files = {.items = NULL};
    struct tail_many_place *p = &m->reading;
    int rc = tail_files_scan(&l->one.core.names, &files);
    for (size_t i = 0; !rc && i < p->count; i++) {
        if (p->count < TAIL_MANY_MAX && has_file(&files, p->items[i].at.label)) {
            is_known[i] = 1;
            is_known[p->count] = 1;
            p->items[p->count++] = (struct tail_mark){.tag = l->tag, .at = p->items[i].at};
            break;
        }
    }
    tail_files_fini(&files);
    return rc == ERR_NOMEM ? rc : 0;
}

/* Brings the items of m->reading and the logs together: items without a log go. */
static int match_logs(struct tail_many *m, size_t *unknown)
{
    struct tail_many_place *p = &m->reading;
    char is_known[TAIL_MANY_MAX] = {0};
    char own[TAIL_MANY_MAX] = {0}; /* has its tag in full */
    size_t begun = p->count;
    for (size_t i = 0; i < begun; i++) {
        const struct tail_many_log *l = log_of(m, i);
        is_known[i] = own[i] = l != NULL;
        if (l) {
            p->items[i].tag = l->tag;
        }
    }
    p->has_short_tags = 0;
    for (size_t i = 0; i < m->count && begun > 0; i++) {
        int rc = tail_many_find(p, m->logs[i]->tag) ? 0 : adopt(m, m->logs[i], is_known);
        if (rc) {
            return rc;
        }
    }
    size_t kept = 0;
    *unknown = 0;
    for (size_t i = 0; i < p->count; i++) {
        *unknown += !is_known[i];
        if (i >= begun || own[i]) {
            p->items[kept++] = p->items[i];
        }
    }
    p->count = kept;
    p->like = 0;
    return 0;
}

int tail_many_read(struct tail_many *m, const char *position, size_t *unknown)
{
    struct tail_many_place *p = &m->reading;
    uint64_t name = tail_many_base_name(position);
    int rc = 0;
    if (name && m->place.base && m->place.base->name == name) {
        tail_base_ref(m->place.base);
        tail_base_unref(p->base);
        p->base = m->place.base;
    } else if (name && (!p->base || p->base->name != name)) {
        rc = tail_marks_get(&m->marks, name, &p->base);
    }
    if (!rc) {
        rc = tail_many_parse(position, p);
    }
    if (!rc && count_unknown(m) > 0) {
        /* Another process may have seen a new file sooner. */
        rc = tail_many_scan(m);
    }
    return rc ? rc : match_logs(m, unknown);
}

/* ---- pulling ---- */

/* One call of pull. */
struct pull {
    struct tail_many *many;
    struct tail_many_log *log; /* that is read now */
    struct tail_mark *mark;    /* its item; NULL until it has one */
    char *position;            /* the reader's */
    const struct sse_out *page;
    size_t budget;
    int has_stopped;   /* the page has had enough */
    int has_delivered; /* something */
};

/* The log's own position has come to `own`. */
static void move(struct pull *p, const char *own)
{
    struct tail_many_place *place = &p->many->reading;
    struct tail_position at;
    if (tail_position_parse(own, &at) || at.is_start) {
        return;
    }
    if (!p->mark) {
        p->mark = &place->items[place->count++];
        *p->mark = (struct tail_mark){.tag = p->log->tag};
        place->like = 0;
    }
    struct tail_mark *mark = p->mark;
    int is_near = tail_label_equal(mark->at.label, at.label) && at.offset > mark->at.offset;
    uint64_t used = is_near ? at.offset - mark->at.offset : 1;
    p->budget -= used < p->budget ? (size_t)used : p->budget;
    tail_many_move(place, mark, &at);
    p->has_delivered = 1;
    (void)tail_many_spell(p->many, place, p->position);
}

static int pull_event(void *ctx, const struct sse_event *e)
{
    struct pull *p = ctx;
    struct sse_event shown = *e;
    move(p, e->position);
    shown.position = p->position;
    if (p->log->one.style.format == LINE_FORMAT_TEXT) {
        shown.name = p->log->name;
    }
    p->has_stopped = p->page->event(p->page->ctx, &shown);
    return p->has_stopped;
}

static int pull_gap(void *ctx, const struct sse_gap *gap)
{
    struct pull *p = ctx;
    struct sse_gap shown = *gap;
    char detail[512];
    snprintf(detail, sizeof detail, "%.200s: %s", p->log->name,
             gap->detail ? gap->detail : gap->reason);
    move(p, gap->position);
    shown.position = p->position;
    shown.detail = detail;
    p->has_stopped = p->page->gap(p->page->ctx, &shown);
    return p->has_stopped;
}

static void pull_advance(void *ctx, const char *position)
{
    struct pull *p = ctx;
    move(p, position);
    p->page->advance(p->page->ctx, p->position);
}

static int tell_gap(struct pull *p, const char *reason, const char *detail)
{
    struct sse_gap gap = {.position = p->position,
                          .reason = reason,
                          .detail = detail,
                          .bytes = -1,
                          .events = -1};
    p->has_stopped = p->page->gap(p->page->ctx, &gap);
    return p->has_stopped;
}

static int at_head(struct pull *p)
{
    memcpy(p->position, p->many->head, sizeof p->many->head);
    return SOURCE_HEAD;
}

/* Reads one log on. Answers as tail_log_pull. */
static int pull_log(struct pull *p, struct tail_many_log *l)
{
    struct tail_mark *mark = tail_many_find(&p->many->reading, l->tag);
    struct tail_position head = {.is_start = 1};
    char own[SSE_POSITION_SIZE] = TAIL_POSITION_START;
    struct sse_out out = {.event = pull_event,
                          .gap = pull_gap,
                          .advance = pull_advance,
                          .ctx = p,
                          .wants_all = p->page->wants_all};
    if (mark) {
        tail_position_print(&mark->at, own);
    }
    tail_position_parse(tail_one_head(&l->one), &head);
    if (mark ? tail_position_equal(&mark->at, &head) : head.is_start) {
        return SOURCE_HEAD;
    }
    p->log = l;
    p->mark = mark;
    int rc = tail_one_pull(&l->one, own, &out, p->budget);
    int had_delivered = p->has_delivered;
    move(p, own); /* it may have moved without an event */
    p->has_delivered = had_delivered;
    return rc;
}

/* Reads all of them on, each up to its own head. */
static int pull_logs(struct pull *p)
{
    struct tail_many *m = p->many;
    size_t first = m->next_pull++;
    int failed = 0;
    int is_more = 0;
    for (size_t i = 0; i < m->count; i++) {
        int rc = pull_log(p, m->logs[(first + i) % m->count]);
        if (rc == ERR_NOMEM) {
            return rc;
        }
        failed = rc < 0 ? rc : failed;
        is_more |= rc == SOURCE_MORE;
        if (p->has_stopped || p->budget == 0) {
            is_more |= i + 1 < m->count;
            break;
        }
    }
    if (is_more || (failed && p->has_delivered)) {
        return SOURCE_MORE;
    }
    return failed ? failed : at_head(p);
}

int tail_many_pull(struct tail_many *m, char position[SSE_POSITION_SIZE],
                   const struct sse_out *page, size_t budget_bytes)
{
    struct pull p = {.many = m, .position = position, .page = page, .budget = budget_bytes};
    size_t unknown;
    if (strcmp(position, m->head) == 0) {
        return SOURCE_HEAD;
    }
    int rc = tail_many_read(m, position, &unknown);
    if (rc == ERR_NOMEM) {
        return rc;
    }
    if (rc) {
        int answer = at_head(&p);
        tell_gap(&p, "unknown-position",
                 "what this position refers to is not kept any more; the stream goes on from now");
        return answer;
    }
    if (unknown > 0) {
        rc = tail_many_spell(m, &m->reading, position);
        if (rc) {
            return rc;
        }
        if (tell_gap(&p, "rotated-away", "a file that this position knows is gone")) {
            return SOURCE_MORE;
        }
    }
    return pull_logs(&p);
}

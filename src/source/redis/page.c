/* SPDX-License-Identifier: MIT */
/* redis_page: what follows a position, as events and gaps. */
#include "source/redis/page.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_FIRST 16

static const struct redis_id id_zero;

void redis_page_init(struct redis_page *p)
{
    *p = (struct redis_page){.count = 0};
    buf_init(&p->bytes, REDIS_PAGE_BYTES + 2 * (REDIS_DATA_MAX + 2));
}

void redis_page_fini(struct redis_page *p)
{
    buf_fini(&p->bytes);
    free(p->steps);
    *p = (struct redis_page){.count = 0};
}

static struct redis_step *add_step(struct redis_page *p)
{
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : STEPS_FIRST;
        struct redis_step *steps = realloc(p->steps, cap * sizeof *steps);
        if (!steps) {
            return NULL;
        }
        p->steps = steps;
        p->cap = cap;
    }
    return &p->steps[p->count++];
}

/* Tells that something is missing; the stream goes on at p->at. */
static int add_gap(struct redis_page *p, const char *reason, const char *detail, uint64_t events)
{
    struct redis_step *s = add_step(p);
    if (!s) {
        return ERR_NOMEM;
    }
    *s = (struct redis_step){.at = p->at,
                             .reason = reason,
                             .detail = detail,
                             .bytes = -1,
                             .events = events > 0 ? (int64_t)events : -1};
    return 0;
}

/* ---- where it begins ---- */

static void go_to(struct redis_page *p, const struct redis_mark *mark, struct redis_id id)
{
    p->at = (struct redis_position){.kind = REDIS_PLACE, .mark = *mark, .id = id};
    p->has_base = 1;
}

static int say_replaced(struct redis_page *p)
{
    const struct redis_facts *f = &p->facts;
    p->at = (struct redis_position){.kind = f->has_store ? REDIS_NUMBER : REDIS_START, .mark = f->last};
    p->at.mark.n = p->at.mark.epoch = 0;
    return add_gap(p, "replaced", "the store was emptied, and begun anew", 0);
}

/* The position belongs to a history that is gone: it goes on where the next epoch begins, all of which is new. */
static int begin_epoch(struct redis_page *p, const struct redis_mark *from)
{
    const struct redis_facts *f = &p->facts;
    struct redis_mark mark = *from;
    mark.epoch++;
    mark.n = f->begun_n;
    go_to(p, &mark, f->ended_id);
    if (from->n == f->begun_n) {
        return 0; /* it has all that was lost */
    }
    /* Where it had more, numbers were used again, and nobody knows how many. */
    uint64_t missing = from->n < f->begun_n ? f->begun_n - from->n : 0;
    return add_gap(p, "truncated", "the server lost its newest events", missing);
}

static int begin_at_start(struct redis_page *p)
{
    struct redis_mark mark = p->facts.last;
    if (!p->facts.has_store) {
        p->at = (struct redis_position){.kind = REDIS_START};
        return 1;
    }
    mark.n = mark.epoch = 0;
    go_to(p, &mark, id_zero);
    return 1;
}

/* The position names an event or a place in this store. */
static int begin_behind(struct redis_page *p, const struct redis_position *from)
{
    const struct redis_facts *f = &p->facts;
    struct redis_mark mark = from->mark;
    int is_exact = from->kind == REDIS_EVENT && f->is_here && f->has_here_mark
                   && redis_mark_equal(&f->here, &mark);
    if (is_exact) {
        go_to(p, &mark, from->id);
        p->at.kind = REDIS_EVENT;
        return 1;
    }
    if (from->kind == REDIS_EVENT && f->is_here && f->has_here_mark
        && redis_is_same_store(&f->here, &mark)) {
        go_to(p, &f->here, from->id);
        return add_gap(p, "truncated", "another event has its place", 0);
    }
    if (mark.epoch < f->last.epoch && f->has_ended && mark.n > f->ended_n) {
        return begin_epoch(p, &mark);
    }
    go_to(p, &mark, from->id);
    return 1;
}

int redis_page_begin(struct redis_page *p, const struct redis_position *from,
                     const struct redis_facts *facts)
{
    p->from = p->at = *from;
    p->facts = *facts;
    switch (from->kind) {
    case REDIS_START:
        return begin_at_start(p);
    case REDIS_TIME:
    case REDIS_LAST:
        return 1;
    case REDIS_NUMBER:
        return facts->has_store && redis_is_same_store(&from->mark, &facts->last) ? 1
                                                                                  : say_replaced(p);
    case REDIS_EVENT:
    case REDIS_PLACE:
    case REDIS_JOURNAL:
        break;
    }
    if (!facts->has_store || !redis_is_same_store(&from->mark, &facts->last)) {
        return say_replaced(p);
    }
    return begin_behind(p, from);
}

void redis_page_follow(struct redis_page *p, const struct redis_position *head)
{
    p->from = p->at = *head;
    p->facts = (struct redis_facts){.has_store = 1, .last = head->mark, .last_id = head->id};
    p->facts.last.n = UINT64_MAX; /* more may come */
    p->has_base = 1;
}

/* ---- entries ---- */

/* Entries that are no events of ours were passed. */
static int say_foreign(struct redis_page *p)
{
    uint64_t count = p->foreign;
    p->foreign = 0;
    return count > 0 ? add_gap(p, "damaged", "entries that are not as published here", count) : 0;
}

static int say_missing(struct redis_page *p, const struct redis_entry *e)
{
    const struct redis_facts *f = &p->facts;
    uint64_t from = p->at.mark.n + 1, count = e->mark.n - from;
    int is_oldest = f->has_first && redis_id_order(f->first_id, e->id) == 0;
    int is_expired = is_oldest && f->deleted_n < from;
    int is_lost = e->mark.epoch > p->at.mark.epoch && f->deleted_n < from;
    if (count == 0) {
        return 0;
    }
    p->at.kind = REDIS_PLACE;
    p->at.mark.n += count;
    p->at.mark.epoch = e->mark.epoch; /* the number may be beyond the end of the one before */
    if (is_expired) {
        return add_gap(p, "expired", "events were trimmed before they were read", count);
    }
    return is_lost ? add_gap(p, "truncated", "the server lost its newest events", count)
                   : add_gap(p, "deleted", "events were deleted", count);
}

static int add_event(struct redis_page *p, const struct redis_entry *e)
{
    struct redis_step s = {.at = {.kind = REDIS_EVENT, .mark = e->mark, .id = e->id},
                           .bytes = -1,
                           .events = -1,
                           .has_name = e->name != NULL,
                           .name = p->bytes.len,
                           .data_len = e->data_len};
    int rc = e->name ? buf_append(&p->bytes, e->name, e->name_len) : 0;
    rc = rc ? rc : buf_append_char(&p->bytes, '\0');
    s.data = p->bytes.len;
    rc = rc ? rc : buf_append(&p->bytes, e->data, e->data_len);
    struct redis_step *step = rc ? NULL : add_step(p);
    if (!step) {
        p->bytes.len = s.name;
        return rc ? rc : ERR_NOMEM;
    }
    p->at = s.at;
    *step = s;
    return 0;
}

static int say_unfit(struct redis_page *p, const struct redis_entry *e)
{
    p->at = (struct redis_position){.kind = REDIS_EVENT, .mark = e->mark, .id = e->id};
    int rc = e->size > REDIS_DATA_MAX
                 ? add_gap(p, "too-large", "an event is larger than can be sent", 1)
                 : add_gap(p, "damaged", "an event has no data", 1);
    if (!rc) {
        p->steps[p->count - 1].bytes = (int64_t)e->size;
    }
    return rc;
}

static int is_ours(const struct redis_page *p, const struct redis_entry *e)
{
    return e->has_mark && p->facts.has_store && redis_is_same_store(&e->mark, &p->facts.last)
           && e->mark.n > 0 && (!p->has_base || e->mark.n > p->at.mark.n);
}

/* It was looked for by number: the search ends a little before. */
static int is_sought(const struct redis_page *p)
{
    return (p->from.kind == REDIS_NUMBER || p->from.kind == REDIS_LAST)
           && (!p->has_base || p->at.mark.n < p->facts.sought_n);
}

/* Nobody was promised what comes before the first event that was asked for. */
static void find_base(struct redis_page *p, const struct redis_entry *e)
{
    if (!p->has_base || is_sought(p)) {
        struct redis_mark mark = e->mark;
        mark.n--;
        p->foreign = 0;
        go_to(p, &mark, p->has_base ? p->at.id : id_zero);
    }
}

int redis_page_add(struct redis_page *p, const struct redis_entry *e)
{
    if (is_ours(p, e) && is_sought(p) && e->mark.n <= p->facts.sought_n) {
        go_to(p, &e->mark, e->id);
        return 0;
    }
    if (!is_ours(p, e)) {
        p->foreign++;
        if (p->has_base) {
            p->at.kind = REDIS_PLACE;
            p->at.id = e->id;
        } else if (p->at.kind != REDIS_START) {
            p->at = (struct redis_position){.kind = REDIS_TIME, .ms = e->id.ms};
        }
        return 0;
    }
    find_base(p, e);
    size_t before = p->count;
    int rc = say_foreign(p);
    rc = rc ? rc : say_missing(p, e);
    rc = rc ? rc : e->data ? add_event(p, e) : say_unfit(p, e);
    return rc == ERR_LIMIT && before > 0 ? rc : rc ? ERR_NOMEM : 0;
}

int redis_page_is_next(const struct redis_page *p, const struct redis_entry *e)
{
    return is_ours(p, e) && e->data && e->mark.epoch == p->at.mark.epoch
           && e->mark.n == p->at.mark.n + 1;
}

/* ---- the end ---- */

/* Events that were there are not, and none comes after them. */
static int say_missing_at_end(struct redis_page *p)
{
    const struct redis_facts *f = &p->facts;
    if (!f->has_store || p->at.kind == REDIS_START || p->at.mark.n >= f->last.n) {
        return 0;
    }
    uint64_t count = f->last.n - p->at.mark.n;
    p->at.kind = REDIS_PLACE;
    p->at.mark = f->last;
    p->at.id = redis_id_order(p->at.id, f->last_id) > 0 ? p->at.id : f->last_id;
    return add_gap(p, "deleted", "events were deleted", count);
}

int redis_page_finish(struct redis_page *p, int is_more)
{
    if (!p->has_base && !is_more) {
        p->foreign = 0;
        if (p->facts.has_store) {
            go_to(p, &p->facts.last, p->facts.last_id);
        } else {
            p->at = (struct redis_position){.kind = REDIS_START};
        }
    }
    int rc = p->has_base ? say_foreign(p) : 0;
    p->is_end = !is_more;
    return rc || is_more ? rc : say_missing_at_end(p);
}

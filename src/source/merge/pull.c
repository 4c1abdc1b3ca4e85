/* SPDX-License-Identifier: MIT */
/* merge_pull: the members' history as the merge's, and what both ways of an event share. */
#include "source/merge/internal.h"

#include "base/err.h"
#include "source/merge/wrap.h"

#include <string.h>

/* --- what is handed on --------------------------------------------------------------------- */

int merge_pass_gap(struct merge *m, size_t member, const struct sse_gap *gap, const char *position,
                   const struct sse_out *to)
{
    struct sse_gap mine = *gap;
    mine.position = position;
    mine.stream = m->members[member].name;
    return to->gap(to->ctx, &mine);
}

/* `rc` is that of making its JSON. */
static int pass_json(struct merge *m, size_t member, struct sse_event *e, int rc,
                     const struct sse_out *to)
{
    int answer;
    if (rc) {
        struct sse_gap gap = {.reason = rc == ERR_LIMIT ? "too-large" : "no-memory",
                              .bytes = (int64_t)e->data_len, .events = 1};
        answer = merge_pass_gap(m, member, &gap, e->position, to);
    } else {
        e->data = m->json.data;
        e->data_len = m->json.len;
        answer = to->event(to->ctx, e);
    }
    if (m->json.cap > MERGE_WRAP_KEEP_BYTES) {
        buf_fini(&m->json);
    }
    return answer;
}

int merge_pass_event(struct merge *m, size_t member, const struct sse_event *e,
                     const char *position, const struct sse_out *to)
{
    struct sse_event mine = *e;
    mine.position = position;
    if (m->is_raw) {
        return to->event(to->ctx, &mine);
    }
    buf_clear(&m->json);
    return pass_json(m, member, &mine, merge_wrap_event(m->members[member].name, e, &m->json), to);
}

int merge_pass_end(struct merge *m, size_t member, const char *data, const char *position,
                   const struct sse_out *to)
{
    struct sse_event e = {.position = position, .name = "stream.member_end"};
    buf_clear(&m->json);
    return pass_json(m, member, &e, merge_wrap_object(m->members[member].name, data, &m->json), to);
}

/* --- history ------------------------------------------------------------------------------- */

/* One pull: where the reader stands, and whose page it is just now. */
struct page {
    struct merge *m;
    const struct sse_out *to;
    struct merge_place at;
    struct merge_base base;
    size_t member;
    int is_full;   /* the page said stop */
    int is_moved;  /* `at` is not what it was at first */
    int has_shown; /* the page got something */
    char text[SSE_POSITION_SIZE];
};

static const char *move(struct page *p, const char *position)
{
    char *at = p->at.parts[p->member].at;
    if (strcmp(at, position) != 0) {
        memcpy(at, position, strlen(position) + 1);
        p->at.is_over = 0;
        p->is_moved = 1;
    }
    merge_print(p->m, &p->at, &p->base, p->text);
    return p->text;
}

static int page_event(void *ctx, const struct sse_event *e)
{
    struct page *p = ctx;
    p->has_shown = 1;
    p->is_full |= merge_pass_event(p->m, p->member, e, move(p, e->position), p->to);
    return p->is_full;
}

static int page_gap(void *ctx, const struct sse_gap *gap)
{
    struct page *p = ctx;
    p->has_shown = 1;
    p->is_full |= merge_pass_gap(p->m, p->member, gap, move(p, gap->position), p->to);
    return p->is_full;
}

static void page_advance(void *ctx, const char *position)
{
    struct page *p = ctx;
    p->to->advance(p->to->ctx, move(p, position));
}

static void page_end(void *ctx, const char *position, const char *data)
{
    struct page *p = ctx;
    p->has_shown = 1;
    p->is_full |= merge_pass_end(p->m, p->member, data, move(p, position), p->to);
}

/* The member's stream has become another since this position was given. */
static void tell_unknown(struct page *p, const char *head)
{
    struct sse_gap gap = {.position = head, .reason = "unknown-position",
                          .detail = "the position is not one of this stream's; it goes on from now",
                          .bytes = -1, .events = -1};
    (void)page_gap(p, &gap);
}

/* One member's history, up to its head. Answers as pull() does. */
static int pull_member(struct page *p, size_t i, size_t budget_bytes)
{
    struct source *member = p->m->members[i].source;
    const char *head = p->m->head.parts[i].at;
    char position[SSE_POSITION_SIZE];
    struct sse_out out = {.event = page_event, .gap = page_gap, .advance = page_advance,
                          .end = page_end, .ctx = p};
    p->member = i;
    memcpy(position, p->at.parts[i].at, sizeof position);
    if (!member->type->understands(member, position)) {
        tell_unknown(p, head);
        return p->is_full ? SOURCE_MORE : SOURCE_HEAD;
    }
    int answer = member->type->pull(member, position, &out, budget_bytes);
    if (answer == SOURCE_HEAD) {
        memcpy(position, head, sizeof position);
    }
    if (strcmp(position, p->at.parts[i].at) != 0) {
        memcpy(p->at.parts[i].at, position, sizeof position);
        p->at.is_over = 0;
        p->is_moved = 1;
    }
    return p->is_full && answer > 0 ? SOURCE_MORE : answer;
}

/* What the members' answers come to. `waits` is 0, or the answer of one that has to wait. */
static int conclude(struct page *p, size_t ended, int waits, char position[SSE_POSITION_SIZE])
{
    struct merge *m = p->m;
    if (waits) {
        if (p->is_moved) {
            merge_print(m, &p->at, &p->base, position);
        }
        /* A reader that got nothing would go on from its old position. */
        return p->is_moved && !p->has_shown ? SOURCE_MORE : waits;
    }
    if (ended < m->count) {
        p->at.is_over = 0;
    } else if (!p->at.is_over) {
        p->at.is_over = 1;
        merge_print(m, &p->at, &p->base, position);
        p->to->end(p->to->ctx, position, NULL);
    }
    if (merge_place_equal(&p->at, &m->head)) {
        memcpy(position, m->head_text, sizeof m->head_text);
    } else {
        merge_print(m, &p->at, &p->base, position);
    }
    return ended == m->count ? SOURCE_END : SOURCE_HEAD;
}

/* Nobody can tell any more what the position was. */
static int go_on_from_now(struct merge *m, char position[SSE_POSITION_SIZE],
                          const struct sse_out *page)
{
    memcpy(position, m->head_text, sizeof m->head_text);
    struct sse_gap gap = {.position = position, .reason = "unknown-position",
                          .detail = "the position is not known any more; the stream goes on from now",
                          .bytes = -1, .events = -1};
    (void)page->gap(page->ctx, &gap);
    return SOURCE_HEAD;
}

int merge_pull(struct source *s, char position[SSE_POSITION_SIZE], const struct sse_out *page,
               size_t budget_bytes)
{
    struct merge *m = (struct merge *)s;
    struct page p = {.m = m, .to = page};
    size_t ended = 0;
    int waits = 0;
    int rc = merge_read(m, position, &p.at, &p.base);
    if (rc) {
        return rc == ERR_NOMEM ? rc : go_on_from_now(m, position, page);
    }
    /* Each pull begins with another member, so that a busy one does not keep the rest waiting. */
    size_t first = m->turn++;
    for (size_t k = 0; k < m->count; k++) {
        int answer = pull_member(&p, (first + k) % m->count, budget_bytes);
        if (answer == SOURCE_MORE) {
            merge_print(m, &p.at, &p.base, position);
            return SOURCE_MORE;
        }
        if (answer == ERR_NOMEM) {
            return answer;
        }
        ended += answer == SOURCE_END;
        /* The others' events need not wait for one that does. What is broken is told first. */
        if (answer != SOURCE_HEAD && answer != SOURCE_END && waits != ERR_IO) {
            waits = answer;
        }
    }
    return conclude(&p, ended, waits, position);
}

/* SPDX-License-Identifier: MIT */
/* redis_history: pages for readers that are not live. What is not there is asked for, and the reader waits
 * until it has come. */
#include "source/redis/stream.h"

#include "base/clock.h"
#include "base/err.h"

#include <string.h>

static int64_t now_ms(const struct redis_stream *t)
{
    return t->host->clock->mono_ms(t->host->clock);
}

static int is_placed(const struct redis_position *p)
{
    return p->kind == REDIS_EVENT || p->kind == REDIS_PLACE;
}

/* 1 when the live side has not come to this yet. */
static int is_beyond_head(const struct redis_stream *t, const struct redis_position *p)
{
    const struct redis_position *head = &t->head;
    if (!is_placed(p)) {
        return 0;
    }
    return !is_placed(head) || !redis_is_same_store(&p->mark, &head->mark)
           || p->mark.epoch > head->mark.epoch || p->mark.n > head->mark.n
           || (p->mark.n == head->mark.n && redis_id_order(p->id, head->id) > 0);
}

/* 1 when both are the end of the same store. */
static int is_end_at_head(const struct redis_stream *t, const struct redis_position *p)
{
    const struct redis_position *head = &t->head;
    if (!is_placed(p) || !is_placed(head)) {
        return p->kind == REDIS_START && head->kind == REDIS_START;
    }
    return redis_is_same_store(&p->mark, &head->mark) && p->mark.n == head->mark.n;
}

static void on_answer(struct redis_stream *t, uint64_t ticket, int rc, struct redis_page *page)
{
    struct redis_slot *slot = redis_pages_asked(&t->pages, ticket);
    if (!slot) {
        if (!rc) {
            redis_page_fini(page);
        }
        return;
    }
    slot->since_ms = now_ms(t);
    if (rc) {
        slot->state = REDIS_SLOT_FAILED;
        slot->rc = rc == ERR_CLOSED ? ERR_AGAIN : rc == ERR_NOMEM ? rc : ERR_IO;
    } else {
        slot->state = REDIS_SLOT_READY;
        slot->page = *page;
    }
    redis_live_wake(t);
}

static int wait_for(struct redis_stream *t)
{
    t->has_waiters = 1;
    return ERR_AGAIN;
}

/* Asks what follows the position. Answers ERR_AGAIN as pull() does. */
static int ask(struct redis_stream *t, const struct redis_position *from)
{
    struct redis_slot *slot = redis_server_is_up(t->server)
                                  ? redis_pages_take(&t->pages, from, now_ms(t))
                                  : NULL;
    if (slot && redis_question_ask(t, from, slot->ticket, on_answer)) {
        redis_pages_drop(slot);
    }
    return wait_for(t);
}

/* The live side has to come up to the page first; or the page is of a store that is no more, and another one
 * is asked for the next time. */
static int wait_for_head(struct redis_stream *t, struct redis_slot *slot, int has_moved)
{
    redis_live_check(t);
    if (has_moved) {
        return SOURCE_MORE;
    }
    if (slot->was_used) {
        redis_pages_drop(slot);
    }
    return wait_for(t);
}

/* The page is through. Answers as pull(). */
static int finish(struct redis_stream *t, struct redis_slot *slot, char position[SSE_POSITION_SIZE],
                  int has_moved)
{
    struct redis_position at = slot->page.at;
    int is_new = !redis_position_equal(&at, &slot->from) || has_moved;
    if (is_beyond_head(t, &at)) {
        return wait_for_head(t, slot, has_moved);
    }
    if (slot->page.is_end && is_end_at_head(t, &at)) {
        memcpy(position, t->head_text, sizeof t->head_text);
        return SOURCE_HEAD;
    }
    int is_fresh = !slot->was_used;
    if (slot->page.is_end) {
        redis_pages_drop(slot); /* the stream went on, or has less than was handed out live */
        if (is_fresh && !has_moved) {
            redis_live_check(t);
            return wait_for(t);
        }
    }
    if (!is_new) {
        return ask(t, &at);
    }
    redis_position_print(&at, position);
    return SOURCE_MORE;
}

/* The number where a page of redis_before() ends; UINT64_MAX: nowhere. */
static uint64_t number_wanted(const struct redis_stream *t, const struct sse_out *page)
{
    struct redis_position until;
    int is_number = page->until && redis_position_parse(page->until, &until) == 0
                    && until.kind == REDIS_NUMBER && is_placed(&t->head)
                    && redis_is_same_store(&until.mark, &t->head.mark);
    return is_number ? until.mark.n : UINT64_MAX;
}

/* Hands out the steps from `step` on. Answers as pull(). */
static int hand_page(struct redis_stream *t, struct redis_slot *slot, size_t step,
                     char position[SSE_POSITION_SIZE], const struct sse_out *page,
                     size_t budget_bytes)
{
    size_t used = 0;
    int has_moved = 0;
    uint64_t wanted = number_wanted(t, page);
    for (; step < slot->page.count; step++) {
        const struct redis_step *s = &slot->page.steps[step];
        if (is_beyond_head(t, &s->at)) {
            return wait_for_head(t, slot, has_moved);
        }
        if (!s->reason && s->at.mark.n > wanted) {
            page->advance(page->ctx, page->until); /* the last one wanted is not there any more */
            return SOURCE_MORE;
        }
        redis_position_print(&s->at, position);
        has_moved = 1;
        used += s->data_len + sizeof *s;
        int is_stopped = redis_step_hand(&slot->page, s, position, page);
        if (is_placed(&s->at) && s->at.mark.n >= wanted) {
            page->advance(page->ctx, page->until);
            return SOURCE_MORE;
        }
        if (strcmp(position, t->head_text) == 0) {
            return SOURCE_HEAD;
        }
        if (is_stopped || used >= budget_bytes) {
            return SOURCE_MORE;
        }
    }
    return finish(t, slot, position, has_moved);
}

int redis_history_pull(struct redis_stream *t, char position[SSE_POSITION_SIZE],
                       const struct sse_out *page, size_t budget_bytes)
{
    struct redis_position from;
    size_t step = 0;
    if (strcmp(position, t->head_text) == 0) {
        return SOURCE_HEAD;
    }
    if (redis_position_parse(position, &from)) {
        from = (struct redis_position){.kind = REDIS_START};
    }
    if (t->head.kind == REDIS_TIME) {
        return wait_for(t); /* nobody knows yet where the end is */
    }
    struct redis_slot *slot = redis_pages_find(&t->pages, &from, &step);
    if (!slot) {
        return ask(t, &from);
    }
    if (slot->state == REDIS_SLOT_ASKED) {
        return wait_for(t);
    }
    if (slot->state == REDIS_SLOT_FAILED) {
        int rc = slot->rc;
        redis_pages_drop(slot);
        return rc == ERR_AGAIN ? wait_for(t) : rc;
    }
    int rc = hand_page(t, slot, step, position, page, budget_bytes);
    slot->was_used |= slot->state == REDIS_SLOT_READY;
    return rc;
}

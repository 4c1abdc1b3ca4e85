/* SPDX-License-Identifier: MIT */
/* redis_live: what is new: asked for once, after every connect and where news do not fit, and followed by the
 * server's XREAD from there on. */
#include "source/redis/stream.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "source/redis/reply.h"

#include <string.h>

static int64_t now_ms(const struct redis_stream *t)
{
    return t->host->clock->mono_ms(t->host->clock);
}

void redis_live_note(struct redis_stream *t, const struct redis_mark *mark)
{
    if (!redis_is_same_store(mark, &t->newest) || mark->n > t->newest.n) {
        t->newest = *mark;
    }
}

void redis_live_set_head(struct redis_stream *t, const struct redis_position *at)
{
    t->head = *at;
    redis_position_print(at, t->head_text);
    if (at->kind == REDIS_EVENT) {
        redis_live_note(t, &at->mark);
    }
}

void redis_live_wake(struct redis_stream *t)
{
    if (t->has_waiters && t->host->ready) {
        t->has_waiters = 0;
        t->host->ready(t->host->ready_ctx);
    }
}

int redis_step_hand(const struct redis_page *p, const struct redis_step *step, const char *position,
                    const struct sse_out *out)
{
    if (step->reason) {
        struct sse_gap gap = {.position = position,
                              .reason = step->reason,
                              .detail = step->detail,
                              .bytes = step->bytes,
                              .events = step->events};
        return out->gap(out->ctx, &gap);
    }
    struct sse_event event = {.position = position,
                              .name = step->has_name ? p->bytes.data + step->name : NULL,
                              .data = p->bytes.data + step->data,
                              .data_len = step->data_len};
    return out->event(out->ctx, &event);
}

/* ---- handing out ---- */

static void on_turn(uv_timer_t *timer)
{
    redis_live_go_on(timer->data);
}

static void look_later(struct redis_stream *t, uint64_t wait_ms)
{
    uv_timer_start(&t->turn, on_turn, wait_ms, 0);
}

static void forget_news(struct redis_stream *t)
{
    if (t->is_handing) {
        t->is_handing = 0;
        redis_page_fini(&t->news);
    }
}

/* All of the page was handed out: the head is where it leads to. */
static void finish_news(struct redis_stream *t)
{
    struct redis_position at = t->news.at;
    struct redis_id after = at.id;
    const struct sse_out *live = t->host->live;
    int needs_more = t->needs_more;
    if (at.kind == REDIS_START || at.mark.n > t->news.facts.last.n) {
        /* Only entries of others are there; or the newest were lost, and what comes next may have a lower
         * id than ours. */
        after = t->news.facts.newest_id;
    }
    forget_news(t);
    if (!redis_position_equal(&at, &t->head)) {
        redis_live_set_head(t, &at);
        if (live->advance) {
            live->advance(live->ctx, t->head_text);
        }
    }
    if (needs_more) {
        redis_live_ask(t);
    } else {
        redis_server_follow(t->server, &t->user, after);
    }
}

void redis_live_go_on(struct redis_stream *t)
{
    const struct sse_out *live = t->host->live;
    if (!t->is_handing) {
        redis_live_ask(t);
        return;
    }
    while (t->at < t->news.count) {
        const struct redis_step *step = &t->news.steps[t->at++];
        redis_live_set_head(t, &step->at);
        if (redis_step_hand(&t->news, step, t->head_text, live)) {
            look_later(t, 0);
            redis_live_wake(t);
            return;
        }
    }
    finish_news(t);
    redis_live_wake(t);
}

/* Takes the page over. */
static void hand_out(struct redis_stream *t, const struct redis_page *page, int needs_more)
{
    t->news = *page;
    t->at = 0;
    t->is_handing = 1;
    t->needs_more = needs_more;
    redis_live_go_on(t);
}

/* ---- asking ---- */

static void on_answer(struct redis_stream *t, uint64_t ticket, int rc, struct redis_page *page)
{
    if (ticket != t->round) {
        if (!rc) {
            redis_page_fini(page);
        }
        return;
    }
    t->is_asking = 0;
    t->is_unreadable = rc != 0;
    if (rc == ERR_CLOSED) {
        return; /* asked again when the server is back */
    }
    if (rc) {
        if (rc != ERR_IO) {
            log_say(t->host->log, WARN, "redis", "the answer cannot be used",
                    LOG_TEXT("key", t->key), LOG_NUM("error", rc));
        }
        look_later(t, REDIS_RETRY_MS);
        return;
    }
    t->was_told = 0;
    t->checked_ms = now_ms(t);
    hand_out(t, page, !page->is_end);
}

void redis_live_ask(struct redis_stream *t)
{
    if (t->is_asking || t->is_handing || t->is_closing || !redis_server_is_up(t->server)) {
        return;
    }
    t->user.is_following = 0;
    uv_timer_stop(&t->turn);
    if (redis_question_ask(t, &t->head, ++t->round, on_answer)) {
        look_later(t, REDIS_RETRY_MS);
    } else {
        t->is_asking = 1;
    }
}

void redis_live_check(struct redis_stream *t)
{
    if (now_ms(t) - t->checked_ms >= REDIS_CHECK_LEAST_MS) {
        redis_live_ask(t);
    }
}

void redis_live_news(struct redis_stream *t, const struct redisReply *entries)
{
    struct redis_page page;
    int is_known = t->head.kind == REDIS_EVENT || t->head.kind == REDIS_PLACE;
    if (!is_known) {
        redis_live_ask(t);
        return;
    }
    redis_page_init(&page);
    int rc = redis_reply_news(entries, &t->head, &page);
    if (rc < 0) {
        redis_page_fini(&page);
        redis_live_ask(t);
        return;
    }
    hand_out(t, &page, rc);
}

/* ---- the server ---- */

void redis_live_start(struct redis_stream *t)
{
    uv_timer_init(t->host->loop, &t->turn);
}

void redis_live_up(struct redis_stream *t)
{
    t->is_asking = 0;
    t->round++;
    redis_pages_clear(&t->pages);
    redis_live_ask(t);
}

/* What was got already is handed out all the same. */
void redis_live_down(struct redis_stream *t)
{
    t->is_asking = 0;
    t->round++;
    t->is_unreadable = 1;
}

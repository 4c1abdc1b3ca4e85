/* SPDX-License-Identifier: MIT */
/* ticker: a log that is computed from the time. */
#include "source/ticker.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/num.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What an event costs of a pull's budget beside its data. */
#define EVENT_COST 32

static struct ticker *of_source(struct source *s)
{
    return (struct ticker *)s;
}

static int64_t now_ms(const struct ticker *t)
{
    int64_t now = t->host->clock->wall_ms(t->host->clock);
    if (now < 0) {
        return 0;
    }
    return now > TICKER_TIME_MAX_MS ? TICKER_TIME_MAX_MS : now;
}

int64_t ticker_time_ms(const struct ticker *t, uint64_t tick)
{
    return (int64_t)tick * t->plan.interval_ms;
}

/* --- numbers and positions ----------------------------------------------------------------- */

/* The number of the last event at or before this place in the log. */
static uint64_t number_at(const struct ticker *t, uint64_t tick, uint64_t slot)
{
    uint64_t rank = 0;
    while (rank < t->plan.slot_count && t->plan.slots[rank] <= slot) {
        rank++;
    }
    return tick * t->plan.slot_count + rank;
}

static uint64_t tick_of(const struct ticker *t, uint64_t number)
{
    return (number - 1) / t->plan.slot_count;
}

static unsigned slot_of(const struct ticker *t, uint64_t number)
{
    return t->plan.slots[(number - 1) % t->plan.slot_count];
}

/* The number of the last event that is due. */
static uint64_t number_due(const struct ticker *t)
{
    return number_at(t, (uint64_t)(now_ms(t) / t->plan.interval_ms), TICKER_SLOT_MAX);
}

static void position_write(const struct ticker *t, uint64_t number, char out[SSE_POSITION_SIZE])
{
    int64_t time_ms = ticker_time_ms(t, tick_of(t, number));
    if (t->plan.has_slots) {
        snprintf(out, SSE_POSITION_SIZE, "%" PRId64 ".%u", time_ms, slot_of(t, number));
    } else {
        snprintf(out, SSE_POSITION_SIZE, "%" PRId64, time_ms);
    }
}

/* ERR_INVALID and ERR_RANGE. */
static int position_read(const struct ticker *t, const char *text, uint64_t *number,
                         uint64_t *time_ms)
{
    size_t digits = strcspn(text, ".");
    uint64_t time;
    int rc = num_parse_u64(text, digits, TICKER_TIME_MAX_MS, &time);
    if (rc) {
        return rc;
    }
    uint64_t slot = TICKER_SLOT_MAX;
    if (text[digits]) {
        const char *rest = text + digits + 1;
        rc = t->plan.has_slots ? num_parse_u64(rest, strlen(rest), TICKER_SLOT_MAX, &slot)
                               : ERR_INVALID;
        if (rc) {
            return rc;
        }
    }
    uint64_t interval = (uint64_t)t->plan.interval_ms;
    *number = number_at(t, time / interval, time % interval ? TICKER_SLOT_MAX : slot);
    *time_ms = time;
    return 0;
}

/* The event before the oldest that can be had. Number 0 has no position, hence 1. */
static uint64_t number_floor(const struct ticker *t)
{
    return t->head > t->history ? t->head - t->history : 1;
}

/* --- following ----------------------------------------------------------------------------- */

/* Whoever is given an event may close the source at once. */
static int is_closing(const struct ticker *t)
{
    return uv_is_closing((const uv_handle_t *)&t->timer);
}

static void on_timer(uv_timer_t *timer)
{
    ticker_look(timer->data);
}

static void timer_arm(struct ticker *t)
{
    int64_t wait_ms = t->plan.interval_ms - now_ms(t) % t->plan.interval_ms;
    if (wait_ms > TICKER_WAIT_MAX_MS) {
        wait_ms = TICKER_WAIT_MAX_MS;
    }
    /* The loop's own idea of now may be as old as the work done in this turn. */
    uv_update_time(t->host->loop);
    uv_timer_start(&t->timer, on_timer, (uint64_t)wait_ms, 0);
}

/* The head moves first: whoever pulls from inside the call must find the event. */
static int send_next(struct ticker *t)
{
    char position[SSE_POSITION_SIZE];
    uint64_t number = t->head + 1;
    struct sse_event event = {.position = position};
    int rc = t->plan.render(t, tick_of(t, number), slot_of(t, number), &event);
    if (rc) {
        return rc;
    }
    position_write(t, number, position);
    t->head = number;
    t->host->live->event(t->host->live->ctx, &event);
    return 0;
}

static void skip_to(struct ticker *t, uint64_t number)
{
    char position[SSE_POSITION_SIZE];
    uint64_t count = number - t->head;
    position_write(t, number, position);
    t->head = number;
    struct sse_gap gap = {
        .position = position,
        .reason = "late",
        .detail = "the process woke too late for these events; resume from before for them",
        .bytes = -1,
        .events = (int64_t)count,
    };
    t->host->live->gap(t->host->live->ctx, &gap);
}

static void say_behind(struct ticker *t, uint64_t due)
{
    if (due >= t->head) {
        t->is_behind = 0;
    } else if (!t->is_behind) {
        t->is_behind = 1;
        log_say(t->host->log, WARN, t->base.type->name,
                "the wall clock went back; waiting until it has caught up",
                LOG_NUM("head_ms", ticker_time_ms(t, tick_of(t, t->head))),
                LOG_NUM("now_ms", now_ms(t)));
    }
}

void ticker_look(struct ticker *t)
{
    if (is_closing(t)) {
        return;
    }
    uint64_t due = number_due(t);
    say_behind(t, due);
    if (due > t->head && due - t->head > t->plan.burst) {
        skip_to(t, due - t->plan.burst);
    }
    /* With no memory for an event the head stays, and the next look tries again. */
    while (t->head < due && !is_closing(t) && send_next(t) == 0) {
    }
    if (!is_closing(t)) {
        timer_arm(t);
    }
}

/* --- life ---------------------------------------------------------------------------------- */

void ticker_open(struct ticker *t, const struct source_type *type, const struct ticker_plan *plan,
                 const struct source_host *host)
{
    assert(plan->interval_ms > 0 && plan->slot_count > 0 && plan->slot_count <= TICKER_SLOT_MAX);
    assert(plan->burst > 0 && plan->burst % plan->slot_count == 0);
    t->base.type = type;
    t->plan = *plan;
    t->host = host;
    t->head = number_due(t);
    t->history = (uint64_t)(plan->history_s * 1000 / plan->interval_ms) * plan->slot_count;
    t->is_behind = 0;
    uv_timer_init(host->loop, &t->timer);
    t->timer.data = t;
    timer_arm(t);
}

static void on_closed(uv_handle_t *handle)
{
    struct ticker *t = handle->data;
    void (*closed)(void *ctx) = t->closed;
    void *ctx = t->closed_ctx;
    t->plan.destroy(t);
    if (closed) {
        closed(ctx);
    }
}

void ticker_close(struct source *s, void (*closed)(void *ctx), void *ctx)
{
    struct ticker *t = of_source(s);
    if (is_closing(t)) {
        return;
    }
    t->closed = closed;
    t->closed_ctx = ctx;
    uv_close((uv_handle_t *)&t->timer, on_closed);
}

/* --- history ------------------------------------------------------------------------------- */

void ticker_head(struct source *s, char out[SSE_POSITION_SIZE])
{
    struct ticker *t = of_source(s);
    position_write(t, t->head, out);
}

int ticker_understands(struct source *s, const char *position)
{
    struct ticker *t = of_source(s);
    uint64_t number;
    uint64_t time_ms;
    if (position_read(t, position, &number, &time_ms)) {
        return 0;
    }
    int64_t head_ms = ticker_time_ms(t, tick_of(t, t->head));
    int64_t latest_ms = now_ms(t) > head_ms ? now_ms(t) : head_ms;
    return time_ms <= (uint64_t)(latest_ms + TICKER_AHEAD_MAX_MS);
}

int ticker_back(struct source *s, uint64_t count, char out[SSE_POSITION_SIZE])
{
    struct ticker *t = of_source(s);
    uint64_t most = t->head - number_floor(t);
    position_write(t, t->head - (count < most ? count : most), out);
    return 0;
}

int ticker_before(struct source *s, const char *position, uint64_t count,
                  char start[SSE_POSITION_SIZE], char end[SSE_POSITION_SIZE])
{
    struct ticker *t = of_source(s);
    uint64_t number;
    uint64_t time_ms;
    if (position_read(t, position, &number, &time_ms)) {
        return ERR_GONE;
    }
    uint64_t floor = number_floor(t);
    uint64_t last = number > floor + 1 ? number - 1 : floor;
    if (last > t->head) {
        last = t->head;
    }
    position_write(t, last, end);
    position_write(t, last - (count < last - floor ? count : last - floor), start);
    return 0;
}

int ticker_since(struct source *s, int64_t wall_ms, char out[SSE_POSITION_SIZE], struct err *err)
{
    struct ticker *t = of_source(s);
    (void)err;
    uint64_t interval = (uint64_t)t->plan.interval_ms;
    uint64_t time_ms = wall_ms > 0 ? (uint64_t)wall_ms : 0;
    /* All of the ticks before the first that is not earlier. */
    uint64_t tick = (time_ms + interval - 1) / interval;
    uint64_t number = tick > 0 ? number_at(t, tick - 1, TICKER_SLOT_MAX) : 0;
    uint64_t floor = number_floor(t);
    number = number < floor ? floor : number;
    position_write(t, number > t->head ? t->head : number, out);
    return 0;
}

static int tell_expired(const struct ticker *t, uint64_t number, char position[SSE_POSITION_SIZE],
                        const struct sse_out *page)
{
    uint64_t floor = number_floor(t);
    position_write(t, floor, position);
    struct sse_gap gap = {
        .position = position,
        .reason = "expired",
        .detail = "replay does not go back so far",
        .bytes = -1,
        .events = (int64_t)(floor - number),
    };
    return page->gap(page->ctx, &gap);
}

int ticker_pull(struct source *s, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                size_t budget_bytes)
{
    struct ticker *t = of_source(s);
    uint64_t number;
    uint64_t time_ms;
    int rc = position_read(t, position, &number, &time_ms);
    if (rc) {
        return rc;
    }
    if (number > t->head) {
        return ERR_AGAIN;
    }
    int is_full = 0;
    if (number < number_floor(t)) {
        is_full = tell_expired(t, number, position, page);
        number = number_floor(t);
    }
    size_t spent = 0;
    while (number < t->head && !is_full && spent < budget_bytes) {
        struct sse_event event = {.position = position};
        rc = t->plan.render(t, tick_of(t, number + 1), slot_of(t, number + 1), &event);
        if (rc) {
            return rc;
        }
        number++;
        position_write(t, number, position);
        is_full = page->event(page->ctx, &event);
        spent += event.data_len + EVENT_COST;
    }
    if (number < t->head) {
        return SOURCE_MORE;
    }
    /* In the head's own words: the same place may have been named otherwise. */
    position_write(t, t->head, position);
    return SOURCE_HEAD;
}

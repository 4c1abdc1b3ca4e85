/* SPDX-License-Identifier: MIT */
/* hub_rig: the world: its log, its processes and its time. hub_rig_reader.c has the readers. */
#include "hub_rig.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/rand.h"
#include "hub/internal.h"
#include "hub_rig_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rig_in_hub;

#define TURNS_MAX 20000 /* more without an end is a loop that never rests */

/* --- dice ---------------------------------------------------------------------------------- */

static struct rig_dice *dice_in_use;

uint64_t rig_roll(struct rig_dice *d, uint64_t bound)
{
    d->state += 0x9e3779b97f4a7c15ULL;
    return bound ? hash_mix64(d->state) % bound : 0;
}

int rig_chance(struct rig_dice *d, unsigned percent)
{
    return rig_roll(d, 100) < percent;
}

/* In the place of base/rand.c, so that a seed repeats everything. */
uint64_t rand_below(uint64_t bound)
{
    static struct rig_dice own;
    return rig_roll(dice_in_use ? dice_in_use : &own, bound);
}

uint64_t rand_percent(uint64_t value, unsigned low, unsigned high)
{
    return (value * low + rand_below(value * (high - low) + 1)) / 100;
}

/* --- the log ------------------------------------------------------------------------------- */

const char *rig_position(size_t index, char out[SSE_POSITION_SIZE])
{
    snprintf(out, SSE_POSITION_SIZE, "1-%zu", index);
    return out;
}

void rig_append(struct rig *rig, enum rig_kind kind, size_t len)
{
    assert_true(rig->count < RIG_LOG_MAX);
    rig->log[++rig->count] = (struct rig_entry){.kind = kind, .len = len};
    rig->longest = len > rig->longest ? len : rig->longest;
}

#define TABLE_BYTES 4096
#define TABLE_PERIOD 1586 /* of 26 letters and a line end every 61 bytes */

void rig_data(size_t index, size_t len, struct buf *out)
{
    static char table[TABLE_BYTES];
    for (size_t k = 0; !table[0] && k < TABLE_BYTES; k++) {
        size_t at = TABLE_BYTES - 1 - k;
        table[at] = at % 61 == 60 ? '\n' : (char)('a' + at % 26);
    }
    out->len = 0;
    assert_int_equal(buf_reserve(out, len), 0);
    while (out->len < len) {
        size_t from = (index * 7 + out->len) % TABLE_PERIOD;
        size_t most = TABLE_BYTES - from < len - out->len ? TABLE_BYTES - from : len - out->len;
        assert_int_equal(buf_append(out, table + from, most), 0);
    }
}

/* Hands entry `index` to the ring or to a page; 1 when the page wants no more. */
static int deliver(struct rig_proc *p, size_t index, const struct sse_out *out)
{
    struct rig *rig = p->rig;
    const struct rig_entry *e = &rig->log[index];
    char position[SSE_POSITION_SIZE];
    struct buf data;
    int stop = 0;
    buf_init(&data, HUB_FRAME_MAX + 1024);
    rig_position(index, position);
    rig_data(index, e->len, &data);
    struct sse_event event = {.position = position,
                              .name = index % 3 ? NULL : "third",
                              .data = data.data,
                              .data_len = data.len};
    struct sse_gap gap = {
        .position = position, .reason = "truncated", .bytes = (int64_t)index, .events = -1};
    int was = rig_in_hub;
    rig_in_hub = 1;
    switch (e->kind) {
    case RIG_EVENT:
        stop = out->event(out->ctx, &event);
        break;
    case RIG_HIDDEN:
        out->advance(out->ctx, position);
        break;
    case RIG_GAP:
        stop = out->gap(out->ctx, &gap);
        break;
    case RIG_END:
        out->end(out->ctx, position, NULL);
        break;
    }
    rig_in_hub = was;
    buf_fini(&data);
    return stop;
}

void rig_emit(struct rig_proc *p, size_t max)
{
    int has_enough = 0;
    while (p->hub && !has_enough && max-- > 0 && p->head < p->rig->count) {
        p->head++;
        has_enough = deliver(p, p->head, hub_channel_live(p->channel));
    }
}

void rig_say(struct rig_proc *p, size_t len)
{
    rig_append(p->rig, RIG_EVENT, len);
    rig_emit(p, RIG_ALL);
}

static int tell_trimmed(struct rig_proc *p, const struct sse_out *page)
{
    char position[SSE_POSITION_SIZE];
    struct sse_gap gap = {.position = rig_position(p->rig->trimmed, position),
                          .reason = "rotated-away",
                          .bytes = -1,
                          .events = -1};
    rig_in_hub = 1;
    int stop = page->gap(page->ctx, &gap);
    rig_in_hub = 0;
    return stop;
}

static int pull_entries(struct rig_proc *p, char position[SSE_POSITION_SIZE],
                        const struct sse_out *page, size_t at)
{
    struct rig *rig = p->rig;
    size_t left = p->pull_entries ? 1 + (size_t)rig_roll(&rig->dice, p->pull_entries) : RIG_ALL;
    int is_failing = rig_chance(&rig->dice, p->io_percent);
    int stop = 0;
    if (is_failing && !rig_chance(&rig->dice, p->io_partial_percent)) {
        left = 0;
    } else if (at < rig->trimmed) {
        stop = tell_trimmed(p, page);
        at = rig->trimmed;
        rig_position(at, position);
    }
    while (!stop && left-- > 0 && at < p->head) {
        stop = deliver(p, ++at, page);
        rig_position(at, position);
        if (rig->log[at].kind == RIG_END) {
            return HUB_PULL_END;
        }
    }
    if (is_failing) {
        p->io_failures++;
        return ERR_IO;
    }
    if (at == p->head) {
        return at > 0 && rig->log[at].kind == RIG_END ? HUB_PULL_END : HUB_PULL_HEAD;
    }
    return HUB_PULL_MORE;
}

static int pull(void *ctx, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                size_t budget_bytes)
{
    struct rig_proc *p = ctx;
    size_t at;
    int was = rig_in_hub;
    rig_in_hub = 0;
    assert_true(budget_bytes > 0);
    p->pulls++;
    if (rig_chance(&p->rig->dice, p->rig->live_in_pull_percent)) {
        rig_emit(p, 1);
    }
    if (sscanf(position, "1-%zu", &at) != 1 || at > p->rig->count) {
        fail_msg("seed %" PRIu64 ": asked for %s", p->rig->seed, position);
    }
    int answer = at > p->head ? ERR_AGAIN : pull_entries(p, position, page, at);
    rig_in_hub = was;
    return answer;
}

/* --- processes ----------------------------------------------------------------------------- */

void rig_tell(struct rig_proc *p)
{
    char number[32];
    snprintf(number, sizeof number, "%zu", ++p->rig->told);
    rig_in_hub = 1;
    hub_channel_tell(p->channel, RIG_TOLD, number, p->rig->now_ms);
    rig_in_hub = 0;
}

size_t rig_comments(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += text[i] == ':' && (i == 0 || text[i - 1] == '\n');
    }
    return count;
}

static int gap_json(const struct sse_gap *gap, struct buf *out)
{
    return buf_append_str(out, gap->reason);
}

static int end_json(const char *reason, struct buf *out)
{
    return buf_append_str(out, reason);
}

static int progress_json(int64_t bytes_left, struct buf *out)
{
    return buf_appendf(out, "%" PRId64, bytes_left);
}

int rig_proc_start(struct rig_proc *p)
{
    struct hub_setup setup = {.settings = &p->rig->settings,
                              .gap_json = gap_json,
                              .end_json = end_json,
                              .progress_json = progress_json};
    struct hub_origin origin = {.pull = pull, .ctx = p};
    char position[SSE_POSITION_SIZE];
    /* A hub numbers its channels from 1. */
    memset(&p->scratch, 0, sizeof p->scratch);
    memset(p->slices, 0, sizeof p->slices);
    rig_in_hub = 1;
    int rc = hub_new(&p->hub, &setup);
    if (!rc) {
        rc = hub_channel_new(p->hub, &origin, &p->channel);
        if (rc) {
            hub_free(p->hub);
            p->hub = NULL;
        } else {
            hub_channel_start(p->channel, rig_position(p->head, position), p->rig->now_ms);
        }
    }
    rig_in_hub = 0;
    return rc;
}

void rig_proc_stop(struct rig_proc *p)
{
    if (p->hub) {
        rig_in_hub = 1;
        hub_channel_free(p->channel);
        hub_free(p->hub);
        rig_in_hub = 0;
        p->hub = NULL;
        p->channel = NULL;
    }
}

void rig_init(struct rig *rig, uint64_t seed)
{
    memset(rig, 0, sizeof *rig);
    rig->seed = seed;
    rig->dice.state = seed;
    rig->now_ms = 1000000;
    rig->settings = (struct hub_settings){.heartbeat_s = 3600,
                                          .retry_ms = RIG_RETRY_MS,
                                          .max_streams = RIG_READERS,
                                          .stall_timeout_s = 60,
                                          .drain_s = 5,
                                          .ring_bytes = 4096};
    for (size_t i = 0; i < RIG_PROCS; i++) {
        rig->procs[i].rig = rig;
    }
    for (size_t i = 0; i < RIG_READERS; i++) {
        rig_reader_init(&rig->readers[i], rig);
    }
    rig_in_hub = 0;
    dice_in_use = &rig->dice;
}

void rig_fini(struct rig *rig)
{
    for (size_t i = 0; i < RIG_PROCS; i++) {
        rig_proc_stop(&rig->procs[i]);
    }
    for (size_t i = 0; i < RIG_READERS; i++) {
        rig_reader_fini(&rig->readers[i]);
    }
    dice_in_use = NULL;
}

/* --- time ---------------------------------------------------------------------------------- */

int rig_turn(struct rig_proc *p)
{
    if (!p->hub) {
        return 0;
    }
    rig_in_hub = 1;
    int left = hub_turn(p->hub, p->rig->now_ms);
    rig_in_hub = 0;
    return left;
}

/* Lets pass the time that the hub gathers events for; 0 when it does not. */
static int rig_wait(struct rig_proc *p)
{
    int64_t next_ms = p->hub ? hub_next_ms(p->hub, p->rig->now_ms) : -1;
    if (next_ms < 0) {
        return 0;
    }
    p->rig->now_ms += next_ms;
    return 1;
}

void rig_turns(struct rig_proc *p)
{
    for (size_t turns = 0; rig_turn(p) || rig_wait(p); turns++) {
        if (turns == TURNS_MAX) {
            fail_msg("seed %" PRIu64 ": the hub never comes to rest", p->rig->seed);
        }
    }
    rig_check(p);
}

void rig_tick(struct rig_proc *p, int64_t ms)
{
    p->rig->now_ms += ms;
    if (p->hub) {
        rig_in_hub = 1;
        hub_tick(p->hub, p->rig->now_ms);
        rig_in_hub = 0;
    }
}

/* --- nobody is forgotten ------------------------------------------------------------------- */

#define RIG_ASSERT(p, what)                                                                        \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fail_msg("seed %" PRIu64 ", line %d: %s", (p)->rig->seed, __LINE__, #what);            \
        }                                                                                          \
    } while (0)

/* A reader that nothing is left to be done for has everything, or its sink is full, or its origin
 * is to be tried again later. */
static void check_reader(const struct rig_proc *p, const struct rig_reader *r)
{
    const struct hub_channel *c = p->channel;
    const struct hub_reader *h = &r->reader;
    RIG_ASSERT(p, h->channel == c && h->place != HUB_NOWHERE && h->list != HUB_LIST_NONE);
    RIG_ASSERT(p, h->is_blocked == r->is_watching);
    RIG_ASSERT(p, h->rest || !h->rest_len);
    if (h->place == HUB_RING) {
        RIG_ASSERT(p, h->at >= c->ring.tail && h->at <= c->ring.head);
        RIG_ASSERT(p, h->at >= (h->is_blocked ? c->parked_low : c->live_low));
    }
    if (!r->is_watching && h->place != HUB_WAITING) {
        RIG_ASSERT(p, h->place == HUB_RING && h->at == c->ring.head && !c->has_ended);
    }
    /* A frame of the longest event, the record that held its start, and the stream's opening. */
    size_t longest = p->rig->longest;
    RIG_ASSERT(p, h->rest_len <= longest + longest / 8 + GATE_RECORD_BYTES + 1024);
}

void rig_check(const struct rig_proc *p)
{
    size_t count = 0;
    if (!p->hub) {
        return;
    }
    for (size_t i = 0; i < RIG_READERS; i++) {
        const struct rig_reader *r = &p->rig->readers[i];
        if (r->state == RIG_OPEN && r->proc == p) {
            check_reader(p, r);
            count++;
        }
    }
    RIG_ASSERT(p, hub_reader_count(p->hub) == count);
    RIG_ASSERT(p, hub_channel_reader_count(p->channel) == count);
    for (size_t i = 0; i < p->channel->live_count; i++) {
        RIG_ASSERT(p, p->channel->live[i]->index == i);
    }
}

/* One round of letting through; 1 when something was still to do. */
static int settle_proc(struct rig_proc *p)
{
    int is_busy = 0;
    int is_waiting = 0;
    rig_turns(p);
    for (size_t i = 0; i < RIG_READERS; i++) {
        struct rig_reader *r = &p->rig->readers[i];
        if (r->proc != p) {
            continue;
        }
        if (r->state != RIG_OPEN && !r->is_done) {
            RIG_ASSERT(p, rig_connect(r, p) == 0);
            is_busy = 1;
        }
        r->is_gone = 0;
        if (r->is_watching) {
            is_busy = 1;
        }
        rig_pass(r, RIG_ALL);
        is_waiting |= r->state == RIG_OPEN && r->reader.place == HUB_WAITING;
    }
    if (is_waiting && !is_busy) {
        rig_tick(p, 1000);
    }
    return is_busy || is_waiting;
}

void rig_settle(struct rig *rig)
{
    rig->settings.max_stream_age_s = 0;
    rig->settings.heartbeat_s = 3600;
    for (size_t i = 0; i < RIG_PROCS; i++) {
        struct rig_proc *p = &rig->procs[i];
        p->io_percent = 0;
        if (!p->hub && rig->lacks_memory) {
            RIG_ASSERT(p, rig_proc_start(p) == 0);
        }
        size_t rounds = 0;
        do {
            rig_emit(p, RIG_ALL);
            RIG_ASSERT(p, ++rounds < 3000);
        } while (p->hub && (settle_proc(p) || p->head < rig->count));
    }
    for (size_t i = 0; i < RIG_READERS; i++) {
        struct rig_reader *r = &rig->readers[i];
        if (!r->proc || !r->proc->hub) {
            continue;
        }
        if (r->state == RIG_OPEN) {
            rig_judge(r);
        }
        for (size_t k = r->cursor + 1; k <= rig->count; k++) {
            RIG_ASSERT(r->proc, rig->log[k].kind == RIG_HIDDEN);
        }
        RIG_ASSERT(r->proc, r->is_done == (rig->count > 0 && rig->log[rig->count].kind == RIG_END));
    }
}

/* SPDX-License-Identifier: MIT */
/* hub_play: what happens in a random world of the rig. */
#include "hub_play.h"

#include "base/err.h"

static size_t random_len(struct rig *rig)
{
    uint64_t kind = rig_roll(&rig->dice, 1000);
    if (kind < 750) {
        return (size_t)rig_roll(&rig->dice, 100);
    }
    if (kind < 960) {
        return (size_t)rig_roll(&rig->dice, 1000);
    }
    if (kind < 998) {
        return (size_t)rig_roll(&rig->dice, 5000); /* some do not fit into the ring */
    }
    return (size_t)rig_roll(&rig->dice, 100000); /* more than a page, a record, a write */
}

static int is_good(const struct rig *rig, int rc)
{
    return rc == 0 || (rc == ERR_NOMEM && rig->lacks_memory);
}

static void grow_log(struct rig *rig)
{
    for (uint64_t n = rig_roll(&rig->dice, 6); n > 0 && rig->count < RIG_LOG_MAX; n--) {
        uint64_t kind = rig_roll(&rig->dice, 100);
        if (rig->count > 0 && rig->log[rig->count].kind == RIG_END) {
            return;
        }
        if (kind < 12) {
            rig_append(rig, RIG_HIDDEN, 0);
        } else if (kind < 16) {
            rig_append(rig, RIG_GAP, 0);
        } else {
            rig_append(rig, RIG_EVENT, random_len(rig));
        }
    }
}

static void end_log(struct rig *rig)
{
    if (rig->count < RIG_LOG_MAX && (rig->count == 0 || rig->log[rig->count].kind != RIG_END)) {
        rig_append(rig, RIG_END, 0);
    }
}

static void trim(struct rig *rig)
{
    size_t most = rig->count;
    for (size_t i = 0; i < RIG_PROCS; i++) {
        most = rig->procs[i].head < most ? rig->procs[i].head : most;
    }
    if (most > rig->trimmed && rig->log[most].kind != RIG_END) {
        rig->trimmed += (size_t)rig_roll(&rig->dice, most - rig->trimmed + 1);
    }
}

static void restart(struct rig_proc *p)
{
    struct rig *rig = p->rig;
    rig_proc_stop(p);
    if (p->head < rig->count && rig_chance(&rig->dice, 50)) {
        size_t head = p->head + (size_t)rig_roll(&rig->dice, rig->count - p->head + 1);
        p->head = rig->log[head].kind == RIG_END ? p->head : head;
    }
    /* Its end is known from the start: such a process answers 204 and runs no channel. */
    if (p->head > 0 && rig->log[p->head].kind == RIG_END) {
        p->head--;
    }
    assert_true(is_good(rig, rig_proc_start(p)));
}

static void drain(struct rig_proc *p)
{
    if (!p->hub) {
        return;
    }
    rig_in_hub = 1;
    if (rig_chance(&p->rig->dice, 50)) {
        hub_channel_drain(p->channel, p->rig->now_ms);
    } else {
        hub_drain(p->hub, p->rig->now_ms);
    }
    rig_in_hub = 0;
}

static void come_or_go(struct rig_reader *r, struct rig_proc *p)
{
    struct rig *rig = r->rig;
    if (r->state == RIG_OPEN) {
        if (rig_chance(&rig->dice, 25)) {
            rig_leave(r, rig_chance(&rig->dice, 50) ? (size_t)rig_roll(&rig->dice, 500) : 0);
        }
    } else if (!r->is_done && p->hub) {
        if (rig_chance(&rig->dice, rig->until_percent)) {
            r->until = 1 + (size_t)rig_roll(&rig->dice, rig->count + 3);
        }
        assert_true(is_good(rig, r->proc ? rig_connect(r, p) : rig_join(r, p)));
    }
}

static void let_through(struct rig_reader *r)
{
    struct rig_dice *d = &r->rig->dice;
    rig_pass(r, rig_chance(d, 40) ? RIG_ALL : (size_t)rig_roll(d, rig_chance(d, 50) ? 64 : 5000));
    if (rig_chance(d, 10) && r->state == RIG_OPEN) {
        rig_in_hub = 1;
        hub_reader_writable(&r->reader, r->rig->now_ms); /* though nobody asked */
        rig_in_hub = 0;
    }
}

static void step(struct rig *rig, size_t readers)
{
    struct rig_dice *d = &rig->dice;
    struct rig_proc *p = &rig->procs[rig_roll(d, RIG_PROCS)];
    struct rig_reader *r = &rig->readers[rig_roll(d, readers)];
    uint64_t what = rig_roll(d, 1000);
    if (what < 300) {
        grow_log(rig);
        rig_emit(p, (size_t)rig_roll(d, 12));
    } else if (what < 420) {
        come_or_go(r, p);
    } else if (what < 680) {
        let_through(r);
    } else if (what < 720 && p->hub) {
        rig_tell(p);
    } else if (what < 900) {
        rig_turn(p);
    } else if (what < 950) {
        rig_turns(p);
    } else if (what < 970) {
        rig_tick(p, (int64_t)rig_roll(d, 2500));
    } else if (what < 974) {
        rig_tick(p, 70000);
    } else if (what < 984) {
        r->is_gone = r->state == RIG_OPEN;
    } else if (what < 990) {
        trim(rig);
    } else if (what < 994) {
        drain(p);
    } else if (what < 996) {
        restart(p);
    } else if (what < 997) {
        end_log(rig);
    } else {
        p->io_percent = rig_chance(d, 50) ? (unsigned)rig_roll(d, 101) : 0;
    }
}

static void choose_world(struct rig *rig, size_t readers, int is_real)
{
    struct rig_dice *d = &rig->dice;
    static const size_t records[] = {0, 5, 100, 1000, GATE_RECORD_BYTES};
    rig->settings.heartbeat_s = rig_chance(d, 30) ? 1 + (int64_t)rig_roll(d, 5) : 3600;
    rig->settings.max_stream_age_s = rig_chance(d, 20) ? 1 + (int64_t)rig_roll(d, 100) : 0;
    rig->settings.drain_s = (int64_t)rig_roll(d, 6);
    rig->settings.ring_bytes = rig_chance(d, 80) ? 4096 : 16384 << rig_roll(d, 5);
    rig->live_in_pull_percent = rig_chance(d, 20) ? 30 : 0;
    rig->forget_percent = rig_chance(d, 10) ? 10 : 0;
    rig->settings.coalesce_max_ms = rig_chance(d, 40) ? 1 + (int64_t)rig_roll(d, 50) : 0;
    rig->behind_percent = (unsigned)rig_roll(d, 101);
    rig->until_percent = rig_chance(d, 15) ? 40 : 0;
    size_t entries = rig_chance(d, 50) ? 1 + (size_t)rig_roll(d, 20) : 0;
    for (size_t i = 0; i < RIG_PROCS; i++) {
        rig->procs[i].pull_entries = entries;
        rig->procs[i].io_partial_percent = 40;
        assert_true(is_good(rig, rig_proc_start(&rig->procs[i])));
    }
    for (size_t i = 0; i < readers; i++) {
        rig->readers[i].writer.is_framed = is_real != 0;
        rig->readers[i].record = records[rig_roll(d, sizeof records / sizeof records[0])];
        rig->readers[i].room = (size_t)rig_roll(d, 3000);
    }
}

void hub_play(struct rig *rig, int is_real)
{
    struct rig_dice *d = &rig->dice;
    size_t readers = 1 + (size_t)rig_roll(d, rig_chance(d, 90) ? 6 : RIG_READERS);
    choose_world(rig, readers, is_real);
    size_t steps = 20 + (size_t)rig_roll(d, 200);
    while (steps-- > 0) {
        step(rig, readers);
    }
}

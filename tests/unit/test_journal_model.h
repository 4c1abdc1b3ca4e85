/* SPDX-License-Identifier: MIT */
/* test_journal_model: the world of the model test: publishers that are killed at any write, disks that fill
 * up, files that are damaged, and a list of every event. Included once, by test_journal_model.c. */
#ifndef TEST_JOURNAL_MODEL_H
#define TEST_JOURNAL_MODEL_H

#include "base/hash.h"
#include "model_run.h"
#include "test_journal_rig.h"

#include <errno.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define HISTORIES 12000 /* every other one is damaged by hand */
#define ACTIONS 40
#define PUBLISHERS 3
#define FOLLOWERS 2
#define CLIENTS 3
#define ITEMS_MAX 1000
#define BATCH_LARGEST 6

enum fate {
    FATE_THERE,   /* must come */
    FATE_EXPIRED, /* comes, or a gap says how many */
    FATE_DAMAGED, /* comes, or a gap says so */
    FATE_CUT      /* comes or not: cut off by hand, which nobody can tell from a killed publisher */
};

struct item {
    char text[400];
    enum fate fate;
    int batch;
    int key; /* -1: none */
    struct journal_name seg;
    uint64_t offset, size;
    int has_at; /* it was acknowledged, at this place */
    struct journal_position at;
};

/* Somebody who reads, and what is known of them. */
struct viewer {
    struct model *m;
    const char *who;
    int item;        /* the last that came */
    int has_gap;     /* since then */
    int64_t missing; /* as the gaps said; -1: some did not say */
    int is_unchecked; /* its position has no check: it is told by number alone where it is */
    int is_excused;  /* it begins where nobody knows */
    struct sse_out out;
};

struct client {
    struct viewer v;
    char position[SSE_POSITION_SIZE];
};

struct follower {
    struct viewer v;
    struct topic_log log;
};

/* What a killed publisher leaves for us to know. */
struct report {
    int is_written; /* the whole batch */
};

enum fault {
    FAULT_NONE,
    FAULT_KILL,
    FAULT_FULL,
    FAULT_OTHER /* before a lock is asked for, another publisher publishes */
};

struct model {
    uint64_t seed, draws;
    int is_traced;
    int is_damaged; /* by hand, ever */
    int was_cut; /* so that a number may have been used twice */
    int has_jumped; /* the clock */
    char state[80];
    struct rig_clock clock;
    struct journal_rules rules;
    struct journal *publishers[PUBLISHERS];
    struct follower followers[FOLLOWERS];
    struct client clients[CLIENTS];
    struct item items[ITEMS_MAX];
    int count;
    int batches;
    int keys;
    uint64_t boot;
    struct report *report; /* shared with those that get killed */
};

/* Stands between the journal and the system. */
static struct {
    enum fault kind;
    uint64_t left;   /* calls until it happens */
    uint64_t part;   /* of a write, in 1/1000; 1000: all of it, and then */
    int is_stubborn; /* cutting off fails, too */
    const char *last_text; /* of the batch; its write is the one that publishes */
    struct report *report;
    void (*meanwhile)(struct model *m, int p); /* what another publisher does */
    struct model *model;
    int publisher;
} fault;

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __real_flock(int fd, int how);
int __wrap_flock(int fd, int how);
int __real_ftruncate(int fd, off_t len);
int __wrap_ftruncate(int fd, off_t len);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);

/* 1 when it happens now. */
static int strikes(void)
{
    return fault.kind != FAULT_NONE && fault.kind != FAULT_OTHER && fault.left-- == 0;
}

int __wrap_flock(int fd, int how)
{
    int is_to_publish = (how & LOCK_EX) && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
    if (fault.kind == FAULT_OTHER && is_to_publish && fault.left-- == 0) {
        fault.kind = FAULT_NONE;
        fault.meanwhile(fault.model, fault.publisher);
    }
    return __real_flock(fd, how);
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    int is_now = strikes();
    size_t part = is_now ? (size_t)(len * fault.part / 1000) : len;
    ssize_t n = part > 0 ? __real_write(fd, data, part) : 0;
    if (n == (ssize_t)len && fault.last_text
        && memmem(data, len, fault.last_text, strlen(fault.last_text))) {
        fault.report->is_written = 1;
    }
    if (is_now && fault.kind == FAULT_KILL) {
        _exit(0);
    }
    if (is_now && n < (ssize_t)len) {
        fault.kind = fault.is_stubborn ? FAULT_FULL : FAULT_NONE;
        fault.left = 0;
        errno = ENOSPC;
        return n > 0 ? n : -1;
    }
    return n;
}

int __wrap_ftruncate(int fd, off_t len)
{
    int is_now = strikes();
    if (is_now && fault.kind == FAULT_FULL) {
        fault.kind = FAULT_NONE;
        errno = EIO;
        return -1;
    }
    if (is_now && fault.part < 500) {
        _exit(0);
    }
    int rc = __real_ftruncate(fd, len);
    if (is_now) {
        _exit(0);
    }
    return rc;
}

int __wrap_unlink(const char *path)
{
    int is_now = strikes();
    if (is_now && fault.kind == FAULT_KILL && fault.part < 500) {
        _exit(0);
    }
    int rc = __real_unlink(path);
    if (is_now && fault.kind == FAULT_KILL) {
        _exit(0);
    }
    return rc;
}

static uint64_t draw(struct model *m, uint64_t bound)
{
    return hash_mix64(m->seed * 0x9e3779b97f4a7c15ULL + ++m->draws) % bound;
}

#define trace(m, ...)                                                                              \
    do {                                                                                           \
        if ((m)->is_traced) {                                                                      \
            fprintf(stderr, __VA_ARGS__);                                                          \
        }                                                                                          \
    } while (0)

static void wrong(struct model *m, const char *who, const char *what, int64_t got, int64_t wanted)
{
    fprintf(stderr, "%s: %s: %" PRId64 ", not %" PRId64 "; JOURNAL_MODEL_SEED=%" PRIu64 "\n", who,
            what, got, wanted, m->seed);
    abort();
}

/* ---- what must come out ---- */

/* What lies between the last that came and the next that comes, or the end. */
static void check_skipped(struct viewer *v, int next, int is_end)
{
    struct model *m = v->m;
    int must = 0, may = 0;
    int is_vague = m->was_cut && (v->is_unchecked || (v->has_gap && v->missing < 0));
    for (int i = v->item + 1; i < next; i++) {
        if (m->items[i].fate == FATE_THERE && !is_vague) {
            wrong(m, v->who, "an event is missing", next, i);
        }
        /* Where a number was used twice, nobody can tell which of the two had it once its file is gone. */
        must += m->items[i].fate == FATE_DAMAGED
                || (m->items[i].fate == FATE_EXPIRED && !m->was_cut);
        may++;
    }
    if (is_end || v->is_excused || is_vague) {
        return; /* what is behind the last good one is told when it is known to stay so */
    }
    if (must && !v->has_gap) {
        wrong(m, v->who, "events are missing and no gap says so", must, 0);
    }
    if (v->has_gap && !m->is_damaged && v->missing != may) {
        wrong(m, v->who, "a gap tells a wrong number", v->missing, may);
    }
}

static int view_event(void *ctx, const struct sse_event *e)
{
    struct viewer *v = ctx;
    struct model *m = v->m;
    int i = m->count - 1;
    trace(m, "  %s: %.*s at %s\n", v->who, e->data_len > 12 ? 12 : (int)e->data_len, e->data,
          e->position);
    while (i >= 0
           && (strlen(m->items[i].text) != e->data_len
               || memcmp(m->items[i].text, e->data, e->data_len) != 0)) {
        i--;
    }
    if (i < 0 && m->is_damaged) {
        return 0; /* of a batch that was not finished, and was damaged by hand then */
    }
    if (i < 0) {
        wrong(m, v->who, "an event was never published", -1, v->item + 1);
    }
    if (i <= v->item && !v->is_excused) {
        wrong(m, v->who, "an event comes again", i, v->item + 1);
    }
    check_skipped(v, i, 0);
    v->item = i;
    v->has_gap = v->is_excused = v->is_unchecked = 0;
    v->missing = 0;
    return draw(m, 4) == 0;
}

static int view_gap(void *ctx, const struct sse_gap *g)
{
    struct viewer *v = ctx;
    trace(v->m, "  %s: gap %s, %" PRId64 " events, %s\n", v->who, g->reason, g->events,
          g->position);
    v->has_gap = 1;
    v->missing = g->events < 0 || v->missing < 0 ? -1 : v->missing + g->events;
    return draw(v->m, 4) == 0;
}

static void view_init(struct viewer *v, struct model *m, const char *who)
{
    *v = (struct viewer){.m = m, .who = who, .item = -1};
    v->out = (struct sse_out){.event = view_event, .gap = view_gap, .ctx = v};
}

/* ---- damage ---- */

/* What is in [from, to) of a segment may be lost, and the batches that it is part of. */
static void doom(struct model *m, struct journal_name name, uint64_t from, uint64_t to,
                 enum fate fate)
{
    for (int i = 0; i < m->count; i++) {
        const struct item *item = &m->items[i];
        int is_hit = journal_name_order(item->seg, name) == 0
                     && (from < JOURNAL_HEAD_BYTES
                         || (item->offset < to && item->offset + item->size > from));
        for (int n = 0; is_hit && n < m->count; n++) {
            if (m->items[n].batch == item->batch && m->items[n].fate != FATE_CUT) {
                m->items[n].fate = fate;
            }
        }
    }
    m->is_damaged = 1;
    m->was_cut |= fate == FATE_CUT;
}

/* All of it is gone: the next one is a new journal. */
static void doom_journal(struct model *m)
{
    for (int i = 0; i < m->count; i++) {
        m->items[i].fate = FATE_CUT;
    }
    m->is_damaged = m->was_cut = 1;
}

#endif

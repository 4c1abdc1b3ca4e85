/* SPDX-License-Identifier: MIT */
/* tail_many_seek: the part of tail_many that finds places: the last lines, a time, the way left. */
#include "source/tail/many.h"

#include "base/clock.h"
#include "base/err.h"
#include "source/source.h"
#include "source/tail/seek.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANDIDATES_MAX 65536 /* lines of all logs whose times are compared */
#define PULL_BYTES (256 * 1024)

/* ---- the place that is made ---- */

/* Puts a log's own position into m->reading; what has not begun is not named. */
static void put_item(struct tail_many *m, const struct tail_many_log *l, const char *own)
{
    struct tail_many_place *p = &m->reading;
    struct tail_position at;
    if (tail_position_parse(own, &at) == 0 && !at.is_start) {
        p->items[p->count++] = (struct tail_mark){.tag = l->tag, .at = at};
    }
}

static void begin_place(struct tail_many *m)
{
    m->reading.count = 0;
    m->reading.has_short_tags = 0;
    m->reading.like = 0;
}

/* ---- the last lines ---- */

/* The times of the last lines of a log, in their order. */
struct times {
    struct tail_many *many;
    int64_t *items;
    size_t count;
    size_t max;
    size_t chosen; /* how many from the end are wanted */
};

static int note_time(void *ctx, const struct sse_event *e)
{
    struct times *t = ctx;
    const struct clock *clock = t->many->setup.style.clock;
    int64_t time = t->count > 0 ? t->items[t->count - 1] : INT64_MIN;
    line_time(t->many->setup.time_format, e->data, e->data_len, clock->wall_ms(clock), &time);
    t->items[t->count++] = time;
    return t->count == t->max;
}

static int note_gap(void *ctx, const struct sse_gap *gap)
{
    (void)ctx;
    (void)gap;
    return 0;
}

static void note_nothing(void *ctx, const char *position)
{
    (void)ctx;
    (void)position;
}

static int read_times(struct tail_many_log *l, struct times *t)
{
    struct tail_style style = l->one.style;
    struct sse_out out = {
        .event = note_time, .gap = note_gap, .advance = note_nothing, .ctx = t};
    struct tail_view view;
    char at[SSE_POSITION_SIZE];
    int rc = tail_seek_back(&l->one.core, &l->one.style, t->max, at);
    if (rc) {
        return rc;
    }
    t->items = calloc(t->max, sizeof *t->items);
    if (!t->items) {
        return ERR_NOMEM;
    }
    style.format = LINE_FORMAT_TEXT;
    tail_view_init(&view, &style, &out);
    do {
        tail_view_begin(&view);
        rc = tail_log_pull(&l->one.core, at, &view.out, PULL_BYTES);
    } while (rc == SOURCE_MORE && t->count < t->max);
    return rc < 0 ? rc : 0;
}

/* Takes the youngest of what the logs have, again and again. */
static void choose(struct times *times, size_t logs, uint64_t count)
{
    for (; count > 0; count--) {
        struct times *youngest = NULL;
        int64_t time = INT64_MIN;
        for (size_t i = 0; i < logs; i++) {
            struct times *t = &times[i];
            if (t->chosen < t->count
                && (!youngest || t->items[t->count - 1 - t->chosen] > time)) {
                youngest = t;
                time = t->items[t->count - 1 - t->chosen];
            }
        }
        if (!youngest) {
            return;
        }
        youngest->chosen++;
    }
}

static int64_t written_ns(const struct tail_many_log *l)
{
    return l->one.core.live.file ? l->one.core.live.file->st.mtime_ns : INT64_MIN;
}

/* How many lines log `at` gives where they have no times: an equal share, and the one that was
 * written to last gives what is left over. */
static uint64_t share(const struct tail_many *m, size_t at, uint64_t count)
{
    size_t younger = 0;
    for (size_t i = 0; i < m->count; i++) {
        int64_t own = written_ns(m->logs[at]);
        int64_t other = written_ns(m->logs[i]);
        younger += other > own || (other == own && i < at);
    }
    uint64_t part = count / m->count;
    if (part == 0) {
        return younger < count;
    }
    return younger == 0 ? count - part * (m->count - 1) : part;
}

/* How many lines each log gives, by their times. An array for the caller, or NULL. */
static struct times *choose_by_time(struct tail_many *m, uint64_t count)
{
    struct times *times = calloc(m->count, sizeof *times);
    uint64_t most = CANDIDATES_MAX / m->count;
    int rc = times ? 0 : ERR_NOMEM;
    most = most > 2 * (count / m->count) ? most : 2 * (count / m->count);
    most = most < count ? most : count;
    for (size_t i = 0; !rc && i < m->count; i++) {
        times[i].many = m;
        times[i].max = (size_t)most;
        rc = read_times(m->logs[i], &times[i]);
        rc = rc == ERR_IO ? 0 : rc; /* what cannot be read has no last lines */
    }
    if (!rc) {
        choose(times, m->count, count);
    }
    for (size_t i = 0; times && i < m->count; i++) {
        free(times[i].items);
    }
    if (rc) {
        free(times);
        times = NULL;
    }
    return times;
}

int tail_many_back(struct tail_many *m, uint64_t count, char out[SSE_POSITION_SIZE])
{
    struct times *times = NULL;
    int rc = 0;
    if (count == 0 || m->count == 0) {
        memcpy(out, m->head, sizeof m->head);
        return 0;
    }
    if (m->setup.time_format != LINE_TIME_NONE) {
        times = choose_by_time(m, count);
        rc = times ? 0 : ERR_NOMEM;
    }
    begin_place(m);
    for (size_t i = 0; !rc && i < m->count; i++) {
        struct tail_many_log *l = m->logs[i];
        uint64_t part = times ? times[i].chosen : share(m, i, count);
        char own[SSE_POSITION_SIZE];
        rc = tail_one_back(&l->one, part, own);
        if (rc == ERR_IO) {
            snprintf(own, sizeof own, "%s", tail_one_head(&l->one));
            rc = 0;
        }
        if (!rc) {
            put_item(m, l, own);
        }
    }
    free(times);
    return rc ? rc : tail_many_spell(m, &m->reading, out);
}

/* ---- times, and the way left ---- */

int tail_many_since(struct tail_many *m, int64_t wall_ms, char out[SSE_POSITION_SIZE],
                    struct err *err)
{
    size_t without = 0;
    struct err own_err = {.code = 0};
    if (m->setup.time_format == LINE_TIME_NONE) {
        return err_set(err, ERR_INVALID,
                       "since: this stream has no times: its time_format is not set");
    }
    begin_place(m);
    for (size_t i = 0; i < m->count; i++) {
        struct tail_many_log *l = m->logs[i];
        char own[SSE_POSITION_SIZE];
        int rc = tail_seek_since(&l->one.core, m->setup.time_format, wall_ms, own, &own_err);
        if (rc == ERR_NOMEM) {
            return err_set(err, rc, "out of memory");
        }
        without += rc == ERR_INVALID;
        put_item(m, l, rc ? tail_one_head(&l->one) : own);
    }
    if (without > 0 && without == m->count) {
        return err_set(err, ERR_INVALID, "%s", own_err.text);
    }
    return tail_many_spell(m, &m->reading, out);
}

int64_t tail_many_left(struct tail_many *m, const char *position)
{
    int64_t left = 0;
    size_t unknown;
    if (tail_many_read(m, position, &unknown)) {
        return -1;
    }
    for (size_t i = 0; i < m->count; i++) {
        const struct tail_mark *mark = tail_many_find(&m->reading, m->logs[i]->tag);
        char own[SSE_POSITION_SIZE] = TAIL_POSITION_START;
        if (mark) {
            tail_position_print(&mark->at, own);
        }
        int64_t part = strcmp(own, m->logs[i]->one.core.head) == 0
                           ? 0
                           : tail_seek_left(&m->logs[i]->one.core, own);
        left += part > 0 ? part : 0;
    }
    return left;
}

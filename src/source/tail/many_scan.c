/* SPDX-License-Identifier: MIT */
/* tail_many_scan: the part of tail_many that knows which logs there are: they appear and go. */
#include "source/tail/many.h"

#include "base/err.h"
#include "base/log.h"
#include "conf/option.h"
#include "sse/event.h"
#include "source/tail/glob.h"
#include "source/tail/open.h"
#include "source/tail/order.h"

#include <string.h>
#include <unistd.h>

#define RENEW_TICKS 600 /* so often a base that is still used is kept from being forgotten */

/* ---- names ---- */

static const char *base_of(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* 1 when the file at `path` is by its name a rotated one of the log at `log`. */
static int is_rotated(const char *log, const char *path)
{
    size_t folder = (size_t)(base_of(log) - log);
    return (size_t)(base_of(path) - path) == folder && memcmp(log, path, folder) == 0
           && tail_order_is_rotated(log + folder, path + folder);
}

static struct tail_many_log *find_log(const struct tail_many *m, const char *path)
{
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->logs[i]->path, path) == 0) {
            return m->logs[i];
        }
    }
    return NULL;
}

/* It belongs to another log, be that there now or on its way from one file to the next. */
static int belongs_to_another(const struct tail_many *m, const struct tail_glob *g, size_t at)
{
    const char *path = g->items[at].path;
    for (size_t i = 0; i < m->count; i++) {
        if (is_rotated(m->logs[i]->path, path)) {
            return 1;
        }
    }
    for (size_t i = 0; i < g->count; i++) {
        if (i != at && is_rotated(g->items[i].path, path)) {
            return 1;
        }
    }
    return 0;
}

/* ---- logs come ---- */

/* Begins in the middle of one of its files. Answers 0 when it has none of that generation. */
static int begin_at(struct tail_many_log *l, struct tail_label label, uint64_t offset)
{
    struct tail_files files = {.items = NULL};
    int is_found = 0;
    if (tail_log_list(&l->one.core, &files) == 0) {
        for (size_t i = 0; i < files.count && !is_found; i++) {
            is_found = tail_label_equal(files.items[i]->label, label)
                       && tail_cursor_seek(&l->one.core.live, files.items[i], label, offset,
                                           l->one.core.max_line_bytes)
                              == 0;
        }
    }
    tail_files_fini(&files);
    tail_log_moved(&l->one.core);
    if (is_found) {
        tail_position_print(&l->one.core.live.at, l->one.core.head);
        if (l->one.live.context) {
            tail_context_forget(&l->one.context, l->one.core.head);
        }
    }
    return is_found;
}

static void forget_mark(struct tail_many *m, struct tail_many_log *l)
{
    if (!l->mark) {
        return;
    }
    size_t at = (size_t)(l->mark - m->place.items);
    m->place.count--;
    m->place.like = 0;
    memmove(l->mark, l->mark + 1, (m->place.count - at) * sizeof *l->mark);
    for (size_t i = 0; i < m->count; i++) {
        if (m->logs[i]->mark && m->logs[i]->mark > l->mark) {
            m->logs[i]->mark--;
        }
    }
    l->mark = NULL;
}

static void drop_log(struct tail_many *m, size_t at)
{
    struct tail_many_log *l = m->logs[at];
    forget_mark(m, l);
    m->count--;
    memmove(m->logs + at, m->logs + at + 1, (m->count - at) * sizeof *m->logs);
    tail_many_log_free(l);
}

/* Logs that turn out to be rotated files of this one: it goes on where the youngest of them is. */
static int take_over(struct tail_many *m, struct tail_many_log *l)
{
    const struct tail_cursor *young = NULL;
    for (size_t i = 0; i < m->count; i++) {
        const struct tail_many_log *k = m->logs[i];
        const struct tail_cursor *live = &k->one.core.live;
        if (k != l && is_rotated(l->path, k->path) && live->file
            && (!young || live->file->st.mtime_ns > young->file->st.mtime_ns)) {
            young = live;
        }
    }
    int has_begun = young && begin_at(l, young->at.label, young->at.offset);
    for (size_t i = m->count; i-- > 0;) {
        if (m->logs[i] != l && is_rotated(l->path, m->logs[i]->path)) {
            drop_log(m, i);
        }
    }
    return has_begun;
}

/* A file that another log has been through, and that goes by a new name now. */
static int go_on(struct tail_many *m, struct tail_many_log *l, const struct tail_stat *st)
{
    struct tail_label label = tail_stat_label(st, 0);
    for (size_t i = 0; i < m->count; i++) {
        const struct tail_log *other = &m->logs[i]->one.core;
        for (size_t k = 0; k < TAIL_PASSED_MAX; k++) {
            if (other->passed[k].size > 0 && tail_label_equal(other->passed[k].label, label)) {
                return begin_at(l, label, other->passed[k].size);
            }
        }
    }
    return 0;
}

/* Puts what the log begins with into the place. */
static void note_begin(struct tail_many *m, struct tail_many_log *l)
{
    struct tail_position at;
    if (tail_position_parse(tail_one_head(&l->one), &at) == 0 && !at.is_start) {
        l->mark = &m->place.items[m->place.count++];
        *l->mark = (struct tail_mark){.tag = l->tag, .at = at};
        m->place.like = 0;
    }
}

/* 1 when the file is followed already under another name. */
static int is_followed(const struct tail_many *m, const struct tail_stat *st)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct tail_file *f = m->logs[i]->one.core.live.file;
        if (f && tail_stat_same(&f->st, st)) {
            return 1;
        }
    }
    return 0;
}

static int add_log(struct tail_many *m, const struct tail_glob_path *p)
{
    struct tail_many_log *l;
    struct tail_stat st = {.dev = 0};
    int fd = -1;
    int is_late = m->head[0] != '\0';
    int is_there = tail_open(p->path, m->setup.follow, TAIL_OPEN_LOOK, &fd, &st) == 0;
    if (is_there) {
        close(fd);
    }
    if (is_there && (is_followed(m, &st) || (!st.is_regular && !p->is_literal))) {
        return 0;
    }
    int rc = tail_many_log_new(m, p->path, p->name, &l);
    if (rc) {
        return rc;
    }
    l->is_literal = p->is_literal;
    l->is_listed = 1;
    m->logs[m->count++] = l;
    if (is_late) {
        tail_one_rewind(&l->one);
        if (!take_over(m, l) && is_there) {
            go_on(m, l, &st);
        }
    }
    note_begin(m, l);
    return 0;
}

/* ---- what is left out ---- */

static void tell_left_out(struct tail_many *m, const struct tail_glob *g, const char *first,
                          size_t left_out)
{
    int is_cut = g->is_cut || left_out > 0;
    if (is_cut && !m->was_cut) {
        log_say(m->setup.log, WARN, "tail", "too many files, some are left out",
                LOG_TEXT("stream", m->setup.stream), LOG_NUM("limit", TAIL_MANY_MAX),
                LOG_NUM("left_out", left_out), LOG_TEXT("first", first));
    }
    m->was_cut = is_cut;
    if (g->bad_names > 0 && !m->was_bad) {
        log_say(m->setup.log, WARN, "tail", "files with control bytes in their names are left out",
                LOG_TEXT("stream", m->setup.stream), LOG_NUM("files", g->bad_names));
    }
    m->was_bad = g->bad_names > 0;
}

/* ---- the whole ---- */

/* Changes with the set of logs that are in the place. */
static uint64_t sum_place(const struct tail_many *m)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < m->place.count; i++) {
        sum = sum * 31 + m->place.items[i].tag;
    }
    return sum;
}

/* The head's text follows the set of logs. */
static void tell_place(struct tail_many *m, uint64_t before)
{
    if (m->head[0] && sum_place(m) != before && tail_many_spell(m, &m->place, m->head) == 0) {
        m->setup.live->advance(m->setup.live->ctx, m->head);
    }
}

int tail_many_scan(struct tail_many *m)
{
    struct tail_glob g = {.items = NULL};
    const char *first = NULL;
    size_t left_out = 0;
    uint64_t before = sum_place(m);
    int rc = tail_glob_scan(m->setup.paths, m->setup.rotated->count == 0, &g);
    for (size_t i = 0; i < m->count; i++) {
        m->logs[i]->is_listed = 0;
    }
    for (size_t i = 0; !rc && i < g.count; i++) {
        struct tail_many_log *l = find_log(m, g.items[i].path);
        if (l) {
            l->is_listed = 1;
        } else if (belongs_to_another(m, &g, i)) {
            continue;
        } else if (m->count < TAIL_MANY_MAX) {
            rc = add_log(m, &g.items[i]);
        } else if (left_out++ == 0) {
            first = g.items[i].path;
        }
    }
    if (!rc) {
        tell_left_out(m, &g, first, left_out);
    }
    tail_glob_fini(&g);
    tell_place(m, before);
    return rc;
}

/* 1 when no file of the log is left, and has not been for long. */
static int is_gone(struct tail_many_log *l)
{
    struct tail_files files = {.items = NULL};
    int is_empty = !l->is_literal && !l->is_listed && !l->is_due
                   && tail_files_scan(&l->one.core.names, &files) == 0 && files.count == 0;
    tail_files_fini(&files);
    l->missing = is_empty ? l->missing + 1 : 0;
    return l->missing >= TAIL_MANY_GONE_TICKS;
}

void tail_many_tick(struct tail_many *m)
{
    (void)tail_many_scan(m); /* what it missed it meets the next time */
    uint64_t before = sum_place(m);
    for (size_t i = m->count; i-- > 0;) {
        struct tail_many_log *l = m->logs[i];
        if (is_gone(l)) {
            drop_log(m, i);
            continue;
        }
        tail_log_moved(&l->one.core);
        tail_log_tick(&l->one.core);
        l->is_due = 1;
    }
    tell_place(m, before);
    if (++m->ticks % RENEW_TICKS == 0 && m->place.base) {
        tail_marks_renew(&m->marks, m->place.base);
    }
}

/* SPDX-License-Identifier: MIT */
/* tail_log: a log as one stretch of lines through all its files. This file follows its end. */
#include "source/tail/log.h"

#include "base/err.h"
#include "base/log.h"
#include "sse/event.h"
#include "source/tail/back.h"
#include "source/tail/find.h"
#include "source/tail/open.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MOVES_MAX 64 /* from file to file in one look */

static int list_anew(struct tail_log *l, struct tail_files *out)
{
    int rc = tail_files_scan(&l->names, out);
    if (rc) {
        return rc;
    }
    tail_find_drop_copy(out);
    rc = l->live.file ? tail_files_hold(out, l->live.file) : 0;
    /* What was deleted can be read on for a while by those who are not through yet. */
    for (size_t i = 0; !rc && i < TAIL_LEFT_MAX && l->left[i].file; i++) {
        struct tail_file *f = l->left[i].file;
        if (!tail_file_stat(f) && f->st.links == 0) {
            rc = tail_files_hold(out, f);
        }
    }
    return rc;
}

void tail_log_moved(struct tail_log *l)
{
    l->is_settled = 0;
    l->is_known = 0;
    tail_files_fini(&l->known); /* files that were deleted are let go */
}

static int copy_list(const struct tail_files *from, struct tail_files *out)
{
    struct tail_files copy = {.items = NULL};
    for (size_t i = 0; i < from->count; i++) {
        if (tail_files_add(&copy, from->items[i])) {
            tail_files_fini(&copy);
            return ERR_NOMEM;
        }
    }
    tail_files_fini(out);
    *out = copy;
    return 0;
}

/* Files that were read stay open as long as they are listed. */
static size_t count_open(const struct tail_files *files)
{
    size_t n = 0;
    for (size_t i = 0; i < files->count; i++) {
        n += files->items[i]->fd >= 0;
    }
    return n;
}

int tail_log_list(struct tail_log *l, struct tail_files *out)
{
    int rc = list_anew(l, out);
    if (!rc && l->has_hints) {
        tail_files_fini(&l->known);
        l->is_known = copy_list(out, &l->known) == 0;
    }
    return rc;
}

int tail_log_recall(struct tail_log *l, struct tail_files *out)
{
    /* Before anything is followed, what is known of sizes may be old. */
    if (!l->is_known || !l->live.file || count_open(&l->known) > TAIL_OPEN_MAX) {
        return tail_log_list(l, out);
    }
    int rc = copy_list(&l->known, out);
    return rc ? rc : 1;
}

static void set_head(struct tail_log *l)
{
    tail_position_print(&l->live.at, l->head);
}

/* Something is missing behind the head. */
static void say_gap(struct tail_log *l, const char *reason, const char *detail, int64_t bytes)
{
    struct sse_gap gap = {.position = l->head,
                          .reason = reason,
                          .detail = detail,
                          .bytes = bytes,
                          .events = -1};
    l->out->gap(l->out->ctx, &gap);
}

/* Reads on at the head. */
static int run_live(struct tail_log *l, struct tail_run *run, enum tail_rest rest)
{
    uint64_t before = l->live.at.offset;
    run->skip = l->skip;
    /* Nobody writes to a compressed file any more. */
    run->rest = l->live.file->is_compressed ? TAIL_REST_IS_LINE : rest;
    int answer = tail_cursor_run(&l->live, run);
    if (l->live.at.offset != before) {
        set_head(l);
    }
    return answer;
}

static const char *explain(int error)
{
    if (error == EINVAL) {
        return "not a regular file";
    }
    return error == ELOOP ? "a symlink in a directory that others can write" : strerror(error);
}

/* Tells once that something cannot be read, in the log and to readers. */
static void say_unreadable(struct tail_log *l, const char *path)
{
    int error = errno;
    if (l->is_unreadable) {
        return;
    }
    l->is_unreadable = 1;
    log_say(l->log, WARN, "tail", "cannot read, trying again", LOG_TEXT("path", path),
            LOG_TEXT("error", explain(error)));
    say_gap(l, "unreadable", "the log cannot be read now; it is tried again", -1);
}

static void say_readable(struct tail_log *l)
{
    if (l->is_unreadable) {
        l->is_unreadable = 0;
        log_say(l->log, INFO, "tail", "can be read again", LOG_TEXT("path", l->names.path));
    }
}

/* Makes the end of the last complete line the head: in the youngest file that holds anything,
 * because an empty new one may come to nothing, and the writer may not have left the old one. What
 * is compressed is finished: then it is the beginning of the file after it. */
static int find_head(struct tail_log *l)
{
    struct tail_files files = {.items = NULL};
    int rc = tail_log_list(l, &files);
    if (rc || files.count == 0) {
        return rc;
    }
    size_t i = files.count - 1;
    while (i > 0 && files.items[i]->st.size == 0) {
        i--;
    }
    if (files.items[i]->is_compressed && i + 1 < files.count) {
        i++;
    }
    struct tail_file *f = files.items[i];
    uint64_t offset = 0;
    rc = tail_file_open(f);
    if (!rc) {
        rc = tail_back_length(f, &offset);
    }
    if (!rc && !f->is_compressed) {
        rc = tail_back_line_end(f, offset, &offset);
    }
    if (!rc) {
        rc = tail_cursor_seek(&l->live, f, f->label, offset, l->max_line_bytes);
    }
    if (!rc) {
        set_head(l);
    }
    tail_files_fini(&files);
    return rc;
}

int tail_log_init(struct tail_log *l, const char *path, int follow,
                  const struct conf_list *rotated, size_t max_line_bytes, const struct log *log,
                  const struct sse_out *out)
{
    *l = (struct tail_log){.max_line_bytes = max_line_bytes, .log = log, .out = out};
    memcpy(l->head, TAIL_POSITION_START, sizeof TAIL_POSITION_START);
    int rc = tail_names_init(&l->names, path, follow, rotated);
    if (rc) {
        return rc;
    }
    rc = find_head(l);
    if (rc == ERR_NOMEM) {
        tail_log_fini(l);
        return rc;
    }
    return 0; /* anything else is met again, and told, at the first look */
}

void tail_log_rewind(struct tail_log *l)
{
    tail_cursor_fini(&l->live);
    tail_log_moved(l);
    memcpy(l->head, TAIL_POSITION_START, sizeof TAIL_POSITION_START);
}

/* Goes to where a file begins or goes on. Answers 1, or 0 when that must wait. */
static int go_to(struct tail_log *l, struct tail_file *f, struct tail_label label, uint64_t offset)
{
    int rc = tail_cursor_seek(&l->live, f, label, offset, l->max_line_bytes);
    tail_log_moved(l); /* what is listed depends on the file that is followed */
    if (rc == ERR_NOMEM) {
        return rc;
    }
    if (rc == ERR_IO) {
        say_unreadable(l, f->path);
    }
    return rc == 0;
}

/* The writer may come back to a file that was left; so it is kept an eye on. */
static void leave(struct tail_log *l, struct tail_file *f, uint64_t size)
{
    tail_file_unref(l->left[TAIL_LEFT_MAX - 1].file);
    memmove(l->left + 1, l->left, (TAIL_LEFT_MAX - 1) * sizeof *l->left);
    l->left[0] = (struct tail_left){.file = tail_file_ref(f), .size = size};
}

static void note_passed(struct tail_log *l, const struct tail_file *f, uint64_t size)
{
    l->passed[l->passed_next] = (struct tail_passed){.label = f->label, .size = size};
    l->passed_next = (l->passed_next + 1) % TAIL_PASSED_MAX;
}

/* Following went through this file, and it has not changed in size since. Files can change their
 * order, as when an older one is put at the log's path: none is gone through twice for that. */
static int was_passed(const struct tail_log *l, const struct tail_file *f)
{
    for (size_t i = 0; i < TAIL_PASSED_MAX; i++) {
        if (l->passed[i].size > 0 && l->passed[i].size == f->st.size
            && tail_label_equal(l->passed[i].label, f->label)) {
            return 1;
        }
    }
    return 0;
}

/* Forgets the files that were left, from one on: those behind it were left before. */
static void forget_left(struct tail_log *l, size_t from)
{
    for (size_t i = from; i < TAIL_LEFT_MAX; i++) {
        tail_file_unref(l->left[i].file);
        l->left[i].file = NULL;
    }
}

/* The file that was followed does not hold any more what it held. */
static int relocate(struct tail_log *l, struct tail_files *files)
{
    struct tail_place place;
    const struct tail_position *seen = tail_cursor_seen(&l->live);
    int rc;
    do {
        rc = tail_find(files, seen, &place);
    } while (rc == ERR_LIMIT);
    if (rc) {
        return rc == ERR_NOMEM ? rc : 0;
    }
    if (place.index == files->count) {
        return 0;
    }
    if (!place.lost) {
        place.offset = l->live.at.offset;
    }
    rc = go_to(l, files->items[place.index], place.label, place.offset);
    if (rc == 1 && place.lost) {
        set_head(l);
        say_gap(l, place.lost, place.detail, -1);
    }
    return rc;
}

/* A file in between that cannot be read is left out, and that is told. */
static void skip_unreadable(struct tail_log *l, struct tail_file *f)
{
    log_say(l->log, WARN, "tail", "cannot read, left out", LOG_TEXT("path", f->path),
            LOG_TEXT("error", strerror(errno)));
    say_gap(l, "unreadable", "a rotated file cannot be read and was left out",
            f->is_compressed ? -1 : (int64_t)f->st.size);
}

/* 1 when the path leads to the file that is followed. */
static int is_in_place(const struct tail_log *l)
{
    int fd;
    struct tail_stat st;
    if (tail_open(l->names.path, l->names.follow, TAIL_OPEN_LOOK, &fd, &st)) {
        return 0;
    }
    close(fd);
    return tail_stat_same(&st, &l->live.file->st);
}

/* At the end of a file: when a younger one holds something the writer has left this one. Only
 * after that was seen, what it wrote here last is read; then the younger one begins. Answers 1 after
 * a move, 0 when there is nothing to do, or an answer of tail_log_look. */
static int move_on(struct tail_log *l, struct tail_files *files, struct tail_run *run)
{
    size_t next = 0;
    if (l->live.file) {
        next = tail_files_index(files, &l->live.file->st) + 1;
    }
    next = tail_files_next(files, next);
    while (next < files->count) {
        struct tail_file *f = files->items[next];
        if (was_passed(l, f)) {
            next = tail_files_next(files, next + 1);
            continue;
        }
        int rc = tail_file_open(f);
        if (rc == ERR_IO && f->is_current) {
            say_unreadable(l, f->path);
            return 0;
        }
        if (rc == ERR_IO) {
            skip_unreadable(l, f);
            next = tail_files_next(files, next + 1);
            continue;
        }
        if (rc) {
            return 0; /* it has moved since; the next look will see */
        }
        break;
    }
    if (next == files->count) {
        return 0;
    }
    if (l->live.file) {
        int rc = run_live(l, run, TAIL_REST_IS_LINE);
        if (rc == TAIL_CURSOR_CHANGED) {
            return relocate(l, files);
        }
        if (rc == TAIL_CURSOR_MORE || rc == TAIL_CURSOR_STOPPED) {
            return TAIL_LOG_BUSY;
        }
        if (rc == ERR_NOMEM) {
            return rc;
        }
        if (rc < 0) {
            say_gap(l, "damaged", "the rest of a file cannot be read", -1);
        }
    }
    struct tail_file *old = l->live.file ? tail_file_ref(l->live.file) : NULL;
    uint64_t size = l->live.scanned;
    int rc = go_to(l, files->items[next], files->items[next]->label, 0);
    if (rc == 1 && old && !old->is_compressed) {
        leave(l, old, size);
        note_passed(l, old, size);
    }
    tail_file_unref(old);
    return rc;
}

/* One step of a look. Answers 1 to go on at once, 0 for idle, TAIL_LOG_BUSY, or ERR_NOMEM. */
static int step(struct tail_log *l, struct tail_run *run)
{
    int answer = TAIL_CURSOR_END;
    if (l->live.file) {
        answer = run_live(l, run, TAIL_REST_WAITS);
        if (answer == ERR_NOMEM) {
            return answer;
        }
        if (answer == TAIL_CURSOR_MORE || answer == TAIL_CURSOR_STOPPED) {
            return TAIL_LOG_BUSY;
        }
        if (answer == ERR_IO) {
            say_unreadable(l, l->live.file->path);
            return 0;
        }
        if (answer == TAIL_CURSOR_END && (l->is_settled || is_in_place(l))) {
            l->is_settled = l->has_hints;
            say_readable(l);
            return 0;
        }
        tail_log_moved(l);
    }
    struct tail_files files = {.items = NULL};
    int rc = tail_log_list(l, &files);
    if (rc) {
        if (rc == ERR_IO) {
            say_unreadable(l, l->names.path);
        }
        tail_files_fini(&files);
        return rc == ERR_NOMEM ? rc : 0;
    }
    rc = answer == TAIL_CURSOR_CHANGED ? relocate(l, &files) : move_on(l, &files, run);
    tail_files_fini(&files);
    return rc;
}

int tail_log_look(struct tail_log *l, size_t budget_bytes)
{
    struct tail_run run = {
        .out = l->out, .end = UINT64_MAX, .budget = budget_bytes, .in_pieces = 1};
    if (l->is_looking) {
        return TAIL_LOG_BUSY;
    }
    l->is_looking = 1;
    int rc = 1;
    for (int i = 0; rc == 1 && i < MOVES_MAX; i++) {
        rc = run.budget > 0 ? step(l, &run) : TAIL_LOG_BUSY;
    }
    l->is_looking = 0;
    if (rc == 0) {
        return TAIL_LOG_IDLE;
    }
    return rc == 1 ? TAIL_LOG_BUSY : rc;
}

void tail_log_tick(struct tail_log *l)
{
    for (size_t i = 0; i < TAIL_LEFT_MAX && l->left[i].file; i++) {
        struct tail_left *left = &l->left[i];
        if (!tail_file_stat(left->file) && left->file->st.size > left->size) {
            say_gap(l, "late", "lines were written to a file after the next one had begun",
                    (int64_t)(left->file->st.size - left->size));
            left->size = left->file->st.size;
        }
        if (++left->ticks > TAIL_LEFT_TICKS) {
            forget_left(l, i);
        }
    }
    for (size_t i = 0; i < TAIL_LANES_MAX; i++) {
        if (++l->lanes[i].ticks > TAIL_LANE_TICKS) {
            tail_lane_clear(&l->lanes[i]);
        }
    }
}

uint64_t tail_log_pending(const struct tail_log *l)
{
    const struct tail_cursor *c = &l->live;
    uint64_t end = c->scanned + c->waiting;
    return c->file && end > c->at.offset && !c->lines.is_in_hole ? end : 0;
}

int tail_log_flush(struct tail_log *l, uint64_t end)
{
    if (l->is_looking || end <= l->live.at.offset || end > tail_log_pending(l)) {
        return 0;
    }
    l->is_looking = 1;
    struct tail_run run = {.out = l->out, .end = end, .budget = SIZE_MAX, .in_pieces = 1};
    int rc = run_live(l, &run, is_in_place(l) ? TAIL_REST_IS_HALF : TAIL_REST_IS_LINE);
    l->is_looking = 0;
    return rc == ERR_NOMEM ? rc : 0; /* anything else is met again by the next look */
}

void tail_log_fini(struct tail_log *l)
{
    forget_left(l, 0);
    for (size_t i = 0; i < TAIL_LANES_MAX; i++) {
        tail_lane_clear(&l->lanes[i]);
    }
    tail_cursor_fini(&l->live);
    tail_files_fini(&l->known);
    tail_names_fini(&l->names);
}

/* SPDX-License-Identifier: MIT */
/* tail_seek: pages back from a position, and how far it is to the head. since.c has the times.
 */
#include "source/tail/seek.h"

#include "base/err.h"
#include "source/tail/back.h"
#include "source/tail/find.h"
#include "source/tail/view.h"

#include <string.h>

#define TRIES_MAX 4
#define GROWTH 4 /* when a stretch held too few wanted lines, the next is so many times longer */

/* The address behind an event. */
struct mark {
    struct tail_place place;
    char text[SSE_POSITION_SIZE];
};

/* Reading a stretch again, only to see where its events are. */
struct pass {
    struct tail_log *log;
    struct tail_files *files;
    size_t index;      /* of the file that it is in */
    uint64_t seen;     /* events so far */
    uint64_t wanted;   /* the number of the one to stop at, 0 for none */
    struct mark *mark; /* behind the last one */
};

static int note(struct pass *p, const char *position)
{
    struct tail_position at = {.offset = 0};
    tail_position_parse(position, &at);
    p->mark->place = (struct tail_place){.index = p->index, .offset = at.offset, .label = at.label};
    memcpy(p->mark->text, position, strlen(position) + 1);
    return ++p->seen == p->wanted;
}

static int note_event(void *ctx, const struct sse_event *e)
{
    return note(ctx, e->position);
}

static int note_gap(void *ctx, const struct sse_gap *gap)
{
    return note(ctx, gap->position);
}

static void note_nothing(void *ctx, const char *position)
{
    (void)ctx;
    (void)position;
}

/* Within compressed files a long way is gone in pieces. */
static int go_to(struct pass *p, struct tail_cursor *c, const struct tail_place *to)
{
    int rc;
    do {
        rc = tail_cursor_seek(c, p->files->items[to->index], to->label, to->offset,
                              p->log->max_line_bytes);
    } while (rc == ERR_LIMIT);
    return rc;
}

static int print_place(struct pass *p, const struct tail_place *place, char out[SSE_POSITION_SIZE])
{
    struct tail_cursor c = {.file = NULL};
    int rc = go_to(p, &c, place);
    if (!rc) {
        tail_position_print(&c.at, out);
    }
    tail_cursor_fini(&c);
    return rc;
}

static int is_fatal(int rc)
{
    return rc == ERR_NOMEM || rc == ERR_AGAIN || rc == ERR_GONE;
}

/* Reads the rest of the file that the cursor is in, or up to `end`. Answers 1 at the event that is
 * wanted. */
static int pass_file(struct pass *p, struct tail_cursor *c, uint64_t end, struct tail_view *view)
{
    struct tail_run run = {.out = &view->out, .end = end, .in_pieces = 1};
    int answer;
    run.rest = end == UINT64_MAX ? TAIL_REST_IS_LINE : TAIL_REST_IS_HALF;
    do {
        run.budget = SIZE_MAX;
        answer = tail_cursor_run(c, &run);
        if (p->wanted && p->seen >= p->wanted) {
            return 1;
        }
        /* Stopping between slices is for those who share the loop. */
        tail_view_begin(view);
    } while (answer == TAIL_CURSOR_MORE || answer == TAIL_CURSOR_STOPPED || answer == ERR_LIMIT);
    if (answer == TAIL_CURSOR_CHANGED) {
        return ERR_AGAIN;
    }
    return answer < 0 ? answer : 0;
}

/* Takes the lines that are after `from`, up to and with the one at `to`, through a view, as a pull
 * does. */
static int pass_through(struct pass *p, struct tail_view *view, const struct tail_place *from,
                        const struct tail_place *to)
{
    struct tail_cursor c = {.file = NULL};
    struct tail_place at = *from;
    int rc;
    for (;;) {
        int is_last = at.index == to->index;
        p->index = at.index;
        rc = go_to(p, &c, &at);
        if (!rc) {
            rc = pass_file(p, &c, is_last ? to->offset : UINT64_MAX, view);
        }
        if (rc > 0 || is_last || is_fatal(rc)) {
            break;
        }
        size_t next = tail_files_next(p->files, at.index + 1);
        at = (struct tail_place){.index = next < to->index ? next : to->index};
        at.label = p->files->items[at.index]->label;
    }
    tail_cursor_fini(&c);
    return rc > 0 ? 0 : rc;
}

/* Goes over the events that are there, to see where they are. */
static int pass_over(struct pass *p, struct tail_style *style, const struct tail_place *from,
                     const struct tail_place *to)
{
    struct sse_out out = {.event = note_event, .gap = note_gap, .advance = note_nothing, .ctx = p};
    struct tail_view view;
    tail_view_init(&view, style, &out);
    return pass_through(p, &view, from, to);
}

/* Goes back over `count` lines or more bytes than that from a place; less where the log begins.
 * *bytes gets how far that was, *is_all whether there is nothing before. */
static int go_back(struct pass *p, const struct tail_place *to, uint64_t count,
                   struct tail_place *from, uint64_t *bytes, int *is_all)
{
    struct tail_place at = *to;
    *from = *to;
    *bytes = 0;
    *is_all = 0;
    for (;;) {
        struct tail_file *f = p->files->items[at.index];
        uint64_t begin = 0;
        int rc = tail_file_open(f);
        if (!rc && at.offset == UINT64_MAX) {
            rc = tail_back_length(f, &at.offset);
        }
        while (!rc || rc == ERR_LIMIT) {
            rc = tail_back_lines(f, at.offset, &count, &begin);
            if (!rc) {
                break;
            }
        }
        if (is_fatal(rc)) {
            return rc;
        }
        if (rc) {
            *is_all = 1; /* what cannot be read is the end of what can be had */
            return 0;
        }
        *from = (struct tail_place){
            .index = at.index, .offset = begin, .label = begin > 0 ? at.label : f->label};
        *bytes += at.offset - begin;
        if (count == 0) {
            return 0;
        }
        if (at.index == 0) {
            *is_all = 1;
            return 0;
        }
        at = (struct tail_place){.index = at.index - 1, .offset = UINT64_MAX};
        at.label = p->files->items[at.index]->label;
    }
}

/* The `count` wanted events up to and with the one at `to` are those after *start, up to *end. Each
 * stretch is read from its beginning, because only so it is certain what is an event; it grows
 * until it holds enough, so that all are in proportion to the last. */
static int page_back(struct pass *p, struct tail_style *style, const struct tail_place *to,
                     uint64_t count, struct mark *start, struct mark *end)
{
    uint64_t lines = count;
    uint64_t bytes;
    int is_all;
    struct tail_place from;
    do {
        int rc = go_back(p, to, lines, &from, &bytes, &is_all);
        if (!rc) {
            start->place = from;
            rc = print_place(p, &from, start->text);
        }
        if (!rc) {
            *end = *start;
            p->seen = p->wanted = 0;
            p->mark = end;
            rc = pass_over(p, style, &from, to);
        }
        if (rc) {
            return rc;
        }
        lines = lines < UINT64_MAX / GROWTH ? lines * GROWTH : UINT64_MAX;
    } while (p->seen < count && !is_all && bytes < TAIL_SEEK_BYTES);
    if (p->seen <= count) {
        return 0;
    }
    p->wanted = p->seen - count;
    p->seen = 0;
    p->mark = start;
    return pass_over(p, style, &from, to);
}

static int find(struct tail_files *files, const struct tail_position *p, struct tail_place *out)
{
    int rc;
    do {
        rc = tail_find(files, p, out);
    } while (rc == ERR_LIMIT);
    return rc;
}

/* Where the head is. */
static struct tail_place head_place(const struct tail_log *l, const struct tail_files *files)
{
    return (struct tail_place){.index = tail_files_index(files, &l->live.file->st),
                               .offset = l->live.at.offset,
                               .label = l->live.at.label};
}

/* The files move while they are read: such a try counts for nothing. */
static int may_retry(int rc, int tries)
{
    return (rc == ERR_AGAIN || rc == ERR_GONE) && tries < TRIES_MAX;
}

static int as_answer(int rc)
{
    return rc == 0 || rc == ERR_NOMEM ? rc : ERR_IO;
}

int tail_seek_back(struct tail_log *l, struct tail_style *style, uint64_t count,
                   char out[SSE_POSITION_SIZE])
{
    if (!style->filter) {
        return tail_log_back(l, count, out);
    }
    if (!l->live.file || count == 0) {
        memcpy(out, l->head, sizeof l->head);
        return 0;
    }
    struct mark start, end;
    int rc, tries = 0;
    do {
        struct tail_files files = {.items = NULL};
        struct pass p = {.log = l, .files = &files};
        rc = tail_log_list(l, &files);
        if (!rc) {
            struct tail_place head = head_place(l, &files);
            rc = page_back(&p, style, &head, count, &start, &end);
        }
        tail_files_fini(&files);
    } while (may_retry(rc, ++tries));
    if (!rc) {
        memcpy(out, start.text, sizeof start.text);
    }
    return as_answer(rc);
}

int tail_seek_before(struct tail_log *l, struct tail_style *style, const char *position,
                     uint64_t count, char start[SSE_POSITION_SIZE], char end[SSE_POSITION_SIZE])
{
    struct tail_style every = {.format = LINE_FORMAT_TEXT, .clock = style->clock};
    struct tail_position at;
    struct mark first, last, own;
    int is_lost = 0;
    int rc, tries = 0;
    if (tail_position_parse(position, &at)) {
        return ERR_GONE;
    }
    do {
        struct tail_files files = {.items = NULL};
        struct pass p = {.log = l, .files = &files};
        struct tail_place place;
        rc = tail_log_list(l, &files);
        if (!rc) {
            rc = find(&files, &at, &place);
        }
        is_lost = !rc && (place.lost || place.index == files.count);
        if (!rc && !is_lost) {
            /* First back over the event that is at the position, whatever the filter says. */
            rc = page_back(&p, &every, &place, 1, &first, &own);
        }
        if (!rc && !is_lost) {
            place = first.place;
            rc = page_back(&p, style, &place, count, &first, &last);
        }
        tail_files_fini(&files);
    } while (may_retry(rc, ++tries));
    if (is_lost) {
        return ERR_GONE;
    }
    if (!rc) {
        memcpy(start, first.text, sizeof first.text);
        memcpy(end, last.text, sizeof last.text);
    }
    return as_answer(rc);
}

/* Finds a position and the place so many lines before it. */
static int find_lines(struct pass *p, const struct tail_position *at, uint64_t lines,
                      struct tail_place *from, struct tail_place *to)
{
    uint64_t bytes;
    int is_all;
    int rc = tail_log_list(p->log, p->files);
    if (!rc) {
        rc = find(p->files, at, to);
    }
    if (!rc && (to->lost || to->index == p->files->count)) {
        return ERR_UNKNOWN;
    }
    return rc ? rc : go_back(p, to, lines, from, &bytes, &is_all);
}

/* The lines before a position go through the view, or without one it is written where they begin. */
static int seek_lines(struct tail_log *l, struct tail_view *view, const char *position,
                      uint64_t lines, char out[SSE_POSITION_SIZE])
{
    struct tail_position at;
    struct tail_files files = {.items = NULL};
    struct pass p = {.log = l, .files = &files};
    struct tail_place from, to;
    if (tail_position_parse(position, &at)) {
        return ERR_GONE;
    }
    int rc = find_lines(&p, &at, lines, &from, &to);
    if (!rc) {
        rc = view ? pass_through(&p, view, &from, &to) : print_place(&p, &from, out);
    }
    tail_files_fini(&files);
    return rc == ERR_UNKNOWN ? ERR_GONE : as_answer(rc);
}

int tail_seek_replay(struct tail_log *l, struct tail_view *view, const char *position,
                     uint64_t lines)
{
    return seek_lines(l, view, position, lines, NULL);
}

int tail_seek_lines(struct tail_log *l, const char *position, uint64_t lines,
                    char out[SSE_POSITION_SIZE])
{
    return seek_lines(l, NULL, position, lines, out);
}

int64_t tail_seek_left(struct tail_log *l, const char *position)
{
    struct tail_position at;
    struct tail_files files = {.items = NULL};
    struct tail_place place;
    int64_t left = -1;
    if (!l->live.file || tail_position_parse(position, &at) || tail_log_recall(l, &files) < 0) {
        tail_files_fini(&files);
        return -1;
    }
    struct tail_place head = head_place(l, &files);
    if (tail_find(&files, &at, &place) == 0 && !place.lost && place.index <= head.index) {
        left = 0;
        for (size_t i = place.index; i <= head.index; i++) {
            uint64_t begin = i == place.index ? place.offset : 0;
            uint64_t end = i == head.index ? head.offset : files.items[i]->st.size;
            left += end > begin ? (int64_t)(end - begin) : 0;
        }
    }
    tail_files_fini(&files);
    return left;
}

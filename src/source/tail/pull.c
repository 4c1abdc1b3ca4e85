/* SPDX-License-Identifier: MIT */
/* tail_pull: the part of tail_log that reads a log again: replay, and counting back. */
#include "source/tail/log.h"

#include "base/err.h"
#include "source/source.h"
#include "source/tail/back.h"
#include "source/tail/find.h"
#include "source/tail/inflate.h"

#include <string.h>

#define TRIES_MAX 4

void tail_lane_clear(struct tail_lane *lane)
{
    tail_cursor_fini(&lane->cursor);
    tail_files_fini(&lane->search);
    lane->key[0] = '\0';
    lane->ticks = 0;
}

/* The lane with the work for this position, or a free one; NULL when all are taken. */
static struct tail_lane *lane_find(struct tail_log *l, const char *position)
{
    struct tail_lane *free_lane = NULL;
    for (size_t i = 0; i < TAIL_LANES_MAX; i++) {
        struct tail_lane *lane = &l->lanes[i];
        if (!lane->key[0]) {
            free_lane = lane;
        } else if (strcmp(lane->key, position) == 0) {
            return lane;
        }
    }
    return free_lane;
}

/* One call of pull: the files as they are, where the head is among them, and a cursor. */
struct pull {
    struct tail_log *log;
    struct tail_files files;
    struct tail_place head;
    struct tail_place place;
    struct tail_cursor cursor;
    struct tail_lane *lane; /* NULL: nothing can be kept for the next call */
    char *position;
    const struct sse_out *page;
    size_t budget;
    int is_again; /* what was known of the files was not good enough */
};

static int at_head(struct pull *p)
{
    memcpy(p->position, p->log->head, sizeof p->log->head);
    return SOURCE_HEAD;
}

/* Finds where the head is. Answers 0 when live following has fallen behind what became of the files,
 * so that "beyond the head" would mean nothing. */
static int find_head(struct pull *p)
{
    struct tail_cursor *live = &p->log->live;
    if (!live->file) {
        p->head = (struct tail_place){.index = 0};
        return tail_files_next(&p->files, 0) == p->files.count;
    }
    int rc = tail_find(&p->files, tail_cursor_seen(live), &p->head);
    if (rc) {
        return rc;
    }
    p->head.offset = live->at.offset;
    return !p->head.lost
           && p->head.index == tail_files_index(&p->files, &live->file->st);
}

/* How the place and the head stand to each other: negative when the place is before it. */
static int compare(const struct tail_place *a, const struct tail_place *b)
{
    if (a->index != b->index) {
        return a->index < b->index ? -1 : 1;
    }
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static int seek(struct pull *p)
{
    int rc = tail_cursor_seek(&p->cursor, p->files.items[p->place.index], p->place.label,
                              p->place.offset, p->log->max_line_bytes);
    return rc == ERR_GONE ? ERR_AGAIN : rc;
}

static int tell_gap(struct pull *p, const char *reason, const char *detail, int64_t bytes)
{
    struct sse_gap gap = {.position = p->position,
                          .reason = reason,
                          .detail = detail,
                          .bytes = bytes,
                          .events = -1};
    return p->page->gap(p->page->ctx, &gap);
}

/* Goes on to the next file that can be read. Answers 0, 1 when the page has had enough, or
 * negative. Stops at the head's file at the latest. */
static int next_file(struct pull *p)
{
    for (;;) {
        size_t next = tail_files_next(&p->files, p->place.index + 1);
        struct tail_file *f = next < p->head.index ? p->files.items[next] : NULL;
        if (!f) {
            f = p->files.items[p->head.index];
            next = p->head.index;
        }
        p->place = (struct tail_place){.index = next, .label = f->label};
        int rc = seek(p);
        if (rc != ERR_IO || next == p->head.index) {
            return rc;
        }
        if (tell_gap(p, "unreadable", "a rotated file cannot be read and was left out",
                     f->is_compressed ? -1 : (int64_t)f->st.size)) {
            return 1;
        }
    }
}

/* Reads from the cursor up to the head. Answers an enum source_pull, or negative. */
static int read_on(struct pull *p)
{
    struct tail_run run = {
        .out = p->page, .budget = p->budget, .in_pieces = p->lane != NULL};
    struct tail_position until = {.offset = 0};
    if (!p->page->wants_all
        || (p->page->until && tail_position_parse(p->page->until, &until) == 0)) {
        run.skip = p->log->skip;
        run.skip_to = until.offset;
    }
    for (;;) {
        int is_last = p->place.index == p->head.index;
        run.end = is_last ? p->head.offset : UINT64_MAX;
        /* The head is the end of an event, so a rest before it was one: a half line. */
        run.rest = is_last ? TAIL_REST_IS_HALF : TAIL_REST_IS_LINE;
        uint64_t before = p->cursor.at.offset;
        int answer = tail_cursor_run(&p->cursor, &run);
        if (p->cursor.at.offset != before) {
            tail_position_print(&p->cursor.at, p->position);
        }
        if (is_last && p->cursor.at.offset == p->head.offset) {
            return at_head(p);
        }
        if (answer == TAIL_CURSOR_MORE || answer == TAIL_CURSOR_STOPPED) {
            return SOURCE_MORE;
        }
        if (answer == TAIL_CURSOR_CHANGED) {
            return ERR_AGAIN;
        }
        if (answer < 0 && (answer != ERR_INVALID || is_last)) {
            return answer;
        }
        if (answer == ERR_INVALID
            && tell_gap(p, "damaged", "the rest of a file cannot be read", -1)) {
            return SOURCE_MORE;
        }
        if (is_last) {
            return at_head(p);
        }
        int rc = next_file(p);
        if (rc) {
            return rc < 0 ? rc : SOURCE_MORE;
        }
        if (run.budget == 0) {
            return SOURCE_MORE;
        }
    }
}

/* Takes the lane's files up again: they are where the last call left them. */
static int resume_lane(struct pull *p)
{
    for (size_t i = 0; i < p->lane->search.count; i++) {
        struct tail_file *f = p->lane->search.items[i];
        int rc = tail_files_index(&p->files, &f->st) < p->files.count
                     ? tail_files_hold(&p->files, f)
                     : 0;
        if (rc) {
            return rc;
        }
    }
    struct tail_cursor *c = &p->lane->cursor;
    size_t index = c->file ? tail_files_index(&p->files, &c->file->st) : p->files.count;
    if (index < p->files.count) {
        p->place = (struct tail_place){
            .index = index, .offset = c->at.offset, .label = c->at.label};
        p->cursor = *c;
        *c = (struct tail_cursor){.file = NULL};
    }
    return 0;
}

/* Keeps for the next call what would be costly to come to again. */
static int keep_lane(struct pull *p, int answer)
{
    struct tail_cursor *c = &p->cursor;
    int is_searching = answer == ERR_LIMIT;
    int is_costly = c->file && (c->file->is_compressed || tail_lines_is_within(&c->lines));
    if (!p->lane) {
        return 0;
    }
    tail_lane_clear(p->lane);
    if (answer == SOURCE_MORE && is_costly) {
        p->lane->cursor = *c;
        *c = (struct tail_cursor){.file = NULL};
    }
    for (size_t i = 0; is_searching && i < p->files.count; i++) {
        struct tail_file *f = p->files.items[i];
        if (tail_inflate_is_far(f->inflate)) {
            int rc = tail_files_add(&p->lane->search, f);
            if (rc) {
                return rc;
            }
        }
    }
    if (p->lane->cursor.file || p->lane->search.count > 0) {
        memcpy(p->lane->key, p->position, strlen(p->position) + 1);
    }
    return 0;
}

/* Answers an enum source_pull; ERR_AGAIN when the files moved meanwhile, ERR_CLOSED when the position
 * is beyond the head, ERR_LIMIT when it is still searched for. */
static int pull_once(struct pull *p, const struct tail_position *from)
{
    int rc = p->is_again ? tail_log_list(p->log, &p->files) : tail_log_recall(p->log, &p->files);
    int is_recalled = rc == 1;
    if (rc >= 0 && p->lane) {
        rc = resume_lane(p);
    }
    if (rc < 0) {
        return rc;
    }
    rc = find_head(p);
    if (rc <= 0) {
        return rc ? rc : ERR_AGAIN;
    }
    if (p->files.count == 0) {
        tell_gap(p, "rotated-away", "the file with the lines after this position is gone", -1);
        return at_head(p);
    }
    if (!p->cursor.file) {
        rc = tail_find(&p->files, from, &p->place);
        if (rc) {
            return rc;
        }
        if (is_recalled && (p->place.lost || p->place.index == p->files.count)) {
            return ERR_AGAIN;
        }
    }
    int order = p->place.index == p->files.count ? 1 : compare(&p->place, &p->head);
    if (order > 0) {
        return ERR_CLOSED;
    }
    if (!p->lane && p->files.items[p->place.index]->is_compressed) {
        return ERR_LIMIT; /* until there is a lane for it */
    }
    rc = p->cursor.file ? 0 : seek(p);
    if (rc) {
        return rc;
    }
    if (p->place.lost) {
        tail_position_print(&p->cursor.at, p->position);
        if (tell_gap(p, p->place.lost, p->place.detail, -1)) {
            return order == 0 ? at_head(p) : SOURCE_MORE;
        }
    }
    return order == 0 ? at_head(p) : read_on(p);
}

/* A position ahead of a line that is not finished here yet: some process has sent it so far, as it
 * knew the file to be finished or did not want to wait. Sends it, too; answers 1 when that was so. */
static int take_word(struct pull *p)
{
    struct tail_log *l = p->log;
    uint64_t head = l->live.at.offset;
    if (p->place.lost || p->place.index == p->files.count || compare(&p->place, &p->head) <= 0) {
        return 0;
    }
    int is_in_file = p->place.index == p->head.index;
    uint64_t end = is_in_file ? p->place.offset : tail_log_pending(l);
    return tail_log_flush(l, end) == 0 && l->live.at.offset > head;
}

int tail_log_pull(struct tail_log *l, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                  size_t budget_bytes)
{
    struct tail_position from;
    int rc = ERR_AGAIN;
    for (int i = 0; i < TRIES_MAX; i++) {
        if (strcmp(position, l->head) == 0) {
            return SOURCE_HEAD;
        }
        if (tail_position_parse(position, &from)) {
            return ERR_INVALID;
        }
        struct pull p = {
            .log = l, .position = position, .page = page, .budget = budget_bytes, .is_again = i > 0};
        p.lane = lane_find(l, position);
        rc = pull_once(&p, &from);
        if (rc == ERR_CLOSED && i > 0 && take_word(&p)) {
            rc = ERR_AGAIN;
        }
        int is_beyond_for_good = rc == ERR_CLOSED && i > 0;
        if (is_beyond_for_good) {
            if (p.place.lost) {
                memcpy(position, l->head, sizeof l->head);
                tell_gap(&p, p.place.lost, p.place.detail, -1);
            }
            rc = at_head(&p);
        }
        if (keep_lane(&p, rc)) {
            rc = ERR_NOMEM;
        }
        tail_cursor_fini(&p.cursor);
        tail_files_fini(&p.files);
        if (rc == ERR_LIMIT) {
            return SOURCE_MORE;
        }
        if (rc != ERR_AGAIN && rc != ERR_CLOSED && rc != ERR_GONE) {
            return rc;
        }
        tail_log_moved(l);
        /* Live following is behind: it is brought up to date, then tried again. */
        int looked = tail_log_look(l, budget_bytes);
        if (looked < 0) {
            return looked;
        }
        if (looked == TAIL_LOG_BUSY) {
            return SOURCE_MORE;
        }
    }
    /* A log that nothing could be read of yet cannot be read. */
    return l->live.file ? SOURCE_MORE : ERR_IO;
}

/* Counts back through the files of `p` from the head. */
static int count_back(struct pull *p, uint64_t count)
{
    size_t index = tail_files_index(&p->files, &p->log->live.file->st);
    uint64_t offset = p->log->live.at.offset;
    struct tail_label label = p->log->live.at.label;
    for (;;) {
        struct tail_file *f = p->files.items[index];
        uint64_t begin;
        int rc = tail_file_open(f);
        if (!rc && offset == UINT64_MAX) {
            rc = tail_back_length(f, &offset);
        }
        if (!rc) {
            rc = tail_back_lines(f, offset, &count, &begin);
        }
        if (rc == ERR_NOMEM || rc == ERR_AGAIN || rc == ERR_GONE) {
            return rc;
        }
        if (rc) {
            break; /* what cannot be read is the end of what can be had */
        }
        /* With no bytes before it, only a file's own name tells it from others. */
        p->place = (struct tail_place){
            .index = index, .offset = begin, .label = begin > 0 ? label : f->label};
        if (count == 0 || index == 0) {
            break;
        }
        index--;
        offset = UINT64_MAX;
        label = p->files.items[index]->label;
    }
    return seek(p);
}

int tail_log_back(struct tail_log *l, uint64_t count, char out[SSE_POSITION_SIZE])
{
    if (!l->live.file || count == 0) {
        memcpy(out, l->head, sizeof l->head);
        return 0;
    }
    int rc = ERR_AGAIN;
    for (int i = 0; i < TRIES_MAX && (rc == ERR_AGAIN || rc == ERR_GONE); i++) {
        struct pull p = {.log = l};
        rc = tail_log_list(l, &p.files);
        if (!rc) {
            p.place = (struct tail_place){
                .index = tail_files_index(&p.files, &l->live.file->st),
                .offset = l->live.at.offset,
                .label = l->live.at.label,
            };
            rc = count_back(&p, count);
        }
        if (!rc) {
            tail_position_print(&p.cursor.at, out);
        }
        tail_cursor_fini(&p.cursor);
        tail_files_fini(&p.files);
    }
    return rc == ERR_NOMEM || rc == 0 ? rc : ERR_IO;
}

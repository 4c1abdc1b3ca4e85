/* SPDX-License-Identifier: MIT */
/* topic_log: the reading side of a topic, without a loop: what is new, history, and seeking. */
#include "source/topic/log.h"

#include "base/err.h"
#include "source/journal/seek.h"
#include "source/source.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_NS 1000000000
#define SETTLED_NS 100000000 /* many ticks */

/* ---- life ---- */

static void set_head(struct topic_log *l)
{
    l->head = l->reader.at;
    journal_position_print(&l->head, l->head_text);
}

/* What is made within a tick of the file system's clock after a listing does not show in the folder's time. */
static int list(struct topic_log *l)
{
    struct timespec now;
    if (stat(l->dir.path, &l->listed)) {
        l->listed = (struct stat){.st_ino = 0};
    }
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age_ns = (int64_t)(now.tv_sec - l->listed.st_mtim.tv_sec) * SECOND_NS + now.tv_nsec
                     - l->listed.st_mtim.tv_nsec;
    l->is_settled = age_ns > SETTLED_NS;
    return journal_dir_list(&l->dir);
}

int topic_log_init(struct topic_log *l, const char *state_dir, const char *stream,
                   const struct sse_out *live)
{
    *l = (struct topic_log){.live = live};
    int rc = journal_dir_init(&l->dir, state_dir, stream);
    if (rc) {
        return rc;
    }
    journal_reader_init(&l->reader, &l->dir);
    journal_reader_init(&l->page, &l->dir);
    rc = list(l);
    rc = rc ? rc : journal_reader_to_end(&l->reader);
    if (rc == ERR_NOMEM) {
        topic_log_fini(l);
        return rc;
    }
    l->is_unreadable = rc != 0;
    set_head(l);
    topic_log_rest(l);
    return 0;
}

void topic_log_fini(struct topic_log *l)
{
    journal_reader_fini(&l->reader);
    journal_reader_fini(&l->page);
    journal_dir_fini(&l->dir);
}

/* ---- what is new ---- */

int topic_log_list(struct topic_log *l)
{
    int rc = list(l);
    rc = rc || l->is_resting ? rc : journal_reader_check(&l->reader);
    l->is_unreadable = rc == ERR_IO;
    return rc;
}

int topic_log_has_moved(const struct topic_log *l)
{
    struct stat now;
    if (stat(l->dir.path, &now)) {
        return l->listed.st_ino != 0;
    }
    return !l->is_settled || now.st_ino != l->listed.st_ino
           || now.st_mtim.tv_sec != l->listed.st_mtim.tv_sec
           || now.st_mtim.tv_nsec != l->listed.st_mtim.tv_nsec;
}

/* ---- rest ---- */

/* The newest segment. */
static int stat_newest(const struct topic_log *l, struct stat *out)
{
    char *path = journal_dir_path(&l->dir, l->dir.items[l->dir.count - 1]);
    int rc = path ? stat(path, out) : -1;
    free(path);
    return rc;
}

/* 1 when the newest segment is the very one that the follower stood in, as it was. */
static int is_undisturbed(const struct topic_log *l)
{
    struct stat now;
    return l->dir.count > 0 && stat_newest(l, &now) == 0 && now.st_ino == l->slept.st_ino
           && now.st_dev == l->slept.st_dev && now.st_size == l->slept.st_size;
}

void topic_log_rest(struct topic_log *l)
{
    struct journal_reader *r = &l->reader;
    journal_seg_fini(&l->page.seg); /* each use opens it anew */
    int is_able = !l->is_resting && r->has_begun && r->seg.fd >= 0 && !r->is_cut && !r->is_orphan
                  && !r->is_replaced && !l->is_unreadable && l->dir.count > 0;
    if (!is_able || fstat(r->seg.fd, &l->slept) || (uint64_t)l->slept.st_size != r->offset
        || !is_undisturbed(l)) {
        return;
    }
    journal_seg_fini(&r->seg);
    l->is_resting = 1;
}

/* Goes on as anybody does who comes with the head's position. 0, JOURNAL_GAP, or JOURNAL_IDLE when it goes
 * on resting; errors as of look. */
static int wake(struct topic_log *l, struct journal_item *item)
{
    if (is_undisturbed(l)) {
        return JOURNAL_IDLE;
    }
    const struct journal_position at = l->head;
    int rc = journal_reader_seek(&l->reader, &at, item);
    l->is_resting = rc != 0 && rc != JOURNAL_GAP;
    return rc == ERR_GONE ? JOURNAL_IDLE : rc; /* there is no journal now */
}

/* Hands out what one step gave. Answers as the functions of struct sse_out do. */
static int hand_out(const struct sse_out *out, const struct journal_item *item, const char *position,
                    int step)
{
    if (step == JOURNAL_GAP) {
        struct sse_gap gap = {.position = position,
                              .reason = item->reason,
                              .detail = item->detail,
                              .bytes = item->bytes,
                              .events = item->events};
        return out->gap(out->ctx, &gap);
    }
    char name[JOURNAL_NAME_MAX + 1];
    memcpy(name, item->name, item->record.name_len);
    name[item->record.name_len] = '\0';
    struct sse_event event = {.position = position,
                              .name = item->record.name_len > 0 ? name : NULL,
                              .data = item->data,
                              .data_len = item->record.data_len};
    return out->event(out->ctx, &event);
}

static size_t cost_of(const struct journal_item *item, int step)
{
    return step == JOURNAL_EVENT ? journal_record_size(&item->record) : JOURNAL_RECORD_BYTES;
}

/* The reader may have gone on to a new segment with nothing in it. */
static void move_head(struct topic_log *l)
{
    const struct journal_position *at = &l->reader.at;
    int is_same = at->is_start == l->head.is_start && at->generation == l->head.generation
                  && at->epoch == l->head.epoch && at->offset == l->head.offset;
    if (is_same) {
        return;
    }
    set_head(l);
    if (l->live->advance) {
        l->live->advance(l->live->ctx, l->head_text);
    }
}

int topic_log_look(struct topic_log *l, size_t budget_bytes)
{
    size_t used = 0;
    struct journal_item item;
    int rc = l->is_resting ? wake(l, &item) : journal_reader_look(&l->reader);
    while (!rc || rc == JOURNAL_GAP) {
        rc = rc ? rc : journal_reader_step(&l->reader, NULL, &item);
        if (rc < 0 || rc == JOURNAL_IDLE) {
            break;
        }
        used += cost_of(&item, rc);
        set_head(l);
        int is_stopped = hand_out(l->live, &item, l->head_text, rc);
        if (is_stopped || used >= budget_bytes) {
            return TOPIC_LOG_BUSY;
        }
        rc = 0;
    }
    l->is_unreadable = rc == ERR_IO;
    if (rc == JOURNAL_IDLE && !l->is_resting) {
        move_head(l);
    }
    return rc == JOURNAL_IDLE ? TOPIC_LOG_IDLE : rc;
}

uint64_t topic_log_lag(const struct topic_log *l)
{
    struct stat st;
    if (l->reader.seg.fd < 0 || fstat(l->reader.seg.fd, &st)) {
        return 0;
    }
    uint64_t size = (uint64_t)st.st_size;
    return size > l->reader.offset ? size - l->reader.offset : 0;
}

/* ---- history ---- */

static int is_same_journal(const struct topic_log *l, const struct journal_position *p)
{
    return !p->is_start && !l->head.is_start && p->generation == l->head.generation;
}

/* 1 when nothing is between them and the head. */
static int is_at_head(const struct topic_log *l, const struct journal_position *p)
{
    if (p->is_start || l->head.is_start) {
        return p->is_start == l->head.is_start;
    }
    const struct journal_position *head = &l->head;
    if (!is_same_journal(l, p) || journal_order(p->epoch, p->seq, head->epoch, head->seq) != 0) {
        return 0;
    }
    if (head->is_event) {
        return !p->is_event || p->check == head->check;
    }
    return head->offset == JOURNAL_HEAD_BYTES || (!p->is_event && p->offset >= head->offset);
}

static int is_ahead(const struct topic_log *l, const struct journal_position *p)
{
    return is_same_journal(l, p) && journal_order(p->epoch, p->seq, l->head.epoch, l->head.seq) > 0;
}

/* What the follower has not come to yet. */
static int is_unfollowed(const struct topic_log *l)
{
    return l->head.is_start || l->page.generation != l->head.generation;
}

/* Puts the page's reader behind the position. 0; JOURNAL_GAP with what is to be told; errors as pull. */
static int open_page(struct topic_log *l, const struct journal_position *from,
                     struct journal_item *item)
{
    int rc = journal_reader_seek(&l->page, from, item);
    if (rc == 0 && (is_unfollowed(l) || is_ahead(l, from))) {
        return ERR_AGAIN;
    }
    return rc;
}

static void say_page(struct topic_log *l, char position[SSE_POSITION_SIZE])
{
    journal_position_print(&l->page.at, position);
}

/* Nothing can be read, but the head was somewhere once. */
static int give_up(struct topic_log *l, char position[SSE_POSITION_SIZE], const struct sse_out *page)
{
    struct sse_gap gap = {.position = l->head_text,
                          .reason = "deleted",
                          .detail = "the journal was deleted",
                          .bytes = -1,
                          .events = -1};
    memcpy(position, l->head_text, sizeof l->head_text);
    page->gap(page->ctx, &gap);
    return SOURCE_HEAD;
}

int topic_log_pull(struct topic_log *l, char position[SSE_POSITION_SIZE],
                   const struct sse_out *page, size_t budget_bytes)
{
    struct journal_item item;
    struct journal_position from;
    size_t used = 0;
    if (journal_position_parse(position, &from)) {
        from = (struct journal_position){.is_start = 1};
    }
    if (is_at_head(l, &from)) {
        memcpy(position, l->head_text, sizeof l->head_text);
        return SOURCE_HEAD;
    }
    int rc = open_page(l, &from, &item);
    if (rc < 0) {
        return rc == ERR_GONE ? give_up(l, position, page) : rc;
    }
    for (;;) {
        rc = rc ? rc : journal_reader_step(&l->page, &l->head, &item);
        if (rc < 0) {
            return rc;
        }
        if (rc == JOURNAL_IDLE && is_ahead(l, &l->page.at)) {
            return SOURCE_MORE; /* a gap led there: the head comes up to it */
        }
        if (rc == JOURNAL_IDLE) {
            memcpy(position, l->head_text, sizeof l->head_text);
            return SOURCE_HEAD;
        }
        say_page(l, position);
        used += cost_of(&item, rc);
        if (hand_out(page, &item, position, rc) || used >= budget_bytes || is_unfollowed(l)) {
            return SOURCE_MORE;
        }
        rc = 0;
    }
}

/* ---- seeking ---- */

static int put(int rc, const struct journal_position *at, char out[SSE_POSITION_SIZE])
{
    if (!rc) {
        journal_position_print(at, out);
    }
    return rc;
}

int topic_log_back(struct topic_log *l, uint64_t count, char out[SSE_POSITION_SIZE])
{
    struct journal_position at = l->head;
    int rc = 0;
    if (!at.is_start && count > 0 && at.seq > 0) {
        rc = journal_seek_number(&l->page, at.seq > count ? at.seq - count + 1 : 1, &at);
    }
    if (rc == ERR_GONE || journal_order(at.epoch, at.seq, l->head.epoch, l->head.seq) > 0) {
        at = l->head;
        rc = 0;
    }
    return put(rc, &at, out);
}

int topic_log_before(struct topic_log *l, const char *position, uint64_t count,
                     char start[SSE_POSITION_SIZE], char end[SSE_POSITION_SIZE])
{
    struct journal_position p, own, first, last;
    if (journal_position_parse(position, &p) || !is_same_journal(l, &p)) {
        return ERR_GONE;
    }
    int rc = p.is_event ? journal_seek_event(&l->page, p.seq, &own) : 0;
    if (rc || (p.is_event && (own.seq != p.seq || own.check != p.check))) {
        return rc ? rc : ERR_GONE;
    }
    uint64_t seq = p.is_event ? p.seq - 1 : p.seq; /* of the last one wanted */
    rc = journal_seek_event(&l->page, seq, &last);
    if (rc == ERR_GONE || (!rc && last.seq != seq)) { /* it is missing: a gap has this place */
        rc = journal_seek_number(&l->page, seq + 1, &last);
    }
    first = last;
    if (!rc && count > 0 && last.seq > 0) {
        rc = journal_seek_number(&l->page, seq > count ? seq - count + 1 : 1, &first);
    }
    rc = put(rc, &first, start);
    return put(rc, &last, end);
}

int topic_log_since(struct topic_log *l, int64_t wall_ms, char out[SSE_POSITION_SIZE])
{
    struct journal_position at = l->head;
    int rc = at.is_start ? ERR_GONE : journal_seek_time(&l->page, wall_ms, &at);
    if (rc == ERR_GONE || journal_order(at.epoch, at.seq, l->head.epoch, l->head.seq) > 0) {
        at = l->head;
        rc = 0;
    }
    return put(rc, &at, out);
}

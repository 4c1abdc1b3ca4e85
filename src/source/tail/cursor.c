/* SPDX-License-Identifier: MIT */
/* tail_cursor: a place in one file, and reading on from it. */
#include "source/tail/cursor.h"

#include "base/err.h"
#include "sse/event.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES (64 * 1024)
#define SKIP_BYTES (32 * 1024) /* looked through in one go for lines that are wanted */

static size_t min_size(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

int tail_cursor_seek(struct tail_cursor *c, struct tail_file *file, struct tail_label label,
                     uint64_t offset, size_t max_line_bytes)
{
    struct tail_cursor to = {
        .scanned = offset,
        .head_len = min_size(offset, TAIL_HEAD_BYTES),
        .before_len = min_size(offset, TAIL_BEFORE_BYTES),
        .lines = {.max_line_bytes = max_line_bytes},
    };
    size_t got = 0;
    int rc = tail_file_open(file);
    if (!rc && to.head_len) {
        rc = tail_file_read(file, to.head, to.head_len, 0, &got);
    }
    if (!rc && got < to.head_len) {
        rc = ERR_GONE;
    }
    if (!rc && to.before_len) {
        rc = tail_file_read(file, to.before, to.before_len, offset - to.before_len, &got);
    }
    if (!rc && got < to.before_len) {
        rc = ERR_GONE;
    }
    if (rc) {
        return rc;
    }
    to.head_hash = tail_hash_head(to.head, to.head_len);
    to.at = (struct tail_position){
        .label = label,
        .offset = offset,
        .head = to.head_hash,
        .before = tail_hash_before(to.before, to.before_len),
    };
    to.file = tail_file_ref(file);
    tail_cursor_fini(c);
    *c = to;
    return 0;
}

static uint64_t head_hash_at(const struct tail_cursor *c, uint64_t offset)
{
    return offset >= TAIL_HEAD_BYTES ? c->head_hash : tail_hash_head(c->head, (size_t)offset);
}

/* One read: `data` lies in a buffer behind the bytes that were before it. */
struct block {
    char *data;
    size_t len;
    size_t asked;
};

/* Reads the bytes from `scanned` on together with those before, and checks after reading: what
 * was the same then was so while it was read. */
static int read_block(struct tail_cursor *c, char *buffer, size_t want, struct block *b)
{
    size_t got;
    int rc = tail_file_read(c->file, buffer, c->before_len + want, c->scanned - c->before_len,
                            &got);
    if (rc) {
        return rc;
    }
    if (got < c->before_len || memcmp(buffer, c->before, c->before_len) != 0) {
        return TAIL_CURSOR_CHANGED;
    }
    if (!c->file->is_compressed && c->head_len > 0) {
        char head[TAIL_HEAD_BYTES];
        size_t head_got;
        rc = tail_file_read(c->file, head, c->head_len, 0, &head_got);
        if (rc) {
            return rc;
        }
        if (head_got < c->head_len || memcmp(head, c->head, c->head_len) != 0) {
            return TAIL_CURSOR_CHANGED;
        }
    }
    if (c->waiting > 0 && want >= c->waiting) {
        size_t end = c->before_len + c->waiting;
        size_t before = min_size(end, TAIL_BEFORE_BYTES);
        if (got < end || tail_hash_before(buffer + end - before, before) != c->seen.before) {
            return TAIL_CURSOR_CHANGED;
        }
    }
    *b = (struct block){.data = buffer + c->before_len, .len = got - c->before_len, .asked = want};
    return 0;
}

/* Moves `scanned` on by `used` bytes of the block. */
static void advance(struct tail_cursor *c, const struct block *b, size_t used)
{
    c->scanned += used;
    c->before_len = min_size(c->scanned, TAIL_BEFORE_BYTES);
    memcpy(c->before, b->data + used - c->before_len, c->before_len);
    c->head_len = min_size(c->scanned, TAIL_HEAD_BYTES);
}

/* Remembers what follows `scanned` and is not taken in: the last `waiting` bytes of the block. */
static void note_waiting(struct tail_cursor *c, const struct block *b, size_t waiting)
{
    uint64_t end = c->scanned + waiting;
    size_t before = min_size(end, TAIL_BEFORE_BYTES);
    c->waiting = waiting;
    c->seen = (struct tail_position){
        .label = c->at.label,
        .offset = end,
        .head = head_hash_at(c, end),
        .before = tail_hash_before(b->data + b->len - before, before),
    };
}

const struct tail_position *tail_cursor_seen(const struct tail_cursor *c)
{
    return c->waiting > 0 ? &c->seen : &c->at;
}

/* Takes the head's bytes out of a block that begins within it. */
static void fill_head(struct tail_cursor *c, const struct block *b)
{
    if (c->scanned >= TAIL_HEAD_BYTES) {
        return;
    }
    size_t from = (size_t)c->scanned;
    size_t len = min_size(b->len, TAIL_HEAD_BYTES - from);
    memcpy(c->head + from, b->data, len);
    c->head_len = from + len;
    c->head_hash = tail_hash_head(c->head, c->head_len);
}

/* Moves the address to `used` in the block. */
static void move_to(struct tail_cursor *c, const struct block *b, size_t used,
                    char position[SSE_POSITION_SIZE])
{
    c->at.offset = c->scanned + used;
    c->at.head = head_hash_at(c, c->at.offset);
    size_t before = min_size(c->at.offset, TAIL_BEFORE_BYTES);
    c->at.before = tail_hash_before(b->data + used - before, before);
    tail_printer_print(&c->printer, &c->at, position);
}

/* How many bytes from `at` on are whole, ordinary lines that nobody wants. */
static size_t count_unwanted(const struct tail_cursor *c, const struct block *b, size_t at,
                             const struct tail_run *run, int *is_enough)
{
    /* A byte order mark is no text of the first line. */
    if (!run->skip.find || c->scanned + at == 0 || tail_lines_is_within(&c->lines)) {
        return 0;
    }
    const char *data = b->data + at;
    size_t len = run->skip.find(run->skip.ctx, data, min_size(b->len - at, SKIP_BYTES), is_enough);
    /* What may be a hole, or is cut for its length, is looked at. */
    const char *nul = memchr(data, 0, len);
    len = nul ? (size_t)(nul - data) : len;
    size_t end = 0;
    while (end < len) {
        const char *newline = memrchr(data + end, '\n', min_size(len - end, c->lines.max_line_bytes));
        if (!newline) {
            break;
        }
        end = (size_t)(newline + 1 - data);
    }
    uint64_t from = c->scanned + at;
    return from < run->skip_to && run->skip_to <= from + end ? 0 : end;
}

/* Passes over lines that nobody wants. Answers 1 to stop. */
static int pass_over(struct tail_cursor *c, const struct block *b, const struct tail_run *run,
                     size_t *at)
{
    int is_enough = 0;
    size_t n = count_unwanted(c, b, *at, run, &is_enough);
    if (n == 0) {
        return 0;
    }
    char position[SSE_POSITION_SIZE];
    *at += n;
    move_to(c, b, *at, position);
    run->out->advance(run->out->ctx, position);
    return is_enough;
}

/* Hands a piece over that ends at `used` in the block. Answers 1 to stop. */
static int hand_over(struct tail_cursor *c, const struct block *b, size_t used,
                     const struct tail_piece *piece, const char *name, const struct sse_out *out)
{
    char position[SSE_POSITION_SIZE];
    move_to(c, b, used, position);
    if (piece->kind == TAIL_PIECE_HOLE) {
        struct sse_gap gap = {
            .position = position,
            .reason = "hole",
            .detail = "the log holds no text here, only NUL bytes",
            .bytes = (int64_t)piece->bytes,
            .events = -1,
        };
        return out->gap(out->ctx, &gap);
    }
    struct sse_event event = {
        .position = position, .name = name, .data = piece->data, .data_len = piece->len};
    return out->event(out->ctx, &event);
}

/* Takes the pieces out of a block; *used gets how many of its bytes they and begun ones took. */
static int feed(struct tail_cursor *c, const struct block *b, struct tail_run *run, size_t *used)
{
    size_t at = 0;
    while (at < b->len) {
        struct tail_piece piece;
        size_t n;
        if (pass_over(c, b, run, &at)) {
            *used = at;
            return TAIL_CURSOR_STOPPED;
        }
        if (at == b->len) {
            break;
        }
        int rc = tail_lines_take(&c->lines, b->data + at, b->len - at, c->scanned + at == 0, &n,
                                 &piece);
        if (rc) {
            return rc;
        }
        at += n;
        if (piece.kind == TAIL_PIECE_NONE) {
            break;
        }
        if (hand_over(c, b, at, &piece, NULL, run->out)) {
            *used = at;
            return TAIL_CURSOR_STOPPED;
        }
    }
    *used = at;
    return 0;
}

/* The rest, when it is to be sent. */
static int finish(struct tail_cursor *c, const struct block *b, const struct tail_run *run)
{
    struct tail_piece piece;
    const char *name = run->rest == TAIL_REST_IS_HALF ? TAIL_HALF_NAME : NULL;
    tail_lines_finish(&c->lines, b->data, b->len, c->scanned == 0, &piece);
    int stop = piece.kind != TAIL_PIECE_NONE && hand_over(c, b, b->len, &piece, name, run->out);
    advance(c, b, b->len);
    c->waiting = 0;
    return stop ? TAIL_CURSOR_STOPPED : TAIL_CURSOR_END;
}

/* Within a hole, asks the file system how far it reaches rather than read zeros. */
static void leap(struct tail_cursor *c, uint64_t end)
{
    if (!c->lines.is_in_hole || c->file->is_compressed) {
        return;
    }
    off_t data = lseek(c->file->fd, (off_t)c->scanned, SEEK_DATA);
    if (data < 0) {
        data = lseek(c->file->fd, 0, SEEK_END);
    }
    if (data < 0 || (uint64_t)data <= c->scanned || end <= c->scanned) {
        return;
    }
    uint64_t to = (uint64_t)data < end ? (uint64_t)data : end;
    if (to - c->scanned < BLOCK_BYTES) {
        return;
    }
    assert(c->scanned >= TAIL_HEAD_BYTES); /* a whole block was read before */
    tail_lines_skip_hole(&c->lines, to - c->scanned);
    c->scanned = to;
    c->before_len = TAIL_BEFORE_BYTES;
    memset(c->before, 0, sizeof c->before);
}

static int run_blocks(struct tail_cursor *c, struct tail_run *run, char *buffer, size_t size)
{
    uint64_t begun = c->at.offset;
    for (;;) {
        struct block b;
        size_t used = 0;
        size_t want = run->end > c->scanned ? min_size(run->end - c->scanned, size) : 0;
        int rc = read_block(c, buffer, want, &b);
        if (rc) {
            return rc;
        }
        fill_head(c, &b);
        rc = feed(c, &b, run, &used);
        int is_at_end = c->scanned + b.len >= run->end;
        int is_last = b.len < b.asked || is_at_end;
        int is_rest_due = run->rest == TAIL_REST_IS_LINE
                          || (run->rest == TAIL_REST_IS_HALF && is_at_end);
        advance(c, &b, used);
        note_waiting(c, &b, b.len - used);
        if (!rc && is_last && is_rest_due) {
            struct block rest = {.data = b.data + used, .len = b.len - used};
            return finish(c, &rest, run);
        }
        if (rc) {
            return rc;
        }
        if (is_last) {
            return TAIL_CURSOR_END;
        }
        leap(c, run->end);
        run->budget -= min_size(run->budget, used);
        if (run->budget == 0 && (run->in_pieces || c->at.offset > begun)) {
            return TAIL_CURSOR_MORE;
        }
    }
}

int tail_cursor_run(struct tail_cursor *c, struct tail_run *run)
{
    size_t size = TAIL_LINE_REST(c->lines.max_line_bytes) + BLOCK_BYTES;
    char *buffer = malloc(TAIL_BEFORE_BYTES + size);
    if (!buffer) {
        return ERR_NOMEM;
    }
    int rc = run_blocks(c, run, buffer, size);
    free(buffer);
    return rc;
}

void tail_cursor_fini(struct tail_cursor *c)
{
    tail_file_unref(c->file);
    c->file = NULL;
    tail_lines_fini(&c->lines);
}

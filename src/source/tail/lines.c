/* SPDX-License-Identifier: MIT */
/* tail_lines: bytes into complete lines, piece by piece. Pure. */
#include "source/tail/lines.h"

#include "base/err.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARKER_BYTES 64
#define BOM "\xef\xbb\xbf"
#define BOM_BYTES 3

/* How many NUL bytes `data` begins with. */
static size_t count_nuls(const char *data, size_t len)
{
    /* All are NUL when the first is and each equals the one before it. */
    if (len == 0 || data[0]) {
        return 0;
    }
    if (memcmp(data, data + 1, len - 1) == 0) {
        return len;
    }
    size_t n = 1;
    while (data[n] == 0) {
        n++;
    }
    return n;
}

/* Where a hole begins in a line; `len` when there is none. */
static size_t find_hole(const char *data, size_t len)
{
    size_t at = 0;
    while (len - at >= TAIL_HOLE_BYTES) {
        const char *nul = memchr(data + at, 0, len - at);
        if (!nul) {
            return len;
        }
        at = (size_t)(nul - data);
        size_t run = count_nuls(nul, len - at < TAIL_HOLE_BYTES ? len - at : TAIL_HOLE_BYTES);
        if (run == TAIL_HOLE_BYTES) {
            return at;
        }
        at += run;
    }
    return len;
}

static size_t skip_bom(const char *data, size_t len, int at_start)
{
    return at_start && len >= BOM_BYTES && memcmp(data, BOM, BOM_BYTES) == 0 ? BOM_BYTES : 0;
}

/* Keeps the beginning of a line that is longer than the limit, cut between characters. */
static int begin_long(struct tail_lines *l, const char *data, int at_start)
{
    if (!l->kept) {
        l->kept = malloc(l->max_line_bytes + MARKER_BYTES);
        if (!l->kept) {
            return ERR_NOMEM;
        }
    }
    size_t from = skip_bom(data, l->max_line_bytes, at_start);
    size_t end = l->max_line_bytes;
    while (end > l->max_line_bytes - 4 && ((unsigned char)data[end] & 0xc0) == 0x80) {
        end--;
    }
    l->kept_len = end - from;
    memcpy(l->kept, data + from, l->kept_len);
    l->taken = 0;
    return 0;
}

static void end_long(struct tail_lines *l, uint64_t left_out, struct tail_piece *piece)
{
    int n = snprintf(l->kept + l->kept_len, MARKER_BYTES, " [... %" PRIu64 " more bytes]",
                     left_out);
    *piece = (struct tail_piece){
        .kind = TAIL_PIECE_LINE, .data = l->kept, .len = l->kept_len + (size_t)n};
    l->kept_len = 0;
    l->taken = 0;
}

/* Within an over-long line: counts on to its end. */
static size_t take_long(struct tail_lines *l, const char *data, size_t len,
                        struct tail_piece *piece)
{
    const char *newline = memchr(data, '\n', len);
    size_t end = newline ? (size_t)(newline - data) : len;
    size_t hole = find_hole(data, end);
    if (hole < end || newline) {
        l->taken += hole;
        end_long(l, l->taken, piece);
        return hole < end ? hole : end + 1;
    }
    /* NUL bytes at the end may be the beginning of a hole. */
    while (end > 0 && len - end < TAIL_HOLE_BYTES && data[end - 1] == 0) {
        end--;
    }
    l->taken += end;
    return end;
}

static size_t take_hole(struct tail_lines *l, const char *data, size_t len,
                        struct tail_piece *piece)
{
    size_t n = count_nuls(data, len);
    l->is_in_hole = 1;
    l->taken += n;
    if (n < len) {
        *piece = (struct tail_piece){.kind = TAIL_PIECE_HOLE, .bytes = l->taken};
        l->is_in_hole = 0;
        l->taken = 0;
    }
    return n;
}

int tail_lines_take(struct tail_lines *l, const char *data, size_t len, int at_start,
                    size_t *used, struct tail_piece *piece)
{
    *piece = (struct tail_piece){.kind = TAIL_PIECE_NONE};
    *used = 0;
    if (len == 0) {
        return 0;
    }
    if (l->kept_len) {
        *used = take_long(l, data, len, piece);
        return 0;
    }
    if (l->is_in_hole || data[0] == 0) {
        *used = take_hole(l, data, len, piece);
        return 0;
    }
    const char *newline = memchr(data, '\n', len);
    size_t end = newline ? (size_t)(newline - data) : len;
    size_t hole = find_hole(data, end);
    int is_cut_by_hole = hole < end;
    int is_complete = newline || is_cut_by_hole;
    end = hole;
    /* Without its end in sight, a hole that begins within the limit must be told first. */
    if (end > l->max_line_bytes + (is_complete ? 0 : TAIL_HOLE_BYTES)) {
        int rc = begin_long(l, data, at_start);
        if (rc) {
            return rc;
        }
        size_t from = l->kept_len + skip_bom(data, end, at_start);
        *used = from + take_long(l, data + from, len - from, piece);
        return 0;
    }
    if (!is_complete) {
        return 0;
    }
    *used = is_cut_by_hole ? end : end + 1;
    if (end > 0 && data[end - 1] == '\r' && !is_cut_by_hole) {
        end--;
    }
    size_t from = skip_bom(data, end, at_start);
    *piece = (struct tail_piece){
        .kind = TAIL_PIECE_LINE, .data = data + from, .len = end - from};
    return 0;
}

void tail_lines_finish(struct tail_lines *l, const char *data, size_t len, int at_start,
                       struct tail_piece *piece)
{
    *piece = (struct tail_piece){.kind = TAIL_PIECE_NONE};
    if (l->kept_len) {
        end_long(l, l->taken + len, piece);
    } else if (l->is_in_hole) {
        assert(len == 0);
        *piece = (struct tail_piece){.kind = TAIL_PIECE_HOLE, .bytes = l->taken};
        l->is_in_hole = 0;
        l->taken = 0;
    } else if (len > l->max_line_bytes && begin_long(l, data, at_start) == 0) {
        end_long(l, len - l->kept_len - skip_bom(data, len, at_start), piece);
    } else if (len > 0) {
        size_t from = skip_bom(data, len, at_start);
        *piece = (struct tail_piece){
            .kind = TAIL_PIECE_LINE, .data = data + from, .len = len - from};
    }
}

void tail_lines_skip_hole(struct tail_lines *l, uint64_t bytes)
{
    assert(l->is_in_hole);
    l->taken += bytes;
}

int tail_lines_is_within(const struct tail_lines *l)
{
    return l->kept_len > 0 || l->is_in_hole;
}

void tail_lines_fini(struct tail_lines *l)
{
    free(l->kept);
    l->kept = NULL;
    l->kept_len = 0;
    l->taken = 0;
    l->is_in_hole = 0;
}

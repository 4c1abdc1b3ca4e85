/* SPDX-License-Identifier: MIT */
/* tail_lines: bytes into complete lines, piece by piece. Pure.
 *
 * A line ends at LF; a CR before it goes. A line over the limit is cut and says by how much. NUL
 * bytes where a line should begin, and long runs of them inside one, are a hole: what a crash or
 * a writer without O_APPEND leaves behind. A byte order mark at the file's start is no text. */
#ifndef SOURCE_TAIL_LINES_H
#define SOURCE_TAIL_LINES_H

#include <stddef.h>
#include <stdint.h>

#define TAIL_HOLE_BYTES 512 /* NUL bytes in the middle of a line that make a hole */

enum tail_piece_kind {
    TAIL_PIECE_LINE,
    TAIL_PIECE_HOLE,
    TAIL_PIECE_NONE /* more bytes are needed */
};

struct tail_piece {
    enum tail_piece_kind kind;
    const char *data; /* the line, borrowed until the next call */
    size_t len;
    uint64_t bytes; /* of the hole */
};

#define TAIL_LINE_LEAST (2 * TAIL_HOLE_BYTES) /* what max_line_bytes must be at least */

#define TAIL_LINE_REST(max_line_bytes) ((max_line_bytes) + TAIL_HOLE_BYTES)

/* Zeroed storage is ready for use at a line's beginning, once max_line_bytes is set. */
struct tail_lines {
    size_t max_line_bytes;
    char *kept;      /* the beginning of an over-long line and room for the marker */
    size_t kept_len; /* 0 when not within one */
    uint64_t taken;  /* bytes of the unfinished line or hole so far */
    int is_in_hole;
};

/* Looks for the next piece in `data`, which begins where the last call's `used` ended; at_start:
 * that is the file's first byte. With TAIL_PIECE_NONE, bytes past *used are the beginning of a line
 * (at most TAIL_LINE_REST of them) and must be offered again with more behind them.
 * ERR_NOMEM. */
int tail_lines_take(struct tail_lines *l, const char *data, size_t len, int at_start,
                    size_t *used, struct tail_piece *piece);

/* The file is finished and `data` what was never taken: makes it the last piece. */
void tail_lines_finish(struct tail_lines *l, const char *data, size_t len, int at_start,
                       struct tail_piece *piece);

/* A hole goes on for `bytes` more that need not be read. Only while is_in_hole. */
void tail_lines_skip_hole(struct tail_lines *l, uint64_t bytes);

/* 1 when part of a piece was consumed. */
int tail_lines_is_within(const struct tail_lines *l);

void tail_lines_fini(struct tail_lines *l);

#endif

/* SPDX-License-Identifier: MIT */
/* tail_cursor: a place in one file, and reading on from it. Live following and replay both are
 * this, so they give the same events with the same positions. */
#ifndef SOURCE_TAIL_CURSOR_H
#define SOURCE_TAIL_CURSOR_H

#include "source/tail/file.h"
#include "source/tail/lines.h"
#include "source/tail/position.h"

#include <stddef.h>
#include <stdint.h>

struct sse_out;

/* Holds no block of the file: what is not a whole line yet is read again. Every read is checked
 * against the bytes before it and the file's head, so that a file that was cut or written anew
 * between two reads gives nothing that only looks like its next line. */
struct tail_cursor {
    struct tail_file *file;  /* NULL: nowhere */
    struct tail_position at; /* behind the last event; its label goes into all that follow */
    uint64_t scanned;   /* behind the last byte taken in; past at.offset only within a piece */
    uint64_t head_hash; /* good once `head` is full */
    size_t head_len;    /* as many of the first bytes as lie before `scanned` */
    size_t before_len;
    size_t waiting; /* bytes after `scanned` that were seen, but are no whole line yet */
    struct tail_position seen; /* behind those */
    char head[TAIL_HEAD_BYTES];
    char before[TAIL_BEFORE_BYTES]; /* the bytes before `scanned` */
    struct tail_lines lines;
    struct tail_printer printer;
};

/* What becomes of bytes at the end that are no whole line. */
enum tail_rest {
    TAIL_REST_WAITS,   /* for its line end */
    TAIL_REST_IS_LINE, /* the file is finished */
    TAIL_REST_IS_HALF  /* it is sent, marked by the event's name, when all up to run->end is there */
};

#define TAIL_HALF_NAME "partial"

/* Passes over lines that nobody wants, so that they need not be handed over one by one. */
struct tail_skip {
    /* Answers how many of the first bytes of a block hold no line that is wanted. They end with a line's
     * end, unless it is the whole block. *is_enough: the work has taken long enough for now. NULL:
     * all lines are handed over. */
    size_t (*find)(void *ctx, const char *block, size_t len, int *is_enough);
    void *ctx;
};

struct tail_run {
    const struct sse_out *out;
    uint64_t end;  /* no byte from here on is read; UINT64_MAX for none */
    size_t budget; /* about how many bytes to read; counted down */
    enum tail_rest rest;
    struct tail_skip skip;
    uint64_t skip_to; /* not past this offset, when it is before it; 0: anywhere */
    int in_pieces; /* may stop within a piece, as the cursor is kept; else goes on to its end */
};

/* Answers of tail_cursor_run. */
enum tail_cursor_answer {
    TAIL_CURSOR_END = 1, /* at the end of the file, or at run->end */
    TAIL_CURSOR_MORE,    /* the budget is spent */
    TAIL_CURSOR_STOPPED, /* `out` said so */
    TAIL_CURSOR_CHANGED  /* these are not the bytes any more that were there before */
};

/* Goes to `offset` of the file and opens it if need be. The cursor is zeroed storage or one to be
 * moved; it stays as it was on failure. ERR_GONE: the file is shorter; otherwise as
 * tail_file_read. */
int tail_cursor_seek(struct tail_cursor *c, struct tail_file *file, struct tail_label label,
                     uint64_t offset, size_t max_line_bytes);

/* The furthest position whose bytes it can vouch for. */
const struct tail_position *tail_cursor_seen(const struct tail_cursor *c);

/* Reads on and hands over what is complete. ERR_NOMEM, ERR_IO, ERR_INVALID (damaged). */
int tail_cursor_run(struct tail_cursor *c, struct tail_run *run);

void tail_cursor_fini(struct tail_cursor *c);

#endif

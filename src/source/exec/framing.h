/* SPDX-License-Identifier: MIT */
/* exec_framing: a program's output into events, piece by piece. Pure. */
#ifndef SOURCE_EXEC_FRAMING_H
#define SOURCE_EXEC_FRAMING_H

#include "base/buf.h"
#include "source/tail/lines.h"

#include <stddef.h>
#include <stdint.h>

enum exec_framing_kind {
    EXEC_LINES,  /* a line is an event, and so are the bytes behind the last one */
    EXEC_CHUNKS, /* what was read at once is, up to the end of its last whole character */
    EXEC_NDJSON, /* a line, which is JSON; one that is not is wrapped, as tail does it */
    EXEC_SSE     /* an event of an event stream: its name and data, whatever its id */
};

/* The names of these for settings, in their order, NULL-terminated. */
extern const char *const exec_framings[];

enum exec_piece_kind {
    EXEC_PIECE_NONE, /* more bytes are needed; at the end: that was all */
    EXEC_PIECE_EVENT,
    EXEC_PIECE_GAP
};

/* Pointers are borrowed until the next call. */
struct exec_piece {
    enum exec_piece_kind kind;
    const char *name; /* NULL: none */
    const char *data;
    size_t len;
    const char *reason; /* of a gap */
    uint64_t bytes;     /* that are missing */
};

struct exec_framing {
    enum exec_framing_kind kind;
    size_t max_bytes; /* longer lines are cut; longer events of an event stream are gaps */
    uint64_t offset;  /* of the next byte in the program's output */
    struct tail_lines lines;
    struct buf json; /* a line that was wrapped; of an event stream, the data so far */
    struct buf name;
    uint64_t dropped; /* bytes of an event that is too long, its data or its line */
    int has_data;
    int is_after_cr;    /* an LF that comes now belongs to it */
    int is_within_long; /* a line of an event stream that is dropped; its end did not come yet */
    int is_over;        /* the event that was handed out last */
};

/* How many bytes may be left over with EXEC_PIECE_NONE. */
#define EXEC_FRAMING_REST(max_bytes) (TAIL_LINE_REST(max_bytes) + 4)

void exec_framing_init(struct exec_framing *f, enum exec_framing_kind kind, size_t max_bytes);
void exec_framing_fini(struct exec_framing *f);

/* Looks for the next piece in `data`, which begins where the last call's *used ended; is_end:
 * nothing follows. With EXEC_PIECE_NONE, bytes past *used must be offered again with more behind
 * them; at the end there are none. ERR_NOMEM: what was not used is to be offered again, later. */
int exec_framing_take(struct exec_framing *f, const char *data, size_t len, int is_end,
                      size_t *used, struct exec_piece *piece);

#endif

/* SPDX-License-Identifier: MIT */
/* exec_framing: a program's output into events, piece by piece. Pure. */
#include "source/exec/framing.h"

#include "base/err.h"
#include "base/utf8.h"
#include "source/line_format.h"

#include <string.h>

#define JSON_GROWTH 6 /* "\u0000" for one byte */
#define WRAP_BYTES 256
#define NAME_MAX_BYTES 255
#define OURS "stream." /* names of ssecgi's own events */

const char *const exec_framings[] = {"lines", "chunks", "ndjson", "sse", NULL};

void exec_framing_init(struct exec_framing *f, enum exec_framing_kind kind, size_t max_bytes)
{
    size_t most = kind == EXEC_NDJSON ? max_bytes * JSON_GROWTH + WRAP_BYTES : max_bytes;
    *f = (struct exec_framing){.kind = kind, .max_bytes = max_bytes};
    f->lines.max_line_bytes = max_bytes;
    buf_init(&f->json, most);
    buf_init(&f->name, NAME_MAX_BYTES + 1);
}

void exec_framing_fini(struct exec_framing *f)
{
    tail_lines_fini(&f->lines);
    buf_fini(&f->json);
    buf_fini(&f->name);
}

/* ---- lines ---- */

static void wrap(struct exec_framing *f, struct exec_piece *piece, uint64_t offset)
{
    struct line line = {.text = piece->data, .len = piece->len, .offset = offset};
    if (line_format(LINE_FORMAT_NDJSON, &line, &f->json, &piece->data, &piece->len)) {
        *piece =
            (struct exec_piece){.kind = EXEC_PIECE_GAP, .reason = "no-memory", .bytes = piece->len};
    }
}

static int take_line(struct exec_framing *f, const char *data, size_t len, int is_end, size_t *used,
                     struct exec_piece *piece)
{
    struct tail_piece t;
    int is_start = f->offset == 0;
    int rc = tail_lines_take(&f->lines, data, len, is_start, used, &t);
    if (rc) {
        return rc;
    }
    if (is_end && t.kind == TAIL_PIECE_NONE && (*used < len || tail_lines_is_within(&f->lines))) {
        tail_lines_finish(&f->lines, data + *used, len - *used, is_start && *used == 0, &t);
        *used = len;
    }
    if (t.kind == TAIL_PIECE_HOLE) {
        *piece = (struct exec_piece){.kind = EXEC_PIECE_GAP, .reason = "hole", .bytes = t.bytes};
    } else if (t.kind == TAIL_PIECE_LINE) {
        *piece = (struct exec_piece){.kind = EXEC_PIECE_EVENT, .data = t.data, .len = t.len};
        if (f->kind == EXEC_NDJSON) {
            wrap(f, piece, f->offset + *used);
        }
    }
    return 0;
}

/* ---- chunks ---- */

/* How many of the last bytes are the beginning of a character. */
static size_t unfinished(const char *data, size_t len)
{
    for (size_t n = 1; n <= 3 && n <= len; n++) {
        const char *at = data + len - n;
        unsigned char c = (unsigned char)*at;
        if (c >= 0xc2 && c <= 0xf4) {
            return utf8_valid_prefix(at, n) == 0 && utf8_bad_length(at, n) == n ? n : 0;
        }
        if (c < 0x80 || c > 0xbf) {
            return 0;
        }
    }
    return 0;
}

/* A CR at the end waits, too: with an LF behind it, it would be one line end in two events. */
static void take_chunk(struct exec_framing *f, const char *data, size_t len, int is_end,
                       size_t *used, struct exec_piece *piece)
{
    size_t n = len < f->max_bytes ? len : f->max_bytes;
    if (n > 0 && !(is_end && n == len)) {
        n -= data[n - 1] == '\r' ? 1 : unfinished(data, n);
    }
    *used = n;
    if (n > 0) {
        *piece = (struct exec_piece){.kind = EXEC_PIECE_EVENT, .data = data, .len = n};
    }
}

/* ---- an event stream (WHATWG HTML 9.2.6) ---- */

static void start_event(struct exec_framing *f)
{
    buf_clear(&f->json);
    buf_clear(&f->name);
    f->has_data = 0;
    f->dropped = 0;
    f->is_over = 0;
}

/* The event's fields stay as they are until the next line. */
static void end_event(struct exec_framing *f, struct exec_piece *piece)
{
    const char *name = f->name.len > 0 ? f->name.data : NULL;
    if (f->dropped > 0) {
        *piece = (struct exec_piece){
            .kind = EXEC_PIECE_GAP, .reason = "too-large", .bytes = f->dropped + f->json.len};
    } else if (f->has_data) {
        *piece = (struct exec_piece){.kind = EXEC_PIECE_EVENT,
                                     .name = name && strncmp(name, OURS, strlen(OURS)) != 0 ? name
                                                                                            : NULL,
                                     .data = f->json.data,
                                     .len = f->json.len};
    }
}

static int add_data(struct exec_framing *f, const char *value, size_t len)
{
    int rc = f->has_data ? buf_append_char(&f->json, '\n') : 0;
    rc = rc ? rc : buf_append(&f->json, value, len);
    f->has_data = 1;
    if (rc == ERR_LIMIT) {
        f->dropped += len;
        rc = 0;
    }
    return rc;
}

static int set_name(struct exec_framing *f, const char *value, size_t len)
{
    buf_clear(&f->name);
    if (len == 0 || len > NAME_MAX_BYTES || memchr(value, 0, len)) {
        return 0;
    }
    int rc = buf_append(&f->name, value, len);
    return rc ? rc : buf_append_char(&f->name, '\0');
}

static int take_field(struct exec_framing *f, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    size_t name = colon ? (size_t)(colon - line) : len;
    size_t from = colon ? name + 1 : len;
    from += from < len && line[from] == ' ';
    if (name == 4 && memcmp(line, "data", 4) == 0) {
        return add_data(f, line + from, len - from);
    }
    if (name == 5 && memcmp(line, "event", 5) == 0) {
        return set_name(f, line + from, len - from);
    }
    return 0; /* an id, retry, a comment, or what nobody knows */
}

/* The end of the line at `data`, or `len`. */
static size_t line_end(const char *data, size_t len)
{
    const char *lf = memchr(data, '\n', len);
    size_t end = lf ? (size_t)(lf - data) : len;
    const char *cr = memchr(data, '\r', end);
    return cr ? (size_t)(cr - data) : end;
}

/* How many bytes are none of the line's: the second half of a CRLF, and a byte order mark. */
static size_t skip_before(const struct exec_framing *f, const char *data, size_t len, size_t used)
{
    if (f->is_after_cr && len > 0 && data[0] == '\n') {
        return 1;
    }
    return f->offset + used == 0 && len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

/* One line. Answers 0 when there is none yet, 1 when it was taken, or ERR_NOMEM. */
static int take_sse_line(struct exec_framing *f, const char *data, size_t len, size_t *used,
                         struct exec_piece *piece)
{
    size_t from = skip_before(f, data, len, *used);
    size_t end = line_end(data + from, len - from);
    int is_whole = from + end < len;
    int rc = 0;
    if (!is_whole && !f->is_within_long && end <= f->max_bytes) {
        return 0;
    }
    if (!is_whole || f->is_within_long) {
        f->is_within_long = !is_whole;
        f->dropped += end;
    } else if (end == 0) {
        end_event(f, piece);
        f->is_over = 1;
    } else {
        rc = take_field(f, data + from, end);
    }
    if (!rc) {
        f->is_after_cr = is_whole && data[from + end] == '\r';
        *used += from + end + (size_t)is_whole;
    }
    return rc ? rc : is_whole;
}

static int take_sse(struct exec_framing *f, const char *data, size_t len, size_t *used,
                    struct exec_piece *piece)
{
    int rc = 1;
    while (rc == 1 && piece->kind == EXEC_PIECE_NONE) {
        if (f->is_over) {
            start_event(f);
        }
        rc = take_sse_line(f, data + *used, len - *used, used, piece);
    }
    return rc < 0 ? rc : 0;
}

int exec_framing_take(struct exec_framing *f, const char *data, size_t len, int is_end,
                      size_t *used, struct exec_piece *piece)
{
    int rc = 0;
    *used = 0;
    *piece = (struct exec_piece){.kind = EXEC_PIECE_NONE};
    if (f->kind == EXEC_SSE) {
        rc = take_sse(f, data, len, used, piece);
        *used = is_end && !rc && piece->kind == EXEC_PIECE_NONE ? len : *used;
    } else if (f->kind == EXEC_CHUNKS) {
        take_chunk(f, data, len, is_end, used, piece);
    } else {
        rc = take_line(f, data, len, is_end, used, piece);
    }
    f->offset += *used;
    return rc;
}

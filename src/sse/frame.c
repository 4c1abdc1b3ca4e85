/* SPDX-License-Identifier: MIT */
/* frame: events as bytes of the event stream format (WHATWG HTML 9.2.5 and 9.2.6). */
#include "sse/frame.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <string.h>

#define LANE_BYTES 16

/* Bytes that are looked at together. */
typedef unsigned char lane __attribute__((vector_size(LANE_BYTES)));

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static lane lane_at(const char *text)
{
    lane bytes;
    memcpy(&bytes, text, sizeof bytes);
    return bytes;
}

/* In each byte, not 0 where it is a line end or not ASCII. */
static lane oddities(lane bytes)
{
    return (lane)(bytes == '\n') | (lane)(bytes == '\r') | (lane)(bytes & 0x80);
}

/* 1 when the text may stand in a field as it is: ASCII, without a line end. As most lines are that,
 * it costs less than looking for each by itself. */
static int is_plain(const char *text, size_t len)
{
    lane odd = {0};
    uint64_t halves[2];
    if (len < LANE_BYTES) {
        char few[LANE_BYTES] = {0};
        memcpy(few, text, len);
        odd = oddities(lane_at(few));
    } else {
        for (size_t i = 0; i + LANE_BYTES <= len; i += LANE_BYTES) {
            odd |= oddities(lane_at(text + i));
        }
        odd |= oddities(lane_at(text + len - LANE_BYTES));
    }
    memcpy(halves, &odd, sizeof halves);
    return (halves[0] | halves[1]) == 0;
}

/* Text known to hold no line end, with U+FFFD for what is not UTF-8. */
static int append_utf8(struct buf *out, const char *text, size_t len)
{
    while (len > 0) {
        size_t valid = utf8_valid_prefix(text, len);
        int rc = buf_append(out, text, valid);
        if (rc) {
            return rc;
        }
        text += valid;
        len -= valid;
        if (len > 0) {
            rc = buf_append(out, REPLACEMENT, sizeof REPLACEMENT - 1);
            if (rc) {
                return rc;
            }
            size_t bad = utf8_bad_length(text, len);
            text += bad;
            len -= bad;
        }
    }
    return 0;
}

/* A field's value on one line: what would end the line, or void an id, becomes a space. */
static int append_one_line(struct buf *out, const char *text)
{
    int rc = 0;
    size_t len = strlen(text);
    while (len > 0 && !rc) {
        size_t plain = strcspn(text, "\r\n");
        rc = append_utf8(out, text, plain);
        text += plain;
        len -= plain;
        if (len > 0 && !rc) {
            rc = buf_append_char(out, ' ');
            text++;
            len--;
        }
    }
    return rc;
}

static int append_field(struct buf *out, const char *name, const char *value)
{
    int rc = buf_append_str(out, name);
    if (!rc) {
        rc = append_one_line(out, value);
    }
    return rc ? rc : buf_append_char(out, '\n');
}

#define LINE_WINDOW 256

/* The length of the first line of data; *step gets what its end takes (0 at the very end). Looks
 * window by window: to look for a far LF once a CR would cost the square of the length. */
static size_t first_line(const char *data, size_t len, size_t *step)
{
    for (size_t from = 0; from < len; from += LINE_WINDOW) {
        size_t window = len - from < LINE_WINDOW ? len - from : LINE_WINDOW;
        const char *lf = memchr(data + from, '\n', window);
        size_t upto = lf ? (size_t)(lf - data) - from : window;
        const char *cr = memchr(data + from, '\r', upto);
        if (cr) {
            size_t at = (size_t)(cr - data);
            *step = at + 1 < len && data[at + 1] == '\n' ? 2 : 1;
            return at;
        }
        if (lf) {
            *step = 1;
            return from + upto;
        }
    }
    *step = 0;
    return len;
}

static int append_data(struct buf *out, const char *data, size_t len)
{
    size_t step;
    do {
        size_t line = len ? first_line(data, len, &step) : (step = 0);
        int rc = buf_append(out, "data: ", 6);
        if (!rc && line > 0) {
            rc = append_utf8(out, data, line);
        }
        if (!rc) {
            rc = buf_append_char(out, '\n');
        }
        if (rc) {
            return rc;
        }
        if (len) {
            data += line + step;
            len -= line + step;
        }
    } while (len > 0 || step > 0);
    return 0;
}

static char *put(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

/* The event of nearly every line of nearly every log: an id, no name, one line of plain data. */
static int frame_plain(struct buf *out, const char *id, size_t id_len, const char *data,
                       size_t data_len)
{
    int rc = buf_reserve(out, sizeof "id: \ndata: \n\n" - 1 + id_len + data_len);
    if (rc) {
        return rc;
    }
    char *begin = out->data + out->len;
    char *at = put(begin, "id: ", 4);
    at = put(at, id, id_len);
    at = put(at, "\ndata: ", 7);
    at = put(at, data, data_len);
    at = put(at, "\n\n", 2);
    out->len += (size_t)(at - begin);
    return 0;
}

int sse_frame_event(struct buf *out, const char *id, const char *name, const char *data,
                    size_t data_len)
{
    size_t before = out->len;
    size_t id_len = id ? strlen(id) : 0;
    int rc = 0;
    if (id && !name && data_len > 0 && is_plain(id, id_len) && is_plain(data, data_len)) {
        return frame_plain(out, id, id_len, data, data_len);
    }
    if (id) {
        rc = append_field(out, "id: ", id);
    }
    if (!rc && name) {
        rc = append_field(out, "event: ", name);
    }
    if (!rc) {
        rc = append_data(out, data, data_len);
    }
    if (!rc) {
        rc = buf_append_char(out, '\n');
    }
    if (rc) {
        out->len = before;
    }
    return rc;
}

int sse_frame_comment(struct buf *out, const char *text)
{
    size_t before = out->len;
    int rc = *text ? append_field(out, ": ", text) : buf_append(out, ":\n", 2);
    if (!rc) {
        rc = buf_append_char(out, '\n');
    }
    if (rc) {
        out->len = before;
    }
    return rc;
}

int sse_frame_retry(struct buf *out, uint64_t retry_ms)
{
    return buf_appendf(out, "retry: %" PRIu64 "\n\n", retry_ms);
}

int sse_frame_id(struct buf *out, const char *position)
{
    return buf_appendf(out, "id: %s\n\n", position);
}

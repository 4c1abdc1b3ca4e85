/* SPDX-License-Identifier: MIT */
/* reader: one stream of the load client: FastCGI or HTTP/1.1 down to events that are counted. */
#include "reader.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#define FCGI_STDOUT 6

uint64_t reader_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* --- events -------------------------------------------------------------------------------- */

static const char *take_number(const char *at, const char *end, uint64_t *out)
{
    uint64_t n = 0;
    while (at < end && *at >= '0' && *at <= '9') {
        n = n * 10 + (uint64_t)(*at++ - '0');
    }
    *out = n;
    return at;
}

/* "SEQ NANOSECONDS padding" */
static void take_data(struct reader *r, const char *data, const char *end, struct reader_totals *t)
{
    uint64_t seq;
    if (data == end || *data < '0' || *data > '9') {
        return;
    }
    const char *at = take_number(data, end, &seq);
    if (at == end || *at != ' ') {
        t->broken++;
        return;
    }
    take_number(at + 1, end, &r->event_sent_ns);
    r->event_seq = seq;
}

static void take_id(struct reader *r, const char *id, size_t len, struct reader_totals *t)
{
    if (len > sizeof r->event_id) {
        t->broken++;
        return;
    }
    memcpy(r->event_id, id, len);
    r->event_id_len = (uint8_t)len;
}

/* The blank line that ends an event. */
static void take_event(struct reader *r, struct reader_totals *t)
{
    uint64_t seq = r->event_seq;
    if (r->event_id_len > 0) {
        memcpy(r->id, r->event_id, r->event_id_len);
        r->id_len = r->event_id_len;
    }
    if (seq == 0) {
        return;
    }
    r->event_seq = 0;
    t->events++;
    if (seq < r->next) {
        t->repeated++;
        return;
    }
    t->lost += seq - r->next;
    r->next = seq + 1;
    if (t->is_timed) {
        int group = r->group == READER_MEASURED && t->is_in_storm ? READER_IN_STORM : r->group;
        histogram_add(&t->latency_ns[group], reader_now_ns() - r->event_sent_ns);
    }
}

/* Whether the line is of this field ("data:"); then the length up to its value. */
static size_t field_len(const char *line, size_t len, const char *field)
{
    size_t at = strlen(field);
    if (len < at || memcmp(line, field, at) != 0) {
        return 0;
    }
    return at + (len > at && line[at] == ' ');
}

static void take_line(struct reader *r, const char *line, size_t len, struct reader_totals *t)
{
    size_t at;
    if (len == 0) {
        take_event(r, t);
    } else if ((at = field_len(line, len, "data:")) > 0) {
        take_data(r, line + at, line + len, t);
    } else if ((at = field_len(line, len, "id:")) > 0) {
        take_id(r, line + at, len - at, t);
    } else if (len > 13 && memcmp(line, "event: stream", 13) == 0) {
        t->gaps += len == 17 && memcmp(line + 13, ".gap", 4) == 0;
        t->busy += len == 18 && memcmp(line + 13, ".busy", 5) == 0;
    }
}

/* What counts stands at the front of a line. */
static void keep_line(struct reader *r, const char *data, size_t len)
{
    size_t room = sizeof r->line - r->line_len;
    len = len < room ? len : room;
    memcpy(r->line + r->line_len, data, len);
    r->line_len += (uint32_t)len;
}

static void take_events(struct reader *r, const char *data, size_t len, struct reader_totals *t)
{
    const char *end = data + len;
    while (data < end) {
        const char *lf = memchr(data, '\n', (size_t)(end - data));
        if (!lf) {
            keep_line(r, data, (size_t)(end - data));
            return;
        }
        if (r->line_len > 0) {
            keep_line(r, data, (size_t)(lf - data));
            take_line(r, r->line, r->line_len, t);
            r->line_len = 0;
        } else {
            take_line(r, data, (size_t)(lf - data), t);
        }
        data = lf + 1;
    }
}

/* --- heads --------------------------------------------------------------------------------- */

static int take_status(const char *status, size_t len, struct reader_totals *t)
{
    if (len >= 3 && memcmp(status, "200", 3) == 0) {
        return 0;
    }
    size_t kept = len < sizeof t->refusal ? len : sizeof t->refusal - 1;
    memcpy(t->refusal, status, kept);
    t->refusal[kept] = '\0';
    return -1;
}

/* One line of a response's head, without its line end; an empty one ends the head. */
static int take_head_line(struct reader *r, const char *line, size_t len, struct reader_totals *t)
{
    if (len > 9 && strncasecmp(line, "HTTP/1.1 ", 9) == 0) {
        return take_status(line + 9, len - 9, t);
    }
    if (len > 8 && strncasecmp(line, "Status: ", 8) == 0) {
        return take_status(line + 8, len - 8, t);
    }
    if (len >= 26 && strncasecmp(line, "Transfer-Encoding: chunked", 26) == 0) {
        r->body = BODY_CHUNK_SIZE;
    }
    if (len == 0) {
        r->state = READER_STREAMING;
    }
    return 0;
}

/* Collects a line up to its LF in r->line; answers the bytes used, and whether it is whole. */
static size_t collect_line(struct reader *r, const char *data, size_t len, int *is_whole)
{
    const char *lf = memchr(data, '\n', len);
    size_t used = lf ? (size_t)(lf - data) : len;
    size_t room = sizeof r->line - r->line_len;
    size_t copied = used < room ? used : room; /* the rest of a long header is of no interest */
    memcpy(r->line + r->line_len, data, copied);
    r->line_len += (uint32_t)copied;
    *is_whole = lf != NULL;
    if (lf && r->line_len > 0 && r->line[r->line_len - 1] == '\r') {
        r->line_len--;
    }
    return used + (lf != NULL);
}

static size_t take_head(struct reader *r, const char *data, size_t len, struct reader_totals *t,
                        int *rc)
{
    size_t used = 0;
    while (used < len && r->state == READER_HEAD && *rc == 0) {
        int is_whole;
        used += collect_line(r, data + used, len - used, &is_whole);
        if (is_whole) {
            *rc = take_head_line(r, r->line, r->line_len, t);
            r->line_len = 0;
        }
    }
    return used;
}

/* --- HTTP ---------------------------------------------------------------------------------- */

/* A chunk's size: hexadecimal digits up to the LF; extensions are passed over. */
static int take_chunk_size(struct reader *r, char c)
{
    if (c == '\n') {
        r->body = BODY_CHUNK;
        return r->left > 0 ? 0 : -1; /* the last chunk: the stream has ended */
    }
    if (r->padding == 0) {
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16U;
        if (digit == 16) {
            r->padding = 1; /* the digits are over */
        } else {
            r->left = r->left * 16 + digit;
        }
    }
    return 0;
}

static size_t take_content(struct reader *r, const char *data, size_t len, struct reader_totals *t)
{
    size_t take = len < r->left ? len : r->left;
    take_events(r, data, take, t);
    r->left -= (uint32_t)take;
    return take;
}

static int take_http(struct reader *r, const char *data, size_t len, struct reader_totals *t)
{
    int rc = 0;
    size_t at = r->state == READER_HEAD ? take_head(r, data, len, t, &rc) : 0;
    while (at < len && rc == 0) {
        switch (r->body) {
        case BODY_CHUNK_SIZE:
            rc = take_chunk_size(r, data[at++]);
            break;
        case BODY_CHUNK:
            at += take_content(r, data + at, len - at, t);
            if (r->left == 0) {
                r->body = BODY_CHUNK_END;
            }
            break;
        case BODY_CHUNK_END:
            if (data[at++] == '\n') {
                r->body = BODY_CHUNK_SIZE;
                r->padding = 0;
            }
            break;
        default:
            take_events(r, data + at, len - at, t);
            at = len;
        }
    }
    return rc;
}

/* --- FastCGI ------------------------------------------------------------------------------- */

static int take_record_head(struct reader *r, const char *data, size_t len, size_t *used)
{
    size_t take = sizeof r->record - r->head_used;
    take = take < len ? take : len;
    memcpy(r->record + r->head_used, data, take);
    r->head_used = (uint8_t)(r->head_used + take);
    *used = take;
    if (r->head_used < sizeof r->record) {
        return 0;
    }
    r->left = (uint32_t)(r->record[4] << 8 | r->record[5]);
    r->padding = r->record[6];
    if (r->left + r->padding == 0) {
        r->head_used = 0;
    }
    /* Any other type (END_REQUEST above all) is the end. */
    return r->record[0] == 1 && r->record[1] == FCGI_STDOUT ? 0 : -1;
}

static int take_fcgi(struct reader *r, const char *data, size_t len, struct reader_totals *t)
{
    int rc = 0;
    size_t at = 0;
    while (at < len && rc == 0) {
        size_t used = 0;
        if (r->head_used < sizeof r->record) {
            rc = take_record_head(r, data + at, len - at, &used);
        } else if (r->left > 0 && r->state == READER_HEAD) {
            size_t take = r->left < len - at ? r->left : len - at;
            used = take_head(r, data + at, take, t, &rc);
            r->left -= (uint32_t)used;
        } else if (r->left > 0) {
            used = take_content(r, data + at, len - at, t);
        } else {
            used = r->padding < len - at ? r->padding : len - at;
            r->padding -= (uint32_t)used;
        }
        at += used;
        if (r->head_used == sizeof r->record && r->left + r->padding == 0) {
            r->head_used = 0;
        }
    }
    return rc;
}

void reader_reset(struct reader *r)
{
    r->body = BODY_PLAIN;
    r->head_used = 0;
    r->left = 0;
    r->padding = 0;
    r->line_len = 0;
    r->event_seq = 0;
    r->event_id_len = 0;
}

int reader_take(struct reader *r, enum reader_wire wire, char *data, size_t len,
                struct reader_totals *t)
{
    uint64_t before = t->events;
    if (r->open_ns) {
        histogram_add(&t->first_byte_ns, reader_now_ns() - r->open_ns);
        r->open_ns = 0;
    }
    t->bytes += len;
    int rc = wire == READER_HTTP ? take_http(r, data, len, t) : take_fcgi(r, data, len, t);
    t->reads += t->events > before;
    return rc;
}

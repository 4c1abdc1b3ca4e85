/* SPDX-License-Identifier: MIT */
/* plain: an event stream without positions, for one reader. */
#include "gate/plain.h"

#include "base/err.h"
#include "gate/writer.h"

#include <string.h>

void gate_plain_init(struct gate_plain *p, size_t head_len)
{
    *p = (struct gate_plain){.head_left = head_len};
    buf_init(&p->out, 2 * GATE_PLAIN_BYTES);
}

void gate_plain_fini(struct gate_plain *p)
{
    buf_fini(&p->out);
}

static int begins(const struct gate_plain *p, const char *with)
{
    size_t len = strlen(with);
    return p->word_len >= len && memcmp(p->word, with, len) == 0;
}

/* The line is known now: what came of it passes, or does not. */
static int decide(struct gate_plain *p)
{
    p->is_known = 1;
    p->is_event_left_out |= begins(p, "event: stream.");
    p->is_left_out = p->is_event_left_out || begins(p, "id: ") || begins(p, "retry: ");
    if (p->is_left_out) {
        return 0;
    }
    p->has_lines = 1;
    return buf_append(&p->out, p->word, p->word_len);
}

/* An empty line ends an event, if anything of it has passed. */
static int end_line(struct gate_plain *p)
{
    int rc = 0;
    int is_empty = !p->is_known && p->word_len == 0;
    if (!is_empty && !p->is_known) {
        rc = decide(p);
    }
    if (!rc && (is_empty ? p->has_lines : !p->is_left_out)) {
        rc = buf_append_char(&p->out, '\n');
    }
    if (is_empty) {
        p->has_lines = p->is_event_left_out = 0;
    }
    p->is_known = p->is_left_out = 0;
    p->word_len = 0;
    return rc;
}

static int add(struct gate_plain *p, const char *data, size_t len)
{
    int rc = 0;
    if (!p->is_known) {
        size_t take = GATE_PLAIN_WORD - p->word_len < len ? GATE_PLAIN_WORD - p->word_len : len;
        memcpy(p->word + p->word_len, data, take);
        p->word_len += take;
        data += take;
        len -= take;
        rc = p->word_len == GATE_PLAIN_WORD ? decide(p) : 0;
    }
    return rc || p->is_left_out || len == 0 ? rc : buf_append(&p->out, data, len);
}

int gate_plain_filter(struct gate_plain *p, const char *data, size_t len)
{
    size_t head = p->head_left < len ? p->head_left : len;
    int rc = head > 0 ? buf_append(&p->out, data, head) : 0;
    p->head_left -= head;
    for (size_t at = head; at < len && !rc;) {
        const char *end = memchr(data + at, '\n', len - at);
        size_t line = end ? (size_t)(end - data) - at : len - at;
        rc = line > 0 ? add(p, data + at, line) : 0;
        if (!rc && end) {
            rc = end_line(p);
        }
        at += line + (end != NULL);
    }
    return rc;
}

/* 1 when nothing is kept any more, 0 when the peer takes no more just now, negative when it is
 * gone. */
static int flush(struct gate_plain *p, struct gate_writer *w)
{
    if (p->out.len == 0) {
        return 1;
    }
    struct iovec iov = {.iov_base = p->out.data, .iov_len = p->out.len};
    ssize_t sent = gate_writer_send(w, &iov, 1);
    if (sent < 0) {
        return ERR_CLOSED;
    }
    buf_consume(&p->out, (size_t)sent);
    return p->out.len == 0;
}

/* Who calls takes the last byte for one that is still to be sent: so he waits, and asks again. */
ssize_t gate_plain_send(struct gate_plain *p, struct gate_writer *w, const struct iovec *iov,
                        int count)
{
    size_t taken = 0;
    int is_flushed = flush(p, w);
    if (is_flushed <= 0) {
        return is_flushed;
    }
    size_t skip = (size_t)p->was_counted;
    for (int i = 0; i < count && taken < GATE_PLAIN_BYTES; i++) {
        size_t len = iov[i].iov_len;
        size_t most = GATE_PLAIN_BYTES - taken;
        len = len < most ? len : most;
        size_t from = skip < len ? skip : len;
        skip -= from;
        if (gate_plain_filter(p, (const char *)iov[i].iov_base + from, len - from)) {
            return ERR_CLOSED;
        }
        taken += len;
    }
    p->was_counted = 0;
    is_flushed = flush(p, w);
    if (is_flushed < 0) {
        return is_flushed;
    }
    if (is_flushed == 0 && taken > 0) {
        p->was_counted = 1;
        taken--;
    }
    return (ssize_t)taken;
}

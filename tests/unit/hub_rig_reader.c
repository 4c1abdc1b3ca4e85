/* SPDX-License-Identifier: MIT */
/* hub_rig_reader: readers of the rig: their sinks, their connections, and what they must get. */
#include "hub_rig_reader.h"

#include "base/err.h"
#include "base/hash.h"
#include "gate/fcgi_record.h"
#include "whatwg.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD "Status: 200 OK\r\n\r\n"
#define WIRE_BYTES 16384
#define GOT_BYTES_MAX (64 * 1024 * 1024)
#define REQUEST_ID 7

#define MUST(r, what)                                                                              \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fail_msg("seed %" PRIu64 ", reader %td, line %d: %s", (r)->rig->seed,                  \
                     (r) - (r)->rig->readers, __LINE__, #what);                                    \
        }                                                                                          \
    } while (0)

static struct rig_reader *reader_of(const struct hub_reader *r)
{
    return (struct rig_reader *)r;
}

void rig_reader_init(struct rig_reader *r, struct rig *rig)
{
    r->rig = rig;
    r->fd = -1;
    r->state = RIG_LEFT;
    buf_init(&r->got, GOT_BYTES_MAX);
    buf_init(&r->promised, GATE_RECORD_BYTES);
    buf_init(&r->wire, 2 * WIRE_BYTES);
}

static void close_sockets(struct rig_reader *r)
{
    if (r->fd >= 0) {
        close(r->fd);
        close(r->writer.fd);
        r->fd = -1;
    }
}

void rig_reader_fini(struct rig_reader *r)
{
    close_sockets(r);
    buf_fini(&r->got);
    buf_fini(&r->promised);
    buf_fini(&r->wire);
}

/* --- a sink of numbers --------------------------------------------------------------------- */

/* As the gate's writer does it: a record's header fixes how many bytes must follow, and which. */
static size_t take_record(struct rig_reader *r, const char *data, size_t left)
{
    if (r->record == 0) {
        size_t take = left < r->room ? left : r->room;
        r->room -= take;
        assert_int_equal(buf_append(&r->got, data, take), 0);
        return take;
    }
    if (r->promised.len == 0) {
        assert_int_equal(buf_append(&r->promised, data, left < r->record ? left : r->record), 0);
        r->room--;
    }
    size_t most = r->promised.len < left ? r->promised.len : left;
    MUST(r, memcmp(r->promised.data, data, most) == 0);
    size_t take = most < r->room ? most : r->room;
    r->room -= take;
    assert_int_equal(buf_append(&r->got, data, take), 0);
    buf_consume(&r->promised, take);
    return take;
}

static ssize_t numbers_send(struct rig_reader *r, const struct iovec *iov, int count)
{
    struct buf all;
    size_t done = 0;
    /* More than this it can neither take nor promise. */
    size_t most = r->room < HUB_FRAME_MAX ? r->room + GATE_RECORD_BYTES : RIG_ALL;
    buf_init(&all, RIG_ALL);
    for (int i = 0; i < count; i++) {
        size_t len = iov[i].iov_len < most - all.len ? iov[i].iov_len : most - all.len;
        MUST(r, iov[i].iov_len > 0);
        assert_int_equal(buf_append(&all, iov[i].iov_base, len), 0);
    }
    while (done < all.len && r->room > 0) {
        done += take_record(r, all.data + done, all.len - done);
    }
    buf_fini(&all);
    return (ssize_t)done;
}

/* The same stamp, the same bytes: a sink may send what it has made ready for another reader. */
static void check_stamp(const struct rig_reader *r, const struct iovec *iov, int count,
                        const struct hub_stamp *stamp)
{
    size_t len = 0;
    uint64_t hash = 0;
    for (int i = 0; i < count; i++) {
        len += iov[i].iov_len;
    }
    for (size_t i = 0; i < len; i++) {
        const char *byte = (char *)iov[0].iov_base + i;
        if (i >= iov[0].iov_len) {
            byte = (char *)iov[1].iov_base + (i - iov[0].iov_len);
        }
        hash = (hash ^ (unsigned char)*byte) * 1099511628211U;
    }
    MUST(r, stamp->channel > 0 && stamp->len == len);
    struct rig_slice *s = &r->proc->slices[hash_mix64(stamp->at ^ len << 32) % RIG_STAMPS];
    if (s->stamp.channel == stamp->channel && s->stamp.at == stamp->at && s->stamp.len == len) {
        MUST(r, s->hash == hash);
    }
    *s = (struct rig_slice){.stamp = *stamp, .hash = hash};
}

static ssize_t real_send(struct rig_reader *r, const struct iovec *iov, int count,
                         const struct hub_stamp *stamp)
{
    if (stamp) {
        return gate_writer_send_slice(&r->writer, &r->proc->scratch, stamp, iov, count);
    }
    return gate_writer_send(&r->writer, iov, count);
}

static ssize_t sink_send(struct hub_reader *h, const struct iovec *iov, int count,
                         const struct hub_stamp *stamp)
{
    struct rig_reader *r = reader_of(h);
    ssize_t taken = ERR_CLOSED;
    int was = rig_in_hub;
    rig_in_hub = 0;
    MUST(r, r->state == RIG_OPEN && count >= 1 && count <= 2);
    r->served_at = ++r->rig->sends;
    if (stamp) {
        check_stamp(r, iov, count, stamp);
    }
    if (!r->is_gone) {
        taken = r->fd >= 0 ? real_send(r, iov, count, stamp) : numbers_send(r, iov, count);
    }
    rig_in_hub = was;
    return taken;
}

static int sink_is_behind(const struct hub_reader *h)
{
    const struct rig_reader *r = reader_of(h);
    return rig_chance(&r->rig->dice, r->rig->behind_percent);
}

static size_t sink_owed(const struct hub_reader *h)
{
    const struct rig_reader *r = reader_of(h);
    return r->fd >= 0 ? r->writer.owed : r->promised.len;
}

static void sink_watch(struct hub_reader *h, int wanted)
{
    struct rig_reader *r = reader_of(h);
    MUST(r, r->state == RIG_OPEN);
    r->is_watching = wanted;
}

/* --- a real socket ------------------------------------------------------------------------- */

static int open_sockets(struct rig_reader *r)
{
    int pair[2];
    int size = 4096;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    gate_writer_init(&r->writer, pair[0], 1, REQUEST_ID);
    return pair[1];
}

/* Takes the records apart: what a web server does. */
static void unwrap(struct rig_reader *r)
{
    size_t at = 0;
    while (r->wire.len - at >= FCGI_RECORD_HEAD_BYTES) {
        const unsigned char *head = (unsigned char *)r->wire.data + at;
        size_t len = (size_t)(head[4] << 8 | head[5]);
        MUST(r, head[0] == 1 && head[2] == 0 && head[3] == REQUEST_ID && !r->saw_end_request);
        if (r->wire.len - at < FCGI_RECORD_HEAD_BYTES + len + head[6]) {
            break;
        }
        MUST(r, head[1] == FCGI_TYPE_STDOUT || head[1] == FCGI_TYPE_END_REQUEST);
        r->saw_end_request = head[1] == FCGI_TYPE_END_REQUEST;
        if (head[1] == FCGI_TYPE_STDOUT) {
            assert_int_equal(buf_append(&r->got, head + FCGI_RECORD_HEAD_BYTES, len), 0);
        }
        at += FCGI_RECORD_HEAD_BYTES + len + head[6];
    }
    buf_consume(&r->wire, at);
}

/* Reads up to `max` bytes off the wire. */
static void read_wire(struct rig_reader *r, size_t max)
{
    while (max > 0) {
        char block[4096];
        size_t most = max < sizeof block ? max : sizeof block;
        ssize_t n = recv(r->fd, block, most, 0);
        if (n <= 0) {
            break;
        }
        max -= (size_t)n;
        assert_int_equal(buf_append(&r->wire, block, (size_t)n), 0);
        unwrap(r);
    }
}

/* --- what must have come ------------------------------------------------------------------- */

/* Nothing to be seen stands in (from, to). */
static int nothing_between(const struct rig *rig, size_t from, size_t to)
{
    for (size_t k = from + 1; k < to; k++) {
        if (rig->log[k].kind != RIG_HIDDEN) {
            return 0;
        }
    }
    return 1;
}

static void judge_gap(struct rig_reader *r, const struct whatwg_event *e, size_t at, size_t number)
{
    const struct rig *rig = r->rig;
    r->gaps++;
    if (strcmp(e->data.data, "unreadable") == 0) {
        MUST(r, r->proc->io_failures > 0);
        /* Where it stands, give or take entries that a filter held back. */
        MUST(r, nothing_between(rig, r->cursor, at + 1) && nothing_between(rig, at, r->cursor + 1));
    } else if (strcmp(e->data.data, "rotated-away") == 0) {
        MUST(r, at <= rig->trimmed && nothing_between(rig, at, r->cursor + 1));
    } else if (strcmp(e->data.data, "truncated") == 0) {
        MUST(r, at > r->cursor && nothing_between(rig, r->cursor, at));
        MUST(r, rig->log[at].kind == RIG_GAP);
    } else if (strcmp(e->data.data, "too-large") == 0) {
        MUST(r, at > r->cursor && nothing_between(rig, r->cursor, at));
        MUST(r, rig->log[at].len > HUB_FRAME_MAX - 1024);
    } else {
        MUST(r, strcmp(e->data.data, "unknown-position") == 0);
        MUST(r, r->starts_with_gap && number == 0 && at == r->cursor);
    }
}

static void judge_event(struct rig_reader *r, const struct whatwg_event *e, size_t number)
{
    const struct rig *rig = r->rig;
    size_t at;
    MUST(r, sscanf(e->last_id.data, "1-%zu", &at) == 1 && at <= rig->count);
    if (strcmp(e->type.data, RIG_TOLD) == 0) {
        size_t told = strtoul(e->data.data, NULL, 10);
        MUST(r, told > r->told && told <= rig->told);
        r->told = told;
        return;
    }
    if (strcmp(e->type.data, "stream.gap") == 0) {
        judge_gap(r, e, at, number);
        r->cursor = at;
        return;
    }
    if (strcmp(e->type.data, "stream.progress") == 0) {
        MUST(r, at >= r->cursor && nothing_between(rig, r->cursor, at + 1));
        r->cursor = at;
        r->progress++;
        return;
    }
    if (r->until && strcmp(e->type.data, "stream.end") == 0 && strcmp(e->data.data, "{}") != 0) {
        int is_found = strcmp(e->data.data, "until") == 0;
        MUST(r, is_found ? at == r->until : strcmp(e->data.data, "until-not-found") == 0);
        MUST(r, at >= r->cursor && nothing_between(rig, r->cursor, at + 1));
        MUST(r, !r->saw_until);
        r->cursor = at;
        r->saw_until = 1;
        return;
    }
    MUST(r, !r->saw_until);
    MUST(r, r->gaps || !r->until || at <= r->until || r->base > r->until);
    /* Each event once, in order, with none left out. */
    MUST(r, at > r->cursor && nothing_between(rig, r->cursor, at));
    r->cursor = at;
    if (strcmp(e->type.data, "stream.end") == 0) {
        MUST(r, rig->log[at].kind == RIG_END);
        r->is_done = 1;
        return;
    }
    struct buf data;
    buf_init(&data, HUB_FRAME_MAX);
    rig_data(at, rig->log[at].len, &data);
    MUST(r, rig->log[at].kind == RIG_EVENT);
    MUST(r, strcmp(e->type.data, at % 3 ? "message" : "third") == 0);
    MUST(r, e->data.len == data.len && (!data.len || !memcmp(e->data.data, data.data, data.len)));
    buf_fini(&data);
    r->events++;
}

/* A stream that was ended, not cut, ends with a whole frame and a retry: of its own. */
static void judge_ending(struct rig_reader *r, const char *text, size_t len)
{
    size_t at = len;
    MUST(r, len > 4 && memcmp(text + len - 2, "\n\n", 2) == 0);
    for (at = len - 2; at > 0 && text[at - 1] != '\n'; at--) {
    }
    MUST(r, at >= 2 && memcmp(text + at - 2, "\n\n", 2) == 0);
    MUST(r, strncmp(text + at, "retry: ", 7) == 0);
}

void rig_judge(struct rig_reader *r)
{
    size_t head = r->start_head < r->got.len ? r->start_head : r->got.len;
    MUST(r, head == 0 || memcmp(r->got.data, HEAD, head) == 0);
    const char *text = r->got.len ? r->got.data + head : "";
    size_t len = r->got.len - head;
    struct whatwg_stream stream;
    size_t at;
    whatwg_parse(&stream, text, len);
    r->cursor = r->base;
    r->events = r->gaps = r->progress = r->told = 0;
    r->saw_until = 0;
    r->comments = rig_comments(text, len);
    for (size_t i = 0; i < stream.count; i++) {
        judge_event(r, &stream.events[i], i);
    }
    if (stream.last_id.len > 0) {
        MUST(r, sscanf(stream.last_id.data, "1-%zu", &at) == 1);
        MUST(r, at >= r->cursor && nothing_between(r->rig, r->cursor, at + 1));
        r->cursor = at;
    }
    r->retry_ms = stream.retry_ms;
    if (stream.has_retry) {
        MUST(r, stream.retry_ms >= RIG_RETRY_MS * 80 / 100);
        MUST(r, stream.retry_ms <= RIG_RETRY_MS * 120 / 100);
    }
    int was_at_end = r->base > 0 && r->rig->log[r->base].kind == RIG_END;
    if (r->state == RIG_FINISHED && was_at_end) {
        r->is_done = 1;
    }
    if (r->state == RIG_FINISHED && !r->is_done && !r->saw_until) {
        judge_ending(r, text, len);
    }
    whatwg_free(&stream);
}

/* --- connections --------------------------------------------------------------------------- */

static void closed(struct rig_reader *r, enum rig_close how)
{
    r->state = how;
    r->is_watching = 0;
    rig_judge(r);
    r->until = r->saw_until ? 0 : r->until;
    close_sockets(r);
}

static void sink_finish(struct hub_reader *h)
{
    struct rig_reader *r = reader_of(h);
    int was = rig_in_hub;
    rig_in_hub = 0;
    MUST(r, r->state == RIG_OPEN && !h->channel);
    MUST(r, r->promised.len == 0);
    if (r->fd >= 0) {
        int rc;
        do {
            rc = gate_writer_finish(&r->writer);
            read_wire(r, RIG_ALL);
        } while (rc == 0);
        MUST(r, rc == 1 && r->saw_end_request && r->wire.len == 0);
    }
    closed(r, RIG_FINISHED);
    rig_in_hub = was;
}

static void sink_drop(struct hub_reader *h, const char *why)
{
    struct rig_reader *r = reader_of(h);
    int was = rig_in_hub;
    rig_in_hub = 0;
    MUST(r, r->state == RIG_OPEN && !h->channel && why);
    r->why = why;
    closed(r, RIG_DROPPED);
    rig_in_hub = was;
}

static const struct hub_sink rig_sink = {.send = sink_send,
                                         .is_behind = sink_is_behind,
                                         .owed = sink_owed,
                                         .watch = sink_watch,
                                         .finish = sink_finish,
                                         .drop = sink_drop};

static int start(struct rig_reader *r, const struct sse_gap *gap)
{
    char position[SSE_POSITION_SIZE];
    char until[SSE_POSITION_SIZE];
    struct hub_start start = {.position = rig_position(r->base, position), .gap = gap};
    if (r->until) {
        start.until = rig_position(r->until, until);
    }
    if (r->record == 0 && r->fd < 0) {
        start.head = HEAD;
        start.head_len = strlen(HEAD);
    }
    r->start_head = start.head_len;
    r->starts_with_gap = gap != NULL;
    r->state = RIG_OPEN;
    r->why = NULL;
    rig_in_hub = 1;
    int rc = hub_reader_start(r->proc->channel, &r->reader, &rig_sink, &start, r->rig->now_ms);
    rig_in_hub = 0;
    if (rc) {
        MUST(r, r->got.len == 0 && !r->reader.channel);
        r->state = RIG_LEFT;
        close_sockets(r);
    }
    return rc;
}

int rig_connect(struct rig_reader *r, struct rig_proc *p)
{
    char position[SSE_POSITION_SIZE];
    struct sse_gap gap = {.reason = "unknown-position", .bytes = -1, .events = -1};
    int is_real = r->writer.is_framed;
    MUST(r, r->state != RIG_OPEN);
    buf_clear(&r->got);
    buf_clear(&r->promised);
    buf_clear(&r->wire);
    r->proc = p;
    r->base = r->cursor;
    r->is_gone = r->is_watching = r->saw_end_request = 0;
    r->fd = is_real ? open_sockets(r) : -1;
    if (rig_chance(&r->rig->dice, r->rig->forget_percent)) {
        /* It comes with an id that nobody knows. */
        r->base = r->cursor = p->head;
        gap.position = rig_position(p->head, position);
        return start(r, &gap);
    }
    return start(r, NULL);
}

int rig_join(struct rig_reader *r, struct rig_proc *p)
{
    r->cursor = p->head;
    return rig_connect(r, p);
}

void rig_leave(struct rig_reader *r, size_t lost)
{
    if (r->state != RIG_OPEN) {
        return;
    }
    if (r->fd >= 0) {
        read_wire(r, lost ? WIRE_BYTES / lost : RIG_ALL);
    } else {
        r->got.len -= lost < r->got.len ? lost : r->got.len;
    }
    rig_in_hub = 1;
    hub_reader_leave(&r->reader);
    hub_reader_leave(&r->reader);
    rig_in_hub = 0;
    closed(r, RIG_LEFT);
}

void rig_pass(struct rig_reader *r, size_t bytes)
{
    if (r->state != RIG_OPEN) {
        return;
    }
    r->room = bytes;
    if (r->fd >= 0) {
        read_wire(r, bytes);
    }
    if (r->is_watching) {
        rig_in_hub = 1;
        hub_reader_writable(&r->reader, r->rig->now_ms);
        rig_in_hub = 0;
    }
    if (r->fd >= 0 && r->state == RIG_OPEN && bytes == RIG_ALL) {
        read_wire(r, bytes);
    }
}

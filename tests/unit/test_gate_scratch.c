/* SPDX-License-Identifier: MIT */
/* The scratch: what it holds for the readers of a turn is never sent to a reader who is to get
 * something else, however alike the two look. */
#include "gate/writer.h"

#include "base/buf.h"
#include "base/err.h"
#include "gate/fcgi_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define READERS 4
#define RING_BYTES 4096
#define FRAME_BYTES 512 /* RING_BYTES is a multiple of it: frames come to stand at the same place */

struct peer {
    struct hub_reader reader; /* first: the hub hands it back */
    struct gate_writer writer;
    int fd; /* the web server's end */
};

static struct hub_settings settings = {.heartbeat_s = 3600, .retry_ms = 1000, .max_streams = 100,
                                       .stall_timeout_s = 60, .ring_bytes = RING_BYTES};
static struct gate_scratch scratch;
static struct hub *hub;
static struct hub_channel *channel;
static struct peer peers[READERS];
static unsigned count; /* of events; a position is their number */

/* --- the hub's surroundings ------------------------------------------------------------------ */

static ssize_t sink_send(struct hub_reader *r, const struct iovec *iov, int n,
                         const struct hub_stamp *stamp)
{
    struct peer *p = (struct peer *)r;
    return stamp ? gate_writer_send_slice(&p->writer, &scratch, stamp, iov, n)
                 : gate_writer_send(&p->writer, iov, n);
}

static size_t sink_owed(const struct hub_reader *r)
{
    return ((const struct peer *)r)->writer.owed;
}

static void sink_watch(struct hub_reader *r, int wanted)
{
    (void)r;
    (void)wanted;
}

static void sink_finish(struct hub_reader *r)
{
    (void)r;
}

static void sink_drop(struct hub_reader *r, const char *why)
{
    (void)r;
    (void)why;
}

static const struct hub_sink sink = {.send = sink_send, .owed = sink_owed, .watch = sink_watch,
                                     .finish = sink_finish, .drop = sink_drop};

static int gap_json(const struct sse_gap *gap, struct buf *out)
{
    return buf_append_str(out, gap->reason);
}

static int end_json(const char *reason, struct buf *out)
{
    return buf_append_str(out, reason);
}

static int pull(void *ctx, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                size_t budget_bytes)
{
    (void)ctx;
    (void)position;
    (void)page;
    (void)budget_bytes;
    return ERR_IO; /* nobody here falls out of the ring */
}

static void make_channel(void)
{
    struct hub_origin origin = {.pull = pull};
    assert_int_equal(hub_channel_new(hub, &origin, &channel), 0);
    hub_channel_start(channel, "start", 0);
}

static int set_up(void **state)
{
    struct hub_setup setup = {.settings = &settings, .gap_json = gap_json, .end_json = end_json};
    (void)state;
    memset(&scratch, 0, sizeof scratch);
    memset(peers, 0, sizeof peers);
    count = 0;
    assert_int_equal(hub_new(&hub, &setup), 0);
    make_channel();
    return 0;
}

static void close_peers(void)
{
    for (size_t i = 0; i < READERS; i++) {
        if (peers[i].reader.sink) {
            hub_reader_leave(&peers[i].reader);
            close(peers[i].fd);
            close(peers[i].writer.fd);
            peers[i].reader.sink = NULL;
        }
    }
}

static int tear_down(void **state)
{
    (void)state;
    close_peers();
    hub_channel_free(channel);
    hub_free(hub);
    return 0;
}

/* --- readers --------------------------------------------------------------------------------- */

static void read_exactly(struct peer *p, void *data, size_t len)
{
    assert_int_equal(recv(p->fd, data, len, MSG_WAITALL), len);
}

/* One STDOUT record with the request's id; its content, ended by a NUL. */
static size_t read_record(struct peer *p, char *out, size_t size)
{
    uint8_t head[FCGI_RECORD_HEAD_BYTES];
    uint8_t want[FCGI_RECORD_HEAD_BYTES];
    read_exactly(p, head, sizeof head);
    size_t len = (size_t)(head[4] << 8 | head[5]);
    fcgi_record_head(want, FCGI_TYPE_STDOUT, p->writer.id, (uint16_t)len);
    assert_memory_equal(head, want, sizeof head);
    assert_true(len < size);
    read_exactly(p, out, len);
    out[len] = '\0';
    return len;
}

static void join(size_t number, uint16_t id)
{
    struct peer *p = &peers[number];
    char text[256];
    struct hub_start start = {.position = hub_channel_position(channel)};
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    gate_writer_init(&p->writer, pair[0], 1, id);
    p->fd = pair[1];
    assert_int_equal(hub_reader_start(channel, &p->reader, &sink, &start, 0), 0);
    read_record(p, text, sizeof text); /* retry: and the starting position */
}

/* The frame of event `n`: always of the same size. */
static void frame_of(unsigned n, char out[FRAME_BYTES + 1])
{
    int used = snprintf(out, FRAME_BYTES, "id: %08u\ndata: ", n);
    memset(out + used, (int)('a' + n % 26), (size_t)(FRAME_BYTES - 2 - used));
    memcpy(out + FRAME_BYTES - 2, "\n\n", 3);
}

static void say(void)
{
    char position[SSE_POSITION_SIZE];
    char frame[FRAME_BYTES + 1];
    const struct sse_out *live = hub_channel_live(channel);
    count++;
    frame_of(count, frame);
    snprintf(position, sizeof position, "%08u", count);
    const char *data = strstr(frame, "data: ") + strlen("data: ");
    struct sse_event e = {.position = position, .data = data, .data_len = strcspn(data, "\n")};
    assert_int_equal(live->event(live->ctx, &e), 0);
}

static void turn(void)
{
    while (hub_turn(hub, 0)) {
    }
}

/* The next record is events [from, to]. */
static void expect(size_t number, unsigned from, unsigned to)
{
    char got[RING_BYTES + 1];
    char want[RING_BYTES + 1];
    size_t len = 0;
    for (unsigned n = from; n <= to; n++) {
        frame_of(n, want + len);
        len += FRAME_BYTES;
    }
    assert_int_equal(read_record(&peers[number], got, sizeof got), len);
    assert_string_equal(got, want);
}

static void expect_all(size_t readers, unsigned from, unsigned to)
{
    for (size_t i = 0; i < readers; i++) {
        expect(i, from, to);
    }
}

/* --- tests ----------------------------------------------------------------------------------- */

static void what_two_readers_get_is_copied_once(void **state)
{
    (void)state;
    join(0, 1);
    join(1, 1);
    join(2, 1);
    say();
    turn();
    expect_all(3, 1, 1);
    assert_int_equal(scratch.stamp.len, FRAME_BYTES);
    assert_int_equal(scratch.len, FRAME_BYTES + FCGI_RECORD_HEAD_BYTES);
}

static void what_one_reader_gets_is_not_copied(void **state)
{
    (void)state;
    join(0, 1);
    for (int i = 0; i < 20; i++) {
        say();
        turn();
        expect(0, count, count);
    }
    assert_int_equal(scratch.stamp.channel, 0);
}

/* Each eighth frame stands at the same address with the same length as an old one. */
static void a_ring_that_comes_round_is_not_the_old_one(void **state)
{
    (void)state;
    join(0, 1);
    join(1, 1);
    join(2, 1);
    for (int i = 0; i < 50; i++) {
        say();
        turn();
        expect_all(3, count, count);
        assert_int_equal(scratch.stamp.at, (count - 1) * FRAME_BYTES);
    }
    /* Now only where the ring begins, so that nothing else was copied in between. */
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k < RING_BYTES / FRAME_BYTES; k++) {
            say();
        }
        turn();
        expect_all(3, count - 7, count);
    }
}

/* Its memory, its offsets and its frames' lengths are the old one's. */
static void a_new_channel_is_not_the_one_before(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        join(0, 1);
        join(1, 1);
        say();
        turn();
        expect_all(2, count, count);
        assert_int_equal(scratch.stamp.at, 0);
        assert_int_equal(scratch.stamp.len, FRAME_BYTES);
        close_peers();
        hub_channel_free(channel);
        make_channel();
    }
}

static void two_channels_are_not_each_other(void **state)
{
    struct hub_channel *first = channel;
    (void)state;
    join(0, 1);
    join(1, 1);
    make_channel();
    join(2, 1);
    join(3, 1);
    for (unsigned i = 0; i < 20; i++) {
        struct hub_channel *second = channel;
        channel = first;
        say();
        channel = second;
        say();
        turn();
        expect_all(2, count - 1, count - 1);
        expect(2, count, count);
        expect(3, count, count);
    }
    hub_channel_free(first);
}

static void each_request_id_gets_its_own_records(void **state)
{
    (void)state;
    static const uint16_t ids[] = {1, 2, 2, 1};
    for (size_t i = 0; i < READERS; i++) {
        join(i, ids[i]);
    }
    for (int i = 0; i < 20; i++) {
        say();
        turn();
        expect_all(READERS, count, count);
    }
}

/* Two of the readers come from further back: the same offset, another length; and another offset
 * with the same end. */
static void another_length_is_another_slice(void **state)
{
    (void)state;
    join(0, 1);
    join(1, 1);
    for (int i = 0; i < 20; i++) {
        say();
        turn();
        expect_all(2, count, count);
        struct hub_reader *a = &peers[0].reader;
        struct hub_reader *b = &peers[1].reader;
        a->at -= FRAME_BYTES; /* as if it had been blocked while the others were served */
        say();
        turn();
        expect(0, count - 1, count);
        expect(1, count, count);
        a->at -= FRAME_BYTES;
        b->at -= FRAME_BYTES;
        say();
        turn();
        expect_all(2, count - 1, count);
    }
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_two_readers_get_is_copied_once),
        T(what_one_reader_gets_is_not_copied),
        T(a_ring_that_comes_round_is_not_the_old_one),
        T(a_new_channel_is_not_the_one_before),
        T(two_channels_are_not_each_other),
        T(each_request_id_gets_its_own_records),
        T(another_length_is_another_slice),
    };
    return cmocka_run_group_tests_name("gate_scratch", tests, NULL, NULL);
}

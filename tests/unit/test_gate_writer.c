/* SPDX-License-Identifier: MIT */
/* The writer: content comes out unchanged and in well formed records, wherever the system cuts it.
 * The linker puts the functions here between the writer and the system (--wrap). */
#include "gate/writer.h"

#include "base/buf.h"
#include "base/err.h"
#include "gate/fcgi_record.h"
#include "hub_rig.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define CONTENT_MAX 300000
#define REQUEST_ID 0x1234

/* A socket that takes as much as it likes. */
static struct {
    struct rig_dice dice;
    size_t step; /* takes so many bytes at once; 0: a random number up to `most` */
    size_t most;
    int error;         /* errno of the next call; 0: none */
    unsigned refusals; /* per cent of calls that take nothing just now */
    size_t sends;      /* calls of send() */
    struct buf got;
} peer;

static ssize_t take(const struct iovec *iov, size_t count)
{
    if (peer.error) {
        errno = peer.error;
        peer.error = 0;
        return -1;
    }
    if (rig_chance(&peer.dice, peer.refusals)) {
        static const int reasons[] = {EAGAIN, ENOBUFS, ENOMEM};
        peer.error = rig_chance(&peer.dice, 10) ? EINTR : 0;
        errno = reasons[rig_roll(&peer.dice, 3)];
        return -1;
    }
    size_t left = peer.step ? peer.step : 1 + (size_t)rig_roll(&peer.dice, peer.most);
    size_t taken = 0;
    for (size_t i = 0; i < count && left > 0; i++) {
        size_t len = iov[i].iov_len < left ? iov[i].iov_len : left;
        assert_true(iov[i].iov_len > 0);
        assert_int_equal(buf_append(&peer.got, iov[i].iov_base, len), 0);
        taken += len;
        left -= len;
    }
    return (ssize_t)taken;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_writev(int fd, const struct iovec *iov, int count);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    assert_int_equal(fd, 77);
    assert_int_equal(flags, MSG_NOSIGNAL | MSG_DONTWAIT);
    return take(msg->msg_iov, msg->msg_iovlen);
}

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
    struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
    assert_int_equal(fd, 77);
    assert_int_equal(flags, MSG_NOSIGNAL | MSG_DONTWAIT);
    peer.sends++;
    return take(&iov, 1);
}

ssize_t __wrap_writev(int fd, const struct iovec *iov, int count)
{
    assert_int_equal(fd, 77);
    return take(iov, (size_t)count);
}

static struct gate_scratch scratch;
static unsigned slice_percent; /* of what is sent goes the way of slices */

static int set_up(void **state)
{
    (void)state;
    memset(&peer, 0, sizeof peer);
    memset(&scratch, 0, sizeof scratch);
    slice_percent = 0;
    peer.most = 100;
    buf_init(&peer.got, 2 * CONTENT_MAX + CONTENT_MAX * FCGI_RECORD_HEAD_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&peer.got);
    return 0;
}

static char content[CONTENT_MAX];

/* As if another reader had just got the same. */
static ssize_t send_slice(struct gate_writer *w, size_t at, const struct iovec *iov, int count)
{
    struct hub_stamp stamp = {.channel = 1, .at = at};
    for (int i = 0; i < count; i++) {
        stamp.len += iov[i].iov_len;
    }
    scratch.last = stamp;
    scratch.last_id = w->id;
    return gate_writer_send_slice(w, &scratch, &stamp, iov, count);
}

static ssize_t send_some(struct gate_writer *w, size_t at, const struct iovec *iov, int count)
{
    if (rig_chance(&peer.dice, slice_percent)) {
        return send_slice(w, at, iov, count);
    }
    return gate_writer_send(w, iov, count);
}

static void fill_content(void)
{
    for (size_t i = 0; i < sizeof content; i++) {
        content[i] = (char)(i * 7 + i / 251);
    }
}

/* Sends all of it, offering a random number of bytes in one or two pieces each time, but never less
 * than what is owed. */
static void send_content(struct gate_writer *w, size_t len, size_t offer_most)
{
    size_t at = 0;
    while (at < len) {
        size_t offer = 1 + (size_t)rig_roll(&peer.dice, offer_most);
        offer = offer < w->owed ? w->owed : offer;
        offer = offer < len - at ? offer : len - at;
        size_t first = (size_t)rig_roll(&peer.dice, offer);
        struct iovec iov[2] = {{content + at, first}, {content + at + first, offer - first}};
        ssize_t taken = first ? send_some(w, at, iov, 2) : send_some(w, at, iov + 1, 1);
        assert_true(taken >= 0 && (size_t)taken <= offer);
        at += (size_t)taken;
        assert_true(w->owed <= offer - (size_t)taken && w->owed <= GATE_RECORD_BYTES);
    }
    assert_int_equal(w->owed, 0);
}

/* What the web server makes of it: STDOUT records, an empty one, END_REQUEST. */
static void check_wire(size_t len)
{
    static const uint8_t end[] = {1, 6, 0x12, 0x34, 0, 0, 0, 0, 1, 3, 0x12, 0x34,
                                  0, 8, 0,    0,    0, 0, 0, 0, 0, 0, 0,    0};
    const uint8_t *wire = (uint8_t *)peer.got.data;
    size_t at = 0;
    size_t done = 0;
    while (done < len) {
        uint8_t head[FCGI_RECORD_HEAD_BYTES];
        assert_true(peer.got.len - at > sizeof head);
        size_t record = (size_t)(wire[at + 4] << 8 | wire[at + 5]);
        fcgi_record_head(head, FCGI_TYPE_STDOUT, REQUEST_ID, (uint16_t)record);
        assert_memory_equal(wire + at, head, sizeof head);
        assert_in_range(record, 1, GATE_RECORD_BYTES);
        assert_true(record <= len - done);
        assert_memory_equal(wire + at + sizeof head, content + done, record);
        at += sizeof head + record;
        done += record;
    }
    assert_int_equal(peer.got.len - at, sizeof end);
    assert_memory_equal(wire + at, end, sizeof end);
}

static void play(size_t len, size_t offer_most)
{
    struct gate_writer w;
    int rc;
    buf_clear(&peer.got);
    gate_writer_init(&w, 77, 1, REQUEST_ID);
    send_content(&w, len, offer_most);
    while ((rc = gate_writer_finish(&w)) == 0) {
    }
    assert_int_equal(rc, 1);
    assert_int_equal(gate_writer_finish(&w), 1); /* asking twice sends nothing twice */
    check_wire(len);
}

static void content_comes_out_unchanged_wherever_it_is_cut(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 2, 8, 8191, 8192, 8193, 16384, 20000};
    static const size_t steps[] = {1, 2, 7, 8, 9, 10, 4095, 8191, 8199, 8200, 8201, 16400, 1 << 20};
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
            peer.step = steps[k];
            play(lens[i], CONTENT_MAX);
        }
    }
}

static void content_comes_out_unchanged_from_random_offers(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        peer.dice.state = seed;
        peer.step = 0;
        peer.most = 1 + (size_t)rig_roll(&peer.dice, seed % 2 ? 40 : 30000);
        peer.refusals = seed % 3 ? 0 : 50;
        play((size_t)rig_roll(&peer.dice, seed % 10 ? 3000 : CONTENT_MAX),
             1 + (size_t)rig_roll(&peer.dice, seed % 5 ? 200 : CONTENT_MAX));
    }
}

static void slices_come_out_unchanged_wherever_they_are_cut(void **state)
{
    for (slice_percent = 50; slice_percent <= 100; slice_percent += 50) {
        content_comes_out_unchanged_wherever_it_is_cut(state);
        content_comes_out_unchanged_from_random_offers(state);
    }
    assert_true(peer.sends > 1000);
}

static void much_content_leaves_in_few_calls(void **state)
{
    (void)state;
    struct gate_writer w;
    struct iovec iov = {content, 65536};
    peer.step = SIZE_MAX;
    gate_writer_init(&w, 77, 1, REQUEST_ID);
    assert_int_equal(gate_writer_send(&w, &iov, 1), 65536);
    assert_int_equal(peer.got.len, 65536 + 8 * FCGI_RECORD_HEAD_BYTES);
}

/* A header may leave in part: then the content it announces is owed, though none of it was taken.
 */
static void owes_a_record_once_its_header_has_begun(void **state)
{
    (void)state;
    struct gate_writer w;
    struct iovec iov = {content, 100};
    gate_writer_init(&w, 77, 1, REQUEST_ID);
    peer.refusals = 100;
    assert_int_equal(gate_writer_send(&w, &iov, 1), 0);
    assert_int_equal(w.owed, 0);
    peer.refusals = 0;
    peer.step = 3;
    assert_int_equal(gate_writer_send(&w, &iov, 1), 0);
    assert_int_equal(w.owed, 100);
    peer.step = SIZE_MAX;
    iov.iov_len = 150;
    assert_int_equal(gate_writer_send(&w, &iov, 1), 150);
    assert_int_equal(peer.got.len, 8 + 100 + 8 + 50);
    assert_memory_equal(peer.got.data, "\1\6\x12\x34\0\x64\0\0", 8);
    assert_memory_equal(peer.got.data + 108, "\1\6\x12\x34\0\x32\0\0", 8);
}

static void a_peer_that_is_gone_is_told(void **state)
{
    (void)state;
    static const int errors[] = {EPIPE, ECONNRESET, ENOTCONN, EIO};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        for (int is_framed = 0; is_framed < 2; is_framed++) {
            struct gate_writer w;
            struct iovec iov = {content, 100};
            gate_writer_init(&w, 77, is_framed, REQUEST_ID);
            peer.error = errors[i];
            assert_int_equal(gate_writer_send(&w, &iov, 1), ERR_CLOSED);
            gate_writer_init(&w, 77, is_framed, REQUEST_ID);
            peer.error = errors[i];
            assert_int_equal(gate_writer_finish(&w), is_framed ? ERR_CLOSED : 1);
            peer.error = 0;
        }
    }
}

static void bare_content_has_nothing_around_it(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct gate_writer w;
        peer.dice.state = seed;
        peer.most = 1 + (size_t)rig_roll(&peer.dice, 5000);
        peer.refusals = seed % 2 ? 0 : 30;
        buf_clear(&peer.got);
        gate_writer_init(&w, 77, 0, 0);
        send_content(&w, 20000, 9000);
        assert_int_equal(gate_writer_finish(&w), 1);
        assert_int_equal(peer.got.len, 20000);
        assert_memory_equal(peer.got.data, content, 20000);
    }
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(content_comes_out_unchanged_wherever_it_is_cut),
        T(content_comes_out_unchanged_from_random_offers),
        T(slices_come_out_unchanged_wherever_they_are_cut),
        T(much_content_leaves_in_few_calls),
        T(owes_a_record_once_its_header_has_begun),
        T(a_peer_that_is_gone_is_told),
        T(bare_content_has_nothing_around_it),
    };
    fill_content();
    return cmocka_run_group_tests_name("gate_writer", tests, NULL, NULL);
}

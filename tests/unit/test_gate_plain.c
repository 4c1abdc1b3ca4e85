/* SPDX-License-Identifier: MIT */
/* Tests of gate/plain: what is left of an event stream for one who knows no positions. */
#include "gate/plain.h"

#include "base/buf.h"
#include "gate/writer.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD "Content-Type: text/event-stream\r\n\r\n"
#define STREAM                                                                                     \
    HEAD "retry: 2000\n\nid: start\n\nid: a.1\nevent: stream.started\ndata: {}\n\n:\n\n"           \
         "id: a.2\nevent: token\ndata: one\ndata: id: two\n\nid: a.3\ndata: {\"x\":1}\n\nid: "     \
         "a.4\n\n"                                                                                 \
         "id: a.5\nevent: streams\ndata:\n\nid: a.6\nevent: stream.end\ndata: {}\n\n"
#define PLAIN                                                                                      \
    HEAD ":\n\nevent: token\ndata: one\ndata: id: two\n\ndata: {\"x\":1}\n\n"                      \
         "event: streams\ndata:\n\n"

static void names_and_data_pass_and_nothing_else(void **state)
{
    (void)state;
    struct gate_plain p;
    gate_plain_init(&p, sizeof HEAD - 1);
    assert_int_equal(gate_plain_filter(&p, STREAM, sizeof STREAM - 1), 0);
    assert_int_equal(p.out.len, sizeof PLAIN - 1);
    assert_memory_equal(p.out.data, PLAIN, sizeof PLAIN - 1);
    gate_plain_fini(&p);
}

static void it_does_not_matter_where_the_bytes_are_cut(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < sizeof STREAM; cut++) {
        for (size_t step = 1; step < 20; step++) {
            struct gate_plain p;
            gate_plain_init(&p, sizeof HEAD - 1);
            assert_int_equal(gate_plain_filter(&p, STREAM, cut), 0);
            for (size_t at = cut; at < sizeof STREAM - 1; at += step) {
                size_t left = sizeof STREAM - 1 - at;
                assert_int_equal(gate_plain_filter(&p, &STREAM[at], left < step ? left : step), 0);
            }
            assert_int_equal(p.out.len, sizeof PLAIN - 1);
            assert_memory_equal(p.out.data, PLAIN, sizeof PLAIN - 1);
            gate_plain_fini(&p);
        }
    }
}

#define EVENT "id: x.1\ndata: 0123456789\n\n"
#define EVENT_LEFT "data: 0123456789\n\n"
#define EVENTS 100000

/* Reads what there is, and checks that it goes on where it ended. */
static size_t read_all(int fd, size_t from)
{
    char bytes[4096];
    ssize_t n;
    while ((n = read(fd, bytes, sizeof bytes)) > 0) {
        for (ssize_t i = 0; i < n; i++, from++) {
            assert_int_equal(bytes[i], EVENT_LEFT[from % (sizeof EVENT_LEFT - 1)]);
        }
    }
    return from;
}

static void a_peer_that_takes_little_gets_all_of_it_once(void **state)
{
    (void)state;
    int ends[2];
    struct gate_plain p;
    struct gate_writer w;
    static char input[EVENTS * (sizeof EVENT - 1)];
    size_t sent = 0, got = 0, stops = 0;
    for (size_t i = 0; i < EVENTS; i++) {
        memcpy(input + i * (sizeof EVENT - 1), EVENT, sizeof EVENT - 1);
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    gate_plain_init(&p, 0);
    gate_writer_init(&w, ends[0], 0, 0);
    while (sent < sizeof input) {
        size_t half = (sizeof input - sent) / 2;
        struct iovec iov[2] = {
            {.iov_base = input + sent, .iov_len = half},
            {.iov_base = input + sent + half, .iov_len = sizeof input - sent - half}};
        ssize_t n = gate_plain_send(&p, &w, iov, 2);
        assert_true(n >= 0);
        sent += (size_t)n;
        if (n == 0) {
            stops++;
            got = read_all(ends[1], got);
        }
    }
    assert_int_equal(p.out.len, 0);
    got = read_all(ends[1], got);
    assert_int_equal(got, EVENTS * (sizeof EVENT_LEFT - 1));
    assert_true(stops > 1);
    gate_plain_fini(&p);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_data_pass_and_nothing_else),
        cmocka_unit_test(it_does_not_matter_where_the_bytes_are_cut),
        cmocka_unit_test(a_peer_that_takes_little_gets_all_of_it_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

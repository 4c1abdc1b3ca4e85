/* SPDX-License-Identifier: MIT */
/* accept() fails in every way: connections come in all the same, sooner or later.
 * The linker puts the function here between the gate and the system (--wrap). */
#include "gate/gate.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "gate/fcgi_record.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define LOOPS_MAX 200

static struct {
    int error; /* of the next calls */
    int count; /* how many of them fail; negative: none */
} fault;

int __real_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    if (fault.count > 0) {
        fault.count--;
        errno = fault.error;
        return -1;
    }
    return __real_accept4(fd, address, len, flags);
}

static int64_t now_ms;

static int64_t read_clock(const struct clock *c)
{
    (void)c;
    return now_ms;
}

static const struct clock test_clock = {.wall_ms = read_clock, .mono_ms = read_clock};
static const struct hub_settings settings = {.max_streams = 10};
static struct log test_log = {.level = LOG_LEVEL_DEBUG};
static struct gate *gate;
static uv_loop_t loop;
static char path[64];
static int is_closed;

static void answer(void *ctx, struct gate_exchange *x, const struct sse_vars *vars)
{
    (void)ctx;
    (void)vars;
    gate_answer(x, "Status: 204 No Content\r\n\r\n", 26);
}

static const struct gate_handler handler = {.request = answer};

static int set_up(void **state)
{
    struct gate_setup setup = {.loop = &loop, .log = &test_log, .clock = &test_clock,
                               .handler = &handler, .settings = &settings};
    struct err err = {.code = 0};
    char address[80];
    (void)state;
    now_ms = 1000;
    is_closed = 0;
    memset(&fault, 0, sizeof fault);
    test_log.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "test_gate_accept.%ld.sock", (long)getpid());
    snprintf(address, sizeof address, "unix:%s", path);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(gate_new(&gate, &setup, &err), 0);
    assert_int_equal(gate_listen(gate, address, &err), 0);
    return 0;
}

static void on_closed(void *ctx)
{
    (void)ctx;
    is_closed = 1;
}

static int tear_down(void **state)
{
    (void)state;
    gate_close(gate, on_closed, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(is_closed);
    assert_int_equal(uv_loop_close(&loop), 0);
    close(test_log.fd);
    return 0;
}

/* A client that has sent a whole request. */
static int ask(void)
{
    static const uint8_t request[] = {1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,
                                      1, 4, 0, 1, 0, 0, 0, 0, 1, 5, 0, 1, 0, 0, 0, 0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    memcpy(address.sun_path, path, strlen(path) + 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fd, request, sizeof request, MSG_NOSIGNAL), sizeof request);
    return fd;
}

/* One turn of the loop, which does not wait; 1 when the client has its answer. */
static int has_answer(int fd)
{
    char block[256];
    uv_run(&loop, UV_RUN_NOWAIT);
    return recv(fd, block, sizeof block, MSG_DONTWAIT) > FCGI_RECORD_HEAD_BYTES;
}

static void wait_answer(int fd)
{
    for (int i = 0; !has_answer(fd); i++) {
        assert_true(i < LOOPS_MAX);
    }
    close(fd);
}

static void a_shortage_is_over_with_a_tick(void **state)
{
    static const int errors[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS};
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        fault.error = errors[i];
        fault.count = 2;
        int fd = ask();
        for (int k = 0; k < 10; k++) {
            assert_false(has_answer(fd));
        }
        /* It is not asked again and again: one call, then the next tick. */
        assert_int_equal(fault.count, 1);
        gate_tick(gate);
        assert_false(has_answer(fd));
        assert_int_equal(fault.count, 0);
        gate_tick(gate);
        wait_answer(fd);
    }
}

static void a_connection_that_failed_is_passed_over(void **state)
{
    static const int errors[] = {EINTR, ECONNABORTED, EPROTO, EPERM, ENETDOWN, EHOSTUNREACH};
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        fault.error = errors[i];
        fault.count = 3;
        wait_answer(ask());
    }
}

static void nothing_to_accept_is_no_error(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        fault.error = EAGAIN;
        fault.count = 1 + i;
        wait_answer(ask());
    }
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_shortage_is_over_with_a_tick),
        T(a_connection_that_failed_is_passed_over),
        T(nothing_to_accept_is_no_error),
    };
    return cmocka_run_group_tests_name("gate_accept", tests, NULL, NULL);
}

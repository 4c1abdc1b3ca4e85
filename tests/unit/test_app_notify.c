/* SPDX-License-Identifier: MIT */
/* What a service manager hands over is taken and checked, and it hears what it waits for. */
#include "app/notify.h"
#include "app/passed.h"

#include "base/err.h"
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT_MAX_BYTES 4096

struct fixture {
    int manager; /* where a service manager listens */
    int said;    /* what is logged */
    struct log log;
    char name[64]; /* of the manager's address */
    char text[TEXT_MAX_BYTES];
    struct app_notify notify;
};

static int listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, name, len);
    if (name[0] == '@') {
        address.sun_path[0] = '\0';
    }
    len += offsetof(struct sockaddr_un, sun_path) + (name[0] != '@');
    return fd >= 0 && bind(fd, (struct sockaddr *)&address, (socklen_t)len) == 0 ? fd : -1;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    int fds[2];
    if (!f || pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0) {
        free(f);
        return -1;
    }
    f->notify.fd = -1;
    f->said = fds[0];
    f->log = (struct log){.fd = fds[1], .level = LOG_LEVEL_INFO};
    snprintf(f->name, sizeof f->name, "@ssecgi-test-%d", (int)getpid());
    f->manager = listen_at(f->name);
    *state = f;
    return f->manager < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    app_notify_close(&f->notify);
    close(f->manager);
    close(f->said);
    close(f->log.fd);
    free(f);
    return 0;
}

/* The next datagram, "" when there is none. */
static const char *heard(struct fixture *f)
{
    ssize_t n = recv(f->manager, f->text, sizeof f->text - 1, MSG_DONTWAIT);
    f->text[n > 0 ? n : 0] = '\0';
    return f->text;
}

static const char *logged(struct fixture *f)
{
    ssize_t n = read(f->said, f->text, sizeof f->text - 1);
    f->text[n > 0 ? n : 0] = '\0';
    return f->text;
}

static void read_with(struct fixture *f, const char *socket, const char *usec, const char *pid)
{
    app_notify_close(&f->notify);
    setenv("NOTIFY_SOCKET", socket, 1);
    if (usec) {
        setenv("WATCHDOG_USEC", usec, 1);
    }
    if (pid) {
        setenv("WATCHDOG_PID", pid, 1);
    }
    app_notify_read(&f->notify, &f->log);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
}

/* --- states -------------------------------------------------------------------------------- */

static void tell_everything(struct fixture *f)
{
    app_notify_ready(&f->notify);
    assert_string_equal(heard(f), "READY=1");
    app_notify_tick(&f->notify, 3, 0);
    assert_string_equal(heard(f), "STATUS=readers: 3");
    app_notify_tick(&f->notify, 3, 0);
    assert_string_equal(heard(f), "");
    app_notify_reloading(&f->notify);
    long long usec;
    assert_int_equal(sscanf(heard(f), "RELOADING=1\nMONOTONIC_USEC=%lld", &usec), 1);
    assert_true(usec > 0);
    app_notify_stopping(&f->notify, 12000);
    assert_string_equal(heard(f), "STOPPING=1\nEXTEND_TIMEOUT_USEC=12000000");
    app_notify_tick(&f->notify, 3, 1);
    assert_string_equal(heard(f), "STATUS=draining, readers: 3");
    assert_string_equal(logged(f), "");
}

static void tells_an_abstract_address(void **state)
{
    struct fixture *f = *state;
    read_with(f, f->name, NULL, NULL);
    tell_everything(f);
    assert_true(fcntl(f->notify.fd, F_GETFD) & FD_CLOEXEC);
}

static void tells_a_path(void **state)
{
    struct fixture *f = *state;
    char folder[] = "/tmp/ssecgi-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/notify", folder);
    close(f->manager);
    f->manager = listen_at(path);
    read_with(f, path, NULL, NULL);
    tell_everything(f);
    unlink(path);
    rmdir(folder);
}

static void without_a_manager_nothing_happens(void **state)
{
    struct fixture *f = *state;
    app_notify_read(&f->notify, &f->log);
    app_notify_ready(&f->notify);
    app_notify_tick(&f->notify, 1, 0);
    app_notify_stopping(&f->notify, 1);
    read_with(f, "", NULL, NULL);
    app_notify_ready(&f->notify);
    assert_string_equal(logged(f), "");
}

static void a_wrong_address_is_one_line(void **state)
{
    struct fixture *f = *state;
    char longest[200];
    memset(longest, 'x', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    const char *const wrong[] = {"relative", "vsock:2:1234", "/", "@", longest};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        read_with(f, wrong[i], NULL, NULL);
        app_notify_ready(&f->notify);
        assert_non_null(strstr(logged(f), "NOTIFY_SOCKET"));
        assert_ptr_equal(strchr(f->text, '\n'), f->text + strlen(f->text) - 1);
    }
}

static void a_manager_that_is_gone_is_one_line(void **state)
{
    struct fixture *f = *state;
    read_with(f, "@ssecgi-nobody-listens-here", NULL, NULL);
    app_notify_ready(&f->notify);
    app_notify_tick(&f->notify, 1, 0);
    app_notify_stopping(&f->notify, 1);
    assert_non_null(strstr(logged(f), "cannot tell the service manager"));
    assert_ptr_equal(strchr(f->text, '\n'), f->text + strlen(f->text) - 1);
}

/* The manager does not read, and its queue is short: the last change of state still arrives. */
static void a_change_of_state_is_not_lost(void **state)
{
    struct fixture *f = *state;
    read_with(f, f->name, NULL, NULL);
    for (int i = 0; i < 100000 && !f->notify.owed[0]; i++) {
        app_notify_ready(&f->notify);
    }
    assert_string_equal(f->notify.owed, "READY=1");
    app_notify_stopping(&f->notify, 1);
    while (*heard(f)) {
        assert_string_equal(f->text, "READY=1");
    }
    app_notify_tick(&f->notify, 0, 1);
    assert_string_equal(heard(f), "STOPPING=1\nEXTEND_TIMEOUT_USEC=1000");
    assert_string_equal(heard(f), "STATUS=draining, readers: 0");
}

/* --- the watchdog -------------------------------------------------------------------------- */

static void reads_the_period_of_the_watchdog(void **state)
{
    struct fixture *f = *state;
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    read_with(f, f->name, "30000000", NULL);
    assert_int_equal(f->notify.watchdog_ms, 15000);
    read_with(f, f->name, "30000000", pid);
    assert_int_equal(f->notify.watchdog_ms, 15000);
    read_with(f, f->name, "1", pid);
    assert_int_equal(f->notify.watchdog_ms, 1);
    read_with(f, f->name, "30000000", "1");
    assert_int_equal(f->notify.watchdog_ms, 0);
    assert_string_equal(logged(f), "");
    static const char *const wrong[] = {"", "0", "-1", "x", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        read_with(f, f->name, wrong[i], pid);
        assert_int_equal(f->notify.watchdog_ms, 0);
        assert_non_null(strstr(logged(f), "WATCHDOG_USEC"));
        app_notify_ready(&f->notify); /* all else goes on */
        assert_string_equal(heard(f), "READY=1");
    }
}

static void the_loop_gives_signs_of_life(void **state)
{
    struct fixture *f = *state;
    uv_loop_t loop;
    read_with(f, f->name, "2000", NULL);
    assert_int_equal(uv_loop_init(&loop), 0);
    app_notify_start(&f->notify, &loop);
    assert_int_equal(uv_run(&loop, UV_RUN_NOWAIT), 0); /* it keeps no loop alive */
    uv_ref((uv_handle_t *)&f->notify.watchdog);
    for (int i = 0; i < 3; i++) {
        uv_run(&loop, UV_RUN_ONCE);
    }
    assert_string_equal(heard(f), "WATCHDOG=1");
    app_notify_close(&f->notify);
    app_notify_close(&f->notify);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* --- sockets ------------------------------------------------------------------------------- */

static size_t passed(struct fixture *f, const char *fds, const char *pid)
{
    char own[16];
    snprintf(own, sizeof own, "%d", (int)getpid());
    if (fds) {
        setenv("LISTEN_FDS", fds, 1);
    }
    if (pid) {
        setenv("LISTEN_PID", *pid ? pid : own, 1);
    }
    setenv("LISTEN_FDNAMES", "a:b", 1);
    size_t count = app_passed_read(&f->log);
    assert_null(getenv("LISTEN_FDS"));
    assert_null(getenv("LISTEN_PID"));
    assert_null(getenv("LISTEN_FDNAMES"));
    return count;
}

static void takes_sockets_that_are_for_us(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(passed(f, "2", ""), 2);
    assert_int_equal(passed(f, "0", ""), 0);
    assert_int_equal(passed(f, "2", "1"), 0);
    assert_int_equal(passed(f, "2", NULL), 0);
    assert_int_equal(passed(f, NULL, ""), 0);
    assert_int_equal(passed(f, NULL, NULL), 0);
    assert_string_equal(logged(f), "");
    assert_int_equal(passed(f, "two", ""), 0);
    assert_non_null(strstr(logged(f), "LISTEN_FDS"));
    assert_int_equal(passed(f, "99999999999", ""), 0);
    assert_non_null(strstr(logged(f), "LISTEN_FDS"));
    assert_int_equal(passed(f, "2", "me"), 0);
    assert_non_null(strstr(logged(f), "LISTEN_PID"));
}

static int make_socket(int type, int is_listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type, 0);
    /* A short address is one that the system makes up. */
    int rc = bind(fd, (struct sockaddr *)&address, sizeof address.sun_family);
    return rc == 0 && (!is_listening || listen(fd, 1) == 0) ? fd : -1;
}

/* In a process of its own: it is about descriptors 3 and 4. Answers what was complained of. */
static int complaint(int second)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct err err = {.code = 0};
        int first = fcntl(make_socket(SOCK_STREAM, 1), F_DUPFD, 10);
        int other = second < 0 ? -1 : fcntl(second, F_DUPFD, 10);
        int is_set = dup2(first, 3) == 3 && (other < 0 ? close(4), 1 : dup2(other, 4) == 4);
        int rc = app_passed_check(2, &err);
        _exit(!is_set             ? 9
              : rc == 0           ? 0
              : rc != ERR_INVALID ? 8
                                  : strstr(err.text, "descriptor 4 ") != NULL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static void wants_listening_stream_sockets(void **state)
{
    (void)state;
    int listening = make_socket(SOCK_STREAM, 1);
    int bound = make_socket(SOCK_STREAM, 0);
    int packets = make_socket(SOCK_SEQPACKET, 1);
    int datagrams = make_socket(SOCK_DGRAM, 0);
    int file = open("/dev/null", O_RDONLY);
    assert_int_equal(complaint(listening), 0);
    assert_int_equal(complaint(bound), 1);
    assert_int_equal(complaint(packets), 1);
    assert_int_equal(complaint(datagrams), 1);
    assert_int_equal(complaint(file), 1);
    assert_int_equal(complaint(-1), 1);
    close(listening);
    close(bound);
    close(packets);
    close(datagrams);
    close(file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tells_an_abstract_address),          TEST(tells_a_path),
        TEST(without_a_manager_nothing_happens),  TEST(a_wrong_address_is_one_line),
        TEST(a_manager_that_is_gone_is_one_line), TEST(a_change_of_state_is_not_lost),
        TEST(reads_the_period_of_the_watchdog),   TEST(the_loop_gives_signs_of_life),
        TEST(takes_sockets_that_are_for_us),      TEST(wants_listening_stream_sockets),
    };
    return cmocka_run_group_tests_name("app notify", tests, NULL, NULL);
}

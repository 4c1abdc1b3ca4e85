/* SPDX-License-Identifier: MIT */
/* exec_child: a program that runs for us: its output, its end, its limits. */
#include "source/exec/child.h"

#include "base/buf.h"
#include "base/err.h"
#include "source/exec/launch.h"
#include "source/exec/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ERROR_BYTES 4096 /* of standard error, at once */
#define STATUS_FAILED 127
#define REAP_MS 1 /* the supervisor's socket ends a moment before the supervisor does */

enum { CONTROL, OUTPUT, ERROR, INPUT, STREAMS };

/* A descriptor and who watches it. */
struct stream {
    uv_poll_t poll;
    int fd; /* -1: closed */
    int has_handle;
};

struct exec_child {
    struct exec_child_setup setup;
    struct stream streams[STREAMS];
    pid_t supervisor;
    uv_timer_t again; /* output() asked to be called again; or, at last, for the supervisor's end */
    uv_timer_t limit; /* run_ms */
    struct buf out;   /* what output() did not use yet */
    char *input;      /* what is still to be written */
    size_t input_at;
    uint64_t output_bytes; /* so far */
    struct exec_status status;
    int is_out_ended; /* nothing more comes */
    int is_drained;   /* and output() has had all of it */
    int is_gone;      /* no process is left */
    int has_ended;    /* ended() was called */
    int is_closing;
    int is_unmade; /* its handles are being closed */
    int open_handles;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void finish(struct exec_child *c);
static void deliver(struct exec_child *c);

/* ---- handles ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct exec_child *c = handle->data;
    if (--c->open_handles > 0) {
        return;
    }
    void (*closed)(void *ctx) = c->closed;
    void *ctx = c->closed_ctx;
    buf_fini(&c->out);
    free(c->input);
    free(c);
    if (closed) {
        closed(ctx);
    }
}

/* The handle's memory stays ours until the loop has let go of it. */
static void stream_close(struct exec_child *c, int which)
{
    struct stream *s = &c->streams[which];
    if (s->has_handle) {
        s->has_handle = 0;
        uv_close((uv_handle_t *)&s->poll, on_handle_closed);
    }
    if (s->fd >= 0) {
        close(s->fd);
        s->fd = -1;
    }
}

static void close_all(struct exec_child *c)
{
    for (int i = 0; i < STREAMS; i++) {
        stream_close(c, i);
    }
    uv_close((uv_handle_t *)&c->again, on_handle_closed);
    uv_close((uv_handle_t *)&c->limit, on_handle_closed);
}

/* ---- output ---- */

static void read_on(struct exec_child *c);

static void on_again(uv_timer_t *timer)
{
    struct exec_child *c = timer->data;
    deliver(c);
    read_on(c);
}

/* Hands over what there is. Reading goes on when nobody asked to be called again. */
static void deliver(struct exec_child *c)
{
    size_t used = 0;
    if (c->is_closing || c->is_drained) {
        return;
    }
    int wait_ms = c->setup.output(c->setup.ctx, c->out.data, c->out.len, c->is_out_ended, &used);
    if (c->is_closing) { /* from inside */
        return;
    }
    buf_consume(&c->out, used);
    if (wait_ms >= 0) {
        uv_timer_start(&c->again, on_again, (uint64_t)wait_ms, 0);
    } else if (c->is_out_ended) {
        assert(c->out.len == 0);
        c->is_drained = 1;
        finish(c);
    }
}

static void end_output(struct exec_child *c)
{
    if (!c->is_out_ended) {
        c->is_out_ended = 1;
        stream_close(c, OUTPUT);
        if (!uv_is_active((uv_handle_t *)&c->again)) {
            deliver(c);
        }
    }
}

/* It is not read any further: what is past the limit is nobody's. */
static void refuse_more(struct exec_child *c)
{
    c->status.is_too_much = 1;
    exec_child_stop(c, 1);
    end_output(c);
}

/* Reads once. 1 when there may be more. */
static int read_output(struct exec_child *c)
{
    if (buf_reserve(&c->out, EXEC_CHILD_READ_BYTES)) {
        uv_timer_start(&c->again, on_again, 100, 0); /* out of memory: the program waits */
        return 0;
    }
    ssize_t n = read(c->streams[OUTPUT].fd, c->out.data + c->out.len, EXEC_CHILD_READ_BYTES);
    if (n < 0 && (errno == EAGAIN || errno == EINTR) && !c->is_gone) {
        return 0;
    }
    if (n <= 0) {
        end_output(c);
        return 0;
    }
    uint64_t most = c->setup.output_bytes;
    int is_over = most > 0 && (uint64_t)n > most - c->output_bytes;
    n = is_over ? (ssize_t)(most - c->output_bytes) : n;
    c->output_bytes += (uint64_t)n;
    c->out.len += (size_t)n;
    if (is_over) {
        refuse_more(c);
        return 0;
    }
    deliver(c);
    return n == EXEC_CHILD_READ_BYTES;
}

static int is_reading(const struct exec_child *c)
{
    return !c->is_closing && c->streams[OUTPUT].fd >= 0
           && !uv_is_active((const uv_handle_t *)&c->again);
}

static void on_output(uv_poll_t *poll, int status, int events);

/* While it is not read, it is not looked at either: it would be readable all the time. When nobody
 * is left who could write, what is in the pipe is all there is: a descriptor that went to a process
 * which was never below ours does not count. */
static void read_on(struct exec_child *c)
{
    int most = c->is_gone ? EXEC_CHILD_LAST_READS : EXEC_CHILD_TURN_READS;
    for (int i = 0; i < most && is_reading(c); i++) {
        if (!read_output(c) && !c->is_gone) {
            break;
        }
    }
    if (c->is_gone && is_reading(c)) {
        end_output(c);
    }
    if (is_reading(c)) {
        uv_poll_start(&c->streams[OUTPUT].poll, UV_READABLE, on_output);
    } else if (c->streams[OUTPUT].has_handle) {
        uv_poll_stop(&c->streams[OUTPUT].poll);
    }
    if (c->out.len == 0) {
        buf_fini(&c->out);
    }
}

static void on_output(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    read_on(poll->data);
}

static void on_error(uv_poll_t *poll, int status, int events)
{
    struct exec_child *c = poll->data;
    char text[ERROR_BYTES];
    (void)status;
    (void)events;
    ssize_t n = read(c->streams[ERROR].fd, text, sizeof text);
    if (n > 0) {
        c->setup.error(c->setup.ctx, text, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        stream_close(c, ERROR);
    }
}

/* ---- input ---- */

static void on_input(uv_poll_t *poll, int status, int events)
{
    struct exec_child *c = poll->data;
    (void)status;
    (void)events;
    ssize_t n =
        write(c->streams[INPUT].fd, c->input + c->input_at, c->setup.input_len - c->input_at);
    if (n > 0) {
        c->input_at += (size_t)n;
    }
    int has_failed = n < 0 && errno != EAGAIN && errno != EINTR; /* it does not want the rest */
    if (has_failed || c->input_at == c->setup.input_len) {
        stream_close(c, INPUT);
    }
}

/* ---- the end ---- */

static void finish(struct exec_child *c)
{
    if (!c->is_gone) {
        return;
    }
    if (c->is_closing && !c->is_unmade) {
        c->is_unmade = 1;
        close_all(c);
    } else if (!c->is_closing && c->is_drained && !c->has_ended) {
        c->has_ended = 1;
        uv_timer_stop(&c->limit);
        c->setup.ended(c->setup.ctx, &c->status);
    }
}

/* What is left of its last words. */
static void drain_error(struct exec_child *c)
{
    char text[ERROR_BYTES];
    for (int i = 0; i < EXEC_CHILD_LAST_READS && !c->is_closing && c->streams[ERROR].fd >= 0; i++) {
        ssize_t n = read(c->streams[ERROR].fd, text, sizeof text);
        if (n <= 0) {
            break;
        }
        c->setup.error(c->setup.ctx, text, (size_t)n);
    }
    stream_close(c, ERROR);
    stream_close(c, INPUT);
}

static void on_reap(uv_timer_t *timer)
{
    struct exec_child *c = timer->data;
    if (waitpid(c->supervisor, NULL, WNOHANG) == 0) {
        uv_timer_start(timer, on_reap, REAP_MS, 0);
        return;
    }
    c->is_gone = 1;
    drain_error(c);
    if (!c->is_closing) {
        read_on(c);
    }
    finish(c);
}

static void take_message(struct exec_child *c, const struct exec_message *m)
{
    static const char *const steps[EXEC_STEP_COUNT] = {
        [EXEC_STEP_USER] = "user", [EXEC_STEP_FOLDER] = "cwd", [EXEC_STEP_PROGRAM] = "argv"};
    if (m->kind == EXEC_MESSAGE_FAILED) {
        c->status.error = m->value;
        c->status.code = STATUS_FAILED;
        c->status.signal = 0;
        c->status.step = m->step >= 0 && m->step < EXEC_STEP_COUNT ? steps[m->step] : NULL;
    } else if (m->kind == EXEC_MESSAGE_EXITED) {
        c->status.signal = WIFSIGNALED(m->value) ? WTERMSIG(m->value) : 0;
        c->status.code = WIFEXITED(m->value) ? WEXITSTATUS(m->value) : 0;
    }
}

static void on_control(uv_poll_t *poll, int status, int events)
{
    struct exec_child *c = poll->data;
    struct exec_message m;
    (void)status;
    (void)events;
    ssize_t n = recv(c->streams[CONTROL].fd, &m, sizeof m, 0);
    if (n == (ssize_t)sizeof m) {
        take_message(c, &m);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        stream_close(c, CONTROL);
        uv_timer_stop(&c->limit);
        on_reap(&c->limit);
    }
}

static void on_limit(uv_timer_t *timer)
{
    struct exec_child *c = timer->data;
    c->status.is_too_late = 1;
    exec_child_stop(c, 0);
}

/* ---- life ---- */

static int start_stream(struct exec_child *c, int which, int fd, int events, uv_poll_cb callback)
{
    struct stream *s = &c->streams[which];
    s->fd = fd;
    if (fd < 0) {
        return 0;
    }
    int rc = uv_poll_init(c->setup.loop, &s->poll, fd);
    if (rc) {
        return rc;
    }
    s->poll.data = c;
    s->has_handle = 1;
    c->open_handles++;
    return uv_poll_start(&s->poll, events, callback);
}

static int watch(struct exec_child *c, const struct exec_launched *l)
{
    int rc = start_stream(c, CONTROL, l->control, UV_READABLE, on_control);
    int rc2 = start_stream(c, OUTPUT, l->output, UV_READABLE, on_output);
    int rc3 = start_stream(c, ERROR, l->error, UV_READABLE, on_error);
    int rc4 = start_stream(c, INPUT, l->input, UV_WRITABLE, on_input);
    return rc || rc2 || rc3 || rc4 ? ERR_IO : 0;
}

static int copy_input(struct exec_child *c)
{
    if (c->setup.input) {
        c->input = malloc(c->setup.input_len + 1);
        if (!c->input) {
            return ERR_NOMEM;
        }
        memcpy(c->input, c->setup.input, c->setup.input_len);
    }
    return 0;
}

int exec_child_new(struct exec_child **out, const struct exec_child_setup *setup)
{
    struct exec_launched launched;
    struct exec_child *c = calloc(1, sizeof *c);
    if (!c) {
        return ERR_NOMEM;
    }
    c->setup = *setup;
    c->status.signal =
        SIGKILL; /* of a supervisor that says nothing: it was killed, and the program died */
    buf_init(&c->out, setup->rest_bytes + EXEC_CHILD_READ_BYTES);
    int rc = copy_input(c);
    rc = rc ? rc : exec_launch(setup, &launched);
    if (rc) {
        free(c->input);
        free(c);
        return rc;
    }
    c->supervisor = launched.pid;
    c->setup.argv = c->setup.env = NULL;
    c->setup.cwd = c->setup.user = c->setup.input = NULL;
    uv_timer_init(setup->loop, &c->again);
    uv_timer_init(setup->loop, &c->limit);
    c->again.data = c->limit.data = c;
    c->open_handles = 2;
    if (setup->run_ms > 0) {
        uv_timer_start(&c->limit, on_limit, (uint64_t)setup->run_ms, 0);
    }
    rc = watch(c, &launched);
    if (rc) {
        exec_child_close(c, NULL, NULL);
        return rc;
    }
    *out = c;
    return 0;
}

void exec_child_stop(struct exec_child *c, int is_urgent)
{
    static const char command = EXEC_SUPERVISOR_KILL;
    c->status.is_cancelled = !c->status.is_too_late && !c->status.is_too_much;
    if (c->streams[CONTROL].fd < 0) {
        return;
    }
    if (!c->is_gone) {
        (void)kill(c->supervisor, SIGCONT); /* a program of the same user can stop it */
    }
    if (is_urgent) {
        (void)send(c->streams[CONTROL].fd, &command, 1, MSG_NOSIGNAL); /* fails when it has ended */
    }
    (void)shutdown(c->streams[CONTROL].fd, SHUT_WR);
}

void exec_child_close(struct exec_child *c, void (*closed)(void *ctx), void *ctx)
{
    c->closed = closed;
    c->closed_ctx = ctx;
    if (c->is_closing) {
        return;
    }
    c->is_closing = 1;
    stream_close(c, OUTPUT);
    stream_close(c, ERROR);
    stream_close(c, INPUT);
    uv_timer_stop(&c->again);
    exec_child_stop(c, 0);
    if (!c->streams[CONTROL].has_handle && !c->is_gone && !uv_is_active((uv_handle_t *)&c->limit)) {
        stream_close(c, CONTROL); /* it could not be watched */
        on_reap(&c->limit);
    }
    finish(c);
}

void exec_signal_name(int signal, char out[16])
{
    static const struct {
        int number;
        const char *name;
    } names[] = {
        {SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"}, {SIGILL, "SIGILL"},
        {SIGTRAP, "SIGTRAP"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},
        {SIGKILL, "SIGKILL"}, {SIGUSR1, "SIGUSR1"}, {SIGSEGV, "SIGSEGV"}, {SIGUSR2, "SIGUSR2"},
        {SIGPIPE, "SIGPIPE"}, {SIGALRM, "SIGALRM"}, {SIGTERM, "SIGTERM"}, {SIGXCPU, "SIGXCPU"},
        {SIGXFSZ, "SIGXFSZ"}, {SIGSYS, "SIGSYS"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].number == signal) {
            snprintf(out, 16, "%s", names[i].name);
            return;
        }
    }
    snprintf(out, 16, "%d", signal);
}

/* SPDX-License-Identifier: MIT */
/* exec_child: a program that runs for us: its output, its end, its limits. All of what it has
 * started ends with it, and with this process (see exec_supervisor).
 *
 * The program is started by posix_spawn(), which copies no page table: it costs the same with ten
 * thousand readers as with none. */
#ifndef SOURCE_EXEC_CHILD_H
#define SOURCE_EXEC_CHILD_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct exec_child;

#define EXEC_CHILD_READ_BYTES 65536 /* of output, at once */
#define EXEC_CHILD_TURN_READS 4     /* per turn of the loop */
#define EXEC_CHILD_LAST_READS 64    /* when the program is gone: more than a pipe holds */
#define EXEC_CHILD_WAIT (-1)        /* output() needs more bytes */

/* How a run ended. Zeros: with status 0. */
struct exec_status {
    int code;         /* the exit status; 127 when it could not be started */
    int signal;       /* that ended it; 0: none */
    int error;        /* errno of the start that failed; 0: it was started */
    const char *step; /* of the start that failed: "user", "cwd", "argv" or NULL */
    int is_cancelled; /* exec_child_stop() was called */
    int is_too_late;  /* it ran for run_ms */
    int is_too_much;  /* it wrote more than output_bytes */
};

/* What to run, and for whom. All is copied but ctx. */
struct exec_child_setup {
    uv_loop_t *loop;
    char *const *argv; /* NULL-terminated; the first is a path, or is looked for in PATH of `env` */
    char *const *env;  /* "NAME=value", NULL-terminated: all of its environment */
    const char *cwd;   /* NULL: ours */
    const char *user;  /* NULL: ours; with one, HOME, USER and LOGNAME where `env` has none */
    const char *input; /* its standard input; NULL: empty */
    size_t input_len;
    int64_t kill_ms;       /* between SIGTERM and SIGKILL */
    int64_t run_ms;        /* it is stopped after so long; 0: never */
    uint64_t output_bytes; /* and when it wrote more than this; 0: no limit */
    int lock_fd;           /* stays open as long as one of its processes lives; 0: none */
    size_t rest_bytes;     /* output() leaves fewer than so many bytes */

    /* Its standard output since what was used of it last; is_end: nothing follows. Says in *used
     * how much it has used. Answers EXEC_CHILD_WAIT when it wants to see more (at the end it must
     * use all), or in how many milliseconds it wants to be called again, and until then nothing is
     * read. */
    int (*output)(void *ctx, const char *data, size_t len, int is_end, size_t *used);
    /* What it said on its standard error. */
    void (*error)(void *ctx, const char *data, size_t len);
    /* It has ended, with all that it started, and output() has had everything. Not from inside
     * exec_child_new(). It is to be closed then. */
    void (*ended)(void *ctx, const struct exec_status *status);
    void *ctx;
};

/* Starts it. That it cannot be started is told by ended(), too. ERR_NOMEM; ERR_IO, with errno:
 * there is no descriptor or process left. */
int exec_child_new(struct exec_child **out, const struct exec_child_setup *setup);

/* SIGTERM for all of it, SIGKILL after kill_ms; at once with is_urgent. ended() comes. */
void exec_child_stop(struct exec_child *c, int is_urgent);

/* Stops it if it runs, calls nothing of the setup any more, and when it is gone frees it and calls
 * `closed` (may be NULL), from the loop. */
void exec_child_close(struct exec_child *c, void (*closed)(void *ctx), void *ctx);

/* Writes "SIGKILL" for SIGKILL, and so on. */
void exec_signal_name(int signal, char out[16]);

#endif

/* SPDX-License-Identifier: MIT */
/* exec_run: a program that is kept running: its output as entries, its restarts, its end. */
#ifndef SOURCE_EXEC_RUN_H
#define SOURCE_EXEC_RUN_H

#include "source/exec/child.h"
#include "source/exec/framing.h"
#include "source/exec/tell.h"

struct exec_entry;
struct exec_settings;
struct source_host;

#define EXEC_GO_ON (-1)

/* Where entries go. */
struct exec_target {
    /* Takes one, always. 1: enough for this turn. */
    int (*put)(void *ctx, const struct exec_entry *e);
    /* Those that were put are to be kept now. EXEC_GO_ON, or in how many milliseconds it is to be
     * called again: nothing is put before. NULL: put() does all. */
    int (*flush)(void *ctx);
    void *ctx;
    int lock_fd; /* stays open until all that was started has ended; 0: none */
};

struct exec_run {
    const struct exec_settings *settings;
    const struct source_host *host;
    const char *stream;
    struct exec_target target;
    char **argv, **env;
    struct exec_child *child; /* NULL: none */
    struct exec_framing framing;
    uv_timer_t timer; /* the next start; or the next flush of what tells of the end */
    int64_t started_ms;
    int64_t wait_ms;         /* before the restart that comes next */
    uint64_t restarts;       /* in a row */
    struct exec_status last; /* of the run before */
    int has_run;
    int is_put;    /* something was put and not flushed */
    int has_ended; /* for good */
    int is_closing;
    int open_parts; /* the child and the timer */
    struct exec_said said;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* Storage is the caller's. The program is started by the loop. `stream` and the rest are borrowed.
 * ERR_NOMEM. */
int exec_run_init(struct exec_run *r, const struct exec_settings *settings,
                  const struct source_host *host, const char *stream,
                  const struct exec_target *target);

/* Tells, before the first start, that another run was before this one. */
void exec_run_has_run(struct exec_run *r);

/* 1 when it ought to run and does not. */
int exec_run_is_down(const struct exec_run *r);

/* Ends it, and then calls `closed`, from the loop. Puts nothing any more. */
void exec_run_close(struct exec_run *r, void (*closed)(void *ctx), void *ctx);

#endif

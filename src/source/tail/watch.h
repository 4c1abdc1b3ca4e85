/* SPDX-License-Identifier: MIT */
/* tail_watch: notices of changes in folders. A help only: whoever uses it polls, too. */
#ifndef SOURCE_TAIL_WATCH_H
#define SOURCE_TAIL_WATCH_H

#include "source/tail/identity.h"

#include <uv.h>

#define TAIL_WATCH_MAX 64 /* folders; of more, the first */

struct log;

struct tail_watch_item {
    uv_fs_event_t handle;
    struct tail_watch *watch;
    char *folder; /* NULL: free */
    struct tail_stat st;
    int is_wanted;
};

struct tail_watch {
    uv_loop_t *loop;
    const struct log *log;
    /* Something happened to `name` (may be NULL) in `folder`; with is_moved it may have been made, renamed
     * or deleted. */
    void (*changed)(void *ctx, const char *folder, const char *name, int is_moved);
    void (*closed)(void *ctx);
    void *ctx;
    struct tail_watch_item *items[TAIL_WATCH_MAX];
    size_t count;
    size_t open;
    int was_told; /* that it cannot watch */
};

/* Asks for the folders one by one, then says that this was all: those not asked for are let go.
 * Folders that are not there, and what the system refuses, are tried again the next time. */
void tail_watch_want(struct tail_watch *w, const char *folder);
void tail_watch_done(struct tail_watch *w);

/* Tells of nothing any more, and calls w->closed, from the loop or from inside. */
void tail_watch_close(struct tail_watch *w);

#endif

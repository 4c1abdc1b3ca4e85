/* SPDX-License-Identifier: MIT */
/* exec_store: a program's output in a topic's journal: for all processes, and for longer than they
 * live.
 *
 * One process at a time holds the store's lock, and runs the program. Gaps and the end stand in the
 * journal as events of the names stream.gap and stream.end, which no program can give to its own.
 */
#ifndef SOURCE_EXEC_STORE_H
#define SOURCE_EXEC_STORE_H

#include "base/buf.h"
#include "source/source.h"
#include "source/topic/settings.h"

struct exec_entry;

#define EXEC_BATCH_MAX 1000           /* entries that are published at once */
#define EXEC_BATCH_BYTES (256 * 1024) /* and about how many bytes */

/* An entry of the batch; its texts stand in `bytes`, at these offsets. */
struct exec_batched {
    size_t name, data, len;
    int has_name;
};

struct exec_store {
    struct source *topic;
    const struct source_host *host; /* the stream's */
    struct source_host own;         /* the topic's: its events come by here */
    struct sse_out live;
    struct topic_settings settings;
    const char *stream;
    char *lock_path;
    int lock_fd;      /* -1: another process may hold it */
    int has_ended;    /* the last entry is the end */
    struct buf bytes; /* the batch */
    struct exec_batched *items;
    size_t count;
    int is_in_flight; /* it is being published */
    int was_told;     /* that it cannot be published */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* Storage is the caller's. `setup` is that of the stream. As struct source_type's open. */
int exec_store_open(struct exec_store *s, const struct source_setup *setup, size_t keep_bytes,
                    const struct source_host *host, struct err *err);

/* Lets go of the lock, too; a supervisor that has it keeps it until it ends. */
void exec_store_close(struct exec_store *s, void (*closed)(void *ctx), void *ctx);

/* Tries to get the lock. 1 when this process has it. */
int exec_store_lock(struct exec_store *s);

/* Tells the end if the last entry is one: another process has the lock, and its program has ended.
 */
void exec_store_look_for_end(struct exec_store *s);

/* 1 when nothing was ever put. */
int exec_store_is_empty(const struct exec_store *s);

/* For struct exec_target; ctx is the store. */
int exec_store_put(void *ctx, const struct exec_entry *e);
int exec_store_flush(void *ctx);

/* As in struct source_type. */
int exec_store_pull(struct exec_store *s, char position[SSE_POSITION_SIZE],
                    const struct sse_out *page, size_t budget_bytes);

#endif

/* SPDX-License-Identifier: MIT */
/* topic_publisher: publishes into a topic from a process with a loop: answers when the topic's `sync` says
 * so, and never waits for the disk on the loop. */
#ifndef SOURCE_TOPIC_PUBLISHER_H
#define SOURCE_TOPIC_PUBLISHER_H

#include "source/journal/journal.h"

struct err;
struct source_host;
struct source_setup;
struct topic_publisher;

#define TOPIC_WAITING_MAX 4096              /* publishers that wait for the disk */
#define TOPIC_HELD_MS 2000                  /* another process's lock is waited for so long */
#define TOPIC_HELD_BYTES (16 * 1024 * 1024) /* of batches that wait for it; one alone may be larger */

/* `setup` and `host` as for a source of the type topic; they outlive the publisher. The state_dir must be
 * set. ERR_INVALID, ERR_NOMEM. */
int topic_publisher_new(struct topic_publisher **out, const struct source_setup *setup,
                        const struct source_host *host, struct err *err);

/* Called once for each batch that was accepted. `rc` is 0: it is published, the events are at `places`,
 * which are borrowed for the call. ERR_IO: it may be in the journal, but the disk failed, and it
 * was promised to nobody. Anything else, as topic_publisher_put() says: nothing of it was published. Only
 * with 0 and after a failed sync there are places, otherwise NULL. */
typedef void topic_published_fn(void *ctx, int rc, const struct journal_position *places,
                                size_t count);

/* Publishes the events, all or none; `done` comes later, or from inside. On failure it does not come.
 * While another process holds the lock, a batch waits for TOPIC_HELD_MS, and what is published after it
 * stays behind it. ERR_LIMIT and ERR_INVALID are the publisher's own fault. ERR_AGAIN: not now, too
 * many wait. ERR_RANGE: the disk is full. ERR_IO: the system refused. ERR_GONE: the disk failed before;
 * the topic takes nothing any more until its publisher is made anew. ERR_NOMEM. */
int topic_publisher_put(struct topic_publisher *p, const struct journal_event *events, size_t count,
                        topic_published_fn *done, void *ctx);

/* A descriptor of this number says that the process has used most of those that it may have: they are given out from
 * the lowest number on. Then files are closed as soon as they can be. */
int topic_scarce_from(void);

/* The segment that is open, or -1. */
int topic_publisher_fd(const struct topic_publisher *p);

/* Lets go of files and memory, where nothing waits. To be called when nothing was put for a while. */
void topic_publisher_rest(struct topic_publisher *p);

/* Answers those that wait, puts on disk what is to be, then frees it and calls `closed` (may be NULL). */
void topic_publisher_close(struct topic_publisher *p, void (*closed)(void *ctx), void *ctx);

#endif

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

/* How many publishers may wait for the disk. */
#define TOPIC_WAITING_MAX 4096

/* `setup` and `host` as for a source of the type topic; they outlive the publisher. The state_dir must be
 * set. ERR_INVALID, ERR_NOMEM. */
int topic_publisher_new(struct topic_publisher **out, const struct source_setup *setup,
                        const struct source_host *host, struct err *err);

/* Called once for each batch that was accepted. `rc` is 0: it is published, the events are at `places`,
 * which are borrowed for the call. ERR_IO: it may be in the journal, but the disk failed, and it
 * was promised to nobody. */
typedef void topic_published_fn(void *ctx, int rc, const struct journal_position *places,
                                size_t count);

/* Publishes the events, all or none; `done` comes later, or from inside. On failure it does not come.
 * Errors as journal_append(): ERR_LIMIT and ERR_INVALID are the publisher's own fault, ERR_AGAIN means
 * that it should try again in a moment (also when TOPIC_WAITING_MAX wait), ERR_IO with
 * topic_publisher_is_full() that the disk is full, and ERR_GONE that the disk failed before: then the
 * topic takes nothing any more until its publisher is made anew. */
int topic_publisher_put(struct topic_publisher *p, const struct journal_event *events, size_t count,
                        topic_published_fn *done, void *ctx);

/* 1 when the last ERR_IO was for want of room on disk. */
int topic_publisher_is_full(const struct topic_publisher *p);

/* Answers those that wait, puts on disk what is to be, then frees it and calls `closed` (may be NULL). */
void topic_publisher_close(struct topic_publisher *p, void (*closed)(void *ctx), void *ctx);

#endif

/* SPDX-License-Identifier: MIT */
/* runs: answers to requests: each a stream of its own, made in this process, kept in a journal, and
 * read in any process. */
#ifndef APP_ANSWERS_RUNS_H
#define APP_ANSWERS_RUNS_H

#include "source/run/folder.h"

#include <uv.h>

struct app_config;
struct app_metrics;
struct app_run;
struct app_runs;
struct app_stream;
struct clock;
struct err;
struct log;
struct source_request;

#define APP_RUNS_FULL 1 /* as many are made as may be, and as many wait as may */

struct app_runs_setup {
    uv_loop_t *loop;
    const struct log *log;
    const struct clock *clock;
    struct app_metrics *metrics;
};

/* ERR_NOMEM. */
int app_runs_new(struct app_runs **out, const struct app_runs_setup *setup);

/* Begins to answer a request, or puts it into the queue. `stream` answers requests, `prefix` is
 * that of all addresses; the request's id is not looked at. The caller unrefs *run, the stream of
 * the answer. APP_RUNS_FULL; ERR_INVALID: the body is refused, ERR_LIMIT: it is too large, as `err`
 * says; ERR_RANGE: no room to keep the answer; ERR_AGAIN: not now; ERR_IO, ERR_NOMEM. */
int app_runs_begin(struct app_runs *all, struct app_stream *stream, const char *prefix,
                   const struct source_request *request, struct app_stream **run, struct err *err);

/* The stream of an answer, of whatever process; the caller unrefs it. ERR_UNKNOWN: the name is not
 * of this form, or there is none, or it is another user's; ERR_IO, ERR_NOMEM. `user` may be NULL.
 */
int app_runs_find(struct app_runs *all, const struct app_config *config, const char *name,
                  const char *user, struct app_stream **run);

/* Stops what is made of it, and deletes it soon, in whatever process. ERR_UNKNOWN, ERR_IO. */
int app_runs_delete(struct app_runs *all, struct app_stream *run);

/* How many are made or wait here. */
size_t app_runs_count(const struct app_runs *all);

/* Deletes those that need not be kept any more. About every second. */
void app_runs_tick(struct app_runs *all, const struct app_config *config);

/* What is not complete is told to be interrupted. `closed` when the loop has let go; the streams of
 * answers that are read are there until app_runs_free. */
void app_runs_close(struct app_runs *all, void (*closed)(void *ctx), void *ctx);
void app_runs_free(struct app_runs *all);

#endif

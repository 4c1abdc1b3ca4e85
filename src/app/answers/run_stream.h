/* SPDX-License-Identifier: MIT */
/* run_stream: the streams of answers that this process makes or reads: each is there as long as
 * somebody holds it. */
#ifndef APP_ANSWERS_RUN_STREAM_H
#define APP_ANSWERS_RUN_STREAM_H

#include "app/stream.h"

struct app_config;

struct app_run_streams {
    void *by_name; /* a tree of the C library */
};

/* One of them. All but its name is source_run_log's; its family is the stream that was asked. */
struct app_run_stream {
    struct app_stream base;
    struct app_run_streams *all;
};

/* Finds the stream of an answer, or makes it; the caller unrefs it. NULL when out of memory. */
struct app_stream *app_run_stream_of(struct app_run_streams *all, struct app_stream *named,
                                     const char *id);

/* 1 when the name could be that of an answer. */
int app_run_stream_is_named(const struct app_config *config, const char *name);

/* See app_runs_find. */
int app_run_stream_find(struct app_run_streams *all, const struct app_config *config,
                        const char *name, const char *user, struct app_stream **run);

#endif

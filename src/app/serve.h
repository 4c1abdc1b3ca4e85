/* SPDX-License-Identifier: MIT */
/* serve: what a client sees: which answer a request gets. */
#ifndef APP_SERVE_H
#define APP_SERVE_H

#include "hub/hub.h"
#include "sse/request.h"

struct app_channel;
struct app_channels;
struct app_config;
struct app_counts;
struct app_metrics;
struct app_stream;
struct clock;
struct err;
struct gate_exchange;
struct log;

/* What answering needs; borrowed. A reload changes `config`. */
struct app_server {
    const struct app_config *config;
    const struct hub_settings *hub; /* those in force */
    struct app_channels *channels;
    const struct clock *clock;
    const struct log *log;
    struct app_metrics *metrics;
    struct app_counts *counts; /* the metrics' */
    const int *is_draining;
    int was_busy; /* and that was told at busy_ms */
    int64_t busy_ms;
};

/* Answers a request: the gate's handler, with a struct app_server as its context. */
void app_serve(void *server, struct gate_exchange *x, const struct sse_vars *vars);

/* What a request, or the command line, says of where to begin and to end; each may be NULL. */
struct app_wish {
    const char *last_event_id;
    const char *from, *last, *since, *before, *until;
};

/* What comes of it. */
struct app_begin {
    char position[SSE_POSITION_SIZE];
    char until[SSE_POSITION_SIZE]; /* "" for no end */
    struct sse_gap gap;
    int has_gap;
    int is_resume; /* the client named a position that was understood */
};

/* Those of a query. */
struct app_wish app_serve_wish(const struct sse_query *q);

/* Last-Event-ID wins over all others, then `from`, `since`, `last`. One that can't be understood
 * becomes a gap; the others are checked: ERR_INVALID with `err`. ERR_IO. */
int app_serve_begin(struct app_channel *c, const struct app_wish *wish, struct app_begin *out,
                    struct err *err);

/* Only parameters that the stream knows, each once. ERR_INVALID, and `err` says which and what
 * there is. */
int app_serve_check_params(const struct app_stream *stream, const struct sse_query *q,
                           struct err *err);

#endif

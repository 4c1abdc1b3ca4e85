/* SPDX-License-Identifier: MIT */
/* serve: what a client sees: which answer a request gets. */
#ifndef APP_SERVE_H
#define APP_SERVE_H

#include "hub/hub.h"
#include "sse/request.h"

struct app_channels;
struct app_config;
struct app_counts;
struct app_metrics;
struct app_presence;
struct app_runs;
struct app_severals;
struct clock;
struct gate_exchange;
struct log;

/* What answering needs; borrowed. A reload changes `config`. */
struct app_server {
    const struct app_config *config;
    const struct hub_settings *hub; /* those in force */
    struct app_channels *channels;
    struct app_severals *severals;
    const struct clock *clock;
    const struct log *log;
    struct app_metrics *metrics;
    struct app_counts *counts; /* the metrics' */
    struct app_presence *presence;
    struct app_runs *runs;
    const int *is_draining;
    int was_busy; /* and that was told at busy_ms */
    int64_t busy_ms;
};

/* Answers a request: the gate's handler, with a struct app_server as its context. */
void app_serve(void *server, struct gate_exchange *x, const struct sse_vars *vars);

#endif

/* SPDX-License-Identifier: MIT */
/* app: the process: what it is made of, its loop, its signals, its end. */
#ifndef APP_APP_H
#define APP_APP_H

#include "app/flags.h"
#include "app/notify.h"
#include "app/serve.h"
#include "base/log.h"
#include "gate/gate.h"

#include <uv.h>

struct app_channels;
struct app_config;
struct app_metrics;
struct app_presence;
struct app_runs;
struct app_severals;
struct clock;
struct hub;

enum app_exit { APP_EXIT_GOOD = 0, APP_EXIT_FAILURE = 1, APP_EXIT_USAGE = 2, APP_EXIT_CONFIG = 6 };

struct app {
    struct app_flags flags;
    struct app_config *config;
    struct hub_settings hub_settings; /* what the hub reads; follows the configuration */
    const struct clock *clock;
    struct log log;
    struct log_limits log_limits;
    struct app_notify notify;
    size_t passed_count; /* listening sockets that a service manager handed over */
    uv_loop_t loop;
    uv_prepare_t prepare; /* the hub's turn, before the loop waits */
    uv_idle_t idle;       /* keeps it from waiting while the hub has work left */
    uv_timer_t tick;
    uv_timer_t gather; /* wakes the loop for hub_next_ms */
    uv_signal_t signals[4];
    size_t signal_count;
    struct hub *hub;
    struct app_metrics *metrics;
    struct app_channels *channels;
    struct app_severals *severals;
    struct app_presence *presence;
    struct app_runs *runs;
    struct gate *gate;
    struct app_server server;
    struct gate_handler handler;
    struct gate_print *print;
    int is_draining;
    int is_stopping;
    int64_t drain_end_ms; /* then what is left is cut */
    int exit_status;
};

/* Runs with a loaded configuration until it is over; answers the exit status. */
int app_run(struct app *app);

int64_t app_now_ms(const struct app *app);

/* 1 when there is an address or a passed socket to listen on; without, it is descriptor 0. */
int app_has_address(const struct app *app);

/* Begins the end: streams are told to come back, then the process exits. The second call ends at
 * once. */
void app_drain(struct app *app);

#endif

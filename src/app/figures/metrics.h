/* SPDX-License-Identifier: MIT */
/* metrics: the figures of this process, once a second into the scoreboard that all processes of the
 * configuration share, and their sum as a page. */
#ifndef APP_FIGURES_METRICS_H
#define APP_FIGURES_METRICS_H

#include "app/figures/figures.h"
#include "hub/hub.h"

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct app_channels;
struct app_config;
struct app_metrics;
struct clock;
struct gate;
struct log;

/* What a stream's channels count in; it stays when they go. */
struct app_metrics_stream {
    char name[APP_NAME_MAX + 1];
    struct hub_counts counts;
    uint64_t lag_bytes; /* the largest of its channels' */
    uint64_t published; /* events that this process has put into its store */
    uint64_t refused;   /* requests that wanted to publish, and did not */
};

/* What happened to requests here. */
struct app_counts {
    uint64_t requests;
    uint64_t rejected[APP_REJECT_COUNT];
};

/* Where the figures come from; all is borrowed. `config`, `gate` and `channels` change or go: the
 * owner's pointers are looked at. */
struct app_metrics_setup {
    const char *path; /* of the configuration; NULL for the built-in one */
    struct app_config *const *config;
    struct hub *hub;
    struct gate *const *gate;
    struct app_channels *const *channels;
    const int *is_draining;
    uv_loop_t *loop;
    const struct clock *clock;
    const struct log *log;
};

/* ERR_NOMEM. */
int app_metrics_new(struct app_metrics **out, const struct app_metrics_setup *setup);

/* The last figures are left behind. */
void app_metrics_free(struct app_metrics *m);

struct app_counts *app_metrics_counts(struct app_metrics *m);

/* The configuration was loaded again, or was refused. */
void app_metrics_reloaded(struct app_metrics *m, int is_refused);

/* The entry of a stream; never NULL. It stays where it is as long as `m` lives. */
struct app_metrics_stream *app_metrics_stream(struct app_metrics *m, const char *name);

/* What a user has asked of a stream, `user` "" for nobody. It stays where it is as long as `m` lives.
 * NULL when out of memory. */
struct usage_counts *app_metrics_usage(struct app_metrics *m, const char *stream, const char *user);

/* Call it once in each turn of the loop, always at the same place. */
void app_metrics_turn(struct app_metrics *m);

/* Call it about every second, or more often. With metrics configured it shares the figures. */
void app_metrics_tick(struct app_metrics *m);

/* Appends the page. ERR_AGAIN: the processes' figures do not hold together just now; ERR_NOMEM,
 * ERR_LIMIT. */
int app_metrics_text(struct app_metrics *m, struct buf *out);

#endif

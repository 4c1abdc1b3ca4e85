/* SPDX-License-Identifier: MIT */
/* health: whether this process serves as it should, for load balancers and people. */
#ifndef APP_FIGURES_HEALTH_H
#define APP_FIGURES_HEALTH_H

#include <stddef.h>

struct app_channels;
struct app_config;
struct buf;

/* What health is told from; borrowed. */
struct app_health {
    const struct app_config *config;
    const struct app_channels *channels;
    int is_draining;
};

/* Appends {"status", "readers", "streams"} and a newline; *is_good is 0 when the answer should be a 503:
 * the process is ending, or a source cannot be read. ERR_NOMEM, ERR_LIMIT. */
int app_health_json(const struct app_health *h, struct buf *out, int *is_good);

#endif

/* SPDX-License-Identifier: MIT */
/* several: several streams on one connection: channels that are made of other channels. */
#ifndef APP_SEVERAL_H
#define APP_SEVERAL_H

#include "app/channels.h"
#include "sse/query.h"

struct app_config;
struct app_severals;
struct err;

#define APP_SEVERAL_MAX APP_CHANNELS_MAX /* sets of streams open at once in one process */

/* What it is made with is what channels are made with. ERR_NOMEM. */
int app_severals_new(struct app_severals **out, const struct app_channels_setup *setup,
                     struct app_channels *channels);

/* Closes all. Before the channels, and after the last reader; NULL is fine. */
void app_severals_free(struct app_severals *all);

/* 1 when a query without a stream's name asks for several. */
int app_several_is_asked(const struct sse_query *q);

/* Finds the channel of the streams that the query names, or opens it. ERR_INVALID: a parameter is
 * wrong, ERR_UNKNOWN: there is no such stream, as `err` says; ERR_LIMIT, ERR_NOMEM, ERR_IO. */
int app_several_open(struct app_severals *all, const struct app_config *config,
                     const struct sse_query *q, struct app_channel **out, struct err *err);

/* Ends those of which a stream was changed or removed. */
void app_severals_retire(struct app_severals *all);

/* Closes those that have been without readers for long enough. About every second. */
void app_severals_tick(struct app_severals *all);

#endif

/* SPDX-License-Identifier: MIT */
/* channels: the streams that this process runs: it introduces sources to the hub. */
#ifndef APP_CHANNELS_H
#define APP_CHANNELS_H

#include "app/tee.h"
#include "source/source.h"
#include "sse/event.h"
#include "sse/query.h"

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct app_channels;
struct app_config;
struct app_metrics;
struct app_metrics_stream;
struct app_stream;
struct clock;
struct err;
struct hub;
struct hub_channel;
struct log;

#define APP_CHANNELS_MAX 16384  /* open at once in one process */
#define APP_LINGER_MS 30000     /* a channel without readers stays open so long, usually */
#define APP_PARAMS_BYTES 1024   /* of one channel's parameters */

/* A stream with certain parameters, its source open. */
struct app_channel {
    struct app_channels *all;
    struct app_channel *prev, *next;
    struct app_channel *next_same; /* of the same stream */
    struct app_stream *stream;
    char *key; /* the source's parameters in a fixed order: readers with the same share it */
    struct source_host host;
    struct app_tee tee; /* while somebody follows, it stays open */
    struct source *source;
    struct hub_channel *hub_channel;
    struct app_metrics_stream *figures;
    int64_t idle_ms;    /* since when nobody needs it; 0: somebody does */
    size_t publishing;  /* publishers that wait for its source's word */
    uint64_t told;      /* presence: how many its readers were last told that they are */
    int is_told;
    int is_due;         /* presence: they are to be told in any case */
    uint64_t noted;     /* presence: how many readers its source was last told of */
    int is_retired;  /* its stream was changed or removed: no new readers */
};

struct app_channels_setup {
    uv_loop_t *loop;
    struct hub *hub;
    const struct log *log;
    const struct clock *clock;
    struct app_metrics *metrics;
};

int app_channels_new(struct app_channels **out, const struct app_channels_setup *setup);

/* Finds the channel of a stream for the parameters among `query` that its source takes, or opens
 * it. ERR_INVALID: a parameter is wrong, as `err` says; ERR_LIMIT, ERR_NOMEM, ERR_IO. */
int app_channels_open(struct app_channels *all, struct app_stream *stream,
                      const struct sse_query *query, struct app_channel **out, struct err *err);

/* Ends the channels whose stream is not one of the configuration's any more. */
void app_channels_retire(struct app_channels *all, const struct app_config *config);

/* Opens those that are open without readers, too. What fails is logged. */
void app_channels_begin(struct app_channels *all, const struct app_config *config);

/* How long it stays open after its last reader has left; SOURCE_LINGER_ALWAYS. */
int64_t app_channel_linger_ms(const struct app_channel *c);

/* Closes channels that have been without readers for long enough. */
void app_channels_tick(struct app_channels *all);

/* Readers of a stream in this process, or of all members of a family. */
size_t app_channels_readers(const struct app_stream *stream);

/* Readers of a channel. */
size_t app_channel_readers(const struct app_channel *c);

/* Sends them a frame that is no event of the log; see hub_channel_tell. */
void app_channel_tell(struct app_channel *c, const char *name, const char *data);

/* 1 when one of them has come since then, or has caught up. */
int app_channel_has_joined(const struct app_channel *c);

/* Shows each channel that is open. */
void app_channels_each(const struct app_channels *all,
                       void (*show)(void *ctx, struct app_channel *c), void *ctx);

struct source_health app_channel_health(const struct app_channel *c);

/* Closes all; `closed` when the last source has let go and `all` is freed. */
void app_channels_close(struct app_channels *all, void (*closed)(void *ctx), void *ctx);

#endif

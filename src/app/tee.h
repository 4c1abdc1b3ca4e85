/* SPDX-License-Identifier: MIT */
/* tee: what a source sends goes into its channel's ring, and to all that follow the channel. */
#ifndef APP_TEE_H
#define APP_TEE_H

#include "sse/event.h"

#include <stdint.h>

struct hub_channel;

/* Who follows; its owner's storage. */
struct app_follower {
    struct app_follower *next;
    struct app_follower **link; /* what points here */
    const struct sse_out *out;
    struct hub_channel *to; /* where what it gets ends: its readers are readers of the channel, too */
};

struct app_tee {
    struct sse_out out; /* for the source */
    const struct sse_out *own;
    struct app_follower *followers;
};

/* `own` is the channel's. Both stay where they are. */
void app_tee_init(struct app_tee *t, const struct sse_out *own);

void app_tee_add(struct app_tee *t, struct app_follower *f);
void app_tee_remove(struct app_follower *f);

/* Tells the followers' readers what the channel's are told by hub_channel_tell: `data` is the text of a
 * JSON object, and gets the stream's name. */
void app_tee_tell(const struct app_tee *t, const char *stream, const char *name, const char *data,
                  int64_t now_ms);

#endif

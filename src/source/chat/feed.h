/* SPDX-License-Identifier: MIT */
/* chat_feed: the bytes of an event stream into the data of its events, however the bytes come. */
#ifndef SOURCE_CHAT_FEED_H
#define SOURCE_CHAT_FEED_H

#include "base/buf.h"

#include <stddef.h>

/* Longer lines and data are refused. */
#define CHAT_FEED_MAX 65536

struct chat_feed {
    struct buf line; /* what there is of one that has not ended */
    struct buf data; /* of the event so far, each line of it with LF */
    int has_data;
    int is_after_cr; /* an LF that comes next belongs to it */
    int is_begun;    /* there is no byte order mark to come */
};

/* Takes the data of an event, borrowed for the call. Not 0: no more of it. */
typedef int chat_feed_fn(void *ctx, const char *data, size_t len);

/* Storage is the caller's. Allocates nothing yet. */
void chat_feed_init(struct chat_feed *f);
void chat_feed_fini(struct chat_feed *f);

/* Takes bytes and hands over what they complete; names, ids and comments are passed over. 0, what `fn`
 * answered, ERR_LIMIT, ERR_NOMEM; after one of these it is used no more. */
int chat_feed_take(struct chat_feed *f, const char *bytes, size_t len, chat_feed_fn *fn, void *ctx);

#endif

/* SPDX-License-Identifier: MIT */
/* redis_sentinel: asks the sentinels, one after the other, where the master is. */
#ifndef SOURCE_REDIS_SENTINEL_H
#define SOURCE_REDIS_SENTINEL_H

#include "conf/option.h"
#include "source/redis/link.h"

struct redis_sentinel {
    const struct conf_list *list;
    const char *master;
    /* Where it is, whenever a sentinel says so. The host is borrowed for the call. */
    void (*found)(void *ctx, const char *host, int port);
    void *ctx;
    struct redis_link link;
    size_t next;    /* who is asked when this one fails */
    int is_open;
    int is_asking;
};

/* The link's loop, clock, released and its ctx are the owner's to set. */
void redis_sentinel_init(struct redis_sentinel *s);

/* Asks, over a new connection if need be. */
void redis_sentinel_ask(struct redis_sentinel *s);
void redis_sentinel_close(struct redis_sentinel *s);

/* To be called about every second. */
void redis_sentinel_check(struct redis_sentinel *s);

#endif

/* SPDX-License-Identifier: MIT */
/* redis_link: one connection to a Redis server or a Sentinel: hiredis on a libuv loop. */
#ifndef SOURCE_REDIS_LINK_H
#define SOURCE_REDIS_LINK_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct clock;
struct redisReply;
struct redis_wire;

#define REDIS_SILENT_MS 5000                 /* a server that owes an answer so long is gone */
#define REDIS_REPLY_MAX (64 * 1024 * 1024)   /* bytes of answers that wait to be read */

/* Gets an answer, which is borrowed for the call; NULL: the connection was lost before. */
typedef void redis_answer_fn(void *ctx, const struct redisReply *r);

struct redis_link {
    uv_loop_t *loop;
    const struct clock *clock;
    void (*opened)(void *ctx);
    void (*lost)(void *ctx, const char *why); /* also when it could not be made; not after a close */
    void (*released)(void *ctx); /* each time that the loop has let go of what open() took */
    void *ctx;
    struct redis_wire *wire; /* NULL: closed */
};

/* Connects, to a unix socket where `path` is not NULL. What it takes of the loop is given back by one
 * call of `released`, later. ERR_NOMEM, ERR_IO: nothing was taken. */
int redis_link_open(struct redis_link *l, const char *host, int port, const char *path);

/* Sends a command; `lens` may be NULL. ERR_AGAIN when not connected; `fn` is not called then. */
int redis_link_send(struct redis_link *l, int argc, const char **argv, const size_t *lens,
                    redis_answer_fn *fn, void *ctx);

/* Breaks it off: who waits for an answer gets NULL, now or soon. */
void redis_link_close(struct redis_link *l);

/* To be called about every second: finds out that the other end is silent. */
void redis_link_check(struct redis_link *l);

#endif

/* SPDX-License-Identifier: MIT */
/* redis_server: what the streams of a process that are kept by the same server share: one connection that
 * waits for news of all of them (XREAD), one for questions, one for publishing, and one to a
 * Sentinel where there are any. */
#ifndef SOURCE_REDIS_SERVER_H
#define SOURCE_REDIS_SERVER_H

#include "source/redis/link.h"
#include "source/redis/position.h"

struct redis_server;
struct redis_settings;
struct source_host;

#define REDIS_BACKOFF_FIRST_MS 100 /* between tries to connect, doubled each time, jittered */
#define REDIS_BACKOFF_LAST_MS 5000
#define REDIS_CONNECT_MS 10000     /* for all connections together */
#define REDIS_WAIT_MS 2000         /* of one XREAD */
#define REDIS_NEWS_EVENTS 64       /* of one stream in one of its answers */
#define REDIS_LOOK_MS 2000         /* between looks whether it is the master still */
#define REDIS_CHECK_MS 30000       /* a quiet stream is looked at so often, whether it is what it was */

/* A stream that uses the server. Its owner keeps it until it has left. */
struct redis_user {
    struct redis_user *next;
    const char *key;
    void (*up)(void *ctx);    /* the server can be asked */
    void (*down)(void *ctx);  /* not any more, or the try to reach it failed */
    void (*news)(void *ctx, const struct redisReply *entries); /* ends the following */
    void (*check)(void *ctx); /* look again: the answer to the following was an error. Ends it, too */
    void (*tick)(void *ctx);  /* about every second */
    void *ctx;
    int is_following;
    char after[REDIS_ID_CHARS];
};

enum redis_lane { REDIS_NEWS, REDIS_ASK, REDIS_PUBLISH, REDIS_LANES };
enum redis_script { REDIS_SCRIPT_READ, REDIS_SCRIPT_PUBLISH, REDIS_SCRIPT_READERS, REDIS_SCRIPTS };

/* Finds the process's server with these settings on this loop, or makes it. It connects from now on; `up` is
 * never called from inside. The key of `u` and its functions are set. ERR_NOMEM, ERR_INVALID. */
int redis_server_join(struct redis_server **out, const struct redis_settings *settings,
                      const struct source_host *host, struct redis_user *u);

/* No function of the user is called any more. `left` is called when what has to be closed is, later or from
 * inside. */
void redis_server_leave(struct redis_server *s, struct redis_user *u, void (*left)(void *ctx),
                        void *ctx);

int redis_server_is_up(const struct redis_server *s);

/* 1 while it is not known whether the server can be reached: since the start, or since a connection was
 * lost. */
int redis_server_is_trying(const struct redis_server *s);

/* As redis_link_send(). */
int redis_server_send(struct redis_server *s, enum redis_lane lane, int argc, const char **argv,
                      const size_t *lens, redis_answer_fn *fn, void *ctx);

/* Fills in the first two arguments of a call of a script; `is_whole` with its text, for a server that
 * has forgotten it. */
void redis_server_script(const struct redis_server *s, enum redis_script which, int is_whole,
                         const char *argv[2]);

/* The server's run: another one after each start. */
const char *redis_server_run(const struct redis_server *s);

/* The time by the server's clock when ours was at `mono_ms`, or a little before. */
uint64_t redis_server_time(const struct redis_server *s, int64_t mono_ms);

/* What comes behind the id goes to news(), once. */
void redis_server_follow(struct redis_server *s, struct redis_user *u, struct redis_id after);

/* An answer shows that this server is not the master any more. */
void redis_server_distrust(struct redis_server *s, const char *why);

#endif

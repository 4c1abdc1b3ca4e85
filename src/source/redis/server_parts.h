/* SPDX-License-Identifier: MIT */
/* redis_server_parts: what the files of a server share. No other file includes it. */
#ifndef SOURCE_REDIS_SERVER_PARTS_H
#define SOURCE_REDIS_SERVER_PARTS_H

#include "source/redis/sentinel.h"
#include "source/redis/server.h"
#include "source/redis/settings.h"

struct err;
struct log;

#define REDIS_PLACE_BYTES 320
#define REDIS_SHA_CHARS 41
#define REDIS_RUN_CHARS 64

enum redis_state {
    REDIS_DOWN,       /* tried again by the timer */
    REDIS_ASKING,     /* where the master is */
    REDIS_CONNECTING, /* until all connections have said hello */
    REDIS_UP,
    REDIS_CLOSING
};

struct redis_lane_state {
    struct redis_server *server;
    enum redis_lane which;
    struct redis_link link;
    int is_ready;
};

struct redis_server {
    struct redis_server *next;
    uv_loop_t *loop;
    const struct log *log;
    const struct clock *clock;
    struct redis_settings same; /* copies of what names the server */
    struct redis_address address;
    char *password;
    char *label; /* the address, without its password */
    enum redis_state state;
    int is_trying;
    int was_told; /* that it cannot be reached */
    int64_t backoff_ms, began_ms, looked_ms;
    struct redis_user *users;
    struct redis_lane_state lanes[REDIS_LANES];
    struct redis_sentinel sentinel;
    char place[REDIS_PLACE_BYTES]; /* of the master, as a sentinel says */
    char run[REDIS_RUN_CHARS];
    int64_t time_wall_ms, time_mono_ms; /* its clock, and ours when that answer came */
    char shas[REDIS_SCRIPTS][REDIS_SHA_CHARS];
    char client[24]; /* the number of the connection for news, there */
    int is_listening; /* an XREAD is on its way */
    int is_woken;     /* and was told to come back */
    int is_handing;   /* its answer is being handed out */
    uv_timer_t retry, tick;
    int held; /* what the loop has of us */
    void (*left)(void *ctx);
    void *left_ctx;
};

/* server_make.c: what a server is made of. ERR_NOMEM, ERR_INVALID. */
int redis_server_make(struct redis_server **out, const struct redis_settings *settings,
                      const struct source_host *host);
void redis_server_forget(struct redis_server *s);
/* Reads the password, which may be another one by now. ERR_IO, ERR_NOMEM. */
int redis_server_read_login(struct redis_server *s, struct err *err);
void redis_server_ask_sentinel(struct redis_server *s);
void redis_server_place(const char *host, int port, char out[REDIS_PLACE_BYTES]);

const char *redis_script_text(enum redis_script which);

/* server.c: the server cannot be used; it is tried again. */
void redis_server_fail(struct redis_server *s, const char *why);
void redis_server_lane_ready(struct redis_server *s);

#endif

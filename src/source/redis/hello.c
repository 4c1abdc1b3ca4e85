/* SPDX-License-Identifier: MIT */
/* redis_hello: what is said first on a connection, and looked at later. */
#include "source/redis/hello.h"

#include "base/clock.h"
#include "base/num.h"
#include "source/redis/reply.h"
#include "source/redis/server_parts.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

#define DB_CHARS 24

/* Sends one command of the hello. When memory is short the answers do not come together, and the
 * server is tried again after REDIS_CONNECT_MS. */
static void say(struct redis_lane_state *lane, redis_answer_fn *fn, int argc, const char **argv)
{
    (void)redis_link_send(&lane->link, argc, argv, NULL, fn, lane);
}

static void fail(struct redis_lane_state *lane, const struct redisReply *r, const char *why)
{
    redis_server_fail(lane->server, r->type == REDIS_REPLY_ERROR ? r->str : why);
}

/* ---- the answers ---- */

static void on_done(void *ctx, const struct redisReply *r)
{
    if (r && r->type == REDIS_REPLY_ERROR) {
        fail(ctx, r, "");
    }
}

static void on_role(void *ctx, const struct redisReply *r)
{
    if (!r) {
        return;
    }
    int is_master = r->type == REDIS_REPLY_ARRAY && r->elements > 0
                    && r->element[0]->type == REDIS_REPLY_STRING
                    && strcmp(r->element[0]->str, "master") == 0;
    if (!is_master) {
        fail(ctx, r, "it is not a master");
    }
}

static void on_time(void *ctx, const struct redisReply *r)
{
    struct redis_lane_state *lane = ctx;
    uint64_t s, us;
    if (!r) {
        return;
    }
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 || r->element[0]->type != REDIS_REPLY_STRING
        || r->element[1]->type != REDIS_REPLY_STRING
        || num_parse_u64(r->element[0]->str, r->element[0]->len, UINT32_MAX, &s)
        || num_parse_u64(r->element[1]->str, r->element[1]->len, 999999, &us)) {
        fail(lane, r, "TIME without numbers");
        return;
    }
    lane->server->time_wall_ms = (int64_t)(s * 1000 + us / 1000);
    lane->server->time_mono_ms = lane->server->clock->mono_ms(lane->server->clock);
}

/* All connections lead to the same run of the same server. */
static void on_info(void *ctx, const struct redisReply *r)
{
    struct redis_lane_state *lane = ctx;
    struct redis_server *s = lane->server;
    char run[REDIS_RUN_CHARS];
    if (!r) {
        return;
    }
    if (redis_reply_info(r, "run_id", run, sizeof run)) {
        fail(lane, r, "INFO without run_id");
    } else if (s->run[0] && strcmp(s->run, run) != 0) {
        fail(lane, r, "connections lead to several servers");
    } else {
        memcpy(s->run, run, sizeof run);
    }
}

static void take_sha(struct redis_lane_state *lane, const struct redisReply *r,
                     enum redis_script which)
{
    char *sha = lane->server->shas[which];
    if (r->type != REDIS_REPLY_STRING || r->len != REDIS_SHA_CHARS - 1) {
        fail(lane, r, "SCRIPT LOAD without a checksum");
        return;
    }
    memcpy(sha, r->str, REDIS_SHA_CHARS);
}

static void on_read_loaded(void *ctx, const struct redisReply *r)
{
    if (r) {
        take_sha(ctx, r, REDIS_SCRIPT_READ);
    }
}

static void on_publish_loaded(void *ctx, const struct redisReply *r)
{
    if (r) {
        take_sha(ctx, r, REDIS_SCRIPT_PUBLISH);
    }
}

static void on_readers_loaded(void *ctx, const struct redisReply *r)
{
    if (r) {
        take_sha(ctx, r, REDIS_SCRIPT_READERS);
    }
}

static redis_answer_fn *const on_loaded[REDIS_SCRIPTS] = {
    [REDIS_SCRIPT_READ] = on_read_loaded,
    [REDIS_SCRIPT_PUBLISH] = on_publish_loaded,
    [REDIS_SCRIPT_READERS] = on_readers_loaded,
};

static void on_client(void *ctx, const struct redisReply *r)
{
    struct redis_lane_state *lane = ctx;
    if (r && r->type == REDIS_REPLY_INTEGER) {
        snprintf(lane->server->client, sizeof lane->server->client, "%lld", r->integer);
    } else if (r) {
        fail(lane, r, "CLIENT ID without a number");
    }
}

/* The last answer: those before it were good, or there would be no connection any more. */
static void on_ready(void *ctx, const struct redisReply *r)
{
    struct redis_lane_state *lane = ctx;
    if (r && r->type == REDIS_REPLY_ERROR) {
        fail(lane, r, "");
    } else if (r) {
        lane->is_ready = 1;
        redis_server_lane_ready(lane->server);
    }
}

/* ---- the questions ---- */

static void log_in(struct redis_lane_state *lane)
{
    const struct redis_server *s = lane->server;
    const char *user = s->address.user;
    char db[DB_CHARS];
    if (s->password && user) {
        say(lane, on_done, 3, (const char *[]){"AUTH", user, s->password});
    } else if (s->password) {
        say(lane, on_done, 2, (const char *[]){"AUTH", s->password});
    }
    if (s->address.db != 0) {
        snprintf(db, sizeof db, "%lld", (long long)s->address.db);
        say(lane, on_done, 2, (const char *[]){"SELECT", db});
    }
}

void redis_hello(struct redis_lane_state *lane)
{
    log_in(lane);
    say(lane, on_info, 2, (const char *[]){"INFO", "server"});
    if (lane->which == REDIS_ASK) {
        say(lane, on_role, 1, (const char *[]){"ROLE"});
        say(lane, on_time, 1, (const char *[]){"TIME"});
        for (int i = 0; i < REDIS_SCRIPTS; i++) {
            const char *text = redis_script_text((enum redis_script)i);
            say(lane, on_loaded[i], 3, (const char *[]){"SCRIPT", "LOAD", text});
        }
    } else if (lane->which == REDIS_NEWS) {
        say(lane, on_client, 2, (const char *[]){"CLIENT", "ID"});
    }
    say(lane, on_ready, 1, (const char *[]){"PING"});
}

void redis_hello_look(struct redis_server *s)
{
    say(&s->lanes[REDIS_ASK], on_role, 1, (const char *[]){"ROLE"});
    say(&s->lanes[REDIS_ASK], on_time, 1, (const char *[]){"TIME"});
}

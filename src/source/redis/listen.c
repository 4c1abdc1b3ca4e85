/* SPDX-License-Identifier: MIT */
/* redis_listen: one XREAD that waits for news of all streams which follow. */
#include "source/redis/listen.h"

#include "source/redis/reply.h"
#include "source/redis/server_parts.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIXED_ARGS 6 /* XREAD COUNT n BLOCK ms STREAMS */

/* ---- the answer ---- */

static struct redis_user *find_user(struct redis_server *s, const struct redisReply *key)
{
    for (struct redis_user *u = s->users; u; u = u->next) {
        if (u->is_following && strcmp(u->key, key->str) == 0) {
            return u;
        }
    }
    return NULL;
}

/* One who left the following meanwhile is not told. */
static void hand_out(struct redis_server *s, const struct redisReply *r)
{
    for (size_t i = 0; i < r->elements; i++) {
        const struct redisReply *one = r->element[i];
        if (one->type != REDIS_REPLY_ARRAY || one->elements != 2
            || one->element[0]->type != REDIS_REPLY_STRING) {
            continue;
        }
        struct redis_user *u = find_user(s, one->element[0]);
        if (u) {
            u->is_following = 0;
            u->news(u->ctx, one->element[1]);
        }
    }
}

/* One of the keys may not be a stream any more: everybody asks for himself, and who gets an answer
 * follows again. */
static void send_all_to_check(struct redis_server *s)
{
    for (struct redis_user *u = s->users, *next; u; u = next) {
        next = u->next;
        if (u->is_following) {
            u->is_following = 0;
            u->check(u->ctx);
        }
    }
}

static void on_news(void *ctx, const struct redisReply *r)
{
    struct redis_server *s = ctx;
    if (!r) {
        return;
    }
    s->is_listening = s->is_woken = 0;
    if (r->type == REDIS_REPLY_ERROR && !redis_reply_is_error(r, "WRONGTYPE")) {
        redis_server_fail(s, r->str);
        return;
    }
    s->is_handing = 1;
    if (r->type == REDIS_REPLY_ERROR) {
        send_all_to_check(s);
    } else if (r->type == REDIS_REPLY_ARRAY) {
        hand_out(s, r);
    }
    s->is_handing = 0;
    redis_listen(s);
}

/* ---- the question ---- */

static void on_woken(void *ctx, const struct redisReply *r)
{
    (void)ctx;
    (void)r; /* where that is forbidden, the XREAD comes back after REDIS_WAIT_MS */
}

/* It waits without those who came meanwhile. */
static void wake(struct redis_server *s)
{
    const char *argv[] = {"CLIENT", "UNBLOCK", s->client};
    if (!s->is_woken && !s->is_handing) {
        s->is_woken = redis_server_send(s, REDIS_ASK, 3, argv, NULL, on_woken, s) == 0;
    }
}

static size_t count_following(const struct redis_server *s)
{
    size_t count = 0;
    for (const struct redis_user *u = s->users; u; u = u->next) {
        count += (size_t)u->is_following;
    }
    return count;
}

void redis_listen(struct redis_server *s)
{
    size_t count = count_following(s);
    if (s->is_listening || s->is_handing || count == 0 || s->state != REDIS_UP) {
        return;
    }
    const char **argv = calloc(FIXED_ARGS + 2 * count, sizeof *argv);
    char wait[24], most[24];
    if (!argv) {
        redis_server_fail(s, "out of memory");
        return;
    }
    snprintf(wait, sizeof wait, "%d", REDIS_WAIT_MS);
    snprintf(most, sizeof most, "%d", REDIS_NEWS_EVENTS);
    const char *fixed[FIXED_ARGS] = {"XREAD", "COUNT", most, "BLOCK", wait, "STREAMS"};
    memcpy(argv, fixed, sizeof fixed);
    size_t at = FIXED_ARGS;
    for (const struct redis_user *u = s->users; u; u = u->next) {
        if (u->is_following) {
            argv[at] = u->key;
            argv[at + count] = u->after;
            at++;
        }
    }
    s->is_listening = redis_server_send(s, REDIS_NEWS, (int)(at + count), argv, NULL, on_news, s) == 0;
    free(argv);
}

void redis_server_follow(struct redis_server *s, struct redis_user *u, struct redis_id after)
{
    if (s->state != REDIS_UP) {
        return;
    }
    redis_id_print(after, u->after);
    u->is_following = 1;
    if (s->is_listening) {
        wake(s);
    } else {
        redis_listen(s);
    }
}

/* SPDX-License-Identifier: MIT */
/* redis_presence: how many readers a stream has in all processes: each one says its number again and again, as
 * long as it lives, in one command that answers the sum. */
#include "source/redis/stream.h"

#include "base/clock.h"
#include "base/err.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>

#define LEASE_MS "6000" /* so long a process's word counts */
#define KNOWN_MS 6000   /* and the answer */
#define SAY_MS 2000     /* between two words, where nothing changed */
#define WANTED_MS 10000 /* so long after somebody asked, the answer is kept fresh */
#define ARGS 7

static int64_t now_ms(const struct redis_stream *t)
{
    return t->host->clock->mono_ms(t->host->clock);
}

static void on_answer(void *ctx, const struct redisReply *r)
{
    struct redis_stream *t = ctx;
    struct redis_presence *p = &t->presence;
    p->is_asking = 0;
    if (r && r->type == REDIS_REPLY_INTEGER) {
        p->everywhere = (uint64_t)r->integer;
        p->known_ms = now_ms(t);
    } else {
        p->is_told = 0;
    }
    redis_stream_release(t);
}

/* Says the number; where the server has forgotten the script, its text goes along. */
static void say(struct redis_stream *t, uint64_t here)
{
    struct redis_presence *p = &t->presence;
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, here);
    const char *argv[ARGS] = {NULL, NULL, "1", t->readers, p->me, number, LEASE_MS};
    redis_server_script(t->server, REDIS_SCRIPT_READERS, !p->is_told, argv);
    if (redis_server_send(t->server, REDIS_ASK, ARGS, argv, NULL, on_answer, t) == 0) {
        t->held++;
        p->is_asking = p->is_told = 1;
        p->told_ms = now_ms(t);
        p->said = here;
    }
}

void redis_presence_readers(struct redis_stream *t, uint64_t here)
{
    t->presence.is_wanted = 1;
    t->presence.is_told &= t->presence.here == here;
    t->presence.here = here;
}

int redis_presence_total(struct redis_stream *t, uint64_t *everywhere)
{
    struct redis_presence *p = &t->presence;
    int64_t now = now_ms(t);
    p->is_wanted = 1;
    p->wanted_ms = now;
    if (p->known_ms == 0 || now - p->known_ms >= KNOWN_MS) {
        return ERR_AGAIN;
    }
    *everywhere = p->everywhere;
    return 0;
}

void redis_presence_tick(struct redis_stream *t)
{
    const struct redis_presence *p = &t->presence;
    int64_t now = now_ms(t);
    int is_due = !p->is_told
                 || (now - p->told_ms >= SAY_MS && (p->here > 0 || now - p->wanted_ms < WANTED_MS));
    if (p->is_wanted && is_due && !p->is_asking) {
        say(t, p->here);
    }
}

void redis_presence_close(struct redis_stream *t)
{
    if (t->presence.said > 0) {
        say(t, 0);
    }
}

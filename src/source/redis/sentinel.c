/* SPDX-License-Identifier: MIT */
/* redis_sentinel: asks the sentinels, one after the other, where the master is. */
#include "source/redis/sentinel.h"

#include "base/err.h"
#include "base/num.h"
#include "source/redis/settings.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

static void on_answer(void *ctx, const struct redisReply *r)
{
    struct redis_sentinel *s = ctx;
    uint64_t port;
    if (!r) {
        return;
    }
    s->is_asking = 0;
    int is_address = r->type == REDIS_REPLY_ARRAY && r->elements == 2
                     && r->element[0]->type == REDIS_REPLY_STRING
                     && r->element[1]->type == REDIS_REPLY_STRING
                     && num_parse_u64(r->element[1]->str, r->element[1]->len, 65535, &port) == 0;
    if (is_address) {
        s->found(s->ctx, r->element[0]->str, (int)port);
    } else {
        redis_sentinel_close(s); /* it does not know: another one may */
    }
}

static void send_question(struct redis_sentinel *s)
{
    const char *argv[] = {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", s->master};
    s->is_asking = redis_link_send(&s->link, 3, argv, NULL, on_answer, s) == 0;
}

static void on_opened(void *ctx)
{
    struct redis_sentinel *s = ctx;
    s->is_open = 1;
    send_question(s);
}

static void on_lost(void *ctx, const char *why)
{
    struct redis_sentinel *s = ctx;
    (void)why; /* the next one is asked */
    s->is_open = s->is_asking = 0;
}

void redis_sentinel_init(struct redis_sentinel *s)
{
    s->link.opened = on_opened;
    s->link.lost = on_lost;
}

void redis_sentinel_ask(struct redis_sentinel *s)
{
    char *host;
    int port;
    if (s->is_open && !s->is_asking) {
        send_question(s);
    }
    if (s->link.wire) {
        return;
    }
    const char *text = s->list->items[s->next++ % s->list->count];
    if (redis_host_parse(text, strlen(text), REDIS_SENTINEL_PORT, &host, &port) == 0) {
        (void)redis_link_open(&s->link, host, port, NULL); /* the next time it is another one */
        free(host);
    }
}

void redis_sentinel_close(struct redis_sentinel *s)
{
    s->is_open = s->is_asking = 0;
    redis_link_close(&s->link);
}

void redis_sentinel_check(struct redis_sentinel *s)
{
    redis_link_check(&s->link);
}

/* SPDX-License-Identifier: MIT */
/* redis_question: asks Redis what follows a position. */
#include "source/redis/stream.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "source/redis/reply.h"
#include "source/redis/script.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGS 12
#define NUMBER_CHARS 24

struct question {
    struct redis_stream *stream;
    struct redis_position from;
    uint64_t ticket;
    redis_question_fn *done;
    int is_whole; /* the script's text was sent */
};

static int send_question(struct question *q);

/* Says once what the server holds against us. */
static void tell_refused(struct redis_stream *t, const char *error)
{
    if (!t->was_told) {
        log_say(t->host->log, WARN, "redis", "cannot read the stream", LOG_TEXT("key", t->key),
                LOG_TEXT("error", error));
    }
    t->was_told = 1;
}

static int take_answer(struct question *q, const struct redisReply *r, struct redis_page *page)
{
    if (!r) {
        return ERR_CLOSED;
    }
    if (r->type == REDIS_REPLY_ERROR) {
        tell_refused(q->stream, r->str);
        return ERR_IO;
    }
    redis_page_init(page);
    int rc = redis_reply_page(r, &q->from, page);
    if (rc) {
        redis_page_fini(page);
    }
    return rc;
}

static void on_answer(void *ctx, const struct redisReply *r)
{
    struct question *q = ctx;
    struct redis_stream *t = q->stream;
    struct redis_page page = {.count = 0};
    if (r && redis_reply_is_error(r, "NOSCRIPT") && !q->is_whole) {
        q->is_whole = 1;
        if (!t->is_closing && send_question(q) == 0) {
            return;
        }
        r = NULL;
    }
    if (!t->is_closing) {
        int rc = take_answer(q, r, &page);
        q->done(t, q->ticket, rc, &page);
    }
    free(q);
    redis_stream_release(t);
}

/* How a position is told to the script. */
static const char *describe(const struct question *q, char at[REDIS_ID_CHARS],
                            char before[NUMBER_CHARS])
{
    const struct redis_position *p = &q->from;
    const struct redis_stream *t = q->stream;
    snprintf(before, NUMBER_CHARS, "%" PRIu64, p->ms);
    switch (p->kind) {
    case REDIS_START:
        redis_id_print((struct redis_id){0, 0}, at);
        return "i";
    case REDIS_TIME:
        /* "From now" is a time by the server's clock, not by ours. */
        snprintf(at, REDIS_ID_CHARS, "%" PRIu64,
                 redis_position_equal(p, &t->head) ? redis_server_time(t->server, t->opened_ms)
                                                   : p->ms);
        return "t";
    case REDIS_LAST:
        snprintf(at, REDIS_ID_CHARS, "%" PRIu64, p->count);
        return "l";
    case REDIS_NUMBER:
        snprintf(at, REDIS_ID_CHARS, "%" PRIu64, p->mark.n);
        return "n";
    case REDIS_JOURNAL:
        snprintf(at, REDIS_ID_CHARS, "%" PRIu64, p->mark.n);
        return "j";
    case REDIS_EVENT:
    case REDIS_PLACE:
        break;
    }
    redis_id_print(p->id, at);
    return "i";
}

static int send_question(struct question *q)
{
    struct redis_stream *t = q->stream;
    char at[REDIS_ID_CHARS], before[NUMBER_CHARS], epoch[NUMBER_CHARS], room[NUMBER_CHARS];
    char most[NUMBER_CHARS], large[NUMBER_CHARS];
    const char *how = describe(q, at, before);
    int has_mark = q->from.kind == REDIS_EVENT || q->from.kind == REDIS_PLACE
                   || q->from.kind == REDIS_JOURNAL;
    snprintf(epoch, sizeof epoch, "%" PRIu32, has_mark ? q->from.mark.epoch : 0);
    snprintf(room, sizeof room, "%d", REDIS_PAGE_BYTES);
    snprintf(most, sizeof most, "%d", REDIS_PAGE_EVENTS);
    snprintf(large, sizeof large, "%d", REDIS_DATA_MAX);
    const char *argv[ARGS] = {NULL, NULL, "2", t->key, t->meta, how, at, before,
                              epoch, room, most, large};
    redis_server_script(t->server, REDIS_SCRIPT_READ, q->is_whole, argv);
    return redis_server_send(t->server, REDIS_ASK, ARGS, argv, NULL, on_answer, q);
}

int redis_question_ask(struct redis_stream *t, const struct redis_position *from, uint64_t ticket,
                       redis_question_fn *done)
{
    struct question *q = malloc(sizeof *q);
    if (!q) {
        return ERR_NOMEM;
    }
    *q = (struct question){.stream = t, .from = *from, .ticket = ticket, .done = done};
    int rc = send_question(q);
    if (rc) {
        free(q);
        return rc;
    }
    t->held++;
    return 0;
}

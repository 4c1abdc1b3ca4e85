/* SPDX-License-Identifier: MIT */
/* redis_publish: events on their way into Redis: one call of a script for a batch, all or nothing. */
#include "source/redis/stream.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "source/redis/names.h"
#include "source/redis/reply.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 4096
#define BATCH_BYTES (32 * 1024 * 1024)
#define ASKS_MAX 4096                  /* publishers of one stream that wait for an answer */
#define ASKS_BYTES (64 * 1024 * 1024)  /* and what they sent */
#define TRYING_MS 2000                 /* a publisher waits so long for the first word of the server */
#define NAME_MAX_BYTES 255             /* of an event, and of a key */
#define KEYS_MS "600000"               /* keys are known so long */
#define FIXED_ARGS 6                   /* before those of the events */
#define ARGS_PER_EVENT 3

/* A batch, until its publisher is answered. */
struct redis_ask {
    struct redis_ask *next;
    struct redis_stream *stream; /* NULL: it was closed, and has answered */
    void (*done)(void *ctx, int rc, const char *position);
    void *ctx;
    int64_t since_ms;
    int is_sent;
    int is_whole; /* the script's text was sent */
    int owed;     /* answers */
    int rc;
    struct redis_position at;
    size_t bytes;
    size_t argc;
    const char **argv;
    size_t *lens;
    char *text; /* what they point to */
    size_t used;
};

static int64_t now_ms(const struct redis_stream *t)
{
    return t->host->clock->mono_ms(t->host->clock);
}

static void free_ask(struct redis_ask *a)
{
    free(a->argv);
    free(a->lens);
    free(a->text);
    free(a);
}

/* Answers come in the order of the questions: the first is the usual one. */
static void unlist(struct redis_ask *a)
{
    struct redis_stream *t = a->stream;
    struct redis_ask **at = &t->asks;
    while (*at != a) {
        at = &(*at)->next;
    }
    *at = a->next;
    t->asks_end = a->next ? t->asks_end : at;
    t->ask_count--;
    t->ask_bytes -= a->bytes;
}

/* Answers the publisher. The ask goes when no answer of the server is owed any more. */
static void answer(struct redis_ask *a, int rc)
{
    char position[SSE_POSITION_SIZE];
    unlist(a);
    a->stream = NULL;
    if (!rc) {
        redis_position_print(&a->at, position);
    }
    a->done(a->ctx, rc, rc ? NULL : position);
    if (a->owed == 0) {
        free_ask(a);
    }
}

/* ---- the server's answers ---- */

static const struct refusal {
    const char *word;
    int rc;
} refusals[] = {
    {"OOM", ERR_RANGE},          /* over maxmemory */
    {"MISCONF", ERR_AGAIN},      /* it cannot save */
    {"NOREPLICAS", ERR_AGAIN},   /* min-replicas-to-write */
    {"LOADING", ERR_AGAIN},
    {"BUSY", ERR_AGAIN},         /* another script is running */
    {"READONLY", ERR_AGAIN},     /* a replica by now */
    {"MASTERDOWN", ERR_AGAIN},
};

/* Redis 6 tells what happened in a script within a sentence of its own. */
static int has_word(const struct redisReply *r, const char *word)
{
    char inside[32];
    snprintf(inside, sizeof inside, " -%s ", word);
    return redis_reply_is_error(r, word) || strstr(r->str, inside) != NULL;
}

static int rc_of(const struct redis_ask *a, const struct redisReply *r)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (has_word(r, refusals[i].word)) {
            return refusals[i].rc;
        }
    }
    log_say(a->stream->host->log, WARN, "redis", "cannot publish", LOG_TEXT("key", a->stream->key),
            LOG_TEXT("error", r->str));
    return ERR_IO;
}

static int send_ask(struct redis_ask *a);

static void note_acked(struct redis_stream *t, const struct redis_mark *mark)
{
    int is_head_known = t->head.kind == REDIS_EVENT || t->head.kind == REDIS_PLACE;
    redis_live_note(t, mark);
    /* In an emptied store an id may be lower than the one that is waited for. */
    if (is_head_known && !redis_is_same_store(mark, &t->head.mark)) {
        redis_live_ask(t);
    }
}

static void take_answer(struct redis_ask *a, const struct redisReply *r)
{
    struct redis_stream *t = a->stream;
    if (!r) {
        a->rc = ERR_CLOSED;
    } else if (r->type == REDIS_REPLY_ERROR) {
        a->rc = rc_of(a, r);
        if (redis_reply_is_error(r, "READONLY")) {
            redis_server_distrust(t->server, "it takes no writes any more");
        }
    } else if (redis_reply_place(r, &a->at)) {
        a->rc = ERR_IO;
    } else {
        note_acked(t, &a->at.mark);
    }
}

/* One answer less is owed. 1: nobody waits for it any more. */
static int is_left(struct redis_ask *a)
{
    a->owed--;
    if (a->stream) {
        return 0;
    }
    if (a->owed == 0) {
        free_ask(a);
    }
    return 1;
}

static void on_published(void *ctx, const struct redisReply *r)
{
    struct redis_ask *a = ctx;
    if (is_left(a)) {
        return;
    }
    if (r && redis_reply_is_error(r, "NOSCRIPT") && !a->is_whole) {
        a->is_whole = 1;
        a->rc = send_ask(a);
        if (!a->rc) {
            return;
        }
    } else {
        take_answer(a, r);
    }
    if (a->stream && (a->owed == 0 || a->rc)) {
        answer(a, a->rc);
    }
}

/* The number of replicas that have it. */
static void on_waited(void *ctx, const struct redisReply *r)
{
    struct redis_ask *a = ctx;
    if (is_left(a)) {
        return;
    }
    if (a->owed > 0) {
        return; /* of a try with the script's checksum, which the server did not know */
    }
    int64_t wanted = a->stream->settings->replicas;
    int is_kept = r && r->type == REDIS_REPLY_INTEGER && r->integer >= wanted;
    answer(a, is_kept ? 0 : r ? ERR_IO : ERR_CLOSED);
}

/* ---- sending ---- */

static int send_wait(struct redis_ask *a)
{
    const struct redis_settings *s = a->stream->settings;
    char replicas[24], wait[24];
    snprintf(replicas, sizeof replicas, "%" PRId64, s->replicas);
    snprintf(wait, sizeof wait, "%" PRId64, s->replicas_ms);
    const char *argv[] = {"WAIT", replicas, wait};
    return redis_server_send(a->stream->server, REDIS_PUBLISH, 3, argv, NULL, on_waited, a);
}

/* What is known only when it is sent. Errors as redis_server_send(). */
static int send_ask(struct redis_ask *a)
{
    struct redis_stream *t = a->stream;
    const char *run = redis_server_run(t->server);
    char known[REDIS_MARK_CHARS];
    redis_mark_print(&t->newest, known);
    redis_server_script(t->server, REDIS_SCRIPT_PUBLISH, a->is_whole, a->argv);
    a->lens[0] = strlen(a->argv[0]);
    a->lens[1] = strlen(a->argv[1]);
    size_t keys = (size_t)strtoul(a->argv[2], NULL, 10);
    size_t at = 3 + keys + 1;
    a->argv[at] = run;
    a->lens[at] = strlen(run);
    at += FIXED_ARGS - 2;
    a->argv[at] = known;
    a->lens[at] = strlen(known);
    int rc = redis_server_send(t->server, REDIS_PUBLISH, (int)a->argc, a->argv, a->lens,
                               on_published, a);
    if (rc) {
        return ERR_AGAIN;
    }
    a->is_sent = 1;
    a->owed++;
    if (t->settings->replicas > 0) {
        int is_asked = send_wait(a) == 0;
        a->owed += is_asked;
        a->rc = is_asked ? 0 : ERR_IO;
    }
    return 0;
}

/* ---- a batch ---- */

static void put(struct redis_ask *a, const char *data, size_t len)
{
    if (len > 0) {
        memcpy(a->text + a->used, data, len);
    }
    a->text[a->used + len] = '\0';
    a->argv[a->argc] = a->text + a->used;
    a->lens[a->argc++] = len;
    a->used += len + 1;
}

static void put_text(struct redis_ask *a, const char *text)
{
    put(a, text, strlen(text));
}

static void put_number(struct redis_ask *a, int64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, n);
    put_text(a, text);
}

static int put_generation(struct redis_ask *a)
{
    char text[REDIS_GENERATION_CHARS + 1];
    int rc = redis_name_generation(text);
    if (!rc) {
        put(a, text, REDIS_GENERATION_CHARS);
    }
    return rc;
}

static int measure(const struct redis_stream *t, const struct source_publish *p, size_t *bytes)
{
    size_t total = 0;
    size_t key_len = strlen(t->key) + sizeof ":key:";
    if (p->count == 0 || p->count > BATCH_MAX) {
        return ERR_LIMIT;
    }
    for (size_t i = 0; i < p->count; i++) {
        const struct source_item *item = &p->items[i];
        size_t name_len = item->name ? strlen(item->name) : 0;
        size_t own_len = item->key ? strlen(item->key) : 0;
        if (item->data_len > (size_t)t->settings->max_event_bytes || name_len > NAME_MAX_BYTES
            || own_len > NAME_MAX_BYTES) {
            return ERR_LIMIT;
        }
        total += item->data_len + name_len + (own_len ? key_len + own_len : 0) + 32;
        if (total > BATCH_BYTES) {
            return ERR_LIMIT;
        }
    }
    *bytes = total;
    return 0;
}

static void put_keys(struct redis_ask *a, const struct redis_stream *t,
                     const struct source_publish *p)
{
    char number[24];
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++) {
        count += p->items[i].key != NULL;
    }
    snprintf(number, sizeof number, "%zu", count + 2);
    put_text(a, number);
    put_text(a, t->key);
    put_text(a, t->meta);
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].key) {
            size_t from = a->used;
            put_text(a, t->key);
            a->used--;
            put_text(a, ":key:");
            a->used--;
            put_text(a, p->items[i].key);
            a->argc -= 2;
            a->argv[a->argc - 1] = a->text + from;
            a->lens[a->argc - 1] = a->used - from - 1;
        }
    }
}

static int put_all(struct redis_ask *a, const struct source_publish *p)
{
    const struct redis_stream *t = a->stream;
    int64_t key = 0;
    put_text(a, "");
    put_text(a, ""); /* the call, and the script */
    put_keys(a, t, p);
    int rc = put_generation(a);
    put_text(a, ""); /* the run */
    put_number(a, t->settings->keep_events);
    put_number(a, t->settings->keep_s * 1000);
    put_text(a, KEYS_MS);
    put_text(a, ""); /* what is known */
    for (size_t i = 0; i < p->count; i++) {
        const struct source_item *item = &p->items[i];
        put(a, item->name ? item->name : "", item->name ? strlen(item->name) : 0);
        put(a, item->data, item->data_len);
        put_number(a, item->key ? ++key : 0);
    }
    return rc;
}

static int make_ask(struct redis_stream *t, const struct source_publish *p, struct redis_ask **out)
{
    size_t bytes = 0;
    int rc = measure(t, p, &bytes);
    if (rc) {
        return rc;
    }
    size_t args = 5 + FIXED_ARGS + p->count * (ARGS_PER_EVENT + 1);
    size_t room = bytes + strlen(t->key) + strlen(t->meta) + 512;
    struct redis_ask *a = calloc(1, sizeof *a);
    if (!a) {
        return ERR_NOMEM;
    }
    *a = (struct redis_ask){.stream = t, .done = p->done, .ctx = p->ctx, .bytes = room,
                            .since_ms = now_ms(t), .argv = calloc(args, sizeof *a->argv),
                            .lens = calloc(args, sizeof *a->lens), .text = malloc(room)};
    rc = a->argv && a->lens && a->text ? put_all(a, p) : ERR_NOMEM;
    if (rc) {
        free_ask(a);
        return rc;
    }
    *out = a;
    return 0;
}

static int has_room(const struct redis_stream *t, const struct redis_ask *a)
{
    return t->ask_count < ASKS_MAX && t->ask_bytes + a->bytes <= ASKS_BYTES;
}

static void enlist(struct redis_ask *a)
{
    struct redis_stream *t = a->stream;
    *t->asks_end = a;
    t->asks_end = &a->next;
    t->ask_count++;
    t->ask_bytes += a->bytes;
}

void redis_publish(struct redis_stream *t, const struct source_publish *p)
{
    struct redis_ask *a;
    int rc = make_ask(t, p, &a);
    if (rc) {
        p->done(p->ctx, rc, NULL);
        return;
    }
    int is_up = redis_server_is_up(t->server);
    rc = has_room(t, a) && (is_up || redis_server_is_trying(t->server)) ? 0 : ERR_AGAIN;
    rc = rc || !is_up ? rc : send_ask(a);
    if (rc) {
        free_ask(a);
        p->done(p->ctx, rc, NULL);
        return;
    }
    enlist(a);
}

/* ---- the server ---- */

void redis_publish_up(struct redis_stream *t)
{
    for (struct redis_ask *a = t->asks, *next; a; a = next) {
        next = a->next;
        int rc = a->is_sent ? 0 : send_ask(a);
        if (rc) {
            answer(a, rc);
        }
    }
}

/* Those that were sent get their answer from the connection. */
void redis_publish_down(struct redis_stream *t)
{
    for (struct redis_ask *a = t->asks, *next; a; a = next) {
        next = a->next;
        int is_late = now_ms(t) - a->since_ms >= TRYING_MS;
        if (!a->is_sent && (is_late || !redis_server_is_trying(t->server))) {
            answer(a, ERR_AGAIN);
        }
    }
}

void redis_publish_close(struct redis_stream *t)
{
    while (t->asks) {
        answer(t->asks, t->asks->is_sent ? ERR_CLOSED : ERR_AGAIN);
    }
}

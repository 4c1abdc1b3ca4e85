/* SPDX-License-Identifier: MIT */
/* redis_bare: from XADD to XREAD through a Redis server and nothing else: what any stream on Redis needs at
 * least.
 *
 *     redis_bare SOCKET EVENTS RATE
 *
 * One connection adds RATE events of 128 bytes a second, another one waits for them. Prints the times from
 * just before XADD to the event's arrival, p50 and p99, µs. */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DATA_BYTES 128
#define EVENTS_MAX 1000000
#define KEY "bare"

struct bench {
    const char *socket;
    size_t count;
    int64_t *us; /* how long each took */
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void fail(const char *what)
{
    fprintf(stderr, "redis_bare: %s\n", what);
    exit(1);
}

static redisContext *open_server(const char *path)
{
    redisContext *c = redisConnectUnix(path);
    if (!c || c->err) {
        fail("cannot connect");
    }
    return c;
}

static const char *data_of(const redisReply *entry)
{
    const redisReply *fields = entry->element[1];
    return fields->elements == 2 ? fields->element[1]->str : "";
}

/* Takes what one XREAD brought; answers how many events, and the last one's id. */
static size_t take(const redisReply *r, struct bench *b, size_t from, char id[64])
{
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 1) {
        fail("XREAD answered something else");
    }
    int64_t now = now_us();
    const redisReply *list = r->element[0]->element[1];
    for (size_t i = 0; i < list->elements && from + i < b->count; i++) {
        b->us[from + i] = now - strtoll(data_of(list->element[i]), NULL, 10);
    }
    snprintf(id, 64, "%s", list->element[list->elements - 1]->element[0]->str);
    return list->elements;
}

static void *read_all(void *arg)
{
    struct bench *b = arg;
    redisContext *c = open_server(b->socket);
    char id[64] = "0-0";
    for (size_t got = 0; got < b->count;) {
        redisReply *r = redisCommand(c, "XREAD COUNT 64 BLOCK 0 STREAMS " KEY " %s", id);
        if (!r) {
            fail("the server left");
        }
        got += take(r, b, got, id);
        freeReplyObject(r);
    }
    redisFree(c);
    return NULL;
}

static void add_all(const struct bench *b, int64_t rate)
{
    redisContext *c = open_server(b->socket);
    int64_t begun = now_us();
    for (size_t i = 0; i < b->count; i++) {
        char data[DATA_BYTES + 1];
        int64_t wait_us = begun + (int64_t)i * 1000000 / rate - now_us();
        if (wait_us > 0) {
            struct timespec t = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
            nanosleep(&t, NULL);
        }
        memset(data, 'x', DATA_BYTES);
        data[DATA_BYTES] = '\0';
        int len = snprintf(data, sizeof data, "%" PRId64, now_us());
        data[len] = ' ';
        redisReply *r = redisCommand(c, "XADD " KEY " MAXLEN ~ 100000 * data %b", data,
                                     (size_t)DATA_BYTES);
        if (!r || r->type == REDIS_REPLY_ERROR) {
            fail("XADD was refused");
        }
        freeReplyObject(r);
    }
    redisFree(c);
}

static int order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    struct bench b = {.socket = argc == 4 ? argv[1] : NULL};
    int64_t rate = argc == 4 ? strtoll(argv[3], NULL, 10) : 0;
    pthread_t reader;
    b.count = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
    if (b.count == 0 || b.count > EVENTS_MAX || rate < 1) {
        fail("usage: redis_bare SOCKET EVENTS RATE");
    }
    b.us = calloc(b.count, sizeof *b.us);
    if (!b.us || pthread_create(&reader, NULL, read_all, &b)) {
        fail("out of memory");
    }
    add_all(&b, rate);
    pthread_join(reader, NULL);
    qsort(b.us, b.count, sizeof *b.us, order);
    printf("%" PRId64 " %" PRId64 "\n", b.us[b.count / 2], b.us[b.count * 99 / 100]);
    free(b.us);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* test_redis_world: a redis-server of its own, the source redis on a loop, and readers who keep account of what
 * they got and of what they were told is missing. */
#ifndef TESTS_TEST_REDIS_WORLD_H
#define TESTS_TEST_REDIS_WORLD_H

#include "model_run.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/option.h"
#include "source/redis/settings.h"
#include "source/source.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

#define WORLD_EVENTS 256
#define WORLD_READERS 4
#define WORLD_DEADLINE_MS 20000

extern const struct source_type ssecgi_source;

/* What one reader was given. Events are numbered in the order of their publishing, from 1. */
struct world_reader {
    struct world *world;
    struct sse_out out;
    char position[SSE_POSITION_SIZE];
    char told[SSE_POSITION_SIZE]; /* of the event or gap before */
    uint64_t last;    /* the event it got last, or where it began */
    uint64_t missing; /* events that it was told are missing since */
    int is_fresh;     /* it may begin anywhere */
    int is_unknown;   /* and more, nobody knows how many */
    size_t upsets;    /* that are no news to it: those before the event that it got last */
};

struct world {
    const char *folder;
    uint64_t seed;
    int is_loud;
    pid_t server;
    redisContext *redis;
    uv_loop_t loop;
    uv_timer_t deadline;
    struct log log;
    struct redis_settings settings;
    struct source_host host;
    struct source *source;
    struct world_reader live, readers[WORLD_READERS];
    uint64_t dice;
    int64_t progress_ms; /* when something last happened */
    uint64_t count;   /* events that were acknowledged */
    size_t upsets;    /* what may have lost events that nobody can count */
    size_t upset_before[WORLD_EVENTS]; /* how many there were before an event */
    int was_answered;
    int rc;
    int is_closed;
};

static void world_fail(const struct world *w, const char *what)
{
    fprintf(stderr, "REDIS_MODEL_SEED=%" PRIu64 ": %s\n", w->seed, what);
    _exit(1);
}

static void world_say(const struct world *w, const char *what, uint64_t n)
{
    if (w->is_loud) {
        fprintf(stderr, "%s %" PRIu64 "\n", what, n);
    }
}

/* ---- the server ---- */

static void world_path(const struct world *w, const char *name, char out[160])
{
    snprintf(out, 160, "%s/%s", w->folder, name);
}

static void world_exec(const char *folder, const char *sock)
{
    int null = open("/dev/null", O_RDWR);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(null, 1);
    dup2(null, 2);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", sock, "--dir", folder, "--save",
           "", "--appendonly", "no", (char *)NULL);
    _exit(127);
}

/* 1 when the server answers. */
static int world_connect(struct world *w)
{
    char sock[160];
    world_path(w, "s", sock);
    w->redis = redisConnectUnix(sock);
    redisReply *r = w->redis && !w->redis->err ? redisCommand(w->redis, "PING") : NULL;
    int is_good = r && r->type == REDIS_REPLY_STATUS;
    freeReplyObject(r);
    if (!is_good) {
        redisFree(w->redis);
        w->redis = NULL;
    }
    return is_good;
}

static void world_disconnect(struct world *w)
{
    redisFree(w->redis);
    w->redis = NULL;
}

static void world_start_server(struct world *w)
{
    char sock[160];
    world_path(w, "s", sock);
    w->server = fork();
    if (w->server == 0) {
        world_exec(w->folder, sock);
    }
    for (int tries = 0; !world_connect(w); tries++) {
        poll(NULL, 0, 1);
        if (tries == WORLD_DEADLINE_MS || waitpid(w->server, NULL, WNOHANG) != 0) {
            world_fail(w, "the server does not start");
        }
    }
}

static void world_stop_server(struct world *w)
{
    world_disconnect(w);
    kill(w->server, SIGKILL);
    waitpid(w->server, NULL, 0);
}

static redisReply *world_ask(struct world *w, const char *command)
{
    redisReply *r = redisCommand(w->redis, command);
    if (!r) {
        world_fail(w, "the server left");
    }
    return r;
}

static int64_t world_do(struct world *w, const char *command)
{
    redisReply *r = world_ask(w, command);
    int64_t n = r->type == REDIS_REPLY_INTEGER ? r->integer : 0;
    freeReplyObject(r);
    return n;
}

/* ---- readers ---- */

static struct world_reader *reader_of(void *ctx)
{
    return ctx;
}

/* The position may stand in the reader already: pull() moves it along. */
static void move(struct world_reader *r, const char *position)
{
    if (position != r->position) {
        snprintf(r->position, sizeof r->position, "%s", position);
    }
    memcpy(r->told, r->position, sizeof r->told);
    r->world->progress_ms = clock_system.mono_ms(&clock_system);
}

static int world_event(void *ctx, const struct sse_event *e)
{
    struct world_reader *r = reader_of(ctx);
    struct world *w = r->world;
    char text[24];
    snprintf(text, sizeof text, "%.*s", (int)e->data_len, e->data);
    uint64_t n = strtoull(text, NULL, 10);
    move(r, e->position);
    world_say(w, r == &w->live ? "live got" : "a reader got", n);
    if (r->is_fresh) {
        r->is_fresh = 0;
        r->missing = 0;
        r->last = n - 1;
    }
    if (n <= r->last || n >= WORLD_EVENTS) {
        world_fail(w, "an event came twice, or out of order");
    }
    uint64_t skipped = n - r->last - 1;
    if (r->is_unknown ? skipped < r->missing : skipped != r->missing) {
        world_fail(w, "what is missing is not what was told");
    }
    r->last = n;
    r->upsets = w->upset_before[n];
    r->missing = 0;
    r->is_unknown = 0;
    return 0;
}

static int world_gap(void *ctx, const struct sse_gap *gap)
{
    struct world_reader *r = reader_of(ctx);
    struct world *w = r->world;
    world_say(w, gap->reason, gap->events > 0 ? (uint64_t)gap->events : 0);
    if (strcmp(gap->position, r->told) == 0) {
        fprintf(stderr, "%s at %s: ", gap->reason, gap->position);
        world_fail(w, "a gap leads nowhere");
    }
    move(r, gap->position);
    if (strcmp(gap->reason, "damaged") == 0) {
        return 0; /* entries that nobody was promised */
    }
    if (gap->events > 0) {
        r->missing += (uint64_t)gap->events;
        return 0;
    }
    if (r->upsets == w->upsets) {
        fprintf(stderr, "%s at %s: ", gap->reason, gap->position);
        world_fail(w, "a gap, though nothing was lost");
    }
    r->is_unknown = 1;
    return 0;
}

static void world_advance(void *ctx, const char *position)
{
    snprintf(reader_of(ctx)->position, SSE_POSITION_SIZE, "%s", position);
}

static void world_reader_init(struct world *w, struct world_reader *r)
{
    *r = (struct world_reader){.world = w, .last = w->count, .upsets = w->upsets};
    r->out = (struct sse_out){.event = world_event, .gap = world_gap, .advance = world_advance,
                              .ctx = r};
}

/* ---- the loop ---- */

static void world_on_deadline(uv_timer_t *t)
{
    struct world *w = t->data;
    if (clock_system.mono_ms(&clock_system) - w->progress_ms >= WORLD_DEADLINE_MS) {
        world_fail(w, "nothing came in time");
    }
}

static void world_run(struct world *w)
{
    uv_run(&w->loop, UV_RUN_ONCE);
}

/* Reads until the head. */
static void world_catch_up(struct world *w, struct world_reader *r)
{
    for (;;) {
        int rc = ssecgi_source.pull(w->source, r->position, &r->out, 1000);
        if (rc == SOURCE_HEAD) {
            return;
        }
        if (rc == ERR_AGAIN || rc == ERR_IO) {
            world_run(w);
        } else if (rc != SOURCE_MORE) {
            world_fail(w, "a pull failed");
        }
    }
}

static void world_on_done(void *ctx, int rc, const char *position)
{
    struct world *w = ctx;
    w->was_answered = 1;
    w->progress_ms = clock_system.mono_ms(&clock_system);
    w->rc = rc;
    if ((rc == 0) != (position != NULL)) {
        world_fail(w, "an answer without a position");
    }
}

/* Publishes the next events as one batch, trying with the same keys until it is acknowledged. */
static void world_publish(struct world *w, size_t count)
{
    char data[8][24], keys[8][48];
    if (w->count + count >= WORLD_EVENTS) {
        return;
    }
    struct source_item items[8];
    for (size_t i = 0; i < count; i++) {
        snprintf(data[i], sizeof data[i], "%" PRIu64, w->count + 1 + i);
        snprintf(keys[i], sizeof keys[i], "%" PRIu64 ".%s", w->seed, data[i]);
        w->upset_before[w->count + 1 + i] = w->upsets;
        items[i] = (struct source_item){.data = data[i], .data_len = strlen(data[i]), .key = keys[i]};
    }
    struct source_publish p = {.items = items, .count = count, .done = world_on_done, .ctx = w};
    do {
        w->was_answered = 0;
        ssecgi_source.publish(w->source, &p);
        while (!w->was_answered) {
            world_run(w);
        }
        if (w->rc == ERR_AGAIN || w->rc == ERR_CLOSED) {
            world_run(w);
        } else if (w->rc) {
            world_fail(w, "an event was refused");
        }
    } while (w->rc);
    w->count += count;
    world_say(w, "published up to", w->count);
}

/* ---- the source ---- */

static void world_open(struct world *w)
{
    struct source_setup setup = {.stream = "t", .settings = &w->settings};
    struct err err = {.code = 0};
    world_reader_init(w, &w->live);
    w->live.is_fresh = 1; /* "now" is some milliseconds long */
    w->live.last = 0;
    w->host = (struct source_host){.loop = &w->loop, .log = &w->log, .clock = &clock_system,
                                   .live = &w->live.out};
    if (ssecgi_source.open(&w->source, &setup, &w->host, &err)) {
        world_fail(w, err.text);
    }
    ssecgi_source.head(w->source, w->live.position);
}

static void world_on_closed(void *ctx)
{
    ((struct world *)ctx)->is_closed = 1;
}

static void world_close(struct world *w)
{
    w->is_closed = 0;
    ssecgi_source.close(w->source, world_on_closed, w);
    while (!w->is_closed) {
        world_run(w);
    }
}

static void world_init(struct world *w, const char *folder)
{
    struct err err = {.code = 0};
    char text[256];
    *w = (struct world){.folder = folder, .log = {.fd = -1}};
    snprintf(text, sizeof text, "{\"url\":\"unix://%s/s\", \"keep_events\": 0}", folder);
    struct json_object *json = json_tokener_parse(text);
    if (conf_read(redis_settings_options, &w->settings, json, "", NULL, &err)) {
        world_fail(w, err.text);
    }
    json_object_put(json);
    uv_loop_init(&w->loop);
    uv_timer_init(&w->loop, &w->deadline);
    uv_timer_start(&w->deadline, world_on_deadline, 1000, 1000);
    w->deadline.data = w;
}

#endif

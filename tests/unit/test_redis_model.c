/* SPDX-License-Identifier: MIT */
/* test_redis_model: random histories of a stream against a real redis-server: publishing, trimming, deleting,
 * cut connections, servers that lose everything or their newest events. Each reader gets what was
 * acknowledged, once, in order, or is told what is missing; never less, and never a gap for nothing. */
#include "test_redis_world.h"

#include "base/hash.h"

#define HISTORIES 150
#define STEPS 24
#define RESTART_PERCENT 3

static uint64_t roll(struct world *w, uint64_t bound)
{
    w->dice += 0x9e3779b97f4a7c15ULL;
    return hash_mix64(w->dice) % bound;
}

/* ---- what happens to the store ---- */

static void trim(struct world *w)
{
    char command[64];
    snprintf(command, sizeof command, "XTRIM ssecgi:t MAXLEN %d", (int)roll(w, 6));
    world_say(w, "trim", 0);
    world_do(w, command);
}

static void delete_one(struct world *w)
{
    char command[96];
    redisReply *r = world_ask(w, "XRANGE ssecgi:t - +");
    if (r->type == REDIS_REPLY_ARRAY && r->elements > 0) {
        size_t i = (size_t)roll(w, r->elements);
        snprintf(command, sizeof command, "XDEL ssecgi:t %s", r->element[i]->element[0]->str);
        world_say(w, command, i);
        world_do(w, command);
    }
    freeReplyObject(r);
}

static void empty(struct world *w)
{
    world_say(w, "flush", 0);
    world_do(w, "FLUSHALL");
    w->upsets++;
}

/* Who is live has all that there is: the source knows what may be lost. What was deleted before it was got
 * is found out with the next event. */
static void settle_live(struct world *w)
{
    if (w->live.last < w->count) {
        world_publish(w, 1);
    }
    while (w->live.last < w->count) {
        world_run(w);
    }
}

/* The server is killed, and comes back with what it had some events ago, or with nothing. */
static void restart(struct world *w)
{
    int is_lossy = (int)roll(w, 2);
    char path[160];
    world_path(w, "dump.rdb", path);
    if (is_lossy) {
        world_do(w, "SAVE");
        for (uint64_t i = roll(w, 3); i > 0; i--) {
            world_publish(w, 1);
        }
        settle_live(w);
    }
    world_say(w, "restart with data", (uint64_t)is_lossy);
    world_stop_server(w);
    w->upsets++;
    world_start_server(w);
    unlink(path);
    world_publish(w, 1); /* by one who knows what there was */
}

static void disturb(struct world *w)
{
    switch (roll(w, 9)) {
    case 0:
        trim(w);
        break;
    case 1:
    case 2:
        delete_one(w);
        break;
    case 3:
        world_say(w, "delete the stream", 0);
        world_do(w, "DEL ssecgi:t");
        break;
    case 4:
        empty(w);
        break;
    case 5:
        world_say(w, "cut connections", 0);
        world_do(w, "CLIENT KILL TYPE normal SKIPME yes");
        break;
    case 6:
        world_do(w, "SCRIPT FLUSH");
        break;
    case 7:
        world_say(w, "foreign entry", 0);
        world_do(w, "XADD ssecgi:t * what ever");
        break;
    case 8:
        if (roll(w, 100) < RESTART_PERCENT) {
            restart(w);
        }
        break;
    }
}

/* ---- a history ---- */

/* It begins now, or where there is nothing more to be had. */
static void join(struct world *w, struct world_reader *r)
{
    settle_live(w);
    world_reader_init(w, r);
    ssecgi_source.head(w->source, r->position);
    r->last = w->live.last;
    r->missing = w->live.missing;
    r->is_unknown = w->live.is_unknown;
    r->upsets = w->live.upsets;
}

/* Another process serves the stream from now on. */
static void reopen(struct world *w)
{
    settle_live(w);
    world_say(w, "reopen", 0);
    world_close(w);
    world_open(w);
    world_publish(w, 1);
    settle_live(w);
}

static void step(struct world *w)
{
    struct world_reader *r = &w->readers[roll(w, WORLD_READERS)];
    switch (roll(w, 10)) {
    case 0:
    case 1:
    case 2:
    case 3:
        world_publish(w, 1 + (size_t)roll(w, 3));
        break;
    case 4:
    case 5:
        world_catch_up(w, r);
        break;
    case 6:
        join(w, r);
        break;
    case 7:
        if (roll(w, 4) == 0) {
            reopen(w);
        }
        break;
    default:
        disturb(w);
        break;
    }
}

static void finish(struct world *w)
{
    world_publish(w, 1);
    settle_live(w);
    for (size_t i = 0; i < WORLD_READERS; i++) {
        world_say(w, "reader", i);
        world_catch_up(w, &w->readers[i]);
        if (w->readers[i].last != w->count) {
            world_fail(w, "a reader has not got the last event");
        }
    }
}

static struct world *world_of(const char *folder)
{
    static struct world w;
    if (!w.folder) {
        world_init(&w, folder);
        world_start_server(&w);
    } else if (!world_connect(&w)) {
        world_fail(&w, "the server left");
    }
    return &w;
}

static void play(const char *folder, uint64_t seed, int is_loud)
{
    struct world *w = world_of(folder);
    w->seed = w->dice = seed;
    w->is_loud = is_loud;
    w->count = 0;
    w->upsets = 0;
    w->progress_ms = clock_system.mono_ms(&clock_system);
    world_do(w, "FLUSHALL");
    world_open(w);
    world_publish(w, 1);
    for (size_t i = 0; i < WORLD_READERS; i++) {
        join(w, &w->readers[i]);
    }
    for (int i = 0; i < STEPS; i++) {
        step(w);
    }
    finish(w);
    world_close(w);
    world_disconnect(w);
}

static char folder[48];

static void readers_get_what_was_acknowledged_or_are_told(void **state)
{
    (void)state;
    model_run("REDIS_MODEL", folder, HISTORIES, play);
}

static void clean_up(void)
{
    static const char *const names[] = {"0/s", "0/dump.rdb", "0", "1/s", "1/dump.rdb", "1", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)remove(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_get_what_was_acknowledged_or_are_told),
    };
    signal(SIGPIPE, SIG_IGN);
    model_use_memory();
    if (system("command -v redis-server >/dev/null") != 0) {
        puts("1..0 # SKIP redis-server is not installed");
        return 77;
    }
    const char *top = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.24s/ssecgi-XXXXXX", top ? top : "/tmp");
    if (!mkdtemp(folder)) {
        return 1;
    }
    int failed = cmocka_run_group_tests_name("redis model", tests, NULL, NULL);
    clean_up();
    return failed;
}

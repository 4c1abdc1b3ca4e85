/* SPDX-License-Identifier: MIT */
/* presence: readers are told how many they are: over all processes of the machine, or over all that
 * share the source's store. */
#include "app/figures/presence.h"

#include "app/channels.h"
#include "app/config.h"
#include "app/figures/tally.h"
#include "app/json.h"
#include "app/pages.h"
#include "app/stream.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "source/source.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "/dev/shm" /* memory: it is written once a second, and of no use after a restart */
#define PAGE "/-/presence"
#define EVENT "stream.presence"
#define TICK_MS 950 /* a second, less what a timer may be early */
#define RETRY_MS 30000 /* after a failure that another second will hardly cure */
#define JSON_BYTES 256

struct app_presence {
    struct app_presence_setup setup;
    struct tally *tally;             /* NULL: not open */
    const struct app_config *opened; /* with this configuration */
    struct tally_entry *own;         /* readers of this process, by stream; keys ascend */
    size_t own_count, own_cap;
    int64_t now_ms;
    int64_t next_ms;      /* when to count again */
    int64_t next_open_ms; /* when to try the tally again */
    int was_told;         /* that it cannot be used */
    int is_summed;        /* the tally's sums are good */
};

int app_presence_new(struct app_presence **out, const struct app_presence_setup *setup)
{
    struct app_presence *p = calloc(1, sizeof *p);
    if (!p) {
        return ERR_NOMEM;
    }
    p->setup = *setup;
    *out = p;
    return 0;
}

void app_presence_free(struct app_presence *p)
{
    if (!p) {
        return;
    }
    tally_close(p->tally);
    free(p->own);
    free(p);
}

/* --- the tally ----------------------------------------------------------------------------- */

/* Streams of the same name are one where they share their state, or else their configuration. */
static void tally_path(const struct app_presence *p, char *out, size_t size)
{
    char whole[PATH_MAX];
    const struct app_config *config = *p->setup.config;
    const char *place = config->state_dir ? config->state_dir : p->setup.path;
    place = place && realpath(place, whole) ? whole : place ? place : "";
    uint64_t hash = hash_more(HASH_START, place, strlen(place) + 1);
    if (!config->state_dir) {
        hash = hash_more(hash, config->prefix, strlen(config->prefix) + 1);
    }
    snprintf(out, size, "%s/ssecgi-%u-%016" PRIx64 ".readers",
             p->setup.folder ? p->setup.folder : FOLDER, (unsigned)geteuid(), hash_mix64(hash));
}

/* It goes on with the readers of this process, and is tried again. */
static void give_up(struct app_presence *p, int rc, const struct err *err)
{
    tally_close(p->tally);
    p->tally = NULL;
    p->next_open_ms = p->now_ms + (rc == ERR_GONE ? 0 : RETRY_MS);
    if (!p->was_told && rc != ERR_GONE) {
        p->was_told = 1;
        log_say(p->setup.log, WARN, "app", "presence counts the readers of this process only",
                LOG_TEXT("reason", err->text));
    }
}

static void open_tally(struct app_presence *p)
{
    char path[PATH_MAX];
    struct err err = {.code = 0};
    if (p->opened != *p->setup.config) {
        tally_close(p->tally); /* a reload may have moved it */
        p->tally = NULL;
        p->next_open_ms = p->now_ms;
        p->opened = *p->setup.config;
    }
    if (p->tally || p->now_ms < p->next_open_ms) {
        return;
    }
    tally_path(p, path, sizeof path);
    int rc = tally_open(&p->tally, path, &err);
    if (rc) {
        p->tally = NULL;
        give_up(p, rc, &err);
    }
}

/* Brings up to date what is noted of this process, and the sums. */
static void sum_up(struct app_presence *p)
{
    struct err err = {.code = 0};
    int rc = ERR_GONE;
    /* A folder that was removed is made again at once. */
    for (int tries = 0; tries < 2 && rc == ERR_GONE; tries++) {
        open_tally(p);
        if (!p->tally) {
            break;
        }
        rc = tally_note(p->tally, p->own, p->own_count, &err);
        rc = rc ? rc : tally_sum(p->tally, p->now_ms, &err);
        if (rc) {
            give_up(p, rc, &err);
        }
    }
    p->is_summed = rc == 0;
    p->was_told &= rc != 0;
}

/* --- numbers ------------------------------------------------------------------------------- */

static uint64_t key_of(const struct app_stream *s)
{
    return hash_bytes(s->name, strlen(s->name));
}

static int has_store(const struct app_stream *s)
{
    return s->type->readers && s->type->presence;
}

static int add_own(struct app_presence *p, const struct tally_entry *entry)
{
    if (p->own_count == p->own_cap) {
        size_t cap = p->own_cap ? p->own_cap * 2 : 16;
        struct tally_entry *own = realloc(p->own, cap * sizeof *own);
        if (!own) {
            return ERR_NOMEM;
        }
        p->own = own;
        p->own_cap = cap;
    }
    p->own[p->own_count++] = *entry;
    return 0;
}

/* Notes a channel's readers: for the tally, or in its source's store. Whether one of them is new is
 * looked up here, for all channels before any is told: a reader of several streams is told by each. */
static void note(void *ctx, struct app_channel *c)
{
    struct app_presence *p = ctx;
    if (!c->stream->own.presence) {
        return;
    }
    uint64_t here = app_channel_readers(c);
    c->is_due |= app_channel_has_joined(c);
    if (has_store(c->stream)) {
        if (here != c->noted) {
            c->noted = here;
            c->stream->type->readers(c->source, here);
        }
    } else if (here > 0) {
        (void)add_own(p, &(struct tally_entry){.key = key_of(c->stream), .count = here});
    }
}

/* ERR_AGAIN: not known just now. */
static int number_of(const struct app_presence *p, const struct app_stream *s,
                     struct source *source, uint64_t here, uint64_t *out)
{
    if (has_store(s)) {
        return s->type->presence(source, out);
    }
    /* The sums may be half a second old: those who have come since then are here all the same. */
    uint64_t sum = p->is_summed ? tally_get(p->tally, key_of(s)) : 0;
    *out = sum > here ? sum : here;
    return 0;
}

static void tell(void *ctx, struct app_channel *c)
{
    const struct app_presence *p = ctx;
    uint64_t n;
    struct buf json;
    if (!c->stream->own.presence || app_channel_readers(c) == 0) {
        return;
    }
    uint64_t here = tally_find(p->own, p->own_count, key_of(c->stream));
    if (number_of(p, c->stream, c->source, here, &n)
        || (c->is_told && c->told == n && !c->is_due)) {
        return;
    }
    buf_init(&json, JSON_BYTES);
    if (app_json_presence(n, &json) == 0 && buf_append_char(&json, '\0') == 0) {
        app_channel_tell(c, EVENT, json.data);
        c->is_told = 1;
        c->is_due = 0;
        c->told = n;
    }
    buf_fini(&json);
}

/* There may be thousands of channels, and nobody who wants to know. */
static int is_wanted(const struct app_presence *p)
{
    const struct app_config *config = *p->setup.config;
    for (size_t i = 0; i < config->stream_count; i++) {
        if (config->streams[i]->own.presence) {
            return 1;
        }
    }
    return p->tally != NULL;
}

void app_presence_tick(struct app_presence *p)
{
    const struct app_channels *channels = *p->setup.channels;
    p->now_ms = p->setup.clock->mono_ms(p->setup.clock);
    if (!channels || p->now_ms < p->next_ms) {
        return;
    }
    p->next_ms = p->now_ms + TICK_MS;
    if (!is_wanted(p)) {
        return;
    }
    p->own_count = 0;
    app_channels_each(channels, note, p);
    p->own_count = tally_add_up(p->own, p->own_count);
    if (p->own_count > 0) {
        sum_up(p);
    } else {
        tally_close(p->tally);
        p->tally = NULL;
    }
    app_channels_each(channels, tell, p);
}

/* --- the page ------------------------------------------------------------------------------ */

int app_presence_is_named(const char *name, char *stream, size_t size)
{
    size_t len = strlen(name);
    size_t page_len = sizeof PAGE - 1;
    if (len <= page_len || len - page_len >= size || strcmp(name + len - page_len, PAGE) != 0) {
        return 0;
    }
    memcpy(stream, name, len - page_len);
    stream[len - page_len] = '\0';
    return 1;
}

/* Whoever keeps the number may have to be asked first. */
static int ask(struct app_presence *p, struct app_stream *s, uint64_t *out)
{
    struct err err = {.code = 0};
    struct app_channel *c = NULL;
    p->now_ms = p->setup.clock->mono_ms(p->setup.clock);
    if (has_store(s)) {
        int rc = app_channels_open(*p->setup.channels, s, NULL, &c, &err);
        return rc ? rc : number_of(p, s, c->source, 0, out);
    }
    sum_up(p);
    return number_of(p, s, NULL, app_channels_readers(s), out);
}

int app_presence_page(struct app_presence *p, struct app_stream *stream, struct app_page *out,
                      struct buf *body)
{
    uint64_t n;
    if (ask(p, stream, &n)) {
        *out = (struct app_page){.status = "503 Service Unavailable",
                                 .type = "application/json", .extra = "Retry-After: 1\r\n"};
        return app_json_error("the number of readers is not known just now", body);
    }
    *out = (struct app_page){.status = "200 OK", .type = "application/json"};
    int rc = app_json_presence(n, body);
    return rc ? rc : buf_append_char(body, '\n');
}

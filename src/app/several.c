/* SPDX-License-Identifier: MIT */
/* several: several streams on one connection: channels that are made of other channels. */
#include "app/several.h"

#include "app/config.h"
#include "app/figures/figures.h"
#include "app/figures/metrics.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "hub/hub.h"
#include "source/merge/merge.h"
#include "source/merge/store.h"

#include <stdlib.h>
#include <string.h>

/* A set of streams. Its channel is what others see; it belongs to no stream. */
struct several {
    struct app_channel channel;
    struct app_severals *all;
    struct several *prev, *next;
    struct several *next_near; /* in its bucket */
    int is_raw;
    int64_t linger_ms; /* no longer than any of its members */
    size_t count;
    struct app_channel *members[MERGE_MEMBERS_MAX]; /* by their streams' names */
    struct app_follower followers[MERGE_MEMBERS_MAX];
};

#define BUCKETS 1024

struct app_severals {
    struct app_channels_setup setup;
    struct app_channels *channels;
    struct several *first;
    struct several *buckets[BUCKETS]; /* by their members */
    size_t count;
    struct merge_store *store; /* NULL until it is needed */
    char *state_dir;           /* the store's */
};

/* What a query asks for. */
struct wanted {
    const char *names[MERGE_MEMBERS_MAX];
    size_t count;
    int is_raw;
};

static int64_t now_ms(const struct app_severals *all)
{
    return all->setup.clock->mono_ms(all->setup.clock);
}

/* --- parameters ---------------------------------------------------------------------------- */

int app_several_is_asked(const struct sse_query *q)
{
    return sse_query_get(q, "stream") != NULL;
}

static int read_name(struct wanted *w, const char *name, struct err *err)
{
    for (size_t i = 0; i < w->count; i++) {
        if (strcmp(w->names[i], name) == 0) {
            return err_set(err, ERR_INVALID, "stream: %.128s must be given once", name);
        }
    }
    if (w->count == MERGE_MEMBERS_MAX) {
        return err_set(err, ERR_INVALID, "stream: at most %d on one connection", MERGE_MEMBERS_MAX);
    }
    w->names[w->count++] = name;
    return 0;
}

static int is_among(const char *const *names, const char *name)
{
    while (*names && strcmp(*names, name) != 0) {
        names++;
    }
    return *names != NULL;
}

static int read_param(struct wanted *w, const struct sse_query *q, size_t i, struct err *err)
{
    static const char *const taken[] = {"raw", "from", "last", "since", NULL};
    static const char *const refused[] = {"before", "until", NULL};
    const char *name = q->params[i].name;
    const char *value = q->params[i].value;
    if (strcmp(name, "stream") == 0) {
        return read_name(w, value, err);
    }
    if (is_among(refused, name)) {
        return err_set(err, ERR_INVALID, "%s: not for several streams", name);
    }
    if (!is_among(taken, name)) {
        return err_set(err, ERR_INVALID, "%.64s: unknown parameter; known here: stream, raw, from, "
                                         "last, since", name);
    }
    for (size_t k = 0; k < i; k++) {
        if (strcmp(q->params[k].name, name) == 0) {
            return err_set(err, ERR_INVALID, "%s: must be given once", name);
        }
    }
    if (strcmp(name, "raw") == 0) {
        if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0) {
            return err_set(err, ERR_INVALID, "raw: must be 0 or 1");
        }
        w->is_raw = value[0] == '1';
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int read_wanted(const struct sse_query *q, struct wanted *out, struct err *err)
{
    *out = (struct wanted){.count = 0};
    for (size_t i = 0; i < q->count; i++) {
        int rc = read_param(out, q, i, err);
        if (rc) {
            return rc;
        }
    }
    qsort(out->names, out->count, sizeof out->names[0], by_name);
    return 0;
}

/* --- open ---------------------------------------------------------------------------------- */

static int open_member(struct app_severals *all, const struct app_config *config, const char *name,
                       struct app_channel **out, struct err *err)
{
    struct err why = {.code = 0};
    struct app_stream *stream;
    int rc = app_config_stream(config, name, &stream, &why);
    if (!rc) {
        rc = stream->own.several ? app_channels_open(all->channels, stream, NULL, out, &why)
                                 : err_set(&why, ERR_UNKNOWN, "this one is read by its own URL only");
        app_stream_unref(stream);
    }
    return rc ? err_set(err, rc, "stream: %.128s: %s", name, why.text) : 0;
}

static int is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Sets that are open keep the store that they have. */
static int find_store(struct app_severals *all, const char *state_dir)
{
    if (all->store && is_same_text(all->state_dir, state_dir)) {
        return 0;
    }
    struct merge_store *store;
    char *copy = state_dir ? strdup(state_dir) : NULL;
    if ((state_dir && !copy) || merge_store_new(&store, state_dir, all->setup.log)) {
        free(copy);
        return ERR_NOMEM;
    }
    merge_store_unref(all->store);
    free(all->state_dir);
    all->store = store;
    all->state_dir = copy;
    return 0;
}

static int pull(void *ctx, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                size_t budget_bytes)
{
    struct several *s = ctx;
    return s->channel.source->type->pull(s->channel.source, position, page, budget_bytes);
}

static struct several **bucket_of(struct app_severals *all, struct app_channel *const *members,
                                  size_t count)
{
    return &all->buckets[hash_bytes(members, count * sizeof members[0]) % BUCKETS];
}

static void link_several(struct several *s)
{
    struct app_severals *all = s->all;
    struct several **bucket = bucket_of(all, s->members, s->count);
    s->next_near = *bucket;
    *bucket = s;
    s->next = all->first;
    if (s->next) {
        s->next->prev = s;
    }
    all->first = s;
    all->count++;
    for (size_t i = 0; i < s->count; i++) {
        s->followers[i] = (struct app_follower){.out = merge_input(s->channel.source, i),
                                                .to = s->channel.hub_channel};
        app_tee_add(&s->members[i]->tee, &s->followers[i]);
    }
}

static int start(struct several *s)
{
    struct app_severals *all = s->all;
    struct app_channel *c = &s->channel;
    struct merge_member members[MERGE_MEMBERS_MAX];
    struct hub_origin origin = {.pull = pull, .ctx = s};
    char position[SSE_POSITION_SIZE];
    int rc = hub_channel_new(all->setup.hub, &origin, &c->hub_channel);
    if (rc) {
        return rc;
    }
    c->figures = app_metrics_stream(all->setup.metrics, FIGURES_OTHER);
    hub_channel_count_in(c->hub_channel, &c->figures->counts);
    c->host = (struct source_host){.loop = all->setup.loop, .log = all->setup.log,
                                   .clock = all->setup.clock,
                                   .live = hub_channel_live(c->hub_channel)};
    s->linger_ms = APP_LINGER_MS;
    for (size_t i = 0; i < s->count; i++) {
        struct app_channel *member = s->members[i];
        int64_t linger_ms = app_channel_linger_ms(member);
        if (linger_ms != SOURCE_LINGER_ALWAYS && linger_ms < s->linger_ms) {
            s->linger_ms = linger_ms;
        }
        members[i] = (struct merge_member){
            .name = member->stream->name, .source = member->source,
            .has_ended = hub_channel_has_ended(member->hub_channel)};
    }
    struct merge_setup setup = {.members = members, .count = s->count, .is_raw = s->is_raw,
                                .store = all->store};
    rc = merge_open(&c->source, &setup, &c->host);
    if (rc) {
        hub_channel_free(c->hub_channel);
        return rc;
    }
    c->source->type->head(c->source, position);
    hub_channel_start(c->hub_channel, position, now_ms(all));
    c->idle_ms = now_ms(all);
    link_several(s);
    merge_start(c->source);
    return 0;
}

static void unlink_several(struct several *s)
{
    struct app_severals *all = s->all;
    struct several **at = bucket_of(all, s->members, s->count);
    while (*at != s) {
        at = &(*at)->next_near;
    }
    *at = s->next_near;
    for (size_t i = 0; i < s->count; i++) {
        app_tee_remove(&s->followers[i]);
    }
    if (s->prev) {
        s->prev->next = s->next;
    } else {
        all->first = s->next;
    }
    if (s->next) {
        s->next->prev = s->prev;
    }
    all->count--;
}

static void close_several(struct several *s)
{
    unlink_several(s);
    hub_channel_free(s->channel.hub_channel);
    s->channel.source->type->close(s->channel.source, NULL, NULL);
    free(s);
}

static int is_without_readers(const struct several *s)
{
    return hub_channel_reader_count(s->channel.hub_channel) == 0;
}

/* Room for one more: those without readers need not stay. */
static int make_room(struct app_severals *all)
{
    struct several *s = all->first;
    while (s && all->count >= APP_SEVERAL_MAX) {
        struct several *next = s->next;
        if (is_without_readers(s)) {
            close_several(s);
        }
        s = next;
    }
    return all->count < APP_SEVERAL_MAX ? 0 : ERR_LIMIT;
}

static struct several *find(struct app_severals *all, const struct wanted *w,
                            struct app_channel *const *members)
{
    struct several *s = *bucket_of(all, members, w->count);
    while (s && (s->channel.is_retired || s->is_raw != w->is_raw || s->count != w->count
                 || memcmp(s->members, members, w->count * sizeof(struct app_channel *)) != 0)) {
        s = s->next_near;
    }
    return s;
}

int app_several_open(struct app_severals *all, const struct app_config *config,
                     const struct sse_query *q, struct app_channel **out, struct err *err)
{
    struct app_channel *members[MERGE_MEMBERS_MAX];
    struct wanted w;
    int rc = read_wanted(q, &w, err);
    for (size_t i = 0; i < w.count && !rc; i++) {
        rc = open_member(all, config, w.names[i], &members[i], err);
    }
    if (rc) {
        return rc;
    }
    struct several *s = find(all, &w, members);
    if (!s) {
        if (make_room(all)) {
            return err_set(err, ERR_LIMIT, "at most %d sets of streams are open at once",
                           APP_SEVERAL_MAX);
        }
        rc = find_store(all, config->state_dir);
        s = rc ? NULL : calloc(1, sizeof *s);
        if (!s) {
            return err_set(err, ERR_NOMEM, "out of memory");
        }
        s->all = all;
        s->is_raw = w.is_raw;
        s->count = w.count;
        memcpy(s->members, members, w.count * sizeof members[0]);
        if (start(s)) {
            free(s);
            return err_set(err, ERR_NOMEM, "out of memory");
        }
    }
    *out = &s->channel;
    return 0;
}

/* --- life ---------------------------------------------------------------------------------- */

int app_severals_new(struct app_severals **out, const struct app_channels_setup *setup,
                     struct app_channels *channels)
{
    struct app_severals *all = calloc(1, sizeof *all);
    if (!all) {
        return ERR_NOMEM;
    }
    all->setup = *setup;
    all->channels = channels;
    *out = all;
    return 0;
}

void app_severals_free(struct app_severals *all)
{
    if (!all) {
        return;
    }
    while (all->first) {
        close_several(all->first);
    }
    merge_store_unref(all->store);
    free(all->state_dir);
    free(all);
}

void app_severals_retire(struct app_severals *all)
{
    for (struct several *s = all->first; s; s = s->next) {
        for (size_t i = 0; i < s->count && !s->channel.is_retired; i++) {
            if (s->members[i]->is_retired) {
                s->channel.is_retired = 1;
                hub_channel_drain(s->channel.hub_channel, now_ms(all));
            }
        }
    }
}

void app_severals_tick(struct app_severals *all)
{
    int64_t now = now_ms(all);
    struct several *next;
    for (struct several *s = all->first; s; s = next) {
        struct app_channel *c = &s->channel;
        next = s->next;
        merge_tick(c->source);
        if (!is_without_readers(s)) {
            c->idle_ms = 0;
        } else if (c->idle_ms == 0) {
            c->idle_ms = now;
        }
        if (c->idle_ms != 0 && (c->is_retired || now - c->idle_ms >= s->linger_ms)) {
            close_several(s);
        }
    }
}

/* SPDX-License-Identifier: MIT */
/* channels: the streams that this process runs: it introduces sources to the hub. */
#include "app/channels.h"

#include "app/config.h"
#include "app/family.h"
#include "app/figures/metrics.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "hub/hub.h"
#include "source/source.h"

#include <stdlib.h>
#include <string.h>

struct app_channels {
    struct app_channels_setup setup;
    struct app_channel *first;
    size_t count; /* open, and closing ones whose source has not let go */
    void (*closed)(void *ctx);
    void *closed_ctx;
};

_Static_assert((int)SOURCE_MORE == (int)HUB_PULL_MORE && (int)SOURCE_HEAD == (int)HUB_PULL_HEAD
                   && (int)SOURCE_END == (int)HUB_PULL_END,
               "a source's answers are the hub's");

static int64_t now_ms(const struct app_channels *all)
{
    return all->setup.clock->mono_ms(all->setup.clock);
}

static int64_t linger_ms(const struct app_stream *s)
{
    return s->type->linger_ms ? s->type->linger_ms(s->settings) : APP_LINGER_MS;
}

static int pull(void *ctx, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                size_t budget_bytes)
{
    struct app_channel *c = ctx;
    return c->source->type->pull(c->source, position, page, budget_bytes);
}

static void on_ready(void *ctx)
{
    struct app_channel *c = ctx;
    hub_channel_retry(c->hub_channel);
    for (const struct app_follower *f = c->tee.followers; f; f = f->next) {
        hub_channel_retry(f->to);
    }
}

static int64_t left(void *ctx, const char *position)
{
    struct app_channel *c = ctx;
    return c->source->type->left(c->source, position);
}

/* --- parameters ---------------------------------------------------------------------------- */

struct params {
    struct source_param list[SSE_PARAMS_MAX];
    size_t count;
};

/* Those the source declared, in its order, and a key that is the same for the same values. */
static int select_params(const struct source_type *type, const struct sse_query *query,
                         struct params *out, struct buf *key)
{
    int rc = 0;
    out->count = 0;
    for (const char *const *name = type->param_names; name && *name && !rc; name++) {
        const char *value = query ? sse_query_get(query, *name) : NULL;
        if (!value || out->count == SSE_PARAMS_MAX) {
            continue;
        }
        out->list[out->count++] = (struct source_param){.name = *name, .value = value};
        rc = buf_appendf(key, "%s=%zu:%s&", *name, strlen(value), value);
    }
    return rc ? rc : buf_append_char(key, '\0');
}

/* --- open ---------------------------------------------------------------------------------- */

static void link_channel(struct app_channels *all, struct app_channel *c)
{
    c->next = all->first;
    if (c->next) {
        c->next->prev = c;
    }
    all->first = c;
    all->count++;
    c->next_same = c->stream->channels;
    c->stream->channels = c;
}

/* It gets no more readers. */
static void take_from_stream(struct app_channel *c)
{
    struct app_channel **at = &c->stream->channels;
    while (*at && *at != c) {
        at = &(*at)->next_same;
    }
    if (*at) {
        *at = c->next_same;
    }
}

static void unlink_channel(struct app_channels *all, struct app_channel *c)
{
    if (c->prev) {
        c->prev->next = c->next;
    } else {
        all->first = c->next;
    }
    if (c->next) {
        c->next->prev = c->prev;
    }
    take_from_stream(c);
}

static void forget(struct app_channel *c)
{
    hub_channel_free(c->hub_channel);
    app_stream_unref(c->stream);
    free(c->key);
    free(c);
}

static void on_source_closed(void *ctx)
{
    struct app_channel *c = ctx;
    struct app_channels *all = c->all;
    forget(c);
    all->count--;
    if (all->closed && all->count == 0) {
        void (*closed)(void *) = all->closed;
        void *closed_ctx = all->closed_ctx;
        free(all);
        closed(closed_ctx);
    }
}

static void close_channel(struct app_channel *c)
{
    unlink_channel(c->all, c);
    if (c->noted > 0) {
        c->source->type->readers(c->source, 0);
    }
    c->source->type->close(c->source, on_source_closed, c);
}

static int start(struct app_channel *c, const struct params *params, struct err *err)
{
    struct app_channels *all = c->all;
    const struct source_type *type = c->stream->type;
    struct hub_origin origin = {.pull = pull, .left = type->left ? left : NULL, .ctx = c};
    int rc = hub_channel_new(all->setup.hub, &origin, &c->hub_channel);
    if (rc) {
        return err_set(err, rc, "out of memory");
    }
    const struct app_stream *named = app_stream_configured(c->stream);
    c->figures = app_metrics_stream(all->setup.metrics, named->name);
    hub_channel_count_in(c->hub_channel, &c->figures->counts);
    app_tee_init(&c->tee, hub_channel_live(c->hub_channel));
    c->host = (struct source_host){.loop = all->setup.loop, .log = all->setup.log,
                                   .clock = all->setup.clock, .live = &c->tee.out,
                                   .ready = on_ready, .ready_ctx = c};
    struct source_setup setup = {.stream = c->stream->name, .settings = c->stream->settings,
                                 .params = params->list, .param_count = params->count,
                                 .state_dir = c->stream->state_dir,
                                 .family = app_stream_family(c->stream)};
    rc = type->open(&c->source, &setup, &c->host, err);
    if (rc) {
        return rc;
    }
    char position[SSE_POSITION_SIZE];
    type->head(c->source, position);
    hub_channel_start(c->hub_channel, position, now_ms(all));
    c->idle_ms = now_ms(all);
    link_channel(all, c);
    return 0;
}

static int open_new(struct app_channels *all, struct app_stream *stream,
                    const struct params *params, const char *key, struct app_channel **out,
                    struct err *err)
{
    struct app_channel *c = calloc(1, sizeof *c);
    if (!c) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    c->all = all;
    c->stream = app_stream_ref(stream);
    c->key = strdup(key);
    int rc = c->key ? start(c, params, err) : err_set(err, ERR_NOMEM, "out of memory");
    if (rc) {
        forget(c);
        return rc;
    }
    *out = c;
    return 0;
}

int app_channels_open(struct app_channels *all, struct app_stream *stream,
                      const struct sse_query *query, struct app_channel **out, struct err *err)
{
    struct params params;
    struct buf key;
    if (app_stream_answers(stream)) {
        return err_set(err, ERR_INVALID, "this stream cannot be read: it answers what is sent by POST");
    }
    buf_init(&key, APP_PARAMS_BYTES);
    int rc = select_params(stream->type, query, &params, &key);
    if (rc) {
        rc = err_set(err, ERR_INVALID, "the parameters must be shorter than %d bytes together",
                     APP_PARAMS_BYTES);
        goto out;
    }
    for (struct app_channel *c = stream->channels; c; c = c->next_same) {
        if (strcmp(c->key, key.data) == 0) {
            *out = c;
            goto out;
        }
    }
    if (all->count >= APP_CHANNELS_MAX) {
        rc = err_set(err, ERR_LIMIT, "at most %d channels are open at once", APP_CHANNELS_MAX);
        goto out;
    }
    rc = open_new(all, stream, &params, key.data, out, err);
out:
    buf_fini(&key);
    return rc;
}

/* --- life ---------------------------------------------------------------------------------- */

int app_channels_new(struct app_channels **out, const struct app_channels_setup *setup)
{
    struct app_channels *all = calloc(1, sizeof *all);
    if (!all) {
        return ERR_NOMEM;
    }
    all->setup = *setup;
    *out = all;
    return 0;
}

void app_channels_retire(struct app_channels *all, const struct app_config *config)
{
    for (struct app_channel *c = all->first; c; c = c->next) {
        if (!c->is_retired && !app_config_has(config, c->stream)) {
            c->is_retired = 1;
            take_from_stream(c);
            hub_channel_drain(c->hub_channel, now_ms(all));
        }
    }
}

void app_channels_begin(struct app_channels *all, const struct app_config *config)
{
    for (size_t i = 0; i < config->stream_count; i++) {
        struct app_stream *s = config->streams[i];
        struct app_channel *c;
        struct err err = {.code = 0};
        if (!s->members && !app_stream_answers(s) && linger_ms(s) == SOURCE_LINGER_ALWAYS
            && app_channels_open(all, s, NULL, &c, &err)) {
            log_say(all->setup.log, ERROR, "app", "cannot open the stream",
                    LOG_TEXT("stream", s->name), LOG_TEXT("error", err.text));
        }
    }
}

int64_t app_channel_linger_ms(const struct app_channel *c)
{
    return linger_ms(c->stream);
}

static int is_idle_enough(const struct app_channel *c, int64_t now)
{
    int64_t most_ms = linger_ms(c->stream);
    return most_ms != SOURCE_LINGER_ALWAYS && now - c->idle_ms >= most_ms;
}

void app_channels_tick(struct app_channels *all)
{
    int64_t now = now_ms(all);
    struct app_channel *next;
    for (struct app_channel *c = all->first; c; c = next) {
        next = c->next;
        if (app_channel_readers(c) > 0 || c->publishing > 0) {
            c->idle_ms = 0;
        } else if (c->idle_ms == 0) {
            c->idle_ms = now;
        }
        if (c->idle_ms != 0 && !c->tee.followers && (c->is_retired || is_idle_enough(c, now))) {
            close_channel(c);
        }
    }
}

size_t app_channel_readers(const struct app_channel *c)
{
    size_t count = hub_channel_reader_count(c->hub_channel);
    for (const struct app_follower *f = c->tee.followers; f; f = f->next) {
        count += hub_channel_reader_count(f->to);
    }
    return count;
}

void app_channel_tell(struct app_channel *c, const char *name, const char *data)
{
    hub_channel_tell(c->hub_channel, name, data, now_ms(c->all));
    app_tee_tell(&c->tee, c->stream->name, name, data, now_ms(c->all));
}

int app_channel_has_joined(const struct app_channel *c)
{
    int has_joined = hub_channel_has_joined(c->hub_channel);
    for (const struct app_follower *f = c->tee.followers; f; f = f->next) {
        has_joined |= hub_channel_has_joined(f->to);
    }
    return has_joined;
}

static size_t readers_of(const struct app_stream *stream)
{
    size_t count = 0;
    for (const struct app_channel *c = stream->channels; c; c = c->next_same) {
        count += app_channel_readers(c);
    }
    return count;
}

size_t app_channels_readers(const struct app_stream *stream)
{
    size_t count = readers_of(stream);
    const struct app_stream *member = stream->members ? app_family_first(stream->members) : NULL;
    for (; member; member = member->next_member) {
        count += readers_of(member);
    }
    return count;
}

void app_channels_each(const struct app_channels *all,
                       void (*show)(void *ctx, struct app_channel *c), void *ctx)
{
    for (struct app_channel *c = all->first; c; c = c->next) {
        show(ctx, c);
    }
}

struct source_health app_channel_health(const struct app_channel *c)
{
    struct source_health health = {.is_unreadable = 0};
    if (c->source->type->health) {
        c->source->type->health(c->source, &health);
    }
    return health;
}

void app_channels_close(struct app_channels *all, void (*closed)(void *ctx), void *ctx)
{
    if (all->count == 0) {
        free(all);
        closed(ctx);
        return;
    }
    all->closed = closed;
    all->closed_ctx = ctx;
    /* Closing the last one may free `all` before close_channel comes back. */
    struct app_channel *next;
    for (struct app_channel *c = all->first; c; c = next) {
        next = c->next;
        close_channel(c);
    }
}

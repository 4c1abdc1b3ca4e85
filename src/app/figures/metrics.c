/* SPDX-License-Identifier: MIT */
/* metrics: the figures of this process, once a second into the scoreboard that all processes of the
 * configuration share, and their sum as a page. */
#include "app/figures/metrics.h"

#include "app/channels.h"
#include "app/config.h"
#include "app/figures/scoreboard.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER "/dev/shm" /* memory, which goes when the machine does, and nobody's network folder */
#define WRITE_MS 1000
#define RETRY_MS 30000 /* after a failure that another second will hardly cure */
#define READ_TRIES 16

struct app_metrics {
    struct app_metrics_setup setup;
    struct app_counts counts;
    struct app_metrics_stream *streams[FIGURES_STREAMS];
    size_t stream_count;
    struct app_metrics_stream other;
    struct usage_table *usage; /* NULL until somebody asks; streams are indices of the above, `other` the last */
    int64_t start_ms, loaded_ms; /* wall times: of the start, of the configuration in force */
    uint64_t reloads[2];
    int is_stale;
    int has_turns;             /* the loop is timed */
    uint64_t turn_ns, idle_ns; /* at the last turn */
    struct figures *own;       /* NULL until somebody wants them */
    uint64_t delays[FIGURES_BUCKETS];
    uint64_t delay_ns;
    struct scoreboard *board;
    int64_t next_ms;      /* when to share again */
    int64_t next_open_ms; /* when to try again to open it */
    int was_told;         /* that it cannot be opened */
};

int app_metrics_new(struct app_metrics **out, const struct app_metrics_setup *setup)
{
    struct app_metrics *m = calloc(1, sizeof *m);
    if (!m) {
        return ERR_NOMEM;
    }
    m->setup = *setup;
    memcpy(m->other.name, FIGURES_OTHER, sizeof FIGURES_OTHER);
    m->start_ms = m->loaded_ms = setup->clock->wall_ms(setup->clock);
    *out = m;
    return 0;
}

struct app_counts *app_metrics_counts(struct app_metrics *m)
{
    return &m->counts;
}

void app_metrics_reloaded(struct app_metrics *m, int is_refused)
{
    m->reloads[is_refused]++;
    m->is_stale = is_refused;
    if (!is_refused) {
        m->loaded_ms = m->setup.clock->wall_ms(m->setup.clock);
    }
}

/* --- streams ------------------------------------------------------------------------------- */

/* The first ones of the configuration have names, the same in each process. */
static int has_name(const struct app_config *config, const char *name)
{
    for (size_t i = 0; i < config->stream_count && i < FIGURES_STREAMS; i++) {
        if (strcmp(config->streams[i]->name, name) == 0) {
            return 1;
        }
    }
    return 0;
}

struct app_metrics_stream *app_metrics_stream(struct app_metrics *m, const char *name)
{
    for (size_t i = 0; i < m->stream_count; i++) {
        if (strcmp(m->streams[i]->name, name) == 0) {
            return m->streams[i];
        }
    }
    if (m->stream_count == FIGURES_STREAMS || !has_name(*m->setup.config, name)) {
        return &m->other;
    }
    struct app_metrics_stream *s = calloc(1, sizeof *s);
    if (!s) {
        return &m->other;
    }
    memcpy(s->name, name, strlen(name) + 1);
    m->streams[m->stream_count++] = s;
    return s;
}

struct usage_counts *app_metrics_usage(struct app_metrics *m, const char *stream, const char *user)
{
    const struct app_metrics_stream *s = app_metrics_stream(m, stream);
    uint64_t number = 0;
    if (!m->usage) {
        m->usage = calloc(1, sizeof *m->usage);
    }
    while (number < m->stream_count && m->streams[number] != s) {
        number++;
    }
    number = s == &m->other ? FIGURES_STREAMS : number;
    return m->usage ? &usage_find(m->usage, number, user)->counts : NULL;
}

static void note_lag(void *ctx, struct app_channel *c)
{
    (void)ctx;
    struct source_health health = app_channel_health(c);
    if (health.lag_bytes > c->figures->lag_bytes) {
        c->figures->lag_bytes = health.lag_bytes;
    }
}

static void fill_stream(struct figures *f, const struct app_metrics_stream *s)
{
    struct figures_stream *to = figures_find(f, s->name, 1);
    to->readers = s->counts.readers;
    to->catching_up = s->counts.catching_up;
    to->lag_bytes = s->lag_bytes;
    to->started = s->counts.started;
    to->events = s->counts.events;
    to->history_events = s->counts.history_events;
    to->bytes = s->counts.bytes;
    to->gaps = s->counts.gaps;
    to->published = s->published;
    to->refused = s->refused;
}

/* Of what is counted anew each time, a stream without a channel has nothing. */
static void look_at_channels(struct app_metrics *m)
{
    for (size_t i = 0; i < m->stream_count; i++) {
        m->streams[i]->lag_bytes = m->streams[i]->counts.catching_up = 0;
    }
    m->other.lag_bytes = m->other.counts.catching_up = 0;
    hub_count_catching_up(m->setup.hub);
    if (*m->setup.channels) {
        app_channels_each(*m->setup.channels, note_lag, NULL);
    }
}

static void fill_streams(struct app_metrics *m)
{
    look_at_channels(m);
    m->own->stream_count = 0;
    for (size_t i = 0; i < m->stream_count; i++) {
        fill_stream(m->own, m->streams[i]);
    }
    if (m->other.counts.started + m->other.published + m->other.refused > 0) {
        fill_stream(m->own, &m->other);
    }
}

static void fill_usage(struct app_metrics *m)
{
    m->own->usage.count = 0;
    for (size_t i = 0; m->usage && i < m->usage->count; i++) {
        const struct usage *u = &m->usage->list[i];
        const char *name = u->stream < m->stream_count ? m->streams[u->stream]->name : m->other.name;
        struct figures_stream *s = figures_find(m->own, name, 1);
        usage_add(&figures_usage(m->own, s, u->user)->counts, &u->counts);
    }
}

/* --- figures of this process --------------------------------------------------------------- */

void app_metrics_turn(struct app_metrics *m)
{
    if (!m->has_turns) {
        const struct app_config *config = *m->setup.config;
        /* It costs a system call a turn. */
        if (!config->metrics || uv_loop_configure(m->setup.loop, UV_METRICS_IDLE_TIME)) {
            return;
        }
        m->has_turns = 1;
    }
    uint64_t now_ns = uv_hrtime();
    uint64_t idle_ns = uv_metrics_idle_time(m->setup.loop);
    uint64_t turn_ns = now_ns - m->turn_ns;
    uint64_t waited_ns = idle_ns - m->idle_ns;
    if (m->turn_ns != 0) {
        uint64_t busy_ns = turn_ns > waited_ns ? turn_ns - waited_ns : 0;
        m->delays[figures_bucket(busy_ns)]++;
        m->delay_ns += busy_ns;
    }
    m->turn_ns = now_ns;
    m->idle_ns = idle_ns;
}

/* Brings m->own up to date. What the gate counted stays when it is gone. */
static int collect(struct app_metrics *m)
{
    if (!m->own) {
        m->own = calloc(1, sizeof *m->own);
        if (!m->own) {
            return ERR_NOMEM;
        }
    }
    struct figures *f = m->own;
    const struct hub_totals *totals = hub_totals(m->setup.hub);
    f->processes = 1;
    f->draining = (uint64_t)*m->setup.is_draining;
    f->stale = (uint64_t)m->is_stale;
    f->start_s = (uint64_t)m->start_ms / 1000;
    f->loaded_s = (uint64_t)m->loaded_ms / 1000;
    f->requests = m->counts.requests;
    memcpy(f->reloads, m->reloads, sizeof f->reloads);
    memcpy(f->rejected, m->counts.rejected, sizeof m->counts.rejected);
    if (*m->setup.gate) {
        const struct gate_counts *gate = gate_counts(*m->setup.gate);
        f->connections = gate->connections;
        memcpy(f->rejected + APP_REJECT_COUNT, gate->rejected, sizeof gate->rejected);
    }
    memcpy(f->ended, totals->ended, sizeof f->ended);
    memcpy(f->gaps, totals->gaps, sizeof f->gaps);
    memcpy(f->delays, m->delays, sizeof f->delays);
    f->delay_ns = m->delay_ns;
    fill_streams(m);
    fill_usage(m);
    return 0;
}

/* --- figures of all ------------------------------------------------------------------------ */

/* The configuration file and the prefix. A process with numbers of its own (a PID namespace) could not
 * tell who of the others is alive. */
static uint64_t identity(const struct app_metrics *m)
{
    char whole[PATH_MAX];
    struct stat st;
    const char *path = m->setup.path ? m->setup.path : "";
    const char *prefix = (*m->setup.config)->prefix;
    if (realpath(path, whole)) {
        path = whole;
    }
    uint64_t hash = hash_more(HASH_START, path, strlen(path) + 1);
    hash = hash_more(hash, prefix, strlen(prefix) + 1);
    if (stat("/proc/self/ns/pid", &st) == 0) {
        hash = hash_more(hash, &st.st_ino, sizeof st.st_ino);
    }
    return hash;
}

static void open_board(struct app_metrics *m, int64_t now_ms)
{
    struct err err = {.code = 0};
    struct scoreboard_setup setup = {.folder = FOLDER, .identity = identity(m),
                                     .record_bytes = sizeof(struct figures),
                                     .fold = figures_fold};
    int rc = scoreboard_open(&m->board, &setup, &err);
    if (!rc) {
        m->was_told = 0;
        return;
    }
    m->board = NULL;
    if (rc == ERR_AGAIN) {
        return;
    }
    m->next_open_ms = now_ms + RETRY_MS;
    if (!m->was_told) {
        m->was_told = 1;
        log_say(m->setup.log, WARN, "app", "metrics are of this process only",
                LOG_TEXT("reason", err.text));
    }
}

/* Puts the figures on the board, which is opened if need be. */
static void share(struct app_metrics *m)
{
    int64_t now_ms = m->setup.clock->mono_ms(m->setup.clock);
    if (!m->board && now_ms >= m->next_open_ms) {
        open_board(m, now_ms);
    }
    if (m->board && scoreboard_write(m->board, m->own, figures_len(m->own)) == ERR_GONE) {
        scoreboard_close(m->board);
        m->board = NULL;
    }
}

void app_metrics_tick(struct app_metrics *m)
{
    int64_t now_ms = m->setup.clock->mono_ms(m->setup.clock);
    /* Once on the board it stays there: what is taken off would count as a process that ended. */
    if ((!(*m->setup.config)->metrics_allow && !m->board) || now_ms < m->next_ms) {
        return;
    }
    m->next_ms = now_ms + WRITE_MS;
    if (collect(m) == 0) {
        share(m);
    }
}

static void add(void *ctx, const void *record, size_t len, int is_live)
{
    figures_add(ctx, record, len, is_live, 0);
}

/* Those with names first, so that each of them is there from the beginning. */
static void begin_sum(const struct app_metrics *m, struct figures *sum)
{
    const struct app_config *config = *m->setup.config;
    *sum = (struct figures){.stream_count = 0};
    for (size_t i = 0; i < config->stream_count && i < FIGURES_STREAMS; i++) {
        figures_find(sum, config->streams[i]->name, 1);
    }
}

static int sum_up(struct app_metrics *m, struct figures *sum)
{
    int rc = ERR_AGAIN;
    for (int tries = 0; tries < READ_TRIES && rc == ERR_AGAIN && m->board; tries++) {
        begin_sum(m, sum);
        rc = scoreboard_read(m->board, add, sum);
    }
    if (!m->board || rc == ERR_GONE) {
        begin_sum(m, sum);
        add(sum, m->own, figures_len(m->own), 1);
        return 0;
    }
    return rc;
}

int app_metrics_text(struct app_metrics *m, struct buf *out)
{
    if (collect(m)) {
        return ERR_NOMEM;
    }
    struct figures *sum = malloc(sizeof *sum);
    if (!sum) {
        return ERR_NOMEM;
    }
    share(m);
    int rc = sum_up(m, sum);
    if (!rc) {
        rc = figures_text(sum, m->board != NULL, out);
    }
    free(sum);
    return rc;
}

void app_metrics_free(struct app_metrics *m)
{
    if (!m) {
        return;
    }
    int is_wanted = (*m->setup.config)->metrics_allow && m->counts.requests > 0;
    if ((m->board || is_wanted) && collect(m) == 0) {
        share(m);
    }
    scoreboard_close(m->board);
    for (size_t i = 0; i < m->stream_count; i++) {
        free(m->streams[i]);
    }
    free(m->usage);
    free(m->own);
    free(m);
}

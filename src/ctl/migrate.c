/* SPDX-License-Identifier: MIT */
/* migrate: a topic's journal is copied into Redis. */
#include "ctl/migrate.h"

#include "app/config.h"
#include "app/stream.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "ctl/doctor.h"
#include "source/journal/reader.h"
#include "source/topic/topic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOW_MS 200
#define CLEAR "\r\033[K"
/* Names and data of one step: the last event may be as large as there are any. */
#define STEP_BYTES (CTL_MIGRATE_BYTES + JOURNAL_NAME_MAX + JOURNAL_DATA_MAX)

/* Events of one step; their pointers are offsets while the bytes may still move. */
struct step {
    struct ctl_migrate_event events[CTL_MIGRATE_EVENTS];
    size_t at[CTL_MIGRATE_EVENTS];
    size_t count;
    struct buf bytes;
    char from[SSE_POSITION_SIZE]; /* of the last one, as the next two */
    uint32_t epoch;
    uint64_t seq;
};

struct migration {
    const struct ctl_migrate *flags;
    struct app_config *config;
    struct app_stream *stream;
    struct journal_dir dir;
    struct journal_reader reader;
    struct ctl_target *target;
    struct ctl_migrate_state state;
    struct step step;
    uint64_t end; /* the last event's number, when it was looked at first */
    uint64_t copied, gaps;
    int is_terminal;
    int64_t show_ms;
};

/* --- what people see ----------------------------------------------------------------------- */

static void show(struct migration *m, int is_last)
{
    int64_t now = clock_system.mono_ms(&clock_system);
    if (!m->is_terminal || (!is_last && now < m->show_ms)) {
        return;
    }
    m->show_ms = now + SHOW_MS;
    uint64_t left = m->end > m->step.seq ? m->end - m->step.seq : 0;
    fprintf(stderr, CLEAR "%" PRIu64 " copied, %" PRIu64 " left%s", m->copied, left,
            is_last ? "\n" : "");
}

static void tell_gap(struct migration *m, const struct journal_item *item)
{
    m->gaps++;
    fprintf(stderr, "%sssecgi-ctl: the journal has a gap (%s)", m->is_terminal ? CLEAR : "",
            item->reason);
    if (item->events >= 0) {
        fprintf(stderr, ": %" PRId64 " events", item->events);
    }
    fputc('\n', stderr);
}

/* --- one step ------------------------------------------------------------------------------ */

static int take(struct step *s, const struct journal_item *item)
{
    size_t i = s->count;
    s->at[i] = s->bytes.len;
    int rc = buf_append(&s->bytes, item->name, item->record.name_len);
    rc = rc ? rc : buf_append(&s->bytes, item->data, item->record.data_len);
    if (rc) {
        return rc;
    }
    s->events[i] = (struct ctl_migrate_event){.name_len = item->record.name_len,
                                              .data_len = item->record.data_len,
                                              .wall_ms = item->record.wall_ms};
    s->count++;
    return 0;
}

/* What is there already must be what we know. */
static int check_target(const struct migration *m, struct err *err)
{
    if (m->flags->is_append || !m->state.has_events || (m->state.from[0] && !m->state.has_others)) {
        return 0;
    }
    return m->state.from[0]
               ? err_set(err, ERR_INVALID,
                         "others have published into the stream in Redis since it was copied; "
                         "--append puts the rest behind that")
               : err_set(err, ERR_INVALID,
                         "the stream in Redis is not empty; --append puts these events behind "
                         "what is there");
}

static int put(struct migration *m, struct err *err)
{
    struct step *s = &m->step;
    if (s->count == 0) {
        return 0;
    }
    for (size_t i = 0; i < s->count; i++) {
        s->events[i].name = s->bytes.data + s->at[i];
        s->events[i].data = s->events[i].name + s->events[i].name_len;
    }
    int rc = m->copied ? 0 : check_target(m, err);
    rc = rc ? rc : ctl_target_put(m->target, s->events, s->count, s->from, err);
    m->copied += rc ? 0 : s->count;
    s->count = 0;
    buf_clear(&s->bytes);
    show(m, 0);
    return rc;
}

static int is_full(const struct step *s)
{
    return s->count == CTL_MIGRATE_EVENTS || s->bytes.len >= CTL_MIGRATE_BYTES;
}

static int fail_journal(const struct migration *m, int rc, struct err *err)
{
    return err_set(err, rc, "the journal of \"%s\" cannot be read%s", m->stream->name,
                   rc == ERR_NOMEM ? ": out of memory" : "");
}

/* Up to the end that there is by now. */
static int copy(struct migration *m, struct err *err)
{
    struct step *s = &m->step;
    for (;;) {
        struct journal_item item;
        int what = journal_reader_step(&m->reader, NULL, &item);
        if (what < 0) {
            return fail_journal(m, what, err);
        }
        if (what == JOURNAL_IDLE) {
            return put(m, err);
        }
        if (what == JOURNAL_GAP) {
            tell_gap(m, &item);
            continue;
        }
        const struct journal_position *at = &m->reader.at;
        int is_next = s->count > 0 && at->epoch == s->epoch && at->seq == s->seq + 1;
        int rc = is_full(s) || !is_next ? put(m, err) : 0;
        if (rc) {
            return rc;
        }
        if (take(s, &item)) {
            return err_set(err, ERR_NOMEM, "out of memory");
        }
        journal_position_print(at, s->from);
        s->epoch = at->epoch;
        s->seq = at->seq;
    }
}

/* --- the whole ----------------------------------------------------------------------------- */

static int find_stream(struct migration *m, struct err *err)
{
    const char *config = m->flags->config ? m->flags->config : getenv("SSECGI_CONFIG");
    if (!config || !*config) {
        return err_set(err, ERR_INVALID, "which configuration? --config FILE or SSECGI_CONFIG");
    }
    int rc = app_config_load(config, &m->config, err);
    if (rc) {
        return rc;
    }
    struct err why = {.code = 0};
    rc = app_config_stream(m->config, m->flags->stream, &m->stream, &why);
    if (rc) {
        return rc == ERR_UNKNOWN
                   ? err_set(err, rc, "there is no stream \"%.128s\"", m->flags->stream)
                   : err_set(err, rc, "%s", why.text);
    }
    return m->stream->type == &source_topic
               ? 0
               : err_set(err, ERR_INVALID,
                         "\"%s\" is no topic in this configuration: only a topic can be moved",
                         m->stream->name);
}

static int open_journal(struct migration *m, struct err *err)
{
    int rc = journal_dir_init(&m->dir, m->stream->state_dir, m->stream->name);
    if (rc) {
        return fail_journal(m, rc, err);
    }
    journal_reader_init(&m->reader, &m->dir);
    rc = journal_dir_list(&m->dir);
    rc = rc ? rc : journal_reader_to_end(&m->reader);
    if (rc) {
        return fail_journal(m, rc, err);
    }
    m->end = m->reader.seq;
    return m->dir.count
               ? 0
               : err_set(err, ERR_GONE, "nothing was published into \"%s\" yet", m->stream->name);
}

/* Behind what was copied before, or at the beginning. */
static int go_to_start(struct migration *m, struct err *err)
{
    struct journal_position from = {.is_start = 1};
    struct journal_item item;
    int is_known = m->state.from[0] && journal_position_parse(m->state.from, &from) == 0;
    if (is_known && from.generation != m->reader.generation && !m->flags->is_append) {
        return err_set(err, ERR_INVALID,
                       "the events in Redis come from another journal; --append puts these behind "
                       "them");
    }
    if (is_known && from.generation != m->reader.generation) {
        from = (struct journal_position){.is_start = 1};
    }
    int rc = journal_reader_seek(&m->reader, &from, &item);
    if (rc < 0) {
        return fail_journal(m, rc, err);
    }
    if (rc == JOURNAL_GAP && !from.is_start) { /* otherwise it is what had expired before */
        tell_gap(m, &item);
    }
    m->step.seq = m->reader.seq;
    return 0;
}

static int migrate(struct migration *m, struct err *err)
{
    int rc = find_stream(m, err);
    rc = rc ? rc : open_journal(m, err);
    rc = rc ? rc : ctl_target_open(&m->target, m->flags, &m->state, err);
    rc = rc ? rc : go_to_start(m, err);
    return rc ? rc : copy(m, err);
}

static void fini(struct migration *m)
{
    ctl_target_free(m->target);
    if (m->dir.path) {
        journal_reader_fini(&m->reader);
        journal_dir_fini(&m->dir);
    }
    buf_fini(&m->step.bytes);
    app_stream_unref(m->stream);
    app_config_free(m->config);
    free(m);
}

int ctl_migrate_run(const struct ctl_migrate *flags)
{
    struct err err = {.code = 0};
    struct migration *m = calloc(1, sizeof *m);
    if (!m) {
        fprintf(stderr, "ssecgi-ctl: out of memory\n");
        return CTL_EXIT_WRONG;
    }
    m->flags = flags;
    m->is_terminal = isatty(STDERR_FILENO);
    buf_init(&m->step.bytes, STEP_BYTES);
    int rc = migrate(m, &err);
    if (rc) {
        fprintf(stderr, "%sssecgi-ctl: %s\n", m->copied && m->is_terminal ? CLEAR : "", err.text);
    } else {
        show(m, 1);
    }
    if (!rc || m->copied) {
        printf("%" PRIu64 " events copied%s\n", m->copied,
               rc ? "; run it again, it goes on there" : "");
    }
    fini(m);
    return rc ? CTL_EXIT_WRONG : CTL_EXIT_GOOD;
}

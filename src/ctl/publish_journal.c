/* SPDX-License-Identifier: MIT */
/* publish_journal: events straight into a topic's journal, by the right to write its files. */
#include "app/config.h"
#include "base/clock.h"
#include "base/err.h"
#include "ctl/publish.h"
#include "source/journal/journal.h"
#include "source/topic/settings.h"
#include "source/topic/topic.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_MS 30000    /* other publishers are waited for so long, */
#define LOCK_RETRY_MS 2  /* and tried again so often */

struct sink_journal {
    struct ctl_sink sink;
    struct app_config *config;
    struct app_stream *stream;
    struct journal *journal;
    struct journal_event events[CTL_PUBLISH_LINES];
    struct journal_position positions[CTL_PUBLISH_LINES];
};

/* Others append, too: each holds the lock for a moment only. */
static int append(struct sink_journal *s, const struct journal_event *events, size_t count)
{
    int64_t end_ms = clock_system.mono_ms(&clock_system) + LOCK_MS;
    for (;;) {
        int rc = journal_append(s->journal, events, count, s->positions);
        if (rc != ERR_AGAIN || clock_system.mono_ms(&clock_system) >= end_ms) {
            return rc;
        }
        (void)poll(NULL, 0, LOCK_RETRY_MS);
    }
}

/* What was appended is on disk, unless `sync` is "none". What waits is synced at once: the next
 * line may be long in coming. */
static int sync_all(struct sink_journal *s)
{
    struct journal_unsynced unsynced;
    int rc = 0;
    while (!rc && journal_take_unsynced(s->journal, &unsynced) > 0) {
        rc = journal_sync(&unsynced);
        journal_close_unsynced(&unsynced);
    }
    return rc;
}

static const char *reason(const struct sink_journal *s, int rc)
{
    switch (rc) {
    case ERR_LIMIT:
        return "it is larger than max_event_bytes";
    case ERR_AGAIN:
        return "other publishers hold the journal";
    case ERR_IO:
        return !journal_is_full(s->journal) ? strerror(s->journal->error)
               : s->stream->family          ? "the disk is full, or max_members have a journal"
                                            : "there is no room on the disk";
    case ERR_INVALID:
        return "its name or its key is too long";
    case ERR_NOMEM:
        return "out of memory";
    default:
        return "";
    }
}

static int stop(struct ctl_tally *tally, uint64_t line)
{
    ctl_tally_flush(tally);
    fprintf(stderr, "ssecgi-ctl: nothing that follows line %" PRIu64 " was published\n", line);
    return ERR_IO;
}

static int put(struct ctl_sink *sink, const struct ctl_publish_item *items, size_t count,
               struct ctl_tally *tally)
{
    struct sink_journal *s = (struct sink_journal *)sink;
    size_t most = count;
    uint64_t last = items[count - 1].line;
    for (size_t i = 0; i < count; i++) {
        const struct source_item *item = &items[i].item;
        s->events[i] = (struct journal_event){.name = item->name,
                                              .data = item->data,
                                              .data_len = item->data_len,
                                              .key = item->key,
                                              .key_len = item->key ? strlen(item->key) : 0};
    }
    for (size_t at = 0, n; at < count; at += n) {
        n = count - at < most ? count - at : most;
        int rc = append(s, s->events + at, n);
        if (rc == ERR_LIMIT && n > 1) {
            most = n / 2;
            n = 0;
            continue;
        }
        const char *why = reason(s, rc);
        int is_lost = !rc && sync_all(s); /* what is in the journal may not be on disk */
        if (!rc && !is_lost) {
            tally->arrived += n;
            continue;
        }
        for (size_t i = at; i < at + n; i++) {
            ctl_tally_miss(tally, items[i].line, is_lost ? "it cannot be put on the disk" : why);
        }
        if (rc == ERR_LIMIT) {
            most = count; /* it was this event, not their number */
        } else if (is_lost || (rc == ERR_IO && !journal_is_full(s->journal))) {
            return stop(tally, last);
        }
    }
    return 0;
}

static void free_journal(struct ctl_sink *sink)
{
    struct sink_journal *s = (struct sink_journal *)sink;
    journal_free(s->journal);
    app_stream_unref(s->stream);
    app_config_free(s->config);
    free(s);
}

static int find_stream(struct sink_journal *s, const struct ctl_publish *p, const char *config,
                       struct app_stream **out, struct err *err)
{
    struct app_stream *stream;
    struct err why = {.code = 0};
    if (app_config_stream(s->config, p->stream, &stream, &why)) {
        return why.code == ERR_UNKNOWN
                   ? err_set(err, ERR_INVALID, "there is no stream \"%.128s\" in %.256s", p->stream,
                             config)
                   : err_set(err, ERR_INVALID, "%s", why.text);
    }
    s->stream = stream;
    if (stream->type != &source_topic) {
        return err_set(err, ERR_INVALID, "\"%s\" is no topic in files: its source is \"%s\". Where it takes "
                       "events, publish by --url", stream->name, stream->type->name);
    }
    *out = stream;
    return 0;
}

int ctl_publish_journal(struct ctl_sink **out, const struct ctl_publish *p, struct err *err)
{
    struct app_stream *stream = NULL;
    struct journal_rules rules;
    const char *config = p->config ? p->config : getenv("SSECGI_CONFIG");
    if (!config || !*config) {
        return err_set(err, ERR_INVALID, "which configuration? --config FILE or SSECGI_CONFIG");
    }
    struct sink_journal *s = calloc(1, sizeof *s);
    if (!s) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    s->sink = (struct ctl_sink){.put = put, .free = free_journal};
    int rc = app_config_load(config, &s->config, err);
    rc = rc ? rc : find_stream(s, p, config, &stream, err);
    if (!rc) {
        topic_settings_rules(stream->settings, app_stream_family(stream), &rules);
        rc = journal_new(&s->journal, stream->state_dir, stream->name, &rules, &clock_system);
        rc = rc ? err_set(err, rc, "out of memory") : 0;
    }
    if (rc) {
        free_journal(&s->sink);
        return rc;
    }
    *out = &s->sink;
    return 0;
}

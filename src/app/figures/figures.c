/* SPDX-License-Identifier: MIT */
/* figures: what a process tells of itself, how the figures of several become one, and their text. */
#include "app/figures/figures.h"

#include "base/buf.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

_Static_assert(USAGE_STREAMS == FIGURES_STREAMS + 1, "each stream has its users");

/* How several processes' figures become one, and so what they are to Prometheus. */
enum kind {
    TOTAL,  /* counts up; what has ended stays counted */
    SUM,    /* of the living */
    LARGEST,
    SMALLEST /* of those that know it */
};

/* One metric; a table ends at an entry without a name. */
struct family {
    const char *name; /* without "ssecgi_" */
    enum kind kind;
    size_t offset;
    size_t count; /* of words, one for each value of the label */
    const char *label;
    const char *const *values;
    const char *help;
};

static const char *const reject_reasons[FIGURES_REJECTS] = {
    [APP_REJECT_BAD_REQUEST] = "bad_request",
    [APP_REJECT_FORBIDDEN] = "forbidden",
    [APP_REJECT_NOT_FOUND] = "not_found",
    [APP_REJECT_METHOD] = "method",
    [APP_REJECT_GONE] = "gone",
    [APP_REJECT_TOO_LONG] = "too_long",
    [APP_REJECT_RATE] = "rate",
    [APP_REJECT_STORE] = "store",
    [APP_REJECT_MAX_STREAMS] = "busy_max_streams",
    [APP_REJECT_CHANNELS] = "busy_channels",
    [APP_REJECT_UNAVAILABLE] = "busy_unavailable",
    [APP_REJECT_MEMORY] = "busy_memory",
    [APP_REJECT_COUNT + GATE_REJECT_HEADER] = "header_too_large",
    [APP_REJECT_COUNT + GATE_REJECT_BODY] = "body_too_large",
    [APP_REJECT_COUNT + GATE_REJECT_NUL] = "nul_byte",
    [APP_REJECT_COUNT + GATE_REJECT_BROKEN] = "broken_fastcgi",
    [APP_REJECT_COUNT + GATE_REJECT_ROLE] = "role",
    [APP_REJECT_COUNT + GATE_REJECT_SLOW] = "too_slow",
};

static const char *const end_reasons[HUB_END_COUNT] = {
    [HUB_END_LEFT] = "left",       [HUB_END_FINISHED] = "finished",
    [HUB_END_ASKED] = "asked",     [HUB_END_STALLED] = "stalled",
    [HUB_END_MEMORY] = "memory",   [HUB_END_CLOSED] = "closed",
};

static const char *const answer_ends[USAGE_ENDS] = {
    [USAGE_COMPLETE] = "complete",
    [USAGE_FAILED] = "failed",
    [USAGE_CANCELLED] = "cancelled",
    [USAGE_INTERRUPTED] = "interrupted",
};

static const char *const reload_results[] = {"good", "refused"};

#define WORDS(member) offsetof(struct figures, member), sizeof(((struct figures *)0)->member) / 8

static const struct family process_families[] = {
    {"processes", SUM, WORDS(processes), NULL, NULL,
     "Processes whose figures these are."},
    {"draining_processes", SUM, WORDS(draining), NULL, NULL,
     "Processes that are ending their streams before they exit."},
    {"start_time_seconds", SMALLEST, WORDS(start_s), NULL, NULL,
     "When the oldest of the processes started, in seconds since 1970."},
    {"connections_total", TOTAL, WORDS(connections), NULL, NULL,
     "FastCGI connections that the web server opened."},
    {"requests_total", TOTAL, WORDS(requests), NULL, NULL,
     "Requests that came in whole."},
    {"rejected_total", TOTAL, WORDS(rejected), "reason", reject_reasons,
     "Requests that were answered with an error or with stream.busy, or not at all."},
    {"readers_ended_total", TOTAL, WORDS(ended), "reason", end_reasons,
     "Streams that ended: left by the reader, finished, asked to reconnect, stalled, out of memory, "
     "closed with the process."},
    {"gaps_total", TOTAL, WORDS(gaps), "reason", hub_gap_reasons,
     "stream.gap events; one that many readers get counts once."},
    {"config_reloads_total", TOTAL, WORDS(reloads), "result", reload_results,
     "Reloads of the configuration."},
    {"config_stale_processes", SUM, WORDS(stale), NULL, NULL,
     "Processes that run on with an old configuration because the last one was refused."},
    {"config_loaded_timestamp_seconds", LARGEST, WORDS(loaded_s), NULL, NULL,
     "When a process last loaded the configuration, in seconds since 1970."},
    {.name = NULL},
};

#define IN_STREAM(member) offsetof(struct figures_stream, member), 1, NULL, NULL

static const struct family stream_families[] = {
    {"readers", SUM, IN_STREAM(readers), "Readers now."},
    {"catching_up_readers", SUM, IN_STREAM(catching_up),
     "Readers that are being sent what is older than the events in memory."},
    {"source_lag_bytes", LARGEST, IN_STREAM(lag_bytes),
     "How much there is in the source that was not read yet."},
    {"streams_started_total", TOTAL, IN_STREAM(started), "Streams that began."},
    {"events_total", TOTAL, IN_STREAM(events),
     "Events that came in from the source, in each process that reads it."},
    {"history_events_total", TOTAL, IN_STREAM(history_events),
     "Events that were read again from the source, for one reader each."},
    {"sent_bytes_total", TOTAL, IN_STREAM(bytes), "Bytes of event streams sent to readers."},
    {"stream_gaps_total", TOTAL, IN_STREAM(gaps),
     "stream.gap events; one that many readers get counts once."},
    {"published_events_total", TOTAL, IN_STREAM(published), "Events that were published by POST."},
    {"refused_publishes_total", TOTAL, IN_STREAM(refused),
     "POSTs that were answered with an error: nothing was published, or nobody knows."},
    {.name = NULL},
};

#define IN_USAGE(member) \
    offsetof(struct usage_counts, member), sizeof(((struct usage_counts *)0)->member) / 8

static const struct family usage_families[] = {
    {"questions_total", TOTAL, IN_USAGE(questions), NULL, NULL,
     "Requests that are answered, or wait in the queue."},
    {"answers_total", TOTAL, IN_USAGE(ended), "result", answer_ends, "Answers that have ended."},
    {"prompt_tokens_total", TOTAL, IN_USAGE(prompt_tokens), NULL, NULL,
     "Tokens of questions, as the answering service tells."},
    {"completion_tokens_total", TOTAL, IN_USAGE(completion_tokens), NULL, NULL,
     "Tokens of answers, as the answering service tells, or the pieces that came."},
    {"answer_events_total", TOTAL, IN_USAGE(events), NULL, NULL, "Events of answers."},
    {"answer_bytes_total", TOTAL, IN_USAGE(bytes), NULL, NULL, "Bytes of data in these events."},
    {.name = NULL},
};

/* The last bucket has no end. */
static const struct {
    uint64_t ns;
    const char *text;
} bucket_ends[FIGURES_BUCKETS] = {
    {100000, "0.0001"},   {500000, "0.0005"},     {1000000, "0.001"},
    {5000000, "0.005"},   {10000000, "0.01"},     {50000000, "0.05"},
    {100000000, "0.1"},   {500000000, "0.5"},     {1000000000, "1"},
    {UINT64_MAX, "+Inf"},
};

/* --- records ------------------------------------------------------------------------------- */

size_t figures_len(const struct figures *f)
{
    return f->usage.count > 0 ? offsetof(struct figures, usage) + usage_len(&f->usage)
                              : offsetof(struct figures, streams) + f->stream_count * sizeof f->streams[0];
}

size_t figures_bucket(uint64_t ns)
{
    size_t i = 0;
    while (ns > bucket_ends[i].ns) {
        i++;
    }
    return i;
}

static struct figures_stream *find(struct figures *f, const char *name)
{
    for (size_t i = 0; i < f->stream_count; i++) {
        if (strcmp(f->streams[i].name, name) == 0) {
            return &f->streams[i];
        }
    }
    return NULL;
}

static struct figures_stream *make(struct figures *f, const char *name)
{
    assert(strlen(name) < sizeof f->streams[0].name);
    struct figures_stream *s = &f->streams[f->stream_count++];
    *s = (struct figures_stream){.readers = 0};
    memcpy(s->name, name, strlen(name) + 1);
    return s;
}

struct figures_stream *figures_find(struct figures *f, const char *name, int may_grow)
{
    struct figures_stream *s = find(f, name);
    if (s) {
        return s;
    }
    struct figures_stream *other = find(f, FIGURES_OTHER);
    size_t named = f->stream_count - (other != NULL);
    if (may_grow && named < FIGURES_STREAMS && strcmp(name, FIGURES_OTHER) != 0) {
        return make(f, name);
    }
    return other ? other : make(f, FIGURES_OTHER);
}

struct usage *figures_usage(struct figures *f, const struct figures_stream *s, const char *user)
{
    return usage_find(&f->usage, (uint64_t)(s - f->streams), user);
}

static uint64_t *word_at(void *record, const struct family *m, size_t i)
{
    return (uint64_t *)(void *)((char *)record + m->offset) + i;
}

static uint64_t word_of(const void *record, const struct family *m, size_t i)
{
    return *((const uint64_t *)(const void *)((const char *)record + m->offset) + i);
}

static void add_families(void *sum, const void *record, const struct family *table, int is_live)
{
    for (const struct family *m = table; m->name; m++) {
        for (size_t i = 0; i < m->count; i++) {
            uint64_t *to = word_at(sum, m, i);
            uint64_t from = word_of(record, m, i);
            if (m->kind == TOTAL || (is_live && m->kind == SUM)) {
                *to += from;
            } else if (is_live && from != 0
                       && (m->kind == LARGEST ? from > *to : *to == 0 || from < *to)) {
                *to = from;
            }
        }
    }
}

/* Streams have other indices in the sum. */
static void add_usage(struct figures *sum, const struct figures *f, size_t len, int may_grow)
{
    const size_t before = offsetof(struct figures, usage.list);
    size_t count = len > before ? (len - before) / sizeof f->usage.list[0] : 0;
    for (size_t i = 0; i < count && i < f->usage.count; i++) {
        const struct usage *u = &f->usage.list[i];
        const char *name = u->stream <= FIGURES_STREAMS && u->stream < f->stream_count
                               ? f->streams[u->stream].name
                               : NULL;
        if (name && memchr(name, '\0', sizeof f->streams[0].name)
            && memchr(u->user, '\0', sizeof u->user)) {
            struct figures_stream *s = figures_find(sum, name, may_grow);
            usage_add(&figures_usage(sum, s, u->user)->counts, &u->counts);
        }
    }
}

void figures_add(struct figures *sum, const void *record, size_t len, int is_live, int may_grow)
{
    const struct figures *f = record;
    if (len < offsetof(struct figures, streams)) {
        return;
    }
    add_families(sum, f, process_families, is_live);
    for (size_t i = 0; i < FIGURES_BUCKETS; i++) {
        sum->delays[i] += f->delays[i];
    }
    sum->delay_ns += f->delay_ns;
    size_t count = (len - offsetof(struct figures, streams)) / sizeof f->streams[0];
    for (size_t i = 0; i < count && i < f->stream_count && i <= FIGURES_STREAMS; i++) {
        const struct figures_stream *s = &f->streams[i];
        if (memchr(s->name, '\0', sizeof s->name)) {
            add_families(figures_find(sum, s->name, may_grow), s, stream_families, is_live);
        }
    }
    add_usage(sum, f, len, may_grow);
}

size_t figures_fold(void *sum, const void *record, size_t len)
{
    struct figures *f = sum;
    if (f->stream_count > FIGURES_STREAMS + 1) {
        f->stream_count = 0; /* no sum of ours */
    }
    usage_mend(&f->usage);
    figures_add(f, record, len, 0, 1);
    return figures_len(f);
}

/* --- text ---------------------------------------------------------------------------------- */

static int append_head(struct buf *out, const char *name, const char *type, const char *help)
{
    return buf_appendf(out, "# HELP ssecgi_%s %s\n# TYPE ssecgi_%s %s\n", name, help, name, type);
}

static const char *type_of(const struct family *m)
{
    return m->kind == TOTAL ? "counter" : "gauge";
}

static int append_label(struct buf *out, const char *label, const char *value)
{
    int rc = buf_appendf(out, "%s=\"", label);
    for (const char *at = value; *at && !rc; at++) {
        rc = *at == '\n'                ? buf_append_str(out, "\\n")
             : *at == '"' || *at == '\\' ? buf_appendf(out, "\\%c", *at)
                                         : buf_append_char(out, *at);
    }
    return rc ? rc : buf_append_char(out, '"');
}

static int append_sample(struct buf *out, const char *name, const char *label, const char *value,
                         uint64_t number)
{
    int rc = buf_appendf(out, "ssecgi_%s", name);
    if (!rc && label) {
        rc = buf_append_char(out, '{');
        rc = rc ? rc : append_label(out, label, value);
        rc = rc ? rc : buf_append_char(out, '}');
    }
    return rc ? rc : buf_appendf(out, " %" PRIu64 "\n", number);
}

static int append_process(struct buf *out, const struct figures *f)
{
    int rc = 0;
    for (const struct family *m = process_families; m->name && !rc; m++) {
        rc = append_head(out, m->name, type_of(m), m->help);
        for (size_t i = 0; i < m->count && !rc; i++) {
            rc = append_sample(out, m->name, m->label, m->label ? m->values[i] : NULL,
                               word_of(f, m, i));
        }
    }
    return rc;
}

static int append_streams(struct buf *out, const struct figures *f)
{
    int rc = 0;
    for (const struct family *m = stream_families; m->name && !rc; m++) {
        rc = append_head(out, m->name, type_of(m), m->help);
        for (size_t i = 0; i < f->stream_count && !rc; i++) {
            rc = append_sample(out, m->name, "stream", f->streams[i].name,
                               word_of(&f->streams[i], m, 0));
        }
    }
    return rc;
}

static int append_user(struct buf *out, const struct figures *f, const struct usage *u,
                       const struct family *m)
{
    int rc = 0;
    for (size_t i = 0; i < m->count && !rc; i++) {
        rc = buf_appendf(out, "ssecgi_%s{", m->name);
        rc = rc ? rc : append_label(out, "stream", f->streams[u->stream].name);
        rc = rc ? rc : buf_append_char(out, ',');
        rc = rc ? rc : append_label(out, "user", u->user);
        if (!rc && m->label) {
            rc = buf_append_char(out, ',');
            rc = rc ? rc : append_label(out, m->label, m->values[i]);
        }
        rc = rc ? rc : buf_appendf(out, "} %" PRIu64 "\n", word_of(&u->counts, m, i));
    }
    return rc;
}

static int append_usage(struct buf *out, const struct figures *f)
{
    int rc = 0;
    for (const struct family *m = usage_families; m->name && !rc; m++) {
        rc = append_head(out, m->name, type_of(m), m->help);
        for (size_t i = 0; i < f->usage.count && !rc; i++) {
            rc = append_user(out, f, &f->usage.list[i], m);
        }
    }
    return rc;
}

static int append_delays(struct buf *out, const struct figures *f)
{
    static const char name[] = "loop_delay_seconds";
    uint64_t count = 0;
    int rc = append_head(out, name, "histogram",
                         "How long turns of the event loop took, waiting left out.");
    for (size_t i = 0; i < FIGURES_BUCKETS && !rc; i++) {
        count += f->delays[i];
        rc = buf_appendf(out, "ssecgi_%s_bucket{le=\"%s\"} %" PRIu64 "\n", name,
                         bucket_ends[i].text, count);
    }
    const uint64_t second = 1000000000;
    return rc ? rc
              : buf_appendf(out, "ssecgi_%s_sum %" PRIu64 ".%09" PRIu64 "\nssecgi_%s_count %" PRIu64
                                 "\n", name, f->delay_ns / second, f->delay_ns % second, name, count);
}

int figures_text(const struct figures *f, int is_whole, struct buf *out)
{
    int rc = append_head(out, "build_info", "gauge", "The version that answers.");
    if (!rc) {
        rc = append_sample(out, "build_info", "version", SSECGI_VERSION, 1);
    }
    if (!rc) {
        rc = append_head(out, "scoreboard_up", "gauge",
                         "1: the figures of all processes of this configuration; 0: of one only.");
    }
    if (!rc) {
        rc = append_sample(out, "scoreboard_up", NULL, NULL, (uint64_t)is_whole);
    }
    rc = rc ? rc : append_process(out, f);
    rc = rc ? rc : append_delays(out, f);
    rc = rc ? rc : append_streams(out, f);
    return rc ? rc : append_usage(out, f);
}

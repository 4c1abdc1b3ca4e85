/* SPDX-License-Identifier: MIT */
/* judge_time: findings from when things came in a stream that was watched. */
#include "ctl/judge.h"

#include "base/num.h"
#include "ctl/advice.h"
#include "ctl/report.h"
#include "ctl/server.h"

#include <string.h>

#define TIME_ID_DIGITS 13 /* milliseconds since 1970, for the next two centuries */
#define BURST_EVENTS 3

static double seconds(int64_t ms)
{
    return (double)ms / 1000.0;
}

/* The longest silence between two things that came; 0 for fewer. */
static int64_t longest_gap(const struct ctl_trace *t)
{
    int64_t longest = 0;
    for (size_t i = 1; i < t->item_count; i++) {
        int64_t gap = t->items[i].at_ms - t->items[i - 1].at_ms;
        longest = gap > longest ? gap : longest;
    }
    return longest;
}

/* ssecgi heartbeats when its channel has been quiet for so long, which may have begun before we
 * came: only what follows an event or another heartbeat tells the interval. -1 unknown. */
static int64_t heartbeat_ms(const struct ctl_trace *t)
{
    for (size_t i = 1; i < t->item_count; i++) {
        enum ctl_item_kind before = t->items[i - 1].item.kind;
        if (t->items[i].item.kind == CTL_COMMENT
            && (before == CTL_COMMENT || before == CTL_EVENT)) {
            return t->items[i].at_ms - t->items[i - 1].at_ms;
        }
    }
    return -1;
}

/* ssecgi's last word in a stream that it ends. */
static int is_own_end(const struct ctl_trace *t)
{
    return t->item_count > 2 && t->items[t->item_count - 1].item.kind == CTL_RETRY;
}

static int is_finished(const struct ctl_trace *t)
{
    const struct ctl_timed *last = t->item_count ? &t->items[t->item_count - 1] : NULL;
    return last && last->item.kind == CTL_EVENT && strcmp(last->item.name, "stream.end") == 0;
}

static void judge_cut(struct ctl_report *r, const struct ctl_trace *t,
                      const struct ctl_server *server)
{
    /* Not since the last byte: mod_fcgid puts an error page behind a stream that it has cut. */
    int64_t silence = t->end_ms - (t->item_count ? t->items[t->item_count - 1].at_ms : t->head_ms);
    if (silence >= CTL_SILENCE_MS && silence >= longest_gap(t)) {
        ctl_report_add(
            r, "quiet", CTL_WRONG,
            "cut after %.1f s without a byte, %.1f s after it began: a time-out for quiet "
            "streams, shorter than the heartbeat",
            seconds(silence), seconds(t->end_ms));
        ctl_advise(r, CTL_QUIET_CUT, server);
        ctl_report_todo(r, "or ssecgi.json: \"heartbeat_s\" below %.1f (0 switches heartbeats off)",
                        seconds(silence));
        return;
    }
    ctl_report_add(
        r, "quiet", CTL_WRONG,
        "cut after %.1f s, though it was not silent for longer than before: a limit on a "
        "stream's life, or something was restarted",
        seconds(t->end_ms));
    ctl_advise(r, CTL_LIFE_CUT, server);
}

static void judge_survival(struct ctl_report *r, const struct ctl_trace *t, int64_t limit_ms)
{
    int64_t every = heartbeat_ms(t);
    if (every >= 0) {
        ctl_report_add(r, "quiet", CTL_OK, "not cut in %.0f s; heartbeats every %.1f s",
                       seconds(t->end_ms), seconds(every));
    } else if (t->counts[CTL_COMMENT] > 0) {
        ctl_report_add(r, "quiet", CTL_OK, "not cut in %.0f s; heartbeats come",
                       seconds(t->end_ms));
    } else if (t->counts[CTL_EVENT] > 0) {
        ctl_report_add(r, "quiet", CTL_OK,
                       "not cut in %.0f s; %zu events and no time for a heartbeat: "
                       "only a quiet stream shows a time-out for such",
                       seconds(t->end_ms), t->counts[CTL_EVENT]);
    } else {
        ctl_report_add(r, "quiet", CTL_NOTE,
                       "not cut, but neither an event nor a heartbeat in %.0f s",
                       seconds(limit_ms));
        ctl_report_todo(r,
                        "ssecgi.json: \"heartbeat_s\" (default 15) keeps quiet streams alive and "
                        "finds readers that have left");
    }
}

void ctl_judge_watch(struct ctl_report *r, const struct ctl_trace *t, int64_t limit_ms,
                     const struct ctl_server *server)
{
    if (ctl_judge_lost(r, "quiet", t, server)) {
        return;
    }
    if (!ctl_trace_is_stream(t)) {
        ctl_report_add(r, "quiet", CTL_WRONG, "this time no stream began, but status %ld came",
                       t->status);
    } else if (t->end == CTL_END_OURS) {
        judge_survival(r, t, limit_ms);
    } else if (is_finished(t)) {
        ctl_report_add(r, "quiet", CTL_OK, "the stream is finished (stream.end)");
    } else if (is_own_end(t)) {
        ctl_report_add(r, "quiet", CTL_NOTE,
                       "ssecgi ended it after %.1f s (max_stream_age_s, or it was "
                       "told to end); readers resume",
                       seconds(t->end_ms));
        if (server->kind == CTL_SERVER_APACHE) { /* mod_fcgid tells it so, by SIGTERM */
            ctl_advise(r, CTL_LIFE_CUT, server);
        }
    } else {
        judge_cut(r, t, server);
    }
}

/* The time in an id of the sources clock and price: "1795276367000", "1795276367000.2". */
static int time_of(const struct ctl_item *item, int64_t *out_ms)
{
    size_t len = strcspn(item->id, ".");
    return len == TIME_ID_DIGITS && num_parse_i64(item->id, len, 0, INT64_MAX, out_ms) == 0;
}

void ctl_judge_rhythm(struct ctl_report *r, const struct ctl_trace *t,
                      const struct ctl_server *server)
{
    int64_t least = 0;
    int64_t most = 0;
    int64_t due;
    size_t count = 0;
    size_t burst = 0;
    size_t biggest = 0;
    for (size_t i = 0; i < t->item_count; i++) {
        const struct ctl_timed *e = &t->items[i];
        if (e->item.kind != CTL_EVENT || strncmp(e->item.name, "stream.", 7) == 0
            || !time_of(&e->item, &due)) {
            continue;
        }
        int64_t late = e->at_ms - due; /* their clock is not ours: only differences count */
        least = count == 0 || late < least ? late : least;
        most = count == 0 || late > most ? late : most;
        burst = i > 0 && t->items[i - 1].at_ms == e->at_ms ? burst + 1 : 1;
        biggest = burst > biggest ? burst : biggest;
        count++;
    }
    if (count < BURST_EVENTS) {
        return;
    }
    if (most - least >= CTL_BURST_MS && biggest >= BURST_EVENTS) {
        ctl_report_add(r, "rhythm", CTL_WRONG,
                       "events come in bursts of up to %zu, some %.1f s later than "
                       "others: they are held back until a buffer is full",
                       biggest, seconds(most - least));
        ctl_advise(r, CTL_BUFFERED, server);
        return;
    }
    ctl_report_add(r, "rhythm", CTL_OK, "%zu events, none more than %.2f s later than another",
                   count, seconds(most - least));
}

void ctl_judge_format(struct ctl_report *r, const struct ctl_trace *t)
{
    if (t->parser.odd_lines > 0) {
        ctl_report_add(r, "format", CTL_NOTE,
                       "%zu lines that an EventSource skips or mends; the first: %s",
                       t->parser.odd_lines, t->parser.odd);
    }
}

/* SPDX-License-Identifier: MIT */
/* doctor: the order in which a deployed stream is asked, and what is made of the answers. */
#include "ctl/doctor.h"

#include "ctl/advice.h"
#include "ctl/judge.h"
#include "ctl/trace.h"

#include <stdio.h>
#include <string.h>

#define GRACE_MS 1000 /* what follows the first byte of a stream at once, follows within this */
#define BUSY_MS 10000 /* a stream with so many events in this time is not quiet, */
#define BUSY_EVENTS 5 /* and no longer watch makes it so */
#define HEARTBEATS 2  /* tell the interval */
#define TRACE_ID_HEADER "Last-Event-ID: "

/* For one answer. */
static int64_t limit_ms(const struct ctl_doctor *d)
{
    return d->flags->access.timeout_ms;
}

/* --- asking ---------------------------------------------------------------------------------- */

int ctl_doctor_ask(struct ctl_doctor *d, const char *method, const char *url, const char *header,
                   const char *header2, int64_t limit_ms,
                   int (*is_enough)(const struct ctl_trace *t, int64_t now_ms, const void *ctx),
                   struct ctl_trace *out)
{
    struct ctl_request request = {.method = method,
                                  .url = url,
                                  .headers = {header, header2, NULL},
                                  .is_identity = d->is_identity,
                                  .limit_ms = limit_ms,
                                  .is_enough = is_enough,
                                  .ctx = d};
    ctl_trace_init(out);
    return ctl_fetch(&d->flags->access, &request, out, &d->err);
}

int ctl_doctor_has_begun(const struct ctl_trace *t, int64_t now_ms, const void *ctx)
{
    (void)ctx;
    if (t->head_ms == CTL_NEVER || !ctl_trace_is_stream(t)) {
        return t->status / 100 == 3 && t->head_ms != CTL_NEVER;
    }
    return ctl_trace_find(t, CTL_ID, 0) || ctl_trace_find(t, CTL_EVENT, 0)
           || (t->first_ms != CTL_NEVER && now_ms - t->first_ms >= GRACE_MS);
}

/* Enough: what ssecgi says to a Last-Event-ID has come, or would have. */
static int has_spoken(const struct ctl_trace *t, int64_t now_ms, const void *ctx)
{
    (void)ctx;
    return ctl_trace_is_stream(t)
           && (ctl_trace_find(t, CTL_EVENT, 0)
               || (t->first_ms != CTL_NEVER && now_ms - t->first_ms >= GRACE_MS));
}

static int has_shown_enough(const struct ctl_trace *t, int64_t now_ms, const void *ctx)
{
    const struct ctl_doctor *d = ctx;
    if (t->head_ms == CTL_NEVER) {
        return now_ms >= limit_ms(d);
    }
    if (!ctl_trace_is_stream(t) || now_ms - t->head_ms >= d->flags->quiet_ms) {
        return 1;
    }
    return !d->flags->has_quiet
           && (t->counts[CTL_COMMENT] >= HEARTBEATS
               || (now_ms >= BUSY_MS && t->counts[CTL_EVENT] >= BUSY_EVENTS));
}

/* --- printing -------------------------------------------------------------------------------- */

/* People see each finding as soon as it is made. */
static int show(struct ctl_doctor *d)
{
    struct buf out;
    if (d->flags->is_json) {
        return 0;
    }
    buf_init(&out, CTL_REPORT_MAX);
    int rc = ctl_report_text(&d->report, d->shown, &out);
    d->shown = d->report.count;
    if (!rc
        && (fwrite(out.data ? out.data : "", 1, out.len, stdout) != out.len || fflush(stdout))) {
        rc = err_set(&d->err, ERR_IO, "the report cannot be written");
    }
    buf_fini(&out);
    return rc;
}

static int show_end(struct ctl_doctor *d)
{
    char url[CTL_URL_SIZE];
    struct buf out;
    buf_init(&out, CTL_REPORT_MAX);
    int rc = show(d);
    rc = rc ? rc : ctl_url_show(d->url, url);
    if (!rc && d->flags->is_json) {
        rc = ctl_report_json(&d->report, url, d->server.name, &out);
    } else if (!rc) {
        rc = ctl_report_sum(&d->report, &out);
    }
    if (!rc && (fwrite(out.data, 1, out.len, stdout) != out.len || fflush(stdout))) {
        rc = err_set(&d->err, ERR_IO, "the report cannot be written");
    }
    buf_fini(&out);
    return rc;
}

/* --- the examination ------------------------------------------------------------------------- */

static int has_credentials(const struct ctl_flags *f)
{
    return f->access.user || f->access.netrc;
}

/* Follows a redirect as EventSource does (301, 302, 303, 307, 308), but never shows a password to
 * another server. 1 when there is a new d->url. */
static int follow(struct ctl_doctor *d, const struct ctl_trace *t, int count)
{
    char location[CTL_URL_SIZE];
    char to[CTL_URL_SIZE];
    char shown[CTL_URL_SIZE];
    if (t->status / 100 != 3 || !ctl_trace_header(t, "Location", location, sizeof location)
        || ctl_url_follow(d->url, location, to) || ctl_url_show(to, shown)) {
        return 0;
    }
    if (!ctl_url_is_same_server(d->url, to) || count == CTL_REDIRECTS_MAX) {
        ctl_report_add(&d->report, "redirect", CTL_WRONG, "status %ld leads to %.300s", t->status,
                       shown);
        ctl_report_todo(&d->report,
                        count == CTL_REDIRECTS_MAX
                            ? "there are too many of them, or they go round in circles"
                            : "another server: give pages that address, and run this on it");
        return 0;
    }
    ctl_report_add(&d->report, "redirect", CTL_NOTE,
                   "status %ld leads to %.300s, at each reconnect "
                   "anew: give pages that address",
                   t->status, shown);
    memcpy(d->url, to, strlen(to) + 1);
    return 1;
}

/* The first stream, after redirects. 1 when there is one to examine. */
static int open_first(struct ctl_doctor *d, struct ctl_trace *first)
{
    for (int count = 0;; count++) {
        if (ctl_doctor_ask(d, "GET", d->url, NULL, NULL, limit_ms(d), ctl_doctor_has_begun,
                           first)) {
            return 0;
        }
        if (!follow(d, first, count)) {
            break;
        }
        ctl_trace_fini(first);
    }
    ctl_server_read(&d->server, first);
    d->has_server = first->head_ms != CTL_NEVER;
    if (ctl_report_count(&d->report, CTL_WRONG) > 0) { /* a redirect that is not followed */
        return 0;
    }
    if (first->head_ms == CTL_NEVER && first->end == CTL_END_OURS) {
        return 1; /* it was sent, and not even a head came: held back */
    }
    if (!ctl_judge_answer(&d->report, first, &d->server, has_credentials(d->flags))) {
        if (first->status == 404 || (first->status == 200 && !ctl_trace_is_stream(first))) {
            ctl_doctor_searches(d);
        }
        return 0;
    }
    return 1;
}

static void judge_query(struct ctl_doctor *d, const struct ctl_trace *t)
{
    if (t->head_ms != CTL_NEVER && !d->has_server) {
        ctl_server_read(&d->server, t);
        d->has_server = 1;
    }
    if (t->head_ms != CTL_NEVER && !ctl_trace_is_stream(t)) {
        d->plain_ms = t->head_ms;
    }
    if (ctl_judge_is_refusal(t)) {
        d->is_ssecgi = 1;
        ctl_report_add(&d->report, "query", CTL_OK, "arrives");
    } else if (!d->is_ssecgi) {
        ctl_report_add(&d->report, "query", CTL_NOTE,
                       "this does not look like a stream of ssecgi: what "
                       "only it answers is not checked");
    } else if (!ctl_judge_lost(&d->report, "query", t, &d->server)) {
        ctl_report_add(
            &d->report, "query", CTL_WRONG,
            "does not reach ssecgi: a parameter that it refuses gave status %ld, not 400",
            t->status);
        ctl_advise(&d->report, CTL_QUERY_DROPPED, &d->server);
    }
}

/* Asks with a parameter that ssecgi refuses: does the query arrive, and is it ssecgi? */
static int examine_query(struct ctl_doctor *d)
{
    char url[CTL_URL_SIZE];
    struct ctl_trace t;
    if (ctl_url_add(d->url, "from=%20", url)) {
        return err_set(&d->err, ERR_LIMIT, "the URL is too long");
    }
    int rc = ctl_doctor_ask(d, "GET", url, NULL, NULL, limit_ms(d), ctl_doctor_has_begun, &t);
    if (!rc) {
        judge_query(d, &t);
    }
    ctl_trace_fini(&t);
    return rc;
}

static void note_opening(struct ctl_doctor *d, const struct ctl_trace *t)
{
    if (t->first_ms != CTL_NEVER && (d->opening_ms == CTL_NEVER || t->first_ms < d->opening_ms)) {
        d->opening_ms = t->first_ms;
    }
}

static int examine_resume(struct ctl_doctor *d)
{
    char header[sizeof TRACE_ID_HEADER + CTL_ID_SIZE];
    struct ctl_trace strange;
    struct ctl_trace known;
    if (!d->is_ssecgi) {
        return 0;
    }
    int rc = ctl_doctor_ask(d, "GET", d->url, TRACE_ID_HEADER CTL_STRANGE_ID, NULL, limit_ms(d),
                            has_spoken, &strange);
    snprintf(header, sizeof header, "%s%s", TRACE_ID_HEADER, d->first_id);
    ctl_trace_init(&known);
    if (!rc) {
        ctl_trace_fini(&known);
        rc = ctl_doctor_ask(d, "GET", d->url, header, NULL, limit_ms(d), ctl_doctor_has_begun,
                            &known);
    }
    if (!rc) {
        note_opening(d, &strange);
        note_opening(d, &known);
        ctl_judge_resume(&d->report, &strange, &known, d->first_id, &d->server);
    }
    ctl_trace_fini(&strange);
    ctl_trace_fini(&known);
    return rc;
}

static int examine_cors(struct ctl_doctor *d)
{
    char origin[CTL_TEXT_SIZE];
    struct ctl_trace get;
    struct ctl_trace preflight;
    if (!d->flags->origin) {
        return 0;
    }
    snprintf(origin, sizeof origin, "Origin: %s", d->flags->origin);
    int rc =
        ctl_doctor_ask(d, "GET", d->url, origin, NULL, limit_ms(d), ctl_doctor_has_begun, &get);
    ctl_trace_init(&preflight);
    if (!rc) {
        ctl_trace_fini(&preflight);
        rc = ctl_doctor_ask(d, "OPTIONS", d->url, origin, "Access-Control-Request-Method: GET",
                            limit_ms(d), NULL, &preflight);
    }
    if (!rc) {
        ctl_judge_cors(&d->report, &get, &preflight, d->flags->origin);
    }
    ctl_trace_fini(&get);
    ctl_trace_fini(&preflight);
    return rc;
}

static int examine_life(struct ctl_doctor *d)
{
    struct ctl_trace t;
    if (d->flags->quiet_ms == 0) {
        return 0;
    }
    int rc = ctl_doctor_ask(d, "GET", d->url, NULL, NULL, limit_ms(d) + d->flags->quiet_ms,
                            has_shown_enough, &t);
    if (!rc) {
        note_opening(d, &t);
        ctl_judge_rhythm(&d->report, &t, &d->server);
        ctl_judge_watch(&d->report, &t, d->flags->quiet_ms, &d->server);
        ctl_judge_format(&d->report, &t);
    }
    ctl_trace_fini(&t);
    return rc;
}

/* Several streams began: none of them soon? */
static void examine_lateness(struct ctl_doctor *d)
{
    if (d->plain_ms == CTL_NEVER || d->opening_ms == CTL_NEVER) {
        return;
    }
    int64_t late = d->opening_ms - d->plain_ms;
    if (late < CTL_LATE_MS) {
        ctl_report_add(&d->report, "promptness", CTL_OK,
                       "a stream begins %lld ms after the request", (long long)d->opening_ms);
        return;
    }
    ctl_report_add(&d->report, "promptness", CTL_NOTE,
                   "a stream begins %lld ms after the request, while "
                   "another answer takes %lld ms: each piece may wait "
                   "for more",
                   (long long)d->opening_ms, (long long)d->plain_ms);
    ctl_advise(&d->report, CTL_LATE, &d->server);
}

/* The first stream began at once, or the reason why not is known and kept away. */
static int examine_rest(struct ctl_doctor *d)
{
    int rc = show(d);
    rc = rc ? rc : examine_resume(d);
    rc = rc ? rc : examine_cors(d);
    rc = rc ? rc : show(d);
    if (rc) {
        return rc;
    }
    examine_lateness(d);
    rc = show(d);
    return rc ? rc : examine_life(d);
}

static void note_first(struct ctl_doctor *d, const struct ctl_trace *first)
{
    const struct ctl_timed *id = ctl_trace_find(first, CTL_ID, 0);
    note_opening(d, first);
    d->is_ssecgi = ctl_judge_is_ssecgi(first);
    if (id) {
        memcpy(d->first_id, id->item.id, sizeof d->first_id);
    }
    if (first->head_ms != CTL_NEVER) {
        ctl_judge_head(&d->report, first, &d->server);
        ctl_judge_version(&d->report, first, &d->server, ctl_url_is_tls(d->url),
                          ctl_fetch_has_http2());
    }
}

static int examine(struct ctl_doctor *d)
{
    struct ctl_trace first;
    if (!open_first(d, &first)) {
        ctl_trace_fini(&first);
        return d->err.code;
    }
    note_first(d, &first);
    int goes_on = 1;
    int rc = show(d);
    rc = rc ? rc : examine_query(d);
    int64_t waited = first.first_ms - (d->plain_ms > 0 ? d->plain_ms : 0);
    if (!rc && (first.first_ms == CTL_NEVER || waited >= CTL_HELD_MS)) {
        goes_on = ctl_doctor_held(d, &first);
        rc = d->err.code;
    } else if (!rc) {
        ctl_report_add(&d->report, "buffering", CTL_OK, "the beginning arrives at once");
    }
    ctl_trace_fini(&first);
    return rc || !goes_on ? rc : examine_rest(d);
}

int ctl_doctor_run(const struct ctl_flags *flags)
{
    struct ctl_doctor d = {.flags = flags, .plain_ms = CTL_NEVER, .opening_ms = CTL_NEVER};
    memcpy(d.url, flags->url, sizeof d.url);
    int rc = examine(&d);
    rc = rc ? rc : show_end(&d);
    if (rc) {
        fprintf(stderr, "ssecgi-ctl: %s\n", d.err.text[0] ? d.err.text : "out of memory");
    }
    int is_well = !rc && ctl_report_count(&d.report, CTL_WRONG) == 0 && !d.report.is_incomplete;
    ctl_report_fini(&d.report);
    return is_well ? CTL_EXIT_GOOD : CTL_EXIT_WRONG;
}

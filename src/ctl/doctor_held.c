/* SPDX-License-Identifier: MIT */
/* doctor_held: why a stream does not begin, and at which size what holds it back lets go; and where
 * ssecgi is, when it is not here. */
#include "ctl/doctor.h"

#include "ctl/advice.h"
#include "ctl/judge.h"
#include "ctl/trace.h"

#include <stdio.h>
#include <string.h>

#define PUSH_FIRST 16 /* events asked for, to fill a buffer */
#define PUSH_FACTOR 4
#define PUSH_LAST 65536
#define PUSH_WAIT_MS 1500 /* for each of them */
#define PUSH_QUIET_MS 500 /* nothing more comes after so long */
#define NAMES_MAX 8       /* streams that are named */

/* Enough: something was let go, and no more follows. */
static int has_let_go(const struct ctl_trace *t, int64_t now_ms, const void *ctx)
{
    (void)ctx;
    return t->first_ms != CTL_NEVER && now_ms - t->last_ms >= PUSH_QUIET_MS;
}

static void say_released(struct ctl_doctor *d, const struct ctl_trace *t, unsigned last)
{
    char encoding[32];
    size_t each = t->body_bytes / (t->counts[CTL_EVENT] + 1); /* the last one may have been cut */
    size_t least = last > PUSH_FIRST ? each * (last / PUSH_FACTOR) : 0;
    if (t->end == CTL_END_WHOLE || t->end == CTL_END_CUT) {
        ctl_report_add(&d->report, "buffer-size", CTL_NOTE,
                       "%zu bytes arrived when the stream had ended", t->body_bytes);
    } else {
        ctl_report_add(
            &d->report, "buffer-size", CTL_NOTE,
            "it lets go between %zu and %zu bytes: ?last=%u brought %zu bytes of %zu events",
            least < t->body_bytes ? least : 0, t->body_bytes, last, t->body_bytes,
            t->counts[CTL_EVENT]);
    }
    if (ctl_trace_header(t, "Content-Encoding", encoding, sizeof encoding)) {
        ctl_report_add(&d->report, "compression", CTL_NOTE,
                       "what it let go was compressed (%s): that may be what holds it back",
                       encoding);
        ctl_advise(&d->report, CTL_COMPRESSED, &d->server);
    }
}

/* Pushes more and more history into it. */
static int find_size(struct ctl_doctor *d)
{
    char parameter[32];
    char url[CTL_URL_SIZE];
    int64_t wait_ms =
        d->flags->access.timeout_ms < PUSH_WAIT_MS ? d->flags->access.timeout_ms : PUSH_WAIT_MS;
    int rc = 0;
    for (unsigned last = PUSH_FIRST; !rc && last <= PUSH_LAST; last *= PUSH_FACTOR) {
        struct ctl_trace t;
        snprintf(parameter, sizeof parameter, "last=%u", last);
        if (ctl_url_add(d->url, parameter, url)) {
            return err_set(&d->err, ERR_LIMIT, "the URL is too long");
        }
        rc = ctl_doctor_ask(d, "GET", url, NULL, NULL, wait_ms, has_let_go, &t);
        int has_come = !rc && t.head_ms != CTL_NEVER && t.first_ms != CTL_NEVER;
        if (has_come && ctl_trace_is_stream(&t)) {
            say_released(d, &t, last);
        }
        ctl_trace_fini(&t);
        if (has_come) {
            return rc;
        }
    }
    if (!rc) {
        ctl_report_add(&d->report, "buffer-size", CTL_NOTE,
                       "nothing was let go, not even with ?last=%u: the "
                       "whole answer is held, or there is less history "
                       "than fits the buffer",
                       PUSH_LAST);
    }
    return rc;
}

/* 1 when the stream begins soon, asked for with or without compression. */
static int begins(struct ctl_doctor *d, int is_identity)
{
    struct ctl_trace t;
    d->is_identity = is_identity;
    int rc = ctl_doctor_ask(d, "GET", d->url, NULL, NULL, d->flags->access.timeout_ms,
                            ctl_doctor_has_begun, &t);
    int is_soon =
        !rc && ctl_trace_is_stream(&t) && t.first_ms != CTL_NEVER && t.first_ms < CTL_HELD_MS;
    if (is_soon) {
        const struct ctl_timed *id = ctl_trace_find(&t, CTL_ID, 0);
        d->opening_ms = t.first_ms;
        d->is_ssecgi = d->is_ssecgi || ctl_judge_is_ssecgi(&t);
        if (id) {
            memcpy(d->first_id, id->item.id, sizeof d->first_id);
        }
    }
    d->is_identity = is_identity && is_soon;
    ctl_trace_fini(&t);
    return is_soon;
}

/* 1 when a HEAD for the stream is answered with its head. */
static int answers_head(struct ctl_doctor *d, long *status)
{
    struct ctl_trace t;
    int rc = ctl_doctor_ask(d, "HEAD", d->url, NULL, NULL, d->flags->access.timeout_ms, NULL, &t);
    int answers = !rc && t.head_ms != CTL_NEVER;
    if (answers) {
        *status = t.status;
        if (!d->has_server) {
            ctl_server_read(&d->server, &t);
        }
    }
    ctl_trace_fini(&t);
    return answers;
}

static void say_held(struct ctl_doctor *d, const struct ctl_trace *first)
{
    double waited = (double)d->flags->access.timeout_ms / 1000.0;
    if (first->first_ms != CTL_NEVER) {
        ctl_report_add(
            &d->report, "buffering", CTL_WRONG,
            "the stream is held back: its first bytes came after %.1f s, when %zu had gathered",
            (double)first->first_ms / 1000.0, first->body_bytes);
    } else if (first->head_ms != CTL_NEVER) {
        ctl_report_add(&d->report, "buffering", CTL_WRONG,
                       "the stream is held back: its head came, and nothing of it in %.0f s",
                       waited);
    } else {
        ctl_report_add(
            &d->report, "buffering", CTL_WRONG,
            "the stream is held back: not even its head came in %.0f s, while other answers do",
            waited);
    }
}

/* A stream began when it was asked for without compression. Answers whether to go on. */
static int blame_compression(struct ctl_doctor *d)
{
    if (begins(d, 0)) {
        ctl_report_add(&d->report, "buffering", CTL_NOTE,
                       "the first stream began late or never, others at "
                       "once: a process may have been started");
        return 1;
    }
    if (d->err.code) {
        return 0;
    }
    d->is_identity = 1;
    ctl_report_add(&d->report, "compression", CTL_WRONG,
                   "compression holds the stream back: without it, it begins at once");
    ctl_advise(&d->report, CTL_COMPRESSED, &d->server);
    return 1;
}

int ctl_doctor_held(struct ctl_doctor *d, const struct ctl_trace *first)
{
    long status = 0;
    int is_alive = d->plain_ms != CTL_NEVER || answers_head(d, &status);
    if (d->err.code) {
        return 0;
    }
    if (first->head_ms == CTL_NEVER && !is_alive) {
        ctl_report_add(&d->report, "answer", CTL_WRONG,
                       "the server takes the request and never answers: "
                       "the back end hangs, or is not there");
        ctl_advise(&d->report, CTL_NO_BACK_END, &d->server);
        return 0;
    }
    if (first->head_ms != CTL_NEVER && !d->is_ssecgi) {
        ctl_report_add(&d->report, "buffering", CTL_NOTE,
                       "nothing came: the stream is quiet, or is held back");
        return 1;
    }
    if (begins(d, 1)) {
        return blame_compression(d);
    }
    if (d->err.code) {
        return 0;
    }
    say_held(d, first);
    ctl_advise(&d->report, CTL_BUFFERED, &d->server);
    if (d->is_ssecgi && find_size(d)) {
        return 0;
    }
    ctl_report_add(&d->report, "not-checked", CTL_NOTE,
                   "Last-Event-ID and time-outs: run this again when "
                   "the stream arrives");
    return 0;
}

/* --- where ssecgi is ------------------------------------------------------------------------ */

/* The names in ssecgi's list, which is JSON of its own making: "name":"app". */
static void read_names(const struct ctl_trace *t, char *out, size_t size)
{
    static const char key[] = "\"name\":\"";
    const char *at = t->body.data;
    size_t left = t->body.len;
    size_t used = 0;
    *out = '\0';
    for (int count = 0; at && count < NAMES_MAX; count++) {
        const char *found = memmem(at, left, key, sizeof key - 1);
        if (!found) {
            return;
        }
        const char *name = found + sizeof key - 1;
        left -= (size_t)(name - at);
        at = name;
        const char *end = memchr(at, '"', left);
        size_t len = end ? (size_t)(end - name) : 0;
        if (len == 0 || used + len + 3 > size) {
            return;
        }
        used +=
            (size_t)snprintf(out + used, size - used, "%s%.*s", used ? ", " : "", (int)len, name);
    }
}

/* 1 when ssecgi lists its streams there. */
static int lists(struct ctl_doctor *d, const char *folder)
{
    static const char begin[] = "{\"streams\":"; /* as nothing else begins */
    char names[256];
    char shown[CTL_URL_SIZE];
    struct ctl_trace t;
    int rc = ctl_doctor_ask(d, "GET", folder, NULL, NULL, d->flags->access.timeout_ms, NULL, &t);
    int is_list = !rc && t.status == 200 && t.body.len >= sizeof begin - 1
                  && memcmp(t.body.data, begin, sizeof begin - 1) == 0;
    if (is_list && ctl_url_show(folder, shown) == 0) {
        read_names(&t, names, sizeof names);
        ctl_report_todo(&d->report, "ssecgi answers at %.200s with the streams: %s", shown, names);
    }
    ctl_trace_fini(&t);
    return is_list;
}

void ctl_doctor_searches(struct ctl_doctor *d)
{
    char folder[CTL_URL_SIZE];
    char usual[CTL_URL_SIZE];
    if (ctl_url_folder(d->url, folder) || lists(d, folder) || d->err.code) {
        return;
    }
    if (ctl_url_follow(d->url, "/events/", usual) == 0 && strcmp(usual, folder) != 0) {
        lists(d, usual);
    }
}

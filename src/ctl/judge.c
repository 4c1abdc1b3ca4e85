/* SPDX-License-Identifier: MIT */
/* judge: findings from traces: the answer, its headers, and what of a request arrives. */
#include "ctl/judge.h"

#include "ctl/advice.h"
#include "ctl/report.h"
#include "ctl/server.h"

#include <string.h>
#include <strings.h>

static int body_has(const struct ctl_trace *t, const char *text)
{
    return t->body.len > 0 && memmem(t->body.data, t->body.len, text, strlen(text)) != NULL;
}

/* Its length without the line end behind it. */
static int text_len(const struct ctl_trace *t)
{
    size_t len = t->body.len;
    while (len > 0 && strchr("\r\n ", t->body.data[len - 1])) {
        len--;
    }
    return (int)len;
}

/* ssecgi's own answers other than streams are JSON with a reason. */
static int is_from_ssecgi(const struct ctl_trace *t)
{
    char type[64];
    ctl_trace_header(t, "Content-Type", type, sizeof type);
    return strncasecmp(type, "application/json", 16) == 0 && body_has(t, "\"error\"");
}

static void judge_404(struct ctl_report *r, const struct ctl_trace *t,
                      const struct ctl_server *server)
{
    if (is_from_ssecgi(t)) {
        ctl_report_add(r, "answer", CTL_WRONG, "status 404 from ssecgi: %.*s", text_len(t),
                       t->body.data);
        ctl_report_todo(r, "ssecgi.json: add the stream to \"streams\", or put another name into "
                           "the URL; \"prefix\" must be what the web server calls it");
        return;
    }
    ctl_report_add(r, "answer", CTL_WRONG,
                   "status 404 from the web server: it does not hand this "
                   "path to ssecgi");
    ctl_advise(r, CTL_NO_ROUTE, server);
}

/* A stream that answers: it is asked by POST, and by nothing else. */
static int is_asked(const struct ctl_trace *t)
{
    char allow[64];
    return t->status == 405 && is_from_ssecgi(t)
           && ctl_trace_header(t, "Allow", allow, sizeof allow) && strstr(allow, "POST")
           && !strstr(allow, "GET");
}

static void judge_status(struct ctl_report *r, const struct ctl_trace *t,
                         const struct ctl_server *server, int has_credentials)
{
    long status = t->status;
    if (status == 404) {
        judge_404(r, t, server);
    } else if (status == 204) {
        ctl_report_add(r, "answer", CTL_WRONG,
                       "status 204: the stream is over, and EventSource stops");
    } else if (status == 401) {
        ctl_report_add(r, "answer", CTL_WRONG,
                       has_credentials ? "status 401: name and password are refused"
                                       : "status 401: the server asks for a name and a password");
        ctl_report_todo(r, "run this with --user or --netrc; an EventSource in a page sends those "
                           "that the browser has asked for, or cookies, and no header of its own");
    } else if (status == 502 || status == 503 || status == 504) {
        ctl_report_add(
            r, "answer", CTL_WRONG,
            "status %ld: the web server gets no answer from ssecgi; EventSource gives up "
            "for ever at this",
            status);
        ctl_advise(r, CTL_NO_BACK_END, server);
    } else if (is_asked(t)) {
        ctl_report_add(r, "answer", CTL_NOTE,
                       "ssecgi answers: this stream is asked by POST, and each answer is a stream");
        ctl_report_todo(r, "POST a question, and run this with the address in Content-Location");
    } else {
        ctl_report_add(r, "answer", CTL_WRONG,
                       "status %ld: EventSource gives up for ever at this%s", status,
                       status >= 500 ? "; the web server's error log says why" : "");
        if (is_from_ssecgi(t)) {
            ctl_report_todo(r, "ssecgi says: %.*s", text_len(t), t->body.data);
        }
    }
}

static int judge_failure(struct ctl_report *r, const struct ctl_trace *t)
{
    if (t->end == CTL_END_TLS) {
        ctl_report_add(r, "answer", CTL_WRONG, "the certificate is not trusted: %s", t->error);
        ctl_report_todo(r, "browsers refuse it, too; --insecure goes on without trust");
        return 1;
    }
    if (t->end == CTL_END_FAILED) {
        ctl_report_add(r, "answer", CTL_WRONG, "no answer: %s",
                       t->error[0] ? t->error : "the server ended the connection");
        return 1;
    }
    return 0;
}

int ctl_judge_answer(struct ctl_report *r, const struct ctl_trace *t,
                     const struct ctl_server *server, int has_credentials)
{
    char type[128];
    if (judge_failure(r, t)) {
        return 0;
    }
    if (t->status != 200) {
        judge_status(r, t, server, has_credentials);
        return 0;
    }
    if (!ctl_trace_is_stream(t)) {
        int has_type = ctl_trace_header(t, "Content-Type", type, sizeof type);
        ctl_report_add(r, "answer", CTL_WRONG, "status 200, but it is no event stream: %s%s",
                       has_type ? "Content-Type: " : "it has no Content-Type", type);
        if (strncasecmp(type, "text/html", 9) == 0) {
            ctl_report_todo(r, "a page came: the web server does not hand this path to ssecgi");
            ctl_advise(r, CTL_NO_ROUTE, server);
        } else {
            ctl_report_todo(r, "EventSource takes text/event-stream only");
        }
        return 0;
    }
    const struct ctl_timed *event = ctl_trace_find(t, CTL_EVENT, 0);
    if (event && strcmp(event->item.name, "stream.busy") == 0) {
        ctl_report_add(r, "answer", CTL_WRONG, "ssecgi takes no more readers now: %s",
                       event->item.data);
        ctl_report_todo(r, "ssecgi.json: raise \"max_streams\", and the limit of open files");
        return 0;
    }
    ctl_report_add(r, "answer", CTL_OK, "status 200, text/event-stream, %s%s",
                   server->name[0] ? "from " : "from a server that does not name itself",
                   server->name);
    return 1;
}

static void judge_encoding(struct ctl_report *r, const struct ctl_trace *t,
                           const struct ctl_server *server)
{
    char value[64];
    if (!ctl_trace_header(t, "Content-Encoding", value, sizeof value)
        || strcasecmp(value, "identity") == 0) {
        ctl_report_add(r, "compression", CTL_OK, "none");
        return;
    }
    ctl_report_add(r, "compression", CTL_NOTE,
                   "the stream is compressed (%s): that costs memory for each reader, and every "
                   "piece must be flushed",
                   value);
    ctl_advise(r, CTL_COMPRESSED, server);
}

void ctl_judge_head(struct ctl_report *r, const struct ctl_trace *t,
                    const struct ctl_server *server)
{
    char value[128];
    judge_encoding(r, t, server);
    if (ctl_trace_header(t, "Content-Length", value, sizeof value)) {
        ctl_report_add(r, "length", CTL_WRONG,
                       "Content-Length: %s: the server waited for the end of the stream", value);
        ctl_advise(r, CTL_BUFFERED, server);
    }
    int has_control = ctl_trace_header(t, "Cache-Control", value, sizeof value);
    if (!has_control) {
        ctl_report_add(r, "caching", CTL_NOTE,
                       "no Cache-Control: somebody between ssecgi and you "
                       "took it away, and a cache may keep the stream");
    } else if (!strcasestr(value, "no-store") && !strcasestr(value, "no-cache")) {
        ctl_report_add(r, "caching", CTL_WRONG, "Cache-Control: %s: a cache may keep the stream",
                       value);
        ctl_report_todo(r, "do not set Cache-Control or Expires for this path: ssecgi does");
    } else {
        ctl_report_add(r, "caching", CTL_OK, "Cache-Control: %s", value);
    }
    if (server->front[0]) {
        ctl_report_add(r, "in-front", CTL_NOTE,
                       "a proxy, cache or CDN stands in front (%s): it must "
                       "not buffer, cache or cut streams either",
                       server->front);
    }
}

void ctl_judge_version(struct ctl_report *r, const struct ctl_trace *t,
                       const struct ctl_server *server, int is_tls, int can_http2)
{
    if (t->http_major >= 2) {
        ctl_report_add(r, "http-version", CTL_OK, "HTTP/%d", t->http_major);
        return;
    }
    if (is_tls && !can_http2) {
        ctl_report_add(r, "http-version", CTL_NOTE, "HTTP/1.1: this libcurl speaks nothing else");
        return;
    }
    ctl_report_add(r, "http-version", CTL_NOTE,
                   "HTTP/%d.%d: a browser has six connections to a host, and its seventh stream "
                   "hangs%s",
                   t->http_major, t->http_minor,
                   is_tls ? "" : "; browsers speak HTTP/2 over TLS only");
    ctl_advise(r, CTL_OLD_HTTP, server);
}

int ctl_judge_is_ssecgi(const struct ctl_trace *t)
{
    return ctl_trace_is_stream(t) && t->item_count >= 2 && t->items[0].item.kind == CTL_RETRY
           && t->items[1].item.kind == CTL_ID;
}

int ctl_judge_is_refusal(const struct ctl_trace *t)
{
    return t->status == 400 && is_from_ssecgi(t) && body_has(t, "from");
}

/* The gap that says that a Last-Event-ID is no position of this stream. */
static int has_unknown_gap(const struct ctl_trace *t)
{
    const struct ctl_timed *event = ctl_trace_find(t, CTL_EVENT, 0);
    return event && strcmp(event->item.name, "stream.gap") == 0
           && strstr(event->item.data, "unknown-position") != NULL;
}

int ctl_judge_lost(struct ctl_report *r, const char *check, const struct ctl_trace *t,
                   const struct ctl_server *server)
{
    if (t->head_ms != CTL_NEVER) {
        return 0;
    }
    ctl_report_add(r, check, CTL_WRONG, "no answer this time%s%s: some requests are lost",
                   *t->error ? ", " : "", t->error);
    ctl_advise(r, CTL_HANGS, server);
    return 1;
}

void ctl_judge_resume(struct ctl_report *r, const struct ctl_trace *strange,
                      const struct ctl_trace *known, const char *known_id,
                      const struct ctl_server *server)
{
    const struct ctl_timed *begin = ctl_trace_find(known, CTL_ID, 0);
    if (ctl_judge_lost(r, "last-event-id", strange, server)
        || ctl_judge_lost(r, "last-event-id", known, server)) {
        return;
    }
    if (!ctl_trace_is_stream(strange)) {
        ctl_report_add(r, "last-event-id", CTL_WRONG,
                       "with a Last-Event-ID the answer is status "
                       "%ld and no stream: no reader resumes",
                       strange->status);
    } else if (strange->first_ms == CTL_NEVER) {
        ctl_report_add(r, "last-event-id", CTL_WRONG, "with a Last-Event-ID nothing arrives");
    } else if (!has_unknown_gap(strange)) {
        ctl_report_add(r, "last-event-id", CTL_WRONG,
                       "the header Last-Event-ID does not reach "
                       "ssecgi: what happens between two connections "
                       "is lost, and nobody is told");
        ctl_advise(r, CTL_ID_DROPPED, server);
    } else if (known->status == 204) {
        ctl_report_add(r, "last-event-id", CTL_OK, "arrives; the stream is over");
    } else if (has_unknown_gap(known)) {
        ctl_report_add(r, "last-event-id", CTL_WRONG,
                       "arrives, but the id %s, which one answer "
                       "gave, is unknown to the next",
                       known_id);
        ctl_report_todo(r, "several ssecgi behind one address must serve the same files");
    } else if (!begin || strcmp(begin->item.id, known_id) != 0) {
        ctl_report_add(r, "last-event-id", CTL_WRONG,
                       "a reader that comes back with the id %s does "
                       "not go on there, but at %s",
                       known_id, begin ? begin->item.id : "no id");
    } else {
        ctl_report_add(r, "last-event-id", CTL_OK, "arrives; a reader goes on at its id");
    }
}

void ctl_judge_cors(struct ctl_report *r, const struct ctl_trace *get,
                    const struct ctl_trace *preflight, const char *origin)
{
    char value[256];
    ctl_trace_header(get, "Access-Control-Allow-Origin", value, sizeof value);
    if (strcmp(value, origin) != 0 && strcmp(value, "*") != 0) {
        ctl_report_add(r, "cors", CTL_WRONG, "a browser hides this stream from pages of %s%s%s",
                       origin, *value ? ": it is open to " : "", value);
        ctl_report_todo(r, "ssecgi.json: \"cors_origins\": [\"%s\"]", origin);
        return;
    }
    if (strcmp(value, "*") == 0) {
        ctl_report_add(r, "cors", CTL_NOTE,
                       "open to every origin; pages get it without cookies and "
                       "passwords only");
    } else {
        ctl_report_add(r, "cors", CTL_OK, "open to pages of %s", origin);
    }
    ctl_trace_header(preflight, "Access-Control-Allow-Origin", value, sizeof value);
    if (preflight->status / 100 == 2 && *value) {
        ctl_report_add(r, "cors-preflight", CTL_OK, "status %ld", preflight->status);
    } else {
        ctl_report_add(
            r, "cors-preflight", CTL_NOTE,
            "OPTIONS is answered with status %ld%s: EventSource asks so only before a long "
            "Last-Event-ID, fetch() before any header of its own",
            preflight->status, *value ? "" : " and without Access-Control-Allow-Origin");
        ctl_report_todo(r, "let the web server pass OPTIONS on, without asking for a password");
    }
}

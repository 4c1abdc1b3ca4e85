/* SPDX-License-Identifier: MIT */
/* fetch: one request by libcurl, watched into a trace until enough was seen. */
#include "ctl/fetch.h"

#include "base/clock.h"
#include "base/err.h"
#include "ctl/access.h"
#include "ctl/trace.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#define POLL_MS 20 /* is_enough may wait for silence, which wakes nobody */

struct fetch {
    CURL *easy;
    struct ctl_trace *trace;
    int64_t began_ms; /* until it was sent: the connection's beginning */
    int is_sent;
    int rc;
};

static int64_t mono_ms(void)
{
    return clock_system.mono_ms(&clock_system);
}

/* Milliseconds since the request went out; negative before. */
static int64_t since_sent(struct fetch *f)
{
    curl_off_t connect_us = 0;
    if (!f->is_sent
        && curl_easy_getinfo(f->easy, CURLINFO_PRETRANSFER_TIME_T, &connect_us) == CURLE_OK
        && connect_us > 0) {
        f->is_sent = 1;
        f->began_ms += (int64_t)(connect_us / 1000);
    }
    int64_t ms = mono_ms() - f->began_ms;
    return f->is_sent ? (ms > 0 ? ms : 0) : -1;
}

static size_t on_head(char *data, size_t size, size_t count, void *ctx)
{
    struct fetch *f = ctx;
    f->rc = ctl_trace_head(f->trace, data, size * count, since_sent(f));
    return f->rc ? 0 : size * count;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct fetch *f = ctx;
    f->rc = ctl_trace_body(f->trace, data, size * count, since_sent(f));
    return f->rc ? 0 : size * count;
}

static int add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (!longer) {
        return ERR_NOMEM;
    }
    *list = longer;
    return 0;
}

/* What an EventSource sends (WHATWG HTML 9.2.2), then the user's, then the request's. */
static int make_headers(struct curl_slist **list, const struct ctl_access *access,
                        const struct ctl_request *request)
{
    int rc = add_header(list, "Accept: text/event-stream");
    rc = rc ? rc : add_header(list, "Cache-Control: no-cache");
    if (!rc && request->is_identity) {
        rc = add_header(list, "Accept-Encoding: identity");
    }
    for (size_t i = 0; !rc && i < access->header_count; i++) {
        rc = add_header(list, access->headers[i]);
    }
    for (size_t i = 0; !rc && request->headers[i]; i++) {
        rc = add_header(list, request->headers[i]);
    }
    return rc;
}

static int set_up(struct fetch *f, const struct ctl_access *access,
                  const struct ctl_request *request, struct curl_slist *headers)
{
    CURL *e = f->easy;
    CURLcode rc = curl_easy_setopt(e, CURLOPT_URL, request->url);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_USERAGENT, "ssecgi-ctl/" SSECGI_VERSION);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)access->timeout_ms);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_head);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_HEADERDATA, f);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_WRITEDATA, f);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_ERRORBUFFER, f->trace->error);
    if (!rc && ctl_fetch_has_http2()) { /* over TLS, where the server agrees */
        rc = curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    }
    if (!rc && !request->is_identity) { /* all that it can decompress */
        rc = curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
    }
    if (!rc && strcmp(request->method, "HEAD") == 0) {
        rc = curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    } else if (!rc && strcmp(request->method, "GET") != 0) {
        rc = curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, request->method);
    }
    rc = rc ? rc : ctl_access_set(e, access);
    return rc == CURLE_OK ? 0 : rc == CURLE_OUT_OF_MEMORY ? ERR_NOMEM : ERR_INVALID;
}

/* How libcurl's word for the end looks to an EventSource. */
static enum ctl_end end_of(const struct ctl_trace *t, CURLcode code)
{
    if (code == CURLE_OK) {
        return CTL_END_WHOLE;
    }
    if (code == CURLE_PEER_FAILED_VERIFICATION) {
        return CTL_END_TLS;
    }
    return t->head_ms == CTL_NEVER ? CTL_END_FAILED : CTL_END_CUT;
}

static void note_end(struct fetch *f, CURLcode code)
{
    struct ctl_trace *t = f->trace;
    long version = 0;
    t->end = end_of(t, code);
    if (code != CURLE_OK && t->error[0] == '\0') {
        snprintf(t->error, sizeof t->error, "%s", curl_easy_strerror(code));
    }
    (void)curl_easy_getinfo(f->easy, CURLINFO_HTTP_VERSION, &version);
    if (version == CURL_HTTP_VERSION_1_0 || version == CURL_HTTP_VERSION_1_1) {
        t->http_major = 1;
        t->http_minor = version == CURL_HTTP_VERSION_1_1;
    } else if (version == CURL_HTTP_VERSION_2_0) {
        t->http_major = 2;
    } else if (version == CURL_HTTP_VERSION_3) {
        t->http_major = 3;
    }
}

/* 1 when the transfer is over. */
static int is_done(CURLM *multi, CURLcode *code)
{
    int left;
    struct CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left))) {
        if (message->msg == CURLMSG_DONE) {
            *code = message->data.result;
            return 1;
        }
    }
    return 0;
}

static int has_enough(const struct ctl_request *request, const struct ctl_trace *t, int64_t now)
{
    return now >= request->limit_ms || t->body_bytes >= CTL_FETCH_BODY_MAX
           || (now >= 0 && request->is_enough && request->is_enough(t, now, request->ctx));
}

static int run(struct fetch *f, CURLM *multi, const struct ctl_request *request)
{
    struct ctl_trace *t = f->trace;
    CURLcode code = CURLE_OK;
    int running;
    for (;;) {
        if (curl_multi_perform(multi, &running) != CURLM_OK) {
            return ERR_NOMEM;
        }
        int64_t now = since_sent(f);
        int over = is_done(multi, &code);
        (void)curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &t->status);
        if (over || has_enough(request, t, now)) {
            note_end(f, code);
            t->end = over ? t->end : CTL_END_OURS;
            t->end_ms = now;
            return f->rc == ERR_NOMEM ? ERR_NOMEM : 0;
        }
        (void)curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
    }
}

int ctl_fetch(const struct ctl_access *access, const struct ctl_request *request,
              struct ctl_trace *out, struct err *err)
{
    struct curl_slist *headers = NULL;
    struct fetch f = {.trace = out, .began_ms = mono_ms()};
    CURLM *multi = curl_multi_init();
    int rc = ERR_NOMEM;
    f.easy = curl_easy_init();
    if (!multi || !f.easy) {
        goto out;
    }
    rc = make_headers(&headers, access, request);
    rc = rc ? rc : set_up(&f, access, request, headers);
    if (rc || curl_multi_add_handle(multi, f.easy) != CURLM_OK) {
        rc = rc ? rc : ERR_NOMEM;
        goto out;
    }
    rc = run(&f, multi, request);
    curl_multi_remove_handle(multi, f.easy);
out:
    curl_easy_cleanup(f.easy);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    if (rc) {
        err_set(err, rc, rc == ERR_NOMEM ? "out of memory" : "libcurl refuses this request");
    }
    return rc;
}

int ctl_fetch_has_http2(void)
{
    return (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_HTTP2) != 0;
}

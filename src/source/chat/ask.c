/* SPDX-License-Identifier: MIT */
/* chat_ask: one request to the service, by libcurl. */
#include "source/chat/answer.h"

#include "base/buf.h"
#include "base/err.h"
#include "source/chat/settings.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECT_MS 10000L
#define EVENT_STREAM "text/event-stream"

/* ---- what comes ---- */

static long status_of(const struct chat_run *r)
{
    long status = 0;
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static int is_event_stream(const struct chat_run *r)
{
    char *type = NULL;
    curl_easy_getinfo(r->easy, CURLINFO_CONTENT_TYPE, &type);
    return type && strncasecmp(type, EVENT_STREAM, strlen(EVENT_STREAM)) == 0;
}

static int on_data(void *ctx, const char *data, size_t len)
{
    return chat_put_data(ctx, data, len);
}

/* Of a stream. 0, or ERR_CLOSED to end the request. */
static int take_stream(struct chat_run *r, const char *bytes, size_t len)
{
    if (r->is_complete) {
        return 0; /* whatever stands behind the end */
    }
    if (!is_event_stream(r)) {
        return chat_put_wrong(r, CHAT_MALFORMED);
    }
    int rc = chat_feed_take(&r->feed, bytes, len, on_data, r);
    if (r->is_complete) {
        chat_run_completed(r);
    }
    return rc >= 0           ? 0
           : rc == ERR_LIMIT ? chat_put_wrong(r, CHAT_TOO_LARGE)
                             : chat_put_wrong(r, CHAT_NOT_KEPT);
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
    struct chat_run *r = ctx;
    size_t len = size * count;
    if (r->is_wrong || r->is_cancelled || r->is_dropped) {
        return len + 1; /* not what came: libcurl ends the request */
    }
    if (status_of(r) != 200) {
        (void)buf_append(&r->said, bytes, len); /* beyond the limit it is not looked at */
        return len;
    }
    return take_stream(r, bytes, len) || r->is_dropped ? len + 1 : len;
}

static void on_done(void *ctx, CURLcode rc)
{
    chat_run_asked(ctx, rc);
}

/* ---- begin and end ---- */

/* No program that is started gets it. */
static int on_socket(void *ctx, curl_socket_t fd, curlsocktype purpose)
{
    (void)ctx;
    (void)purpose;
    return fcntl(fd, F_SETFD, FD_CLOEXEC) ? CURL_SOCKOPT_ERROR : CURL_SOCKOPT_OK;
}

static int set_up(struct chat_run *r)
{
    char *url;
    if (asprintf(&url, "%s/chat/completions", r->settings->upstream) < 0) {
        return ERR_NOMEM;
    }
    CURLcode rc = curl_easy_setopt(r->easy, CURLOPT_URL, url);
    free(url);
    curl_easy_setopt(r->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(r->easy, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(r->easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
    curl_easy_setopt(r->easy, CURLOPT_USERAGENT, "ssecgi");
    curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
    curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, r->body.text);
    curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->curl_error);
    return rc ? ERR_NOMEM : 0;
}

int chat_ask(struct chat_run *r)
{
    r->curl_error[0] = '\0';
    r->done = (struct chat_done){.fn = on_done, .ctx = r};
    r->counted = (struct chat_usage){.prompt_tokens = 0};
    buf_clear(&r->said);
    chat_feed_fini(&r->feed);
    chat_feed_init(&r->feed);
    r->easy = curl_easy_init();
    int rc = r->easy ? set_up(r) : ERR_NOMEM;
    rc = rc ? rc : chat_multi_add(r->multi, r->easy, &r->done);
    if (rc) {
        curl_easy_cleanup(r->easy);
        r->easy = NULL;
        return rc;
    }
    r->state = CHAT_ASKING;
    r->tries++;
    return 0;
}

void chat_ask_end(struct chat_run *r)
{
    if (r->easy) {
        chat_multi_remove(r->multi, r->easy);
        curl_easy_cleanup(r->easy);
        r->easy = NULL;
    }
}

/* ---- the verdict ---- */

static enum chat_reason reason_of_status(long status)
{
    switch (status) {
    case 401:
    case 403:
    case 407:
        return CHAT_DENIED;
    case 429:
        return CHAT_BUSY;
    default:
        return status >= 400 && status < 500 ? CHAT_REJECTED : CHAT_FAILED;
    }
}

/* What is wrong with the request, the service may say itself. */
static void take_word(struct chat_run *r)
{
    struct json_object *error;
    struct json_object *body = NULL;
    if (r->said.len > 0) {
        json_tokener_reset(r->tokener);
        body = json_tokener_parse_ex(r->tokener, r->said.data, (int)r->said.len);
    }
    if (json_object_is_type(body, json_type_object)
        && json_object_object_get_ex(body, "error", &error)) {
        chat_chunk_error(error, &r->verdict.word);
    }
    json_object_put(body);
}

void chat_ask_judge(struct chat_run *r, CURLcode rc)
{
    curl_off_t wait_s = 0;
    long status = status_of(r);
    if (r->is_complete || r->is_wrong) {
        return;
    }
    if (status == 200 && r->has_finished) {
        chat_put_rest(r);
        return;
    }
    if (status == 200 || (status == 0 && rc == CURLE_OK)) {
        chat_put_wrong(r, CHAT_CUT);
        return;
    }
    chat_put_wrong(r, status == 0 ? CHAT_UNREACHABLE : reason_of_status(status));
    if (r->verdict.reason == CHAT_REJECTED) {
        take_word(r);
    }
    curl_easy_getinfo(r->easy, CURLINFO_RETRY_AFTER, &wait_s);
    r->verdict.retry_after_s = status == 429 || status == 503 ? (long long)wait_s : 0;
}

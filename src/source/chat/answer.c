/* SPDX-License-Identifier: MIT */
/* chat_answer: one answer from its request to its end: tries, deadlines, and who lets go when. */
#include "source/chat/answer.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/rand.h"
#include "source/chat/settings.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PAUSE_FIRST_MS 250
#define PAUSE_LAST_MS 8000
#define CLOSE_MS 100 /* for the service to close, so that the connection can be used again */
#define JSON_TYPE "application/json"

extern const struct source_type ssecgi_source;

static void on_timer(uv_timer_t *timer);

static int64_t now_ms(const struct chat_run *r)
{
    return r->host->clock->mono_ms(r->host->clock);
}

/* ---- the end ---- */

static void tell_log(const struct chat_run *r, long status)
{
    const char *word = chat_say_reason(r->verdict.reason);
    int64_t ms = now_ms(r) - r->started_ms;
    int is_curls = r->verdict.reason == CHAT_UNREACHABLE || r->verdict.reason == CHAT_CUT;
    if (r->verdict.reason == CHAT_OK || r->verdict.reason == CHAT_CANCELLED) {
        log_say(r->host->log, INFO, "chat", "answered", LOG_TEXT("stream", r->stream),
                LOG_TEXT("status", word), LOG_TEXT("model", r->body.model),
                LOG_TEXT("user", r->user), LOG_NUM("prompt_tokens", r->counted.prompt_tokens),
                LOG_NUM("completion_tokens", r->counted.completion_tokens), LOG_NUM("ms", ms));
        return;
    }
    log_say(r->host->log, WARN, "chat", "no whole answer", LOG_TEXT("stream", r->stream),
            LOG_TEXT("reason", word), LOG_TEXT("model", r->body.model), LOG_TEXT("user", r->user),
            LOG_NUM("http_status", status), LOG_TEXT("error", is_curls ? r->curl_error : ""),
            LOG_NUM("tries", r->tries), LOG_NUM("ms", ms));
}

/* Not from inside libcurl. */
static void finish(struct chat_run *r)
{
    long status = 0;
    if (r->state == CHAT_ENDED || r->is_dropped) {
        return;
    }
    if (r->easy) {
        curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    }
    r->state = CHAT_ENDED;
    uv_timer_stop(&r->timer);
    chat_ask_end(r);
    if (r->is_cancelled && !r->is_complete) {
        r->verdict = (struct chat_verdict){.reason = CHAT_CANCELLED};
    }
    tell_log(r, status);
    chat_put_end(r);
}

/* ---- deadlines ---- */

static void wait_until(struct chat_run *r, int64_t due_ms)
{
    int64_t left_ms = due_ms - now_ms(r);
    uv_timer_start(&r->timer, on_timer, left_ms > 0 ? (uint64_t)left_ms : 0, 0);
}

static int64_t silence_ends_ms(const struct chat_run *r)
{
    const struct chat_settings *s = r->settings;
    return r->heard_ms + (r->is_begun ? s->timeout_idle_s : s->timeout_first_s) * 1000;
}

static int64_t run_ends_ms(const struct chat_run *r)
{
    return r->started_ms + r->settings->run_s * 1000;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A chunk moves the deadline on; the timer is set anew when it has run out. Only the first word, which begins the
 * shorter wait, can make it earlier. */
void chat_run_heard(struct chat_run *r, int is_word)
{
    r->heard_ms = now_ms(r);
    if (is_word && !r->is_begun && !r->is_dropped && !r->is_cancelled) {
        r->is_begun = 1;
        wait_until(r, least(run_ends_ms(r), silence_ends_ms(r)));
    }
}

static void watch(struct chat_run *r)
{
    int64_t now = now_ms(r);
    if (now >= run_ends_ms(r)) {
        chat_put_wrong(r, CHAT_TOO_LONG);
    } else if (now >= silence_ends_ms(r) && r->has_finished) {
        chat_put_rest(r); /* only the mark of the end is missing */
    } else if (now >= silence_ends_ms(r)) {
        chat_put_wrong(r, CHAT_SILENT);
    }
    if (r->is_wrong || r->is_complete) {
        finish(r);
    } else {
        wait_until(r, least(run_ends_ms(r), silence_ends_ms(r)));
    }
}

/* ---- tries ---- */

/* What may be better the next time, and nobody has seen anything yet. */
static int may_retry(const struct chat_run *r)
{
    enum chat_reason reason = r->verdict.reason;
    return (reason == CHAT_FAILED || reason == CHAT_UNREACHABLE || reason == CHAT_CUT) && !r->is_put
           && r->tries <= r->settings->retries && r->verdict.retry_after_s == 0;
}

static void pause_and_retry(struct chat_run *r)
{
    int64_t ms = least((int64_t)PAUSE_FIRST_MS << least(r->tries - 1, 10), PAUSE_LAST_MS);
    r->due_ms = now_ms(r) + (int64_t)rand_percent((uint64_t)ms, 50, 100);
    if (r->due_ms >= least(run_ends_ms(r), silence_ends_ms(r))) {
        finish(r);
        return;
    }
    chat_ask_end(r);
    r->state = CHAT_PAUSING;
    r->is_begun = r->is_wrong = r->has_finished = r->has_usage = 0;
    r->verdict = (struct chat_verdict){.reason = CHAT_OK};
    wait_until(r, r->due_ms);
}

void chat_run_completed(struct chat_run *r)
{
    if (!r->is_dropped && !r->is_cancelled) {
        r->state = CHAT_CLOSING;
        uv_timer_start(&r->timer, on_timer, CLOSE_MS, 0);
    }
}

void chat_run_asked(struct chat_run *r, CURLcode rc)
{
    if (r->state == CHAT_ENDED || r->is_dropped) {
        return;
    }
    chat_ask_judge(r, rc);
    if (r->is_wrong && !r->is_cancelled && may_retry(r)) {
        pause_and_retry(r);
    } else {
        finish(r);
    }
}

static void ask_again(struct chat_run *r)
{
    if (now_ms(r) < r->due_ms) {
        wait_until(r, r->due_ms);
    } else if (chat_ask(r)) {
        chat_put_wrong(r, CHAT_UNREACHABLE);
        finish(r);
    } else {
        watch(r);
    }
}

/* ---- life ---- */

static void destroy(struct chat_run *r)
{
    chat_body_fini(&r->body);
    curl_slist_free_all(r->headers);
    if (r->tokener) {
        json_tokener_free(r->tokener);
    }
    chat_feed_fini(&r->feed);
    buf_fini(&r->said);
    free(r->user);
    free(r);
}

static void on_left(void *ctx)
{
    struct chat_run *r = ctx;
    void (*dropped)(void *dropped_ctx) = r->dropped;
    void *dropped_ctx = r->dropped_ctx;
    destroy(r);
    if (dropped) {
        dropped(dropped_ctx);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct chat_run *r = handle->data;
    chat_multi_leave(r->multi, on_left, r);
}

static void on_timer(uv_timer_t *timer)
{
    struct chat_run *r = timer->data;
    if (r->is_dropped) {
        chat_ask_end(r);
        uv_close((uv_handle_t *)timer, on_closed);
    } else if (r->is_cancelled || r->state == CHAT_CLOSING) {
        finish(r);
    } else if (r->state == CHAT_PAUSING) {
        ask_again(r);
    } else if (r->state == CHAT_ASKING) {
        watch(r);
    }
}

/* Takes the key over. */
static int add_headers(struct chat_run *r, const char *key)
{
    static const char *const fixed[] = {"Content-Type: application/json",
                                        "Accept: text/event-stream", "Expect:"};
    char line[CHAT_KEY_MAX + 32];
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        list = curl_slist_append(r->headers, fixed[i]);
        if (!list) {
            return ERR_NOMEM;
        }
        r->headers = list;
    }
    if (key) {
        snprintf(line, sizeof line, "Authorization: Bearer %s", key);
        list = curl_slist_append(r->headers, line);
        explicit_bzero(line, sizeof line);
        r->headers = list ? list : r->headers;
    }
    return list ? 0 : ERR_NOMEM;
}

/* Why the key cannot be read is nothing for a client. */
static int prepare_headers(struct chat_run *r, struct err *err)
{
    char *key = NULL;
    struct err why = {.code = 0};
    int rc = r->settings->key_file ? chat_key_read(r->settings->key_file, &key, &why) : 0;
    if (rc) {
        log_say(r->host->log, ERROR, "chat", "has no key for the service",
                LOG_TEXT("stream", r->stream), LOG_TEXT("error", why.text));
        return err_set(err, ERR_AGAIN, "the answering service cannot be asked now");
    }
    rc = add_headers(r, key);
    if (key) {
        explicit_bzero(key, strlen(key));
        free(key);
    }
    return rc;
}

static int prepare(struct chat_run *r, const struct source_request *request, struct err *err)
{
    size_t len = strlen(JSON_TYPE);
    const char *type = request->type ? request->type : "";
    if (strncasecmp(type, JSON_TYPE, len) != 0 || (type[len] && !strchr("; ", type[len]))) {
        return err_set(err, ERR_INVALID, "Content-Type: must be " JSON_TYPE);
    }
    int rc = chat_body_init(&r->body, r->settings, request->body, request->len, err);
    rc = rc ? rc : prepare_headers(r, err);
    r->user = rc || !request->user ? NULL : strdup(request->user);
    r->tokener = chat_chunk_tokener();
    if (!rc && (!r->tokener || (request->user && !r->user))) {
        rc = ERR_NOMEM;
    }
    return rc ? rc : chat_multi_join(&r->multi, r->host->loop);
}

static void no_matter(void *ctx)
{
    (void)ctx;
}

int chat_run_new(struct source_run **out, const struct source_setup *setup,
                 const struct source_host *host, const struct source_request *request,
                 const struct source_answer *answer, struct err *err)
{
    struct chat_run *r = calloc(1, sizeof *r);
    if (!r) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    r->base.type = &ssecgi_source;
    r->settings = setup->settings;
    r->host = host;
    r->stream = setup->stream;
    r->answer = *answer;
    chat_feed_init(&r->feed);
    buf_init(&r->said, CHAT_SAID_MAX);
    int rc = prepare(r, request, err);
    if (!rc) {
        r->started_ms = r->heard_ms = now_ms(r);
        rc = chat_ask(r);
        if (rc) {
            chat_multi_leave(r->multi, no_matter, NULL);
        }
    }
    if (rc) {
        destroy(r);
        return rc == ERR_NOMEM ? err_set(err, rc, "out of memory") : rc;
    }
    uv_timer_init(host->loop, &r->timer);
    r->timer.data = r;
    watch(r);
    *out = &r->base;
    return 0;
}

/* What the loop does next: libcurl may be below us on the stack. */
void chat_run_cancel(struct source_run *run, int is_urgent)
{
    struct chat_run *r = (struct chat_run *)run;
    (void)is_urgent;
    if (r->state != CHAT_ENDED && !r->is_dropped) {
        r->is_cancelled = 1;
        uv_timer_start(&r->timer, on_timer, 0, 0);
    }
}

void chat_run_drop(struct source_run *run, void (*dropped)(void *ctx), void *ctx)
{
    struct chat_run *r = (struct chat_run *)run;
    r->dropped = dropped;
    r->dropped_ctx = ctx;
    if (!r->is_dropped) {
        r->is_dropped = 1;
        uv_timer_start(&r->timer, on_timer, 0, 0);
    }
}

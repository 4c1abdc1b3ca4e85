/* SPDX-License-Identifier: MIT */
/* publish_http: events by HTTP, over one connection, with retries. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "conf/json.h"
#include "ctl/access.h"
#include "ctl/publish.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define ANSWER_BYTES 4096
#define BODY_BYTES (16 * 1024 * 1024) /* a line of CTL_LINE_MAX bytes, each written as six */
#define BODY_ENOUGH 65536             /* of more than one event; mod_fcgid takes twice that */
#define TOKEN_BYTES 4096
#define BACKOFF_FIRST_MS 250
#define BACKOFF_MAX_MS 10000
#define PAUSE_MAX_MS 3600000 /* what Retry-After may ask for */
#define RUN_BYTES 12         /* random ones that tell this run's keys from others' */

struct http {
    struct ctl_sink sink;
    const struct ctl_publish *p;
    CURL *easy;
    struct curl_slist *headers;
    char run[2 * RUN_BYTES + 1];
    size_t most; /* events of one request */
    int is_down; /* the last one was given up: no more patience until one arrives */
    struct buf body, answer;
    long status;
    int64_t pause_ms; /* what Retry-After asked for, or 0 */
    char error[CURL_ERROR_SIZE];
    char why[256];
};

enum outcome {
    OUTCOME_ARRIVED,
    OUTCOME_DIVIDE, /* with fewer events it may go */
    OUTCOME_LATER,
    OUTCOME_NEVER
};

/* --- one request --------------------------------------------------------------------------- */

/* As JSON text it must be UTF-8; what is not becomes what readers would get. */
static struct json_object *text_object(const char *text, size_t len)
{
    struct buf clean;
    if (utf8_valid_prefix(text, len) == len) {
        return json_object_new_string_len(text, (int)len);
    }
    buf_init(&clean, 3 * len);
    int rc = 0;
    while (len > 0 && !rc) {
        size_t good = utf8_valid_prefix(text, len);
        rc = buf_append(&clean, text, good);
        text += good;
        len -= good;
        if (len > 0 && !rc) {
            size_t bad = utf8_bad_length(text, len);
            rc = buf_append_str(&clean, "\xef\xbf\xbd");
            text += bad;
            len -= bad;
        }
    }
    struct json_object *object = rc ? NULL : json_object_new_string_len(clean.data, (int)clean.len);
    buf_fini(&clean);
    return object;
}

/* The key is the line's: however lines are divided among requests, none counts twice. */
static int append_item(struct http *h, const struct ctl_publish_item *item)
{
    char key[sizeof h->run + 24];
    struct json_object *object = json_object_new_object();
    struct json_object *data = text_object(item->item.data, item->item.data_len);
    snprintf(key, sizeof key, "%s/%" PRIu64, h->run, item->line);
    if (!object || !data) {
        json_object_put(object);
        json_object_put(data);
        return ERR_NOMEM;
    }
    json_object_object_add(object, "data", data);
    if (item->item.name) {
        json_object_object_add(object, "event", json_object_new_string(item->item.name));
    }
    json_object_object_add(object, "key",
                           json_object_new_string(item->item.key ? item->item.key : key));
    int rc = conf_json_append(object, &h->body);
    return rc ? rc : buf_append_char(&h->body, '\n');
}

static size_t on_answer(char *data, size_t size, size_t count, void *ctx)
{
    struct http *h = ctx;
    size_t room = h->answer.limit_bytes - 1 - h->answer.len;
    size_t len = size * count;
    (void)buf_append(&h->answer, data, len < room ? len : room); /* the beginning is enough */
    return len;
}

/* "507: there is no room for it", or what libcurl says. */
static void set_why(struct http *h, CURLcode code)
{
    struct json_object *object = NULL;
    struct json_object *error;
    if (code != CURLE_OK) {
        snprintf(h->why, sizeof h->why, "%s", h->error[0] ? h->error : curl_easy_strerror(code));
        return;
    }
    if (buf_append_char(&h->answer, '\0') == 0) {
        object = json_tokener_parse(h->answer.data);
    }
    snprintf(h->why, sizeof h->why, "the server answered with status %ld", h->status);
    if (json_object_is_type(object, json_type_object)
        && json_object_object_get_ex(object, "error", &error)
        && json_object_is_type(error, json_type_string)) {
        snprintf(h->why, sizeof h->why, "%ld: %s", h->status, json_object_get_string(error));
    }
    json_object_put(object);
}

static enum outcome judge_code(CURLcode code)
{
    static const CURLcode never[] = {
        CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT,      CURLE_PEER_FAILED_VERIFICATION,
        CURLE_SSL_CERTPROBLEM,      CURLE_SSL_CACERT_BADFILE, CURLE_OUT_OF_MEMORY,
        CURLE_LOGIN_DENIED,
    };
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        if (code == never[i]) {
            return OUTCOME_NEVER;
        }
    }
    return OUTCOME_LATER;
}

static enum outcome judge_status(long status)
{
    switch (status) {
    case 400: /* one of them is at fault, perhaps */
    case 413:
        return OUTCOME_DIVIDE;
    case 408:
    case 425:
    case 429:
        return OUTCOME_LATER;
    default:
        return status / 100 == 2   ? OUTCOME_ARRIVED
               : status / 100 == 5 ? OUTCOME_LATER
                                   : OUTCOME_NEVER;
    }
}

static enum outcome ask(struct http *h)
{
    curl_off_t retry_after_s = 0;
    h->status = 0;
    h->error[0] = '\0';
    buf_clear(&h->answer);
    CURLcode code = curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)h->body.len);
    code = code ? code : curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, h->body.data);
    code = code ? code : curl_easy_perform(h->easy);
    (void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &h->status);
    (void)curl_easy_getinfo(h->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    h->pause_ms =
        retry_after_s < PAUSE_MAX_MS / 1000 ? (int64_t)retry_after_s * 1000 : PAUSE_MAX_MS;
    set_why(h, code);
    return code ? judge_code(code) : judge_status(h->status);
}

/* --- patience ------------------------------------------------------------------------------ */

static int64_t now_ms(void)
{
    return clock_system.mono_ms(&clock_system);
}

static void pause_for(int64_t ms)
{
    int64_t end = now_ms() + ms;
    while ((ms = end - now_ms()) > 0) {
        (void)poll(NULL, 0, ms < INT32_MAX ? (int)ms : INT32_MAX);
    }
}

/* Asks until it is decided. A rate is no failure: the server's pace uses up no patience. */
static enum outcome ask_until(struct http *h, struct ctl_tally *tally)
{
    int64_t end_ms = now_ms() + (h->is_down ? 0 : h->p->retry_ms);
    int64_t backoff_ms = BACKOFF_FIRST_MS;
    for (;;) {
        enum outcome outcome = ask(h);
        if (outcome != OUTCOME_LATER) {
            h->is_down = 0;
            return outcome;
        }
        int64_t wait_ms = (int64_t)rand_percent((uint64_t)backoff_ms, 80, 120);
        if (h->pause_ms > wait_ms) {
            wait_ms = h->pause_ms;
        }
        if (h->status == 429 && h->pause_ms > 0) {
            end_ms += wait_ms;
        }
        if (now_ms() + wait_ms > end_ms) {
            h->is_down = 1;
            return OUTCOME_LATER;
        }
        ctl_tally_show(tally, h->why);
        pause_for(wait_ms);
        backoff_ms = backoff_ms * 2 < BACKOFF_MAX_MS ? backoff_ms * 2 : BACKOFF_MAX_MS;
    }
}

static void miss_all(const struct ctl_publish_item *items, size_t count, const char *why,
                     struct ctl_tally *tally)
{
    for (size_t i = 0; i < count; i++) {
        ctl_tally_miss(tally, items[i].line, why);
    }
}

/* Fills the body with as many as one request is to have. ERR_NOMEM, ERR_LIMIT. */
static int fill(struct http *h, const struct ctl_publish_item *items, size_t *count)
{
    size_t n = 0;
    int rc = 0;
    buf_clear(&h->body);
    while (n < *count && n < h->most && !rc) {
        size_t len = h->body.len;
        rc = append_item(h, &items[n]);
        if (n > 0 && (rc || h->body.len > BODY_ENOUGH)) {
            h->body.len = len; /* it goes with the next */
            rc = 0;
            break;
        }
        n++;
    }
    *count = n;
    return rc;
}

static int put(struct ctl_sink *s, const struct ctl_publish_item *items, size_t count,
               struct ctl_tally *tally)
{
    struct http *h = (struct http *)s;
    while (count > 0) {
        size_t n = count;
        int rc = fill(h, items, &n);
        enum outcome outcome = rc ? OUTCOME_DIVIDE : ask_until(h, tally);
        if (rc) {
            snprintf(h->why, sizeof h->why, "out of memory");
        }
        if (outcome == OUTCOME_DIVIDE && n > 1) {
            h->most = n / 2;
            continue;
        }
        if (outcome == OUTCOME_ARRIVED) {
            tally->arrived += n;
        } else {
            miss_all(items, n, h->why, tally);
        }
        if (outcome == OUTCOME_DIVIDE) {
            h->most = CTL_PUBLISH_LINES; /* it was this event, not their number */
        }
        if (outcome == OUTCOME_NEVER) {
            ctl_tally_flush(tally);
            fprintf(stderr, "ssecgi-ctl: nothing that follows line %" PRIu64 " was published\n",
                    items[n - 1].line);
            return ERR_INVALID;
        }
        items += n;
        count -= n;
        ctl_tally_show(tally, NULL);
    }
    return 0;
}

/* --- life ---------------------------------------------------------------------------------- */

static void free_http(struct ctl_sink *s)
{
    struct http *h = (struct http *)s;
    curl_easy_cleanup(h->easy);
    curl_slist_free_all(h->headers);
    buf_fini(&h->body);
    buf_fini(&h->answer);
    free(h);
}

static int add_header(struct http *h, const char *line)
{
    struct curl_slist *longer = curl_slist_append(h->headers, line);
    if (!longer) {
        return ERR_NOMEM;
    }
    h->headers = longer;
    return 0;
}

/* The file's only line. */
static int add_token(struct http *h, const char *path, struct err *err)
{
    char line[TOKEN_BYTES + 32] = "Authorization: Bearer ";
    size_t mark = strlen(line);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t got = fd < 0 ? -1 : read(fd, line + mark, TOKEN_BYTES);
    if (got < 0) {
        err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    if (got < 0) {
        return ERR_IO;
    }
    line[mark + (size_t)got] = '\0';
    size_t len = strcspn(line + mark, "\r\n");
    int is_one = line[mark + len + strspn(line + mark + len, "\r\n")] == '\0';
    line[mark + len] = '\0';
    for (size_t i = 0; i < len && is_one; i++) {
        is_one = line[mark + i] > ' ' && line[mark + i] <= '~';
    }
    if (!is_one || len == 0 || (size_t)got == TOKEN_BYTES) {
        return err_set(err, ERR_INVALID, "%s: must hold a token, on one line", path);
    }
    return add_header(h, line) ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

static int add_headers(struct http *h, struct err *err)
{
    /* An answer of 100 before the body would cost a round trip for each request. */
    int rc = add_header(h, "Content-Type: application/x-ndjson");
    rc = rc ? rc : add_header(h, "Expect:");
    for (size_t i = 0; !rc && i < h->p->access.header_count; i++) {
        rc = add_header(h, h->p->access.headers[i]);
    }
    if (rc) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    return h->p->token_file ? add_token(h, h->p->token_file, err) : 0;
}

static int set_up(struct http *h, struct err *err)
{
    const struct ctl_access *access = &h->p->access;
    CURL *e = h->easy;
    CURLcode rc = curl_easy_setopt(e, CURLOPT_URL, h->p->url);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_USERAGENT, "ssecgi-ctl/" SSECGI_VERSION);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_POST, 1L);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->headers);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)access->timeout_ms);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, 3 * (long)access->timeout_ms);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_answer);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
    rc = rc ? rc : curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->error);
    rc = rc ? rc : ctl_access_set(e, access);
    return rc == CURLE_OK ? 0 : err_set(err, ERR_INVALID, "libcurl refuses this request");
}

static int make_run(struct http *h, struct err *err)
{
    unsigned char bytes[RUN_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        return err_set(err, ERR_IO, "no random numbers: %s", strerror(errno));
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        snprintf(h->run + 2 * i, 3, "%02x", bytes[i]);
    }
    return 0;
}

int ctl_publish_http(struct ctl_sink **out, const struct ctl_publish *p, struct err *err)
{
    struct http *h = calloc(1, sizeof *h);
    if (!h) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    h->sink = (struct ctl_sink){.put = put, .free = free_http};
    h->p = p;
    h->most = CTL_PUBLISH_LINES;
    buf_init(&h->body, BODY_BYTES);
    buf_init(&h->answer, ANSWER_BYTES);
    h->easy = curl_easy_init();
    int rc = h->easy ? make_run(h, err) : err_set(err, ERR_NOMEM, "out of memory");
    rc = rc ? rc : add_headers(h, err);
    rc = rc ? rc : set_up(h, err);
    if (rc) {
        free_http(&h->sink);
        return rc;
    }
    *out = &h->sink;
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* exec_request: a program that is run for one request. */
#include "source/exec/request.h"

#include "base/err.h"
#include "base/log.h"
#include "source/exec/child.h"
#include "source/exec/exec.h"
#include "source/exec/framing.h"
#include "source/exec/settings.h"
#include "source/exec/tell.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_MEMORY_MS 100 /* until it is tried again */
#define TURN_PIECES 256  /* of output, in one turn of the loop */

struct request {
    struct source_run base;
    struct source_answer answer;
    const struct exec_settings *settings;
    const struct source_host *host;
    const char *stream;
    struct exec_child *child;
    struct exec_framing framing;
    struct exec_said said;
    uint64_t lost;  /* bytes that the framing could not hand out */
    int is_refused; /* the answer takes no more */
    void (*dropped)(void *ctx);
    void *dropped_ctx;
};

/* --- its output ---------------------------------------------------------------------------- */

/* The answer takes no more: what else there is is read, and is nobody's. */
static void refuse(struct request *q)
{
    q->is_refused = 1;
    exec_child_stop(q->child, 1);
}

static void hand(struct request *q, const struct exec_piece *p)
{
    struct source_item item = {.name = p->name, .data = p->data, .data_len = p->len};
    if (p->kind == EXEC_PIECE_GAP) {
        q->lost += p->bytes;
        return;
    }
    int rc = q->answer.event(q->answer.ctx, &item);
    if (rc == ERR_INVALID) {
        q->lost += p->len; /* a name that is ours */
    } else if (rc) {
        refuse(q);
    }
}

static int on_output(void *ctx, const char *data, size_t len, int is_end, size_t *used)
{
    struct request *q = ctx;
    struct exec_piece piece;
    for (int i = 0; i < TURN_PIECES; i++) {
        size_t n = 0;
        if (q->is_refused) {
            *used = len;
            return EXEC_CHILD_WAIT;
        }
        int rc = exec_framing_take(&q->framing, data + *used, len - *used, is_end, &n, &piece);
        *used += n;
        if (rc) {
            return NO_MEMORY_MS;
        }
        if (piece.kind == EXEC_PIECE_NONE) {
            return EXEC_CHILD_WAIT;
        }
        hand(q, &piece);
    }
    return 0;
}

static void on_error(void *ctx, const char *data, size_t len)
{
    struct request *q = ctx;
    exec_said_add(&q->said, data, len, q->host->log, q->stream);
}

static void log_end(const struct request *q, const struct exec_status *s)
{
    if (s->error) {
        log_say(q->host->log, ERROR, "exec", "the program cannot be started",
                LOG_TEXT("stream", q->stream), LOG_TEXT("program", q->settings->argv.items[0]),
                LOG_TEXT("setting", s->step ? s->step : ""), LOG_TEXT("error", strerror(s->error)));
    }
    if (q->lost > 0) {
        log_say(q->host->log, WARN, "exec", "some of the program's output is no event",
                LOG_TEXT("stream", q->stream), LOG_NUM("bytes", q->lost));
    }
}

static int has_failed(const struct exec_status *s)
{
    return s->code != 0 || s->signal != 0 || s->is_too_late || s->is_too_much;
}

static void on_ended(void *ctx, const struct exec_status *status)
{
    struct request *q = ctx;
    struct json_object *o = exec_status_json(status);
    exec_said_end(&q->said, q->host->log, q->stream);
    log_end(q, status);
    q->answer.end(q->answer.ctx, o ? json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN) : NULL,
                  has_failed(status));
    json_object_put(o);
}

/* --- life ---------------------------------------------------------------------------------- */

/* What the request adds to the program's environment; no header of it is passed on. */
static const char *const added_names[] = {
    "SSECGI_USER", "SSECGI_ADDRESS", "SSECGI_STREAM", "SSECGI_RUN", "SSECGI_CONTENT_TYPE",
};

#define ADDED (sizeof added_names / sizeof added_names[0])

/* The whole of it, NULL-terminated: `own`, which is the settings', and `added`, which the caller
 * frees. NULL when out of memory. */
static char **make_env(const struct request *q, const struct source_request *request, char **own,
                       char *added[ADDED])
{
    const char *const values[ADDED] = {request->user, request->address, q->stream, request->id,
                                       request->type};
    size_t count = 0;
    while (own && own[count]) {
        count++;
    }
    char **env = own ? calloc(count + ADDED + 1, sizeof *env) : NULL;
    if (!env) {
        return NULL;
    }
    memcpy(env, own, count * sizeof *env);
    for (size_t i = 0; i < ADDED; i++) {
        if (asprintf(&added[i], "%s=%s", added_names[i], values[i] ? values[i] : "") < 0) {
            added[i] = NULL;
            free(env);
            return NULL;
        }
        env[count + i] = added[i];
    }
    return env;
}

static int start(struct request *q, const struct source_request *request)
{
    const struct exec_settings *s = q->settings;
    char *added[ADDED] = {NULL};
    char **own = exec_settings_env(s);
    char **env = make_env(q, request, own, added);
    char **argv = exec_settings_argv(s);
    struct exec_child_setup setup = {
        .loop = q->host->loop,
        .argv = argv,
        .env = env,
        .cwd = s->cwd,
        .user = s->user,
        .input = request->body ? request->body : "",
        .input_len = request->len,
        .kill_ms = s->kill_s * 1000,
        .run_ms = s->run_s * 1000,
        .output_bytes = (uint64_t)s->max_output_bytes,
        .rest_bytes = EXEC_FRAMING_REST((size_t)s->max_line_bytes),
        .output = on_output,
        .error = on_error,
        .ended = on_ended,
        .ctx = q,
    };
    int rc = env && argv ? exec_child_new(&q->child, &setup) : ERR_NOMEM;
    free(argv);
    free(env);
    free(own);
    for (size_t i = 0; i < ADDED; i++) {
        free(added[i]);
    }
    return rc;
}

int exec_request_answers(const void *settings)
{
    return ((const struct exec_settings *)settings)->mode == EXEC_MODE_PER_REQUEST;
}

int exec_request_run(struct source_run **out, const struct source_setup *setup,
                     const struct source_host *host, const struct source_request *request,
                     const struct source_answer *answer, struct err *err)
{
    const struct exec_settings *settings = setup->settings;
    if (request->len > (size_t)settings->max_body_bytes) {
        return err_set(err, ERR_LIMIT, "the body must be at most %lld bytes",
                       (long long)settings->max_body_bytes);
    }
    struct request *q = calloc(1, sizeof *q);
    if (!q) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *q = (struct request){.base = {.type = &source_exec},
                          .answer = *answer,
                          .settings = settings,
                          .host = host,
                          .stream = setup->stream};
    exec_framing_init(&q->framing, (enum exec_framing_kind)settings->framing,
                      (size_t)settings->max_line_bytes);
    int rc = start(q, request);
    if (rc) {
        int error = errno;
        exec_framing_fini(&q->framing);
        free(q);
        if (rc == ERR_IO) {
            log_say(host->log, ERROR, "exec", "no program can be started now",
                    LOG_TEXT("stream", setup->stream), LOG_TEXT("error", strerror(error)));
            return err_set(err, ERR_AGAIN, "no program can be started now");
        }
        return err_set(err, rc, "out of memory");
    }
    *out = &q->base;
    return 0;
}

void exec_request_cancel(struct source_run *r, int is_urgent)
{
    exec_child_stop(((struct request *)r)->child, is_urgent);
}

static void on_closed(void *ctx)
{
    struct request *q = ctx;
    void (*dropped)(void *ctx) = q->dropped;
    void *dropped_ctx = q->dropped_ctx;
    exec_framing_fini(&q->framing);
    free(q);
    if (dropped) {
        dropped(dropped_ctx);
    }
}

void exec_request_drop(struct source_run *r, void (*dropped)(void *ctx), void *ctx)
{
    struct request *q = (struct request *)r;
    q->dropped = dropped;
    q->dropped_ctx = ctx;
    exec_child_close(q->child, on_closed, q);
}

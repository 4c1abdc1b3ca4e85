/* SPDX-License-Identifier: MIT */
/* exec_run: a program that is kept running: its output as entries, its restarts, its end. */
#include "source/exec/run.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "source/exec/history.h"
#include "source/exec/settings.h"
#include "source/exec/tell.h"
#include "source/source.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_MEMORY_MS 100 /* until it is tried again */
#define STATUS_FAILED 127

static int64_t now_ms(const struct exec_run *r)
{
    return r->host->clock->mono_ms(r->host->clock);
}

static int put(struct exec_run *r, const struct exec_entry *e)
{
    r->is_put = r->target.flush != NULL;
    return r->target.put(r->target.ctx, e);
}

static int flush(struct exec_run *r)
{
    int wait_ms = r->is_put ? r->target.flush(r->target.ctx) : EXEC_GO_ON;
    r->is_put = wait_ms != EXEC_GO_ON;
    return wait_ms;
}

/* ---- what it writes ---- */

static int put_piece(struct exec_run *r, const struct exec_piece *p)
{
    struct exec_entry e = {
        .kind = EXEC_ENTRY_EVENT, .name = p->name, .data = p->data, .len = p->len};
    if (p->kind == EXEC_PIECE_GAP) {
        e = (struct exec_entry){
            .kind = EXEC_ENTRY_GAP, .name = p->reason, .bytes = (int64_t)p->bytes};
    }
    return put(r, &e);
}

static int on_output(void *ctx, const char *data, size_t len, int is_end, size_t *used)
{
    struct exec_run *r = ctx;
    struct exec_piece piece;
    int is_enough = 0;
    int wait_ms = flush(r);
    if (wait_ms != EXEC_GO_ON) {
        return wait_ms;
    }
    for (;;) {
        size_t n = 0;
        int rc = exec_framing_take(&r->framing, data + *used, len - *used, is_end, &n, &piece);
        *used += n;
        if (rc) {
            (void)flush(r); /* what is left is flushed when it comes again */
            return NO_MEMORY_MS;
        }
        if (piece.kind == EXEC_PIECE_NONE) {
            break;
        }
        is_enough = put_piece(r, &piece);
        if (is_enough) {
            break;
        }
    }
    wait_ms = flush(r);
    return wait_ms != EXEC_GO_ON ? wait_ms : is_enough ? 0 : EXEC_CHILD_WAIT;
}

static void on_error(void *ctx, const char *data, size_t len)
{
    struct exec_run *r = ctx;
    exec_said_add(&r->said, data, len, r->host->log, r->stream);
}

/* ---- its end ---- */

static void put_end(struct exec_run *r)
{
    struct json_object *o = exec_status_json(&r->last);
    const char *text = o ? json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN) : NULL;
    text = text ? text : "{}";
    struct exec_entry e = {.kind = EXEC_ENTRY_END, .data = text, .len = strlen(text)};
    r->has_ended = 1;
    put(r, &e);
    json_object_put(o);
}

static void put_restart(struct exec_run *r)
{
    char name[16];
    char detail[128] = "the program was started again";
    if (r->last.signal) {
        exec_signal_name(r->last.signal, name);
        snprintf(detail, sizeof detail, "the program was ended by %s and started again", name);
    } else if (r->restarts > 0) {
        snprintf(detail, sizeof detail, "the program ended with status %d and was started again",
                 r->last.code);
    }
    struct exec_entry e = {.kind = EXEC_ENTRY_GAP,
                           .name = "restarted",
                           .data = detail,
                           .len = strlen(detail),
                           .bytes = -1};
    put(r, &e);
}

static void log_end(const struct exec_run *r, int is_again)
{
    const struct exec_status *s = &r->last;
    const char *again = is_again ? "again_in_ms" : NULL; /* a field without a key ends the line */
    char name[16] = "";
    if (s->signal) {
        exec_signal_name(s->signal, name);
    }
    if (s->error) {
        log_say(r->host->log, ERROR, "exec", "the program cannot be started",
                LOG_TEXT("stream", r->stream), LOG_TEXT("program", r->argv[0]),
                LOG_TEXT("setting", s->step ? s->step : ""), LOG_TEXT("error", strerror(s->error)),
                LOG_NUM(again, r->wait_ms));
    } else if (s->signal || s->code) {
        log_say(r->host->log, WARN, "exec", "the program failed", LOG_TEXT("stream", r->stream),
                LOG_NUM("status", s->code), LOG_TEXT("signal", name),
                LOG_NUM(again, r->wait_ms));
    } else {
        log_say(r->host->log, INFO, "exec", "the program ended", LOG_TEXT("stream", r->stream),
                LOG_NUM(again, r->wait_ms));
    }
}

static int is_to_restart(const struct exec_run *r)
{
    const struct exec_settings *s = r->settings;
    int has_failed = r->last.code || r->last.signal || r->last.error;
    int is_wanted =
        s->restart == EXEC_RESTART_ALWAYS || (s->restart == EXEC_RESTART_ON_FAILURE && has_failed);
    return is_wanted && (s->restart_limit == 0 || r->restarts < (uint64_t)s->restart_limit);
}

static void on_timer(uv_timer_t *timer);

static void decide(struct exec_run *r)
{
    const struct exec_settings *s = r->settings;
    if (now_ms(r) - r->started_ms >= s->restart_max_ms) {
        r->restarts = 0;
        r->wait_ms = s->restart_min_ms;
    }
    int is_again = is_to_restart(r);
    log_end(r, is_again);
    if (!is_again) {
        put_end(r);
        int wait_ms = flush(r);
        if (wait_ms != EXEC_GO_ON) {
            uv_timer_start(&r->timer, on_timer, (uint64_t)wait_ms, 0);
        }
        return;
    }
    uv_timer_start(&r->timer, on_timer, (uint64_t)r->wait_ms, 0);
    r->restarts++;
    r->wait_ms = 2 * r->wait_ms < s->restart_max_ms ? 2 * r->wait_ms : s->restart_max_ms;
}

static void on_part_closed(void *ctx)
{
    struct exec_run *r = ctx;
    if (--r->open_parts > 0 || !r->is_closing) {
        return;
    }
    exec_framing_fini(&r->framing);
    free(r->argv);
    free(r->env);
    r->closed(r->closed_ctx);
}

static void on_ended(void *ctx, const struct exec_status *status)
{
    struct exec_run *r = ctx;
    exec_said_end(&r->said, r->host->log, r->stream);
    r->last = *status;
    exec_child_close(r->child, on_part_closed, r);
    r->child = NULL;
    decide(r);
}

/* ---- its start ---- */

static void start(struct exec_run *r)
{
    const struct exec_settings *s = r->settings;
    exec_framing_fini(&r->framing);
    exec_framing_init(&r->framing, (enum exec_framing_kind)s->framing, (size_t)s->max_line_bytes);
    struct exec_child_setup setup = {.loop = r->host->loop,
                                     .argv = r->argv,
                                     .env = r->env,
                                     .cwd = s->cwd,
                                     .user = s->user,
                                     .kill_ms = s->kill_s * 1000,
                                     .lock_fd = r->target.lock_fd,
                                     .rest_bytes = EXEC_FRAMING_REST((size_t)s->max_line_bytes),
                                     .output = on_output,
                                     .error = on_error,
                                     .ended = on_ended,
                                     .ctx = r};
    r->started_ms = now_ms(r);
    r->has_run = 1;
    int rc = exec_child_new(&r->child, &setup);
    if (rc) {
        r->last =
            (struct exec_status){.code = STATUS_FAILED, .error = rc == ERR_NOMEM ? ENOMEM : errno};
        decide(r);
        return;
    }
    r->open_parts++;
}

static void on_timer(uv_timer_t *timer)
{
    struct exec_run *r = timer->data;
    if (r->has_run && !r->has_ended && !r->is_put) {
        put_restart(r);
    }
    int wait_ms = flush(r);
    if (wait_ms != EXEC_GO_ON) {
        uv_timer_start(timer, on_timer, (uint64_t)wait_ms, 0);
        return;
    }
    if (!r->has_ended) {
        start(r);
    }
}

/* ---- life ---- */

int exec_run_init(struct exec_run *r, const struct exec_settings *settings,
                  const struct source_host *host, const char *stream,
                  const struct exec_target *target)
{
    *r = (struct exec_run){.settings = settings,
                           .host = host,
                           .stream = stream,
                           .target = *target,
                           .wait_ms = settings->restart_min_ms};
    r->argv = exec_settings_argv(settings);
    r->env = exec_settings_env(settings);
    if (!r->argv || !r->env) {
        free(r->argv);
        free(r->env);
        return ERR_NOMEM;
    }
    uv_timer_init(host->loop, &r->timer);
    r->timer.data = r;
    r->open_parts = 1;
    uv_timer_start(&r->timer, on_timer, 0, 0);
    return 0;
}

void exec_run_has_run(struct exec_run *r)
{
    r->has_run = 1;
}

int exec_run_is_down(const struct exec_run *r)
{
    return !r->child && !r->has_ended;
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

void exec_run_close(struct exec_run *r, void (*closed)(void *ctx), void *ctx)
{
    r->closed = closed;
    r->closed_ctx = ctx;
    r->is_closing = 1;
    if (r->child) {
        exec_child_close(r->child, on_part_closed, r);
        r->child = NULL;
    }
    uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}

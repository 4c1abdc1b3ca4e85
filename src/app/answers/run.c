/* SPDX-License-Identifier: MIT */
/* run: one answer that is made in this process: what it was asked, where it is kept, how it ends.
 */
#include "app/answers/run.h"

#include "app/answers/run_stream.h"
#include "app/channels.h"
#include "app/figures/usage.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "conf/json.h"
#include "source/journal/journal.h"
#include "source/run/log.h"
#include "source/run/view.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define URL_BYTES 4096

/* --- the journal --------------------------------------------------------------------------- */

static void tell_readers(const struct app_run *r, int has_begun)
{
    for (struct app_channel *c = r->stream->channels; c; c = c->next_same) {
        run_log_written(c->source, has_begun);
    }
}

int app_run_flush(struct app_run *r)
{
    if (r->batch.count == 0) {
        return 0;
    }
    uint64_t begun = r->journal->begun;
    int rc = app_run_batch_write(&r->batch, r->journal);
    if (rc) {
        return rc == ERR_IO && journal_is_full(r->journal) ? ERR_RANGE : rc;
    }
    tell_readers(r, r->journal->begun != begun);
    return 0;
}

int app_run_add(struct app_run *r, const struct source_item *item)
{
    if (item->data_len > run_log_rules.max_event_bytes
        || (item->name && strlen(item->name) > JOURNAL_NAME_MAX)) {
        return ERR_LIMIT;
    }
    int rc = app_run_batch_add(&r->batch, item);
    return rc || !app_run_batch_is_full(&r->batch) ? rc : app_run_flush(r);
}

static int write_event(struct app_run *r, const char *name, const char *data)
{
    const struct source_item item = {.name = name, .data = data, .data_len = strlen(data)};
    int rc = app_run_add(r, &item);
    return rc ? rc : app_run_flush(r);
}

/* Writes an event with an object as its data, which is put. */
static int write_object(struct app_run *r, const char *name, struct json_object *o, int rc)
{
    static const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
    const char *text = rc ? NULL : json_object_to_json_string_ext(o, flags);
    rc = rc ? rc : text ? write_event(r, name, text) : ERR_NOMEM;
    json_object_put(o);
    return rc;
}

int app_run_write_started(struct app_run *r, const char *prefix)
{
    char url[URL_BYTES];
    struct json_object *o = json_object_new_object();
    snprintf(url, sizeof url, "%s/%s", prefix, r->stream->name);
    int rc = o ? conf_json_add(o, "id", json_object_new_string(r->id)) : ERR_NOMEM;
    rc = rc ? rc : conf_json_add(o, "url", json_object_new_string(url));
    return write_object(r, "stream.started", o, rc);
}

int app_run_write_place(struct app_run *r, size_t place)
{
    struct json_object *o = json_object_new_object();
    int rc = o ? conf_json_add(o, "place", json_object_new_int64((int64_t)place)) : ERR_NOMEM;
    return write_object(r, "stream.queued", o, rc);
}

/* An end that is in nobody's journal is no reason to keep the lock: without it a reader who finds
 * no end says that the answer was interrupted. */
static void ended(struct app_run *r, int rc)
{
    enum usage_end how = rc || r->is_unwritten ? USAGE_INTERRUPTED
                         : r->is_cancelled     ? USAGE_CANCELLED
                         : r->has_failed       ? USAGE_FAILED
                                               : USAGE_COMPLETE;
    int error = errno;
    journal_rest(r->journal); /* others may write to it, if its end is missing */
    errno = error;
    r->usage->ended[how]++;
    r->state = APP_RUN_ENDED;
    if (rc) {
        log_say(r->host.log, ERROR, "app", "the end of an answer cannot be kept",
                LOG_TEXT("stream", r->stream->family->name),
                LOG_TEXT("error", rc == ERR_RANGE ? "no room on disk" : strerror(errno)));
        close(r->lock_fd);
        r->lock_fd = -1;
    } else {
        run_folder_touch(r->lock_fd);
    }
}

void app_run_write_end(struct app_run *r, const char *data)
{
    data = r->is_cancelled ? "{\"reason\":\"cancelled\"}" : data ? data : "{}";
    r->is_unwritten |= app_run_flush(r) != 0;
    if (r->is_unwritten) { /* what came before is missing: readers are to hear so */
        journal_rest(r->journal);
        int rc = run_log_interrupt(r->stream->state_dir, r->stream->name, r->host.clock);
        tell_readers(r, 1);
        ended(r, rc);
        return;
    }
    ended(r, write_event(r, RUN_END_NAME, data));
}

void app_run_write_refusal(struct app_run *r, int status, const char *error)
{
    struct json_object *o = json_object_new_object();
    int rc = o ? conf_json_add(o, "status", json_object_new_int(status)) : ERR_NOMEM;
    rc = rc ? rc : conf_json_add(o, "error", json_object_new_string(error));
    r->has_failed = 1;
    ended(r, write_object(r, RUN_END_NAME, o, rc));
}

int app_run_is_left(struct app_run *r, int64_t now_ms)
{
    if (r->readers_fd < 0 || run_folder_has_readers(r->readers_fd)) {
        r->alone_ms = 0;
        return 0;
    }
    r->alone_ms = r->alone_ms ? r->alone_ms : now_ms;
    return now_ms - r->alone_ms >= r->stream->family->runs.grace_s * 1000;
}

/* --- life ---------------------------------------------------------------------------------- */

/* For max_runs_user; never 0. */
static uint64_t who_asks(const struct source_request *request)
{
    const char *name = request->user ? request->user : request->address ? request->address : "";
    uint64_t hash = hash_mix64(hash_more(HASH_START + (request->user != NULL), name, strlen(name)));
    return hash ? hash : 1;
}

struct app_run *app_run_new(struct app_run_streams *streams, struct app_stream *named,
                            const struct source_request *request)
{
    struct app_run *r = calloc(1, sizeof *r);
    if (!r) {
        return NULL;
    }
    *r = (struct app_run){.lock_fd = -1, .readers_fd = -1, .who = who_asks(request)};
    r->stream = run_id_draw(r->id) ? NULL : app_run_stream_of(streams, named, r->id);
    r->folder = r->stream ? run_folder_path(r->stream->state_dir, r->stream->name) : NULL;
    if (!r->folder) {
        app_run_free(r);
        return NULL;
    }
    r->setup = (struct source_setup){.stream = named->name, .settings = named->settings};
    r->request = *request;
    r->request.id = r->id;
    return r;
}

int app_run_prepare(struct app_run *r)
{
    const struct app_stream *s = r->stream;
    struct run_facts facts = {.keep_s = s->family->runs.keep_s};
    const char *user = r->request.user ? r->request.user : "";
    if (strlen(user) > RUN_USER_MAX) {
        return ERR_LIMIT;
    }
    memcpy(facts.user, user, strlen(user) + 1);
    int rc = run_folder_make(r->folder, &facts, &r->lock_fd);
    if (rc) {
        return rc == ERR_IO && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) ? ERR_RANGE
                                                                                      : rc;
    }
    rc = journal_new(&r->journal, s->state_dir, s->name, &run_log_rules, r->host.clock);
    if (!rc && s->family->runs.on_leave == APP_LEAVE_CANCEL) {
        rc = run_folder_open_readers(r->folder, &r->readers_fd);
    }
    return rc;
}

static const char *put_text(char **at, const char *text)
{
    if (!text) {
        return NULL;
    }
    char *copy = *at;
    size_t size = strlen(text) + 1;
    memcpy(copy, text, size);
    *at += size;
    return copy;
}

static size_t size_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

int app_run_copy_request(struct app_run *r, const struct source_request *request)
{
    char *at = malloc(request->len + 1 + size_of(request->type) + size_of(request->user)
                      + size_of(request->address));
    if (!at) {
        return ERR_NOMEM;
    }
    r->copies = at;
    r->request = *request;
    r->request.body = at;
    if (request->len > 0) {
        memcpy(at, request->body, request->len);
    }
    at += request->len;
    *at++ = '\0';
    r->request.type = put_text(&at, request->type);
    r->request.user = put_text(&at, request->user);
    r->request.address = put_text(&at, request->address);
    r->request.id = r->id;
    return 0;
}

void app_run_free(struct app_run *r)
{
    if (r->lock_fd >= 0) {
        if (r->is_deleted) {
            run_folder_remove(r->folder);
        }
        close(r->lock_fd);
    }
    if (r->readers_fd >= 0) {
        close(r->readers_fd);
    }
    journal_free(r->journal);
    app_run_batch_fini(&r->batch);
    app_stream_unref(r->stream);
    free(r->folder);
    free(r->copies);
    free(r);
}

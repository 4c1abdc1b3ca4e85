/* SPDX-License-Identifier: MIT */
/* chat_put: from what the service sends to the events that readers get. */
#include "source/chat/answer.h"

#include "base/err.h"
#include "source/chat/settings.h"

#include <json-c/json.h>
#include <string.h>

#define TEXT_FLAGS (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

static int is_openai(const struct chat_run *r)
{
    return r->settings->format == CHAT_OPENAI;
}

int chat_put_wrong(struct chat_run *r, enum chat_reason reason)
{
    if (!r->is_wrong) {
        r->is_wrong = 1;
        r->verdict = (struct chat_verdict){.reason = reason};
    }
    return ERR_CLOSED;
}

/* ---- events ---- */

static int put(struct chat_run *r, const char *name, const char *data, size_t len)
{
    struct source_item item = {.name = name, .data = data, .data_len = len};
    if (r->is_dropped) {
        return ERR_CLOSED;
    }
    return r->answer.event(r->answer.ctx, &item);
}

/* A part of the answer. */
static int put_part(struct chat_run *r, const char *name, const char *data, size_t len)
{
    r->output_bytes += len;
    if (r->output_bytes > (size_t)r->settings->max_output_bytes) {
        return chat_put_wrong(r, CHAT_TOO_LARGE);
    }
    r->is_put = 1;
    return put(r, name, data, len) < 0 ? chat_put_wrong(r, CHAT_NOT_KEPT) : 0;
}

/* Puts the object, and then releases it. */
static void put_object(struct chat_run *r, const char *name, struct json_object *object)
{
    size_t len;
    const char *text = object ? json_object_to_json_string_length(object, TEXT_FLAGS, &len) : NULL;
    if (text) {
        (void)put(r, name, text, len); /* the end comes next in any case */
    }
    json_object_put(object);
}

/* ---- what it costs ---- */

static void count_up(struct chat_run *r, enum source_count what, long long *counted, long long to)
{
    if (to > *counted) {
        r->answer.count(r->answer.ctx, what, (uint64_t)(to - *counted));
        *counted = to;
    }
}

/* A piece of the answer is a token, or several: that is what is known until the service says the number. */
static void count(struct chat_run *r, const struct chat_chunk *c)
{
    if (c->piece) {
        count_up(r, SOURCE_COMPLETION_TOKENS, &r->counted.completion_tokens,
                 r->counted.completion_tokens + 1);
    }
    if (c->is_usage) {
        count_up(r, SOURCE_PROMPT_TOKENS, &r->counted.prompt_tokens, c->usage.prompt_tokens);
        count_up(r, SOURCE_COMPLETION_TOKENS, &r->counted.completion_tokens,
                 c->usage.completion_tokens);
    }
}

/* ---- what comes ---- */

static int take_chunk(struct chat_run *r, const struct chat_chunk *c, const char *data, size_t len)
{
    if (c->is_error) {
        chat_put_wrong(r, CHAT_FAILED);
        r->verdict.word = c->word;
        return ERR_CLOSED;
    }
    if (*c->word.text) {
        r->has_finished = 1;
        r->verdict.word = c->word;
    }
    if (c->is_usage) {
        r->has_usage = 1;
        r->usage = c->usage;
    }
    if (!is_openai(r)) {
        return c->piece ? put_part(r, "token", c->piece, c->piece_len) : 0;
    }
    /* Who has not asked for it does not expect a chunk without choices. */
    int is_ours = c->is_usage && !c->has_choices && !r->body.wants_usage;
    return is_ours ? 0 : put_part(r, NULL, data, len);
}

int chat_put_data(struct chat_run *r, const char *data, size_t len)
{
    struct chat_chunk c;
    if (r->is_cancelled || r->is_dropped) {
        return ERR_CLOSED;
    }
    if (len == 0) {
        return 0;
    }
    if (chat_chunk_is_done(data, len)) {
        chat_put_rest(r);
        return 1;
    }
    if (chat_chunk_init(&c, r->tokener, data, len)) {
        return chat_put_wrong(r, CHAT_MALFORMED);
    }
    chat_run_heard(r, c.piece != NULL);
    count(r, &c);
    int rc = take_chunk(r, &c, data, len);
    chat_chunk_fini(&c);
    return rc;
}

void chat_put_rest(struct chat_run *r)
{
    if (r->is_complete) {
        return;
    }
    r->is_complete = 1;
    if (is_openai(r)) {
        (void)put(r, NULL, CHAT_CHUNK_DONE, strlen(CHAT_CHUNK_DONE));
    } else if (r->has_usage) {
        put_object(r, "usage", chat_say_usage(&r->usage));
    }
}

void chat_put_end(struct chat_run *r)
{
    struct json_object *object;
    if (r->verdict.reason != CHAT_OK && r->verdict.reason != CHAT_CANCELLED) {
        object = chat_say_error(&r->verdict, is_openai(r));
        put_object(r, is_openai(r) ? NULL : "chat.error", object);
    }
    if (!r->is_dropped) {
        object = chat_say_end(&r->verdict);
        r->answer.end(r->answer.ctx, object ? json_object_to_json_string_ext(object, TEXT_FLAGS) : NULL,
                      r->verdict.reason != CHAT_OK && r->verdict.reason != CHAT_CANCELLED);
        json_object_put(object);
    }
}

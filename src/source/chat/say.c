/* SPDX-License-Identifier: MIT */
/* chat_say: what readers are told besides the answer itself, as JSON. */
#include "source/chat/say.h"

#include <json-c/json.h>

/* Nothing here tells where the service is, or as whom we ask it. */
static const struct {
    const char *word;
    const char *detail;
} reasons[] = {
    [CHAT_OK] = {"ok", ""},
    [CHAT_DENIED] = {"access-denied", "the answering service does not accept this server's key"},
    [CHAT_BUSY] = {"rate-limited", "the answering service takes no more requests for now"},
    [CHAT_REJECTED] = {"rejected", "the answering service refuses this request"},
    [CHAT_FAILED] = {"upstream-failed", "the answering service has failed"},
    [CHAT_UNREACHABLE] = {"unreachable", "the answering service cannot be reached"},
    [CHAT_CUT] = {"cut-off", "the answer broke off before its end"},
    [CHAT_MALFORMED] = {"malformed", "the answering service sent something that is no answer"},
    [CHAT_TOO_LARGE] = {"too-large", "the answer, or a piece of it, is larger than allowed"},
    [CHAT_SILENT] = {"timeout", "the answering service was silent for too long"},
    [CHAT_TOO_LONG] = {"run-time", "the answer took longer than allowed"},
    [CHAT_NOT_KEPT] = {"not-kept", "the answer could not be kept"},
    [CHAT_CANCELLED] = {"cancelled", "nobody wanted the rest"},
};

const char *chat_say_reason(enum chat_reason reason)
{
    return reasons[reason].word;
}

/* Takes the value over. The object without a member is better than none. */
static void put(struct json_object *object, const char *key, struct json_object *value)
{
    if (json_object_object_add(object, key, value)) {
        json_object_put(value);
    }
}

static void put_text(struct json_object *object, const char *key, const char *text)
{
    put(object, key, json_object_new_string(text));
}

static void put_count(struct json_object *object, const char *key, long long count)
{
    if (count >= 0) {
        put(object, key, json_object_new_int64(count));
    }
}

/* As client libraries of that format know it. */
static struct json_object *wrap(struct json_object *inner)
{
    struct json_object *outer = json_object_new_object();
    if (!outer) {
        json_object_put(inner);
        return NULL;
    }
    put(outer, "error", inner);
    return outer;
}

struct json_object *chat_say_error(const struct chat_verdict *v, int is_openai)
{
    struct json_object *object = json_object_new_object();
    if (!object) {
        return NULL;
    }
    put_text(object, is_openai ? "type" : "reason", reasons[v->reason].word);
    put_text(object, is_openai ? "message" : "detail", reasons[v->reason].detail);
    if (*v->word.text) {
        put_text(object, "code", v->word.text);
    } else if (is_openai) {
        put(object, "code", NULL);
    }
    if (is_openai) {
        put(object, "param", NULL);
    }
    put_count(object, "retry_after", v->retry_after_s > 0 ? v->retry_after_s : -1);
    return is_openai ? wrap(object) : object;
}

struct json_object *chat_say_usage(const struct chat_usage *u)
{
    struct json_object *object = json_object_new_object();
    if (object) {
        put_count(object, "prompt_tokens", u->prompt_tokens);
        put_count(object, "completion_tokens", u->completion_tokens);
        put_count(object, "total_tokens", u->total_tokens);
    }
    return object;
}

struct json_object *chat_say_end(const struct chat_verdict *v)
{
    struct json_object *object = json_object_new_object();
    if (!object) {
        return NULL;
    }
    int is_error = v->reason != CHAT_OK && v->reason != CHAT_CANCELLED;
    put_text(object, "status", is_error ? "error" : reasons[v->reason].word);
    if (is_error) {
        put_text(object, "reason", reasons[v->reason].word);
    } else if (*v->word.text) {
        put_text(object, "finish_reason", v->word.text);
    }
    put_count(object, "retry_after", v->retry_after_s > 0 ? v->retry_after_s : -1);
    return object;
}

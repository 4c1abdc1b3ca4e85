/* SPDX-License-Identifier: MIT */
/* chat_chunk: what one event of the service's stream says. */
#include "source/chat/chunk.h"

#include "base/err.h"

#include <json-c/json.h>
#include <string.h>

#define DEPTH_MAX 16

struct json_tokener *chat_chunk_tokener(void)
{
    struct json_tokener *t = json_tokener_new_ex(DEPTH_MAX);
    if (t) {
        json_tokener_set_flags(t, JSON_TOKENER_STRICT);
    }
    return t;
}

int chat_chunk_is_done(const char *data, size_t len)
{
    return len == strlen(CHAT_CHUNK_DONE) && memcmp(data, CHAT_CHUNK_DONE, len) == 0;
}

/* ---- members ---- */

static struct json_object *member(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    if (json_object_is_type(object, json_type_object)) {
        json_object_object_get_ex(object, key, &value);
    }
    return value;
}

static void take_word(struct json_object *value, struct chat_word *out)
{
    const char *text = json_object_is_type(value, json_type_string) ? json_object_get_string(value)
                                                                    : "";
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    if (len > 0 && len < sizeof out->text && text[len] == '\0') {
        memcpy(out->text, text, len + 1);
    }
}

void chat_chunk_error(struct json_object *error, struct chat_word *out)
{
    take_word(member(error, "code"), out);
    if (!*out->text) {
        take_word(member(error, "type"), out);
    }
}

static long long take_count(struct json_object *usage, const char *key)
{
    struct json_object *value = member(usage, key);
    int64_t count = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : -1;
    return count < 0 ? -1 : count;
}

/* Of several answers, which we never ask for, the first. */
static int take_choice(struct chat_chunk *c, struct json_object *choices)
{
    struct json_object *choice = json_object_array_get_idx(choices, 0);
    struct json_object *content = member(member(choice, "delta"), "content");
    take_word(member(choice, "finish_reason"), &c->word);
    if (!json_object_is_type(content, json_type_string)
        || json_object_get_string_len(content) == 0) {
        return 0;
    }
    c->piece = json_object_to_json_string_length(
        content, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &c->piece_len);
    return c->piece ? 0 : ERR_NOMEM;
}

static int take_members(struct chat_chunk *c)
{
    struct json_object *choices = member(c->object, "choices");
    struct json_object *usage = member(c->object, "usage");
    struct json_object *error = member(c->object, "error");
    if (error) {
        c->is_error = 1;
        chat_chunk_error(error, &c->word);
        return 0;
    }
    if (json_object_is_type(usage, json_type_object)) {
        c->is_usage = 1;
        c->usage.prompt_tokens = take_count(usage, "prompt_tokens");
        c->usage.completion_tokens = take_count(usage, "completion_tokens");
        c->usage.total_tokens = take_count(usage, "total_tokens");
    }
    if (choices && !json_object_is_type(choices, json_type_array)) {
        return ERR_INVALID;
    }
    c->has_choices = choices && json_object_array_length(choices) > 0;
    return c->has_choices ? take_choice(c, choices) : 0;
}

int chat_chunk_init(struct chat_chunk *out, struct json_tokener *tokener, const char *data,
                    size_t len)
{
    json_tokener_reset(tokener);
    struct chat_chunk c = {.object = json_tokener_parse_ex(tokener, data, (int)len)};
    int is_whole = json_tokener_get_error(tokener) == json_tokener_success
                   && json_tokener_get_parse_end(tokener) == len;
    int rc = is_whole && json_object_is_type(c.object, json_type_object) ? take_members(&c)
                                                                         : ERR_INVALID;
    if (rc) {
        chat_chunk_fini(&c);
        return rc;
    }
    *out = c;
    return 0;
}

void chat_chunk_fini(struct chat_chunk *c)
{
    json_object_put(c->object);
    *c = (struct chat_chunk){.object = NULL};
}

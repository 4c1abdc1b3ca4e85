/* SPDX-License-Identifier: MIT */
/* chat_body: what somebody asks, checked, and what the service is asked for it. */
#include "source/chat/body.h"

#include "base/err.h"
#include "source/chat/settings.h"

#include <json-c/json.h>
#include <string.h>

#define DEPTH_MAX 16
#define NAME_SHOWN 65 /* bytes of a member that nobody knows, for the error */

/* One request in the making. */
struct making {
    const struct chat_settings *settings;
    struct json_object *out;
    struct chat_body *body;
    int64_t max_tokens; /* 0: none was asked for */
    const char *tokens_key;
    int has_messages;
    struct err *err;
};

static int refuse(struct making *m, const char *what)
{
    return err_set(m->err, ERR_INVALID, "%s", what);
}

/* A member's name as it may stand in an error. */
static const char *shown(const char *key, char out[NAME_SHOWN])
{
    size_t len = strnlen(key, NAME_SHOWN - 1);
    for (size_t i = 0; i < len; i++) {
        out[i] = key[i] > ' ' && key[i] <= '~' ? key[i] : '?';
    }
    out[len] = '\0';
    return out;
}

static int add(struct making *m, const char *key, struct json_object *value)
{
    if (value && json_object_object_add(m->out, key, value) == 0) {
        return 0;
    }
    json_object_put(value);
    return err_set(m->err, ERR_NOMEM, "out of memory");
}

/* The text, unless it holds a NUL; NULL also for what is no text. */
static const char *text_of(struct json_object *value)
{
    const char *text = json_object_is_type(value, json_type_string) ? json_object_get_string(value)
                                                                    : NULL;
    return text && strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

/* ---- members that are looked at ---- */

static int take_model(struct making *m, const char *key, struct json_object *value)
{
    const struct conf_list *models = &m->settings->models;
    const char *text = text_of(value);
    (void)key;
    for (size_t i = 0; text && i < models->count; i++) {
        if (strcmp(models->items[i], text) == 0) {
            m->body->model = models->items[i];
            return 0;
        }
    }
    return refuse(m, "model: must be one of those that are allowed here");
}

static int take_tokens(struct making *m, const char *key, struct json_object *value)
{
    int64_t count = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;
    if (count < 1 || count > m->settings->max_tokens) {
        return err_set(m->err, ERR_INVALID, "%s: must be from 1 to %lld", key,
                       (long long)m->settings->max_tokens);
    }
    if (m->tokens_key) {
        return refuse(m, "max_tokens, max_completion_tokens: only one of them");
    }
    m->tokens_key = key;
    m->max_tokens = count;
    return 0;
}

static int take_stream(struct making *m, const char *key, struct json_object *value)
{
    (void)key;
    return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value)
               ? 0
               : refuse(m, "stream: must be true");
}

static int take_stream_options(struct making *m, const char *key, struct json_object *value)
{
    struct json_object *usage;
    (void)key;
    if (!json_object_is_type(value, json_type_object)) {
        return refuse(m, "stream_options: must be an object");
    }
    if (json_object_object_get_ex(value, "include_usage", &usage)) {
        m->body->wants_usage = json_object_get_boolean(usage);
    }
    return 0;
}

/* More answers than one cost as much more. */
static int take_count(struct making *m, const char *key, struct json_object *value)
{
    (void)key;
    return json_object_is_type(value, json_type_int) && json_object_get_int64(value) == 1
               ? 0
               : refuse(m, "n: must be 1");
}

static int take_as_it_is(struct making *m, const char *key, struct json_object *value)
{
    return add(m, key, json_object_get(value));
}

/* ---- messages ---- */

static int is_role(const char *text)
{
    static const char *const roles[] = {"system", "developer", "user", "assistant"};
    for (size_t i = 0; text && i < sizeof roles / sizeof roles[0]; i++) {
        if (strcmp(roles[i], text) == 0) {
            return 1;
        }
    }
    return 0;
}

/* {"type": "text", "text": "..."}. No other: the service would fetch what an image's URL names. */
static int is_text_part(struct json_object *part)
{
    struct json_object *type, *text;
    if (!json_object_is_type(part, json_type_object) || json_object_object_length(part) != 2
        || !json_object_object_get_ex(part, "type", &type)
        || !json_object_object_get_ex(part, "text", &text)) {
        return 0;
    }
    const char *word = text_of(type);
    return word && strcmp(word, "text") == 0 && json_object_is_type(text, json_type_string);
}

static int is_content(struct json_object *content)
{
    if (json_object_is_type(content, json_type_string)) {
        return 1;
    }
    if (!json_object_is_type(content, json_type_array)) {
        return 0;
    }
    for (size_t i = 0; i < json_object_array_length(content); i++) {
        if (!is_text_part(json_object_array_get_idx(content, i))) {
            return 0;
        }
    }
    return json_object_array_length(content) > 0;
}

static int check_message(struct making *m, size_t i, struct json_object *message)
{
    int has_role = 0;
    int has_content = 0;
    char name[NAME_SHOWN];
    if (!json_object_is_type(message, json_type_object)) {
        return err_set(m->err, ERR_INVALID, "messages[%zu]: must be an object", i);
    }
    json_object_object_foreach(message, key, value) {
        if (strcmp(key, "role") == 0) {
            has_role = is_role(text_of(value));
        } else if (strcmp(key, "content") == 0) {
            has_content = is_content(value);
        } else if (strcmp(key, "name") != 0 || !text_of(value)) {
            return err_set(m->err, ERR_INVALID, "messages[%zu].%s: is not taken here", i,
                           shown(key, name));
        }
    }
    if (!has_role) {
        return err_set(m->err, ERR_INVALID,
                       "messages[%zu].role: must be system, developer, user or assistant", i);
    }
    return has_content ? 0
                       : err_set(m->err, ERR_INVALID,
                                 "messages[%zu].content: must be a text, or parts of type text", i);
}

static int take_messages(struct making *m, const char *key, struct json_object *value)
{
    size_t count = json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;
    if (count == 0) {
        return refuse(m, "messages: must be an array of one or more");
    }
    if (count > (size_t)m->settings->max_messages) {
        return err_set(m->err, ERR_INVALID, "messages: at most %lld",
                       (long long)m->settings->max_messages);
    }
    for (size_t i = 0; i < count; i++) {
        int rc = check_message(m, i, json_object_array_get_idx(value, i));
        if (rc) {
            return rc;
        }
    }
    m->has_messages = 1;
    return add(m, key, json_object_get(value));
}

/* ---- all of it ---- */

static const struct member {
    const char *name;
    int (*take)(struct making *m, const char *key, struct json_object *value);
} members[] = {
    {"frequency_penalty", take_as_it_is},
    {"max_completion_tokens", take_tokens},
    {"max_tokens", take_tokens},
    {"messages", take_messages},
    {"model", take_model},
    {"n", take_count},
    {"presence_penalty", take_as_it_is},
    {"reasoning_effort", take_as_it_is},
    {"response_format", take_as_it_is},
    {"seed", take_as_it_is},
    {"stop", take_as_it_is},
    {"stream", take_stream},
    {"stream_options", take_stream_options},
    {"temperature", take_as_it_is},
    {"top_p", take_as_it_is},
};

static const struct member *find_member(const char *name)
{
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (strcmp(members[i].name, name) == 0) {
            return &members[i];
        }
    }
    return NULL;
}

/* A null is as good as nothing. */
static int take_members(struct making *m, struct json_object *in)
{
    char name[NAME_SHOWN];
    json_object_object_foreach(in, key, value) {
        const struct member *member = find_member(key);
        int rc = !member ? err_set(m->err, ERR_INVALID, "%s: is not taken here", shown(key, name))
                 : value ? member->take(m, member->name, value)
                         : 0;
        if (rc) {
            return rc;
        }
    }
    return m->has_messages ? 0 : refuse(m, "messages: is missing");
}

/* What no client decides. */
static int add_ours(struct making *m)
{
    const struct chat_settings *s = m->settings;
    struct json_object *options = json_object_new_object();
    if (!m->body->model) {
        m->body->model = s->models.items[0];
    }
    if (!m->tokens_key) {
        m->tokens_key = chat_tokens_keys[s->tokens_key];
        m->max_tokens = s->max_tokens;
    }
    int rc = add(m, "stream_options", options);
    if (!rc && json_object_object_add(options, "include_usage", json_object_new_boolean(1))) {
        rc = err_set(m->err, ERR_NOMEM, "out of memory");
    }
    rc = rc ? rc : add(m, "stream", json_object_new_boolean(1));
    rc = rc ? rc : add(m, "model", json_object_new_string(m->body->model));
    return rc ? rc : add(m, m->tokens_key, json_object_new_int64(m->max_tokens));
}

static int parse(const char *bytes, size_t len, struct json_object **out, struct err *err)
{
    struct json_tokener *t = json_tokener_new_ex(DEPTH_MAX);
    if (!t) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *object = json_tokener_parse_ex(t, bytes, (int)len);
    int is_whole = json_tokener_get_error(t) == json_tokener_success
                   && json_tokener_get_parse_end(t) == len;
    json_tokener_free(t);
    if (!is_whole || !json_object_is_type(object, json_type_object)) {
        json_object_put(object);
        return err_set(err, ERR_INVALID, "the body must be a JSON object");
    }
    *out = object;
    return 0;
}

int chat_body_init(struct chat_body *out, const struct chat_settings *settings, const char *bytes,
                   size_t len, struct err *err)
{
    struct json_object *in;
    struct chat_body b = {.model = NULL};
    struct making m = {.settings = settings, .body = &b, .err = err};
    if (len > (size_t)settings->max_body_bytes) {
        return err_set(err, ERR_LIMIT, "the body must be at most %lld bytes",
                       (long long)settings->max_body_bytes);
    }
    int rc = parse(bytes, len, &in, err);
    if (rc) {
        return rc;
    }
    m.out = b.object = json_object_new_object();
    rc = m.out ? take_members(&m, in) : err_set(err, ERR_NOMEM, "out of memory");
    rc = rc ? rc : add_ours(&m);
    json_object_put(in);
    if (!rc) {
        b.text = json_object_to_json_string_length(
            b.object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &b.len);
        rc = b.text ? 0 : err_set(err, ERR_NOMEM, "out of memory");
    }
    if (rc) {
        chat_body_fini(&b);
        return rc;
    }
    *out = b;
    return 0;
}

void chat_body_fini(struct chat_body *b)
{
    json_object_put(b->object);
    *b = (struct chat_body){.model = NULL};
}

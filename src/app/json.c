/* SPDX-License-Identifier: MIT */
/* json: the JSON texts that we write ourselves, built by json-c. */
#include "app/json.h"

#include "app/channels.h"
#include "app/config.h"
#include "app/family.h"
#include "app/stream.h"
#include "base/buf.h"
#include "base/err.h"
#include "conf/json.h"
#include "source/source.h"

#include <json-c/json.h>
#include <stdio.h>

static void add_text(struct json_object *object, const char *key, const char *text)
{
    if (text) {
        json_object_object_add(object, key, json_object_new_string(text));
    }
}

static void add_count(struct json_object *object, const char *key, int64_t count)
{
    if (count >= 0) {
        json_object_object_add(object, key, json_object_new_int64(count));
    }
}

int app_json_gap(const struct sse_gap *gap, struct buf *out)
{
    struct json_object *object = json_object_new_object();
    if (!object) {
        return ERR_NOMEM;
    }
    add_text(object, "stream", gap->stream);
    add_text(object, "reason", gap->reason);
    add_text(object, "detail", gap->detail);
    add_count(object, "bytes", gap->bytes);
    add_count(object, "events", gap->events);
    return conf_json_append(object, out);
}

int app_json_end(const char *reason, struct buf *out)
{
    struct json_object *object = json_object_new_object();
    if (!object) {
        return ERR_NOMEM;
    }
    add_text(object, "reason", reason);
    return conf_json_append(object, out);
}

int app_json_progress(int64_t bytes_left, struct buf *out)
{
    struct json_object *object = json_object_new_object();
    if (!object) {
        return ERR_NOMEM;
    }
    add_count(object, "bytes_left", bytes_left);
    return conf_json_append(object, out);
}

int app_json_busy(const char *reason, const char *detail, int64_t limit, struct buf *out)
{
    struct json_object *object = json_object_new_object();
    if (!object) {
        return ERR_NOMEM;
    }
    add_text(object, "reason", reason);
    add_text(object, "detail", detail);
    add_count(object, "limit", limit);
    return conf_json_append(object, out);
}

int app_json_presence(uint64_t readers, struct buf *out)
{
    struct json_object *object = json_object_new_object();
    if (!object) {
        return ERR_NOMEM;
    }
    add_count(object, "readers", readers < INT64_MAX ? (int64_t)readers : INT64_MAX);
    return conf_json_append(object, out);
}

/* Appends {KEY: TEXT} and a newline. */
static int append_line(const char *key, const char *text, struct buf *out)
{
    struct json_object *object = json_object_new_object();
    if (!object) {
        return ERR_NOMEM;
    }
    add_text(object, key, text);
    int rc = conf_json_append(object, out);
    return rc ? rc : buf_append_char(out, '\n');
}

int app_json_position(const char *position, struct buf *out)
{
    return append_line("position", position, out);
}

int app_json_error(const char *text, struct buf *out)
{
    return append_line("error", text, out);
}

/* What may be asked of it: one that answers requests cannot be read itself. */
static struct json_object *methods_of(const struct app_stream *s)
{
    struct json_object *methods = json_object_new_array();
    if (methods && !app_stream_answers(s)) {
        json_object_array_add(methods, json_object_new_string("GET"));
    }
    if (methods && s->publishers) {
        json_object_array_add(methods, json_object_new_string("POST"));
    }
    return methods;
}

/* How an answer is cut into events, which who puts it together must know. The other settings are nobody's
 * business. */
static void add_framing(struct json_object *entry, const struct app_stream *s)
{
    static const char *const told[] = {"framing", "format"};
    struct json_object *settings = json_object_new_object(), *value;
    if (settings && app_stream_dump(s, settings) == 0) {
        for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
            if (json_object_object_get_ex(settings, told[i], &value)) {
                json_object_object_add(entry, told[i], json_object_get(value));
            }
        }
    }
    json_object_put(settings);
}

static struct json_object *stream_entry(const struct app_config *config, const struct app_stream *s)
{
    char url[2 * APP_NAME_MAX + CONF_TEXT_MAX];
    struct json_object *entry = json_object_new_object();
    struct json_object *params = json_object_new_array();
    if (!entry || !params) {
        json_object_put(entry);
        json_object_put(params);
        return NULL;
    }
    snprintf(url, sizeof url, "%s/%s", config->prefix, s->name);
    add_text(entry, "name", s->name);
    add_text(entry, "source", s->type->name);
    add_text(entry, "url", url);
    add_count(entry, "readers", (int64_t)app_channels_readers(s));
    if (s->members) {
        add_count(entry, "members", (int64_t)app_family_count(s->members));
    }
    for (const char *const *p = s->type->param_names; p && *p; p++) {
        json_object_array_add(params, json_object_new_string(*p));
    }
    json_object_object_add(entry, "params", params);
    json_object_object_add(entry, "methods", methods_of(s));
    if (app_stream_answers(s)) {
        add_framing(entry, s);
    }
    return entry;
}

int app_json_list(const struct app_config *config, struct buf *out)
{
    struct json_object *root = json_object_new_object();
    struct json_object *list = json_object_new_array();
    if (!root || !list) {
        json_object_put(root);
        json_object_put(list);
        return ERR_NOMEM;
    }
    json_object_object_add(root, "streams", list);
    for (size_t i = 0; i < config->stream_count; i++) {
        struct json_object *entry = stream_entry(config, config->streams[i]);
        if (!entry || json_object_array_add(list, entry)) {
            json_object_put(entry);
            json_object_put(root);
            return ERR_NOMEM;
        }
    }
    int rc = conf_json_append(root, out);
    return rc ? rc : buf_append_char(out, '\n');
}

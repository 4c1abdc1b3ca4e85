/* SPDX-License-Identifier: MIT */
/* json: the JSON texts that we write ourselves, built by json-c. */
#include "app/json.h"

#include "app/channels.h"
#include "app/config.h"
#include "base/buf.h"
#include "base/err.h"
#include "source/source.h"

#include <json-c/json.h>
#include <stdio.h>

/* Appends the object and puts it. */
static int append(struct json_object *object, struct buf *out)
{
    size_t len;
    const char *text = json_object_to_json_string_length(
        object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    int rc = text ? buf_append(out, text, len) : ERR_NOMEM;
    json_object_put(object);
    return rc;
}

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
    add_text(object, "reason", gap->reason);
    add_text(object, "detail", gap->detail);
    add_count(object, "bytes", gap->bytes);
    add_count(object, "events", gap->events);
    return append(object, out);
}

int app_json_end(const char *reason, struct buf *out)
{
    struct json_object *object = json_object_new_object();
    if (!object) {
        return ERR_NOMEM;
    }
    add_text(object, "reason", reason);
    return append(object, out);
}

int app_json_progress(int64_t bytes_left, struct buf *out)
{
    struct json_object *object = json_object_new_object();
    if (!object) {
        return ERR_NOMEM;
    }
    add_count(object, "bytes_left", bytes_left);
    return append(object, out);
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
    return append(object, out);
}

/* Appends {KEY: TEXT} and a newline. */
static int append_line(const char *key, const char *text, struct buf *out)
{
    struct json_object *object = json_object_new_object();
    if (!object) {
        return ERR_NOMEM;
    }
    add_text(object, key, text);
    int rc = append(object, out);
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

static struct json_object *stream_entry(const struct app_config *config,
                                        const struct app_channels *channels,
                                        const struct app_stream *s)
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
    add_count(entry, "readers", (int64_t)app_channels_readers(channels, s));
    for (const char *const *p = s->type->param_names; p && *p; p++) {
        json_object_array_add(params, json_object_new_string(*p));
    }
    json_object_object_add(entry, "params", params);
    return entry;
}

int app_json_list(const struct app_config *config, const struct app_channels *channels,
                  struct buf *out)
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
        struct json_object *entry = stream_entry(config, channels, config->streams[i]);
        if (!entry || json_object_array_add(list, entry)) {
            json_object_put(entry);
            json_object_put(root);
            return ERR_NOMEM;
        }
    }
    int rc = append(root, out);
    return rc ? rc : buf_append_char(out, '\n');
}

/* SPDX-License-Identifier: MIT */
/* merge_wrap: what an event says, as JSON that names its stream. */
#include "source/merge/wrap.h"

#include "base/buf.h"
#include "base/err.h"
#include "conf/json.h"

#include <json-c/json.h>
#include <limits.h>
#include <string.h>

static int add_text(struct json_object *object, const char *key, const char *text, size_t len)
{
    struct json_object *value =
        len <= INT_MAX ? json_object_new_string_len(text, (int)len) : NULL;
    return conf_json_add(object, key, value);
}

/* CR and CRLF become LF, as in a frame's data lines. */
static int unify_lines(const char *data, size_t len, struct buf *out)
{
    int rc = buf_reserve(out, len);
    for (size_t i = 0; i < len && !rc; i++) {
        if (data[i] != '\r') {
            out->data[out->len++] = data[i];
        } else if (i + 1 == len || data[i + 1] != '\n') {
            out->data[out->len++] = '\n';
        }
    }
    return rc;
}

static int add_data(struct json_object *object, const char *data, size_t len)
{
    struct buf lines;
    if (len == 0 || !memchr(data, '\r', len)) {
        return add_text(object, "data", len ? data : "", len);
    }
    buf_init(&lines, len);
    int rc = unify_lines(data, len, &lines);
    rc = rc ? rc : add_text(object, "data", lines.data, lines.len);
    buf_fini(&lines);
    return rc;
}

int merge_wrap_event(const char *stream, const struct sse_event *e, struct buf *out)
{
    struct json_object *object = json_object_new_object();
    int rc = object ? add_text(object, "stream", stream, strlen(stream)) : ERR_NOMEM;
    if (!rc && e->name) {
        rc = add_text(object, "event", e->name, strlen(e->name));
    }
    rc = rc ? rc : add_data(object, e->data, e->data_len);
    if (rc) {
        json_object_put(object);
        return rc;
    }
    return conf_json_append(object, out);
}

int merge_wrap_object(const char *stream, const char *data, struct buf *out)
{
    struct json_object *object = json_object_new_object();
    struct json_object *said = data ? json_tokener_parse(data) : NULL;
    int rc = object ? add_text(object, "stream", stream, strlen(stream)) : ERR_NOMEM;
    if (!rc && json_object_is_type(said, json_type_object)) {
        json_object_object_foreach(said, key, value) {
            if (!rc && strcmp(key, "stream") != 0) {
                rc = json_object_object_add(object, key, json_object_get(value)) ? ERR_NOMEM : 0;
            }
        }
    }
    json_object_put(said);
    if (rc) {
        json_object_put(object);
        return rc;
    }
    return conf_json_append(object, out);
}

/* SPDX-License-Identifier: MIT */
/* json: making JSON objects and their text. */
#include "conf/json.h"

#include "base/buf.h"
#include "base/err.h"

#include <json-c/json.h>

int conf_json_add(struct json_object *object, const char *key, struct json_object *value)
{
    if (!value || json_object_object_add(object, key, value)) {
        json_object_put(value);
        return ERR_NOMEM;
    }
    return 0;
}

int conf_json_append(struct json_object *object, struct buf *out)
{
    size_t len;
    const char *text = json_object_to_json_string_length(
        object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    int rc = text ? buf_append(out, text, len) : ERR_NOMEM;
    json_object_put(object);
    return rc;
}

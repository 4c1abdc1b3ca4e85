/* SPDX-License-Identifier: MIT */
/* line_format: a log line as the data of an event. */
#include "source/line_format.h"

#include "base/buf.h"
#include "base/err.h"

#include <ctype.h>
#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#define JSON_PLAIN (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

const char *const line_formats[] = {"text", "json", "ndjson", NULL};

/* 1 when there is none of what json-c takes, even when strict, and browsers do not: single quotes,
 * NaN, Infinity, "1.", control bytes in strings. */
static int is_strict(const char *text, size_t len)
{
    int is_in_string = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"') {
            is_in_string = !is_in_string;
        } else if (!is_in_string) {
            int is_bare_point =
                text[i] == '.' && (i + 1 == len || !isdigit((unsigned char)text[i + 1]));
            if (is_bare_point || memchr("'NI", text[i], 3)) {
                return 0;
            }
        } else if ((unsigned char)text[i] < 0x20) {
            return 0;
        } else if (text[i] == '\\') {
            i++;
        }
    }
    return 1;
}

/* 1 when the line is one JSON text, strictly; ERR_NOMEM. */
static int is_json(const struct line *line)
{
    size_t len = line->len;
    while (len > 0 && strchr(" \t\r", line->text[len - 1]) && line->text[len - 1]) {
        len--;
    }
    if (len == 0 || len >= INT_MAX || !is_strict(line->text, len)) {
        return 0;
    }
    struct json_tokener *t = json_tokener_new();
    if (!t) {
        return ERR_NOMEM;
    }
    json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *value = json_tokener_parse_ex(t, line->text, (int)len);
    enum json_tokener_error error = json_tokener_get_error(t);
    int is_whole = json_tokener_get_parse_end(t) == len;
    if (error == json_tokener_continue) { /* a number ends where the text does */
        value = json_tokener_parse_ex(t, "", 1);
        error = json_tokener_get_error(t);
    }
    json_object_put(value);
    json_tokener_free(t);
    return error == json_tokener_success && is_whole;
}

static int add(struct json_object *o, const char *key, struct json_object *value)
{
    if (!value || json_object_object_add(o, key, value)) {
        json_object_put(value);
        return ERR_NOMEM;
    }
    return 0;
}

static int wrap(const struct line *line, struct buf *out)
{
    if (line->len > INT_MAX) {
        return ERR_LIMIT;
    }
    struct json_object *o = json_object_new_object();
    if (!o) {
        return ERR_NOMEM;
    }
    int rc = add(o, "line", json_object_new_string_len(line->text, (int)line->len));
    if (!rc) {
        rc = add(o, "offset", json_object_new_uint64(line->offset));
    }
    if (!rc && line->file) {
        rc = add(o, "file", json_object_new_string(line->file));
    }
    if (!rc) {
        size_t len;
        const char *text = json_object_to_json_string_length(o, JSON_PLAIN, &len);
        rc = text ? buf_append(out, text, len) : ERR_NOMEM;
    }
    json_object_put(o);
    return rc;
}

int line_format(enum line_format format, const struct line *line, struct buf *out,
                const char **data, size_t *data_len)
{
    int is_ready = format == LINE_FORMAT_TEXT;
    if (format == LINE_FORMAT_NDJSON) {
        is_ready = is_json(line);
        if (is_ready < 0) {
            return is_ready;
        }
    }
    if (is_ready) {
        *data = line->text;
        *data_len = line->len;
        return 0;
    }
    buf_clear(out);
    int rc = wrap(line, out);
    if (!rc) {
        *data = out->data;
        *data_len = out->len;
    }
    return rc;
}

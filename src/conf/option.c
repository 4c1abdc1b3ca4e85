/* SPDX-License-Identifier: MIT */
/* option: tables that say which settings a room has, and what checks and fills them. */
#include "conf/option.h"

#include "base/err.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 256

static void *member(const struct conf_option *o, void *settings)
{
    return (char *)settings + o->offset;
}

static const void *member_const(const struct conf_option *o, const void *settings)
{
    return (const char *)settings + o->offset;
}

void conf_path_join(char *out, size_t size, const char *path, const char *key)
{
    snprintf(out, size, "%s%s%s", path, *path ? "." : "", key);
}

static void list_free(struct conf_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
    free(list->items);
    *list = (struct conf_list){0};
}

static void value_free(const struct conf_option *o, void *settings)
{
    void *m = member(o, settings);
    switch (o->type) {
    case CONF_TEXT:
    case CONF_PATH:
        free(*(char **)m);
        *(char **)m = NULL;
        break;
    case CONF_LIST:
        list_free(m);
        break;
    case CONF_JSON:
        json_object_put(*(struct json_object **)m);
        *(struct json_object **)m = NULL;
        break;
    case CONF_BOOL:
    case CONF_CHOICE:
        *(int *)m = 0;
        break;
    case CONF_INT:
        *(int64_t *)m = 0;
        break;
    case CONF_REAL:
        *(double *)m = 0;
        break;
    }
}

void conf_free(const struct conf_option *table, void *settings)
{
    for (const struct conf_option *o = table; o->name; o++) {
        value_free(o, settings);
    }
}

/* "an integer from 1 to 10" and the like, for messages. */
static void describe(const struct conf_option *o, char *out, size_t size)
{
    size_t used;
    switch (o->type) {
    case CONF_BOOL:
        snprintf(out, size, "true or false");
        break;
    case CONF_INT:
        snprintf(out, size, "an integer from %.0f to %.0f", o->min, o->max);
        break;
    case CONF_REAL:
        snprintf(out, size, "a number from %g to %g", o->min, o->max);
        break;
    case CONF_TEXT:
        snprintf(out, size, "a string of at most %d bytes", CONF_TEXT_MAX);
        break;
    case CONF_PATH:
        snprintf(out, size, "an absolute path, such as \"/var/log/app.log\"");
        break;
    case CONF_LIST:
        snprintf(out, size, "an array of at most %d strings", CONF_LIST_MAX);
        break;
    case CONF_JSON:
        snprintf(out, size, "a JSON value");
        break;
    case CONF_CHOICE:
        used = (size_t)snprintf(out, size, "one of");
        for (size_t i = 0; o->choices[i] && used < size; i++) {
            used += (size_t)snprintf(out + used, size - used, "%s \"%s\"", i ? "," : "",
                                     o->choices[i]);
        }
        break;
    }
}

static int fail(const struct conf_option *o, const char *path, struct json_object *value,
                struct err *err)
{
    char wanted[256];
    describe(o, wanted, sizeof wanted);
    return err_set(err, ERR_INVALID, "%s: must be %s, not %.80s", path, wanted,
                   json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
}

/* A text without NUL inside and within the limit, copied. NULL when it is not one. */
static char *copy_text(struct json_object *value)
{
    if (!json_object_is_type(value, json_type_string)) {
        return NULL;
    }
    const char *text = json_object_get_string(value);
    size_t len = (size_t)json_object_get_string_len(value);
    if (len > CONF_TEXT_MAX || strlen(text) != len) {
        return NULL;
    }
    return strdup(text);
}

static int read_list(struct json_object *value, struct conf_list *list)
{
    if (!json_object_is_type(value, json_type_array)) {
        return ERR_INVALID;
    }
    size_t count = json_object_array_length(value);
    if (count > CONF_LIST_MAX) {
        return ERR_INVALID;
    }
    struct conf_list made = {.items = calloc(count ? count : 1, sizeof *made.items)};
    if (!made.items) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        made.items[i] = copy_text(json_object_array_get_idx(value, i));
        if (!made.items[i]) {
            list_free(&made);
            return ERR_INVALID;
        }
        made.count++;
    }
    list_free(list);
    *list = made;
    return 0;
}

static int read_choice(const struct conf_option *o, struct json_object *value, int *out)
{
    if (!json_object_is_type(value, json_type_string)) {
        return ERR_INVALID;
    }
    for (int i = 0; o->choices[i]; i++) {
        if (strcmp(o->choices[i], json_object_get_string(value)) == 0) {
            *out = i;
            return 0;
        }
    }
    return ERR_INVALID;
}

static int read_number(const struct conf_option *o, struct json_object *value, void *m)
{
    int is_int = json_object_is_type(value, json_type_int);
    if (!is_int && (o->type == CONF_INT || !json_object_is_type(value, json_type_double))) {
        return ERR_INVALID;
    }
    double d = json_object_get_double(value);
    if (!isfinite(d) || d < o->min || d > o->max) {
        return ERR_INVALID;
    }
    if (o->type == CONF_INT) {
        *(int64_t *)m = json_object_get_int64(value);
    } else {
        *(double *)m = d;
    }
    return 0;
}

static int read_text(const struct conf_option *o, struct json_object *value, char **out)
{
    char *text = copy_text(value);
    if (!text) {
        return ERR_INVALID;
    }
    if (o->type == CONF_PATH && text[0] != '/') {
        free(text);
        return ERR_INVALID;
    }
    free(*out);
    *out = text;
    return 0;
}

static int read_value(const struct conf_option *o, void *m, struct json_object *value)
{
    switch (o->type) {
    case CONF_BOOL:
        if (!json_object_is_type(value, json_type_boolean)) {
            return ERR_INVALID;
        }
        *(int *)m = json_object_get_boolean(value);
        return 0;
    case CONF_INT:
    case CONF_REAL:
        return read_number(o, value, m);
    case CONF_TEXT:
    case CONF_PATH:
        return read_text(o, value, m);
    case CONF_CHOICE:
        return read_choice(o, value, m);
    case CONF_LIST:
        return read_list(value, m);
    case CONF_JSON:
        json_object_put(*(struct json_object **)m);
        *(struct json_object **)m = json_object_get(value);
        return 0;
    }
    return ERR_INVALID;
}

int conf_defaults(const struct conf_option *table, void *settings, struct err *err)
{
    for (const struct conf_option *o = table; o->name; o++) {
        if (!o->fallback) {
            continue;
        }
        struct json_object *value = json_tokener_parse(o->fallback);
        int rc = read_value(o, member(o, settings), value);
        json_object_put(value);
        if (rc) {
            conf_free(table, settings);
            return err_set(err, rc, "%s: the default %s is no good", o->name, o->fallback);
        }
    }
    return 0;
}

static const struct conf_option *find(const struct conf_option *table, const char *name)
{
    for (const struct conf_option *o = table; o->name; o++) {
        if (strcmp(o->name, name) == 0) {
            return o;
        }
    }
    return NULL;
}

static int is_skipped(const char *const *skip, const char *name)
{
    for (; skip && *skip; skip++) {
        if (strcmp(*skip, name) == 0) {
            return 1;
        }
    }
    return 0;
}

static int fail_unknown(const struct conf_option *table, const char *const *skip, const char *path,
                        struct err *err)
{
    char known[ERR_TEXT_BYTES - PATH_BYTES] = "";
    size_t used = 0;
    for (const struct conf_option *o = table; o->name && used < sizeof known; o++) {
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "",
                                 o->name);
    }
    for (; skip && *skip && used < sizeof known; skip++) {
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", *skip);
    }
    return err_set(err, ERR_UNKNOWN, "%s: unknown key; known here: %s", path, known);
}

int conf_read(const struct conf_option *table, void *settings, struct json_object *object,
              const char *path, const char *const *skip, struct err *err)
{
    char key_path[PATH_BYTES];
    int rc = conf_defaults(table, settings, err);
    if (rc) {
        return rc;
    }
    struct json_object_iterator it = json_object_iter_begin(object);
    struct json_object_iterator end = json_object_iter_end(object);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        const char *key = json_object_iter_peek_name(&it);
        struct json_object *value = json_object_iter_peek_value(&it);
        if (is_skipped(skip, key)) {
            continue;
        }
        conf_path_join(key_path, sizeof key_path, path, key);
        const struct conf_option *o = find(table, key);
        if (!o) {
            rc = fail_unknown(table, skip, key_path, err);
            goto fail;
        }
        rc = read_value(o, member(o, settings), value);
        if (rc) {
            rc = rc == ERR_NOMEM ? err_set(err, rc, "%s: out of memory", key_path)
                                 : fail(o, key_path, value, err);
            goto fail;
        }
    }
    for (const struct conf_option *o = table; o->name; o++) {
        if (o->is_required && !json_object_object_get_ex(object, o->name, NULL)) {
            char wanted[256];
            describe(o, wanted, sizeof wanted);
            conf_path_join(key_path, sizeof key_path, path, o->name);
            rc = err_set(err, ERR_INVALID, "%s: missing; it must be %s", key_path, wanted);
            goto fail;
        }
    }
    return 0;
fail:
    conf_free(table, settings);
    return rc;
}

static struct json_object *value_dump(const struct conf_option *o, const void *settings)
{
    const void *m = member_const(o, settings);
    const struct conf_list *list;
    struct json_object *array;
    switch (o->type) {
    case CONF_BOOL:
        return json_object_new_boolean(*(const int *)m);
    case CONF_INT:
        return json_object_new_int64(*(const int64_t *)m);
    case CONF_REAL:
        return json_object_new_double(*(const double *)m);
    case CONF_TEXT:
    case CONF_PATH:
        return *(char *const *)m ? json_object_new_string(*(char *const *)m) : NULL;
    case CONF_CHOICE:
        return json_object_new_string(o->choices[*(const int *)m]);
    case CONF_JSON:
        return json_object_get(*(struct json_object *const *)m);
    case CONF_LIST:
        list = m;
        array = json_object_new_array();
        for (size_t i = 0; array && i < list->count; i++) {
            json_object_array_add(array, json_object_new_string(list->items[i]));
        }
        return array;
    }
    return NULL;
}

int conf_dump(const struct conf_option *table, const void *settings, struct json_object *object)
{
    for (const struct conf_option *o = table; o->name; o++) {
        struct json_object *value = value_dump(o, settings);
        if (value && json_object_object_add(object, o->name, value) != 0) {
            json_object_put(value);
            return ERR_NOMEM;
        }
    }
    return 0;
}

int conf_equal(const struct conf_option *table, const void *a, const void *b)
{
    for (const struct conf_option *o = table; o->name; o++) {
        struct json_object *left = value_dump(o, a);
        struct json_object *right = value_dump(o, b);
        int is_same = json_object_equal(left, right);
        json_object_put(left);
        json_object_put(right);
        if (!is_same) {
            return 0;
        }
    }
    return 1;
}

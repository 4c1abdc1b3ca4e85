/* SPDX-License-Identifier: MIT */
/* config: the whole configuration, checked: settings of the process and its streams. */
#include "app/config.h"

#include "app/allow.h"
#include "app/publishers.h"
#include "base/err.h"
#include "conf/file.h"
#include "source/source.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 256
#define AT(member) offsetof(struct app_config, member)

static const char *const log_formats[] = {"text", "json", NULL}; /* in the order of base/log.h */
static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};

const struct conf_option app_options[] = {
    {.name = "prefix", .type = CONF_TEXT, .offset = AT(prefix), .fallback = "\"/events\"",
     .help = "where the web server mounts us: streams are PREFIX/NAME"},
    {.name = "cors_origins", .type = CONF_LIST, .offset = AT(cors_origins), .fallback = "[]",
     .help = "origins whose pages may read streams, or \"*\" without credentials"},
    {.name = "state_dir", .type = CONF_PATH, .offset = AT(state_dir),
     .help = "a folder for what has to outlive the process"},
    {.name = "log_format", .type = CONF_CHOICE, .offset = AT(log_format), .fallback = "\"text\"",
     .choices = log_formats, .help = "lines on standard error: key=value, or a JSON object each"},
    {.name = "log_level", .type = CONF_CHOICE, .offset = AT(log_level), .fallback = "\"info\"",
     .choices = log_levels, .help = "the least that is worth a line"},
    {.name = "metrics", .type = CONF_JSON, .offset = AT(metrics),
     .help = "{\"allow\": [...]}: who may read PREFIX/-/metrics; without it there is none"},
    {.name = "health", .type = CONF_JSON, .offset = AT(health),
     .help = "{\"allow\": [...]}: who may read PREFIX/-/health; without it there is none"},
    {.name = NULL},
};

static const char builtin[] = "{\"streams\": {"
                              "\"clock\": {\"source\": \"clock\"},"
                              "\"price\": {\"source\": \"price\", \"symbols\": [\"ACME\"],"
                              " \"seed\": 42}}}";

/* --- streams ------------------------------------------------------------------------------- */

struct app_stream *app_stream_ref(struct app_stream *s)
{
    s->refs++;
    return s;
}

void app_stream_unref(struct app_stream *s)
{
    if (!s || --s->refs > 0) {
        return;
    }
    if (s->settings) {
        conf_free(s->type->options, s->settings);
    }
    free(s->settings);
    app_publishers_free(s->publishers);
    free(s->state_dir);
    free(s->name);
    free(s);
}

/* Segments of letters, digits and ._-, joined by slashes: a name is safe in a URL as it is. One
 * that starts with "-" is kept for our own use. */
static int name_is_valid(const char *name)
{
    char padded[APP_NAME_MAX + 3];
    size_t len = strlen(name);
    if (len == 0 || len > APP_NAME_MAX || name[0] == '-' || name[0] == '/'
        || name[len - 1] == '/') {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        int is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_letter && !strchr("._-/", c)) {
            return 0;
        }
    }
    /* No empty segment, and none of dots only, which a browser would take for a way up. */
    snprintf(padded, sizeof padded, "/%s/", name);
    return !strstr(padded, "//") && !strstr(padded, "/./") && !strstr(padded, "/../");
}

static int read_type(struct json_object *object, const char *path,
                     const struct source_type **out, struct err *err)
{
    struct json_object *value;
    if (!json_object_object_get_ex(object, "source", &value)
        || !json_object_is_type(value, json_type_string)) {
        return err_set(err, ERR_INVALID,
                       "%s.source: missing; it must name a source (see --list-sources)", path);
    }
    const struct source_type *type = source_find(json_object_get_string(value));
    if (!type) {
        char known[256] = "";
        size_t used = 0;
        for (size_t i = 0; source_types[i] && used < sizeof known; i++) {
            used += (size_t)snprintf(known + used, sizeof known - used, "%s\"%s\"",
                                     used ? ", " : "", source_types[i]->name);
        }
        return err_set(err, ERR_UNKNOWN, "%s.source: there is no source \"%.64s\"; there are %s", path,
                json_object_get_string(value), known);
    }
    *out = type;
    return 0;
}

/* A source that takes events keeps who may publish, unread, as its setting "publish". */
static int read_publishers(struct app_stream *s, const char *path, struct err *err)
{
    static const char key[] = "publish";
    char key_path[PATH_BYTES + sizeof key];
    const struct conf_option *o = s->type->options;
    while (s->type->publish && o->name && strcmp(o->name, key) != 0) {
        o++;
    }
    if (!s->type->publish || !o->name) {
        return 0;
    }
    struct json_object *publish;
    memcpy(&publish, (const char *)s->settings + o->offset, sizeof publish);
    conf_path_join(key_path, sizeof key_path, path, key);
    return publish ? app_publishers_new(&s->publishers, publish, key_path, err) : 0;
}

static int read_stream(const char *name, struct json_object *object, const char *state_dir,
                       struct app_stream **out, struct err *err)
{
    static const char *const skip[] = {"source", NULL};
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "streams.%.*s", APP_NAME_MAX, name);
    if (!name_is_valid(name)) {
        return err_set(err, ERR_INVALID, "%s: a stream's name must be 1 to %d letters, digits and "
                                         "._- with / inside, not starting with -",
                       path, APP_NAME_MAX);
    }
    if (!json_object_is_type(object, json_type_object)) {
        return err_set(err, ERR_INVALID, "%s: must be an object with a \"source\"", path);
    }
    const struct source_type *type = NULL;
    int rc = read_type(object, path, &type, err);
    if (rc) {
        return rc;
    }
    struct app_stream *s = calloc(1, sizeof *s);
    void *settings = calloc(1, type->settings_size ? type->settings_size : 1);
    char *copy = strdup(name);
    char *dir = state_dir ? strdup(state_dir) : NULL;
    if (!s || !settings || !copy || (state_dir && !dir)) {
        free(s);
        free(settings);
        free(copy);
        free(dir);
        return err_set(err, ERR_NOMEM, "%s: out of memory", path);
    }
    *s = (struct app_stream){.refs = 1, .name = copy, .type = type, .state_dir = dir};
    rc = conf_read(type->options, settings, object, path, skip, err);
    if (rc) {
        free(settings);
        app_stream_unref(s);
        return rc;
    }
    s->settings = settings;
    if (type->check) {
        rc = type->check(settings, err);
        if (rc) {
            char text[PATH_BYTES + 1 + ERR_TEXT_BYTES];
            snprintf(text, sizeof text, "%s.%s", path, err ? err->text : "");
            rc = err_set(err, rc, "%s", text);
            app_stream_unref(s);
            return rc;
        }
    }
    rc = read_publishers(s, path, err);
    if (rc) {
        app_stream_unref(s);
        return rc;
    }
    *out = s;
    return 0;
}

static int read_streams(struct app_config *config, struct json_object *root, struct err *err)
{
    struct json_object *streams;
    if (!json_object_object_get_ex(root, "streams", &streams)
        || !json_object_is_type(streams, json_type_object)) {
        return err_set(err, ERR_INVALID,
                       "streams: missing; it must be an object of streams, such as "
                       "{\"clock\": {\"source\": \"clock\"}}");
    }
    size_t count = (size_t)json_object_object_length(streams);
    if (count > APP_STREAMS_MAX) {
        return err_set(err, ERR_LIMIT, "streams: at most %d streams, not %zu", APP_STREAMS_MAX,
                       count);
    }
    config->streams = calloc(count ? count : 1, sizeof(struct app_stream *));
    if (!config->streams) {
        return err_set(err, ERR_NOMEM, "streams: out of memory");
    }
    json_object_object_foreach(streams, name, object) {
        int rc = read_stream(name, object, config->state_dir,
                             &config->streams[config->stream_count], err);
        if (rc) {
            return rc;
        }
        config->stream_count++;
    }
    return 0;
}

/* --- the whole ----------------------------------------------------------------------------- */

/* The top level is two tables: each skips the other's names, and "streams". */
static void other_names(const struct conf_option *other, const char **names, size_t cap)
{
    size_t n = 0;
    for (const struct conf_option *o = other; o->name && n + 2 < cap; o++) {
        names[n++] = o->name;
    }
    names[n++] = "streams";
    names[n] = NULL;
}

static int check_prefix(const char *prefix, struct err *err)
{
    size_t len = prefix ? strlen(prefix) : 0;
    if (len < 2 || prefix[0] != '/' || prefix[len - 1] == '/' || strpbrk(prefix, "?#% \r\n")) {
        return err_set(err, ERR_INVALID,
                       "prefix: must be a path such as \"/events\", with no slash at the end");
    }
    return 0;
}

/* What "metrics" and "health" hold. */
static const struct conf_option page_options[] = {
    {.name = "allow", .type = CONF_LIST, .is_required = 1,
     .help = "addresses, networks such as 10.0.0.0/8, and user:NAME"},
    {.name = NULL},
};

static int read_page(struct json_object *page, const char *key, struct app_allow **out,
                     struct err *err)
{
    char path[PATH_BYTES];
    struct conf_list allow = {.count = 0};
    if (!page) {
        return 0;
    }
    if (!json_object_is_type(page, json_type_object)) {
        return err_set(err, ERR_INVALID,
                       "%s: must be an object such as {\"allow\": [\"127.0.0.1\"]}", key);
    }
    int rc = conf_read(page_options, &allow, page, key, NULL, err);
    if (rc) {
        return rc;
    }
    conf_path_join(path, sizeof path, key, page_options[0].name);
    rc = app_allow_new(out, &allow, path, err);
    conf_free(page_options, &allow);
    return rc;
}

static int is_option(const struct conf_option *table, const char *name)
{
    for (const struct conf_option *o = table; o->name; o++) {
        if (strcmp(o->name, name) == 0) {
            return 1;
        }
    }
    return 0;
}

static size_t append_names(const struct conf_option *table, char *out, size_t used, size_t size)
{
    for (const struct conf_option *o = table; o->name && used < size; o++) {
        used += (size_t)snprintf(out + used, size - used, "%s, ", o->name);
    }
    return used;
}

/* The two tables know only their own names: what neither has is refused here. */
static int check_top_level(struct json_object *root, struct err *err)
{
    json_object_object_foreach(root, key, value) {
        (void)value;
        if (strcmp(key, "streams") == 0 || is_option(app_options, key)
            || is_option(hub_options, key)) {
            continue;
        }
        char known[ERR_TEXT_BYTES / 2] = "";
        size_t used = append_names(app_options, known, 0, sizeof known);
        append_names(hub_options, known, used, sizeof known);
        return err_set(err, ERR_UNKNOWN, "%.64s: unknown key; known here: %sstreams", key, known);
    }
    return 0;
}

static int read_config(struct app_config *config, struct json_object *root, struct err *err)
{
    const char *names[64];
    int rc = check_top_level(root, err);
    if (rc) {
        return rc;
    }
    other_names(hub_options, names, sizeof names / sizeof names[0]);
    rc = conf_read(app_options, config, root, "", names, err);
    if (!rc) {
        other_names(app_options, names, sizeof names / sizeof names[0]);
        rc = conf_read(hub_options, &config->hub, root, "", names, err);
    }
    if (!rc) {
        rc = check_prefix(config->prefix, err);
    }
    if (!rc) {
        rc = read_page(config->metrics, "metrics", &config->metrics_allow, err);
    }
    if (!rc) {
        rc = read_page(config->health, "health", &config->health_allow, err);
    }
    return rc ? rc : read_streams(config, root, err);
}

int app_config_load(const char *path, struct app_config **out, struct err *err)
{
    struct json_object *root;
    const char *name = path ? path : "built-in configuration";
    int rc = path ? conf_load(path, &root, err)
                  : conf_parse(builtin, sizeof builtin - 1, name, &root, err);
    if (rc) {
        return rc;
    }
    struct app_config *config = calloc(1, sizeof *config);
    if (!config) {
        rc = err_set(err, ERR_NOMEM, "%s: out of memory", name);
        goto out;
    }
    rc = read_config(config, root, err);
    if (rc) {
        err_prefix(err, name);
        app_config_free(config);
        goto out;
    }
    *out = config;
out:
    json_object_put(root);
    return rc;
}

void app_config_free(struct app_config *config)
{
    if (!config) {
        return;
    }
    for (size_t i = 0; i < config->stream_count; i++) {
        app_stream_unref(config->streams[i]);
    }
    free(config->streams);
    app_allow_free(config->metrics_allow);
    app_allow_free(config->health_allow);
    conf_free(hub_options, &config->hub);
    conf_free(app_options, config);
    free(config);
}

struct app_stream *app_config_find(const struct app_config *config, const char *name)
{
    for (size_t i = 0; i < config->stream_count; i++) {
        if (strcmp(config->streams[i]->name, name) == 0) {
            return config->streams[i];
        }
    }
    return NULL;
}

static int is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

void app_config_adopt(struct app_config *config, const struct app_config *old)
{
    for (size_t i = 0; i < config->stream_count; i++) {
        struct app_stream *mine = config->streams[i];
        struct app_stream *theirs = app_config_find(old, mine->name);
        if (theirs && theirs->type == mine->type
            && is_same_text(mine->state_dir, theirs->state_dir)
            && conf_equal(mine->type->options, mine->settings, theirs->settings)) {
            config->streams[i] = app_stream_ref(theirs);
            app_stream_unref(mine);
        }
    }
}

struct json_object *app_config_dump(const struct app_config *config)
{
    struct json_object *root = json_object_new_object();
    struct json_object *streams = json_object_new_object();
    int rc = root && streams ? 0 : ERR_NOMEM;
    if (!rc) {
        rc = conf_dump(app_options, config, root);
    }
    if (!rc) {
        rc = conf_dump(hub_options, &config->hub, root);
    }
    for (size_t i = 0; i < config->stream_count && !rc; i++) {
        const struct app_stream *s = config->streams[i];
        struct json_object *object = json_object_new_object();
        rc = object ? json_object_object_add(object, "source", json_object_new_string(s->type->name))
                    : ERR_NOMEM;
        if (!rc) {
            rc = conf_dump(s->type->options, s->settings, object);
        }
        json_object_object_add(streams, s->name, object);
    }
    if (rc) {
        json_object_put(root);
        json_object_put(streams);
        return NULL;
    }
    json_object_object_add(root, "streams", streams);
    return root;
}

/* SPDX-License-Identifier: MIT */
/* config: the whole configuration, checked: settings of the process and its streams. */
#include "app/config.h"

#include "app/family.h"
#include "app/publish/allow.h"
#include "app/stream.h"
#include "base/err.h"
#include "conf/file.h"
#include "source/source.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 256
#define NAMES_MAX 64 /* settings of the process */
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
    {.name = "module_dir", .type = CONF_PATH, .offset = AT(module_dir),
     .fallback = "\"" SSECGI_MODULE_DIR "\"",
     .help = "the folder of the sources that are not built in: NAME.so"},
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
        int rc = app_stream_read(name, object, config->state_dir, config->module_dir,
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

/* The settings of app_options alone. */
static int read_own(struct app_config *config, struct json_object *root, struct err *err)
{
    const char *names[NAMES_MAX];
    other_names(hub_options, names, NAMES_MAX);
    return conf_read(app_options, config, root, "", names, err);
}

static int read_config(struct app_config *config, struct json_object *root, struct err *err)
{
    const char *names[NAMES_MAX];
    int rc = read_own(config, root, err);
    if (!rc) {
        other_names(app_options, names, NAMES_MAX);
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

static const char *name_of(const char *path)
{
    return path ? path : "built-in configuration";
}

static int load(const char *path, struct json_object **out, struct err *err)
{
    return path ? conf_load(path, out, err)
                : conf_parse(builtin, sizeof builtin - 1, name_of(path), out, err);
}

int app_config_module_dir(const char *path, char **out, struct err *err)
{
    struct json_object *root;
    struct app_config config = {.prefix = NULL};
    int rc = load(path, &root, err);
    if (rc) {
        return rc;
    }
    rc = read_own(&config, root, err);
    if (rc) {
        err_prefix(err, name_of(path));
    } else {
        *out = config.module_dir;
        config.module_dir = NULL;
        conf_free(app_options, &config);
    }
    json_object_put(root);
    return rc;
}

int app_config_load(const char *path, struct app_config **out, struct err *err)
{
    struct json_object *root;
    const char *name = name_of(path);
    int rc = load(path, &root, err);
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

int app_config_check_state(const struct app_config *config)
{
    return config->state_dir && access(config->state_dir, R_OK | W_OK | X_OK) ? errno : 0;
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

int app_config_stream(const struct app_config *config, const char *name, struct app_stream **out,
                      struct err *err)
{
    struct app_stream *family = NULL;
    size_t best = 0;
    struct app_stream *s = app_config_find(config, name);
    if (s && !s->members) {
        *out = app_stream_ref(s);
        return 0;
    }
    for (size_t i = 0; i < config->stream_count && !s; i++) {
        size_t len = app_family_match(config->streams[i], name);
        if (len > best) {
            best = len;
            family = config->streams[i];
        }
    }
    return family ? app_family_member(family, name, out, err)
                  : err_set(err, ERR_UNKNOWN, "there is no such stream");
}

int app_config_has(const struct app_config *config, const struct app_stream *s)
{
    const struct app_stream *configured = app_stream_configured(s);
    return app_config_find(config, configured->name) == configured;
}

void app_config_adopt(struct app_config *config, const struct app_config *old)
{
    for (size_t i = 0; i < config->stream_count; i++) {
        struct app_stream *mine = config->streams[i];
        struct app_stream *theirs = app_config_find(old, mine->name);
        if (theirs && app_stream_equal(mine, theirs)) {
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
        rc = object ? app_stream_dump(s, object) : ERR_NOMEM;
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

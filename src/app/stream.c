/* SPDX-License-Identifier: MIT */
/* stream: one stream of the configuration: its name, its source, its settings. */
#include "app/stream.h"

#include "app/answers/slots.h"
#include "app/family.h"
#include "app/publish/publishers.h"
#include "base/err.h"
#include "conf/option.h"
#include "source/registry.h"
#include "source/source.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 256
#define NAMES_MAX 64 /* options of one source */
#define AT(member) offsetof(struct app_stream_settings, member)
#define RUN_AT(member) offsetof(struct app_run_settings, member)

static const struct conf_option own_options[] = {
    {.name = "max_members", .type = CONF_INT, .offset = AT(max_members), .fallback = "10000",
     .min = 1, .max = 1000000, .help = "of a family: members at once, and members with a journal"},
    {.name = "presence", .type = CONF_BOOL, .offset = AT(presence), .fallback = "false",
     .help = "tell readers how many they are"},
    {.name = "several", .type = CONF_BOOL, .offset = AT(several), .fallback = "true",
     .help = "whether it can be read with others on one connection: PREFIX/?stream=NAME"},
    {.name = NULL},
};


static const char *const on_leaves[] = {"continue", "cancel", NULL};

static const struct conf_option run_options[] = {
    {.name = "max_runs", .type = CONF_INT, .offset = RUN_AT(max_runs), .fallback = "16", .min = 1,
     .max = APP_SLOTS_MAX, .help = "answers that are made at once, in all processes together"},
    {.name = "max_runs_user", .type = CONF_INT, .offset = RUN_AT(max_runs_user), .fallback = "4",
     .min = 1, .max = APP_SLOTS_MAX, .help = "of these, one user's, or one address's without users"},
    {.name = "queue", .type = CONF_INT, .offset = RUN_AT(queue), .fallback = "16", .min = 0,
     .max = 10000, .help = "requests that wait for their turn in one process; more get a 429"},
    {.name = "on_leave", .type = CONF_CHOICE, .offset = RUN_AT(on_leave), .choices = on_leaves,
     .fallback = "\"continue\"", .help = "what becomes of an answer without readers"},
    {.name = "grace_s", .type = CONF_INT, .offset = RUN_AT(grace_s), .fallback = "10", .min = 0,
     .max = 86400, .help = "with on_leave cancel: readers may come back within so long"},
    {.name = "keep_s", .type = CONF_INT, .offset = RUN_AT(keep_s), .fallback = "3600", .min = 1,
     .max = 31536000, .help = "an answer can be read again so long after its end"},
    {.name = "keep_runs", .type = CONF_INT, .offset = RUN_AT(keep_runs), .fallback = "1000", .min = 1,
     .max = 1000000, .help = "no more answers are kept: the oldest go first"},
    {.name = NULL},
};

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
    if (s->forget) {
        s->forget(s);
        return;
    }
    if (s->family) {
        app_family_forget(s);
        return;
    }
    if (s->settings) {
        conf_free(s->type->options, s->settings);
    }
    free(s->settings);
    app_family_free(s->members);
    app_publishers_free(s->publishers);
    free(s->state_dir);
    free(s->name);
    free(s);
}

int app_stream_is_name_char(char c)
{
    int is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return is_letter || c == '.' || c == '_' || c == '-';
}

/* Segments of letters, digits and ._-, joined by slashes: a name is safe in a URL as it is. One
 * that starts with "-" is kept for our own use, and so is a segment that is "-". A star as
 * the last segment makes a family. */
static int name_is_valid(const char *name)
{
    static const char *const kept[] = {"//", "/./", "/../", "/-/"};
    char padded[APP_NAME_MAX + 3];
    size_t len = strlen(name);
    if (len == 0 || len > APP_NAME_MAX || name[0] == '-' || name[0] == '/'
        || name[len - 1] == '/') {
        return 0;
    }
    size_t plain = app_family_is_named(name) ? len - 1 : len;
    for (size_t i = 0; i < plain; i++) {
        if (!app_stream_is_name_char(name[i]) && name[i] != '/') {
            return 0;
        }
    }
    /* No empty segment, and none of dots only, which a browser would take for a way up. */
    snprintf(padded, sizeof padded, "/%s/", name);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (strstr(padded, kept[i])) {
            return 0;
        }
    }
    return 1;
}

static int read_type(struct json_object *object, const char *path, const char *module_dir,
                     const struct source_type **out, struct err *err)
{
    struct err why = {.code = 0};
    struct json_object *value;
    if (!json_object_object_get_ex(object, "source", &value)
        || !json_object_is_type(value, json_type_string)) {
        return err_set(err, ERR_INVALID,
                       "%s.source: missing; it must name a source (see --list-sources)", path);
    }
    const char *name = json_object_get_string(value);
    int rc = source_find(name, module_dir, out, &why);
    return rc ? err_set(err, rc, "%s.source: %s", path, why.text) : 0;
}

/* A source that takes events keeps who may publish, unread, as its setting "publish". */
static int read_publishers(struct app_stream *s, const char *path, struct err *err)
{
    static const char key[] = "publish";
    char key_path[PATH_BYTES + sizeof key];
    const struct conf_option *o = s->type->options;
    int takes = s->type->publish || app_stream_answers(s);
    while (takes && o->name && strcmp(o->name, key) != 0) {
        o++;
    }
    if (!takes || !o->name) {
        return 0;
    }
    struct json_object *publish;
    memcpy(&publish, (const char *)s->settings + o->offset, sizeof publish);
    conf_path_join(key_path, sizeof key_path, path, key);
    return publish ? app_publishers_new(&s->publishers, publish, key_path, err) : 0;
}

/* Adds a table's names to the list. */
static void add_names(const struct conf_option *table, const char *names[NAMES_MAX], size_t *n)
{
    for (const struct conf_option *o = table; o->name && *n + 2 < NAMES_MAX; o++) {
        names[(*n)++] = o->name;
    }
    names[*n] = NULL;
}

/* Two or three tables share an object: each skips the others' names, and "source". */
static void other_names(const struct source_type *type, const struct conf_option *own,
                        const char *names[NAMES_MAX])
{
    const struct conf_option *const tables[] = {type->options, own_options,
                                                type->run ? run_options : NULL};
    size_t n = 0;
    names[n++] = "source";
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (tables[i] && tables[i] != own) {
            add_names(tables[i], names, &n);
        }
    }
}

int app_stream_answers(const struct app_stream *s)
{
    const struct source_type *type = s->type;
    return type->run && (!type->answers || type->answers(s->settings));
}

/* Settings of runs, where there are runs. */
static int read_runs(struct app_stream *s, struct json_object *object, const char *path,
                     struct err *err)
{
    const char *names[NAMES_MAX];
    if (!s->type->run) {
        return 0;
    }
    for (const struct conf_option *o = run_options; o->name && !app_stream_answers(s); o++) {
        if (json_object_object_get_ex(object, o->name, NULL)) {
            return err_set(err, ERR_INVALID, "%s.%s: is for streams that answer requests", path,
                           o->name);
        }
    }
    if (!app_stream_answers(s)) {
        return 0;
    }
    if (!s->state_dir) {
        return err_set(err, ERR_INVALID,
                       "%s: a stream that answers requests needs state_dir to be set", path);
    }
    if (strlen(s->name) > APP_ASKED_NAME_MAX) {
        return err_set(err, ERR_INVALID,
                       "%s: the name of a stream that answers requests has at most %d bytes", path,
                       APP_ASKED_NAME_MAX);
    }
    other_names(s->type, run_options, names);
    return conf_read(run_options, &s->runs, object, path, names, err);
}

static int read_settings(struct app_stream *s, struct json_object *object, const char *path,
                         struct err *err)
{
    const char *names[NAMES_MAX];
    const struct source_type *type = s->type;
    void *settings = calloc(1, type->settings_size ? type->settings_size : 1);
    if (!settings) {
        return err_set(err, ERR_NOMEM, "%s: out of memory", path);
    }
    other_names(type, type->options, names);
    int rc = conf_read(type->options, settings, object, path, names, err);
    if (rc) {
        free(settings);
        return rc;
    }
    s->settings = settings;
    other_names(type, own_options, names);
    rc = conf_read(own_options, &s->own, object, path, names, err);
    if (!rc && type->check) {
        rc = type->check(settings, err);
        if (rc) {
            char text[PATH_BYTES + 1 + ERR_TEXT_BYTES];
            snprintf(text, sizeof text, "%s.%s", path, err ? err->text : "");
            return err_set(err, rc, "%s", text);
        }
    }
    return rc;
}

static int read_family(struct app_stream *s, struct json_object *object, const char *path,
                       struct err *err)
{
    if (!app_family_is_named(s->name)) {
        return json_object_object_get_ex(object, "max_members", NULL)
                   ? err_set(err, ERR_INVALID, "%s.max_members: is for families: names that end in /*",
                             path)
                   : 0;
    }
    if (!s->type->publish) {
        return err_set(err, ERR_INVALID,
                       "%s: a family's source must be one that others publish into, not \"%s\"", path,
                       s->type->name);
    }
    int rc = app_family_new(&s->members);
    return rc ? err_set(err, rc, "%s: out of memory", path) : 0;
}

int app_stream_read(const char *name, struct json_object *object, const char *state_dir,
                    const char *module_dir, struct app_stream **out, struct err *err)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "streams.%.*s", APP_NAME_MAX, name);
    if (!name_is_valid(name)) {
        return err_set(err, ERR_INVALID, "%s: a stream's name must be 1 to %d letters, digits and "
                                         "._- with / inside, not starting with -; a family's name ends "
                                         "in /*",
                       path, APP_NAME_MAX);
    }
    if (!json_object_is_type(object, json_type_object)) {
        return err_set(err, ERR_INVALID, "%s: must be an object with a \"source\"", path);
    }
    const struct source_type *type = NULL;
    int rc = read_type(object, path, module_dir, &type, err);
    if (rc) {
        return rc;
    }
    struct app_stream *s = calloc(1, sizeof *s);
    char *copy = strdup(name);
    char *dir = state_dir ? strdup(state_dir) : NULL;
    if (!s || !copy || (state_dir && !dir)) {
        free(s);
        free(copy);
        free(dir);
        return err_set(err, ERR_NOMEM, "%s: out of memory", path);
    }
    *s = (struct app_stream){.refs = 1, .name = copy, .type = type, .state_dir = dir};
    rc = read_settings(s, object, path, err);
    if (!rc && !state_dir && type->needs_state && type->needs_state(s->settings)) {
        rc = err_set(err, ERR_INVALID, "%s: the source \"%s\" needs state_dir to be set", path,
                     type->name);
    }
    rc = rc ? rc : read_runs(s, object, path, err);
    rc = rc ? rc : read_publishers(s, path, err);
    rc = rc ? rc : read_family(s, object, path, err);
    if (rc) {
        app_stream_unref(s);
        return rc;
    }
    *out = s;
    return 0;
}

const struct app_stream *app_stream_configured(const struct app_stream *s)
{
    return s->family ? s->family : s;
}

struct source_family app_stream_family(const struct app_stream *s)
{
    struct source_family family = {.chars = 0};
    if (s->family) {
        family.chars = strlen(s->family->name) - 1;
        family.max_members = (uint64_t)s->own.max_members;
    }
    return family;
}

static int is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

int app_stream_equal(const struct app_stream *a, const struct app_stream *b)
{
    return a->type == b->type && is_same_text(a->state_dir, b->state_dir)
           && conf_equal(a->type->options, a->settings, b->settings)
           && conf_equal(own_options, &a->own, &b->own)
           && conf_equal(run_options, &a->runs, &b->runs);
}

int app_stream_dump(const struct app_stream *s, struct json_object *object)
{
    struct json_object *source = json_object_new_string(s->type->name);
    if (!source || json_object_object_add(object, "source", source)) {
        json_object_put(source);
        return ERR_NOMEM;
    }
    int rc = conf_dump(s->type->options, s->settings, object);
    rc = rc ? rc : conf_dump(own_options, &s->own, object);
    if (!rc && app_stream_answers(s)) {
        rc = conf_dump(run_options, &s->runs, object);
    }
    if (!rc && !s->members) {
        json_object_object_del(object, "max_members");
    }
    return rc;
}

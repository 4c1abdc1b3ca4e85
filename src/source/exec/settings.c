/* SPDX-License-Identifier: MIT */
/* exec_settings: what the configuration says of a program. */
#include "source/exec/settings.h"

#include "base/err.h"
#include "source/exec/framing.h"
#include "source/source.h"

#include <json-c/json.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#define OPTION(member) #member, .offset = offsetof(struct exec_settings, member)
#define ENV_MAX 256
#define JOURNAL_LEAST 131072 /* two files */

static const char *const modes[] = {"shared", "per_request", NULL};
static const char *const starts[] = {"reader", "now", NULL};
static const char *const restarts[] = {"never", "on_failure", "always", NULL};

/* What every program has, unless `env` says otherwise: the same wherever ssecgi was started from. */
static const struct {
    const char *name, *value;
} defaults[] = {
    {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
    {"LANG", "C.UTF-8"},
};

#define DEFAULTS (sizeof defaults / sizeof defaults[0])

const struct conf_option exec_settings_options[] = {
    {.name = OPTION(argv),
     .type = CONF_LIST,
     .is_required = 1,
     .help = "the program and its arguments, such as [\"vmstat\", \"1\"]; there is no shell"},
    {.name = OPTION(mode),
     .type = CONF_CHOICE,
     .choices = modes,
     .fallback = "\"shared\"",
     .help = "shared: all readers of this process see one run of the program; per_request: it is run "
             "for each POST, with the body on its standard input"},
    {.name = OPTION(framing),
     .type = CONF_CHOICE,
     .choices = exec_framings,
     .fallback = "\"lines\"",
     .help = "what an event is: lines; chunks, as they are written; ndjson, lines of JSON; sse, the "
             "events of an event stream"},
    {.name = OPTION(cwd), .type = CONF_PATH, .help = "the folder it runs in"},
    {.name = OPTION(env),
     .type = CONF_JSON,
     .help = "an object of names and texts: its environment besides PATH and LANG"},
    {.name = OPTION(user), .type = CONF_TEXT, .help = "the user it runs as, when started as root"},
    {.name = OPTION(start),
     .type = CONF_CHOICE,
     .choices = starts,
     .fallback = "\"reader\"",
     .help = "reader: with the first one; now: with ssecgi, and it runs without readers"},
    {.name = OPTION(linger_s),
     .type = CONF_INT,
     .min = 0,
     .max = 86400,
     .fallback = "30",
     .help = "it is stopped so long after the last reader has left"},
    {.name = OPTION(restart),
     .type = CONF_CHOICE,
     .choices = restarts,
     .fallback = "\"on_failure\"",
     .help = "when it is started again: never, on_failure or always; otherwise its end is the stream's"},
    {.name = OPTION(restart_min_ms),
     .type = CONF_INT,
     .min = 10,
     .max = 3600000,
     .fallback = "1000",
     .help = "how long the first restart waits; each further one twice as long"},
    {.name = OPTION(restart_max_ms),
     .type = CONF_INT,
     .min = 10,
     .max = 3600000,
     .fallback = "60000",
     .help = "restarts never wait longer; a run that lasts so long begins the count anew"},
    {.name = OPTION(restart_limit),
     .type = CONF_INT,
     .min = 0,
     .max = 1000000,
     .fallback = "10",
     .help = "after so many restarts in a row its end is the stream's; 0: no limit"},
    {.name = OPTION(kill_s),
     .type = CONF_INT,
     .min = 0,
     .max = 60,
     .fallback = "5",
     .help = "what has not ended so long after SIGTERM gets SIGKILL"},
    {.name = OPTION(keep_bytes),
     .type = CONF_INT,
     .min = 4096,
     .max = 1073741824,
     .fallback = "4194304",
     .help = "so much of its output can be replayed: in memory, or with journal on disk"},
    {.name = OPTION(max_line_bytes),
     .type = CONF_INT,
     .min = TAIL_LINE_LEAST,
     .max = 1048576,
     .fallback = "65536",
     .help = "longer lines are cut, and say how much is left out"},
    {.name = OPTION(journal),
     .type = CONF_BOOL,
     .fallback = "false",
     .help = "keep its output in files below state_dir, for all processes and across restarts"},
    {.name = OPTION(max_body_bytes),
     .type = CONF_INT,
     .min = 0,
     .max = 1048576,
     .fallback = "65536",
     .help = "per request: longer bodies are refused"},
    {.name = OPTION(max_output_bytes),
     .type = CONF_INT,
     .min = 1,
     .max = 1073741824,
     .fallback = "16777216",
     .help = "per request: a program that writes more is stopped"},
    {.name = OPTION(run_s),
     .type = CONF_INT,
     .min = 1,
     .max = 86400,
     .fallback = "300",
     .help = "per request: a program that runs longer is stopped"},
    {.name = OPTION(publish),
     .type = CONF_JSON,
     .help = "per request: who may ask, as for a topic"},
    {.name = NULL},
};

/* ---- checks ---- */

static int check_env(struct json_object *env, struct err *err)
{
    if (!env) {
        return 0;
    }
    if (!json_object_is_type(env, json_type_object)) {
        return err_set(err, ERR_INVALID, "env: must be an object of names and texts");
    }
    if (json_object_object_length(env) > ENV_MAX) {
        return err_set(err, ERR_LIMIT, "env: at most %d names", ENV_MAX);
    }
    json_object_object_foreach(env, name, value) {
        if (!*name || strchr(name, '=')) {
            return err_set(err, ERR_INVALID, "env: a name must not be empty or hold a \"=\"");
        }
        if (!json_object_is_type(value, json_type_string)
            || strlen(json_object_get_string(value))
                   != (size_t)json_object_get_string_len(value)) {
            return err_set(err, ERR_INVALID, "env.%.64s: must be a text, without NUL", name);
        }
    }
    return 0;
}

static int check_mode(const struct exec_settings *s, struct err *err)
{
    if (s->mode == EXEC_MODE_SHARED) {
        return s->publish ? err_set(err, ERR_INVALID, "publish: is for mode per_request") : 0;
    }
    if (s->journal) {
        return err_set(err, ERR_INVALID, "journal: is for mode shared; answers are always kept");
    }
    if (s->start == EXEC_START_NOW) {
        return err_set(err, ERR_INVALID, "start: is for mode shared");
    }
    return 0;
}

int exec_settings_check(const void *settings, struct err *err)
{
    const struct exec_settings *s = settings;
    if (s->argv.count == 0 || !*s->argv.items[0]) {
        return err_set(err, ERR_INVALID, "argv: must begin with the program's path or name");
    }
    if (s->restart_max_ms < s->restart_min_ms) {
        return err_set(err, ERR_INVALID, "restart_max_ms: must not be less than restart_min_ms");
    }
    if (s->user && !getpwnam(s->user)) {
        return err_set(err, ERR_UNKNOWN, "user: there is no user \"%.64s\"", s->user);
    }
    if (s->journal && s->keep_bytes < JOURNAL_LEAST) {
        return err_set(err, ERR_INVALID, "keep_bytes: must be at least %d with journal",
                       JOURNAL_LEAST);
    }
    int rc = check_mode(s, err);
    return rc ? rc : check_env(s->env, err);
}

int64_t exec_settings_linger_ms(const void *settings)
{
    const struct exec_settings *s = settings;
    return s->start == EXEC_START_NOW ? SOURCE_LINGER_ALWAYS : s->linger_s * 1000;
}

/* ---- vectors ---- */

static int is_overridden(struct json_object *env, const char *name)
{
    return env && json_object_object_get_ex(env, name, NULL);
}

/* Puts "NAME=value" at *at, and moves it on. */
static char *put_pair(char **at, const char *name, const char *value)
{
    char *pair = *at;
    size_t name_len = strlen(name);
    size_t value_len = strlen(value);
    memcpy(pair, name, name_len);
    pair[name_len] = '=';
    memcpy(pair + name_len + 1, value, value_len + 1);
    *at = pair + name_len + value_len + 2;
    return pair;
}

char **exec_settings_env(const struct exec_settings *s)
{
    size_t count = DEFAULTS + 1;
    size_t bytes = 0;
    size_t n = 0;
    for (size_t i = 0; i < DEFAULTS; i++) {
        bytes += strlen(defaults[i].name) + strlen(defaults[i].value) + 2;
    }
    if (s->env) {
        json_object_object_foreach(s->env, name, value) {
            count++;
            bytes += strlen(name) + (size_t)json_object_get_string_len(value) + 2;
        }
    }
    char **env = malloc(count * sizeof *env + bytes);
    if (!env) {
        return NULL;
    }
    char *at = (char *)(env + count);
    for (size_t i = 0; i < DEFAULTS; i++) {
        if (!is_overridden(s->env, defaults[i].name)) {
            env[n++] = put_pair(&at, defaults[i].name, defaults[i].value);
        }
    }
    if (s->env) {
        json_object_object_foreach(s->env, name, value) {
            env[n++] = put_pair(&at, name, json_object_get_string(value));
        }
    }
    env[n] = NULL;
    return env;
}

char **exec_settings_argv(const struct exec_settings *s)
{
    char **argv = calloc(s->argv.count + 1, sizeof *argv);
    for (size_t i = 0; argv && i < s->argv.count; i++) {
        argv[i] = s->argv.items[i];
    }
    return argv;
}

/* SPDX-License-Identifier: MIT */
/* config: the whole configuration, checked: settings of the process and its streams. */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "conf/option.h"
#include "hub/options.h"

#include <stddef.h>

struct app_allow;
struct app_publishers;
struct err;
struct json_object;
struct source_type;

#define APP_STREAMS_MAX 4096
#define APP_NAME_MAX 128

/* A stream of the configuration; shared by the configurations that have it unchanged and by the
 * channels that run it. */
struct app_stream {
    int refs;
    char *name;
    const struct source_type *type;
    void *settings;  /* filled by the type's option table */
    char *state_dir; /* the configuration's; NULL for none */
    struct app_publishers *publishers; /* NULL: nobody publishes */
};

struct app_config {
    char *prefix; /* "/events" */
    struct conf_list cors_origins;
    char *state_dir;
    int log_format; /* enum log_format */
    int log_level;  /* enum log_level */
    struct json_object *metrics, *health; /* as they are in the file; NULL: there is no such page */
    struct app_allow *metrics_allow, *health_allow; /* read from these */
    struct hub_settings hub;
    struct app_stream **streams; /* in the order of the file */
    size_t stream_count;
};

/* The settings of the process; hub_options has the rest of the top level. */
extern const struct conf_option app_options[];

/* Reads the file, or the built-in configuration when `path` is NULL. On failure `err` says
 * "FILE: KEY.PATH: what is wrong". */
int app_config_load(const char *path, struct app_config **out, struct err *err);

/* Puts the streams of `old` in the place of the equal ones in `config`. */
void app_config_adopt(struct app_config *config, const struct app_config *old);

void app_config_free(struct app_config *config);

/* NULL when there is none of that name. */
struct app_stream *app_config_find(const struct app_config *config, const char *name);

/* Every setting in force. The caller puts the result; NULL when out of memory. */
struct json_object *app_config_dump(const struct app_config *config);

struct app_stream *app_stream_ref(struct app_stream *s);
void app_stream_unref(struct app_stream *s);

#endif

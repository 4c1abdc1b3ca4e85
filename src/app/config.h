/* SPDX-License-Identifier: MIT */
/* config: the whole configuration, checked: settings of the process and its streams. */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "app/stream.h"
#include "conf/option.h"
#include "hub/options.h"

#include <stddef.h>

struct app_allow;
struct err;
struct json_object;

#define APP_STREAMS_MAX 4096

struct app_config {
    char *prefix; /* "/events" */
    struct conf_list cors_origins;
    char *state_dir;
    char *module_dir;
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

/* Reads only where the modules are; the caller frees it. Errors as above. */
int app_config_module_dir(const char *path, char **out, struct err *err);

/* Puts the streams of `old` in the place of the equal ones in `config`. */
void app_config_adopt(struct app_config *config, const struct app_config *old);

void app_config_free(struct app_config *config);

/* 0, or the errno of why nothing can be kept in state_dir just now. */
int app_config_check_state(const struct app_config *config);

/* The stream that a client names: one of the configuration, or a family's member. The caller unrefs
 * it. ERR_UNKNOWN: there is none; otherwise as app_family_member. */
int app_config_stream(const struct app_config *config, const char *name, struct app_stream **out,
                      struct err *err);

/* 1 when the stream, or the family of the member, is one of the configuration. */
int app_config_has(const struct app_config *config, const struct app_stream *s);

/* One that the configuration names so, as "rooms/" and "*"; NULL when there is none. */
struct app_stream *app_config_find(const struct app_config *config, const char *name);

/* Every setting in force. The caller puts the result; NULL when out of memory. */
struct json_object *app_config_dump(const struct app_config *config);

#endif

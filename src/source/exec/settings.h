/* SPDX-License-Identifier: MIT */
/* exec_settings: what the configuration says of a program. */
#ifndef SOURCE_EXEC_SETTINGS_H
#define SOURCE_EXEC_SETTINGS_H

#include "conf/option.h"

#include <stdint.h>

struct err;
struct json_object;

enum exec_mode {
    EXEC_MODE_SHARED,
    EXEC_MODE_PER_REQUEST
};

enum exec_start {
    EXEC_START_READER,
    EXEC_START_NOW
};

enum exec_restart {
    EXEC_RESTART_NEVER,
    EXEC_RESTART_ON_FAILURE,
    EXEC_RESTART_ALWAYS
};

struct exec_settings {
    struct conf_list argv;
    char *cwd;
    struct json_object *env; /* {NAME: text} */
    char *user;
    int64_t linger_s;
    int64_t restart_min_ms;
    int64_t restart_max_ms;
    int64_t restart_limit;
    int64_t kill_s;
    int64_t keep_bytes;
    int64_t max_line_bytes;
    int64_t max_body_bytes; /* these three per request */
    int64_t max_output_bytes;
    int64_t run_s;
    struct json_object *publish; /* the app's */
    int mode; /* enum exec_mode */
    int framing; /* enum exec_framing_kind */
    int start;   /* enum exec_start */
    int restart; /* enum exec_restart */
    int journal;
};

extern const struct conf_option exec_settings_options[];

/* As in struct source_type. */
int exec_settings_check(const void *settings, struct err *err);
int64_t exec_settings_linger_ms(const void *settings);

/* The program's whole environment and its arguments, NULL-terminated, each in one piece of memory that the
 * caller frees. NULL when out of memory. */
char **exec_settings_env(const struct exec_settings *s);
char **exec_settings_argv(const struct exec_settings *s);

#endif

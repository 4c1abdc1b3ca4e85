/* SPDX-License-Identifier: MIT */
/* tail_settings: what a tail stream's configuration says. */
#ifndef SOURCE_TAIL_SETTINGS_H
#define SOURCE_TAIL_SETTINGS_H

#include "conf/option.h"

#include <stdint.h>

struct err;

struct tail_settings {
    char *path; /* NULL when there are `paths` */
    struct conf_list paths;
    struct conf_list rotated;
    int64_t poll_ms;
    int64_t max_line_bytes;
    int64_t partial_flush_ms;
    int follow_symlinks;
    int format;
    int level_events;
    int time_format;
};

extern const struct conf_option tail_settings_options[];

/* As in struct source_type. */
int tail_settings_check(const void *settings, struct err *err);

#endif

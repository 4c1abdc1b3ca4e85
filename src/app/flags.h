/* SPDX-License-Identifier: MIT */
/* flags: the command line. */
#ifndef APP_FLAGS_H
#define APP_FLAGS_H

#include "gate/gate.h"

#include <stdint.h>

struct err;

enum app_action {
    APP_SERVE,
    APP_CHECK_CONFIG,
    APP_DUMP_CONFIG,
    APP_LIST_SOURCES,
    APP_PRINT,
    APP_VERSION,
    APP_HELP
};

/* Texts point into argv or the environment. */
struct app_flags {
    enum app_action action;
    const char *config; /* --config, else SSECGI_CONFIG, else NULL */
    const char *listen[GATE_LISTENERS_MAX];
    size_t listen_count;
    const char *stream; /* --print */
    const char *from;
    const char *last;
    uint64_t count; /* 0: no end */
};

/* ERR_INVALID with `err` for a usage error. */
int app_flags_read(struct app_flags *out, int argc, char **argv, struct err *err);

extern const char app_help[];

#endif

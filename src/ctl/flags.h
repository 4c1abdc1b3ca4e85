/* SPDX-License-Identifier: MIT */
/* flags: the command line of ssecgi-ctl. */
#ifndef CTL_FLAGS_H
#define CTL_FLAGS_H

#include "ctl/fetch.h"
#include "ctl/url.h"

#include <stdint.h>

struct err;

enum ctl_exit { CTL_EXIT_GOOD = 0, CTL_EXIT_WRONG = 1, CTL_EXIT_USAGE = 2 };

#define CTL_QUIET_S 35 /* default of --quiet-s: two heartbeats of 15 s, and some */
#define CTL_QUIET_MAX_S 86400

enum ctl_action { CTL_DOCTOR, CTL_VERSION, CTL_HELP };

/* Texts point into argv. */
struct ctl_flags {
    enum ctl_action action;
    struct ctl_access access;
    char url[CTL_URL_SIZE];
    const char *origin;
    int64_t quiet_ms; /* 0: no watch */
    int has_quiet;    /* it was given: the watch takes all of it */
    int is_json;
};

/* ERR_INVALID with `err` for a usage error. */
int ctl_flags_read(struct ctl_flags *out, int argc, char **argv, struct err *err);

extern const char ctl_help[];

#endif

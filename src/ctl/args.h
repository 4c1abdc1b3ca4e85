/* SPDX-License-Identifier: MIT */
/* args: walking through a command line, and the options that several commands have. */
#ifndef CTL_ARGS_H
#define CTL_ARGS_H

#include <getopt.h>
#include <stddef.h>
#include <stdint.h>

struct ctl_access;
struct err;

/* Options of how to reach a server; a command's own begin at CTL_ARG_OWN. */
enum ctl_arg {
    CTL_ARG_HEADER = 'H',
    CTL_ARG_USER = 1000,
    CTL_ARG_NETRC,
    CTL_ARG_INSECURE,
    CTL_ARG_TIMEOUT,
    CTL_ARG_OWN
};

/* clang-format off */
#define CTL_ARGS_ACCESS                                                                            \
    {"user", required_argument, NULL, CTL_ARG_USER},                                               \
    {"netrc", required_argument, NULL, CTL_ARG_NETRC},                                             \
    {"header", required_argument, NULL, CTL_ARG_HEADER},                                           \
    {"insecure", no_argument, NULL, CTL_ARG_INSECURE},                                             \
    {"timeout", required_argument, NULL, CTL_ARG_TIMEOUT}
/* clang-format on */

#define CTL_TIMEOUT_S 10 /* default of --timeout */
#define CTL_TIMEOUT_MAX_S 300

struct ctl_args {
    const struct option *options; /* ends at one without a name; "H:" is known as a letter */
    int (*take)(void *ctx, int flag, const char *value, struct err *err);
    void *ctx;
    const char **operands; /* what is no option, `operand_max` at most */
    size_t operand_max;
    size_t operand_count;
};

/* Takes everything after argv[0]; options may follow operands, up to "--". ERR_INVALID with `err`,
 * and what take() answers. */
int ctl_args_walk(struct ctl_args *a, int argc, char **argv, struct err *err);

/* Takes one of the options above. */
int ctl_args_access(struct ctl_access *a, int flag, const char *value, struct err *err);

/* A number of seconds, as milliseconds. */
int ctl_args_seconds(const char *name, const char *value, uint64_t least, uint64_t most,
                     int64_t *out_ms, struct err *err);

/* ERR_INVALID for control characters: what has a line end in it would become a header of its own.
 */
int ctl_args_line(const char *name, const char *value, struct err *err);

#endif

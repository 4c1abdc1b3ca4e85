/* SPDX-License-Identifier: MIT */
/* exec_launch: pipes, and a supervisor with the program behind them. */
#ifndef SOURCE_EXEC_LAUNCH_H
#define SOURCE_EXEC_LAUNCH_H

#include <sys/types.h>

struct exec_child_setup;

/* Our ends: close-on-exec and non-blocking. */
struct exec_launched {
    pid_t pid; /* the supervisor's, our child */
    int control, output, error;
    int input; /* -1: it has none */
};

/* ERR_IO, with errno; ERR_NOMEM. */
int exec_launch(const struct exec_child_setup *setup, struct exec_launched *out);

#endif

/* SPDX-License-Identifier: MIT */
/* procs: what named processes have used: CPU time and memory, as Linux tells it. */
#ifndef BENCH_PROCS_H
#define BENCH_PROCS_H

#include <stddef.h>
#include <sys/types.h>

#define PROCS_MAX 128

struct proc {
    const char *name; /* several processes may have the same */
    pid_t pid;
};

struct procs {
    struct proc list[PROCS_MAX];
    size_t count;
};

/* Adds "NAME:PID"; the text must stay. -1 when it is not of that form or there are too many. */
int procs_add(struct procs *p, char *text);

/* CPU seconds of all threads so far; negative when the process is not there. */
double procs_cpu_s(pid_t pid);

/* Proportional set size in KiB; negative when it cannot be read. */
double procs_pss_kib(pid_t pid);

#endif

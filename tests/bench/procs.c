/* SPDX-License-Identifier: MIT */
/* procs: what named processes have used: CPU time and memory, as Linux tells it. */
#include "procs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int procs_add(struct procs *p, char *text)
{
    char *colon = strrchr(text, ':');
    char *end;
    if (!colon || colon == text || p->count == PROCS_MAX) {
        return -1;
    }
    long pid = strtol(colon + 1, &end, 10);
    if (*end || pid <= 0) {
        return -1;
    }
    *colon = '\0';
    p->list[p->count++] = (struct proc){.name = text, .pid = (pid_t)pid};
    return 0;
}

/* The scheduler's own count, in nanoseconds: /proc/PID/stat has ticks of 10 ms. */
double procs_cpu_s(pid_t pid)
{
    char path[600];
    double total = -1;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (!tasks) {
        return -1;
    }
    struct dirent *entry;
    while ((entry = readdir(tasks))) {
        unsigned long long ns;
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, entry->d_name);
        FILE *f = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
        if (!f) {
            continue;
        }
        if (fscanf(f, "%llu", &ns) == 1) {
            total = (total < 0 ? 0 : total) + (double)ns / 1e9;
        }
        fclose(f);
    }
    closedir(tasks);
    return total;
}

double procs_pss_kib(pid_t pid)
{
    char path[64];
    char line[256];
    double pss = -1;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f) {
        return -1;
    }
    while (pss < 0 && fgets(line, sizeof line, f)) {
        if (sscanf(line, "Pss: %lf kB", &pss) != 1) {
            pss = -1;
        }
    }
    fclose(f);
    return pss;
}

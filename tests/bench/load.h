/* SPDX-License-Identifier: MIT */
/* load: what the parts of the load client share: its options, its state and its report. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "client.h"
#include "feed.h"
#include "procs.h"

struct json_object;

struct options {
    enum reader_wire wire;
    const char *address;
    const char *path;
    const char *feed;
    int is_holding, is_storming;
    uint64_t readers, first, at_once, events, warm, burst, rate, timeout_s;
    uint64_t stalled, flood, flood_bytes, kept;
};

struct load {
    struct options options;
    struct procs procs;
    struct client client;
    struct feed feed;
    double cpu_s[PROCS_MAX]; /* when the measured part began */
    double own_cpu_s;
    uint64_t start_ns;
    struct json_object *report;
};

/* --- load.c -------------------------------------------------------------------------------- */

/* Says on standard error where the readers stand. Always -1. */
int load_fail(const struct load *l, const char *what);

/* Writes `events` in bursts, paced or each when all have the last, and waits until all have all. */
int load_feed(struct load *l, uint64_t events);

/* --- report.c ------------------------------------------------------------------------------ */

void report_number(struct json_object *o, const char *key, double value);
void report_count(struct json_object *o, const char *key, uint64_t value);
void report_quantiles(struct json_object *o, const char *key, const struct histogram *h);

/* Time and CPU from here on, and their use until now as the object `key` of the report. */
void report_start(struct load *l);
struct json_object *report_used(struct load *l, const char *key);

/* Adds the processes' memory, at this moment, to the report's list. */
void report_memory(struct load *l);

/* What was received since `before`, and what has gone wrong so far. */
void report_deliveries(struct load *l, const struct reader_totals *before);
void report_faults(struct load *l);

/* --- scenario.c ---------------------------------------------------------------------------- */

/* Some readers stall, the others go on, then the stalled ones wake. */
int scenario_stall(struct load *l);

/* All but a few readers are cut off and come back at once: in silence, then while events go on. */
int scenario_storm(struct load *l);

#endif

/* SPDX-License-Identifier: MIT */
/* histogram: counts of durations, exact to one part in 64, in fixed memory. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_PARTS 64U /* buckets for each power of two */
#define HISTOGRAM_BUCKETS (58U * HISTOGRAM_PARTS)

/* Zeroed storage is an empty one. */
struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t max;
};

void histogram_add(struct histogram *h, uint64_t value);

/* The value that `share` (0 to 1) of all are at or below; 0 when there are none. */
uint64_t histogram_quantile(const struct histogram *h, double share);

#endif

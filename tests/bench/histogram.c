/* SPDX-License-Identifier: MIT */
/* histogram: counts of durations, exact to one part in 64, in fixed memory. */
#include "histogram.h"

#define PART_BITS 6U

/* Values below HISTOGRAM_PARTS have a bucket each; above, each power of two has as many. */
static uint32_t bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_PARTS) {
        return (uint32_t)value;
    }
    uint32_t shift = 63U - (uint32_t)__builtin_clzll(value) - PART_BITS;
    uint32_t part = (uint32_t)(value >> shift) - HISTOGRAM_PARTS;
    uint32_t bucket = (shift + 1) * HISTOGRAM_PARTS + part;
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The largest value that falls into it. */
static uint64_t bucket_top(uint32_t bucket)
{
    if (bucket < HISTOGRAM_PARTS) {
        return bucket;
    }
    uint32_t shift = bucket / HISTOGRAM_PARTS - 1;
    uint64_t part = bucket % HISTOGRAM_PARTS + HISTOGRAM_PARTS;
    return ((part + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t value)
{
    h->counts[bucket_of(value)]++;
    h->total++;
    if (value > h->max) {
        h->max = value;
    }
}

uint64_t histogram_quantile(const struct histogram *h, double share)
{
    double wanted = share * (double)h->total;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->counts[i];
        if (h->counts[i] > 0 && (double)seen >= wanted) {
            return bucket_top(i) < h->max ? bucket_top(i) : h->max;
        }
    }
    return h->max;
}

/* SPDX-License-Identifier: MIT */
/* rand: uniform numbers for spreading things out in time. */
#include "base/rand.h"

#include "base/hash.h"

#include <time.h>
#include <unistd.h>

/* The clock's nanoseconds, well mixed: no system call, and none of its users keeps a secret. */
static uint64_t rand_u64(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return hash_mix64((uint64_t)ts.tv_nsec + (uint64_t)ts.tv_sec * 1000000000
                      + ((uint64_t)getpid() << 40));
}

uint64_t rand_below(uint64_t bound)
{
    if (bound == 0) {
        return 0;
    }
    /* Draws above the last whole multiple of bound would favour small numbers: drawn again. */
    uint64_t last = UINT64_MAX - UINT64_MAX % bound;
    uint64_t value;
    do {
        value = rand_u64();
    } while (value >= last);
    return value % bound;
}

uint64_t rand_percent(uint64_t value, unsigned low, unsigned high)
{
    uint64_t from = value / 100 * low + value % 100 * low / 100;
    uint64_t to = value / 100 * high + value % 100 * high / 100;
    return from + rand_below(to - from + 1);
}

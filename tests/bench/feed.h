/* SPDX-License-Identifier: MIT */
/* feed: writes numbered, time-stamped lines into the file or pipe that a system reads. */
#ifndef BENCH_FEED_H
#define BENCH_FEED_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define FEED_LINE_BYTES 128 /* with its LF */
#define FEED_BURST_MAX 256

struct feed {
    int fd;
    uint32_t burst; /* lines in one write */
    uint64_t seq;   /* of the last line written */
    int failed;     /* an errno */
    /* While the thread runs, all of the above is its own. */
    pthread_t thread;
    uint64_t interval_ns;
    uint64_t bursts;
};

/* Opens for appending. -1 and errno. */
int feed_open(struct feed *f, const char *path, uint32_t burst);

/* Writes one burst, at once. -1 and errno. */
int feed_write(struct feed *f);

/* Has a thread write so many bursts, one every `interval_ns`, however late it is. */
int feed_start(struct feed *f, uint64_t interval_ns, uint64_t bursts);
int feed_join(struct feed *f);

void feed_close(struct feed *f);

#endif

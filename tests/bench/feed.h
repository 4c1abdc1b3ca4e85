/* SPDX-License-Identifier: MIT */
/* feed: writes numbered, time-stamped lines into the file or pipe that a system reads, or publishes
 * them in the way the system has for it. */
#ifndef BENCH_FEED_H
#define BENCH_FEED_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define FEED_LINE_BYTES 128 /* with its LF */
#define FEED_LINE_MAX 8192
#define FEED_BURST_MAX 256

enum feed_kind {
    FEED_FILE,
    FEED_HTTP, /* one POST a line, on one connection */
    FEED_ZMTP  /* one message a line, as Pushpin takes them */
};

struct feed {
    enum feed_kind kind;
    int fd;
    char path[128];      /* FEED_HTTP: where to */
    uint32_t burst;      /* lines at once */
    uint32_t line_bytes; /* of each line, with its LF */
    uint64_t seq;        /* of the last line written */
    int failed;          /* an errno */
    char *lines;         /* heap: the burst that is being made */
    /* While the thread runs, all of the above is its own. */
    pthread_t thread;
    uint64_t interval_ns;
    uint64_t bursts;
};

/* `where` is a file to append to, "http:IP:PORT/PATH" or "zmtp:IP:PORT". -1 and errno. */
int feed_open(struct feed *f, const char *where);

/* Writes one burst, at once. -1 and errno. */
int feed_write(struct feed *f);

/* Has a thread write so many bursts, one every `interval_ns`, however late it is. */
int feed_start(struct feed *f, uint64_t interval_ns, uint64_t bursts);
int feed_join(struct feed *f);

void feed_close(struct feed *f);

#endif

/* SPDX-License-Identifier: MIT */
/* feed: writes numbered, time-stamped lines into the file or pipe that a system reads, or publishes
 * them in the way the system has for it. */
#include "feed.h"

#include "publish.h"
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int feed_open(struct feed *f, const char *where)
{
    int rc;
    *f = (struct feed){.fd = -1, .burst = 1, .line_bytes = FEED_LINE_BYTES};
    f->lines = malloc((size_t)FEED_BURST_MAX * FEED_LINE_MAX);
    if (!f->lines) {
        return -1;
    }
    if (strncmp(where, "http:", 5) == 0 || strncmp(where, "zmtp:", 5) == 0) {
        f->kind = where[0] == 'h' ? FEED_HTTP : FEED_ZMTP;
        rc = publish_open(f, where + 5);
    } else {
        f->fd = open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        rc = f->fd < 0 ? -1 : 0;
    }
    return rc;
}

static int write_lines(struct feed *f)
{
    ssize_t len = (ssize_t)f->burst * (ssize_t)f->line_bytes;
    ssize_t written = write(f->fd, f->lines, (size_t)len);
    if (written != len) {
        errno = written < 0 ? errno : ENOSPC;
        return -1;
    }
    return 0;
}

int feed_write(struct feed *f)
{
    uint64_t now_ns = reader_now_ns();
    for (uint32_t i = 0; i < f->burst; i++) {
        char *line = f->lines + (size_t)i * f->line_bytes;
        memset(line, '.', f->line_bytes);
        int used = snprintf(line, FEED_LINE_BYTES, "%" PRIu64 " %" PRIu64, f->seq + i + 1, now_ns);
        line[used] = ' ';
        line[f->line_bytes - 1] = '\n';
    }
    if (f->kind == FEED_FILE ? write_lines(f) : publish_lines(f, f->lines)) {
        return -1;
    }
    f->seq += f->burst;
    return 0;
}

static void *run(void *arg)
{
    struct feed *f = arg;
    uint64_t due_ns = reader_now_ns();
    for (uint64_t i = 0; i < f->bursts && !f->failed; i++) {
        due_ns += f->interval_ns;
        struct timespec due = {.tv_sec = (time_t)(due_ns / 1000000000U),
                               .tv_nsec = (long)(due_ns % 1000000000U)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR) {
        }
        if (feed_write(f)) {
            f->failed = errno;
        }
    }
    return NULL;
}

int feed_start(struct feed *f, uint64_t interval_ns, uint64_t bursts)
{
    f->interval_ns = interval_ns;
    f->bursts = bursts;
    errno = pthread_create(&f->thread, NULL, run, f);
    return errno ? -1 : 0;
}

int feed_join(struct feed *f)
{
    pthread_join(f->thread, NULL);
    errno = f->failed;
    return f->failed ? -1 : 0;
}

void feed_close(struct feed *f)
{
    if (f->fd >= 0) {
        close(f->fd);
    }
    free(f->lines);
}

/* SPDX-License-Identifier: MIT */
/* feed: writes numbered, time-stamped lines into the file or pipe that a system reads. */
#include "feed.h"

#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int feed_open(struct feed *f, const char *path, uint32_t burst)
{
    *f = (struct feed){.burst = burst};
    f->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    return f->fd < 0 ? -1 : 0;
}

int feed_write(struct feed *f)
{
    char lines[FEED_BURST_MAX * FEED_LINE_BYTES];
    uint64_t now_ns = reader_now_ns();
    for (uint32_t i = 0; i < f->burst; i++) {
        char *line = lines + i * FEED_LINE_BYTES;
        memset(line, '.', FEED_LINE_BYTES);
        int used = snprintf(line, FEED_LINE_BYTES, "%" PRIu64 " %" PRIu64, f->seq + i + 1, now_ns);
        line[used] = ' ';
        line[FEED_LINE_BYTES - 1] = '\n';
    }
    ssize_t len = (ssize_t)f->burst * FEED_LINE_BYTES;
    ssize_t written = write(f->fd, lines, (size_t)len);
    if (written != len) {
        errno = written < 0 ? errno : ENOSPC;
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
    close(f->fd);
}

/* SPDX-License-Identifier: MIT */
/* publish: how lines get into the systems that want them by a connection. */
#ifndef BENCH_PUBLISH_H
#define BENCH_PUBLISH_H

#include "feed.h"

/* Connects as f->kind asks, to "IP:PORT" or "IP:PORT/PATH". -1 and errno. */
int publish_open(struct feed *f, const char *where);

/* Sends the lines, and does not wait for answers. -1 and errno. */
int publish_lines(struct feed *f, const char *lines);

#endif

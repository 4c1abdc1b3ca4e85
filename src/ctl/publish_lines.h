/* SPDX-License-Identifier: MIT */
/* publish_lines: lines of a descriptor, as they come. */
#ifndef CTL_PUBLISH_LINES_H
#define CTL_PUBLISH_LINES_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

#define CTL_LINE_MAX (1024 * 1024) /* bytes of one line */

struct ctl_line {
    uint64_t number;  /* from 1 */
    const char *text; /* without its end, CR LF or LF; NULL: it was too long */
    size_t len;
};

struct ctl_lines {
    int fd;
    struct buf pending;
    size_t at;       /* what was handed out */
    uint64_t number; /* of the last line */
    int is_long;     /* the line that is coming is too long */
    int is_over;
};

/* The descriptor stays the caller's. */
void ctl_lines_init(struct ctl_lines *l, int fd);

/* Waits for input and takes what there is. 0; ERR_CLOSED at the end; ERR_IO, with errno;
 * ERR_NOMEM. */
int ctl_lines_read(struct ctl_lines *l);

/* The next line that is there, good until the next read. 1, or 0 when there is none. */
int ctl_lines_next(struct ctl_lines *l, struct ctl_line *out);

void ctl_lines_fini(struct ctl_lines *l);

#endif

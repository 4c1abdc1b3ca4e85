/* SPDX-License-Identifier: MIT */
/* publish_lines: lines of a descriptor, as they come. */
#include "ctl/publish_lines.h"

#include "base/err.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES 65536

void ctl_lines_init(struct ctl_lines *l, int fd)
{
    *l = (struct ctl_lines){.fd = fd};
    buf_init(&l->pending, CTL_LINE_MAX + BLOCK_BYTES);
}

void ctl_lines_fini(struct ctl_lines *l)
{
    buf_fini(&l->pending);
}

/* Drops what was handed out; of a line that is too long nothing is kept. */
static void make_room(struct ctl_lines *l)
{
    buf_consume(&l->pending, l->at);
    l->at = 0;
    if (l->pending.len > CTL_LINE_MAX) {
        l->is_long = 1;
    }
    if (l->is_long) {
        buf_clear(&l->pending);
    }
}

int ctl_lines_read(struct ctl_lines *l)
{
    make_room(l);
    int rc = buf_reserve(&l->pending, BLOCK_BYTES);
    if (rc) {
        return ERR_NOMEM;
    }
    ssize_t got;
    do {
        got = read(l->fd, l->pending.data + l->pending.len, BLOCK_BYTES);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return ERR_IO;
    }
    l->pending.len += (size_t)got;
    l->is_over = got == 0;
    return got ? 0 : ERR_CLOSED;
}

int ctl_lines_next(struct ctl_lines *l, struct ctl_line *out)
{
    const char *text = l->pending.data ? l->pending.data + l->at : "";
    size_t left = l->pending.len - l->at;
    const char *end = memchr(text, '\n', left);
    if (!end && !(l->is_over && (left > 0 || l->is_long))) {
        return 0;
    }
    size_t len = end ? (size_t)(end - text) : left;
    int is_long = l->is_long || len > CTL_LINE_MAX;
    l->at += len + (end != NULL);
    l->number++;
    l->is_long = 0;
    len -= end && len > 0 && text[len - 1] == '\r';
    *out = (struct ctl_line){
        .number = l->number, .text = is_long ? NULL : text, .len = is_long ? 0 : len};
    return 1;
}

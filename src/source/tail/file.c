/* SPDX-License-Identifier: MIT */
/* tail_file: one file of a log, plain or compressed, opened when it is first read. */
#include "source/tail/file.h"

#include "base/err.h"
#include "source/tail/inflate.h"
#include "source/tail/open.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tail_file *tail_file_new(const char *path, int follow, int is_compressed,
                                const struct tail_stat *st)
{
    struct tail_file *f = calloc(1, sizeof *f);
    char *copy = strdup(path);
    if (!f || !copy) {
        free(f);
        free(copy);
        return NULL;
    }
    *f = (struct tail_file){
        .refs = 1,
        .path = copy,
        .follow = follow,
        .is_compressed = is_compressed,
        .st = *st,
        .label = tail_stat_label(st, is_compressed),
        .fd = -1,
    };
    return f;
}

struct tail_file *tail_file_ref(struct tail_file *f)
{
    f->refs++;
    return f;
}

void tail_file_unref(struct tail_file *f)
{
    if (!f || --f->refs > 0) {
        return;
    }
    tail_inflate_free(f->inflate);
    if (f->fd >= 0) {
        close(f->fd);
    }
    free(f->path);
    free(f);
}

int tail_file_open(struct tail_file *f)
{
    if (f->fd >= 0) {
        return 0;
    }
    int fd;
    struct tail_stat st;
    int rc = tail_open(f->path, f->follow, TAIL_OPEN_READ, &fd, &st);
    if (rc) {
        return rc;
    }
    if (!tail_stat_same(&st, &f->st)) {
        close(fd);
        return ERR_AGAIN;
    }
    f->fd = fd;
    f->st = st;
    return 0;
}

static int read_plain(int fd, char *out, size_t len, uint64_t offset, size_t *got)
{
    size_t have = 0;
    while (have < len) {
        ssize_t n = pread(fd, out + have, len - have, (off_t)(offset + have));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ERR_IO;
        }
        if (n == 0) {
            break;
        }
        have += (size_t)n;
    }
    *got = have;
    return 0;
}

int tail_file_read(struct tail_file *f, void *out, size_t len, uint64_t offset, size_t *got)
{
    if (!f->is_compressed) {
        return read_plain(f->fd, out, len, offset, got);
    }
    if (!f->inflate) {
        int rc = tail_inflate_new(f->fd, &f->inflate);
        if (rc) {
            return rc;
        }
    }
    return tail_inflate_read(f->inflate, out, len, offset, got);
}

int tail_file_stat(struct tail_file *f)
{
    return tail_stat_read(f->fd, "", 1, &f->st) ? ERR_IO : 0;
}

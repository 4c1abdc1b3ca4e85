/* SPDX-License-Identifier: MIT */
/* tail_file: one file of a log, plain or compressed, opened when it is first read. */
#ifndef SOURCE_TAIL_FILE_H
#define SOURCE_TAIL_FILE_H

#include "source/tail/identity.h"

struct tail_inflate;

/* Shared by those who read it. */
struct tail_file {
    unsigned refs;
    char *path;
    int follow;          /* how the path is opened */
    int is_compressed;
    int is_current;      /* it stands where the configured path leads */
    int is_held;         /* kept open though it may have no name any more */
    struct tail_stat st; /* as last seen */
    struct tail_label label;
    int fd;              /* -1 until it is read */
    struct tail_inflate *inflate;
};

/* A file seen at `path`. Takes nothing over. NULL when out of memory. */
struct tail_file *tail_file_new(const char *path, int follow, int is_compressed,
                                const struct tail_stat *st);

struct tail_file *tail_file_ref(struct tail_file *f);
void tail_file_unref(struct tail_file *f);

/* Opens it if it is not open yet. ERR_AGAIN: another file stands there by now; look again.
 * ERR_GONE, ERR_IO. */
int tail_file_open(struct tail_file *f);

/* Reads up to `len` bytes at `offset` and less only at the end. The file must be open. ERR_IO,
 * ERR_NOMEM; ERR_INVALID when compressed data is damaged there; ERR_LIMIT when it is compressed and far
 * away: call again. */
int tail_file_read(struct tail_file *f, void *out, size_t len, uint64_t offset, size_t *got);

/* Looks at the open file again. ERR_IO. */
int tail_file_stat(struct tail_file *f);

#endif

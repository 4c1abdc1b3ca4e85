/* SPDX-License-Identifier: MIT */
/* tail_identity: telling one file from another: device, inode, birth time, and its bytes. */
#ifndef SOURCE_TAIL_IDENTITY_H
#define SOURCE_TAIL_IDENTITY_H

#include "source/tail/position.h"

#include <stddef.h>
#include <stdint.h>

/* A file as the system sees it. An inode number alone says little: ext4 gives it to the next
 * file at once. */
struct tail_stat {
    uint64_t dev;
    uint64_t ino;
    int64_t birth_ns; /* 0 where the file system keeps none */
    int64_t mtime_ns;
    uint64_t size;
    uint64_t links;
    int is_regular;
};

/* As statx(2): of `path` below `dir_fd`, following a symlink when `follow`; with an empty path,
 * of dir_fd itself. Answers ERR_GONE when there is none, ERR_IO (errno says why). */
int tail_stat_read(int dir_fd, const char *path, int follow, struct tail_stat *out);

/* 1 when both are one and the same file. */
int tail_stat_same(const struct tail_stat *a, const struct tail_stat *b);

/* What a file's generation is called. A compressed copy is called after its last write, which
 * gzip keeps, because its own birth lies long after its lines. */
struct tail_label tail_stat_label(const struct tail_stat *st, int is_compressed);

/* The hash of a file's first bytes, `len` at most TAIL_HEAD_BYTES. */
uint64_t tail_hash_head(const void *bytes, size_t len);

/* The hash of the `len` bytes before an offset, at most TAIL_BEFORE_BYTES. */
uint32_t tail_hash_before(const void *bytes, size_t len);

#endif

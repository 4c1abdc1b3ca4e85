/* SPDX-License-Identifier: MIT */
/* tail_identity: telling one file from another: device, inode, birth time, and its bytes. */
#include "source/tail/identity.h"

#include "base/err.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define NS_PER_S 1000000000LL
#define NS_PER_MS 1000000LL

static int64_t to_ns(const struct statx_timestamp *t)
{
    return (int64_t)t->tv_sec * NS_PER_S + t->tv_nsec;
}

int tail_stat_read(int dir_fd, const char *path, int follow, struct tail_stat *out)
{
    struct statx sx;
    int flags = AT_EMPTY_PATH | AT_STATX_SYNC_AS_STAT | (follow ? 0 : AT_SYMLINK_NOFOLLOW);
    if (statx(dir_fd, path, flags, STATX_BASIC_STATS | STATX_BTIME, &sx)) {
        return errno == ENOENT || errno == ENOTDIR ? ERR_GONE : ERR_IO;
    }
    *out = (struct tail_stat){
        .dev = (uint64_t)sx.stx_dev_major << 32 | sx.stx_dev_minor,
        .ino = sx.stx_ino,
        .birth_ns = sx.stx_mask & STATX_BTIME ? to_ns(&sx.stx_btime) : 0,
        .mtime_ns = to_ns(&sx.stx_mtime),
        .size = sx.stx_size,
        .links = sx.stx_nlink,
        .is_regular = S_ISREG(sx.stx_mode),
    };
    return 0;
}

int tail_stat_same(const struct tail_stat *a, const struct tail_stat *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->birth_ns == b->birth_ns;
}

struct tail_label tail_stat_label(const struct tail_stat *st, int is_compressed)
{
    int64_t birth_ns = is_compressed ? st->mtime_ns : st->birth_ns;
    uint64_t parts[3] = {st->dev, st->ino, (uint64_t)st->birth_ns};
    uint64_t tag = 0;
    for (size_t i = 0; i < 3; i++) {
        tag = hash_mix64(tag ^ parts[i]);
    }
    tag &= TAIL_TAG_MASK & ~TAIL_TAG_COMPRESSED;
    return (struct tail_label){
        .birth_ms = birth_ns > 0 ? (uint64_t)(birth_ns / NS_PER_MS) & TAIL_BIRTH_MASK : 0,
        .tag = (uint32_t)tag | (is_compressed ? TAIL_TAG_COMPRESSED : 0),
    };
}

uint64_t tail_hash_head(const void *bytes, size_t len)
{
    return hash_bytes(bytes, len) & TAIL_HEAD_MASK;
}

uint32_t tail_hash_before(const void *bytes, size_t len)
{
    return (uint32_t)hash_bytes(bytes, len) & TAIL_BEFORE_MASK;
}

/* SPDX-License-Identifier: MIT */
/* tail_inflate: reading a gzip file at an offset of what was compressed. */
#include "source/tail/inflate.h"

#include "base/err.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define BACK_BYTES (256 * 1024)        /* so far back of the last read costs nothing */
#define HEAD_BYTES 4096                /* nor do these first ones */
#define INPUT_BYTES (64 * 1024)
#define STRIDE_BYTES (8 * 1024 * 1024) /* on the way to an offset, at most so far in one call */
#define FAR_BYTES (64 * 1024)

struct tail_inflate {
    gzFile gz;
    uint64_t at;            /* what gzread gives next */
    char last[BACK_BYTES];  /* the bytes before `at`, at the end of the array */
    size_t last_len;
    char head[HEAD_BYTES];
    size_t head_len;
};

int tail_inflate_new(int fd, struct tail_inflate **out)
{
    struct tail_inflate *z = malloc(sizeof *z);
    if (!z) {
        return ERR_NOMEM;
    }
    z->at = 0;
    z->last_len = z->head_len = 0;
    /* The copy shares the file's offset with `fd`, of which nothing else makes use. */
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0 || lseek(own, 0, SEEK_SET) < 0) {
        goto fail;
    }
    z->gz = gzdopen(own, "rb");
    if (!z->gz) {
        goto fail;
    }
    gzbuffer(z->gz, INPUT_BYTES);
    *out = z;
    return 0;
fail:
    if (own >= 0) {
        close(own);
    }
    free(z);
    return ERR_IO;
}

void tail_inflate_free(struct tail_inflate *z)
{
    if (z) {
        gzclose_r(z->gz);
        free(z);
    }
}

static void remember(struct tail_inflate *z, const char *data, size_t len)
{
    if (z->at < HEAD_BYTES && z->head_len == z->at) {
        size_t room = HEAD_BYTES - z->head_len;
        size_t part = len < room ? len : room;
        memcpy(z->head + z->head_len, data, part);
        z->head_len += part;
    }
    size_t take = len < BACK_BYTES ? len : BACK_BYTES;
    size_t keep = z->last_len < BACK_BYTES - take ? z->last_len : BACK_BYTES - take;
    memmove(z->last + BACK_BYTES - take - keep, z->last + BACK_BYTES - keep, keep);
    memcpy(z->last + BACK_BYTES - take, data + len - take, take);
    z->last_len = keep + take;
    z->at += len;
}

/* Reads on from `at`. Trailing rubbish and a torn end are ERR_INVALID. */
static int read_on(struct tail_inflate *z, char *out, size_t len, size_t *got)
{
    size_t have = 0;
    while (have < len) {
        size_t part = len - have < INT_MAX ? len - have : INT_MAX;
        int n = gzread(z->gz, out + have, (unsigned)part);
        int code = Z_OK;
        if (n == 0) {
            gzerror(z->gz, &code);
        }
        if (n < 0 || (code != Z_OK && code != Z_STREAM_END)) {
            /* What was read before it is good; zlib answers the next read the same way. */
            if (have == 0) {
                return ERR_INVALID;
            }
            break;
        }
        if (n == 0) {
            break;
        }
        remember(z, out + have, (size_t)n);
        have += (size_t)n;
    }
    *got = have;
    return 0;
}

static int go_to(struct tail_inflate *z, uint64_t offset)
{
    char waste[16 * 1024];
    size_t gone = 0;
    if (offset < z->at) {
        if (gzrewind(z->gz)) {
            return ERR_INVALID;
        }
        z->at = 0;
        z->last_len = 0;
    }
    while (z->at < offset) {
        uint64_t left = offset - z->at;
        size_t got;
        int rc = read_on(z, waste, left < sizeof waste ? (size_t)left : sizeof waste, &got);
        if (rc) {
            return rc;
        }
        if (got == 0) {
            break;
        }
        gone += got;
        if (gone >= STRIDE_BYTES && z->at < offset) {
            return ERR_LIMIT;
        }
    }
    return 0;
}

int tail_inflate_read(struct tail_inflate *z, void *out, size_t len, uint64_t offset, size_t *got)
{
    char *to = out;
    size_t have = 0;
    if (offset < z->head_len && len <= z->head_len - offset) {
        memcpy(to, z->head + offset, len);
        *got = len;
        return 0;
    }
    if (offset < z->at && z->at - offset <= z->last_len) {
        size_t back = (size_t)(z->at - offset);
        have = back < len ? back : len;
        memcpy(to, z->last + BACK_BYTES - back, have);
    } else {
        int rc = go_to(z, offset);
        if (rc) {
            return rc;
        }
        if (z->at < offset) {
            *got = 0;
            return 0;
        }
    }
    size_t more = 0;
    int rc = have < len ? read_on(z, to + have, len - have, &more) : 0;
    *got = have + more;
    return have > 0 ? 0 : rc;
}

int tail_inflate_is_far(const struct tail_inflate *z)
{
    return z && z->at > FAR_BYTES;
}

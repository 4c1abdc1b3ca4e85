/* SPDX-License-Identifier: MIT */
/* journal_seg: one segment of a journal: reading its records, and finding one. */
#include "source/journal/seg.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES (64 * 1024)
#define NEAR_BYTES (16 * 1024) /* so close to what is looked for, records are passed one by one */

/* ---- life ---- */

void journal_seg_init(struct journal_seg *s)
{
    *s = (struct journal_seg){.fd = -1};
}

int journal_seg_look(struct journal_seg *s)
{
    struct stat st;
    if (fstat(s->fd, &st)) {
        return ERR_IO;
    }
    s->size = (uint64_t)st.st_size;
    s->block_len = 0;
    return 0;
}

int journal_seg_head(struct journal_seg *s)
{
    unsigned char bytes[JOURNAL_HEAD_BYTES];
    int rc = journal_seg_look(s);
    if (rc) {
        return rc;
    }
    ssize_t n = pread(s->fd, bytes, sizeof bytes, 0);
    if (n < 0) {
        return ERR_IO;
    }
    if (n < (ssize_t)sizeof bytes) {
        return ERR_GONE;
    }
    rc = journal_head_read(bytes, &s->head);
    int is_named = s->head.first == s->name.first && s->head.epoch == s->name.epoch;
    return rc ? rc : is_named ? 0 : ERR_INVALID;
}

/* Each reading would be noted in the file's inode otherwise; only its owner may do without. */
static int open_file(const char *path, int flags)
{
    flags |= O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int fd = open(path, flags | O_NOATIME, 0660);
    return fd >= 0 || errno != EPERM ? fd : open(path, flags, 0660);
}

int journal_seg_open(struct journal_seg *s, const struct journal_dir *d, struct journal_name name,
                     int flags)
{
    char *path = journal_dir_path(d, name);
    if (!path) {
        return ERR_NOMEM;
    }
    struct journal_seg next = {.name = name, .block = s->block, .block_cap = s->block_cap};
    next.fd = open_file(path, flags);
    int error = errno;
    free(path);
    errno = error;
    if (next.fd < 0) {
        return error == ENOENT ? ERR_GONE : ERR_IO;
    }
    int rc = journal_seg_head(&next);
    int is_kept = rc == 0 || rc == ERR_INVALID || (rc == ERR_GONE && (flags & O_ACCMODE) == O_RDWR);
    if (!is_kept) {
        close(next.fd);
        return rc;
    }
    journal_seg_close(s);
    *s = next;
    return rc;
}

void journal_seg_close(struct journal_seg *s)
{
    if (s->fd >= 0) {
        close(s->fd);
    }
    s->fd = -1;
    s->block_len = 0;
}

void journal_seg_fini(struct journal_seg *s)
{
    journal_seg_close(s);
    free(s->block);
    s->block = NULL;
    s->block_cap = 0;
}

/* ---- bytes ---- */

/* Reads until there is enough, or no more. Answers how much. */
static ssize_t read_at(int fd, unsigned char *to, size_t len, uint64_t offset)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(fd, to + got, len - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        got += (size_t)n;
    }
    return (ssize_t)got;
}

/* Makes `len` bytes at `offset` available. 1, or 0 when the file is shorter. */
static int need(struct journal_seg *s, uint64_t offset, size_t len, const unsigned char **out)
{
    if (len > s->size || offset > s->size - len) {
        return 0;
    }
    if (offset < s->block_at || offset + len > s->block_at + s->block_len) {
        uint64_t rest = s->size - offset;
        size_t want = len > BLOCK_BYTES ? len : rest < BLOCK_BYTES ? (size_t)rest : BLOCK_BYTES;
        if (want > s->block_cap) {
            size_t cap = want > BLOCK_BYTES ? want : BLOCK_BYTES;
            unsigned char *block = realloc(s->block, cap);
            if (!block) {
                return ERR_NOMEM;
            }
            s->block = block;
            s->block_cap = cap;
        }
        s->block_len = 0;
        ssize_t n = read_at(s->fd, s->block, want, offset);
        if (n < 0) {
            return ERR_IO;
        }
        s->block_at = offset;
        s->block_len = (size_t)n;
        if (s->block_len < len) {
            return 0; /* it was cut off under our hands */
        }
    }
    *out = s->block + (offset - s->block_at);
    return 1;
}

/* ---- records ---- */

int journal_seg_record(struct journal_seg *s, uint64_t offset, struct journal_record *out)
{
    const unsigned char *bytes;
    struct journal_record r;
    if (offset >= s->size) {
        return offset == s->size ? JOURNAL_END : JOURNAL_PART;
    }
    int rc = need(s, offset, JOURNAL_RECORD_BYTES, &bytes);
    if (rc <= 0) {
        return rc ? rc : JOURNAL_PART;
    }
    if (journal_record_read(s->head.seed, offset, bytes, &r)) {
        return JOURNAL_BAD;
    }
    if (journal_record_size(&r) > s->size - offset) {
        return JOURNAL_PART;
    }
    *out = r;
    return JOURNAL_THERE;
}

int journal_seg_body(struct journal_seg *s, uint64_t offset, const struct journal_record *r,
                     const unsigned char **out)
{
    const unsigned char *bytes;
    int rc = need(s, offset, journal_record_size(r), &bytes);
    if (rc <= 0) {
        return rc;
    }
    if (!journal_body_is_good(r, bytes + JOURNAL_RECORD_BYTES)) {
        return 0;
    }
    *out = bytes + JOURNAL_RECORD_BYTES;
    return 1;
}

int journal_seg_resync(struct journal_seg *s, uint64_t from, uint64_t least, uint64_t *offset,
                       struct journal_record *out)
{
    uint64_t at = (from + JOURNAL_ALIGN - 1) / JOURNAL_ALIGN * JOURNAL_ALIGN;
    if (at < JOURNAL_HEAD_BYTES) {
        at = JOURNAL_HEAD_BYTES;
    }
    for (;; at += JOURNAL_ALIGN) {
        struct journal_record r;
        int rc = journal_seg_record(s, at, &r);
        if (rc == JOURNAL_THERE && r.seq >= least) {
            *offset = at;
            *out = r;
            return 1;
        }
        if (rc < 0) {
            return rc;
        }
        if (rc == JOURNAL_END || at + JOURNAL_RECORD_BYTES > s->size) {
            return 0;
        }
    }
}

/* ---- finding ---- */

static int is_reached(const struct journal_record *r, const struct journal_want *want)
{
    return want->by_time ? r->wall_ms >= want->wall_ms : r->seq >= want->seq;
}

/* Halves the distance until it is short: records are in order, by number and by time. */
static int approach(struct journal_seg *s, uint64_t limit, const struct journal_want *want,
                    uint64_t *low)
{
    uint64_t high = limit;
    *low = JOURNAL_HEAD_BYTES;
    while (high > *low && high - *low > NEAR_BYTES) {
        struct journal_record r;
        uint64_t at = 0;
        uint64_t mid = *low + (high - *low) / 2;
        int rc = journal_seg_resync(s, mid, 0, &at, &r);
        if (rc < 0) {
            return rc;
        }
        if (rc == 0 || at >= high || is_reached(&r, want)) {
            high = mid;
        } else {
            *low = at;
        }
    }
    return 0;
}

int journal_seg_find(struct journal_seg *s, uint64_t limit, const struct journal_want *want,
                     uint64_t *offset, struct journal_record *out)
{
    uint64_t at;
    struct journal_record r;
    int rc = approach(s, limit, want, &at);
    while (rc >= 0) {
        rc = journal_seg_resync(s, at, 0, &at, &r);
        if (rc <= 0 || at >= limit) {
            return rc < 0 ? rc : 0;
        }
        if (is_reached(&r, want) && !(r.flags & JOURNAL_SEAL)) {
            *offset = at;
            *out = r;
            return 1;
        }
        at += journal_record_size(&r);
    }
    return rc;
}

/* Passes over what is there from `at` on, as far as it is whole. */
static int walk_to_end(struct journal_seg *s, uint64_t at, struct journal_end *out)
{
    for (;;) {
        struct journal_record r;
        int rc = journal_seg_record(s, at, &r);
        if (rc == JOURNAL_BAD) {
            uint64_t next;
            rc = journal_seg_resync(s, at + JOURNAL_ALIGN, 0, &next, &r);
            if (rc == 0) {
                return 0;
            }
            at = rc > 0 ? next : at;
        } else if (rc > JOURNAL_THERE) {
            return 0;
        }
        if (rc < 0) {
            return rc;
        }
        if (r.flags & JOURNAL_SEAL) {
            out->is_sealed = 1;
            out->is_broken = (r.flags & JOURNAL_BROKEN) != 0;
            out->seq = r.seq;
            out->end = at; /* what is between the last event and it, if anything, is damaged */
            return 0;
        }
        if (r.flags & JOURNAL_LAST) {
            out->last_at = at;
            out->last = r;
            out->seq = r.seq;
            out->wall_ms = r.wall_ms;
            out->end = at + journal_record_size(&r);
        }
        at += journal_record_size(&r);
    }
}

int journal_seg_end(struct journal_seg *s, struct journal_end *out)
{
    struct journal_end e = {.end = JOURNAL_HEAD_BYTES, .seq = s->head.first - 1,
                            .wall_ms = s->head.created_ms};
    const struct journal_want want = {.seq = UINT64_MAX};
    uint64_t at;
    int rc = approach(s, s->size, &want, &at);
    rc = rc ? rc : walk_to_end(s, at, &e);
    if (!rc && e.last_at == 0 && at > JOURNAL_HEAD_BYTES) {
        rc = walk_to_end(s, JOURNAL_HEAD_BYTES, &e); /* a large batch, and nothing else near the end */
    }
    if (!rc) {
        *out = e;
    }
    return rc;
}

int journal_seg_end_more(struct journal_seg *s, struct journal_end *e)
{
    struct journal_end more = *e;
    int rc = walk_to_end(s, e->end, &more);
    if (!rc) {
        *e = more;
    }
    return rc;
}

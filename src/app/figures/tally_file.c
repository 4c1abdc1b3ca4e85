/* SPDX-License-Identifier: MIT */
/* tally_file: a file that holds one record, the old one or the new, whoever is killed while writing it.
 *
 * It begins with a word that says where the record is. The next record is written beside it before that
 * word is changed. */
#include "app/figures/tally_file.h"

#include "base/err.h"
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC 0x31594c4c41544553ULL /* "SETALLY1" */
#define FIRST_AT sizeof(uint64_t)   /* records begin here, or behind another one */
#define LAST_AT (16 * 1024 * 1024)
#define PAGE_BYTES 4096 /* of a file, read at once: most often all of it */
#define READ_TRIES 16   /* of one that is written twice at the same moment */
#define LIST_FIRST 64

/* A record; the entries follow, their keys ascending. */
struct head {
    uint64_t magic;
    uint64_t time_ms; /* of sums: when they were made */
    uint64_t count;
    uint64_t check; /* of the entries, and what stands before */
};

int tally_list_reserve(struct tally_list *l, size_t count)
{
    size_t cap = l->cap ? l->cap : LIST_FIRST;
    while (cap < count) {
        cap *= 2;
    }
    if (cap > l->cap) {
        struct tally_entry *at = realloc(l->at, cap * sizeof *at);
        if (!at) {
            return ERR_NOMEM;
        }
        l->at = at;
        l->cap = cap;
    }
    return 0;
}

static uint64_t check_of(const struct head *h, const struct tally_entry *entries)
{
    uint64_t begin[] = {h->magic, h->time_ms, h->count,
                        h->count ? hash_bytes(entries, (size_t)h->count * sizeof *entries) : 0};
    return hash_bytes(begin, sizeof begin);
}

static int is_place(uint64_t at)
{
    return at >= FIRST_AT && at <= LAST_AT;
}

/* Where the record of a file is that nobody else writes: from `start` to `end`; 0 without one. */
static void find_record(int fd, uint64_t *start, uint64_t *end)
{
    struct head h;
    uint64_t at;
    *start = *end = 0;
    if (pread(fd, &at, sizeof at, 0) == sizeof at && is_place(at)
        && pread(fd, &h, sizeof h, (off_t)at) == sizeof h && h.count <= TALLY_ENTRIES) {
        *start = at;
        *end = at + sizeof h + h.count * sizeof(struct tally_entry);
    }
}

static int write_all(int fd, const void *data, size_t len, uint64_t at)
{
    ssize_t done = pwrite(fd, data, len, (off_t)at);
    if (done >= 0 && (size_t)done < len) {
        errno = ENOSPC;
    }
    return done >= 0 && (size_t)done == len ? 0 : ERR_IO;
}

int tally_file_write(int fd, uint64_t time_ms, const struct tally_entry *list, size_t count)
{
    struct head h = {.magic = MAGIC, .time_ms = time_ms, .count = count};
    size_t len = count * sizeof *list;
    uint64_t start;
    uint64_t end;
    find_record(fd, &start, &end);
    uint64_t at = FIRST_AT + sizeof h + len <= start || !is_place(end) ? FIRST_AT : end;
    h.check = check_of(&h, list);
    int rc = len > 0 ? write_all(fd, list, len, at + sizeof h) : 0;
    rc = rc ? rc : write_all(fd, &h, sizeof h, at);
    return rc ? rc : write_all(fd, &at, sizeof at, 0);
}

/* Copies what stands at `at` from the beginning of the file, which was read, or else from the file. */
static int copy_from(int fd, const char *page, size_t page_len, void *out, size_t len, uint64_t at)
{
    if (at + len <= page_len) {
        memcpy(out, page + at, len);
        return 0;
    }
    return pread(fd, out, len, (off_t)at) == (ssize_t)len ? 0 : ERR_INVALID;
}

/* Adds a record's entries to the list. ERR_INVALID: there is no whole one; ERR_NOMEM. */
static int try_read(int fd, struct tally_list *into, uint64_t *time_ms)
{
    char page[PAGE_BYTES];
    struct head h;
    uint64_t at;
    ssize_t got = pread(fd, page, sizeof page, 0);
    size_t page_len = got > 0 ? (size_t)got : 0;
    if (copy_from(fd, page, page_len, &at, sizeof at, 0) || !is_place(at)
        || copy_from(fd, page, page_len, &h, sizeof h, at) || h.magic != MAGIC
        || h.count > TALLY_ENTRIES) {
        return ERR_INVALID;
    }
    size_t count = (size_t)h.count;
    if (tally_list_reserve(into, into->count + count)) {
        return ERR_NOMEM;
    }
    struct tally_entry *to = into->at + into->count;
    if (count > 0 && copy_from(fd, page, page_len, to, count * sizeof *to, at + sizeof h)) {
        return ERR_INVALID;
    }
    if (h.check != check_of(&h, to)) {
        return ERR_INVALID;
    }
    into->count += count;
    *time_ms = h.time_ms;
    return 0;
}

int tally_file_read(int fd, struct tally_list *into, uint64_t *time_ms)
{
    int rc = ERR_INVALID;
    for (int tries = 0; tries < READ_TRIES && rc == ERR_INVALID; tries++) {
        rc = try_read(fd, into, time_ms);
    }
    return rc;
}

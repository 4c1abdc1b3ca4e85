/* SPDX-License-Identifier: MIT */
/* tail_back: counting lines back from a place in a file, in blocks, never the whole file. */
#include "source/tail/back.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (64 * 1024)
#define FORTH_BLOCK_BYTES (256 * 1024)

/* Compressed data cannot be read from its end: counts lines from the front, then finds the one. */
static int lines_forth(struct tail_file *f, uint64_t end, uint64_t skip, uint64_t *lines,
                       uint64_t *offset)
{
    char *block = malloc(FORTH_BLOCK_BYTES);
    if (!block) {
        return ERR_NOMEM;
    }
    uint64_t at = 0, seen = 0;
    int rc = 0, is_found = skip == 0, ends_open = 0;
    while (at < end && !(is_found && skip)) {
        size_t got;
        size_t want = end - at < FORTH_BLOCK_BYTES ? (size_t)(end - at) : FORTH_BLOCK_BYTES;
        rc = tail_file_read(f, block, want, at, &got);
        if (rc || got == 0) {
            break;
        }
        const char *from = block, *newline;
        while ((newline = memchr(from, '\n', (size_t)(block + got - from)))) {
            from = newline + 1;
            if (++seen == skip) {
                *offset = at + (uint64_t)(from - block);
                is_found = 1;
                break;
            }
        }
        ends_open = block[got - 1] != '\n';
        at += got;
    }
    free(block);
    if (!rc && skip == 0) {
        *lines = seen + (uint64_t)ends_open;
        *offset = 0;
    }
    return rc;
}

static int lines_compressed(struct tail_file *f, uint64_t end, uint64_t *count, uint64_t *offset)
{
    uint64_t lines = 0;
    uint64_t found = 0;
    int rc = lines_forth(f, end, 0, &lines, &found);
    if (!rc && lines > *count) {
        rc = lines_forth(f, end, lines - *count, &lines, &found);
        lines = *count;
    }
    if (!rc) {
        *count -= lines;
        *offset = found;
    }
    return rc;
}

int tail_back_lines(struct tail_file *f, uint64_t end, uint64_t *count, uint64_t *offset)
{
    if (f->is_compressed) {
        return lines_compressed(f, end, count, offset);
    }
    if (end == 0 || *count == 0) {
        *offset = end;
        return 0;
    }
    char *block = malloc(BLOCK_BYTES);
    if (!block) {
        return ERR_NOMEM;
    }
    int rc = 0;
    uint64_t left = *count;
    uint64_t at = end - 1; /* the last line's own end is none of its beginnings */
    uint64_t found = 0;
    while (at > 0 && left > 0) {
        size_t want = at < BLOCK_BYTES ? (size_t)at : BLOCK_BYTES;
        size_t got;
        rc = tail_file_read(f, block, want, at - want, &got);
        if (rc || got < want) {
            rc = rc ? rc : ERR_IO;
            goto out;
        }
        const char *newline = block + want;
        while (left > 0 && (newline = memrchr(block, '\n', (size_t)(newline - block)))) {
            left--;
            found = at - want + (uint64_t)(newline - block) + 1;
        }
        at -= want;
    }
    if (left > 0) {
        left--;
        found = 0;
    }
    *count = left;
    *offset = found;
out:
    free(block);
    return rc;
}

int tail_back_line_end(struct tail_file *f, uint64_t end, uint64_t *offset)
{
    char *block = malloc(BLOCK_BYTES);
    if (!block) {
        return ERR_NOMEM;
    }
    int rc = 0;
    uint64_t at = end, found = 0;
    while (at > 0) {
        size_t want = at < BLOCK_BYTES ? (size_t)at : BLOCK_BYTES;
        size_t got;
        rc = tail_file_read(f, block, want, at - want, &got);
        if (rc) {
            break;
        }
        const char *newline = memrchr(block, '\n', got);
        if (newline) {
            found = at - want + (uint64_t)(newline - block) + 1;
            break;
        }
        at -= want;
    }
    free(block);
    if (!rc) {
        *offset = found;
    }
    return rc;
}

int tail_back_length(struct tail_file *f, uint64_t *length)
{
    if (!f->is_compressed) {
        int rc = tail_file_stat(f);
        *length = rc ? *length : f->st.size;
        return rc;
    }
    char waste[4096];
    uint64_t at = 0;
    for (;;) {
        size_t got;
        int rc = tail_file_read(f, waste, sizeof waste, at, &got);
        if (rc) {
            return rc;
        }
        if (got == 0) {
            *length = at;
            return 0;
        }
        at += got;
    }
}

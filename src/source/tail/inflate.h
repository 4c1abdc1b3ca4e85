/* SPDX-License-Identifier: MIT */
/* tail_inflate: reading a gzip file at an offset of what was compressed. */
#ifndef SOURCE_TAIL_INFLATE_H
#define SOURCE_TAIL_INFLATE_H

#include <stddef.h>
#include <stdint.h>

struct tail_inflate;

/* Reads from `fd`, which stays the caller's. ERR_NOMEM, ERR_IO. */
int tail_inflate_new(int fd, struct tail_inflate **out);
void tail_inflate_free(struct tail_inflate *z);

/* As tail_file_read. Going on where the last read ended costs what is read; going back further than
 * a few blocks costs everything from the start. ERR_LIMIT: the offset is far away; a part of the way
 * was gone, and the same call again goes on. */
int tail_inflate_read(struct tail_inflate *z, void *out, size_t len, uint64_t offset, size_t *got);

/* 1 when losing it would lose a long way gone. */
int tail_inflate_is_far(const struct tail_inflate *z);

#endif

/* SPDX-License-Identifier: MIT */
/* buf: a byte buffer that grows up to a limit its owner names. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

struct buf {
    char *data;         /* NULL while nothing was ever put in */
    size_t len;         /* bytes in use */
    size_t cap;         /* bytes allocated */
    size_t limit_bytes; /* never holds more than this */
};

/* Storage of the struct is the caller's. Allocates nothing yet. */
void buf_init(struct buf *b, size_t limit_bytes);

/* Makes room for `extra` more bytes; they start at data + len. ERR_LIMIT beyond the limit,
 * ERR_NOMEM; the contents stay as they were on failure. */
int buf_reserve(struct buf *b, size_t extra);

/* Appends a copy. Errors as buf_reserve; appends all or nothing. */
int buf_append(struct buf *b, const void *data, size_t len);
int buf_append_str(struct buf *b, const char *text);
int buf_append_char(struct buf *b, char c);
int buf_appendf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Drops the first `len` bytes (len <= b->len) and moves the rest to the front. */
void buf_consume(struct buf *b, size_t len);

/* Empties it and keeps the memory. */
void buf_clear(struct buf *b);

/* Frees the memory; the buffer may be used again. */
void buf_fini(struct buf *b);

#endif

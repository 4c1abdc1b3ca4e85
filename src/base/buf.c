/* SPDX-License-Identifier: MIT */
/* buf: a byte buffer that grows up to a limit its owner names. */
#include "base/buf.h"

#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST_BYTES 256

void buf_init(struct buf *b, size_t limit_bytes)
{
    *b = (struct buf){.limit_bytes = limit_bytes};
}

int buf_reserve(struct buf *b, size_t extra)
{
    if (extra <= b->cap - b->len) {
        return 0;
    }
    if (extra > b->limit_bytes || b->len > b->limit_bytes - extra) {
        return ERR_LIMIT;
    }
    size_t need = b->len + extra;
    size_t cap = b->cap ? b->cap : BUF_FIRST_BYTES;
    while (cap < need) {
        cap = cap > b->limit_bytes / 2 ? b->limit_bytes : cap * 2;
    }
    if (cap > b->limit_bytes) {
        cap = b->limit_bytes;
    }
    char *data = realloc(b->data, cap);
    if (!data) {
        return ERR_NOMEM;
    }
    b->data = data;
    b->cap = cap;
    return 0;
}

int buf_append(struct buf *b, const void *data, size_t len)
{
    if (len == 0) {
        return 0;
    }
    int rc = buf_reserve(b, len);
    if (rc) {
        return rc;
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
    return 0;
}

int buf_append_str(struct buf *b, const char *text)
{
    return buf_append(b, text, strlen(text));
}

int buf_append_char(struct buf *b, char c)
{
    return buf_append(b, &c, 1);
}

int buf_appendf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (need < 0) {
        return ERR_INVALID;
    }
    /* One byte more: vsnprintf writes its NUL behind the text. */
    int rc = buf_reserve(b, (size_t)need + 1);
    if (rc) {
        return rc;
    }
    va_start(args, format);
    vsnprintf(b->data + b->len, (size_t)need + 1, format, args);
    va_end(args);
    b->len += (size_t)need;
    return 0;
}

void buf_consume(struct buf *b, size_t len)
{
    assert(len <= b->len);
    if (len == 0) {
        return;
    }
    memmove(b->data, b->data + len, b->len - len);
    b->len -= len;
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

void buf_fini(struct buf *b)
{
    free(b->data);
    b->data = NULL;
    b->len = 0;
    b->cap = 0;
}

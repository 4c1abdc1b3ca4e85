/* SPDX-License-Identifier: MIT */
/* trace: what came in answer to one request, and when. Judgements are made of traces alone. */
#ifndef CTL_TRACE_H
#define CTL_TRACE_H

#include "base/buf.h"
#include "ctl/parser.h"

#include <stddef.h>
#include <stdint.h>

#define CTL_HEAD_MAX 65536 /* bytes of the answer's head that are kept */
#define CTL_BODY_MAX 65536 /* bytes of the body's beginning that are kept */
#define CTL_ITEMS_MAX 4096 /* items that are kept; when there are more, the older half goes */
#define CTL_ERROR_SIZE 256
#define CTL_NEVER (-1)

enum ctl_end {
    CTL_END_OURS,   /* we had seen enough */
    CTL_END_WHOLE,  /* the answer ended as it should */
    CTL_END_CUT,    /* the connection broke inside it */
    CTL_END_FAILED, /* there was no answer: see `error` */
    CTL_END_TLS     /* nor trust: the certificate was not accepted */
};

struct ctl_timed {
    int64_t at_ms;
    struct ctl_item item;
};

/* Times are milliseconds since the request went out (CTL_NEVER: did not happen). */
struct ctl_trace {
    int64_t head_ms;  /* the head was whole */
    int64_t first_ms; /* the first byte of the body, decompressed */
    int64_t last_ms;  /* the last byte */
    int64_t end_ms;   /* the end, whoever made it */
    enum ctl_end end;
    char error[CTL_ERROR_SIZE];
    long status;
    int http_major; /* 1, 2, 3; 0 unknown */
    int http_minor;
    size_t body_bytes;
    struct buf head; /* header lines without the status line, each ended by LF */
    struct buf body; /* its beginning */
    struct ctl_parser parser;
    struct ctl_timed *items;
    size_t item_count; /* of those kept */
    size_t item_cap;
    size_t counts[4]; /* by kind, of all */
    int64_t now_ms;   /* for the parser's items */
    int has_no_memory;
};

/* Not to be moved afterwards: its parser points back to it. */
void ctl_trace_init(struct ctl_trace *t);

/* One line of the head as it came, with its line end; a status line begins the head anew, because
 * interim answers (1xx) come before. ERR_NOMEM, ERR_LIMIT. */
int ctl_trace_head(struct ctl_trace *t, const char *line, size_t len, int64_t now_ms);

/* The next bytes of the body. ERR_NOMEM. */
int ctl_trace_body(struct ctl_trace *t, const char *data, size_t len, int64_t now_ms);

/* Copies the value of a header, cut to fit; "" when there is none. Answers whether there is one. */
int ctl_trace_header(const struct ctl_trace *t, const char *name, char *out, size_t size);

/* 1 for status 200 and text/event-stream: an EventSource would open. */
int ctl_trace_is_stream(const struct ctl_trace *t);

/* The first item of a kind from `from` on, or NULL. */
const struct ctl_timed *ctl_trace_find(const struct ctl_trace *t, enum ctl_item_kind kind,
                                       size_t from);

void ctl_trace_fini(struct ctl_trace *t);

#endif

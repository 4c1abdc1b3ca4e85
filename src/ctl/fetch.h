/* SPDX-License-Identifier: MIT */
/* fetch: one request by libcurl, watched into a trace until enough was seen. */
#ifndef CTL_FETCH_H
#define CTL_FETCH_H

#include <stddef.h>
#include <stdint.h>

struct ctl_trace;
struct err;

#define CTL_FETCH_HEADERS_MAX 32
#define CTL_FETCH_BODY_MAX (16 * 1024 * 1024) /* bytes of a body after which it is enough */

/* How to reach the server: the same for all requests. Texts are borrowed. */
struct ctl_access {
    const char *user;  /* "NAME:PASSWORD" or NULL */
    const char *netrc; /* a file, or NULL */
    const char *headers[CTL_FETCH_HEADERS_MAX];
    size_t header_count;
    int is_insecure;    /* any certificate will do */
    int64_t timeout_ms; /* for the connection */
};

struct ctl_request {
    const char *method; /* "GET", "HEAD", "OPTIONS" */
    const char *url;
    const char *headers[4]; /* more of them, "Name: value"; NULL-terminated */
    int is_identity;        /* asks for an answer without compression */
    int64_t limit_ms;       /* from when it was sent; it is enough then */
    /* 1 when enough was seen. NULL: the answer's end is awaited. */
    int (*is_enough)(const struct ctl_trace *t, int64_t now_ms, const void *ctx);
    const void *ctx;
};

/* Fills in a trace that was just initialised. What goes wrong on the way is part of the trace;
 * ERR_NOMEM, and ERR_INVALID where libcurl refuses what was asked for. */
int ctl_fetch(const struct ctl_access *access, const struct ctl_request *request,
              struct ctl_trace *out, struct err *err);

/* 1 when this libcurl can speak HTTP/2. */
int ctl_fetch_has_http2(void);

#endif

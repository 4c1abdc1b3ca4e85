/* SPDX-License-Identifier: MIT */
/* request: what a client asks for, read from the variables of RFC 3875. */
#ifndef SSE_REQUEST_H
#define SSE_REQUEST_H

#include "sse/query.h"

struct err;

#define SSE_REQUEST_TEXT_MAX 16384 /* bytes of path and query together */

/* Looks up a CGI variable ("PATH_INFO", "HTTP_ORIGIN"); NULL when there is none. */
struct sse_vars {
    const char *(*get)(void *ctx, const char *name);
    void *ctx;
};

enum sse_method {
    SSE_GET,
    SSE_HEAD,
    SSE_OPTIONS,
    SSE_POST,
    SSE_DELETE,
    SSE_METHOD_OTHER
};

struct sse_request {
    enum sse_method method;
    const char *name; /* the stream's name; "" for the list */
    struct sse_query query;
    /* The rest is borrowed from the variables; NULL when absent or empty. */
    const char *last_event_id;
    const char *origin;
    const char *preflight_method; /* Access-Control-Request-Method */
    char text[SSE_REQUEST_TEXT_MAX]; /* what name and query point into */
};

/* Reads a request. Servers differ in what they put where: PATH_INFO is what follows the prefix
 * when SCRIPT_NAME ends in it, or it holds the prefix itself; without one, SCRIPT_NAME or
 * REQUEST_URI holds the whole path. `prefix` is "/events". ERR_INVALID, ERR_LIMIT and
 * ERR_UNKNOWN (the path is outside the prefix), with `err` saying what and why. */
int sse_request_read(struct sse_request *out, const struct sse_vars *vars, const char *prefix,
                     struct err *err);

/* The methods' names as in Allow; NULL for SSE_METHOD_OTHER. */
const char *sse_method_name(enum sse_method method);

#endif

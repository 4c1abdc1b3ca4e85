/* SPDX-License-Identifier: MIT */
/* query: percent-decoding and the parameters of a query string. */
#ifndef SSE_QUERY_H
#define SSE_QUERY_H

#include <stddef.h>

#define SSE_PARAMS_MAX 32

struct sse_param {
    const char *name;
    const char *value; /* "" when the parameter has none */
};

/* Parameters in the order of the query; their texts stand in the buffer that was decoded. */
struct sse_query {
    struct sse_param params[SSE_PARAMS_MAX];
    size_t count;
};

/* Decodes %XX in place (RFC 3986, 2.1), and '+' to a space where `plus_is_space`. Answers the
 * new length, or ERR_INVALID for a broken %XX or one that makes a NUL. `text` stays
 * NUL-terminated. */
int sse_percent_decode(char *text, size_t len, int plus_is_space, size_t *out_len);

/* Splits "a=1&b=2" in place. ERR_INVALID for a broken escape, ERR_LIMIT for more than
 * SSE_PARAMS_MAX. */
int sse_query_parse(char *text, struct sse_query *out);

/* The value of the first parameter of that name, or NULL. */
const char *sse_query_get(const struct sse_query *q, const char *name);

#endif

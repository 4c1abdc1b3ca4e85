/* SPDX-License-Identifier: MIT */
/* response: the heads of our answers, as RFC 3875 (6.2 and 6.3) wants them. */
#ifndef SSE_RESPONSE_H
#define SSE_RESPONSE_H

#include <stddef.h>

struct buf;

/* What to allow `origin` (NULL for a request without one): "*" when that is among the allowed
 * ones, the origin itself when it is, NULL otherwise. */
const char *sse_cors_allowed(char *const *origins, size_t count, const char *origin);

/* Appends the head of an event stream, with its empty line: 200, the type, no caching, no
 * buffering, and for an allowed origin its CORS headers. ERR_NOMEM, ERR_LIMIT. */
int sse_head_stream(struct buf *out, const char *allowed_origin);

/* Appends the head of another answer. `status` is "404 Not Found"; `type` NULL for no body;
 * `extra` are whole header lines, each ending in CRLF, or NULL. */
int sse_head_plain(struct buf *out, const char *status, const char *type,
                   const char *allowed_origin, const char *extra);

/* Appends the whole answer to a preflight of an allowed origin (WHATWG Fetch, 3.2.3). */
int sse_head_preflight(struct buf *out, const char *allowed_origin, const char *methods);

#endif

/* SPDX-License-Identifier: MIT */
/* response: the heads of our answers, as RFC 3875 (6.2 and 6.3) wants them. */
#include "sse/response.h"

#include "base/buf.h"

#include <string.h>

const char *sse_cors_allowed(char *const *origins, size_t count, const char *origin)
{
    const char *allowed = NULL;
    if (!origin || strpbrk(origin, "\r\n")) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(origins[i], origin) == 0) {
            return origin;
        }
        if (strcmp(origins[i], "*") == 0) {
            allowed = "*";
        }
    }
    return allowed;
}

/* A named origin may send credentials, "*" never (WHATWG Fetch, 3.2.5). */
static int append_cors(struct buf *out, const char *allowed)
{
    if (!allowed) {
        return 0;
    }
    int rc = buf_appendf(out, "Access-Control-Allow-Origin: %s\r\n", allowed);
    if (!rc && strcmp(allowed, "*") != 0) {
        rc = buf_append_str(out, "Access-Control-Allow-Credentials: true\r\nVary: Origin\r\n");
    }
    return rc;
}

int sse_head_stream(struct buf *out, const char *allowed_origin)
{
    /* No Status line: 200 is what its absence means, and Caddy passes it on to the client. */
    int rc = buf_append_str(out, "Content-Type: text/event-stream\r\n"
                                 "Cache-Control: no-store, no-transform\r\n"
                                 "X-Accel-Buffering: no\r\n");
    if (!rc) {
        rc = append_cors(out, allowed_origin);
    }
    return rc ? rc : buf_append_str(out, "\r\n");
}

int sse_head_plain(struct buf *out, const char *status, const char *type,
                   const char *allowed_origin, const char *extra)
{
    int rc = buf_appendf(out, "Status: %s\r\nCache-Control: no-store\r\n", status);
    if (!rc && type) {
        rc = buf_appendf(out, "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\n", type);
    }
    if (!rc) {
        rc = append_cors(out, allowed_origin);
    }
    if (!rc && extra) {
        rc = buf_append_str(out, extra);
    }
    return rc ? rc : buf_append_str(out, "\r\n");
}

int sse_head_preflight(struct buf *out, const char *allowed_origin, const char *methods)
{
    int rc = buf_append_str(out, "Status: 204 No Content\r\nCache-Control: no-store\r\n");
    if (!rc) {
        rc = append_cors(out, allowed_origin);
    }
    if (!rc) {
        rc = buf_appendf(out,
                         "Access-Control-Allow-Methods: %s\r\n"
                         "Access-Control-Allow-Headers: Last-Event-ID, Cache-Control, "
                         "Authorization, Content-Type, Idempotency-Key\r\n"
                         "Access-Control-Max-Age: 600\r\n",
                         methods);
    }
    return rc ? rc : buf_append_str(out, "\r\n");
}

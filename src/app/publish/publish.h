/* SPDX-License-Identifier: MIT */
/* publish: POST into a stream, from the request to its answer. */
#ifndef APP_PUBLISH_PUBLISH_H
#define APP_PUBLISH_PUBLISH_H

#include "app/figures/figures.h"

#include <stdint.h>

#define APP_PUBLISH_EXTRA 128 /* bytes of header lines */

struct app_server;
struct app_stream;
struct gate_exchange;
struct sse_request;
struct sse_vars;

/* A POST on its way to its answer; borrowed for the call. */
struct app_publish_request {
    struct app_server *server;
    struct gate_exchange *x;
    const struct sse_request *request;
    const struct sse_vars *vars;
    const char *allowed_origin; /* as sse_cors_allowed says */
    struct app_stream *stream;  /* one with publishers */
};

/* Answers the request, at once or when the source has said what became of it. */
void app_publish(const struct app_publish_request *r);

/* 1 when a page of this origin may publish: none at all (NULL: no page of another site's), the
 * server's own, or one that cors_origins names. "*" names nobody: a browser sends credentials of
 * its own, and its address, with what any page posts. */
int app_publish_has_good_origin(const char *origin, const char *allowed_origin, const char *host);

/* The parts of this that any POST needs. Answers 1 when the sender may, 0 when that was answered. */
int app_publish_admit(const struct app_publish_request *r);

/* A body that was cut off on its way is none. */
int app_publish_is_cut_off(const struct app_publish_request *r);

/* Answers with an error; `extra` are header lines or NULL. */
void app_publish_refuse(const struct app_publish_request *r, enum app_reject why,
                        const char *status, const char *error, const char *extra);

/* Such lines. Pages see Retry-After only when they are told that they may (WHATWG Fetch, 3.2.3). */
const char *app_publish_retry_after(char out[APP_PUBLISH_EXTRA], int64_t seconds);

#endif

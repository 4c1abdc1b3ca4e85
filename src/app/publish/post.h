/* SPDX-License-Identifier: MIT */
/* post: the events that the body of a request holds. */
#ifndef APP_PUBLISH_POST_H
#define APP_PUBLISH_POST_H

#include <stddef.h>

struct err;
struct source_item;

#define APP_POST_TEXT_MAX 240 /* bytes of an event's name, and of a key; a batch adds up to 5 */
#define APP_POST_DEPTH_MAX 32 /* of JSON */

/* What came. */
struct app_post_request {
    const char *type; /* Content-Type; NULL for none */
    const char *body;
    size_t len;
    const char *key;  /* Idempotency-Key; NULL for none */
    size_t batch_max; /* events */
};

/* What is in it. */
struct app_post {
    struct source_item *items; /* point into the request and into what follows */
    size_t count;
    struct app_post_owned *owned; /* one for each item */
};

/* Reads text/plain (the body is the data), application/json (an event) and application/x-ndjson (an
 * event a line). ERR_UNKNOWN: no such type; ERR_LIMIT: too many events; ERR_INVALID, with the line
 * and the key; ERR_NOMEM. All with `err`. */
int app_post_read(struct app_post *out, const struct app_post_request *in, struct err *err);

void app_post_fini(struct app_post *p);

#endif

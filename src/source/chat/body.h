/* SPDX-License-Identifier: MIT */
/* chat_body: what somebody asks, checked, and what the service is asked for it. */
#ifndef SOURCE_CHAT_BODY_H
#define SOURCE_CHAT_BODY_H

#include <stddef.h>

struct chat_settings;
struct err;
struct json_object;

struct chat_body {
    struct json_object *object; /* owns what follows */
    const char *text;           /* JSON, for the service */
    size_t len;
    const char *model;
    int wants_usage; /* "stream_options": {"include_usage": true} stood in it */
};

/* Checks a request's body and makes the service's from it. On failure `err` names the member that is wrong:
 * ERR_LIMIT: the body is too long; ERR_INVALID; ERR_NOMEM. */
int chat_body_init(struct chat_body *out, const struct chat_settings *settings, const char *bytes,
                   size_t len, struct err *err);
void chat_body_fini(struct chat_body *b);

#endif

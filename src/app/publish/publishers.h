/* SPDX-License-Identifier: MIT */
/* publishers: who may publish into a stream, and how much: its `publish` setting. */
#ifndef APP_PUBLISH_PUBLISHERS_H
#define APP_PUBLISH_PUBLISHERS_H

#include <stddef.h>
#include <stdint.h>

struct app_publishers;
struct err;
struct json_object;

#define APP_PUBLISH_TOKEN_MAX 4096 /* bytes of a bearer token */

struct app_publish_limits {
    int64_t body_bytes;
    int64_t events_s; /* 0: no limit */
    int64_t batch;    /* events of one request */
};

/* What a request says of who sent it; each may be NULL. The web server vouches for the
 * first two. */
struct app_publisher {
    const char *address;       /* REMOTE_ADDR */
    const char *user;          /* REMOTE_USER */
    const char *authorization; /* HTTP_AUTHORIZATION */
};

enum app_publish_verdict {
    APP_PUBLISH_GOOD,
    APP_PUBLISH_NEEDS_TOKEN, /* tokens would do, and none was given */
    APP_PUBLISH_REFUSED
};

/* Reads the setting. Errors begin with the path of the key: "streams.app.publish.tokens[0]: must be
 * ...". ERR_INVALID, ERR_RANGE, ERR_UNKNOWN, ERR_NOMEM. */
int app_publishers_new(struct app_publishers **out, struct json_object *publish, const char *path,
                       struct err *err);
void app_publishers_free(struct app_publishers *p);

/* Any one of user, token and address suffices. How long it takes tells nothing of the tokens. */
enum app_publish_verdict app_publishers_judge(const struct app_publishers *p,
                                              const struct app_publisher *who);

const struct app_publish_limits *app_publishers_limits(const struct app_publishers *p);

/* Takes the events out of the stream's rate. Answers 0, or how many milliseconds to wait; nothing
 * was taken then. A batch may take more than there is: what comes next waits for it. */
int64_t app_publishers_take(struct app_publishers *p, size_t count, int64_t now_ms);

#endif

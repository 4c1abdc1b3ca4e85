/* SPDX-License-Identifier: MIT */
/* run_serve: requests that ask for an answer, and those that take it back. */
#ifndef APP_ANSWERS_RUN_SERVE_H
#define APP_ANSWERS_RUN_SERVE_H

struct app_publish_request;
struct app_wish;

/* A POST to a stream that answers requests. */
void app_run_post(const struct app_publish_request *r);

/* A DELETE of an answer; its stream is that of the request. */
void app_run_delete(const struct app_publish_request *r);

/* An answer is read from its beginning, unless the request says otherwise. */
void app_run_wish(struct app_wish *wish);

#endif

/* SPDX-License-Identifier: MIT */
/* chat_multi: libcurl on the loop: all requests of the process, and the connections that they share. */
#ifndef SOURCE_CHAT_MULTI_H
#define SOURCE_CHAT_MULTI_H

#include <curl/curl.h>
#include <uv.h>

struct chat_multi;

/* Who is told that a request has ended; from the loop, never from inside libcurl. */
struct chat_done {
    void (*fn)(void *ctx, CURLcode rc);
    void *ctx;
};

/* The one of this process, made by the first that joins. ERR_NOMEM. */
int chat_multi_join(struct chat_multi **out, uv_loop_t *loop);

/* The last that leaves ends it. `left` is called when the loop has closed its handles, maybe from inside. Not to
 * be called from inside libcurl, or `fn` above. */
void chat_multi_leave(struct chat_multi *m, void (*left)(void *ctx), void *ctx);

/* Begins a request, and forgets one that has ended or not. `done` is borrowed until then. Not to be called from
 * inside libcurl. ERR_NOMEM. */
int chat_multi_add(struct chat_multi *m, CURL *easy, const struct chat_done *done);
void chat_multi_remove(struct chat_multi *m, CURL *easy);

#endif

/* SPDX-License-Identifier: MIT */
/* chat_answer: one answer: the requests for it, what has come so far, and its end. */
#ifndef SOURCE_CHAT_ANSWER_H
#define SOURCE_CHAT_ANSWER_H

#include "source/chat/body.h"
#include "source/chat/feed.h"
#include "source/chat/multi.h"
#include "source/chat/say.h"
#include "source/source.h"

struct chat_settings;
struct json_tokener;

#define CHAT_SAID_MAX 16384 /* bytes of an error's body that are looked at */

enum chat_state {
    CHAT_ASKING,  /* a request is on its way */
    CHAT_PAUSING, /* before the next one */
    CHAT_CLOSING, /* the answer is complete; the service may close in peace */
    CHAT_ENDED
};

struct chat_run {
    struct source_run base;
    const struct chat_settings *settings;
    const struct source_host *host;
    const char *stream;
    struct source_answer answer;
    char *user; /* for the log; NULL: none */
    struct chat_body body;
    struct chat_multi *multi;
    struct curl_slist *headers; /* with the key in them */
    CURL *easy;                 /* NULL: no request */
    struct chat_done done;
    char curl_error[CURL_ERROR_SIZE];
    uv_timer_t timer;
    struct json_tokener *tokener;
    struct chat_feed feed;
    struct buf said; /* the body of an error */
    enum chat_state state;
    int64_t started_ms;
    int64_t heard_ms; /* when a chunk came, or it was started */
    int64_t due_ms;   /* the end of CHAT_PAUSING */
    int64_t tries;
    size_t output_bytes;
    int is_begun; /* a piece of the answer has come */
    int is_put;   /* a reader has something of it */
    int is_complete;
    int has_finished; /* the service has said why it ends */
    int is_wrong;     /* `verdict` says why; the request is to be ended */
    int is_cancelled;
    int is_dropped;
    int has_usage;
    struct chat_usage usage;
    struct chat_usage counted; /* of this request, by the app */
    struct chat_verdict verdict;
    void (*dropped)(void *ctx);
    void *dropped_ctx;
};

/* ---- one request (ask.c) ---- */

/* Begins one. ERR_NOMEM. */
int chat_ask(struct chat_run *r);

/* Ends it, if there is one. Not from inside libcurl. */
void chat_ask_end(struct chat_run *r);

/* Judges what has ended: `rc` is libcurl's word, or CURLE_OK. Fills in the verdict. */
void chat_ask_judge(struct chat_run *r, CURLcode rc);

/* ---- what goes out (put.c) ---- */

/* One event of the service's stream. 0; 1: it was the last; ERR_CLOSED: r->is_wrong was set, or nobody wants it. */
int chat_put_data(struct chat_run *r, const char *data, size_t len);

/* Ends the events with what the last one lacks. */
void chat_put_rest(struct chat_run *r);

/* The event that tells of a failure, and stream.end. */
void chat_put_end(struct chat_run *r);

/* Sets the verdict, unless there is one. Answers ERR_CLOSED. */
int chat_put_wrong(struct chat_run *r, enum chat_reason reason);

/* ---- the whole ---- */

/* As run(), cancel() and drop() of struct source_type. */
int chat_run_new(struct source_run **out, const struct source_setup *setup,
                 const struct source_host *host, const struct source_request *request,
                 const struct source_answer *answer, struct err *err);
void chat_run_cancel(struct source_run *run, int is_urgent);
void chat_run_drop(struct source_run *run, void (*dropped)(void *ctx), void *ctx);

/* A chunk has come; with a piece of the answer. */
void chat_run_heard(struct chat_run *r, int is_word);

/* The answer is complete, and its request may end, too. */
void chat_run_completed(struct chat_run *r);

/* A request has ended. */
void chat_run_asked(struct chat_run *r, CURLcode rc);

#endif

/* SPDX-License-Identifier: MIT */
/* chat_say: what readers are told besides the answer itself, as JSON. */
#ifndef SOURCE_CHAT_SAY_H
#define SOURCE_CHAT_SAY_H

#include "source/chat/chunk.h"

struct json_object;

/* Why there is no answer, or no whole one. */
enum chat_reason {
    CHAT_OK,
    CHAT_DENIED,
    CHAT_BUSY,
    CHAT_REJECTED,
    CHAT_FAILED,
    CHAT_UNREACHABLE,
    CHAT_CUT,
    CHAT_MALFORMED,
    CHAT_TOO_LARGE,
    CHAT_SILENT,
    CHAT_TOO_LONG,
    CHAT_NOT_KEPT,
    CHAT_CANCELLED
};

struct chat_verdict {
    enum chat_reason reason;
    long long retry_after_s; /* 0: the service did not say */
    struct chat_word word;   /* the service's own, or why an answer has ended */
};

/* "cut-off": a word for programs. */
const char *chat_say_reason(enum chat_reason reason);

/* The data of an event that tells of a failure, of one that tells what an answer cost, and of stream.end. The caller
 * puts them; NULL when out of memory. */
struct json_object *chat_say_error(const struct chat_verdict *v, int is_openai);
struct json_object *chat_say_usage(const struct chat_usage *u);
struct json_object *chat_say_end(const struct chat_verdict *v);

#endif

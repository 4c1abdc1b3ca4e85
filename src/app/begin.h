/* SPDX-License-Identifier: MIT */
/* begin: where a stream begins and ends for a request: its parameters and its Last-Event-ID. */
#ifndef APP_BEGIN_H
#define APP_BEGIN_H

#include "sse/event.h"
#include "sse/query.h"

struct app_channel;
struct app_stream;
struct err;

/* What a request, or the command line, says of where to begin and to end; each may be NULL. */
struct app_wish {
    const char *last_event_id;
    const char *from, *last, *since, *before, *until;
};

/* What comes of it. */
struct app_begin {
    char position[SSE_POSITION_SIZE];
    char until[SSE_POSITION_SIZE]; /* "" for no end */
    struct sse_gap gap;
    int has_gap;
    int is_resume; /* the client named a position that was understood */
};

/* Those of a query. */
struct app_wish app_begin_wish(const struct sse_query *q);

/* Last-Event-ID wins over all others, then `from`, `since`, `last`. One that can't be understood
 * becomes a gap; the others are checked: ERR_INVALID with `err`. ERR_IO. */
int app_begin_at(struct app_channel *c, const struct app_wish *wish, struct app_begin *out,
                    struct err *err);

/* Only parameters that the stream knows, each once. ERR_INVALID, and `err` says which and what
 * there is. */
int app_begin_check_params(const struct app_stream *stream, const struct sse_query *q,
                           struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/* merge_wrap: what an event says, as JSON that names its stream. */
#ifndef SOURCE_MERGE_WRAP_H
#define SOURCE_MERGE_WRAP_H

#include "sse/event.h"

struct buf;

/* Appends {"stream", "event", "data"}: the data as a text with the line ends that a client sees, the
 * name only where there is one. ERR_NOMEM, ERR_LIMIT. */
int merge_wrap_event(const char *stream, const struct sse_event *e, struct buf *out);

/* Appends {"stream"} and what else is said, which is the text of a JSON object, or NULL. ERR_NOMEM,
 * ERR_LIMIT. */
int merge_wrap_object(const char *stream, const char *data, struct buf *out);

#endif

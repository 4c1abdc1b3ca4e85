/* SPDX-License-Identifier: MIT */
/* frame: events as bytes of the event stream format (WHATWG HTML 9.2.5 and 9.2.6). */
#ifndef SSE_FRAME_H
#define SSE_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/* The position of a frame that has one stands at this offset: "id: " comes first. */
#define SSE_FRAME_ID_OFFSET 4

/* Appends one whole frame: `id:`, `event:`, one `data:` line for each line of data, an empty
 * line. CR, LF and CRLF in the data each end a line; invalid UTF-8 becomes U+FFFD; a NUL stays
 * (the format allows it in data). `id` (NULL for none) must be a valid position. `name` (NULL
 * for none): CR, LF and NUL in it become spaces, invalid UTF-8 U+FFFD. Empty data gives one
 * empty `data:` line, so the event is dispatched. ERR_LIMIT and ERR_NOMEM as buf_append, with
 * nothing appended. */
int sse_frame_event(struct buf *out, const char *id, const char *name, const char *data,
                    size_t data_len);

/* Appends ": TEXT" and an empty line; no text, a lone colon. CR, LF and NUL become spaces. */
int sse_frame_comment(struct buf *out, const char *text);

/* Appends "retry: MS" and an empty line. */
int sse_frame_retry(struct buf *out, uint64_t retry_ms);

/* Appends "id: POSITION" and an empty line: a block without data dispatches nothing, but its id
 * counts (WHATWG HTML 9.2.6). */
int sse_frame_id(struct buf *out, const char *position);

#endif

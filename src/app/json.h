/* SPDX-License-Identifier: MIT */
/* json: the JSON texts that we write ourselves, built by json-c. */
#ifndef APP_JSON_H
#define APP_JSON_H

#include "sse/event.h"

struct app_config;
struct buf;

/* Appends the data of a stream.gap event. ERR_NOMEM, ERR_LIMIT. */
int app_json_gap(const struct sse_gap *gap, struct buf *out);

/* Appends the data of a stream.end event of ours. */
int app_json_end(const char *reason, struct buf *out);

/* Appends the data of a stream.progress event; a negative count is left out. */
int app_json_progress(int64_t bytes_left, struct buf *out);

/* Appends the data of a stream.busy event; `limit` below 0 is left out. */
int app_json_busy(const char *reason, const char *detail, int64_t limit, struct buf *out);

/* Appends the data of a stream.presence event. */
int app_json_presence(uint64_t readers, struct buf *out);

/* Appends {"position": POSITION} and a newline. */
int app_json_position(const char *position, struct buf *out);

/* Appends {"error": TEXT} and a newline. */
int app_json_error(const char *text, struct buf *out);

/* Appends the list of streams and a newline. */
int app_json_list(const struct app_config *config, struct buf *out);

#endif

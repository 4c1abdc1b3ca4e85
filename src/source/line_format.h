/* SPDX-License-Identifier: MIT */
/* line_format: a log line as the data of an event. Pure. */
#ifndef SOURCE_LINE_FORMAT_H
#define SOURCE_LINE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

struct buf;

enum line_format {
    LINE_FORMAT_TEXT,  /* the line */
    LINE_FORMAT_JSON,  /* {"line":"...","offset":N}, and "file" where there are several */
    LINE_FORMAT_NDJSON /* the line is JSON and stays as it is; one that is not becomes as above */
};

/* The names of these for settings, in their order, NULL-terminated. */
extern const char *const line_formats[];

struct line {
    const char *text;
    size_t len;
    uint64_t offset;  /* of the byte behind it */
    const char *file; /* NULL: not to be named */
};

/* *data is the line's own text or stands in `out`, which is emptied first. ERR_NOMEM; ERR_LIMIT
 * when it does not fit into `out`. */
int line_format(enum line_format format, const struct line *line, struct buf *out,
                const char **data, size_t *data_len);

#endif

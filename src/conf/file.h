/* SPDX-License-Identifier: MIT */
/* file: a JSON file, with comments, into an object; errors tell the place. */
#ifndef CONF_FILE_H
#define CONF_FILE_H

#include <stddef.h>

struct err;
struct json_object;

#define CONF_FILE_MAX (1024 * 1024) /* bytes of a configuration file */

/* Parses JSON (RFC 8259) with comments and nothing behind the object; see conf/scan.h. `name` is for messages:
 * "NAME:LINE:COLUMN: ...". The caller puts (json_object_put) the result.
 * ERR_INVALID, ERR_NOMEM. */
int conf_parse(const char *text, size_t len, const char *name, struct json_object **out,
               struct err *err);

/* The same from a file. ERR_IO when it cannot be read, ERR_LIMIT when it is too large. */
int conf_load(const char *path, struct json_object **out, struct err *err);

#endif

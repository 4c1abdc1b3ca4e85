/* SPDX-License-Identifier: MIT */
/* json: making JSON objects and their text. */
#ifndef CONF_JSON_H
#define CONF_JSON_H

struct buf;
struct json_object;

/* Adds a member and takes `value`; NULL, as there is no memory for one, is ERR_NOMEM. */
int conf_json_add(struct json_object *object, const char *key, struct json_object *value);

/* Appends the object's text, without blanks, and puts the object. ERR_NOMEM. */
int conf_json_append(struct json_object *object, struct buf *out);

#endif

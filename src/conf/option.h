/* SPDX-License-Identifier: MIT */
/* option: tables that say which settings a room has, and what checks and fills them. */
#ifndef CONF_OPTION_H
#define CONF_OPTION_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct json_object;

/* The type of an option settles the C type of its member:
 * BOOL int (0 or 1); INT int64_t; REAL double; TEXT and PATH char * (heap, NULL when absent);
 * CHOICE int (index into `choices`); LIST struct conf_list (texts); JSON struct json_object *
 * (a reference; the room checks what is in it). */
enum conf_type {
    CONF_BOOL,
    CONF_INT,
    CONF_REAL,
    CONF_TEXT,
    CONF_PATH,
    CONF_CHOICE,
    CONF_LIST,
    CONF_JSON
};

#define CONF_TEXT_MAX 4096 /* bytes of one text value */
#define CONF_LIST_MAX 1024 /* entries of one list */

struct conf_list {
    char **items;
    size_t count;
};

/* One setting. A table ends at an entry without a name. Tables are `static const`. */
struct conf_option {
    const char *name;           /* the key, with its unit: "interval_ms" */
    enum conf_type type;
    size_t offset;              /* of the member in the settings struct */
    double min, max;            /* INT and REAL: both ends allowed */
    const char *fallback;       /* the default as JSON text: "15", "\"json\"", NULL for absent */
    const char *const *choices; /* CHOICE: NULL-terminated */
    int is_required;
    const char *help;           /* one line for --list-sources and the man page */
};

/* Fills `settings` with the defaults. ERR_NOMEM, or ERR_INVALID for a bad table. */
int conf_defaults(const struct conf_option *table, void *settings, struct err *err);

/* Fills `settings` (zeroed by the caller) from `object` over the defaults. Errors name the
 * key's path, "streams.app.path", made from `path` (may be "") and the key. `skip` names keys
 * that belong to somebody else (NULL-terminated, may be NULL). On failure nothing is left
 * allocated. */
int conf_read(const struct conf_option *table, void *settings, struct json_object *object,
              const char *path, const char *const *skip, struct err *err);

/* Adds every setting in force to `object`, which must be a JSON object. ERR_NOMEM. */
int conf_dump(const struct conf_option *table, const void *settings, struct json_object *object);

/* 1 when both hold the same values. */
int conf_equal(const struct conf_option *table, const void *a, const void *b);

/* Frees what the settings own and zeroes the members. */
void conf_free(const struct conf_option *table, void *settings);

/* "streams.app" + "path" -> "streams.app.path", cut to fit. */
void conf_path_join(char *out, size_t size, const char *path, const char *key);

#endif

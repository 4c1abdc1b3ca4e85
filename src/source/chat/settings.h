/* SPDX-License-Identifier: MIT */
/* chat_settings: what a stream's configuration says of the service that answers, and of what it may be asked. */
#ifndef SOURCE_CHAT_SETTINGS_H
#define SOURCE_CHAT_SETTINGS_H

#include "conf/option.h"

#include <stdint.h>

struct err;
struct json_object;

#define CHAT_KEY_MAX 4096

enum chat_format {
    CHAT_EVENTS, /* token, usage */
    CHAT_OPENAI  /* the chunks as the service wrote them */
};

struct chat_settings {
    char *upstream; /* a URL without a "/" at its end */
    char *key_file;
    struct conf_list models;
    int format;     /* enum chat_format */
    int tokens_key; /* index into chat_tokens_keys */
    int64_t max_tokens;
    int64_t max_messages;
    int64_t max_body_bytes;
    int64_t max_output_bytes;
    int64_t timeout_first_s;
    int64_t timeout_idle_s;
    int64_t run_s;
    int64_t retries;
    struct json_object *publish; /* the app's */
};

extern const struct conf_option chat_settings_options[];
extern const char *const chat_tokens_keys[];

/* As in struct source_type. */
int chat_settings_check(const void *settings, struct err *err);

/* Reads the first line of a file as the key. The caller frees it. Errors name the file and never its content.
 * ERR_IO; ERR_INVALID: anybody may read the file, or it holds no key; ERR_NOMEM. */
int chat_key_read(const char *path, char **out, struct err *err);

#endif

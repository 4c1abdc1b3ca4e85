/* SPDX-License-Identifier: MIT */
/* redis_settings: what a stream's configuration says of the server and of what is kept there. */
#ifndef SOURCE_REDIS_SETTINGS_H
#define SOURCE_REDIS_SETTINGS_H

#include "conf/option.h"

#include <stdint.h>

struct err;
struct json_object;

struct redis_settings {
    char *url;
    char *password_file;
    struct conf_list sentinels; /* "HOST:PORT" */
    char *master;
    char *key_prefix;
    int64_t keep_events;
    int64_t keep_s;
    int64_t max_event_bytes;
    int64_t replicas;
    int64_t replicas_ms;
    struct json_object *publish; /* the app's */
};

#define REDIS_PORT 6379
#define REDIS_SENTINEL_PORT 26379
#define REDIS_PASSWORD_MAX 1024

/* Where a server is, and as whom. */
struct redis_address {
    char *host;     /* NULL: `path` */
    char *path;     /* of a unix socket */
    int port;
    int64_t db;
    char *user;     /* NULL: the default user */
    char *password; /* NULL: none */
};

extern const struct conf_option redis_settings_options[];

/* As in struct source_type. */
int redis_settings_check(const void *settings, struct err *err);

/* Reads "redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]" or "unix://[[USER]:PASSWORD@]PATH[?db=DB]". Errors
 * begin with "url: ". ERR_INVALID, ERR_NOMEM. */
int redis_address_parse(struct redis_address *out, const char *url, struct err *err);
void redis_address_fini(struct redis_address *a);

/* Splits "HOST:PORT", "[HOST]:PORT" or "HOST"; the caller frees the host. ERR_INVALID, ERR_NOMEM. */
int redis_host_parse(const char *text, size_t len, int port_else, char **host, int *port);

/* Reads the first line of a file as the password. ERR_IO with errno, ERR_INVALID, ERR_NOMEM. */
int redis_password_read(const char *path, char **out);

/* 1 when both lead to the same server as the same user. */
int redis_settings_same_server(const struct redis_settings *a, const struct redis_settings *b);

#endif

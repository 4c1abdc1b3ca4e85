/* SPDX-License-Identifier: MIT */
/* redis_settings: what a stream's configuration says of the server and of what is kept there. */
#include "source/redis/settings.h"

#include "base/err.h"
#include "base/num.h"
#include "source/redis/page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTION(member) #member, .offset = offsetof(struct redis_settings, member)
#define DB_MAX 1000000
#define PREFIX_MAX 128

const struct conf_option redis_settings_options[] = {
    {.name = OPTION(url),
     .type = CONF_TEXT,
     .fallback = "\"redis://127.0.0.1:6379/0\"",
     .help = "the server: redis://[USER:PASSWORD@]HOST[:PORT][/DB] or unix://PATH[?db=DB]; with sentinels, "
             "its host and port are not used"},
    {.name = OPTION(password_file),
     .type = CONF_PATH,
     .help = "a file whose first line is the password; read whenever a connection is made"},
    {.name = OPTION(sentinels),
     .type = CONF_LIST,
     .help = "\"HOST:PORT\" of each Sentinel, which are asked where the master is"},
    {.name = OPTION(master), .type = CONF_TEXT, .help = "the name of the master, as the sentinels know it"},
    {.name = OPTION(key_prefix),
     .type = CONF_TEXT,
     .fallback = "\"ssecgi:\"",
     .help = "the stream's key in Redis is this and the stream's name"},
    {.name = OPTION(keep_events),
     .type = CONF_INT,
     .max = 1e12,
     .fallback = "100000",
     .help = "about so many events are kept, rather more, and older ones go; 0: no limit"},
    {.name = OPTION(keep_s),
     .type = CONF_INT,
     .max = 1e9,
     .fallback = "0",
     .help = "events are kept about so long, rather longer, and older ones go; 0: no limit"},
    {.name = OPTION(max_event_bytes),
     .type = CONF_INT,
     .min = 1,
     .max = REDIS_DATA_MAX - 256,
     .fallback = "65536",
     .help = "larger events are refused"},
    {.name = OPTION(replicas),
     .type = CONF_INT,
     .max = 100,
     .fallback = "0",
     .help = "a publisher is answered when so many replicas have the event, too"},
    {.name = OPTION(replicas_ms),
     .type = CONF_INT,
     .min = 1,
     .max = 60000,
     .fallback = "1000",
     .help = "how long they are waited for"},
    {.name = OPTION(publish),
     .type = CONF_JSON,
     .help = "who may publish by POST: {\"users\": [...], \"tokens\": [...], \"addresses\": [...]}"},
    {.name = NULL},
};

int redis_settings_check(const void *settings, struct err *err)
{
    const struct redis_settings *s = settings;
    struct redis_address address;
    int rc = redis_address_parse(&address, s->url, err);
    if (rc) {
        return rc;
    }
    redis_address_fini(&address);
    if ((s->sentinels.count > 0) != (s->master != NULL)) {
        return err_set(err, ERR_INVALID, "master: goes with sentinels, and they with it");
    }
    if (strlen(s->key_prefix) > PREFIX_MAX) {
        return err_set(err, ERR_INVALID, "key_prefix: must be at most %d bytes", PREFIX_MAX);
    }
    for (size_t i = 0; i < s->sentinels.count; i++) {
        const char *text = s->sentinels.items[i];
        char *host;
        int port;
        rc = redis_host_parse(text, strlen(text), REDIS_SENTINEL_PORT, &host, &port);
        if (rc) {
            return err_set(err, rc, "sentinels[%zu]: must be HOST:PORT", i);
        }
        free(host);
    }
    return 0;
}

/* ---- addresses ---- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* A copy with %XX as the byte that it means. ERR_INVALID: one is none, or is NUL. */
static int decode(const char *text, size_t len, char **out)
{
    char *copy = malloc(len + 1);
    size_t used = 0;
    if (!copy) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < len; i++) {
        int high = text[i] == '%' && len - i > 2 ? hex_value(text[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        if (text[i] == '%' && (low < 0 || high + low == 0)) {
            free(copy);
            return ERR_INVALID;
        }
        copy[used++] = text[i] == '%' ? (char)(high * 16 + low) : text[i];
        i += text[i] == '%' ? 2 : 0;
    }
    copy[used] = '\0';
    *out = copy;
    return 0;
}

int redis_host_parse(const char *text, size_t len, int port_else, char **host, int *port)
{
    const char *end = text + len;
    const char *from = text;
    const char *to = memchr(text, ':', len);
    uint64_t number = (uint64_t)port_else;
    if (len > 0 && text[0] == '[') {
        from = text + 1;
        to = memchr(text, ']', len);
        if (!to || (to + 1 < end && to[1] != ':')) {
            return ERR_INVALID;
        }
    }
    to = to ? to : end;
    const char *colon = to < end && *to == ']' ? to + 1 : to;
    if (to == from
        || (colon < end && num_parse_u64(colon + 1, (size_t)(end - colon - 1), 65535, &number))
        || number == 0) {
        return ERR_INVALID;
    }
    char *copy = strndup(from, (size_t)(to - from));
    if (!copy) {
        return ERR_NOMEM;
    }
    *host = copy;
    *port = (int)number;
    return 0;
}

/* "USER:PASSWORD", each of which may be missing. */
static int take_login(struct redis_address *a, const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);
    size_t user_len = colon ? (size_t)(colon - text) : len;
    int rc = user_len > 0 ? decode(text, user_len, &a->user) : 0;
    if (!rc && colon) {
        rc = decode(colon + 1, len - user_len - 1, &a->password);
    }
    return rc;
}

static int take_db(struct redis_address *a, const char *text)
{
    uint64_t db = 0;
    int rc = *text ? num_parse_u64(text, strlen(text), DB_MAX, &db) : 0;
    a->db = (int64_t)db;
    return rc ? ERR_INVALID : 0;
}

static int take_unix(struct redis_address *a, const char *text)
{
    const char *query = strchr(text, '?');
    size_t len = query ? (size_t)(query - text) : strlen(text);
    if (text[0] != '/' || (query && strncmp(query, "?db=", 4) != 0)) {
        return ERR_INVALID;
    }
    int rc = decode(text, len, &a->path);
    return rc ? rc : take_db(a, query ? query + 4 : "");
}

static int take_host(struct redis_address *a, const char *text)
{
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    int rc = redis_host_parse(text, len, REDIS_PORT, &a->host, &a->port);
    return rc ? rc : take_db(a, slash ? slash + 1 : "");
}

int redis_address_parse(struct redis_address *out, const char *url, struct err *err)
{
    struct redis_address a = {.port = REDIS_PORT};
    int is_unix = strncmp(url, "unix://", 7) == 0;
    int rc = is_unix || strncmp(url, "redis://", 8) == 0 ? 0 : ERR_INVALID;
    if (!rc) {
        const char *rest = url + (is_unix ? 7 : 8);
        const char *at = strrchr(rest, '@');
        rc = at ? take_login(&a, rest, (size_t)(at - rest)) : 0;
        rest = at ? at + 1 : rest;
        rc = rc ? rc : is_unix ? take_unix(&a, rest) : take_host(&a, rest);
    }
    if (rc) {
        redis_address_fini(&a);
        return rc == ERR_NOMEM
                   ? err_set(err, rc, "out of memory")
                   : err_set(err, rc, "url: must be redis://[USER:PASSWORD@]HOST[:PORT][/DB] or "
                                      "unix://PATH[?db=DB]");
    }
    *out = a;
    return 0;
}

void redis_address_fini(struct redis_address *a)
{
    free(a->host);
    free(a->path);
    free(a->user);
    free(a->password);
    *a = (struct redis_address){.host = NULL};
}

int redis_password_read(const char *path, char **out)
{
    char text[REDIS_PASSWORD_MAX + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text) : -1;
    int error = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (len < 0) {
        errno = error;
        return ERR_IO;
    }
    if (len == (ssize_t)sizeof text) {
        return ERR_INVALID;
    }
    text[len] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    char *copy = strdup(text);
    if (!copy) {
        return ERR_NOMEM;
    }
    *out = copy;
    return 0;
}

static int is_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

int redis_settings_same_server(const struct redis_settings *a, const struct redis_settings *b)
{
    int is_same = is_same_text(a->url, b->url) && is_same_text(a->password_file, b->password_file)
                  && is_same_text(a->master, b->master)
                  && a->sentinels.count == b->sentinels.count;
    for (size_t i = 0; is_same && i < a->sentinels.count; i++) {
        is_same = strcmp(a->sentinels.items[i], b->sentinels.items[i]) == 0;
    }
    return is_same;
}

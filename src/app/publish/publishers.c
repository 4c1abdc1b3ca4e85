/* SPDX-License-Identifier: MIT */
/* publishers: who may publish into a stream, and how much: its `publish` setting. */
#include "app/publish/publishers.h"

#include "app/publish/allow.h"
#include "base/err.h"
#include "conf/option.h"
#include "gate/gate.h"

#include <json-c/json.h>
#include <sha2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BATCH_MAX 4096
#define RATE_MAX 1000000
#define MILLI 1000 /* the rate is counted in thousandths of events */
#define PATH_BYTES 256

struct settings {
    struct conf_list users, tokens, addresses;
    struct app_publish_limits limits;
};

#define AT(member) offsetof(struct settings, member)

static const struct conf_option publish_options[] = {
    {.name = "users", .type = CONF_LIST, .offset = AT(users), .fallback = "[]",
     .help = "names that the web server has checked (REMOTE_USER)"},
    {.name = "tokens", .type = CONF_LIST, .offset = AT(tokens), .fallback = "[]",
     .help = "SHA-256 of bearer tokens, 64 hexadecimal digits each"},
    {.name = "addresses", .type = CONF_LIST, .offset = AT(addresses), .fallback = "[]",
     .help = "addresses and networks such as 10.0.0.0/8"},
    {.name = "max_body_bytes", .type = CONF_INT, .offset = AT(limits.body_bytes), .min = 1,
     .max = GATE_BODY_BYTES, .fallback = "1048576", .help = "of one request"},
    {.name = "max_batch", .type = CONF_INT, .offset = AT(limits.batch), .min = 1, .max = BATCH_MAX,
     .fallback = "1000", .help = "events of one request"},
    {.name = "max_events_s", .type = CONF_INT, .offset = AT(limits.events_s), .min = 0,
     .max = RATE_MAX, .fallback = "0", .help = "events a second in each process; 0: no limit"},
    {.name = NULL},
};

struct hash {
    uint8_t bytes[SHA256_DIGEST_LENGTH];
};

struct app_publishers {
    struct settings settings;
    struct hash *hashes;         /* of the tokens, as many as there are */
    struct app_allow *addresses; /* NULL: none */
    int64_t level;               /* what may be taken, in thousandths; below 0: owed */
    int64_t level_ms;            /* when it was that */
};

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static int read_hash(struct hash *out, const char *text)
{
    if (strlen(text) != 2 * sizeof out->bytes) {
        return ERR_INVALID;
    }
    for (size_t i = 0; i < sizeof out->bytes; i++) {
        int high = hex_digit(text[2 * i]);
        int low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return ERR_INVALID;
        }
        out->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

/* The value is not shown: it may be a token that somebody forgot to hash. */
static int read_tokens(struct app_publishers *p, const char *path, struct err *err)
{
    const struct conf_list *tokens = &p->settings.tokens;
    p->hashes = calloc(tokens->count ? tokens->count : 1, sizeof *p->hashes);
    if (!p->hashes) {
        return err_set(err, ERR_NOMEM, "%s: out of memory", path);
    }
    for (size_t i = 0; i < tokens->count; i++) {
        if (read_hash(&p->hashes[i], tokens->items[i])) {
            return err_set(err, ERR_INVALID, "%s.tokens[%zu]: must be the SHA-256 of a token: %d "
                                             "hexadecimal digits, as sha256sum prints them",
                           path, i, 2 * SHA256_DIGEST_LENGTH);
        }
    }
    return 0;
}

static int read_addresses(struct app_publishers *p, const char *path, struct err *err)
{
    const struct conf_list *addresses = &p->settings.addresses;
    char key[PATH_BYTES];
    for (size_t i = 0; i < addresses->count; i++) {
        if (strncmp(addresses->items[i], "user:", 5) == 0) {
            return err_set(err, ERR_INVALID, "%s.addresses[%zu]: must be an address or a network, "
                                             "not \"%.80s\"; users have a list of their own",
                           path, i, addresses->items[i]);
        }
    }
    conf_path_join(key, sizeof key, path, "addresses");
    return addresses->count ? app_allow_new(&p->addresses, addresses, key, err) : 0;
}

static int check_users(const struct app_publishers *p, const char *path, struct err *err)
{
    const struct conf_list *users = &p->settings.users;
    for (size_t i = 0; i < users->count; i++) {
        if (users->items[i][0] == '\0') {
            return err_set(err, ERR_INVALID, "%s.users[%zu]: must be a name, not \"\"", path, i);
        }
    }
    return 0;
}

int app_publishers_new(struct app_publishers **out, struct json_object *publish, const char *path,
                       struct err *err)
{
    if (!json_object_is_type(publish, json_type_object)) {
        return err_set(err, ERR_INVALID,
                       "%s: must be an object such as {\"addresses\": [\"127.0.0.1\"]}", path);
    }
    struct app_publishers *p = calloc(1, sizeof *p);
    if (!p) {
        return err_set(err, ERR_NOMEM, "%s: out of memory", path);
    }
    int rc = conf_read(publish_options, &p->settings, publish, path, NULL, err);
    if (rc) {
        free(p);
        return rc;
    }
    rc = check_users(p, path, err);
    rc = rc ? rc : read_tokens(p, path, err);
    rc = rc ? rc : read_addresses(p, path, err);
    if (rc) {
        app_publishers_free(p);
        return rc;
    }
    p->level = p->settings.limits.events_s * MILLI;
    *out = p;
    return 0;
}

void app_publishers_free(struct app_publishers *p)
{
    if (!p) {
        return;
    }
    app_allow_free(p->addresses);
    free(p->hashes);
    conf_free(publish_options, &p->settings);
    free(p);
}

const struct app_publish_limits *app_publishers_limits(const struct app_publishers *p)
{
    return &p->settings.limits;
}

/* --- who ----------------------------------------------------------------------------------- */

/* The token of "Bearer TOKEN" (RFC 6750, 2.1), or NULL. */
static const char *bearer_token(const char *authorization, size_t *len)
{
    static const char scheme[] = "Bearer";
    size_t scheme_len = sizeof scheme - 1;
    if (!authorization || strncasecmp(authorization, scheme, scheme_len) != 0
        || authorization[scheme_len] != ' ') {
        return NULL;
    }
    const char *token = authorization + scheme_len;
    token += strspn(token, " ");
    *len = strcspn(token, " ");
    int is_alone = token[*len + strspn(token + *len, " ")] == '\0';
    return *len > 0 && *len <= APP_PUBLISH_TOKEN_MAX && is_alone ? token : NULL;
}

/* All bytes of all hashes are looked at, whatever they are. */
static int has_token(const struct app_publishers *p, const char *token, size_t len)
{
    SHA2_CTX sha;
    struct hash given;
    unsigned found = 0;
    SHA256Init(&sha);
    SHA256Update(&sha, (const uint8_t *)token, len);
    SHA256Final(given.bytes, &sha);
    for (size_t i = 0; i < p->settings.tokens.count; i++) {
        unsigned difference = 0;
        for (size_t k = 0; k < sizeof given.bytes; k++) {
            difference |= (unsigned)(given.bytes[k] ^ p->hashes[i].bytes[k]);
        }
        found |= (difference - 1) >> 8; /* bits are left of 0 only: they wrap around */
    }
    return found != 0;
}

static int has_user(const struct app_publishers *p, const char *user)
{
    for (size_t i = 0; user && i < p->settings.users.count; i++) {
        if (strcmp(p->settings.users.items[i], user) == 0) {
            return 1;
        }
    }
    return 0;
}

enum app_publish_verdict app_publishers_judge(const struct app_publishers *p,
                                              const struct app_publisher *who)
{
    size_t len = 0;
    const char *token = bearer_token(who->authorization, &len);
    if ((token && has_token(p, token, len)) || has_user(p, who->user)
        || (p->addresses && app_allow_has(p->addresses, who->address, NULL))) {
        return APP_PUBLISH_GOOD;
    }
    return !token && p->settings.tokens.count > 0 ? APP_PUBLISH_NEEDS_TOKEN : APP_PUBLISH_REFUSED;
}

/* --- how much ------------------------------------------------------------------------------ */

/* A bucket that holds what comes in a second. */
int64_t app_publishers_take(struct app_publishers *p, size_t count, int64_t now_ms)
{
    int64_t rate = p->settings.limits.events_s; /* thousandths of events a millisecond */
    if (rate == 0) {
        return 0;
    }
    int64_t full = rate * MILLI;
    int64_t missing = full - p->level;
    int64_t passed_ms = now_ms - p->level_ms;
    p->level = passed_ms > missing / rate ? full : p->level + passed_ms * rate;
    p->level_ms = now_ms;
    if (p->level < MILLI) {
        return (MILLI - p->level + rate - 1) / rate;
    }
    p->level -= (int64_t)count * MILLI;
    return 0;
}

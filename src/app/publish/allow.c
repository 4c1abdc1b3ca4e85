/* SPDX-License-Identifier: MIT */
/* allow: who may look inside: addresses, networks and users. */
#include "app/publish/allow.h"

#include "base/err.h"
#include "base/num.h"
#include "conf/option.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define USER_MARK "user:"
#define ADDRESS_BYTES 16
#define ADDRESS_TEXT_MAX 64
#define IPV4_BITS 96 /* of an IPv6 address are before an IPv4 one (RFC 4291, 2.5.5.2) */

/* All addresses are IPv6 ones here. */
struct entry {
    char *user; /* NULL: a network */
    uint8_t address[ADDRESS_BYTES];
    unsigned bits;
};

struct app_allow {
    size_t count;
    struct entry entries[];
};

/* Answers how many bits the kind of address has by itself, 0 when it is none. */
static unsigned read_address(const char *text, size_t len, uint8_t out[ADDRESS_BYTES])
{
    static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char copy[ADDRESS_TEXT_MAX];
    if (len >= sizeof copy) {
        return 0;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    memcpy(out, mapped, sizeof mapped);
    if (inet_pton(AF_INET, copy, out + sizeof mapped) == 1) {
        return 32;
    }
    return inet_pton(AF_INET6, copy, out) == 1 ? 128 : 0;
}

/* Whether the first bits are the same. */
static int begins_alike(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;
    return memcmp(a, b, whole) == 0
           && (rest == 0 || (a[whole] >> (8 - rest)) == (b[whole] >> (8 - rest)));
}

static int has_more_bits(const uint8_t *address, unsigned bits)
{
    for (unsigned i = bits; i < 8 * ADDRESS_BYTES; i++) {
        if (address[i / 8] & (0x80 >> i % 8)) {
            return 1;
        }
    }
    return 0;
}

static int read_network(struct entry *e, const char *text, const char *path, size_t number,
                        struct err *err)
{
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    unsigned own = read_address(text, len, e->address);
    uint64_t bits = own;
    if (own == 0 || (slash && num_parse_u64(slash + 1, strlen(slash + 1), own, &bits))) {
        return err_set(err, ERR_INVALID, "%s[%zu]: must be an address, a network such as "
                                         "\"10.0.0.0/8\", or \"user:NAME\", not \"%.80s\"",
                       path, number, text);
    }
    e->bits = (unsigned)bits + (own == 32 ? IPV4_BITS : 0);
    if (has_more_bits(e->address, e->bits)) {
        return err_set(err, ERR_INVALID, "%s[%zu]: \"%.80s\" has bits beyond its /%u; for one address "
                                         "leave that out", path, number, text, (unsigned)bits);
    }
    return 0;
}

static int read_entry(struct entry *e, const char *text, const char *path, size_t number,
                      struct err *err)
{
    size_t mark = sizeof USER_MARK - 1;
    if (strncmp(text, USER_MARK, mark) != 0) {
        return read_network(e, text, path, number, err);
    }
    if (text[mark] == '\0') {
        return err_set(err, ERR_INVALID, "%s[%zu]: \"" USER_MARK "\" needs a name behind it", path,
                       number);
    }
    e->user = strdup(text + mark);
    return e->user ? 0 : err_set(err, ERR_NOMEM, "%s: out of memory", path);
}

int app_allow_new(struct app_allow **out, const struct conf_list *list, const char *path,
                  struct err *err)
{
    if (list->count == 0) {
        return err_set(err, ERR_INVALID, "%s: must name at least one address or user", path);
    }
    struct app_allow *a = calloc(1, sizeof *a + list->count * sizeof a->entries[0]);
    if (!a) {
        return err_set(err, ERR_NOMEM, "%s: out of memory", path);
    }
    for (size_t i = 0; i < list->count; i++) {
        int rc = read_entry(&a->entries[a->count++], list->items[i], path, i, err);
        if (rc) {
            app_allow_free(a);
            return rc;
        }
    }
    *out = a;
    return 0;
}

void app_allow_free(struct app_allow *a)
{
    for (size_t i = 0; a && i < a->count; i++) {
        free(a->entries[i].user);
    }
    free(a);
}

int app_allow_has(const struct app_allow *a, const char *address, const char *user)
{
    uint8_t from[ADDRESS_BYTES];
    /* A zone ("fe80::1%eth0", RFC 4007) is no part of the address. */
    int has_address = address && read_address(address, strcspn(address, "%"), from) != 0;
    for (size_t i = 0; i < a->count; i++) {
        const struct entry *e = &a->entries[i];
        if (e->user ? user && strcmp(e->user, user) == 0
                    : has_address && begins_alike(e->address, from, e->bits)) {
            return 1;
        }
    }
    return 0;
}

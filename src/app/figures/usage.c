/* SPDX-License-Identifier: MIT */
/* usage: what each user has asked of each stream that answers, in a table with a bound. */
#include "app/figures/usage.h"

#include "base/utf8.h"

#include <string.h>

size_t usage_len(const struct usage_table *t)
{
    return offsetof(struct usage_table, list) + t->count * sizeof t->list[0];
}

void usage_mend(struct usage_table *t)
{
    t->count = t->count <= USAGE_MAX ? t->count : 0;
    for (size_t i = 0; i < t->count; i++) {
        t->list[i].user[USAGE_NAME_BYTES - 1] = '\0';
    }
}

static int is_other(const struct usage *u)
{
    return strcmp(u->user, USAGE_OTHER) == 0;
}

static struct usage *find(struct usage_table *t, uint64_t stream, const char *user)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->list[i].stream == stream && strcmp(t->list[i].user, user) == 0) {
            return &t->list[i];
        }
    }
    return NULL;
}

/* There is always room for the others of each stream. */
static int has_room(const struct usage_table *t)
{
    size_t named = 0;
    for (size_t i = 0; i < t->count; i++) {
        named += !is_other(&t->list[i]);
    }
    return named < USAGE_USERS;
}

static struct usage *find_or_make(struct usage_table *t, uint64_t stream, const char *user)
{
    struct usage *u = find(t, stream, user);
    if (u || (strcmp(user, USAGE_OTHER) != 0 && !has_room(t))) {
        return u;
    }
    u = &t->list[t->count < USAGE_MAX ? t->count : USAGE_MAX - 1]; /* a mended one may be full */
    if (t->count < USAGE_MAX) {
        t->count++;
        *u = (struct usage){.stream = stream};
        memcpy(u->user, user, strlen(user) + 1);
    }
    return u;
}

struct usage *usage_find(struct usage_table *t, uint64_t stream, const char *user)
{
    size_t len = strlen(user);
    int can_be_named = len < USAGE_NAME_BYTES && utf8_valid_prefix(user, len) == len;
    struct usage *u = can_be_named ? find_or_make(t, stream, user) : NULL;
    return u ? u : find_or_make(t, stream, USAGE_OTHER);
}

void usage_add(struct usage_counts *sum, const struct usage_counts *counts)
{
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)counts;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++) {
        to[i] += from[i];
    }
}

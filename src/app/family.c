/* SPDX-License-Identifier: MIT */
/* family: a stream whose name ends in a star: its members come and go. */
#include "app/family.h"

#include "app/stream.h"
#include "base/err.h"

#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct app_family {
    struct app_stream *first;
    void *by_name; /* the same, as a tree of the C library */
    size_t count;
};

int app_family_new(struct app_family **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : ERR_NOMEM;
}

void app_family_free(struct app_family *f)
{
    free(f);
}

int app_family_is_named(const char *name)
{
    size_t len = strlen(name);
    return len > 2 && strcmp(name + len - 2, "/*") == 0;
}

size_t app_family_match(const struct app_stream *family, const char *name)
{
    size_t len = strlen(family->name) - 1;
    return family->members && strncmp(family->name, name, len) == 0 ? len : 0;
}

/* One segment of a path that is a file's name everywhere, and nobody's hidden one. */
static int is_good_member(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > APP_MEMBER_MAX || text[0] == '.' || text[0] == '-') {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        if (!app_stream_is_name_char(text[i])) {
            return 0;
        }
    }
    return 1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct app_stream *)a)->name, ((const struct app_stream *)b)->name);
}

static int make(struct app_stream *family, const char *name, struct app_stream **out)
{
    struct app_family *f = family->members;
    struct app_stream *s = calloc(1, sizeof *s);
    char *copy = strdup(name);
    if (s && copy) {
        *s = *family;
        s->refs = 1;
        s->name = copy;
        s->members = NULL;
        s->channels = NULL;
        s->prev_member = NULL;
        s->next_member = f->first;
    }
    if (!s || !copy || !tsearch(s, &f->by_name, by_name)) {
        free(copy);
        free(s);
        return ERR_NOMEM;
    }
    s->family = app_stream_ref(family);
    if (f->first) {
        f->first->prev_member = s;
    }
    f->first = s;
    f->count++;
    *out = s;
    return 0;
}

int app_family_member(struct app_stream *family, const char *name, struct app_stream **out,
                      struct err *err)
{
    struct app_family *f = family->members;
    char copy[APP_NAME_MAX + 1];
    size_t skip = app_family_match(family, name);
    if (strlen(name) > APP_NAME_MAX || !is_good_member(name + skip)) {
        return err_set(err, ERR_INVALID,
                       "%.*s must be followed by 1 to %d letters, digits and ._-, the first of them no "
                       ". or -; the whole name has at most %d",
                       (int)skip, name, APP_MEMBER_MAX, APP_NAME_MAX);
    }
    strcpy(copy, name);
    struct app_stream key = {.name = copy};
    struct app_stream **found = tfind(&key, &f->by_name, by_name);
    if (found) {
        *out = app_stream_ref(*found);
        return 0;
    }
    if (f->count >= (uint64_t)family->own.max_members) {
        return err_set(err, ERR_LIMIT, "%s has max_members (%" PRId64 ") in use", family->name,
                       family->own.max_members);
    }
    int rc = make(family, name, out);
    return rc ? err_set(err, rc, "out of memory") : 0;
}

void app_family_forget(struct app_stream *member)
{
    struct app_stream *family = member->family;
    struct app_family *f = family->members;
    tdelete(member, &f->by_name, by_name);
    if (member->prev_member) {
        member->prev_member->next_member = member->next_member;
    } else {
        f->first = member->next_member;
    }
    if (member->next_member) {
        member->next_member->prev_member = member->prev_member;
    }
    f->count--;
    free(member->name);
    free(member);
    app_stream_unref(family);
}

size_t app_family_count(const struct app_family *f)
{
    return f->count;
}

struct app_stream *app_family_first(const struct app_family *f)
{
    return f->first;
}

/* SPDX-License-Identifier: MIT */
/* family: a stream whose name ends in a star, "rooms/" and "*": its members, such as rooms/17, come into being when somebody
 * asks for them, and go when nobody holds them any more. They share the family's settings and its
 * publishers' rate. */
#ifndef APP_FAMILY_H
#define APP_FAMILY_H

#include <stddef.h>

struct app_family;
struct app_stream;
struct err;

#define APP_MEMBER_MAX 64 /* bytes of what stands for the star */

/* ERR_NOMEM. */
int app_family_new(struct app_family **out);

/* Its members are gone by now: each holds its family. */
void app_family_free(struct app_family *f);

/* 1 when the name of a configured stream ends in a star. */
int app_family_is_named(const char *name);

/* How much of a name of this family's members is the family's, 0 when `name` is not of this form. */
size_t app_family_match(const struct app_stream *family, const char *name);

/* Finds the member, or makes it; the caller unrefs it. ERR_INVALID: no member may be called so;
 * ERR_LIMIT: there are max_members of them in this process; ERR_NOMEM. */
int app_family_member(struct app_stream *family, const char *name, struct app_stream **out,
                      struct err *err);

/* The last reference to a member is gone. */
void app_family_forget(struct app_stream *member);

size_t app_family_count(const struct app_family *f);

/* The members, linked by `next_member`. */
struct app_stream *app_family_first(const struct app_family *f);

#endif

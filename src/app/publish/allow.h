/* SPDX-License-Identifier: MIT */
/* allow: who may look inside: addresses, networks and users. */
#ifndef APP_PUBLISH_ALLOW_H
#define APP_PUBLISH_ALLOW_H

struct app_allow;
struct conf_list;
struct err;

/* Reads "127.0.0.1", "10.0.0.0/8", "2001:db8::/32" and "user:alice". Errors begin with `path` and the
 * entry's number: "metrics.allow[1]: must be ...". ERR_INVALID, ERR_NOMEM. */
int app_allow_new(struct app_allow **out, const struct conf_list *list, const char *path,
                  struct err *err);
void app_allow_free(struct app_allow *a);

/* Whether one of the entries is this address (REMOTE_ADDR) or this user (REMOTE_USER); both may be
 * NULL. An IPv4 address inside an IPv6 one is the IPv4 address. */
int app_allow_has(const struct app_allow *a, const char *address, const char *user);

#endif

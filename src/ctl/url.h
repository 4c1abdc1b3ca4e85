/* SPDX-License-Identifier: MIT */
/* url: addresses that are made from the one that was given. */
#ifndef CTL_URL_H
#define CTL_URL_H

#define CTL_URL_SIZE 4096

struct err;

/* Checks that it is an address by http or https with a host, and takes its fragment away; "http://"
 * is added where there is no scheme. ERR_INVALID, ERR_LIMIT. */
int ctl_url_read(const char *text, char out[CTL_URL_SIZE], struct err *err);

/* The same without name and password: to be shown. */
int ctl_url_show(const char *url, char out[CTL_URL_SIZE]);

/* With "name=value" added to its query. ERR_LIMIT. */
int ctl_url_add(const char *url, const char *parameter, char out[CTL_URL_SIZE]);

/* The folder it stands in, without a query: where ssecgi lists its streams. ERR_LIMIT. */
int ctl_url_folder(const char *url, char out[CTL_URL_SIZE]);

/* Where `location` leads from `url`. ERR_INVALID. */
int ctl_url_follow(const char *url, const char *location, char out[CTL_URL_SIZE]);

/* 1 when credentials for `from` may be shown to `to`: the same server, or its TLS side. */
int ctl_url_is_same_server(const char *from, const char *to);

/* 1 for https. */
int ctl_url_is_tls(const char *url);

#endif

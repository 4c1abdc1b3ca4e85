/* SPDX-License-Identifier: MIT */
/* server: which web server answered, as far as its headers tell, and what stands in front of it. */
#ifndef CTL_SERVER_H
#define CTL_SERVER_H

struct ctl_trace;

enum ctl_server_kind {
    CTL_SERVER_UNKNOWN,
    CTL_SERVER_NGINX,
    CTL_SERVER_APACHE,
    CTL_SERVER_LIGHTTPD,
    CTL_SERVER_HAPROXY,
    CTL_SERVER_CADDY,
    CTL_SERVER_H2O,
    CTL_SERVER_KINDS
};

struct ctl_server {
    enum ctl_server_kind kind;
    int is_guess;    /* it named itself nowhere, as HAProxy does */
    char name[64];   /* what it calls itself; "" for nothing */
    char front[128]; /* header lines of a proxy, cache or CDN in front of it; "" for none */
};

/* Reads the head of an answer. */
void ctl_server_read(struct ctl_server *out, const struct ctl_trace *t);

/* "nginx", "Apache", ...; "" for the unknown one. */
const char *ctl_server_word(enum ctl_server_kind kind);

#endif

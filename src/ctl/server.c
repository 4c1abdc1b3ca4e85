/* SPDX-License-Identifier: MIT */
/* server: which web server answered, as far as its headers tell, and what stands in front of it. */
#include "ctl/server.h"

#include "ctl/trace.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const words[CTL_SERVER_KINDS] = {
    [CTL_SERVER_UNKNOWN] = "",        [CTL_SERVER_NGINX] = "nginx",
    [CTL_SERVER_APACHE] = "Apache",   [CTL_SERVER_LIGHTTPD] = "lighttpd",
    [CTL_SERVER_HAPROXY] = "HAProxy", [CTL_SERVER_CADDY] = "Caddy",
    [CTL_SERVER_H2O] = "H2O",
};

/* How each begins its Server header; openresty and tengine take nginx's settings. */
static const struct {
    const char *begin;
    enum ctl_server_kind kind;
} names[] = {
    {"nginx", CTL_SERVER_NGINX},       {"openresty", CTL_SERVER_NGINX},
    {"tengine", CTL_SERVER_NGINX},     {"angie", CTL_SERVER_NGINX},
    {"freenginx", CTL_SERVER_NGINX},   {"apache", CTL_SERVER_APACHE},
    {"lighttpd", CTL_SERVER_LIGHTTPD}, {"haproxy", CTL_SERVER_HAPROXY},
    {"caddy", CTL_SERVER_CADDY},       {"h2o", CTL_SERVER_H2O},
};

/* What proxies, caches and CDNs leave in an answer. */
static const char *const traces_of_fronts[] = {
    "Via",         "X-Cache",        "X-Varnish",           "X-Served-By",
    "CF-RAY",      "X-Amz-Cf-Id",    "X-Akamai-Request-ID", "X-Fastly-Request-ID",
    "X-Azure-Ref", "Fly-Request-Id", "X-Vercel-Id",         "Age",
    NULL};

const char *ctl_server_word(enum ctl_server_kind kind)
{
    return words[kind];
}

void ctl_server_read(struct ctl_server *out, const struct ctl_trace *t)
{
    *out = (struct ctl_server){.kind = CTL_SERVER_UNKNOWN};
    for (size_t i = 0; traces_of_fronts[i] && !out->front[0]; i++) {
        char value[64];
        if (ctl_trace_header(t, traces_of_fronts[i], value, sizeof value)) {
            snprintf(out->front, sizeof out->front, "%s: %s", traces_of_fronts[i], value);
        }
    }
    if (!ctl_trace_header(t, "Server", out->name, sizeof out->name)) {
        out->kind = t->head_ms >= 0 ? CTL_SERVER_HAPROXY : CTL_SERVER_UNKNOWN;
        out->is_guess = 1;
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strncasecmp(out->name, names[i].begin, strlen(names[i].begin)) == 0) {
            out->kind = names[i].kind;
        }
    }
    if (out->kind == CTL_SERVER_UNKNOWN && strncasecmp(out->name, "cloudflare", 10) == 0
        && !out->front[0]) {
        snprintf(out->front, sizeof out->front, "Server: %s", out->name);
    }
}

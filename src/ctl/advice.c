/* SPDX-License-Identifier: MIT */
/* advice: for each mistake and each web server, the line of its configuration that cures it. */
#include "ctl/advice.h"

#include "ctl/report.h"

#include <stddef.h>

/* The unknown server stands for any. `where` is a place, a module or a condition. */
static const struct {
    enum ctl_mistake mistake;
    enum ctl_server_kind kind;
    const char *where;
    const char *line;
} table[] = {
    {CTL_BUFFERED, CTL_SERVER_NGINX, "location", "fastcgi_buffering off;"},
    {CTL_BUFFERED, CTL_SERVER_NGINX, "location, with proxy_pass", "proxy_buffering off;"},
    {CTL_BUFFERED, CTL_SERVER_NGINX, "take away",
     "fastcgi_ignore_headers X-Accel-Buffering; (ssecgi switches buffering off by this header)"},
    {CTL_BUFFERED, CTL_SERVER_APACHE, "mod_fcgid", "FcgidOutputBufferSize 0"},
    {CTL_BUFFERED, CTL_SERVER_APACHE, "mod_proxy_fcgi",
     "ProxyPass \"/events\" \"unix:SOCKET|fcgi://ssecgi/events\" flushpackets=on retry=0"},
    {CTL_BUFFERED, CTL_SERVER_APACHE, "mod_proxy_http", "ProxyPass ... flushpackets=on"},
    {CTL_BUFFERED, CTL_SERVER_APACHE, "mod_cgid, instead of SetOutputFilter DEFLATE",
     "AddOutputFilterByType DEFLATE text/html text/css text/javascript"},
    {CTL_BUFFERED, CTL_SERVER_LIGHTTPD, "", "server.stream-response-body = 2"},
    {CTL_BUFFERED, CTL_SERVER_CADDY, "take away, in reverse_proxy",
     "response_buffers, buffer_responses (Caddy buffers no event stream by itself)"},
    {CTL_BUFFERED, CTL_SERVER_HAPROXY, "defaults", "option http-no-delay"},
    {CTL_BUFFERED, CTL_SERVER_UNKNOWN, "if it is set up right",
     "look at what stands between it and you: a proxy, a CDN, a virus scanner"},

    {CTL_LATE, CTL_SERVER_HAPROXY, "defaults", "option http-no-delay"},
    {CTL_LATE, CTL_SERVER_NGINX, "http", "tcp_nodelay on;"},

    {CTL_COMPRESSED, CTL_SERVER_NGINX, "location", "gzip off;"},
    {CTL_COMPRESSED, CTL_SERVER_NGINX, "or, without text/event-stream and *",
     "gzip_types text/css text/javascript application/json;"},
    {CTL_COMPRESSED, CTL_SERVER_APACHE, "instead of SetOutputFilter DEFLATE",
     "AddOutputFilterByType DEFLATE text/html text/css text/javascript application/json"},
    {CTL_COMPRESSED, CTL_SERVER_LIGHTTPD, "without text/event-stream",
     "deflate.mimetypes = (\"text/html\", \"text/css\", \"text/javascript\", "
     "\"application/json\")"},
    {CTL_COMPRESSED, CTL_SERVER_CADDY, "a matcher for all else",
     "@pages not path /events /events/*  and then  encode @pages gzip"},
    {CTL_COMPRESSED, CTL_SERVER_H2O, "the path", "compress: OFF"},
    {CTL_COMPRESSED, CTL_SERVER_HAPROXY, "without text/event-stream",
     "compression type text/html text/css text/javascript application/json"},

    {CTL_QUIET_CUT, CTL_SERVER_NGINX, "location", "fastcgi_read_timeout 1h;"},
    {CTL_QUIET_CUT, CTL_SERVER_NGINX, "location, with proxy_pass", "proxy_read_timeout 1h;"},
    {CTL_QUIET_CUT, CTL_SERVER_APACHE, "mod_fcgid", "FcgidIOTimeout 3600"},
    {CTL_QUIET_CUT, CTL_SERVER_APACHE, "mod_proxy_fcgi", "ProxyPass ... timeout=3600"},
    {CTL_QUIET_CUT, CTL_SERVER_APACHE, "mod_cgid", "CGIDScriptTimeout 3600"},
    {CTL_QUIET_CUT, CTL_SERVER_LIGHTTPD, "", "server.max-write-idle = 3600"},
    {CTL_QUIET_CUT, CTL_SERVER_HAPROXY, "backend", "timeout server 3600s"},
    {CTL_QUIET_CUT, CTL_SERVER_CADDY, "take away, in transport", "read_timeout"},
    {CTL_QUIET_CUT, CTL_SERVER_H2O, "", "fastcgi.timeout.io: 3600000"},

    {CTL_LIFE_CUT, CTL_SERVER_APACHE, "mod_fcgid", "FcgidBusyTimeout 86400"},
    {CTL_LIFE_CUT, CTL_SERVER_CADDY, "take away, in transport",
     "read_timeout (there it is a stream's whole life)"},
    {CTL_LIFE_CUT, CTL_SERVER_UNKNOWN, "ssecgi.json, below that limit",
     "\"max_stream_age_s\": the stream ends itself, and the reader resumes without a loss"},

    {CTL_ID_DROPPED, CTL_SERVER_NGINX, "location",
     "fastcgi_param HTTP_LAST_EVENT_ID $http_last_event_id;"},
    {CTL_ID_DROPPED, CTL_SERVER_NGINX, "take away", "fastcgi_pass_request_headers off;"},
    {CTL_ID_DROPPED, CTL_SERVER_NGINX, "take away, with proxy_pass",
     "proxy_pass_request_headers off; proxy_set_header Last-Event-ID \"\";"},
    {CTL_ID_DROPPED, CTL_SERVER_APACHE, "take away", "RequestHeader unset Last-Event-ID"},
    {CTL_ID_DROPPED, CTL_SERVER_LIGHTTPD, "take away",
     "setenv.set-request-header = (\"Last-Event-ID\" => \"\")"},
    {CTL_ID_DROPPED, CTL_SERVER_HAPROXY, "take away", "http-request del-header Last-Event-ID"},
    {CTL_ID_DROPPED, CTL_SERVER_CADDY, "take away",
     "header_up -Last-Event-ID, request_header -Last-Event-ID"},
    {CTL_ID_DROPPED, CTL_SERVER_H2O, "take away", "proxy.header.unset: Last-Event-ID"},
    {CTL_ID_DROPPED, CTL_SERVER_UNKNOWN, "a CDN or proxy in front",
     "pass the request header Last-Event-ID on, and cache nothing below this path"},

    {CTL_QUERY_DROPPED, CTL_SERVER_NGINX, "location", "fastcgi_param QUERY_STRING $query_string;"},
    {CTL_QUERY_DROPPED, CTL_SERVER_NGINX, "with try_files or rewrite", "... $uri?$args"},
    {CTL_QUERY_DROPPED, CTL_SERVER_APACHE, "with RewriteRule", "[QSA]"},
    {CTL_QUERY_DROPPED, CTL_SERVER_UNKNOWN, "a CDN or proxy in front", "pass the query string on"},

    {CTL_OLD_HTTP, CTL_SERVER_NGINX, "server", "listen 443 ssl http2;"},
    {CTL_OLD_HTTP, CTL_SERVER_APACHE, "with mod_http2 and mod_ssl",
     "Protocols h2 http/1.1 (it serves six streams of a connection at once even then)"},
    {CTL_OLD_HTTP, CTL_SERVER_LIGHTTPD, "with TLS (mod_openssl)",
     "server.feature-flags += (\"server.h2proto\" => \"enable\")  (the default since 1.4.56)"},
    {CTL_OLD_HTTP, CTL_SERVER_HAPROXY, "frontend", "bind :443 ssl crt FILE alpn h2,http/1.1"},
    {CTL_OLD_HTTP, CTL_SERVER_CADDY, "",
     "with TLS Caddy speaks HTTP/2 by itself: https://NAME { ... }"},
    {CTL_OLD_HTTP, CTL_SERVER_H2O, "",
     "with TLS H2O speaks HTTP/2 by itself: listen: ... ssl: ..."},

    {CTL_NO_ROUTE, CTL_SERVER_NGINX, "server",
     "location ~ ^/events(/|$) { fastcgi_pass unix:SOCKET; ... }"},
    {CTL_NO_ROUTE, CTL_SERVER_APACHE, "mod_fcgid, mod_cgid", "Alias \"/events\" \"PATH/ssecgi\""},
    {CTL_NO_ROUTE, CTL_SERVER_APACHE, "mod_proxy_fcgi",
     "ProxyPass \"/events\" \"unix:SOCKET|fcgi://ssecgi/events\" flushpackets=on retry=0"},
    {CTL_NO_ROUTE, CTL_SERVER_LIGHTTPD, "fastcgi.server, the entry of \"/events\"",
     "\"check-local\" => \"disable\""},
    {CTL_NO_ROUTE, CTL_SERVER_HAPROXY, "frontend",
     "use_backend ssecgi if { path /events } or { path_beg /events/ }"},
    {CTL_NO_ROUTE, CTL_SERVER_CADDY, "",
     "@events path /events /events/*  and  reverse_proxy @events unix/SOCKET { transport fastcgi { "
     "split /events } }"},
    {CTL_NO_ROUTE, CTL_SERVER_H2O, "paths", "/events: fastcgi.connect: type: unix, port: SOCKET"},

    {CTL_NO_BACK_END, CTL_SERVER_UNKNOWN, "",
     "is ssecgi running, and may the web server's user write to its socket? The error log of the "
     "web server says why"},
    {CTL_NO_BACK_END, CTL_SERVER_APACHE, "mod_proxy_fcgi, or it answers 503 for 60 s by itself",
     "ProxyPass ... retry=0"},
    {CTL_NO_BACK_END, CTL_SERVER_APACHE, "mod_fcgid, 503 when all processes are busy",
     "FcgidMaxProcesses 1000, FcgidMaxProcessesPerClass 500"},

    {CTL_HANGS, CTL_SERVER_HAPROXY, "fcgi-app, or it uses connections again whose reader has left",
     "no option keep-conn"},
    {CTL_HANGS, CTL_SERVER_APACHE, "all threads stream", "raise MaxRequestWorkers and ServerLimit"},
    {CTL_HANGS, CTL_SERVER_APACHE, "mod_fcgid, all processes stream",
     "FcgidMaxProcesses 1000, FcgidMaxProcessesPerClass 500"},
    {CTL_HANGS, CTL_SERVER_NGINX, "events", "worker_connections 8192;"},
    {CTL_HANGS, CTL_SERVER_LIGHTTPD, "a third of it are connections", "server.max-fds = 4096"},
    {CTL_HANGS, CTL_SERVER_UNKNOWN, "", "look at its limits of connections, and run this again"},
};

static int is_meant(enum ctl_server_kind kind, const struct ctl_server *server)
{
    return kind == CTL_SERVER_UNKNOWN || server->kind == CTL_SERVER_UNKNOWN || kind == server->kind;
}

void ctl_advise(struct ctl_report *r, enum ctl_mistake mistake, const struct ctl_server *server)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].mistake != mistake || !is_meant(table[i].kind, server)) {
            continue;
        }
        const char *word = ctl_server_word(table[i].kind);
        const char *where = table[i].where;
        ctl_report_todo(r, "%s%s%s%s%s%s", server->is_guess && *word ? "if it is " : "", word,
                        *word && *where ? ", " : "", where, *word || *where ? ": " : "",
                        table[i].line);
    }
}

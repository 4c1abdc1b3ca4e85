/* SPDX-License-Identifier: MIT */
/* client: thousands of readers in one thread: connects them and waits for what they receive. */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

#define INPUT_BYTES (256 * 1024)
#define EVENTS_MAX 512
#define WAIT_MS 100
#define FCGI_PARAMS_MAX 4096

/* --- what is asked ------------------------------------------------------------------------- */

static size_t put_record(char *out, int type, const char *content, size_t len)
{
    char head[8] = {1, (char)type, 0, 1, (char)(len >> 8), (char)(len & 255), 0, 0};
    memcpy(out, head, sizeof head);
    if (len > 0) {
        memcpy(out + sizeof head, content, len);
    }
    return sizeof head + len;
}

/* What lighttpd and nginx send for a small GET. */
static size_t fcgi_request(char *out, const char *path)
{
    const char *const params[][2] = {
        {"REQUEST_METHOD", "GET"},          {"SCRIPT_NAME", ""},
        {"PATH_INFO", path},                {"REQUEST_URI", path},
        {"QUERY_STRING", ""},               {"DOCUMENT_ROOT", "/srv/www"},
        {"SERVER_PROTOCOL", "HTTP/1.1"},    {"GATEWAY_INTERFACE", "CGI/1.1"},
        {"SERVER_SOFTWARE", "bench"},       {"REMOTE_ADDR", "127.0.0.1"},
        {"HTTP_ACCEPT", "text/event-stream"}, {"HTTP_HOST", "localhost"},
    };
    char content[FCGI_PARAMS_MAX];
    size_t used = 0;
    for (size_t i = 0; i < sizeof params / sizeof params[0]; i++) {
        size_t name_len = strlen(params[i][0]);
        size_t value_len = strlen(params[i][1]);
        content[used++] = (char)name_len;
        content[used++] = (char)value_len; /* shorter than 128: client_init saw to it */
        memcpy(content + used, params[i][0], name_len);
        memcpy(content + used + name_len, params[i][1], value_len);
        used += name_len + value_len;
    }
    size_t len = put_record(out, 1, "\0\1\0\0\0\0\0\0", 8);
    len += put_record(out + len, 4, content, used);
    len += put_record(out + len, 4, NULL, 0);
    return len + put_record(out + len, 5, NULL, 0);
}

static size_t http_request(char *out, size_t size, const char *path)
{
    return (size_t)snprintf(out, size,
                            "GET %s HTTP/1.1\r\nHost: localhost\r\n"
                            "Accept: text/event-stream\r\n\r\n", path);
}

/* --- where --------------------------------------------------------------------------------- */

static int set_unix(struct client *c, const char *path)
{
    struct sockaddr_un *a = (struct sockaddr_un *)&c->address;
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof a->sun_path) {
        return -1;
    }
    a->sun_family = AF_UNIX;
    memcpy(a->sun_path, path, len + 1);
    c->address_len = sizeof *a;
    return 0;
}

static int set_tcp(struct client *c, const char *text)
{
    struct sockaddr_in *a = (struct sockaddr_in *)&c->address;
    char host[64];
    const char *colon = strrchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof host) {
        return -1;
    }
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    a->sin_family = AF_INET;
    a->sin_port = htons((uint16_t)atoi(colon + 1));
    c->address_len = sizeof *a;
    return inet_pton(AF_INET, host, &a->sin_addr) == 1 ? 0 : -1;
}

int client_init(struct client *c, enum reader_wire wire, const char *address, const char *path,
                size_t capacity)
{
    *c = (struct client){.wire = wire, .capacity = capacity, .epoll = -1};
    int rc = strncmp(address, "unix:", 5) == 0 ? set_unix(c, address + 5) : set_tcp(c, address);
    if (rc || strlen(path) >= 128) {
        fprintf(stderr, "load: %s %s: must be unix:PATH or IP:PORT, and a path below 128 bytes\n",
                address, path);
        return -1;
    }
    c->request = malloc(2 * FCGI_PARAMS_MAX);
    c->input = malloc(INPUT_BYTES);
    c->readers = calloc(capacity, sizeof *c->readers);
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!c->request || !c->input || !c->readers || c->epoll < 0) {
        perror("load");
        client_fini(c);
        return -1;
    }
    c->request_len = wire == READER_HTTP ? http_request(c->request, 2 * FCGI_PARAMS_MAX, path)
                                         : fcgi_request(c->request, path);
    return 0;
}

void client_fini(struct client *c)
{
    for (size_t i = 0; i < c->opened; i++) {
        if (c->readers[i].state != READER_CLOSED) {
            close(c->readers[i].fd);
        }
    }
    if (c->epoll >= 0) {
        close(c->epoll);
    }
    free(c->request);
    free(c->input);
    free(c->readers);
}

/* --- one reader ---------------------------------------------------------------------------- */

static void reader_close(struct client *c, struct reader *r)
{
    size_t was_streaming = r->state == READER_STREAMING;
    c->pending -= 1 - was_streaming;
    c->streaming -= was_streaming;
    c->behind -= was_streaming & (r->next <= c->target);
    c->closed += was_streaming;
    if (!was_streaming) {
        c->refused++;
        r->next = UINT64_MAX; /* it misses nothing */
    }
    close(r->fd);
    r->state = READER_CLOSED;
}

/* Begins to connect the next one: 0 or an errno; EAGAIN: the backlog is full. */
static int reader_open(struct client *c)
{
    struct reader *r = &c->readers[c->opened];
    uint64_t open_ns = reader_now_ns();
    int fd = socket(c->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = r};
    if ((connect(fd, (struct sockaddr *)&c->address, c->address_len) && errno != EINPROGRESS)
        || epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &event)) {
        int error = errno;
        close(fd);
        return error;
    }
    *r = (struct reader){.fd = fd, .state = READER_CONNECTING, .next = c->target + 1,
                         .open_ns = open_ns};
    c->opened++;
    c->pending++;
    return 0;
}

static void reader_request(struct client *c, struct reader *r)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = r};
    ssize_t sent = send(r->fd, c->request, c->request_len, MSG_NOSIGNAL);
    if (sent != (ssize_t)c->request_len || epoll_ctl(c->epoll, EPOLL_CTL_MOD, r->fd, &event)) {
        reader_close(c, r);
        return;
    }
    r->state = READER_HEAD;
}

static void reader_receive(struct client *c, struct reader *r)
{
    ssize_t got = recv(r->fd, c->input, INPUT_BYTES, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    uint8_t state = r->state;
    uint64_t next = r->next;
    int rc = got > 0 ? reader_take(r, c->wire, c->input, (size_t)got, &c->totals) : -1;
    if (state == READER_HEAD && r->state == READER_STREAMING) {
        c->pending--;
        c->streaming++;
    }
    c->behind -= next <= c->target && r->next > c->target;
    if (rc) {
        reader_close(c, r);
    }
}

/* --- all ----------------------------------------------------------------------------------- */

/* Looks at the sockets once. */
static int turn(struct client *c)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(c->epoll, events, EVENTS_MAX, WAIT_MS);
    for (int i = 0; i < count; i++) {
        struct reader *r = events[i].data.ptr;
        if (r->state == READER_CONNECTING) {
            reader_request(c, r);
        } else if (r->state != READER_CLOSED) {
            reader_receive(c, r);
        }
    }
    return count;
}

int client_open(struct client *c, size_t count, size_t at_once)
{
    uint64_t moved_ns = reader_now_ns();
    size_t before = c->streaming;
    while (c->streaming < count) {
        int rc = 0;
        while (rc == 0 && c->opened < c->capacity && c->pending < at_once
               && c->streaming + c->pending < count) {
            rc = reader_open(c);
        }
        if (c->pending == 0 && rc != EAGAIN) {
            return -1;
        }
        turn(c);
        if (c->streaming != before) {
            before = c->streaming;
            moved_ns = reader_now_ns();
        } else if (reader_now_ns() - moved_ns > c->timeout_ns) {
            return -1;
        }
    }
    return 0;
}

void client_expect(struct client *c, uint64_t target)
{
    c->target = target;
    c->behind = c->streaming;
}

int client_wait(struct client *c)
{
    uint64_t moved_ns = reader_now_ns();
    uint64_t before = c->totals.events;
    while (c->behind > 0) {
        if (turn(c) == 0) {
            if (c->totals.events == before && reader_now_ns() - moved_ns > c->timeout_ns) {
                return -1;
            }
            if (c->totals.events != before) {
                before = c->totals.events;
                moved_ns = reader_now_ns();
            }
        }
    }
    return 0;
}

uint64_t client_missing(const struct client *c)
{
    uint64_t missing = 0;
    for (size_t i = 0; i < c->opened; i++) {
        if (c->readers[i].next <= c->target) {
            missing += c->target + 1 - c->readers[i].next;
        }
    }
    return missing;
}

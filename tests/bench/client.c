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
#define REQUEST_MAX 4096

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

/* What lighttpd and nginx send for a small GET; without an id the last of them is left out. */
static size_t fcgi_request(char *out, const char *path, const char *id)
{
    const char *const params[][2] = {
        {"REQUEST_METHOD", "GET"},          {"SCRIPT_NAME", ""},
        {"PATH_INFO", path},                {"REQUEST_URI", path},
        {"QUERY_STRING", ""},               {"DOCUMENT_ROOT", "/srv/www"},
        {"SERVER_PROTOCOL", "HTTP/1.1"},    {"GATEWAY_INTERFACE", "CGI/1.1"},
        {"SERVER_SOFTWARE", "bench"},       {"REMOTE_ADDR", "127.0.0.1"},
        {"HTTP_ACCEPT", "text/event-stream"}, {"HTTP_HOST", "localhost"},
        {"HTTP_LAST_EVENT_ID", id},
    };
    size_t count = sizeof params / sizeof params[0] - (*id == '\0');
    char content[REQUEST_MAX / 2];
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
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

static size_t http_request(char *out, size_t size, const char *path, const char *id)
{
    return (size_t)snprintf(out, size,
                            "GET %s HTTP/1.1\r\nHost: localhost\r\n"
                            "Accept: text/event-stream\r\n%s%s%s\r\n",
                            path, *id ? "Last-Event-ID: " : "", id, *id ? "\r\n" : "");
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
    *c = (struct client){.wire = wire, .path = path, .capacity = capacity, .epoll = -1};
    int rc = strncmp(address, "unix:", 5) == 0 ? set_unix(c, address + 5) : set_tcp(c, address);
    if (rc || strlen(path) >= 128) {
        fprintf(stderr, "load: %s %s: must be unix:PATH or IP:PORT, and a path below 128 bytes\n",
                address, path);
        return -1;
    }
    c->input = malloc(INPUT_BYTES);
    c->readers = calloc(capacity, sizeof *c->readers);
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!c->input || !c->readers || c->epoll < 0) {
        perror("load");
        client_fini(c);
        return -1;
    }
    return 0;
}

void client_fini(struct client *c)
{
    for (size_t i = 0; i < c->opened; i++) {
        if (c->readers[i].state != READER_CLOSED && c->readers[i].state != READER_OFF) {
            close(c->readers[i].fd);
        }
    }
    if (c->epoll >= 0) {
        close(c->epoll);
    }
    free(c->input);
    free(c->readers);
}

/* --- one reader ---------------------------------------------------------------------------- */

static size_t is_behind(const struct client *c, const struct reader *r)
{
    return r->state == READER_STREAMING && !r->is_stalled && r->next <= c->target;
}

/* The connection has gone. One that never streamed is tried again. */
static void reader_close(struct client *c, struct reader *r)
{
    c->behind -= is_behind(c, r);
    close(r->fd);
    if (r->state == READER_STREAMING) {
        c->streaming--;
        c->stalled -= r->is_stalled;
        c->closed++;
        r->state = READER_CLOSED;
    } else {
        c->pending--;
        c->refused++;
        c->off++;
        r->state = READER_OFF;
    }
}

/* Begins to connect: 0 or an errno; EAGAIN: the backlog is full. */
static int reader_open(struct client *c, struct reader *r)
{
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
    r->fd = fd;
    r->state = READER_CONNECTING;
    r->open_ns = open_ns;
    reader_reset(r);
    c->pending++;
    return 0;
}

static void reader_request(struct client *c, struct reader *r)
{
    char request[REQUEST_MAX];
    char id[READER_ID_MAX + 1];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = r};
    memcpy(id, r->id, r->id_len);
    id[r->id_len] = '\0';
    size_t len = c->wire == READER_HTTP ? http_request(request, sizeof request, c->path, id)
                                        : fcgi_request(request, c->path, id);
    ssize_t sent = send(r->fd, request, len, MSG_NOSIGNAL);
    if (sent != (ssize_t)len || epoll_ctl(c->epoll, EPOLL_CTL_MOD, r->fd, &event)) {
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
    size_t was_behind = is_behind(c, r);
    int rc = got > 0 ? reader_take(r, c->wire, c->input, (size_t)got, &c->totals) : -1;
    if (state == READER_HEAD && r->state == READER_STREAMING) {
        c->pending--;
        c->streaming++;
    }
    c->behind += is_behind(c, r);
    c->behind -= was_behind;
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
        } else if (r->state == READER_HEAD || r->state == READER_STREAMING) {
            reader_receive(c, r);
        }
    }
    return count;
}

/* Begins to connect one that is off, from `*at` on, or one that was never opened. */
static int open_next(struct client *c, size_t *at)
{
    if (c->off == 0) {
        struct reader *fresh = &c->readers[c->opened];
        *fresh = (struct reader){.next = c->target + 1};
        int rc = reader_open(c, fresh);
        c->opened += rc == 0;
        return rc;
    }
    while (c->readers[*at % c->opened].state != READER_OFF) {
        ++*at;
    }
    int rc = reader_open(c, &c->readers[*at % c->opened]);
    c->off -= rc == 0;
    return rc;
}

int client_open(struct client *c, size_t count, size_t at_once)
{
    uint64_t moved_ns = reader_now_ns();
    size_t before = c->streaming;
    size_t refused_max = c->refused + count;
    size_t at = 0;
    while (c->streaming < count) {
        int rc = 0;
        while (rc == 0 && c->off + c->capacity > c->opened && c->pending < at_once
               && c->streaming + c->pending < count) {
            rc = open_next(c, &at);
        }
        if ((c->pending == 0 && rc != EAGAIN) || c->refused > refused_max) {
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

int client_storm(struct client *c, size_t kept, size_t at_once)
{
    const struct linger none = {.l_onoff = 1};
    size_t count = c->streaming;
    for (size_t i = kept; i < c->opened; i++) {
        struct reader *r = &c->readers[i];
        if (r->state == READER_STREAMING) {
            c->behind -= is_behind(c, r);
            c->streaming--;
            c->off++;
            setsockopt(r->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
            close(r->fd);
            r->state = READER_OFF;
            r->group = READER_OTHER;
        }
    }
    return client_open(c, count, at_once);
}

void client_stall(struct client *c, size_t count)
{
    for (size_t i = 0; i < c->opened && i < count; i++) {
        struct reader *r = &c->readers[i];
        if (r->state == READER_STREAMING && epoll_ctl(c->epoll, EPOLL_CTL_DEL, r->fd, NULL) == 0) {
            c->behind -= is_behind(c, r);
            c->stalled++;
            r->is_stalled = 1;
            r->group = READER_OTHER;
        }
    }
}

void client_wake(struct client *c)
{
    for (size_t i = 0; i < c->opened; i++) {
        struct reader *r = &c->readers[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = r};
        if (r->is_stalled) {
            epoll_ctl(c->epoll, EPOLL_CTL_ADD, r->fd, &event);
            c->stalled--;
            r->is_stalled = 0;
            c->behind += is_behind(c, r);
        }
    }
}

void client_expect(struct client *c, uint64_t target)
{
    c->target = target;
    c->behind = c->streaming - c->stalled;
}

void client_read_for(struct client *c, uint64_t wait_ns)
{
    uint64_t start_ns = reader_now_ns();
    while (reader_now_ns() - start_ns < wait_ns) {
        turn(c);
    }
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

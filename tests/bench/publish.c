/* SPDX-License-Identifier: MIT */
/* publish: how lines get into the systems that want them by a connection. */
#include "publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WRAP_MAX 512 /* what stands around a line at most */
#define ANSWER_S 10

static int send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return -1;
        }
        data += sent > 0 ? sent : 0;
        len -= (size_t)(sent > 0 ? sent : 0);
    }
    return 0;
}

static int receive_all(int fd, char *out, size_t len)
{
    while (len > 0) {
        ssize_t got = recv(fd, out, len, 0);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            errno = got == 0 ? ECONNRESET : errno;
            return -1;
        }
        out += got > 0 ? got : 0;
        len -= (size_t)(got > 0 ? got : 0);
    }
    return 0;
}

static int connect_to(const char *host, size_t host_len, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    const struct timeval patience = {.tv_sec = ANSWER_S};
    char text[64];
    int on = 1;
    errno = EINVAL;
    if (host_len >= sizeof text) {
        return -1;
    }
    memcpy(text, host, host_len);
    text[host_len] = '\0';
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1) {
        return -1;
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* The start of ZeroMQ's protocol 3.0 for a socket that only pushes, without security
 * (rfc.zeromq.org, 23/ZMTP). */
static int zmtp_greet(int fd)
{
    static const char ready[] = "\4\x1a\5READY\xbSocket-Type\0\0\0\4PUSH";
    char greeting[64] = {(char)0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'N', 'U', 'L', 'L'};
    char answer[64];
    unsigned char head[2];
    char rest[256];
    if (send_all(fd, greeting, sizeof greeting) || receive_all(fd, answer, sizeof answer)
        || send_all(fd, ready, sizeof ready - 1) || receive_all(fd, (char *)head, sizeof head)
        || receive_all(fd, rest, head[1])) {
        return -1;
    }
    errno = EPROTO;
    return answer[10] >= 3 && head[0] == 4 && memcmp(rest, "\5READY", 6) == 0 ? 0 : -1;
}

int publish_open(struct feed *f, const char *where)
{
    const char *colon = strchr(where, ':');
    const char *slash = strchr(where, '/');
    errno = EINVAL;
    if (!colon || (f->kind == FEED_HTTP && (!slash || strlen(slash) >= sizeof f->path))) {
        return -1;
    }
    snprintf(f->path, sizeof f->path, "%s", slash ? slash : "");
    f->fd = connect_to(where, (size_t)(colon - where), colon + 1);
    if (f->fd < 0) {
        return -1;
    }
    return f->kind == FEED_ZMTP ? zmtp_greet(f->fd) : 0;
}

static size_t put_http(const struct feed *f, char *out, const char *line, size_t len)
{
    int head = sprintf(out,
                       "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
                       "Content-Length: %zu\r\n\r\n",
                       f->path, len);
    memcpy(out + head, line, len);
    return (size_t)head + len;
}

/* A long frame: flags, eight bytes of length, and Pushpin's own: "J" and JSON. */
static size_t put_zmtp(char *out, const char *line, size_t len, uint64_t seq)
{
    char *body = out + 9;
    int used = sprintf(body,
                       "J{\"channel\":\"bench\",\"formats\":{\"http-stream\":{\"content\":"
                       "\"id: %llu\\ndata: %.*s\\n\\n\"}}}",
                       (unsigned long long)seq, (int)len, line); /* digits, blanks and dots */
    out[0] = 2;
    for (int i = 0; i < 8; i++) {
        out[1 + i] = (char)((uint64_t)used >> (56 - 8 * i));
    }
    return 9 + (size_t)used;
}

int publish_lines(struct feed *f, const char *lines)
{
    char ignored[4096];
    size_t line_len = f->line_bytes - 1;
    char *out = malloc((size_t)f->burst * (f->line_bytes + WRAP_MAX));
    size_t used = 0;
    if (!out) {
        return -1;
    }
    for (uint32_t i = 0; i < f->burst; i++) {
        const char *line = lines + (size_t)i * f->line_bytes;
        used += f->kind == FEED_HTTP ? put_http(f, out + used, line, line_len)
                                     : put_zmtp(out + used, line, line_len, f->seq + i + 1);
    }
    int rc = send_all(f->fd, out, used);
    free(out);
    while (recv(f->fd, ignored, sizeof ignored, MSG_DONTWAIT) > 0) {
        /* What was lost shows at the readers. */
    }
    return rc;
}

/* SPDX-License-Identifier: MIT */
/* peer: what the reference programs share: a listening socket, and lines on standard input turned
 * into the bytes that ssecgi would send for them. */
#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RECORD_HEAD_BYTES 8
#define BACKLOG 4096

static int listen_on(const struct sockaddr *address, socklen_t len)
{
    int on = 1;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address, len) || listen(fd, BACKLOG)) {
        close(fd);
        return -1;
    }
    return fd;
}

int peer_listen(const char *address)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in inet = {.sin_family = AF_INET};
    char host[64];
    const char *colon = strrchr(address, ':');
    int fd = -1;
    errno = EINVAL;
    if (strncmp(address, "unix:", 5) == 0 && strlen(address + 5) < sizeof local.sun_path) {
        strcpy(local.sun_path, address + 5);
        fd = listen_on((struct sockaddr *)&local, sizeof local);
    } else if (colon && (size_t)(colon - address) < sizeof host) {
        memcpy(host, address, (size_t)(colon - address));
        host[colon - address] = '\0';
        inet.sin_port = htons((uint16_t)atoi(colon + 1));
        if (inet_pton(AF_INET, host, &inet.sin_addr) == 1) {
            fd = listen_on((struct sockaddr *)&inet, sizeof inet);
        }
    }
    if (fd < 0) {
        perror(address);
    }
    return fd;
}

void peer_init(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    signal(SIGPIPE, SIG_IGN);
}

static void put_record_head(char *out, size_t len)
{
    const char head[RECORD_HEAD_BYTES] = {1, 6, 0, 1, (char)(len >> 8), (char)(len & 255), 0, 0};
    memcpy(out, head, sizeof head);
}

long peer_read(struct peer_input *in, int is_framed, char out[PEER_RECORDS_BYTES])
{
    ssize_t got = read(STDIN_FILENO, in->lines + in->len, sizeof in->lines - in->len);
    if (got <= 0) {
        return got < 0 && errno == EINTR ? 0 : -1;
    }
    in->len += (size_t)got;
    size_t head = is_framed ? RECORD_HEAD_BYTES : 0;
    size_t used = head;
    char *at = in->lines;
    char *lf;
    while ((lf = memchr(at, '\n', in->len - (size_t)(at - in->lines)))) {
        size_t len = (size_t)(lf + 1 - at);
        if (len < PEER_LINE_MIN) {
            return -1; /* many of them would not fit into `out` */
        }
        used += (size_t)sprintf(out + used, "id: %0*llu\ndata: ", PEER_ID_BYTES, ++in->count);
        memcpy(out + used, at, len);
        used += len;
        out[used++] = '\n';
        at = lf + 1;
    }
    in->len -= (size_t)(at - in->lines);
    memmove(in->lines, at, in->len);
    if (used == head) {
        return 0;
    }
    if (is_framed) {
        put_record_head(out, used - head);
    }
    return (long)used;
}

size_t peer_head(int is_framed, char *out, size_t size)
{
    size_t head = is_framed ? RECORD_HEAD_BYTES : 0;
    int len = snprintf(out + head, size - head,
                       "%sContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
                       "X-Accel-Buffering: no\r\n\r\nretry: 2000\n\n",
                       is_framed ? "" : "HTTP/1.1 200 OK\r\nConnection: close\r\n");
    if (is_framed) {
        put_record_head(out, (size_t)len);
    }
    return head + (size_t)len;
}

/* SPDX-License-Identifier: MIT */
/* peer_bare: the kernel's limit: a loop that writes the same bytes to every socket, no more.
 *
 *     peer_bare ADDRESS [--http] < LINES
 *
 * It answers a connection before it has seen a request, and never reads one. */
#include "peer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS_MAX 65536
#define FULL_MS 10000 /* for a socket that takes no more */

static int sockets[SOCKETS_MAX];
static size_t socket_count;

/* -1 when the peer is gone. A full socket is waited for: the limit has no queues. */
static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            struct pollfd full = {.fd = fd, .events = POLLOUT};
            if (poll(&full, 1, FULL_MS) != 1) {
                return -1;
            }
            sent = 0;
        }
        if (sent < 0) {
            return -1;
        }
        data += sent;
        len -= (size_t)sent;
    }
    return 0;
}

static void accept_all(int listener, const char *head, size_t len)
{
    int fd;
    while (socket_count < SOCKETS_MAX
           && (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (write_all(fd, head, len)) {
            close(fd);
        } else {
            sockets[socket_count++] = fd;
        }
    }
}

static void write_to_all(const char *data, size_t len)
{
    for (size_t i = 0; i < socket_count;) {
        if (write_all(sockets[i], data, len)) {
            close(sockets[i]);
            sockets[i] = sockets[--socket_count];
        } else {
            i++;
        }
    }
}

int main(int argc, char **argv)
{
    static struct peer_input input;
    static char records[PEER_RECORDS_BYTES];
    char head[512];
    int is_framed = !(argc == 3 && strcmp(argv[2], "--http") == 0);
    int listener = argc >= 2 ? peer_listen(argv[1]) : -1;
    if (listener < 0) {
        fprintf(stderr, "usage: peer_bare unix:PATH|IP:PORT [--http] < LINES\n");
        return 2;
    }
    peer_init();
    size_t head_len = peer_head(is_framed, head, sizeof head);
    struct pollfd watched[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = listener, .events = POLLIN}};
    while (poll(watched, 2, -1) >= 0) {
        if (watched[1].revents) {
            accept_all(listener, head, head_len);
        }
        if (watched[0].revents) {
            long len = peer_read(&input, is_framed, records);
            if (len < 0) {
                return 0;
            }
            write_to_all(records, (size_t)len);
        }
    }
    return 1;
}

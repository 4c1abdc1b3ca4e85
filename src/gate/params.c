/* SPDX-License-Identifier: MIT */
/* params: libfcgi reads a request whose records have arrived whole.
 *
 * The loop has read the records itself, so it knows where the request ends in the connection to
 * the byte: what follows (an ABORT_REQUEST, the next request) is never swallowed by libfcgi's
 * read-ahead. libfcgi gets them through a socket pair that holds just this request. */
#include "gate/params.h"

#include "base/err.h"

#include <errno.h>
#include <fcgiapp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PAIR_BYTES (512 * 1024) /* asked for; the system may grant less */

struct gate_params {
    FCGX_Request request;
    int ours;
    int theirs;
};

static void close_pair(struct gate_params *p)
{
    if (p->ours >= 0) {
        close(p->ours);
    }
    if (p->theirs >= 0) {
        close(p->theirs);
    }
    p->ours = p->theirs = -1;
}

static int open_pair(struct gate_params *p)
{
    int pair[2];
    int size = PAIR_BYTES;
    /* Should libfcgi want more than there is, its read fails instead of blocking the loop. */
    struct timeval no_wait = {.tv_usec = 1000};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
        return ERR_IO;
    }
    p->ours = pair[0];
    p->theirs = pair[1];
    setsockopt(p->ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(p->theirs, SOL_SOCKET, SO_RCVTIMEO, &no_wait, sizeof no_wait);
    return 0;
}

int gate_params_new(struct gate_params **out)
{
    struct gate_params *p = calloc(1, sizeof *p);
    if (!p) {
        return ERR_NOMEM;
    }
    p->ours = p->theirs = -1;
    /* No listening socket: should libfcgi go on to accept, that fails at once. */
    if (FCGX_Init() || FCGX_InitRequest(&p->request, -1, FCGI_FAIL_ACCEPT_ON_INTR)
        || open_pair(p)) {
        gate_params_free(p);
        return ERR_IO;
    }
    *out = p;
    return 0;
}

void gate_params_free(struct gate_params *p)
{
    if (p) {
        close_pair(p);
        free(p);
    }
}

static const char *get_param(void *ctx, const char *name)
{
    struct gate_params *p = ctx;
    return FCGX_GetParam(name, p->request.envp);
}

static void drain(int fd)
{
    char block[4096];
    while (recv(fd, block, sizeof block, MSG_DONTWAIT) > 0) {
    }
}

int gate_params_read(struct gate_params *p, const char *records, size_t len,
                     struct sse_vars *vars)
{
    if (p->ours < 0 && open_pair(p)) {
        return ERR_IO;
    }
    ssize_t sent = send(p->ours, records, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 || (size_t)sent < len) {
        close_pair(p);
        return ERR_LIMIT;
    }
    p->request.ipcFd = p->theirs;
    p->request.keepConnection = 1;
    if (FCGX_Accept_r(&p->request) < 0) {
        /* libfcgi has closed its end. */
        p->theirs = -1;
        close_pair(p);
        return ERR_PROTOCOL;
    }
    *vars = (struct sse_vars){.get = get_param, .ctx = p};
    return 0;
}

void gate_params_done(struct gate_params *p)
{
    p->request.ipcFd = -1;
    FCGX_Free(&p->request, 0);
    if (p->theirs >= 0) {
        drain(p->theirs);
    }
}

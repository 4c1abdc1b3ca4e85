/* SPDX-License-Identifier: MIT */
/* params: libfcgi reads a request whose records have arrived whole.
 *
 * The loop has read the records itself, so it knows where the request ends in the connection to
 * the byte: what follows (an ABORT_REQUEST, the next request) is never swallowed by libfcgi's
 * read-ahead. libfcgi gets them through a pipe that holds just this request. */
#include "gate/params.h"

#include "base/err.h"
#include "gate/gate.h"

#include <fcgiapp.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PIPE_BYTES (2 * GATE_PARAMS_BYTES) /* asked for; the system may grant less */

struct gate_params {
    FCGX_Request request;
    int ours;   /* where the records go in */
    int theirs; /* where libfcgi reads them */
};

static void close_pipe(struct gate_params *p)
{
    if (p->ours >= 0) {
        close(p->ours);
    }
    if (p->theirs >= 0) {
        close(p->theirs);
    }
    p->ours = p->theirs = -1;
}

static int open_pipe(struct gate_params *p)
{
    int ends[2];
    /* Should libfcgi want more than there is, its read fails instead of blocking the loop. */
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK)) {
        return ERR_IO;
    }
    p->theirs = ends[0];
    p->ours = ends[1];
    fcntl(p->ours, F_SETPIPE_SZ, PIPE_BYTES);
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
        || open_pipe(p)) {
        gate_params_free(p);
        return ERR_IO;
    }
    *out = p;
    return 0;
}

void gate_params_free(struct gate_params *p)
{
    if (p) {
        close_pipe(p);
        free(p);
    }
}

static const char *get_param(void *ctx, const char *name)
{
    struct gate_params *p = ctx;
    return FCGX_GetParam(name, p->request.envp);
}

int gate_params_read(struct gate_params *p, const char *records, size_t len,
                     struct sse_vars *vars)
{
    if (p->ours < 0 && open_pipe(p)) {
        return ERR_IO;
    }
    ssize_t sent = write(p->ours, records, len);
    if (sent < 0 || (size_t)sent < len) {
        close_pipe(p);
        return ERR_LIMIT;
    }
    p->request.ipcFd = p->theirs;
    p->request.keepConnection = 1;
    if (FCGX_Accept_r(&p->request) < 0) {
        /* libfcgi has closed its end. */
        p->theirs = -1;
        close_pipe(p);
        return ERR_PROTOCOL;
    }
    *vars = (struct sse_vars){.get = get_param, .ctx = p};
    return 0;
}

void gate_params_done(struct gate_params *p)
{
    p->request.ipcFd = -1;
    FCGX_Free(&p->request, 0);
}

/* SPDX-License-Identifier: MIT */
/* life: what a gate is made of, and its last moment. */
#include "gate/internal.h"

#include "base/err.h"
#include "gate/params.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Connections never take the last descriptors: a log that is rotated has to be opened anew. */
static size_t connection_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY) {
        return SIZE_MAX;
    }
    size_t reserved = GATE_RESERVED_FDS + (size_t)limit.rlim_cur / 32;
    return limit.rlim_cur > reserved ? (size_t)limit.rlim_cur - reserved : 1;
}

static void on_sweep(uv_check_t *handle)
{
    gate_sweep(handle->data);
}

int gate_new(struct gate **out, const struct gate_setup *setup, struct err *err)
{
    struct gate *g = calloc(1, sizeof *g);
    if (!g) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    g->setup = *setup;
    g->conn_limit = connection_limit();
    g->input = malloc(GATE_READ_BYTES);
    int rc = g->input ? gate_params_new(&g->params) : ERR_NOMEM;
    if (!rc) {
        rc = gate_watch_init(&g->watch, setup->loop, gate_conn_ready);
    }
    if (rc) {
        int error = errno;
        gate_params_free(g->params);
        free(g->input);
        free(g);
        return err_set(err, rc, "cannot set up FastCGI: %s",
                       rc == ERR_NOMEM ? "out of memory" : strerror(error));
    }
    uv_check_init(setup->loop, &g->sweep);
    uv_check_start(&g->sweep, on_sweep);
    g->sweep.data = g;
    g->handles = 2;
    *out = g;
    return 0;
}

size_t gate_streams_max(const struct gate *g)
{
    size_t reserved = GATE_RESERVED_CONNS + g->conn_limit / 16;
    reserved = reserved < GATE_RESERVED_CONNS_MAX ? reserved : GATE_RESERVED_CONNS_MAX;
    return g->conn_limit > reserved ? g->conn_limit - reserved : 1;
}

size_t gate_connection_count(const struct gate *g)
{
    return g->conn_count;
}

const struct gate_counts *gate_counts(const struct gate *g)
{
    return &g->counts;
}

void gate_release(struct gate *g)
{
    if (!g->closed || g->handles > 0) {
        return;
    }
    void (*closed)(void *) = g->closed;
    void *ctx = g->closed_ctx;
    gate_sweep(g);
    gate_params_free(g->params);
    free(g->input);
    free(g);
    closed(ctx);
}

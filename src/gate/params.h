/* SPDX-License-Identifier: MIT */
/* params: libfcgi reads a request whose records have arrived whole. */
#ifndef GATE_PARAMS_H
#define GATE_PARAMS_H

#include "sse/request.h"

#include <stddef.h>

struct gate_params;

/* Makes the parser: a socket pair and libfcgi's request. To be called after the process has set its
 * signal handlers, because libfcgi installs some where there are none. ERR_NOMEM, ERR_IO. */
int gate_params_new(struct gate_params **out);
void gate_params_free(struct gate_params *p);

/* Reads a BEGIN_REQUEST record and PARAMS records up to the empty one, where libfcgi stops reading: so
 * nothing is left for the next request. `vars` is good until gate_params_done. ERR_LIMIT when they do
 * not fit into a pipe, ERR_PROTOCOL when libfcgi refuses them or they are not whole, ERR_IO. */
int gate_params_read(struct gate_params *p, const char *records, size_t len,
                     struct sse_vars *vars);

/* Frees libfcgi's buffers. */
void gate_params_done(struct gate_params *p);

#endif

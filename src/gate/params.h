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

/* Reads BEGIN_REQUEST and PARAMS records, the empty one included, and an empty STDIN. The records
 * must be whole and their pairs too: libfcgi reads its descriptor without a time-out. `vars`
 * is good until gate_params_done. ERR_LIMIT when they do not fit into the socket pair,
 * ERR_PROTOCOL when libfcgi refuses them, ERR_IO. */
int gate_params_read(struct gate_params *p, const char *records, size_t len,
                     struct sse_vars *vars);

/* Frees libfcgi's buffers. */
void gate_params_done(struct gate_params *p);

#endif

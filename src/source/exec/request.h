/* SPDX-License-Identifier: MIT */
/* exec_request: a program that is run for one request: the body on its standard input, its output
 * the answer. */
#ifndef SOURCE_EXEC_REQUEST_H
#define SOURCE_EXEC_REQUEST_H

#include "source/source.h"

/* As in struct source_type. */
int exec_request_answers(const void *settings);
int exec_request_run(struct source_run **out, const struct source_setup *setup,
                     const struct source_host *host, const struct source_request *request,
                     const struct source_answer *answer, struct err *err);
void exec_request_cancel(struct source_run *r, int is_urgent);
void exec_request_drop(struct source_run *r, void (*dropped)(void *ctx), void *ctx);

#endif

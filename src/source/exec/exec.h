/* SPDX-License-Identifier: MIT */
/* exec: the output of a program, run once for all readers. */
#ifndef SOURCE_EXEC_EXEC_H
#define SOURCE_EXEC_EXEC_H

struct source_type;

extern const struct source_type source_exec;

#endif

/* SPDX-License-Identifier: MIT */
/* registry: the table of built-in sources, and the way to the others. */
#ifndef SOURCE_REGISTRY_H
#define SOURCE_REGISTRY_H

struct err;
struct source_type;

/* The built-in sources, NULL-terminated. */
extern const struct source_type *const source_types[];

/* NULL when none is built in that has this name. */
const struct source_type *source_find_builtin(const char *name);

/* A built-in one, or else the module NAME.so of the folder. ERR_UNKNOWN: there is neither; and what
 * source/module.h says of a module. `err` tells the reason. */
int source_find(const char *name, const char *module_dir, const struct source_type **out,
                struct err *err);

#endif

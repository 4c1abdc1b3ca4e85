/* SPDX-License-Identifier: MIT */
/* module: a source that is no part of the program, in a file of its own. */
#ifndef SOURCE_MODULE_H
#define SOURCE_MODULE_H

struct err;
struct source_type;

#define SOURCE_MODULE_SUFFIX ".so"
#define SOURCE_MODULE_NAME_MAX 32
#define SOURCE_MODULE_SYMBOL "ssecgi_source" /* a const struct source_type */

/* 1 when a module may have this name: 1 to 32 of [a-z0-9_], so it is never a path. */
int source_module_name_is_valid(const char *name);

/* Loads FOLDER/NAME.so, for good; a module that is loaded already is the same one. Its code runs
 * with all of our rights: the file and its folder must belong to root or to the user that we are,
 * and nobody else may write them. On failure `err` names the file. ERR_UNKNOWN: there is no such
 * file; ERR_INVALID: it is refused; ERR_IO. */
int source_module_load(const char *folder, const char *name, const struct source_type **out,
                       struct err *err);

#endif

/* SPDX-License-Identifier: MIT */
/* sources: what --list-sources prints. */
#ifndef APP_SOURCES_H
#define APP_SOURCES_H

struct err;

/* Prints the built-in sources and the modules of the folder that the configuration file names
 * (NULL: that of the built-in one), with their settings, and why a module is refused. On failure
 * `err` says "FILE: what is wrong". */
int app_sources_list(const char *config, struct err *err);

#endif

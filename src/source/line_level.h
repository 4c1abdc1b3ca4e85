/* SPDX-License-Identifier: MIT */
/* line_level: how serious a log line is, by its own words. Pure.
 *
 *   emerg   <PRI> 0, emerg, emergency, panic      notice  <PRI> 5, notice
 *   alert   <PRI> 1, alert                        info    <PRI> 6, info, information
 *   crit    <PRI> 2, crit, critical, fatal        debug   <PRI> 7, debug
 *   error   <PRI> 3, error, err, severe           trace   trace
 *   warn    <PRI> 4, warn, warning
 *
 * A syslog <PRI> at the line's start counts most, then a word behind a key (level=error,
 * "severity": "error"), then one in brackets ([error]), then any whole word; of several of one
 * kind, the first. Upper and lower case are the same. */
#ifndef SOURCE_LINE_LEVEL_H
#define SOURCE_LINE_LEVEL_H

#include <stddef.h>

#define LINE_LEVEL_BYTES 256 /* only so much of a line is looked at */

/* The name in the table's first column; NULL for a line that says nothing of it. */
const char *line_level(const char *line, size_t len);

#endif

/* SPDX-License-Identifier: MIT */
/* passed: listening sockets that a service manager hands over, sd_listen_fds(3)'s way. */
#ifndef APP_PASSED_H
#define APP_PASSED_H

#include <stddef.h>

struct err;
struct log;

#define APP_PASSED_FIRST 3 /* the first one's descriptor; the others follow */

/* Takes LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES out of the environment: they are not for our
 * children. Answers how many descriptors there are for us. None when they were meant for another
 * process; values that cannot be read are logged, and then there are none, too. */
size_t app_passed_read(const struct log *log);

/* Each of them must be a listening stream socket. ERR_INVALID, and `err` says which is not. */
int app_passed_check(size_t count, struct err *err);

#endif

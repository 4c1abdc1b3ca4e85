/* SPDX-License-Identifier: MIT */
/* tail_open: opening what the configuration names, and nothing that somebody put in its place. */
#ifndef SOURCE_TAIL_OPEN_H
#define SOURCE_TAIL_OPEN_H

#include "source/tail/identity.h"

/* What is opened. */
enum tail_open_as {
    TAIL_OPEN_LOOK,   /* only to be looked at: no permission to read it is needed */
    TAIL_OPEN_READ,   /* a regular file, for reading; never blocks on anything else */
    TAIL_OPEN_FOLDER
};

/* Opens `path`. Unless `follow` is set, a symlink in it, anywhere, is followed only where it
 * lies in a directory that nobody but root and our own user can write. *st (may be NULL) gets what
 * was opened. Answers ERR_GONE when there is none, ERR_IO (errno says why; ELOOP for a symlink
 * that is not to be trusted, EINVAL for what is no regular file). */
int tail_open(const char *path, int follow, enum tail_open_as as, int *fd, struct tail_stat *st);

/* The same for a name directly in an open folder; a symlink is never followed. */
int tail_open_in(int dir_fd, const char *name, enum tail_open_as as, int *fd,
                 struct tail_stat *st);

#endif

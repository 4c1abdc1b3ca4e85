/* SPDX-License-Identifier: MIT */
/* watch_shim: preloaded, it takes a program's inotify away, as WATCH_FAULT says: "no-watches" (the
 * user has used up his), "no-instances", or "silent" (a file system that tells nothing). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

static int has_fault(const char *name)
{
    const char *fault = getenv("WATCH_FAULT");
    return fault && strcmp(fault, name) == 0;
}

int inotify_init1(int flags)
{
    if (has_fault("no-instances")) {
        errno = EMFILE;
        return -1;
    }
    return (int)syscall(SYS_inotify_init1, flags);
}

int inotify_add_watch(int fd, const char *name, uint32_t mask)
{
    if (has_fault("no-watches")) {
        errno = ENOSPC;
        return -1;
    }
    /* Nobody moves the folder. */
    return (int)syscall(SYS_inotify_add_watch, fd, name, has_fault("silent") ? IN_MOVE_SELF : mask);
}

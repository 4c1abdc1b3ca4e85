/* SPDX-License-Identifier: MIT */
/* tail_open: opening what the configuration names, and nothing that somebody put in its place. */
#include "source/tail/open.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel's own limit */

static int fail(int fd, int error)
{
    if (fd >= 0) {
        close(fd);
    }
    errno = error;
    return error == ENOENT || error == ENOTDIR ? ERR_GONE : ERR_IO;
}

static int open_flags(enum tail_open_as as)
{
    static const int flags[] = {
        [TAIL_OPEN_LOOK] = O_PATH,
        [TAIL_OPEN_READ] = O_RDONLY | O_NONBLOCK | O_NOCTTY,
        [TAIL_OPEN_FOLDER] = O_RDONLY | O_DIRECTORY,
    };
    return flags[as] | O_CLOEXEC;
}

/* Takes `fd` over: gives it out when it is what was asked for. */
static int hand_out(int fd, enum tail_open_as as, int *out, struct tail_stat *st)
{
    struct tail_stat own;
    if (tail_stat_read(fd, "", 1, &own)) {
        return fail(fd, errno);
    }
    if (as == TAIL_OPEN_READ && !own.is_regular) {
        return fail(fd, EINVAL);
    }
    if (st) {
        *st = own;
    }
    *out = fd;
    return 0;
}

int tail_open_in(int dir_fd, const char *name, enum tail_open_as as, int *fd, struct tail_stat *st)
{
    if (as == TAIL_OPEN_READ) {
        /* Opening a device can do things; so it is looked at first. */
        struct tail_stat seen;
        int rc = tail_stat_read(dir_fd, name, 0, &seen);
        if (rc) {
            return rc;
        }
        if (!seen.is_regular) {
            return fail(-1, EINVAL);
        }
    }
    int found = openat(dir_fd, name, open_flags(as) | O_NOFOLLOW);
    return found < 0 ? fail(-1, errno) : hand_out(found, as, fd, st);
}

/* 1 when only root and we can put things there. */
static int is_trusted(int dir_fd)
{
    struct stat st;
    return fstat(dir_fd, &st) == 0 && (st.st_uid == 0 || st.st_uid == geteuid())
           && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Puts the target of the link in front of what is left of the path. */
static int splice_link(int link_fd, char rest[PATH_MAX])
{
    char joined[PATH_MAX];
    ssize_t n = readlinkat(link_fd, "", joined, sizeof joined);
    if (n < 0) {
        return errno;
    }
    size_t len = (size_t)n;
    size_t rest_len = strlen(rest);
    if (len + 1 + rest_len >= sizeof joined) {
        return ENAMETOOLONG;
    }
    joined[len++] = '/';
    memcpy(joined + len, rest, rest_len + 1);
    memcpy(rest, joined, len + rest_len + 1);
    return 0;
}

/* Takes the next name off the front of `rest`; 0 when there is none. */
static int next_name(char rest[PATH_MAX], char name[NAME_MAX + 1])
{
    size_t from = strspn(rest, "/");
    size_t len = strcspn(rest + from, "/");
    if (len == 0 || len > NAME_MAX) {
        return len == 0 ? 0 : -1;
    }
    memcpy(name, rest + from, len);
    name[len] = '\0';
    size_t end = from + len + strspn(rest + from + len, "/");
    memmove(rest, rest + end, strlen(rest + end) + 1);
    return 1;
}

/* Goes down the path name by name, so that each symlink is seen with the folder it lies in. */
static int walk(int dir_fd, char rest[PATH_MAX], enum tail_open_as as, int *fd,
                struct tail_stat *st)
{
    char name[NAME_MAX + 1];
    int links = 0;
    for (;;) {
        int has_name = next_name(rest, name);
        if (has_name <= 0) {
            return fail(dir_fd, has_name ? ENAMETOOLONG : ENOENT);
        }
        int found = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct stat seen;
        if (found < 0 || fstat(found, &seen)) {
            int error = errno;
            if (found >= 0) {
                close(found);
            }
            return fail(dir_fd, error);
        }
        if (S_ISLNK(seen.st_mode)) {
            int error = links++ < LINKS_MAX && is_trusted(dir_fd) ? splice_link(found, rest) : ELOOP;
            close(found);
            if (error) {
                return fail(dir_fd, error);
            }
            if (rest[0] == '/') {
                found = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (found < 0) {
                    return fail(dir_fd, errno);
                }
                close(dir_fd);
                dir_fd = found;
            }
            continue;
        }
        if (!rest[0]) {
            close(found);
            int rc = tail_open_in(dir_fd, name, as, fd, st);
            int error = errno;
            close(dir_fd);
            errno = error;
            return rc;
        }
        close(dir_fd);
        dir_fd = found;
    }
}

int tail_open(const char *path, int follow, enum tail_open_as as, int *fd, struct tail_stat *st)
{
    if (follow) {
        struct tail_stat seen;
        int rc = tail_stat_read(AT_FDCWD, path, 1, &seen);
        if (rc) {
            return rc;
        }
        if (as == TAIL_OPEN_READ && !seen.is_regular) {
            return fail(-1, EINVAL);
        }
        int found = open(path, open_flags(as));
        return found < 0 ? fail(-1, errno) : hand_out(found, as, fd, st);
    }
    char rest[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof rest) {
        return fail(-1, len ? ENAMETOOLONG : ENOENT);
    }
    memcpy(rest, path, len + 1);
    int dir_fd = open(path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0) {
        return fail(-1, errno);
    }
    if (strspn(path, "/") == len && as == TAIL_OPEN_FOLDER) {
        close(dir_fd);
        return tail_open("/", 1, as, fd, st);
    }
    return walk(dir_fd, rest, as, fd, st);
}

/* SPDX-License-Identifier: MIT */
/* module: a source that is no part of the program, in a file of its own. */
#include "source/module.h"

#include "base/err.h"
#include "source/source.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int source_module_name_is_valid(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= SOURCE_MODULE_NAME_MAX
           && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

/* --- the file ------------------------------------------------------------------------------ */

/* Who can write it can make us run anything. */
static int check_trust(const char *path, const struct stat *st, struct err *err)
{
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        return err_set(
            err, ERR_INVALID,
            "%s: belongs to user %ld; it must belong to root or to the user that runs us", path,
            (long)st->st_uid);
    }
    if (st->st_mode & (S_IWGRP | S_IWOTH)) {
        return err_set(err, ERR_INVALID, "%s: others than its owner can write it: chmod go-w",
                       path);
    }
    return 0;
}

/* The system maps what the file's header promises and looks no further: the first touch of a page
 * behind the end of a file that was cut short would kill the process. What is no ELF file of this
 * machine's is left to the loader, which says so. */
static int check_length(int fd, const char *path, off_t size, struct err *err)
{
    ElfW(Ehdr) head;
    ElfW(Phdr) part;
    if (pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head
        || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_phentsize != sizeof part) {
        return 0;
    }
    for (unsigned i = 0; i < head.e_phnum; i++) {
        uint64_t at = head.e_phoff + i * (uint64_t)sizeof part;
        if (at > (uint64_t)size || pread(fd, &part, sizeof part, (off_t)at) != (ssize_t)sizeof part
            || (part.p_type == PT_LOAD
                && (part.p_filesz > (uint64_t)size
                    || part.p_offset > (uint64_t)size - part.p_filesz))) {
            return err_set(err, ERR_INVALID, "%s: is cut short", path);
        }
    }
    return 0;
}

static int check_file(int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st)) {
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, ERR_INVALID, "%s: is no regular file", path);
    }
    int rc = check_trust(path, &st, err);
    return rc ? rc : check_length(fd, path, st.st_size, err);
}

/* No link is followed: it could lead to where others can write. */
static int check_path(const char *folder, const char *path, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return err_set(err, ERR_UNKNOWN, "%s: there is no such file", path);
    }
    if (fd < 0 && errno == ELOOP) {
        return err_set(err, ERR_INVALID, "%s: is a symbolic link", path);
    }
    if (fd < 0 || stat(folder, &st)) {
        int error = errno;
        if (fd >= 0) {
            close(fd);
        }
        return err_set(err, ERR_IO, "%s: %s", path, strerror(error));
    }
    int rc = check_trust(folder, &st, err);
    rc = rc ? rc : check_file(fd, path, err);
    close(fd);
    return rc;
}

/* --- what is in it ------------------------------------------------------------------------- */

static int check_type(const struct source_type *type, const char *path, const char *name,
                      struct err *err)
{
    if (!type) {
        return err_set(err, ERR_INVALID, "%s: has no symbol " SOURCE_MODULE_SYMBOL, path);
    }
    /* Only with our contract is there more to look at. */
    if (type->contract != SOURCE_CONTRACT) {
        return err_set(err, ERR_INVALID, "%s: is made for contract %d, this program has %d", path,
                       type->contract, SOURCE_CONTRACT);
    }
    if (!type->name || strcmp(type->name, name) != 0) {
        return err_set(err, ERR_INVALID, "%s: holds the source \"%.64s\", which is not its name",
                       path, type->name ? type->name : "");
    }
    int has_answers = type->run && !type->answers; /* none of its streams is opened */
    const struct {
        const char *name;
        int is_there;
    } needed[] = {
        {"summary", type->summary != NULL},
        {"options", type->options != NULL},
        {"open", has_answers || type->open != NULL},
        {"close", has_answers || type->close != NULL},
        {"head", has_answers || type->head != NULL},
        {"understands", has_answers || type->understands != NULL},
        {"back", has_answers || type->back != NULL},
        {"pull", has_answers || type->pull != NULL},
        {"cancel", !type->run || type->cancel != NULL},
        {"drop", !type->run || type->drop != NULL},
    };
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (!needed[i].is_there) {
            return err_set(err, ERR_INVALID, "%s: its source lacks %s", path, needed[i].name);
        }
    }
    return 0;
}

/* The loader's text names a file, but not always this one. */
static int fail_load(const char *path, struct err *err)
{
    const char *text = dlerror();
    size_t len = strlen(path);
    text = text ? text : "cannot be loaded";
    return strncmp(text, path, len) == 0 ? err_set(err, ERR_INVALID, "%s", text)
                                         : err_set(err, ERR_INVALID, "%s: %s", path, text);
}

int source_module_load(const char *folder, const char *name, const struct source_type **out,
                       struct err *err)
{
    char path[PATH_MAX];
    if (!source_module_name_is_valid(name)) {
        return err_set(err, ERR_UNKNOWN, "a module's name is 1 to %d of a-z, 0-9 and _",
                       SOURCE_MODULE_NAME_MAX);
    }
    int len = snprintf(path, sizeof path, "%s/%s" SOURCE_MODULE_SUFFIX, folder, name);
    if (len < 0 || (size_t)len >= sizeof path) {
        return err_set(err, ERR_INVALID, "%.64s...: is too long for a path", folder);
    }
    int rc = check_path(folder, path, err);
    if (rc) {
        return rc;
    }
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        return fail_load(path, err);
    }
    const struct source_type *type = dlsym(module, SOURCE_MODULE_SYMBOL);
    rc = check_type(type, path, name, err);
    if (rc) {
        dlclose(module); /* a better one may take its place before the next reload */
        return rc;
    }
    *out = type;
    return 0;
}

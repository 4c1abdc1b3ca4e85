/* SPDX-License-Identifier: MIT */
/* journal_members: the journals of a family's members: how many there may be. */
#include "source/journal/members.h"

#include "base/err.h"
#include "source/journal/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A walk through the folders beside a journal's own. */
struct walk {
    const struct journal *j;
    char *above;
    const char *prefix; /* what the members' folders begin with */
    size_t prefix_len;
    uint64_t count; /* of members */
    uint64_t gone;  /* of these, deleted on the way */
};

/* 1 when the newest segment was last written to so long ago that nothing in it need be kept. */
static int is_old(const struct journal *j, int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_nlink > 0
           && journal_now_ms(j) - (int64_t)st.st_mtim.tv_sec * 1000 >= j->rules.keep_ms + 1000;
}

static int unlink_all(const struct journal_dir *dir)
{
    int rc = 0;
    for (size_t i = 0; i < dir->count && !rc; i++) {
        char *path = journal_dir_path(dir, dir->items[i]);
        rc = path && (unlink(path) == 0 || errno == ENOENT) ? 0 : ERR_IO;
        free(path);
    }
    return rc;
}

/* Deletes a member's journal, holding the lock of its newest segment: a publisher who waits for it finds
 * that it is gone, and begins anew. */
static int expire(const struct walk *w, const char *name)
{
    struct journal_dir dir = {.count = 0};
    char *newest = NULL;
    int fd = -1;
    int is_gone = 0;
    if (asprintf(&dir.path, "%s/%s", w->above, name) < 0) {
        dir.path = NULL;
        return 0;
    }
    if (journal_dir_list(&dir) == 0 && dir.count > 0) {
        newest = journal_dir_path(&dir, dir.items[dir.count - 1]);
        fd = newest ? open(newest, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    }
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        struct journal_name last = dir.items[dir.count - 1];
        /* Nobody begins a segment while this one is locked; it may have been begun before. */
        is_gone = is_old(w->j, fd) && journal_dir_list(&dir) == 0 && dir.count > 0
                  && journal_name_order(dir.items[dir.count - 1], last) == 0
                  && unlink_all(&dir) == 0;
    }
    if (is_gone) {
        (void)rmdir(dir.path); /* somebody may be at work in it again */
    }
    if (fd >= 0) {
        close(fd);
    }
    free(newest);
    journal_dir_fini(&dir);
    return is_gone;
}

static int look(struct walk *w, int is_deleting)
{
    DIR *folder = opendir(w->above);
    if (!folder) {
        return errno == ENOENT ? 0 : ERR_IO;
    }
    w->count = w->gone = 0;
    for (struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        if (strncmp(e->d_name, w->prefix, w->prefix_len) == 0) {
            w->count++;
            w->gone += (uint64_t)(is_deleting && expire(w, e->d_name));
        }
    }
    closedir(folder);
    return 0;
}

/* Without a walk, where the file system counts folders in the number of links (all but btrfs and some that
 * lie over others, which say 1): 1 when all journals together are fewer. */
static int has_room(const char *above, uint64_t max_members)
{
    struct stat st;
    return stat(above, &st) == 0 && st.st_nlink >= 2 && st.st_nlink - 2 < max_members;
}

int journal_members_admit(struct journal *j)
{
    const struct journal_rules *r = &j->rules;
    struct walk w = {.j = j, .prefix = strrchr(j->dir.path, '/') + 1, .prefix_len = j->family_len};
    if (r->max_members == 0 || access(j->dir.path, F_OK) == 0) {
        return 0;
    }
    w.above = strndup(j->dir.path, (size_t)(w.prefix - 1 - j->dir.path));
    if (!w.above) {
        return ERR_NOMEM;
    }
    if (has_room(w.above, r->max_members)) {
        free(w.above);
        return 0;
    }
    int rc = look(&w, 0);
    if (!rc && w.count >= r->max_members && r->keep_ms > 0) {
        rc = look(&w, 1);
    }
    if (!rc && w.count - w.gone >= r->max_members) {
        errno = EDQUOT;
        rc = ERR_IO;
    }
    int saved = errno;
    free(w.above);
    errno = saved;
    return rc;
}

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

/* How closely to look: by the names only there may seem to be more members than there are. */
enum look { LOOK_NAMES, LOOK_NOTES, LOOK_DELETE };

#define NOTE "member" /* a file of this name stands in a member's folder */

static char *note_of(const char *folder)
{
    char *path;
    return asprintf(&path, "%s/" NOTE, folder) < 0 ? NULL : path;
}

int journal_members_note(const struct journal *j)
{
    char *path = note_of(j->dir.path);
    if (!path) {
        return ERR_NOMEM;
    }
    int fd = -1;
    if (j->rules.max_members > 0) {
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0660);
    }
    int rc = j->rules.max_members > 0 ? fd < 0 : unlink(path) && errno != ENOENT;
    int saved = errno;
    if (fd >= 0) {
        close(fd);
    }
    free(path);
    errno = saved;
    return rc ? ERR_IO : 0;
}

/* 1 when the newest segment was last written to so long ago that nothing in it need be kept. */
static int is_old(const struct journal *j, int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_nlink > 0
           && journal_now_ms(j) - (int64_t)st.st_mtim.tv_sec * 1000 >= j->rules.keep_ms + 1000;
}

static int unlink_all(const struct journal_dir *dir, const char *note)
{
    int rc = 0;
    for (size_t i = 0; i < dir->count && !rc; i++) {
        char *path = journal_dir_path(dir, dir->items[i]);
        rc = path && (unlink(path) == 0 || errno == ENOENT) ? 0 : ERR_IO;
        free(path);
    }
    return rc ? rc : unlink(note) && errno != ENOENT ? ERR_IO : 0;
}

/* Deletes a member's journal, holding the lock of its newest segment: a publisher who waits for it finds
 * that it is gone, and begins anew. */
static int expire(const struct walk *w, const char *name)
{
    struct journal_dir dir = {.count = 0};
    char *newest = NULL;
    char *note = NULL;
    int fd = -1;
    int is_gone = 0;
    if (asprintf(&dir.path, "%s/%s", w->above, name) < 0) {
        dir.path = NULL;
        return 0;
    }
    note = note_of(dir.path);
    if (note && access(note, F_OK) == 0 && journal_dir_list(&dir) == 0 && dir.count > 0) {
        newest = journal_dir_path(&dir, dir.items[dir.count - 1]);
        fd = newest ? open(newest, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    }
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        struct journal_name last = dir.items[dir.count - 1];
        /* Nobody begins a segment while this one is locked; it may have been begun before. */
        is_gone = is_old(w->j, fd) && journal_dir_list(&dir) == 0 && dir.count > 0
                  && journal_name_order(dir.items[dir.count - 1], last) == 0
                  && unlink_all(&dir, note) == 0;
    }
    if (is_gone) {
        (void)rmdir(dir.path); /* somebody may be at work in it again */
    }
    if (fd >= 0) {
        close(fd);
    }
    free(newest);
    free(note);
    journal_dir_fini(&dir);
    return is_gone;
}

/* A folder's name that may be a member's: the rest of it is one segment of the stream's name. */
static int is_beside(const struct walk *w, const char *name)
{
    return strncmp(name, w->prefix, w->prefix_len) == 0 && !strstr(name + w->prefix_len, "%2f");
}

static int has_note(const struct walk *w, const char *name)
{
    char *folder;
    if (asprintf(&folder, "%s/%s", w->above, name) < 0) {
        return 1;
    }
    char *note = note_of(folder);
    int is_there = !note || access(note, F_OK) == 0;
    free(note);
    free(folder);
    return is_there;
}

static int look(struct walk *w, enum look how)
{
    DIR *folder = opendir(w->above);
    if (!folder) {
        return errno == ENOENT ? 0 : ERR_IO;
    }
    w->count = w->gone = 0;
    for (struct dirent *e = readdir(folder); e; e = readdir(folder)) {
        if (is_beside(w, e->d_name) && (how == LOOK_NAMES || has_note(w, e->d_name))) {
            w->count++;
            w->gone += (uint64_t)(how == LOOK_DELETE && expire(w, e->d_name));
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
    int rc = look(&w, LOOK_NAMES);
    if (!rc && w.count >= r->max_members) {
        rc = look(&w, r->keep_ms > 0 ? LOOK_DELETE : LOOK_NOTES);
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

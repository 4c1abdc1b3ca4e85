/* SPDX-License-Identifier: MIT */
/* tally: a folder in which unrelated processes note how many of each thing they have, and the sums.
 *
 * Each process with something to note has a file of its own, locked as long as it lives: the system
 * gives the lock up for whoever dies, at once, and whoever finds a file without one removes it. One
 * process at a time makes the sums, in a file that the others read: so not each of many processes looks
 * at all the others. */
#include "app/figures/tally.h"

#include "app/figures/tally_file.h"
#include "base/err.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUMS "sums"
#define NAME_BYTES 16
#define TAKE_TRIES 8 /* of a file or folder that somebody removes at the same moment */

struct tally {
    char path[PATH_MAX];
    int folder;
    int own;  /* our file, locked; -1: none */
    int sums; /* -1: not open yet */
    char own_name[NAME_BYTES];
    struct tally_list noted;
    struct tally_list sum;
};

static int is_removed(int fd)
{
    struct stat st;
    return fstat(fd, &st) || st.st_nlink == 0;
}

/* Nobody else looks into a folder that was removed. */
static int check_folder(const struct tally *t, struct err *err)
{
    return is_removed(t->folder) ? err_set(err, ERR_GONE, "%s: it was removed", t->path) : 0;
}

static int fail(const struct tally *t, struct err *err)
{
    int why = errno;
    int rc = t->folder >= 0 ? check_folder(t, err) : 0;
    return rc ? rc : err_set(err, ERR_IO, "%s: %s", t->path, strerror(why));
}

/* --- lists --------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
    uint64_t x = ((const struct tally_entry *)a)->key;
    uint64_t y = ((const struct tally_entry *)b)->key;
    return (x > y) - (x < y);
}

size_t tally_add_up(struct tally_entry *list, size_t count)
{
    size_t kept = 0;
    if (count > 1) {
        qsort(list, count, sizeof *list, by_key);
    }
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && list[kept - 1].key == list[i].key) {
            list[kept - 1].count += list[i].count;
        } else {
            list[kept++] = list[i];
        }
    }
    return kept;
}

uint64_t tally_find(const struct tally_entry *list, size_t count, uint64_t key)
{
    struct tally_entry wanted = {.key = key};
    const struct tally_entry *found =
        count ? bsearch(&wanted, list, count, sizeof wanted, by_key) : NULL;
    return found ? found->count : 0;
}

/* --- files --------------------------------------------------------------------------------- */

static void close_file(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static int open_file(const struct tally *t, const char *name)
{
    return openat(t->folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
}

/* Makes the file of this name ours. ERR_AGAIN: it is another process's. */
static int take(struct tally *t, const char *name, struct err *err)
{
    for (int tries = 0; tries < TAKE_TRIES; tries++) {
        int fd = open_file(t, name);
        if (fd < 0) {
            return fail(t, err);
        }
        if (flock(fd, LOCK_EX | LOCK_NB)) {
            int rc = errno == EWOULDBLOCK || errno == EINTR ? ERR_AGAIN : fail(t, err);
            close(fd);
            return rc;
        }
        /* Somebody may have found it without a lock, and removed it. */
        if (!is_removed(fd)) {
            t->own = fd;
            snprintf(t->own_name, sizeof t->own_name, "%s", name);
            return 0;
        }
        close(fd);
    }
    return ERR_AGAIN;
}

static int take_any(struct tally *t, struct err *err)
{
    char name[NAME_BYTES];
    for (unsigned i = 0; i < TALLY_PROCESSES; i++) {
        snprintf(name, sizeof name, "%u", ((unsigned)getpid() + i) % TALLY_PROCESSES);
        int rc = take(t, name, err);
        if (rc != ERR_AGAIN) {
            return rc;
        }
    }
    return err_set(err, ERR_LIMIT, "%s: %d processes have their notes there already", t->path,
                   TALLY_PROCESSES);
}

static void leave(struct tally *t)
{
    if (t->own >= 0 && !is_removed(t->own)) {
        unlinkat(t->folder, t->own_name, 0);
    }
    close_file(&t->own);
    t->noted.count = 0;
}

/* --- notes --------------------------------------------------------------------------------- */

static int is_noted(const struct tally *t, const struct tally_entry *list, size_t count)
{
    return t->own >= 0 && !is_removed(t->own) && t->noted.count == count
           && memcmp(t->noted.at, list, count * sizeof *list) == 0;
}

static int note(struct tally *t, const struct tally_entry *list, size_t count, struct err *err)
{
    if (t->own >= 0 && is_removed(t->own)) {
        close_file(&t->own);
    }
    if (tally_list_reserve(&t->noted, count)) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    int rc = t->own >= 0 ? 0 : take_any(t, err);
    if (rc) {
        return rc;
    }
    if (tally_file_write(t->own, 0, list, count)) {
        return fail(t, err);
    }
    memcpy(t->noted.at, list, count * sizeof *list);
    t->noted.count = count;
    return 0;
}

int tally_note(struct tally *t, const struct tally_entry *list, size_t count, struct err *err)
{
    int rc = check_folder(t, err);
    if (!rc && count > TALLY_ENTRIES) {
        rc = err_set(err, ERR_LIMIT, "%s: at most %d notes", t->path, TALLY_ENTRIES);
    }
    if (!rc && count > 0) {
        if (is_noted(t, list, count)) {
            return 0;
        }
        rc = note(t, list, count, err);
    }
    if (rc || count == 0) {
        leave(t);
    }
    return rc;
}

/* --- sums ---------------------------------------------------------------------------------- */

/* Adds what a process noted; removes the file when that process has ended. */
static int look_at(const struct tally *t, const char *name, struct tally_list *all)
{
    uint64_t time_ms;
    int rc = 0;
    int fd = openat(t->folder, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return 0; /* it was removed just now */
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        if (!is_removed(fd)) {
            unlinkat(t->folder, name, 0);
        }
    } else if (all->count < TALLY_GATHERED) {
        rc = tally_file_read(fd, all, &time_ms);
    }
    close(fd);
    return rc == ERR_NOMEM ? rc : 0; /* one that was begun just now holds nothing */
}

static int gather(const struct tally *t, struct tally_list *all, struct err *err)
{
    int rc = 0;
    int fd = openat(t->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        rc = fail(t, err);
        close_file(&fd);
        return rc;
    }
    for (struct dirent *e = readdir(dir); e && !rc; e = readdir(dir)) {
        if (e->d_name[0] >= '0' && e->d_name[0] <= '9') {
            rc = look_at(t, e->d_name, all);
        }
    }
    closedir(dir);
    all->count = tally_add_up(all->at, all->count);
    all->count = all->count < TALLY_ENTRIES ? all->count : TALLY_ENTRIES;
    return rc ? err_set(err, rc, "out of memory") : 0;
}

/* Takes over the sums that somebody made. ERR_INVALID: there are none; ERR_NOMEM. */
static int load(struct tally *t, uint64_t *time_ms)
{
    struct tally_list list = {.count = 0};
    int rc = tally_file_read(t->sums, &list, time_ms);
    if (rc) {
        free(list.at);
        return rc;
    }
    free(t->sum.at);
    t->sum = list;
    return 0;
}

static int make(struct tally *t, int64_t now_ms, int is_shared, struct err *err)
{
    struct tally_list all = {.count = 0};
    int rc = gather(t, &all, err);
    if (!rc && is_shared && tally_file_write(t->sums, (uint64_t)now_ms, all.at, all.count)) {
        rc = fail(t, err);
    }
    if (rc) {
        free(all.at);
        return rc;
    }
    free(t->sum.at);
    t->sum = all;
    return 0;
}

/* Another process's idea of now may be a little ahead of ours. */
static int64_t age_of(uint64_t time_ms, int64_t now_ms)
{
    int64_t age_ms = now_ms - (int64_t)(time_ms & INT64_MAX);
    return age_ms < 0 && age_ms > -TALLY_FRESH_MS ? 0 : age_ms;
}

static int is_between(int64_t age_ms, int64_t limit_ms)
{
    return age_ms >= 0 && age_ms < limit_ms;
}

int tally_sum(struct tally *t, int64_t now_ms, struct err *err)
{
    uint64_t time_ms = 0;
    int rc = check_folder(t, err);
    if (rc) {
        return rc;
    }
    if (t->sums >= 0 && is_removed(t->sums)) {
        close_file(&t->sums);
    }
    if (t->sums < 0) {
        t->sums = open_file(t, SUMS);
        if (t->sums < 0) {
            return fail(t, err);
        }
    }
    int has = load(t, &time_ms) == 0;
    if (has && is_between(age_of(time_ms, now_ms), TALLY_FRESH_MS)) {
        return 0;
    }
    if (flock(t->sums, LOCK_EX | LOCK_NB) == 0) {
        rc = make(t, now_ms, 1, err);
        flock(t->sums, LOCK_UN);
    } else if (!has || !is_between(age_of(time_ms, now_ms), TALLY_ABANDONED_MS)) {
        rc = make(t, now_ms, 0, err); /* whoever is at it was stopped in the middle */
    }
    return rc;
}

uint64_t tally_get(const struct tally *t, uint64_t key)
{
    return tally_find(t->sum.at, t->sum.count, key);
}

/* --- life ---------------------------------------------------------------------------------- */

static int open_folder(struct tally *t, struct err *err)
{
    struct stat st;
    /* The last one that leaves it may remove it at this moment. */
    for (int tries = 0; tries < TAKE_TRIES && t->folder < 0; tries++) {
        if (mkdir(t->path, 0700) && errno != EEXIST) {
            return fail(t, err);
        }
        t->folder = open(t->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (t->folder < 0 && errno != ENOENT) {
            return fail(t, err);
        }
    }
    if (t->folder < 0) {
        return err_set(err, ERR_GONE, "%s: it comes and goes", t->path);
    }
    if (fstat(t->folder, &st)) {
        return fail(t, err);
    }
    if (st.st_uid != geteuid()) {
        return err_set(err, ERR_IO, "%s: it is another user's", t->path);
    }
    return fchmod(t->folder, 0700) ? fail(t, err) : 0;
}

/* When nobody notes anything there. One who comes in this moment finds the folder removed, or keeps it. */
static void remove_folder(const struct tally *t)
{
    struct tally_list all = {.count = 0};
    if (!check_folder(t, NULL) && !gather(t, &all, NULL) && all.count == 0) {
        unlinkat(t->folder, SUMS, 0);
        rmdir(t->path);
    }
    free(all.at);
}

int tally_open(struct tally **out, const char *folder, struct err *err)
{
    struct tally *t = calloc(1, sizeof *t);
    if (!t) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    t->folder = t->own = t->sums = -1;
    int len = snprintf(t->path, sizeof t->path, "%s", folder);
    int rc = len < 0 || (size_t)len >= sizeof t->path
                 ? err_set(err, ERR_IO, "%.100s...: the path is too long", folder)
                 : open_folder(t, err);
    if (rc) {
        close_file(&t->folder); /* nothing in it is ours to touch */
        tally_close(t);
        return rc;
    }
    *out = t;
    return 0;
}

void tally_close(struct tally *t)
{
    if (!t) {
        return;
    }
    leave(t);
    if (t->folder >= 0) {
        remove_folder(t);
    }
    close_file(&t->sums);
    close_file(&t->folder);
    free(t->noted.at);
    free(t->sum.at);
    free(t);
}

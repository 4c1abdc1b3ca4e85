/* SPDX-License-Identifier: MIT */
/* run_folder: what stands beside a run's journal. */
#include "source/run/folder.h"

#include "base/err.h"
#include "base/num.h"
#include "source/journal/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FACTS_NAME "run"
#define NEW_NAME "run.new" /* until it is written and locked */
#define UNFINISHED_S 3600  /* a folder that never got its facts is kept so long */
#define READERS_NAME "readers"
#define CANCELLED_NAME "cancelled"
#define FACTS_BYTES (RUN_USER_MAX + 32)

int run_id_draw(char out[RUN_ID_CHARS + 1])
{
    unsigned char bits[RUN_ID_CHARS / 2];
    if (getrandom(bits, sizeof bits, 0) != (ssize_t)sizeof bits) {
        return ERR_IO;
    }
    for (size_t i = 0; i < sizeof bits; i++) {
        snprintf(out + 2 * i, 3, "%02x", bits[i]);
    }
    return 0;
}

int run_id_is_valid(const char *id)
{
    return strlen(id) == RUN_ID_CHARS && strspn(id, "0123456789abcdef") == RUN_ID_CHARS;
}

char *run_folder_path(const char *state_dir, const char *stream)
{
    struct journal_dir dir;
    if (journal_dir_init(&dir, state_dir, stream)) {
        return NULL;
    }
    char *path = dir.path;
    dir.path = NULL;
    journal_dir_fini(&dir);
    return path;
}

/* Opens a file in the folder. */
static int open_in(const char *path, const char *name, int flags)
{
    char *file;
    if (asprintf(&file, "%s/%s", path, name) < 0) {
        errno = ENOMEM;
        return -1;
    }
    int fd = open(file, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0660);
    int saved = errno;
    free(file);
    errno = saved;
    return fd;
}

static int fail_open(void)
{
    return errno == ENOENT || errno == ENOTDIR ? ERR_GONE : ERR_IO;
}

/* --- whose it is --------------------------------------------------------------------------- */

/* STATE_DIR/runs and STATE_DIR/runs/topics. */
int run_folder_make_above(const char *path)
{
    char *above = strdup(path);
    char *slash = above ? strrchr(above, '/') : NULL;
    if (!slash) {
        free(above);
        return ERR_NOMEM;
    }
    *slash = '\0';
    struct journal_dir dir = {.path = above};
    int rc = journal_dir_make(&dir);
    int saved = errno;
    journal_dir_fini(&dir);
    errno = saved;
    return rc;
}

static int write_facts(int fd, const struct run_facts *facts)
{
    char text[FACTS_BYTES];
    int len = snprintf(text, sizeof text, "%" PRId64 "\n%s", facts->keep_s, facts->user);
    ssize_t n = write(fd, text, (size_t)len);
    if (n >= 0 && n != len) {
        errno = ENOSPC;
    }
    return n == len ? 0 : ERR_IO;
}

static int publish_facts(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    int rc = folder < 0 || renameat(folder, NEW_NAME, folder, FACTS_NAME) ? ERR_IO : 0;
    if (folder >= 0) {
        int saved = errno;
        close(folder);
        errno = saved;
    }
    return rc;
}

int run_folder_make(const char *path, const struct run_facts *facts, int *lock_fd)
{
    int rc = run_folder_make_above(path);
    if (!rc && mkdir(path, 0770)) {
        rc = ERR_IO;
    }
    if (rc) {
        return rc;
    }
    int fd = open_in(path, NEW_NAME, O_RDWR | O_CREAT | O_EXCL);
    if (fd < 0) {
        return ERR_IO;
    }
    rc = flock(fd, LOCK_EX | LOCK_NB) ? ERR_IO : write_facts(fd, facts);
    rc = rc ? rc : publish_facts(path);
    if (rc) {
        int saved = errno;
        run_folder_remove(path);
        close(fd);
        errno = saved;
        return rc;
    }
    *lock_fd = fd;
    return 0;
}

int run_folder_read(const char *path, struct run_facts *out)
{
    char text[FACTS_BYTES];
    struct run_facts facts;
    uint64_t keep_s;
    if (run_folder_is_cancelled(path)) {
        return ERR_GONE;
    }
    int fd = open_in(path, FACTS_NAME, O_RDONLY);
    if (fd < 0) {
        return fail_open();
    }
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n < 0) {
        return ERR_IO;
    }
    text[n] = '\0';
    char *line = strchr(text, '\n');
    if (!line || num_parse_u64(text, (size_t)(line - text), INT64_MAX, &keep_s)
        || strlen(line + 1) > RUN_USER_MAX) {
        return ERR_GONE; /* it is not ours, or its beginning was never written */
    }
    facts.keep_s = (int64_t)keep_s;
    memcpy(facts.user, line + 1, strlen(line + 1) + 1);
    *out = facts;
    return 0;
}

/* --- who makes it, and who reads it -------------------------------------------------------- */

int run_folder_lock(const char *path, int *lock_fd)
{
    int fd = open_in(path, FACTS_NAME, O_RDWR);
    if (fd < 0) {
        return fail_open();
    }
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        int rc = errno == EWOULDBLOCK ? ERR_AGAIN : ERR_IO;
        close(fd);
        return rc;
    }
    struct stat st;
    if (fstat(fd, &st) || st.st_nlink == 0) { /* deleted meanwhile */
        close(fd);
        return ERR_GONE;
    }
    *lock_fd = fd;
    return 0;
}

int run_folder_open_readers(const char *path, int *readers_fd)
{
    int fd = open_in(path, READERS_NAME, O_RDWR | O_CREAT);
    if (fd < 0) {
        return ERR_IO;
    }
    *readers_fd = fd;
    return 0;
}

int run_folder_join(const char *path, int *readers_fd)
{
    int fd;
    int rc = run_folder_open_readers(path, &fd);
    if (rc) {
        return rc;
    }
    /* Who looks whether there are readers holds it for a moment. */
    if (flock(fd, LOCK_SH)) {
        close(fd);
        return ERR_IO;
    }
    *readers_fd = fd;
    return 0;
}

int run_folder_has_readers(int readers_fd)
{
    if (flock(readers_fd, LOCK_EX | LOCK_NB)) {
        return 1;
    }
    flock(readers_fd, LOCK_UN);
    return 0;
}

/* --- its end ------------------------------------------------------------------------------- */

int run_folder_cancel(const char *path)
{
    int fd = open_in(path, CANCELLED_NAME, O_WRONLY | O_CREAT);
    if (fd < 0) {
        return fail_open();
    }
    close(fd);
    return 0;
}

int run_folder_is_cancelled(const char *path)
{
    char *file;
    if (asprintf(&file, "%s/" CANCELLED_NAME, path) < 0) {
        return 0;
    }
    int is_there = access(file, F_OK) == 0;
    free(file);
    return is_there;
}

void run_folder_touch(int lock_fd)
{
    (void)futimens(lock_fd, NULL); /* otherwise its journal tells about the same */
}

/* The file that says whose it is goes last but one: what is left without it is nobody's to read. */
void run_folder_remove(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *list = folder >= 0 ? fdopendir(folder) : NULL;
    if (!list) {
        if (folder >= 0) {
            close(folder);
        }
        return;
    }
    (void)unlinkat(folder, FACTS_NAME, 0);
    for (struct dirent *e = readdir(list); e; e = readdir(list)) {
        if (e->d_name[0] != '.') {
            (void)unlinkat(folder, e->d_name, 0);
        }
    }
    closedir(list);
    (void)rmdir(path);
}

/* When something in the folder was last written to; -1 when that cannot be known. */
static int64_t last_written_s(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *list = folder >= 0 ? fdopendir(folder) : NULL;
    int64_t last = -1;
    if (!list) {
        if (folder >= 0) {
            close(folder);
        }
        return last;
    }
    for (struct dirent *e = readdir(list); e; e = readdir(list)) {
        struct stat st;
        if (e->d_name[0] != '.' && fstatat(folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0
            && (int64_t)st.st_mtim.tv_sec > last) {
            last = (int64_t)st.st_mtim.tv_sec;
        }
    }
    closedir(list);
    return last;
}

int run_folder_expire(const char *path, int64_t now_s, int64_t *touched_s)
{
    struct run_facts facts = {.keep_s = 0};
    int fd;
    int rc = run_folder_lock(path, &fd);
    if (rc == ERR_AGAIN) {
        *touched_s = -1;
        return 1;
    }
    int64_t last_s = last_written_s(path);
    if (rc) {
        if (rc == ERR_GONE && last_s >= 0 && now_s - last_s >= UNFINISHED_S) {
            run_folder_remove(path);
        }
        return 0;
    }
    rc = run_folder_read(path, &facts);
    int is_due = rc == ERR_GONE || (!rc && last_s >= 0 && now_s - last_s >= facts.keep_s);
    if (is_due) {
        run_folder_remove(path);
    }
    close(fd);
    *touched_s = last_s;
    return !is_due;
}

/* SPDX-License-Identifier: MIT */
/* journal_hold: the lock of the newest segment: taken, kept and let go. */
#include "source/journal/journal.h"

#include "base/clock.h"
#include "base/err.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int journal_take_lock(int fd)
{
    int64_t until = clock_system.mono_ms(&clock_system) + JOURNAL_LOCK_MS;
    while (flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return ERR_IO;
        }
        if (clock_system.mono_ms(&clock_system) > until) {
            return ERR_AGAIN;
        }
        sched_yield();
    }
    return 0;
}

void journal_unlock(struct journal *j)
{
    j->is_held = 0;
    if (j->seg.fd >= 0) {
        (void)flock(j->seg.fd, LOCK_UN);
    }
}

void journal_keep_lock(struct journal *j)
{
    j->is_held = j->rules.is_sole;
    if (!j->is_held) {
        journal_unlock(j);
    }
}

/* Nobody else writes, but somebody may have cut or deleted the file; and behind a damaged head nobody would find what
 * is written. */
int journal_is_held(const struct journal *j)
{
    struct stat st;
    struct journal_head head;
    unsigned char bytes[JOURNAL_HEAD_BYTES];
    return j->is_held && fstat(j->seg.fd, &st) == 0 && st.st_nlink > 0
           && (uint64_t)st.st_size == j->end.end
           && pread(j->seg.fd, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes
           && journal_head_read(bytes, &head) == 0;
}

int journal_let_go(struct journal *j)
{
    if (j->is_dirty && j->unsynced.count == JOURNAL_UNSYNCED_MAX) {
        return ERR_AGAIN; /* until the others have been synced */
    }
    journal_unlock(j);
    if (j->is_dirty) {
        j->unsynced.fds[j->unsynced.count++] = j->seg.fd;
        j->seg.fd = -1;
        j->is_dirty = 0;
    }
    journal_seg_close(&j->seg);
    j->is_known = 0;
    return 0;
}

int journal_is_in_place(const struct journal *j)
{
    struct stat own, there;
    char *path = journal_dir_path(&j->dir, j->seg.name);
    int is_same = path && fstat(j->seg.fd, &own) == 0 && lstat(path, &there) == 0
                  && own.st_dev == there.st_dev && own.st_ino == there.st_ino;
    free(path);
    return is_same;
}

/* SPDX-License-Identifier: MIT */
/* slots: at most so many at once, over all processes that share a file.
 *
 * The file is words: the first is locked while somebody takes a slot, each other one is a slot. It
 * holds who has it, which counts only while it is locked. */
#include "app/answers/slots.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define WORD sizeof(uint64_t)
#define TRIES 20 /* another process takes one within microseconds */
#define TRY_NS 50000

static off_t place(size_t slot)
{
    return (off_t)((slot + 1) * WORD);
}

/* Locks, unlocks or asks for a word. ERR_AGAIN: somebody else has it; ERR_IO. */
static int lock_word(const struct app_slots *s, int command, short type, off_t at)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = (off_t)WORD};
    if (fcntl(s->fd, command, &lock)) {
        return errno == EAGAIN || errno == EACCES ? ERR_AGAIN : ERR_IO;
    }
    return command == F_OFD_GETLK && lock.l_type != F_UNLCK ? ERR_AGAIN : 0;
}

int app_slots_open(struct app_slots *s, const char *path)
{
    *s = (struct app_slots){.fd = -1};
    s->held = calloc(APP_SLOTS_MAX, 1);
    if (!s->held) {
        return ERR_NOMEM;
    }
    s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
    if (s->fd < 0) {
        app_slots_close(s);
        return ERR_IO;
    }
    return 0;
}

/* Holding the first word. */
static int choose(const struct app_slots *s, size_t most, size_t most_of_one, uint64_t who,
                  size_t *slot)
{
    uint64_t *words = calloc(most, WORD);
    ssize_t n = words ? pread(s->fd, words, most * WORD, place(0)) : 0;
    size_t used_by_one = 0;
    size_t found = most;
    int rc = !words ? ERR_NOMEM : n < 0 ? ERR_IO : 0;
    for (size_t i = 0; i < most && !rc; i++) {
        int is_used = s->held[i];
        if (!is_used && words[i] != 0) {
            rc = lock_word(s, F_OFD_GETLK, F_WRLCK, place(i));
            is_used = rc == ERR_AGAIN;
            rc = is_used ? 0 : rc;
        }
        used_by_one += is_used && words[i] == who;
        found = !is_used && found == most ? i : found;
    }
    free(words);
    if (!rc) {
        rc = used_by_one >= most_of_one ? ERR_LIMIT : found == most ? ERR_AGAIN : 0;
    }
    if (!rc) {
        *slot = found;
    }
    return rc;
}

static int lock_first(const struct app_slots *s)
{
    const struct timespec pause = {.tv_nsec = TRY_NS};
    int rc = lock_word(s, F_OFD_SETLK, F_WRLCK, 0);
    for (int i = 1; rc == ERR_AGAIN && i < TRIES; i++) {
        nanosleep(&pause, NULL);
        rc = lock_word(s, F_OFD_SETLK, F_WRLCK, 0);
    }
    return rc;
}

int app_slots_take(struct app_slots *s, size_t most, size_t most_of_one, uint64_t who, size_t *slot)
{
    size_t found = 0;
    most = most < APP_SLOTS_MAX ? most : APP_SLOTS_MAX;
    int rc = lock_first(s);
    if (rc) {
        return rc;
    }
    rc = choose(s, most, most_of_one, who, &found);
    rc = rc ? rc : lock_word(s, F_OFD_SETLK, F_WRLCK, place(found));
    if (!rc && pwrite(s->fd, &who, WORD, place(found)) != (ssize_t)WORD) {
        (void)lock_word(s, F_OFD_SETLK, F_UNLCK, place(found));
        rc = ERR_IO;
    }
    (void)lock_word(s, F_OFD_SETLK, F_UNLCK, 0);
    if (!rc) {
        s->held[found] = 1;
        *slot = found;
    }
    return rc;
}

void app_slots_give(struct app_slots *s, size_t slot)
{
    static const uint64_t nobody = 0;
    s->held[slot] = 0;
    if (pwrite(s->fd, &nobody, WORD, place(slot)) != (ssize_t)WORD) {
        errno = 0; /* the lock is what counts */
    }
    (void)lock_word(s, F_OFD_SETLK, F_UNLCK, place(slot));
}

void app_slots_close(struct app_slots *s)
{
    if (s->fd >= 0) {
        close(s->fd);
    }
    free(s->held);
    *s = (struct app_slots){.fd = -1};
}

/* SPDX-License-Identifier: MIT */
/* scoreboard: a mapped file in which unrelated processes put their figures, one slot each.
 *
 * A record stands in one of two copies; `turn` says which, and is set once the other is whole. So a
 * process that is killed while it writes leaves its last record. Slots are taken and emptied under a
 * lock of the file, which the system gives up for whoever dies; nobody waits for it. Reading takes no
 * lock. A dead process's record goes into the sum in one step: the new copy of the sum names the slot
 * that went into it, and from then on that slot does not count, whether or not it was emptied. */
#include "app/figures/scoreboard.h"

#include "base/err.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x3142534947434553ULL /* "SECGISB1" */
#define PATH_BYTES 512
#define OPEN_TRIES 4
#define COPY_TRIES 1000
#define WORD sizeof(uint64_t)
#define PID_LEFT UINT64_MAX /* its process let go of the slot */

typedef _Atomic uint64_t word; /* of the file: several processes read it while one writes */

struct head {
    word magic, version, record_bytes, slot_count;
};

/* What a copy begins with; the record's words follow. */
struct copy {
    word len;
    word from_slot, from_life; /* of the sum: what went into it last */
};

/* Slot 0 is the sum. */
struct slot {
    word pid;   /* 0: nobody's */
    word start; /* of that process: a number that is given again means another process */
    word life;  /* how many have had the slot */
    word turn;  /* copy `turn % 2` holds */
};

struct scoreboard {
    struct scoreboard_setup setup;
    char path[PATH_BYTES];
    int fd;
    char *map;
    size_t map_bytes;
    size_t copy_bytes, slot_bytes;
    size_t mine;      /* our slot */
    uint64_t start;   /* when we began; 0: that cannot be told here */
    uint64_t *record; /* one record, and behind it the sum, on their way */
};

static struct slot *slot_at(const struct scoreboard *b, size_t i)
{
    return (struct slot *)(void *)(b->map + sizeof(struct head) + i * b->slot_bytes);
}

static struct copy *copy_at(const struct scoreboard *b, struct slot *s, uint64_t turn)
{
    return (struct copy *)(void *)((char *)(s + 1) + (turn % 2) * b->copy_bytes);
}

static void put(word *at, uint64_t value)
{
    atomic_store_explicit(at, value, memory_order_relaxed);
}

static uint64_t get(const word *at)
{
    return atomic_load_explicit((word *)at, memory_order_relaxed);
}

/* --- processes ----------------------------------------------------------------------------- */

/* When a process began, in ticks since the machine did (proc(5), stat, field 22); 0: it has ended,
 * and at most its parent has not looked yet. */
static uint64_t start_of(uint64_t pid)
{
    char path[64];
    char text[1024];
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0) {
        return 0;
    }
    text[got] = '\0';
    /* The name in brackets may hold anything. */
    const char *at = strrchr(text, ')');
    char state;
    uint64_t start;
    if (!at || sscanf(at + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                              "%*s %*s %" SCNu64, &state, &start) != 2) {
        return 0;
    }
    return state == 'Z' || state == 'X' ? 0 : start;
}

static int is_alive(const struct scoreboard *b, uint64_t pid, uint64_t start)
{
    if (pid > INT32_MAX) {
        return 0;
    }
    if (b->start == 0 || start == 0) {
        /* There is no /proc: a number that was given again is not noticed. */
        return kill((pid_t)pid, 0) == 0 || errno == EPERM;
    }
    return start_of(pid) == start;
}

/* --- copies -------------------------------------------------------------------------------- */

/* Makes `record` what the slot holds. Only its owner calls it, or whoever has the lock. */
static void publish(const struct scoreboard *b, struct slot *s, const uint64_t *record, size_t len,
                    uint64_t from_slot, uint64_t from_life)
{
    uint64_t turn = get(&s->turn) + 1;
    struct copy *c = copy_at(b, s, turn);
    word *words = (word *)(c + 1);
    /* Whoever still reads the copy must see by the turn that it is no more what it was. */
    atomic_thread_fence(memory_order_release);
    for (size_t i = 0; i < len / WORD; i++) {
        put(&words[i], record[i]);
    }
    put(&c->len, len);
    put(&c->from_slot, from_slot);
    put(&c->from_life, from_life);
    atomic_store_explicit(&s->turn, turn, memory_order_release);
}

/* What a slot held at one moment. */
struct held {
    uint64_t pid, start, life, turn;
    uint64_t from_slot, from_life;
    size_t len;
};

/* Copies a slot's record. ERR_AGAIN: it changed all the time, or its owner did. */
static int take(const struct scoreboard *b, size_t i, struct held *out, uint64_t *record)
{
    struct slot *s = slot_at(b, i);
    for (int tries = 0; tries < COPY_TRIES; tries++) {
        out->life = atomic_load_explicit(&s->life, memory_order_acquire);
        out->pid = atomic_load_explicit(&s->pid, memory_order_acquire);
        out->turn = atomic_load_explicit(&s->turn, memory_order_acquire);
        if (i > 0 && out->pid == 0) {
            return 0;
        }
        const struct copy *c = copy_at(b, s, out->turn);
        const word *words = (const word *)(c + 1);
        out->start = get(&s->start);
        out->from_slot = get(&c->from_slot);
        out->from_life = get(&c->from_life);
        uint64_t len = get(&c->len);
        /* The file is as hostile as any: nothing in it leads out of a slot. */
        out->len = len <= b->setup.record_bytes ? (size_t)len / WORD * WORD : 0;
        for (size_t k = 0; k < out->len / WORD; k++) {
            record[k] = get(&words[k]);
        }
        atomic_thread_fence(memory_order_acquire);
        if (get(&s->turn) == out->turn && get(&s->life) == out->life) {
            return 0;
        }
    }
    return ERR_AGAIN;
}

/* --- the file ------------------------------------------------------------------------------ */

/* Whether the file still is the one that everybody finds there. */
static int is_there(const struct scoreboard *b)
{
    struct stat st;
    return fstat(b->fd, &st) == 0 && st.st_nlink > 0 && st.st_size >= (off_t)b->map_bytes;
}

static int fail(const struct scoreboard *b, struct err *err)
{
    return err_set(err, ERR_IO, "%s: %s", b->path, strerror(errno));
}

/* Opens the file and locks it. Answers 1 when it is to be tried again at once. */
static int open_file(struct scoreboard *b, struct stat *st, struct err *err)
{
    struct stat there;
    b->fd = open(b->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (b->fd < 0 || fstat(b->fd, st)) {
        return fail(b, err);
    }
    if (!S_ISREG(st->st_mode) || st->st_uid != geteuid() || st->st_nlink > 1) {
        return err_set(err, ERR_IO, "%s: it is another user's, or no regular file", b->path);
    }
    if (flock(b->fd, LOCK_EX | LOCK_NB)) {
        return errno == EWOULDBLOCK || errno == EINTR ? ERR_AGAIN : fail(b, err);
    }
    /* The one before us may have replaced it. */
    if (lstat(b->path, &there) || there.st_ino != st->st_ino || there.st_dev != st->st_dev
        || fstat(b->fd, st)) {
        return 1;
    }
    return 0;
}

static int head_is_ours(const struct scoreboard *b)
{
    const struct head *h = (const struct head *)(const void *)b->map;
    return atomic_load_explicit((word *)&h->magic, memory_order_acquire) == MAGIC
           && get(&h->version) == SCOREBOARD_VERSION
           && get(&h->record_bytes) == b->setup.record_bytes
           && get(&h->slot_count) == SCOREBOARD_SLOTS;
}

static void unmap(struct scoreboard *b)
{
    if (b->map) {
        munmap(b->map, b->map_bytes);
        b->map = NULL;
    }
    if (b->fd >= 0) {
        close(b->fd);
        b->fd = -1;
    }
}

/* Memory for all slots up to this one, and the first look at the next: a hole that the system has no
 * room for would end the process when it is touched. */
static int reserve(const struct scoreboard *b, size_t slot, struct err *err)
{
    size_t end = sizeof(struct head) + (slot + 1) * b->slot_bytes + sizeof(struct slot);
    int error = posix_fallocate(b->fd, 0, (off_t)(end < b->map_bytes ? end : b->map_bytes));
    return error ? err_set(err, ERR_IO, "%s: %s", b->path, strerror(error)) : 0;
}

/* With the lock held. Answers 1 when what was there was no scoreboard and has been removed. */
static int map_file(struct scoreboard *b, const struct stat *st, struct err *err)
{
    int is_new = st->st_size == 0;
    if (!is_new && st->st_size != (off_t)b->map_bytes) {
        unlink(b->path);
        return 1;
    }
    if (fchmod(b->fd, 0600) || (is_new && ftruncate(b->fd, (off_t)b->map_bytes))) {
        return fail(b, err);
    }
    int rc = reserve(b, 0, err);
    if (rc) {
        return rc;
    }
    void *map = mmap(NULL, b->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);
    if (map == MAP_FAILED) {
        return fail(b, err);
    }
    b->map = map;
    if (is_new) {
        struct head *h = map;
        put(&h->version, SCOREBOARD_VERSION);
        put(&h->record_bytes, b->setup.record_bytes);
        put(&h->slot_count, SCOREBOARD_SLOTS);
        atomic_store_explicit(&h->magic, MAGIC, memory_order_release);
    } else if (!head_is_ours(b)) {
        unlink(b->path);
        return 1;
    }
    return 0;
}

/* --- slots --------------------------------------------------------------------------------- */

/* With the lock held: the record of a process that has ended goes into the sum. */
static int fold(struct scoreboard *b, size_t i, const struct held *held)
{
    struct held sum;
    uint64_t *into = b->record + b->setup.record_bytes / WORD;
    memset(into, 0, b->setup.record_bytes);
    int rc = take(b, 0, &sum, into);
    if (rc) {
        return rc;
    }
    size_t len = b->setup.fold(into, b->record, held->len);
    publish(b, slot_at(b, 0), into, len, i, held->life);
    atomic_store_explicit(&slot_at(b, i)->pid, 0, memory_order_release);
    return 0;
}

/* With the lock held: what went into the sum last, its slot not emptied yet. */
static void finish_fold(const struct scoreboard *b)
{
    const struct slot *sum = slot_at(b, 0);
    const struct copy *c = copy_at(b, slot_at(b, 0), get(&sum->turn));
    uint64_t i = get(&c->from_slot);
    if (i >= 1 && i <= SCOREBOARD_SLOTS && get(&slot_at(b, i)->life) == get(&c->from_life)) {
        put(&slot_at(b, i)->pid, 0);
    }
}

/* With the lock held. */
static int find_slot(struct scoreboard *b, size_t *out, struct err *err)
{
    size_t found = 0;
    finish_fold(b);
    for (size_t i = 1; i <= SCOREBOARD_SLOTS; i++) {
        struct held held;
        int rc = take(b, i, &held, b->record);
        if (!rc && held.pid != 0 && !is_alive(b, held.pid, held.start)) {
            rc = fold(b, i, &held);
            held.pid = 0;
        }
        if (!rc && held.pid == 0 && found == 0) {
            found = i;
        }
        if (held.life == 0) {
            break; /* nobody has ever had it, nor those behind it */
        }
    }
    if (found == 0) {
        return err_set(err, ERR_LIMIT, "%s: %d processes have their figures there already", b->path,
                       SCOREBOARD_SLOTS);
    }
    *out = found;
    return 0;
}

/* With the lock held. */
static int take_slot(struct scoreboard *b, struct err *err)
{
    size_t i = 0;
    int rc = find_slot(b, &i, err);
    rc = rc ? rc : reserve(b, i, err);
    if (rc) {
        return rc;
    }
    struct slot *s = slot_at(b, i);
    put(&s->life, get(&s->life) + 1);
    /* Whoever is still at the last owner's record must see by the life that it is gone. */
    atomic_thread_fence(memory_order_release);
    put(&copy_at(b, s, 0)->len, 0);
    put(&copy_at(b, s, 1)->len, 0);
    put(&s->start, b->start);
    atomic_store_explicit(&s->pid, (uint64_t)getpid(), memory_order_release);
    b->mine = i;
    return 0;
}

/* --- use ----------------------------------------------------------------------------------- */

static int open_board(struct scoreboard *b, struct err *err)
{
    struct stat st;
    int rc = 1;
    for (int tries = 0; tries < OPEN_TRIES && rc == 1; tries++) {
        unmap(b);
        rc = open_file(b, &st, err);
        rc = rc ? rc : map_file(b, &st, err);
    }
    if (!rc) {
        rc = take_slot(b, err);
        flock(b->fd, LOCK_UN);
    }
    return rc == 1 ? ERR_AGAIN : rc;
}

int scoreboard_open(struct scoreboard **out, const struct scoreboard_setup *setup,
                    struct err *err)
{
    struct scoreboard *b = calloc(1, sizeof *b);
    if (!b) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    b->setup = *setup;
    b->fd = -1;
    b->start = start_of((uint64_t)getpid());
    b->copy_bytes = sizeof(struct copy) + setup->record_bytes;
    b->slot_bytes = sizeof(struct slot) + 2 * b->copy_bytes;
    b->map_bytes = sizeof(struct head) + (SCOREBOARD_SLOTS + 1) * b->slot_bytes;
    b->record = calloc(2, setup->record_bytes);
    uint64_t layout[] = {setup->identity, SCOREBOARD_VERSION, setup->record_bytes};
    int len = snprintf(b->path, sizeof b->path, "%s/ssecgi-%u-%016" PRIx64, setup->folder,
                       (unsigned)geteuid(), hash_bytes(layout, sizeof layout));
    int rc = 0;
    if (!b->record) {
        rc = err_set(err, ERR_NOMEM, "out of memory");
    } else if (len < 0 || (size_t)len >= sizeof b->path) {
        rc = err_set(err, ERR_LIMIT, "%.100s...: the path is too long", setup->folder);
    }
    rc = rc ? rc : open_board(b, err);
    if (rc) {
        scoreboard_close(b);
        return rc;
    }
    b->setup.folder = NULL; /* was borrowed */
    *out = b;
    return 0;
}

int scoreboard_write(struct scoreboard *b, const void *record, size_t len)
{
    if (!is_there(b)) {
        return ERR_GONE;
    }
    if (len > b->setup.record_bytes || len % WORD != 0) {
        return ERR_INVALID;
    }
    publish(b, slot_at(b, b->mine), record, len, 0, 0);
    return 0;
}

int scoreboard_read(struct scoreboard *b,
                    void (*show)(void *ctx, const void *record, size_t len, int is_live),
                    void *ctx)
{
    struct held sum;
    struct held held;
    if (!is_there(b)) {
        return ERR_GONE;
    }
    int rc = take(b, 0, &sum, b->record);
    if (rc) {
        return rc;
    }
    show(ctx, b->record, sum.len, 0);
    for (size_t i = 1; i <= SCOREBOARD_SLOTS; i++) {
        rc = take(b, i, &held, b->record);
        if (rc) {
            return rc;
        }
        if (held.life == 0) {
            break;
        }
        if (held.pid != 0 && (sum.from_slot != i || sum.from_life != held.life)) {
            show(ctx, b->record, held.len, i == b->mine || is_alive(b, held.pid, held.start));
        }
    }
    /* When another process was added to the sum meanwhile, it may be missing in both. */
    const struct slot *s = slot_at(b, 0);
    return atomic_load_explicit((word *)&s->turn, memory_order_acquire) == sum.turn ? 0
                                                                                    : ERR_AGAIN;
}

void scoreboard_close(struct scoreboard *b)
{
    if (!b) {
        return;
    }
    if (b->mine && is_there(b)) {
        put(&slot_at(b, b->mine)->pid, PID_LEFT); /* the next one that takes a slot adds it */
    }
    unmap(b);
    free(b->record);
    free(b);
}

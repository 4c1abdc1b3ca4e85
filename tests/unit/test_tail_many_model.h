/* SPDX-License-Identifier: MIT */
/* test_tail_many_model: the world of that test: several logs that are written and rotated, and a record
 * of what was. Included once, by test_tail_many_model.c. */
#ifndef TEST_TAIL_MANY_MODEL_H
#define TEST_TAIL_MANY_MODEL_H

#include <sys/stat.h>

struct statx;
static int model_statx(int dir_fd, const char *path, int flags, unsigned mask, struct statx *out);
#define statx(a, b, c, d, e) model_statx(a, b, c, d, e)
#include "source/tail/identity.c"
#undef statx

#include "model_run.h"
#include "test_tail_rig.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "source/tail/many.h"

#include <json-c/json.h>
#include <sys/wait.h>

#define HISTORIES 5000
#define ACTIONS 30
#define FILES 9
#define PROCESSES 2
#define CLIENTS 3
#define KEEP 2 /* rotated files */
#define LINES_MAX 400
#define POSITIONS 64
#define BIRTHS_MAX 512

/* One of the files. Its lines are numbered from 0, whatever became of them. */
struct file {
    int is_there;
    int written; /* lines */
    int half;    /* bytes of the next line that were written already */
    int gone;    /* as many of the first lines were destroyed */
    int per_slot[KEEP + 1]; /* the first line in each of its files; [0] at the path; -1 for none */
};

/* What a reader has: of each file the next line that it has not got. */
struct has {
    int next[FILES];
};

struct process {
    struct model *m;
    struct tail_many *many;
    struct has has; /* handed to live */
    int has_gap;
    struct sse_out out;
    struct buf text;
    struct tail_style style;
};

struct client {
    char position[SSE_POSITION_SIZE];
    struct has has;
};

struct model {
    uint64_t seed;
    uint64_t draws;
    int is_traced;
    int64_t now_ns;
    struct {
        uint64_t ino;
        int64_t ns;
    } births[BIRTHS_MAX];
    size_t birth_count;
    int files_used;
    int has_state;
    int has_hints; /* only looks tell of changes */
    char folder[64];
    char state[96];
    struct log quiet;
    struct conf_list paths;
    struct conf_list rotated;
    struct file files[FILES];
    struct process processes[PROCESSES];
    struct client clients[CLIENTS];
    struct client given[POSITIONS]; /* positions that were given out */
    int given_count;
};

static struct model *the_model; /* for model_statx */

static int model_statx(int dir_fd, const char *path, int flags, unsigned mask, struct statx *out)
{
    int rc = statx(dir_fd, path, flags, mask, out);
    for (size_t i = the_model->birth_count; rc == 0 && i-- > 0;) {
        if (the_model->births[i].ino == out->stx_ino) {
            out->stx_btime.tv_sec = the_model->births[i].ns / NS_PER_S;
            out->stx_btime.tv_nsec = (uint32_t)(the_model->births[i].ns % NS_PER_S);
            out->stx_mask |= STATX_BTIME;
            break;
        }
    }
    return rc;
}

#define trace(m, ...)                                                                              \
    do {                                                                                           \
        if ((m)->is_traced) {                                                                      \
            fprintf(stderr, "# " __VA_ARGS__);                                                     \
        }                                                                                          \
    } while (0)

static void wrong(const struct model *m, const char *what, int a, int b)
{
    fprintf(stderr, "# TAIL_MANY_SEED=%" PRIu64 ": %s (%d, %d)\n", m->seed, what, a, b);
    abort();
}

static uint64_t draw(struct model *m, uint64_t bound)
{
    return hash_mix64(m->seed * 0x9e3779b97f4a7c15ULL + ++m->draws) % bound;
}

/* ---- the files ---- */

static char *path_of(const struct model *m, int f, int slot, char out[160])
{
    char number[16] = "";
    if (slot) {
        snprintf(number, sizeof number, ".%d", slot);
    }
    snprintf(out, 160, "%s/%d/f%d.log%s", m->folder, f % 2, f, number);
    return out;
}

/* "003:00017:aaaa..." */
static int spell_line(int f, int n, char out[128])
{
    int len = snprintf(out, 128, "%03d:%05d:", f, n);
    for (int i = 0; i < (f * 7 + n * 13) % 60; i++) {
        out[len++] = (char)('a' + (n + i) % 26);
    }
    out[len++] = '\n';
    out[len] = '\0';
    return len;
}

static void stamp(struct model *m, int fd, int is_new)
{
    struct timespec t = {.tv_sec = m->now_ns / NS_PER_S, .tv_nsec = m->now_ns % NS_PER_S};
    struct timespec times[2] = {t, t};
    struct stat st;
    if (futimens(fd, times) || fstat(fd, &st) || m->birth_count == BIRTHS_MAX) {
        wrong(m, "cannot stamp", errno, (int)m->birth_count);
    }
    if (is_new) {
        m->births[m->birth_count].ino = st.st_ino;
        m->births[m->birth_count++].ns = m->now_ns;
    }
}

static void put(struct model *m, int f, const char *text, int len)
{
    char path[160];
    int fd = open(path_of(m, f, 0, path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, (size_t)len) != len) {
        wrong(m, "cannot write", f, errno);
    }
    stamp(m, fd, !m->files[f].is_there);
    close(fd);
    if (!m->files[f].is_there) {
        m->files[f].is_there = 1;
        m->files[f].per_slot[0] = m->files[f].written;
    }
}

static void append(struct model *m, int f)
{
    struct file *file = &m->files[f];
    char line[128];
    if (file->written >= LINES_MAX) {
        return;
    }
    int len = spell_line(f, file->written, line);
    put(m, f, line + file->half, len - file->half);
    file->half = 0;
    trace(m, "file %d line %d\n", f, file->written);
    file->written++;
}

static void append_half(struct model *m, int f)
{
    struct file *file = &m->files[f];
    char line[128];
    int len = spell_line(f, file->written, line);
    if (file->half > 0 || file->written >= LINES_MAX) {
        return;
    }
    file->half = 10 + (int)draw(m, (uint64_t)(len - 10));
    put(m, f, line, file->half);
    trace(m, "file %d half of line %d\n", f, file->written);
}

/* A writer that has finished its line lets the log be renamed. */
static void rotate(struct model *m, int f)
{
    struct file *file = &m->files[f];
    char a[160], b[160];
    if (!file->is_there || file->half > 0 || file->per_slot[0] == file->written) {
        return;
    }
    for (int slot = KEEP; slot >= 0; slot--) {
        if (file->per_slot[slot] < 0) {
            continue;
        }
        if (slot == KEEP) {
            unlink(path_of(m, f, slot, a));
            int next = file->per_slot[KEEP - 1] >= 0 ? file->per_slot[KEEP - 1] : file->written;
            file->gone = next;
        } else if (rename(path_of(m, f, slot, a), path_of(m, f, slot + 1, b))) {
            wrong(m, "cannot rename", f, slot);
        }
        if (slot < KEEP) {
            file->per_slot[slot + 1] = file->per_slot[slot];
        }
        file->per_slot[slot] = -1;
    }
    file->is_there = 0;
    trace(m, "file %d rotated\n", f);
    m->now_ns += NS_PER_MS;
    append(m, f);
}

#endif

/* SPDX-License-Identifier: MIT */
/* test_tail_model: the world of the model test: a log that is written, rotated, cut and compressed,
 * and a record of every line. Included once, by test_tail_model.c. */
#ifndef TEST_TAIL_MODEL_H
#define TEST_TAIL_MODEL_H

#include <sys/stat.h>

struct statx;
static int model_statx(int dir_fd, const char *path, int flags, unsigned mask, struct statx *out);
#define statx(a, b, c, d, e) model_statx(a, b, c, d, e)
#include "source/tail/identity.c"
#undef statx

#include "model_run.h"
#include "test_tail_rig.h"

#include <sys/wait.h>
#include <zlib.h>

#define HISTORIES 50000
#define ACTIONS 30
#define KEEP 3      /* rotated files */
#define CLIENTS 3
#define PROCESSES 2
#define ITEMS_MAX 400
#define GENS_MAX 100
#define FILES_MAX 256
#define LINE_MAX_BYTES 1024
#define HALF_LEAST 16 /* the numbers that a line begins with are written at once */

/* What ends up as one event. */
struct item {
    char *text;
    int gen;
    int is_half; /* the end of a file, without a newline */
};

/* A stretch of the log from one beginning of a file to the next. */
struct gen {
    int from, to; /* items */
    uint64_t bytes;
    int family;    /* of those that were written to the same inode */
    int slot;      /* 0: at the path; 1 to KEEP: rotated; -1: nowhere */
    int is_gz;
    int is_copy;   /* made by copying, so not the inode that was written to */
    int is_moved;  /* copied or compressed: it may go by another name then */
    int is_late;   /* written to after the next file was made */
    int is_gone;   /* its bytes were destroyed, though a process may hold them */
};

struct client {
    char position[SSE_POSITION_SIZE];
    int item; /* the last that it has; -1 for none */
    int gen;  /* where its position is */
    int has_gap; /* it was told of a gap since */
    int is_excused;
};

struct process {
    struct tail_log log;
    struct sse_out out;
    struct model *m;
    int item; /* the head */
    int has_gap;
    int is_excused;
};

struct model {
    uint64_t seed;
    uint64_t draws;
    int is_traced;
    int64_t now_ns;
    char folder[64];
    char path[96];
    struct log quiet;
    struct item items[ITEMS_MAX];
    int item_count;
    struct gen gens[GENS_MAX];
    int gen_count;
    int families;
    int writer_gen;
    int writer_fd;
    char half[4096]; /* what the writer has begun; empty for nothing */
    size_t half_sent;
    int path_gen; /* at the path; -1 while there is no file */
    struct {
        uint64_t ino;
        int64_t ns;
    } births[FILES_MAX];
    size_t birth_count;
    struct client clients[CLIENTS];
    struct process processes[PROCESSES];
    char positions[ITEMS_MAX][SSE_POSITION_SIZE];
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

static uint64_t draw(struct model *m, uint64_t bound)
{
    return hash_mix64(m->seed * 0x9e3779b97f4a7c15ULL + ++m->draws) % bound;
}

#define trace(m, ...)                                                                              \
    do {                                                                                           \
        if ((m)->is_traced) {                                                                      \
            fprintf(stderr, "# " __VA_ARGS__);                                                     \
        }                                                                                          \
    } while (0)

static void wrong(struct model *m, const char *what, int a, int b)
{
    fprintf(stderr, "# TAIL_MODEL_SEED=%" PRIu64 ": %s (%d, %d)\n", m->seed, what, a, b);
    if (m->is_traced) {
        char command[128];
        snprintf(command, sizeof command, "ls -li --full-time '%s' >&2", m->folder);
        if (system(command)) {
            fprintf(stderr, "# no listing\n");
        }
    }
    abort();
}

static void need(struct model *m, int holds, const char *what)
{
    if (!holds) {
        wrong(m, what, errno, 0);
    }
}

/* ---- files ---- */

static char *slot_name(const struct model *m, int slot, int is_gz, char out[128])
{
    char number[16] = "";
    if (slot > 0) {
        snprintf(number, sizeof number, ".%d", slot);
    }
    snprintf(out, 128, "%s%s%s", m->path, number, is_gz ? ".gz" : "");
    return out;
}

static void stamp(struct model *m, int fd, int is_new)
{
    struct timespec t = {.tv_sec = m->now_ns / NS_PER_S, .tv_nsec = m->now_ns % NS_PER_S};
    struct timespec times[2] = {t, t};
    need(m, futimens(fd, times) == 0, "futimens");
    struct stat st;
    if (is_new) {
        need(m, fstat(fd, &st) == 0 && m->birth_count < FILES_MAX, "too many files");
        m->births[m->birth_count].ino = st.st_ino;
        m->births[m->birth_count++].ns = m->now_ns;
    }
}

static int new_gen(struct model *m, int family)
{
    need(m, m->gen_count < GENS_MAX, "too many generations");
    m->gens[m->gen_count] = (struct gen){
        .from = m->item_count, .to = m->item_count, .family = family, .slot = 0};
    return m->gen_count++;
}

/* Makes a file at the path. */
static void create(struct model *m)
{
    int fd = open(m->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    need(m, fd >= 0, "create");
    stamp(m, fd, 1);
    close(fd);
    m->path_gen = new_gen(m, m->families++);
    trace(m, "create gen %d\n", m->path_gen);
}

/* What the writer has begun and will go on with elsewhere is all of that line there is. */
static void end_half(struct model *m, int is_kept)
{
    if (m->half[0] && m->half_sent > 0 && is_kept) {
        struct gen *g = &m->gens[m->writer_gen];
        m->half[m->half_sent] = '\0';
        m->items[m->item_count] = (struct item){
            .text = strdup(m->half), .gen = m->writer_gen, .is_half = 1};
        m->item_count++;
        g->to = m->item_count;
        trace(m, "half item %d\n", m->item_count - 1);
    }
    m->half[0] = '\0';
    m->half_sent = 0;
}

static void reopen(struct model *m)
{
    if (m->path_gen >= 0 && m->path_gen == m->writer_gen) {
        return;
    }
    end_half(m, m->writer_gen >= 0);
    if (m->path_gen < 0) {
        create(m);
    }
    /* Its items begin after what went to the old file meanwhile. */
    m->gens[m->path_gen].from = m->gens[m->path_gen].to = m->item_count;
    if (m->writer_fd >= 0) {
        close(m->writer_fd);
    }
    m->writer_fd = open(m->path, O_WRONLY | O_APPEND | O_CLOEXEC);
    need(m, m->writer_fd >= 0, "reopen");
    m->writer_gen = m->path_gen;
    trace(m, "writer in gen %d\n", m->writer_gen);
}

static void put(struct model *m, const char *text, size_t len)
{
    need(m, write(m->writer_fd, text, len) == (ssize_t)len, "write");
    m->gens[m->writer_gen].bytes += len;
    m->gens[m->writer_gen].is_late |= m->path_gen >= 0 && m->path_gen != m->writer_gen;
    stamp(m, m->writer_fd, 0);
}

static void begin_line(struct model *m)
{
    size_t len = HALF_LEAST + draw(m, draw(m, 8) == 0 ? 1500 : 60);
    /* A number of its own, since a half line that is lost leaves its place to another. */
    snprintf(m->half, sizeof m->half, "%06d:%08x:", m->item_count, (unsigned)m->draws);
    for (size_t i = HALF_LEAST; i < len; i++) {
        m->half[i] = (char)('a' + (i + (size_t)m->item_count) % 26);
    }
    m->half[len] = '\0';
    m->half_sent = 0;
}

static void append_half(struct model *m)
{
    if (!m->half[0]) {
        begin_line(m);
    }
    size_t len = strlen(m->half);
    size_t upto = m->half_sent < HALF_LEAST ? HALF_LEAST : m->half_sent;
    upto += len > upto ? draw(m, len - upto + 1) : 0;
    put(m, m->half + m->half_sent, upto - m->half_sent);
    m->half_sent = upto;
    trace(m, "half of item %d, %zu bytes\n", m->item_count, upto);
}

static void append_line(struct model *m)
{
    if (m->item_count >= ITEMS_MAX - 1) {
        return;
    }
    if (!m->half[0]) {
        begin_line(m);
    }
    size_t len = strlen(m->half);
    m->half[len] = '\n';
    put(m, m->half + m->half_sent, len + 1 - m->half_sent);
    m->half[len] = '\0';
    m->items[m->item_count] = (struct item){.text = strdup(m->half), .gen = m->writer_gen};
    m->item_count++;
    m->gens[m->writer_gen].to = m->item_count;
    m->half[0] = '\0';
    m->half_sent = 0;
    trace(m, "item %d, %zu bytes, in gen %d\n", m->item_count - 1, len, m->writer_gen);
}

static int gen_in(const struct model *m, int slot)
{
    for (int i = 0; i < m->gen_count; i++) {
        if (m->gens[i].slot == slot && (slot > 0 || i == m->path_gen)) {
            return i;
        }
    }
    return -1;
}

/* Makes slot 1 free. */
static void shift(struct model *m)
{
    char a[128], b[128];
    for (int slot = KEEP; slot > 0; slot--) {
        int i = gen_in(m, slot);
        if (i < 0) {
            continue;
        }
        struct gen *g = &m->gens[i];
        if (slot == KEEP) {
            need(m, unlink(slot_name(m, slot, g->is_gz, a)) == 0, "unlink");
            g->slot = -1;
            g->is_gone = 1;
            trace(m, "gen %d rotated away\n", i);
        } else {
            need(m, rename(slot_name(m, slot, g->is_gz, a), slot_name(m, slot + 1, g->is_gz, b))
                        == 0,
                 "rename");
            g->slot = slot + 1;
        }
    }
}

static void rotate(struct model *m)
{
    char b[128];
    if (m->path_gen < 0 || m->path_gen != m->writer_gen) {
        return;
    }
    shift(m);
    need(m, rename(m->path, slot_name(m, 1, 0, b)) == 0, "rename");
    trace(m, "gen %d rotated\n", m->path_gen);
    m->gens[m->path_gen].slot = 1;
    m->path_gen = -1;
    if (draw(m, 2)) {
        create(m);
    }
    if (draw(m, 2)) {
        reopen(m);
    }
}

static void copy_bytes(struct model *m, const char *from, int to, gzFile gz)
{
    char block[8192];
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    need(m, fd >= 0, "open to copy");
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n <= 0) {
            break;
        }
        need(m, gz ? gzwrite(gz, block, (unsigned)n) == n : write(to, block, (size_t)n) == n,
             "copy");
    }
    close(fd);
}

/* Who has seen nothing of a file yet cannot know that it is written anew. */
static void excuse_blind(struct model *m)
{
    for (int i = 0; i < PROCESSES; i++) {
        const struct tail_cursor *c = &m->processes[i].log.live;
        if (c->file && c->at.offset == 0) {
            m->processes[i].is_excused = 1;
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        struct tail_position p;
        if (!tail_position_parse(m->clients[i].position, &p) && !p.is_start && p.offset == 0) {
            m->clients[i].is_excused = 1;
        }
    }
}

static void copytruncate(struct model *m)
{
    char b[128];
    if (m->path_gen < 0 || m->path_gen != m->writer_gen || m->gens[m->path_gen].bytes == 0) {
        return;
    }
    excuse_blind(m);
    shift(m);
    int fd = open(slot_name(m, 1, 0, b), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    need(m, fd >= 0, "copy");
    copy_bytes(m, m->path, fd, NULL);
    stamp(m, fd, 1);
    close(fd);
    end_half(m, 1);
    m->now_ns += NS_PER_MS;
    need(m, ftruncate(m->writer_fd, 0) == 0, "truncate");
    stamp(m, m->writer_fd, 0);
    struct gen *g = &m->gens[m->path_gen];
    g->slot = 1;
    g->is_moved = g->is_copy = 1;
    trace(m, "gen %d copied\n", m->path_gen);
    m->path_gen = m->writer_gen = new_gen(m, g->family);
}

static void truncate_log(struct model *m)
{
    if (m->path_gen < 0 || m->path_gen != m->writer_gen || m->gens[m->path_gen].bytes == 0) {
        return;
    }
    excuse_blind(m);
    end_half(m, 0);
    need(m, ftruncate(m->writer_fd, 0) == 0, "truncate");
    stamp(m, m->writer_fd, 0);
    struct gen *g = &m->gens[m->path_gen];
    g->slot = -1;
    g->is_gone = 1;
    trace(m, "gen %d truncated\n", m->path_gen);
    m->path_gen = m->writer_gen = new_gen(m, g->family);
}

static void recreate(struct model *m)
{
    /* Where an empty file without a name belongs cannot be known. */
    if (m->path_gen < 0 || m->path_gen != m->writer_gen || m->gens[m->path_gen].bytes == 0) {
        return;
    }
    need(m, unlink(m->path) == 0, "unlink");
    trace(m, "gen %d deleted\n", m->path_gen);
    m->gens[m->path_gen].slot = -1;
    m->gens[m->path_gen].is_gone = 1;
    m->path_gen = -1;
    reopen(m);
}

static void compress_one(struct model *m)
{
    char a[128], b[128];
    int i = gen_in(m, 1 + (int)draw(m, KEEP));
    if (i < 0 || m->gens[i].is_gz || i == m->writer_gen) {
        return;
    }
    struct gen *g = &m->gens[i];
    struct stat st;
    slot_name(m, g->slot, 0, a);
    slot_name(m, g->slot, 1, b);
    need(m, stat(a, &st) == 0, "stat");
    int fd = open(b, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    need(m, fd >= 0, "compress");
    stamp(m, fd, 1);
    gzFile gz = gzdopen(dup(fd), "wb1");
    copy_bytes(m, a, -1, gz);
    gzclose(gz);
    struct timespec times[2] = {st.st_mtim, st.st_mtim};
    need(m, futimens(fd, times) == 0 && unlink(a) == 0, "compress");
    close(fd);
    g->is_gz = 1;
    g->is_moved = 1;
    trace(m, "gen %d compressed\n", i);
}

#endif

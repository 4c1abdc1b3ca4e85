/* SPDX-License-Identifier: MIT */
/* test_tail_model: random histories of a log, its readers and its processes, against a model.
 *
 * TAIL_MODEL_SEED=n runs one history again and prints it; TAIL_MODEL_COUNT=n sets how many run. Time
 * is the model's own: birth times come from a table, the others are set on the files. */
#include <sys/stat.h>

struct statx;
static int model_statx(int dir_fd, const char *path, int flags, unsigned mask, struct statx *out);
#define statx(a, b, c, d, e) model_statx(a, b, c, d, e)
#include "source/tail_identity.c"
#undef statx

#include "test_tail_rig.h"

#include <sys/wait.h>
#include <zlib.h>

#define HISTORIES 50000
#define WORKERS 2
#define ACTIONS 40
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
    int is_gone;   /* its bytes were destroyed, though a process may hold them */
};

struct client {
    char position[SSE_POSITION_SIZE];
    int item; /* the last that it has; -1 for none */
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
    if (m->path_gen < 0 || m->path_gen != m->writer_gen) {
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

/* ---- what must come out ---- */

/* The last complete line that a process can know of that begins now, or that has just looked. */
static int head_now(const struct model *m, int begins)
{
    for (int i = m->gen_count - 1; i >= 0; i--) {
        const struct gen *g = &m->gens[i];
        if (g->slot < 0 || (g->bytes == 0 && !g->is_gz)) {
            continue;
        }
        /* The end of a finished file waits until the next one begins; a compressed one is known
         * to be finished, but who held the file open before still waits. */
        int is_half = g->to > g->from && m->items[g->to - 1].is_half;
        return g->to - 1 - (is_half && !(begins && g->is_gz));
    }
    return m->item_count - 1;
}

enum step { STEP_EVENT, STEP_PULLED, STEP_LOOKED };

/* Checks the step from item `a`, the last that a reader has, to before `b`, which is the next
 * event, or where there is none yet. After a look, what is lost may be told later. */
static void check_step(struct model *m, int a, int b, int has_gap, enum step step)
{
    int from = a < 0 ? 0 : m->items[a].gen;
    int is_any_gone = 0;
    int upto = step == STEP_EVENT ? m->items[b].gen : m->gen_count - 1;
    for (int g = from; g <= upto; g++) {
        is_any_gone |= m->gens[g].is_gone;
    }
    if (has_gap && !is_any_gone) {
        wrong(m, "a gap where nothing is missing", a, b);
    }
    /* Where a file was written anew, readers go on at its new beginning, at times behind it. */
    int anew = -1;
    for (int g = from; m->gens[from].is_gone && g < m->gen_count; g++) {
        if (m->gens[g].family == m->gens[from].family) {
            anew = g + m->gens[from].is_copy;
        }
    }
    for (int i = a + 1; i < b; i++) {
        const struct gen *g = &m->gens[m->items[i].gen];
        if (!g->is_gone && !(has_gap && m->items[i].gen < anew)) {
            wrong(m, "a line that is there was left out", a, i);
        }
        if (a >= 0 && m->items[i].gen == from && !has_gap && step != STEP_LOOKED) {
            wrong(m, "a lost line was not told", a, i);
        }
    }
}

/* 1 when what came before and after the lost generation of `item` cannot be told apart: its file was
 * copied and truncated, later renamed or deleted, and is gone. */
static int is_order_lost(const struct model *m, int item)
{
    const struct gen *own = &m->gens[m->items[item].gen];
    int was_copied = 0;
    for (int i = 0; i < m->gen_count; i++) {
        const struct gen *g = &m->gens[i];
        if (g->family == own->family && !g->is_copy && !g->is_gz && g->slot >= 0) {
            return 0; /* the file itself is there */
        }
        was_copied |= g->family == own->family && g->is_copy;
    }
    return own->is_gone && was_copied;
}

static void check_event(struct model *m, const struct sse_event *e, int *item, int *has_gap,
                        int *is_excused, int is_vague, const char *who)
{
    char digits[7] = "";
    char expected[LINE_MAX_BYTES + 64];
    memcpy(digits, e->data, e->data_len < 6 ? e->data_len : 6);
    int i = atoi(digits);
    trace(m, "%s: item %d at %s\n", who, i, e->position);
    int is_anew = i <= *item && *has_gap && (is_vague || is_order_lost(m, *item));
    if (i <= *item && !is_anew) {
        wrong(m, "a line came twice", *item, i);
    }
    if (i >= m->item_count) {
        wrong(m, "a half line came", *item, i);
    }
    size_t len = strlen(m->items[i].text);
    if (len > LINE_MAX_BYTES) {
        snprintf(expected, sizeof expected, "%.*s [... %zu more bytes]", LINE_MAX_BYTES,
                 m->items[i].text, len - LINE_MAX_BYTES);
    } else {
        snprintf(expected, sizeof expected, "%s", m->items[i].text);
    }
    if (e->data_len != strlen(expected) || memcmp(e->data, expected, e->data_len) != 0) {
        wrong(m, "a line came altered", i, (int)e->data_len);
    }
    if (!*is_excused && !is_anew) {
        check_step(m, *item, i, *has_gap, STEP_EVENT);
    }
    if (m->positions[i][0] && !m->gens[m->items[i].gen].is_moved
        && strcmp(m->positions[i], e->position) != 0) {
        wrong(m, "a line has two positions", i, 0);
    }
    snprintf(m->positions[i], SSE_POSITION_SIZE, "%s", e->position);
    *item = i;
    *has_gap = *is_excused = 0;
}

static int live_event(void *ctx, const struct sse_event *e)
{
    struct process *p = ctx;
    check_event(p->m, e, &p->item, &p->has_gap, &p->is_excused, 0, "live");
    return draw(p->m, 4) == 0;
}

static int live_gap(void *ctx, const struct sse_gap *g)
{
    struct process *p = ctx;
    trace(p->m, "live: gap %s at %s\n", g->reason, g->position);
    p->has_gap = 1;
    return draw(p->m, 4) == 0;
}

struct pulling {
    struct model *m;
    int item;
    int has_gap;
    int is_excused;
    int is_vague; /* it resumes at the beginning of a file, with no bytes to know it by */
};

static int pull_event(void *ctx, const struct sse_event *e)
{
    struct pulling *p = ctx;
    check_event(p->m, e, &p->item, &p->has_gap, &p->is_excused, p->is_vague,
                "pull");
    return draw(p->m, 4) == 0;
}

static int pull_gap(void *ctx, const struct sse_gap *g)
{
    struct pulling *p = ctx;
    trace(p->m, "pull: gap %s at %s\n", g->reason, g->position);
    p->has_gap = 1;
    return draw(p->m, 4) == 0;
}

/* ---- processes and clients ---- */

static void start(struct model *m, int i)
{
    struct process *p = &m->processes[i];
    p->m = m;
    p->item = head_now(m, 1);
    p->has_gap = p->is_excused = 0;
    p->out = (struct sse_out){.event = live_event, .gap = live_gap, .ctx = p};
    need(m, tail_log_init(&p->log, m->path, 0, NULL, LINE_MAX_BYTES, &m->quiet, &p->out) == 0,
         "init");
    trace(m, "process %d starts at item %d, %s\n", i, p->item, p->log.head);
}

static void stop(struct model *m, int i)
{
    tail_log_fini(&m->processes[i].log);
    trace(m, "process %d stops\n", i);
}

static void look(struct model *m, int i)
{
    struct process *p = &m->processes[i];
    trace(m, "process %d looks\n", i);
    for (int n = 0; n < 10000; n++) {
        int rc = tail_log_look(&p->log, 1 + draw(m, 5000));
        need(m, rc > 0, "look");
        if (rc == TAIL_LOG_IDLE) {
            int head = head_now(m, 0);
            if (!p->is_excused) {
                check_step(m, p->item, head + 1, p->has_gap, STEP_LOOKED);
            }
            return;
        }
    }
    wrong(m, "never idle", i, 0);
}

static void reconnect(struct model *m, struct client *c, int i)
{
    struct process *p = &m->processes[i];
    struct pulling page = {.m = m, .item = c->item, .has_gap = c->has_gap,
                           .is_excused = c->is_excused};
    struct tail_position from;
    page.is_vague = !tail_position_parse(c->position, &from) && !from.is_start && from.offset == 0;
    page.is_excused |= page.is_vague;
    struct sse_out out = {.event = pull_event, .gap = pull_gap, .ctx = &page};
    trace(m, "client at item %d, %s, pulls from process %d\n", c->item, c->position, i);
    for (int n = 0; n < 10000; n++) {
        int rc = tail_log_pull(&p->log, c->position, &out, 1 + draw(m, 3000));
        need(m, rc > 0, "pull");
        if (rc == SOURCE_HEAD) {
            break;
        }
        need(m, n < 9999, "never at the head");
    }
    if (page.item > c->item && page.item > p->item && !p->has_gap && !p->is_excused) {
        wrong(m, "pulled past the head", page.item, p->item);
    }
    if (!page.is_excused) {
        check_step(m, page.item, p->item + 1, page.has_gap, STEP_PULLED);
    }
    /* After a gap it may have to join a head that lies before what it had. */
    int is_rewound = page.has_gap && p->item < page.item;
    c->item = is_rewound ? p->item : page.item;
    c->has_gap = page.has_gap && !is_rewound;
    c->is_excused = page.is_excused || p->is_excused;
}

/* A client takes up any position that was given out before. */
static void go_back(struct model *m, struct client *c)
{
    int i = m->item_count ? (int)draw(m, (uint64_t)m->item_count) : 0;
    if (m->positions[i][0]) {
        memcpy(c->position, m->positions[i], SSE_POSITION_SIZE);
        c->item = i;
        c->has_gap = c->is_excused = 0;
    }
}

static void count_back(struct model *m, struct client *c, int i)
{
    struct process *p = &m->processes[i];
    char at[SSE_POSITION_SIZE];
    int want = 1 + (int)draw(m, 6);
    look(m, i);
    if (p->item < 0 || p->is_excused || tail_log_back(&p->log, (uint64_t)want, at)) {
        return;
    }
    /* What it skips must be there or be gone: then the client cannot tell how many there are. */
    int item = p->item;
    for (int n = 0; n < want && item >= 0; n++, item--) {
        if (m->gens[m->items[item].gen].is_gone) {
            return;
        }
    }
    trace(m, "%d back is behind item %d, %s\n", want, item, at);
    memcpy(c->position, at, sizeof at);
    c->item = item;
    c->has_gap = c->is_excused = 0;
    reconnect(m, c, i);
}

static void act(struct model *m)
{
    int process = (int)draw(m, PROCESSES);
    struct client *c = &m->clients[draw(m, CLIENTS)];
    m->now_ns += (2 + (int64_t)draw(m, 5)) * NS_PER_MS;
    uint64_t what = draw(m, 100);
    if (what < 30) {
        for (uint64_t n = 1 + draw(m, 4); n > 0; n--) {
            append_line(m);
        }
    } else if (what < 38) {
        append_half(m);
    } else if (what < 46) {
        rotate(m);
    } else if (what < 50) {
        reopen(m);
    } else if (what < 54) {
        copytruncate(m);
    } else if (what < 57) {
        truncate_log(m);
    } else if (what < 60) {
        recreate(m);
    } else if (what < 65) {
        compress_one(m);
    } else if (what < 80) {
        look(m, process);
    } else if (what < 84) {
        stop(m, process);
        start(m, process);
    } else if (what < 86) {
        count_back(m, c, process);
    } else if (what < 89) {
        go_back(m, c);
    } else {
        reconnect(m, c, process);
    }
}

static void run_history(const char *folder, uint64_t seed, int is_traced)
{
    struct model *m = calloc(1, sizeof *m);
    if (!m) {
        abort();
    }
    *m = (struct model){.seed = seed,
                        .is_traced = is_traced,
                        .now_ns = 1700000000 * NS_PER_S + NS_PER_MS,
                        .quiet = {.fd = -1},
                        .writer_gen = -1,
                        .writer_fd = -1,
                        .path_gen = -1};
    the_model = m;
    snprintf(m->folder, sizeof m->folder, "%s", folder);
    snprintf(m->path, sizeof m->path, "%s/app.log", folder);
    for (int i = 0; i < CLIENTS; i++) {
        strcpy(m->clients[i].position, TAIL_POSITION_START);
        m->clients[i].item = -1;
    }
    int starts_empty = (int)draw(m, 2);
    for (int i = 0; starts_empty && i < PROCESSES; i++) {
        start(m, i);
    }
    reopen(m);
    for (int i = 0; !starts_empty && i < PROCESSES; i++) {
        append_line(m);
        start(m, i);
    }
    for (int i = 0; i < ACTIONS; i++) {
        act(m);
    }
    for (int i = 0; i < CLIENTS; i++) {
        int process = (int)draw(m, PROCESSES);
        look(m, process);
        reconnect(m, &m->clients[i], process);
    }
    for (int i = 0; i < PROCESSES; i++) {
        stop(m, i);
    }
    close(m->writer_fd);
    for (int slot = 0; slot <= KEEP; slot++) {
        char a[128];
        unlink(slot_name(m, slot, 0, a));
        unlink(slot_name(m, slot, 1, a));
    }
    for (int i = 0; i < m->item_count; i++) {
        free(m->items[i].text);
    }
    free(m);
}

static uint64_t number_from(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : fallback;
}

static void what_comes_out_equals_the_model(void **state)
{
    struct rig *r = *state;
    uint64_t count = number_from("TAIL_MODEL_COUNT", HISTORIES);
    uint64_t seed = number_from("TAIL_MODEL_SEED", 0);
    pid_t workers[WORKERS];
    if (seed) {
        run_history(r->folder, seed, 1);
        return;
    }
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = fork();
        assert_true(workers[i] >= 0);
        if (workers[i] == 0) {
            char folder[80];
            snprintf(folder, sizeof folder, "%s/%d", r->folder, i);
            if (mkdir(folder, 0755)) {
                _exit(1);
            }
            for (uint64_t n = 1 + (uint64_t)i; n <= count; n += WORKERS) {
                run_history(folder, n, 0);
            }
            _exit(0);
        }
    }
    int failed = 0;
    for (int i = 0; i < WORKERS; i++) {
        int status = 0;
        assert_int_equal(waitpid(workers[i], &status, 0), workers[i]);
        failed += status != 0;
    }
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {rig_test(what_comes_out_equals_the_model)};
    return cmocka_run_group_tests_name("tail_model", tests, NULL, NULL);
}

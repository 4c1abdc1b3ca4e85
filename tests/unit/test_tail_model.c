/* SPDX-License-Identifier: MIT */
/* test_tail_model: random histories of a log, its readers and its processes, against a model.
 *
 * TAIL_MODEL_SEED=n runs one history again and prints it; TAIL_MODEL_COUNT=n sets how many run. Time
 * is the model's own: birth times come from a table, the others are set on the files.
 *
 * What must hold: no line comes altered, early, out of order or twice, each line that is still there
 * comes, a gap comes where a line is lost of which the reader's position knew, none where nothing is
 * missing, live and replay agree on positions, and pull stops at the head. Left out of account are the
 * cases in which the files themselves do not say what happened; each is named where it is excused. */
#include "test_tail_model.h"

/* ---- what must come out ---- */

/* The last complete line that a process can know of that begins now, or that has just looked. */
static int head_now(const struct model *m, int begins)
{
    for (int i = m->gen_count - 1; i >= 0; i--) {
        const struct gen *g = &m->gens[i];
        if (g->slot < 0 || g->bytes == 0) {
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
 * event, or where there is none yet. Its position was in `gen`. After a look, what is lost may be
 * told later. */
static void check_step(struct model *m, int a, int b, int has_gap, int gen, enum step step)
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
    for (int g = 0; g < m->gen_count; g++) {
        const struct gen *own[2] = {&m->gens[from], &m->gens[gen]};
        for (int k = 0; k < 2; k++) {
            if (own[k]->is_gone && m->gens[g].family == own[k]->family && g + own[k]->is_copy > anew) {
                anew = g + own[k]->is_copy;
            }
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

/* 1 when what came before and after the lost generation `gen` cannot be told apart: its file was
 * copied and truncated, later renamed or deleted, and is gone; or an older file was written to after
 * this one was born and then compressed, so that its own birth is not known. */
static int is_order_lost(const struct model *m, int gen)
{
    const struct gen *own = &m->gens[gen];
    int was_copied = 0;
    for (int i = 0; i < m->gen_count; i++) {
        const struct gen *g = &m->gens[i];
        if (own->is_gone && g->is_late && g->is_gz && g->slot >= 0) {
            return 1;
        }
        if (g->family == own->family && !g->is_copy && !g->is_gz && g->slot >= 0) {
            return 0; /* the file itself is there */
        }
        was_copied |= g->family == own->family && g->is_copy;
    }
    return own->is_gone && was_copied;
}

static void check_event(struct model *m, const struct sse_event *e, int *item, int *has_gap,
                        int *is_excused, int is_vague, int gen, const char *who)
{
    char digits[7] = "";
    char expected[LINE_MAX_BYTES + 64];
    memcpy(digits, e->data, e->data_len < 6 ? e->data_len : 6);
    int i = atoi(digits);
    trace(m, "%s: item %d at %s\n", who, i, e->position);
    int is_anew = i <= *item && *has_gap && (is_vague || is_order_lost(m, gen));
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
        check_step(m, *item, i, *has_gap, gen, STEP_EVENT);
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
    check_event(p->m, e, &p->item, &p->has_gap, &p->is_excused, 0,
                p->item < 0 ? 0 : p->m->items[p->item].gen, "live");
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
    int gen;
    int is_vague; /* it resumes at the beginning of a file, with no bytes to know it by */
};

static int pull_event(void *ctx, const struct sse_event *e)
{
    struct pulling *p = ctx;
    check_event(p->m, e, &p->item, &p->has_gap, &p->is_excused, p->is_vague,
                p->gen, "pull");
    p->gen = p->m->items[p->item].gen;
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
    /* Every other history is followed by hints: nothing else tells of renamed files between looks. */
    p->log.has_hints = (int)(m->seed & 1);
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
    tail_log_moved(&p->log);
    for (int n = 0; n < 10000; n++) {
        int rc = tail_log_look(&p->log, 1 + draw(m, 5000));
        need(m, rc > 0, "look");
        if (rc == TAIL_LOG_IDLE) {
            int head = head_now(m, 0);
            if (!p->is_excused) {
                check_step(m, p->item, head + 1, p->has_gap,
                           p->item < 0 ? 0 : m->items[p->item].gen, STEP_LOOKED);
            }
            return;
        }
    }
    wrong(m, "never idle", i, 0);
}

static void reconnect(struct model *m, struct client *c, int i)
{
    struct process *p = &m->processes[i];
    struct pulling page = {.m = m, .item = c->item, .gen = c->gen, .has_gap = c->has_gap,
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
        check_step(m, page.item, p->item + 1, page.has_gap, page.gen, STEP_PULLED);
    }
    /* After a gap it may have to join a head that lies before what it had. */
    int is_rewound = page.has_gap && p->item < page.item;
    c->item = is_rewound ? p->item : page.item;
    c->gen = p->item < 0 ? 0 : m->items[p->item].gen;
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
        c->gen = m->items[i].gen;
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
    c->gen = item < 0 ? 0 : m->items[item].gen;
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

static void what_comes_out_equals_the_model(void **state)
{
    struct rig *r = *state;
    model_run("TAIL_MODEL", r->folder, HISTORIES, run_history);
}

int main(void)
{
    model_use_memory();
    const struct CMUnitTest tests[] = {rig_test(what_comes_out_equals_the_model)};
    return cmocka_run_group_tests_name("tail_model", tests, NULL, NULL);
}

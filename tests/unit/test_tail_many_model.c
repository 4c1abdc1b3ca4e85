/* SPDX-License-Identifier: MIT */
/* test_tail_many_model: random histories of several logs in one stream, its readers and its
 * processes, against a model.
 *
 * TAIL_MANY_SEED=n runs one history again and prints it; TAIL_MANY_COUNT=n sets how many run.
 *
 * What must hold for each file: no line comes altered, early, out of order or twice, each line that is
 * there comes, or a gap says that something is missing; none where nothing is. pull stops at the
 * head, and whoever was there goes on with live events. Destroying is left to whole files here; what
 * may happen within one log is test_tail_model's matter. Time is the model's own, as it is there. */
#include "test_tail_many_model.h"

/* ---- what comes out ---- */

static int file_of(const char *name)
{
    int folder, f;
    if (sscanf(name, "%d/f%d.log", &folder, &f) != 2) {
        return -1;
    }
    return f;
}

/* Checks an event and counts it. */
static void take(struct model *m, struct has *has, const struct sse_event *e, const char *who)
{
    char expected[128];
    int f = e->name ? file_of(e->name) : -1;
    if (f < 0 || f >= FILES || e->data_len < 10) {
        wrong(m, "an event without a file", f, (int)e->data_len);
    }
    int n = atoi(e->data + 4);
    int len = spell_line(f, n, expected) - 1;
    trace(m, "%s: file %d line %d at %s\n", who, f, n, e->position);
    if ((int)e->data_len != len || memcmp(e->data, expected, (size_t)len) != 0) {
        wrong(m, "a line came altered", f, n);
    }
    if (n < has->next[f]) {
        wrong(m, "a line came twice", f, n);
    }
    for (int i = has->next[f]; i < n; i++) {
        if (i >= m->files[f].gone) {
            wrong(m, "a line was left out", f, i);
        }
    }
    if (n >= m->files[f].written) {
        wrong(m, "a line came early", f, n);
    }
    has->next[f] = n + 1;
}

static int is_any_gone(const struct model *m, const struct has *has)
{
    for (int f = 0; f < FILES; f++) {
        if (has->next[f] <= m->files[f].gone && m->files[f].gone > 0) {
            return 1;
        }
    }
    return 0;
}

static void note_given(struct model *m, const char *position, const struct has *has)
{
    struct client *c = &m->given[draw(m, POSITIONS)];
    if (m->given_count < POSITIONS) {
        c = &m->given[m->given_count++];
    }
    snprintf(c->position, sizeof c->position, "%s", position);
    c->has = *has;
}

static int live_event(void *ctx, const struct sse_event *e)
{
    struct process *p = ctx;
    take(p->m, &p->has, e, "live");
    if (draw(p->m, 4) == 0) {
        note_given(p->m, e->position, &p->has);
    }
    return draw(p->m, 4) == 0;
}

static int live_gap(void *ctx, const struct sse_gap *g)
{
    struct process *p = ctx;
    trace(p->m, "live: gap %s (%s)\n", g->reason, g->detail);
    if (!is_any_gone(p->m, &p->has)) {
        wrong(p->m, "a gap where nothing is missing", 0, 0);
    }
    return draw(p->m, 4) == 0;
}

static void live_advance(void *ctx, const char *position)
{
    (void)ctx;
    (void)position;
}

struct pulling {
    struct model *m;
    struct has has;
    int gaps;
    int is_unknown; /* a gap said that the position is not known any more */
};

static int pull_event(void *ctx, const struct sse_event *e)
{
    struct pulling *p = ctx;
    take(p->m, &p->has, e, "pull");
    if (draw(p->m, 8) == 0) {
        note_given(p->m, e->position, &p->has);
    }
    return draw(p->m, 4) == 0;
}

static int pull_gap(void *ctx, const struct sse_gap *g)
{
    struct pulling *p = ctx;
    trace(p->m, "pull: gap %s (%s)\n", g->reason, g->detail);
    p->gaps++;
    p->is_unknown |= strcmp(g->reason, "unknown-position") == 0;
    return draw(p->m, 4) == 0;
}

/* ---- processes and clients ---- */

static void start(struct model *m, int i)
{
    struct process *p = &m->processes[i];
    p->m = m;
    p->out = (struct sse_out){
        .event = live_event, .gap = live_gap, .advance = live_advance, .ctx = p};
    p->style = (struct tail_style){.text = &p->text, .clock = &clock_system};
    buf_init(&p->text, 1 << 20);
    struct tail_many_setup setup = {.stream = "many",
                                    .state_dir = m->has_state ? m->state : NULL,
                                    .paths = &m->paths,
                                    .rotated = &m->rotated,
                                    .max_line_bytes = RIG_LINE_BYTES,
                                    .style = p->style,
                                    .log = &m->quiet,
                                    .live = &p->out,
                                    .has_hints = m->has_hints};
    if (tail_many_new(&p->many, &setup)) {
        wrong(m, "cannot open", i, 0);
    }
    /* What was there is behind the head. */
    for (int f = 0; f < FILES; f++) {
        p->has.next[f] = m->files[f].written;
    }
    trace(m, "process %d starts at %s\n", i, p->many->head);
    note_given(m, p->many->head, &p->has);
}

static void stop(struct model *m, int i)
{
    tail_many_free(m->processes[i].many);
    buf_fini(&m->processes[i].text);
}

static void check_whole(const struct model *m, const struct has *has, const char *what)
{
    for (int f = 0; f < FILES; f++) {
        int next = has->next[f] > m->files[f].gone ? has->next[f] : m->files[f].gone;
        if (next != m->files[f].written) {
            wrong(m, what, f, next);
        }
    }
}

static void look(struct model *m, int i)
{
    struct process *p = &m->processes[i];
    trace(m, "process %d looks\n", i);
    tail_many_tick(p->many);
    for (int n = 0; n < 10000; n++) {
        int rc = tail_many_look(p->many, 1 + draw(m, 20000));
        if (rc < 0) {
            wrong(m, "look", rc, 0);
        }
        if (rc == TAIL_LOG_IDLE) {
            check_whole(m, &p->has, "not all came live");
            return;
        }
    }
    wrong(m, "never idle", i, 0);
}

/* A process without the folder knows the positions of its own time only. */
static void reconnect(struct model *m, struct client *c, int i)
{
    struct process *p = &m->processes[i];
    struct pulling page = {.m = m, .has = c->has};
    struct sse_out out = {.event = pull_event, .gap = pull_gap, .advance = live_advance,
                          .ctx = &page};
    int may_be_unknown = !m->has_state;
    int was_gone = is_any_gone(m, &c->has);
    trace(m, "client at %s pulls from process %d\n", c->position, i);
    if (!tail_many_understands(c->position)) {
        wrong(m, "a position is not understood", i, 0);
    }
    for (int n = 0;; n++) {
        int rc = tail_many_pull(p->many, c->position, &out, 1 + draw(m, 3000));
        if (rc < 0 || n > 10000) {
            wrong(m, rc < 0 ? "pull" : "never at the head", rc, n);
        }
        if (rc == SOURCE_HEAD) {
            break;
        }
    }
    if (strcmp(c->position, p->many->head) != 0) {
        wrong(m, "not the head's text", i, 0);
    }
    if (page.is_unknown && may_be_unknown) {
        page.has = p->has; /* it goes on from now */
    } else if (page.gaps > 0 && !was_gone) {
        wrong(m, "a gap where nothing is missing", page.gaps, 0);
    }
    for (int f = 0; f < FILES; f++) {
        int has = page.has.next[f] > m->files[f].gone ? page.has.next[f] : m->files[f].gone;
        int head = p->has.next[f] > m->files[f].gone ? p->has.next[f] : m->files[f].gone;
        if (has != head) {
            wrong(m, "pull ended elsewhere than live", f, has);
        }
        if (page.has.next[f] < p->has.next[f] && page.gaps == 0) {
            wrong(m, "lost lines were not told", f, page.has.next[f]);
        }
        page.has.next[f] = p->has.next[f];
    }
    c->has = page.has;
}

struct counting {
    struct model *m;
    int first[FILES];
    int count[FILES];
};

static int count_event(void *ctx, const struct sse_event *e)
{
    struct counting *c = ctx;
    int f = file_of(e->name);
    int n = atoi(e->data + 4);
    c->first[f] = c->count[f] ? c->first[f] : n;
    if (n != c->first[f] + c->count[f]++) {
        wrong(c->m, "the last lines are out of order", f, n);
    }
    return 0;
}

static int count_gap(void *ctx, const struct sse_gap *g)
{
    wrong(((struct counting *)ctx)->m, g->reason, 0, 0);
    return 0;
}

static void go_back(struct model *m, struct client *c)
{
    if (m->given_count > 0) {
        *c = m->given[draw(m, (uint64_t)m->given_count)];
    }
}

/* The last lines: no more than asked for, of each file its last, up to the head. */
static void count_back(struct model *m, int i)
{
    struct process *p = &m->processes[i];
    char at[SSE_POSITION_SIZE];
    int want = 1 + (int)draw(m, 12);
    int got = 0;
    look(m, i);
    if (tail_many_back(p->many, (uint64_t)want, at)) {
        wrong(m, "back", 0, 0);
    }
    trace(m, "%d back is %s\n", want, at);
    struct counting c = {.m = m};
    struct sse_out out = {
        .event = count_event, .gap = count_gap, .advance = live_advance, .ctx = &c};
    while (tail_many_pull(p->many, at, &out, 1 + draw(m, 3000)) == SOURCE_MORE) {
    }
    for (int f = 0; f < FILES; f++) {
        got += c.count[f];
        if (c.count[f] > 0 && c.first[f] + c.count[f] != m->files[f].written) {
            wrong(m, "not the last lines", f, c.first[f]);
        }
    }
    if (got > want) {
        wrong(m, "more lines than asked for", got, want);
    }
}

static void act(struct model *m)
{
    int f = (int)draw(m, (uint64_t)m->files_used);
    int process = (int)draw(m, PROCESSES);
    struct client *c = &m->clients[draw(m, CLIENTS)];
    uint64_t what = draw(m, 100);
    m->now_ns += (2 + (int64_t)draw(m, 5)) * NS_PER_MS;
    if (what < 40) {
        for (uint64_t n = 1 + draw(m, 3); n > 0; n--) {
            append(m, f);
        }
    } else if (what < 48) {
        append_half(m, f);
    } else if (what < 57) {
        rotate(m, f);
    } else if (what < 72) {
        look(m, process);
    } else if (what < 77) {
        stop(m, process);
        start(m, process);
    } else if (what < 79) {
        count_back(m, process);
    } else if (what < 84) {
        go_back(m, c);
    } else {
        reconnect(m, c, process);
    }
}

static void make_folders(struct model *m)
{
    char path[128];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%d", m->folder, i);
        mkdir(path, 0755);
    }
    snprintf(m->state, sizeof m->state, "%s/state", m->folder);
    mkdir(m->state, 0755);
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
                        .quiet = {.fd = -1}};
    the_model = m;
    snprintf(m->folder, sizeof m->folder, "%s", folder);
    m->files_used = 1 + (int)draw(m, FILES);
    m->has_state = draw(m, 3) > 0;
    m->has_hints = draw(m, 4) > 0;
    make_folders(m);
    char pattern[128];
    char *patterns[] = {pattern};
    snprintf(pattern, sizeof pattern, "%s/*/*.log", folder);
    m->paths = (struct conf_list){.items = patterns, .count = 1};
    for (int f = 0; f < FILES; f++) {
        for (int slot = 0; slot <= KEEP; slot++) {
            m->files[f].per_slot[slot] = -1;
        }
        if (f < m->files_used && draw(m, 2)) {
            append(m, f);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        start(m, i);
    }
    for (int i = 0; i < CLIENTS; i++) {
        snprintf(m->clients[i].position, SSE_POSITION_SIZE, "start");
    }
    for (int i = 0; i < ACTIONS; i++) {
        act(m);
    }
    for (int i = 0; i < CLIENTS; i++) {
        int process = (int)draw(m, PROCESSES);
        look(m, process);
        reconnect(m, &m->clients[i], process);
        check_whole(m, &m->clients[i].has, "not all came");
    }
    for (int i = 0; i < PROCESSES; i++) {
        stop(m, i);
    }
    for (int f = 0; f < FILES; f++) {
        for (int slot = 0; slot <= KEEP; slot++) {
            char path[160];
            unlink(path_of(m, f, slot, path));
        }
    }
    char marks[128];
    snprintf(marks, sizeof marks, "%s/tail-many.marks", m->state);
    unlink(marks);
    free(m);
}

static void what_comes_out_of_several_files_equals_the_model(void **state)
{
    struct rig *r = *state;
    model_run("TAIL_MANY", r->folder, HISTORIES, run_history);
}

int main(void)
{
    model_use_memory();
    const struct CMUnitTest tests[] = {rig_test(what_comes_out_of_several_files_equals_the_model)};
    return cmocka_run_group_tests_name("tail_many_model", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* test_merge_model: a world of logs, processes that merge them, and readers who know what they must get
 * next. */
#ifndef TEST_MERGE_MODEL_H
#define TEST_MERGE_MODEL_H

#include "test_merge_rig.h"

#define LOGS_MAX MERGE_MEMBERS_MAX
#define PROCESSES 3
#define MERGES 3
#define READERS 5
#define IDS 12

struct world;

/* What a reader knows when it has got this id. */
struct known {
    char id[SSE_POSITION_SIZE];
    unsigned set;
    int is_over;
    size_t next[LOGS_MAX]; /* of each log, what must come next */
};

struct reader {
    struct world *w;
    struct merge_run *run;
    char position[SSE_POSITION_SIZE];
    int is_live;
    int is_over; /* stream.end came */
    size_t got, page_max; /* in this pull */
    size_t next[LOGS_MAX];
    struct known ids[IDS];
    size_t id_count;
};

/* A merge in one process. */
struct merge_run {
    struct world *w;
    struct process *p;
    unsigned set;
    struct source *source;
    struct sse_out live;
    struct source_host host;
    size_t inputs[LOGS_MAX]; /* of a log's number */
};

struct process {
    struct world *w;
    struct merge_store *store;
    struct fake fakes[LOGS_MAX];
    struct sse_out tees[LOGS_MAX];
    struct merge_run runs[MERGES];
};

struct world {
    const char *folder;
    uint64_t dice;
    int is_loud;
    int is_damaged; /* the store's file was deleted, or there is none */
    size_t log_count;
    struct fake_log logs[LOGS_MAX];
    struct process processes[PROCESSES];
    struct reader readers[READERS];
    struct log quiet;
};

static uint64_t roll(struct world *w, uint64_t bound)
{
    w->dice = hash_mix64(w->dice + 0x9e3779b97f4a7c15ULL);
    return w->dice % bound;
}

/* --- what a reader gets -------------------------------------------------------------------- */

static void note_id(struct reader *r, const char *id)
{
    struct known *k = &r->ids[r->id_count % IDS];
    assert_true(sse_position_is_valid(id, strlen(id)));
    memcpy(k->id, id, strlen(id) + 1);
    memcpy(k->next, r->next, sizeof k->next);
    k->set = r->run->set;
    k->is_over = r->is_over;
    r->id_count++;
}

/* Items up to `to` have nothing to show. */
static void expect_nothing(const struct reader *r, size_t log, size_t to)
{
    assert_true(r->next[log] <= to && to <= r->w->logs[log].count);
    for (size_t n = r->next[log]; n < to; n++) {
        assert_int_equal(r->w->logs[log].items[n], FAKE_NOTHING);
    }
}

static size_t log_of(const struct reader *r, const char *stream)
{
    size_t log = strtoul(stream + 1, NULL, 10);
    assert_true(log < r->w->log_count && r->run->set & 1U << log);
    return log;
}

static void get_event(struct reader *r, const struct sse_event *e)
{
    char text[256];
    size_t n;
    char stream[8];
    assert_true(e->data_len < sizeof text);
    memcpy(text, e->data, e->data_len);
    text[e->data_len] = '\0';
    if (r->w->is_loud) {
        printf("#   %ld: %s %s %s\n", (long)(r - r->w->readers), e->position,
               e->name ? e->name : "", text);
    }
    if (e->name) {
        assert_string_equal(e->name, "stream.member_end");
        assert_int_equal(sscanf(text, "{\"stream\":\"%7[^\"]\",\"status\":0}", stream), 1);
        size_t log = log_of(r, stream);
        n = r->w->logs[log].count - 1;
        assert_int_equal(r->w->logs[log].items[n], FAKE_END);
        expect_nothing(r, log, n);
        r->next[log] = n + 1;
    } else {
        assert_int_equal(sscanf(text, "{\"stream\":\"%7[^\"]\",\"data\":\"%zu\"}", stream, &n), 2);
        size_t log = log_of(r, stream);
        assert_int_equal(r->w->logs[log].items[n], FAKE_EVENT);
        expect_nothing(r, log, n);
        r->next[log] = n + 1;
    }
    note_id(r, e->position);
}

static void begin_now(struct reader *r)
{
    for (size_t i = 0; i < r->w->log_count; i++) {
        r->next[i] = r->run->p->fakes[i].head;
    }
}

static void get_gap(struct reader *r, const struct sse_gap *gap)
{
    size_t from, to;
    if (r->w->is_loud) {
        printf("#   %ld: %s gap %s %s %s\n", (long)(r - r->w->readers), gap->position, gap->reason,
               gap->stream ? gap->stream : "", gap->detail);
    }
    if (!gap->stream) {
        assert_string_equal(gap->reason, "unknown-position");
        assert_true(r->w->is_damaged);
        begin_now(r);
    } else {
        size_t log = log_of(r, gap->stream);
        assert_int_equal(sscanf(gap->detail, "%zu-%zu", &from, &to), 2);
        expect_nothing(r, log, from);
        assert_true(from < to);
        r->next[log] = to;
    }
    note_id(r, gap->position);
}

static void get_end(struct reader *r, const char *position)
{
    assert_false(r->is_over);
    for (size_t i = 0; i < r->w->log_count; i++) {
        if (r->run->set & 1U << i) {
            expect_nothing(r, i, r->w->logs[i].count);
            assert_int_equal(r->w->logs[i].items[r->w->logs[i].count - 1], FAKE_END);
        }
    }
    r->is_over = 1;
    note_id(r, position);
}

/* --- live ---------------------------------------------------------------------------------- */

static int is_served(const struct reader *r, const struct merge_run *run)
{
    return r->run == run && r->is_live;
}

static int live_event(void *ctx, const struct sse_event *e)
{
    struct merge_run *run = ctx;
    for (size_t i = 0; i < READERS; i++) {
        if (is_served(&run->w->readers[i], run)) {
            get_event(&run->w->readers[i], e);
        }
    }
    return 0;
}

static int live_gap(void *ctx, const struct sse_gap *gap)
{
    struct merge_run *run = ctx;
    for (size_t i = 0; i < READERS; i++) {
        if (is_served(&run->w->readers[i], run)) {
            get_gap(&run->w->readers[i], gap);
        }
    }
    return 0;
}

static void live_advance(void *ctx, const char *position)
{
    (void)ctx;
    assert_true(sse_position_is_valid(position, strlen(position)));
}

static void live_end(void *ctx, const char *position, const char *data)
{
    struct merge_run *run = ctx;
    assert_null(data);
    for (size_t i = 0; i < READERS; i++) {
        if (is_served(&run->w->readers[i], run)) {
            get_end(&run->w->readers[i], position);
        }
    }
}

/* --- processes ----------------------------------------------------------------------------- */

static size_t number_of(const struct process *p, const struct fake *f)
{
    return (size_t)(f - p->fakes);
}

/* What a process's source sends goes to all its merges that have it. */
struct tee {
    struct process *p;
    struct fake *f;
};

static struct tee tee_of[PROCESSES][LOGS_MAX];

static const struct sse_out *input_of(const struct tee *t, size_t run)
{
    struct merge_run *m = &t->p->runs[run];
    size_t log = number_of(t->p, t->f);
    return m->source && m->set & 1U << log ? merge_input(m->source, m->inputs[log]) : NULL;
}

static int tee_event(void *ctx, const struct sse_event *e)
{
    for (size_t i = 0; i < MERGES; i++) {
        const struct sse_out *out = input_of(ctx, i);
        if (out) {
            out->event(out->ctx, e);
        }
    }
    return 0;
}

static int tee_gap(void *ctx, const struct sse_gap *gap)
{
    for (size_t i = 0; i < MERGES; i++) {
        const struct sse_out *out = input_of(ctx, i);
        if (out) {
            out->gap(out->ctx, gap);
        }
    }
    return 0;
}

static void tee_advance(void *ctx, const char *position)
{
    for (size_t i = 0; i < MERGES; i++) {
        const struct sse_out *out = input_of(ctx, i);
        if (out) {
            out->advance(out->ctx, position);
        }
    }
}

static void tee_end(void *ctx, const char *position, const char *data)
{
    for (size_t i = 0; i < MERGES; i++) {
        const struct sse_out *out = input_of(ctx, i);
        if (out) {
            out->end(out->ctx, position, data);
        }
    }
}

static void close_run(struct merge_run *run)
{
    for (size_t i = 0; i < READERS; i++) {
        struct reader *r = &run->w->readers[i];
        if (r->run == run) {
            r->run = NULL;
        }
    }
    if (run->source) {
        run->source->type->close(run->source, NULL, NULL);
        run->source = NULL;
    }
}

static void open_run(struct process *p, struct merge_run *run, unsigned set)
{
    struct world *w = p->w;
    struct merge_member members[LOGS_MAX];
    struct merge_setup setup = {.members = members, .store = p->store};
    *run = (struct merge_run){.w = w, .p = p, .set = set};
    run->live = (struct sse_out){.event = live_event, .gap = live_gap, .advance = live_advance,
                                 .end = live_end, .ctx = run};
    run->host = (struct source_host){.log = &w->quiet, .live = &run->live};
    for (size_t i = 0; i < w->log_count; i++) {
        if (set & 1U << i) {
            run->inputs[i] = setup.count;
            members[setup.count++] = (struct merge_member){
                .name = w->logs[i].name, .source = &p->fakes[i].base,
                .has_ended = fake_is_at_end(&p->fakes[i], p->fakes[i].head)};
        }
    }
    assert_int_equal(merge_open(&run->source, &setup, &run->host), 0);
    merge_start(run->source);
}

static void start_process(struct process *p, struct world *w)
{
    size_t number = (size_t)(p - w->processes);
    p->w = w;
    assert_int_equal(merge_store_new(&p->store, w->folder, &w->quiet), 0);
    for (size_t i = 0; i < w->log_count; i++) {
        tee_of[number][i] = (struct tee){.p = p, .f = &p->fakes[i]};
        p->tees[i] = (struct sse_out){.event = tee_event, .gap = tee_gap, .advance = tee_advance,
                                      .end = tee_end, .ctx = &tee_of[number][i]};
        p->fakes[i] = (struct fake){.base = {.type = &fake_type}, .log = &w->logs[i],
                                    .head = w->logs[i].count, .live = &p->tees[i]};
    }
}

static void stop_process(struct process *p)
{
    for (size_t i = 0; i < MERGES; i++) {
        if (p->runs[i].w) {
            close_run(&p->runs[i]);
        }
    }
    merge_store_unref(p->store);
}

/* The merge of this set, or one that is made for it. */
static struct merge_run *find_run(struct process *p, unsigned set)
{
    for (size_t i = 0; i < MERGES; i++) {
        if (p->runs[i].source && p->runs[i].set == set) {
            return &p->runs[i];
        }
    }
    struct merge_run *run = &p->runs[roll(p->w, MERGES)];
    if (run->source) {
        close_run(run);
    }
    open_run(p, run, set);
    return run;
}

#endif

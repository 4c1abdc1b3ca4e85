/* SPDX-License-Identifier: MIT */
/* test_merge_model: random histories of readers of several streams, who leave and come back in other
 * processes and with other sets: what each gets of each stream is what its log has, in order, or a gap
 * says so. MERGE_MODEL_SEED plays one again, MERGE_MODEL_COUNT says how many are played. */
#include "test_merge_model.h"

#include "model_run.h"

#define HISTORIES 10000
#define STEPS 120

/* --- readers ------------------------------------------------------------------------------- */

static int page_event(void *ctx, const struct sse_event *e)
{
    struct reader *r = ctx;
    get_event(r, e);
    return ++r->got >= r->page_max;
}

static int page_gap(void *ctx, const struct sse_gap *gap)
{
    struct reader *r = ctx;
    get_gap(r, gap);
    return ++r->got >= r->page_max;
}

static void page_advance(void *ctx, const char *position)
{
    (void)ctx;
    assert_true(sse_position_is_valid(position, strlen(position)));
}

static void page_end(void *ctx, const char *position, const char *data)
{
    struct reader *r = ctx;
    assert_null(data);
    r->got++;
    get_end(r, position);
}

/* One page, as the hub reads it. */
static void pull(struct reader *r)
{
    char head[SSE_POSITION_SIZE];
    char cursor[SSE_POSITION_SIZE];
    struct sse_out out = {.event = page_event, .gap = page_gap, .advance = page_advance,
                          .end = page_end, .ctx = r};
    struct source *s = r->run->source;
    r->got = 0;
    r->page_max = 1 + roll(r->w, 6);
    memcpy(cursor, r->position, sizeof cursor);
    int answer = s->type->pull(s, cursor, &out, 4096);
    assert_true(answer == SOURCE_MORE || answer == SOURCE_HEAD || answer == SOURCE_END
                || answer == ERR_AGAIN || answer == ERR_IO);
    if (answer > 0 || r->got > 0) {
        memcpy(r->position, cursor, sizeof cursor);
    }
    s->type->head(s, head);
    if (answer == SOURCE_HEAD || strcmp(r->position, head) == 0) {
        assert_string_equal(r->position, head);
        r->is_live = 1;
    }
    if (answer == SOURCE_END) {
        assert_true(r->is_over);
    }
}

static unsigned some_set(struct world *w)
{
    unsigned all = (1U << w->log_count) - 1;
    unsigned set = (unsigned)roll(w, all + 1ULL);
    return set ? set : all;
}

static void begin(struct reader *r, struct world *w)
{
    *r = (struct reader){.w = w};
    r->run = find_run(&w->processes[roll(w, PROCESSES)], some_set(w));
    r->run->source->type->head(r->run->source, r->position);
    begin_now(r);
    size_t open = 0;
    for (size_t i = 0; i < w->log_count; i++) {
        open += r->run->set & 1U << i && !fake_is_at_end(&r->run->p->fakes[i], r->next[i]);
    }
    r->is_over = open == 0;
    r->is_live = 1;
    note_id(r, r->position);
}

/* At one of the ids that it got, in any process, with a set that may be another. */
static void resume(struct reader *r, struct world *w)
{
    size_t most = r->id_count < IDS ? r->id_count : IDS;
    size_t back = roll(w, 3) ? 0 : roll(w, most);
    struct known k = r->ids[(r->id_count - 1 - back) % IDS];
    unsigned set = k.set;
    if (roll(w, 3) == 0) {
        set = set ^ (1U << roll(w, w->log_count));
        set = set ? set : k.set;
    } else if (roll(w, 10) == 0) {
        set = some_set(w);
    }
    r->run = NULL; /* it left: a merge that makes room may be its own */
    struct merge_run *run = find_run(&w->processes[roll(w, PROCESSES)], set);
    r->run = run;
    r->is_live = 0;
    r->is_over = k.is_over && (set & ~k.set) == 0;
    int rc = merge_adopt(run->source, k.id, r->position);
    if (w->is_loud) {
        printf("# %ld resumes at %s set %x in %ld: %s\n", (long)(r - w->readers), k.id, set,
               (long)(run->p - w->processes), rc ? "unknown" : r->position);
    }
    if (rc) {
        assert_int_equal(rc, ERR_UNKNOWN);
        assert_true(w->is_damaged || (set & k.set) == 0);
        begin(r, w);
        return;
    }
    begin_now(r);
    for (size_t i = 0; i < w->log_count; i++) {
        if (k.set & set & 1U << i) {
            r->next[i] = k.next[i];
        }
    }
    note_id(r, r->position);
}

/* --- histories ----------------------------------------------------------------------------- */

static void write_log(struct world *w)
{
    struct fake_log *log = &w->logs[roll(w, w->log_count)];
    for (uint64_t n = 1 + roll(w, 6); n > 0 && log->count + 1 < FAKE_ITEMS_MAX; n--) {
        uint64_t kind = roll(w, 12);
        if (log->count > 0 && log->items[log->count - 1] == FAKE_END) {
            return;
        }
        log->items[log->count++] = kind == 0 ? FAKE_GAP : kind <= 2 ? FAKE_NOTHING : FAKE_EVENT;
    }
    if (roll(w, 60) == 0) {
        log->items[log->count++] = FAKE_END;
    }
    if (roll(w, 10) == 0) {
        log->floor += roll(w, log->count - log->floor + 1);
    }
}

static void read_on(struct world *w, size_t most)
{
    struct process *p = &w->processes[roll(w, PROCESSES)];
    struct fake *f = &p->fakes[roll(w, w->log_count)];
    for (size_t n = 0; n < most && f->head < f->log->count; n++) {
        fake_step(f);
    }
    f->pull_max = roll(w, 4);
    f->failing = roll(w, 20) ? 0 : roll(w, 2) ? ERR_IO : ERR_AGAIN;
}

static void damage(struct world *w)
{
    char path[160];
    if (!w->folder) {
        return;
    }
    snprintf(path, sizeof path, "%s/several.marks", w->folder);
    w->is_damaged |= unlink(path) == 0;
}

static void step(struct world *w)
{
    struct reader *r = &w->readers[roll(w, READERS)];
    uint64_t what = roll(w, 100);
    if (what < 30) {
        write_log(w);
    } else if (what < 55) {
        read_on(w, 1 + roll(w, 8));
    } else if (what < 57) {
        struct process *p = &w->processes[roll(w, PROCESSES)];
        stop_process(p);
        start_process(p, w);
    } else if (what < 58 && w->dice % 7 == 0) {
        damage(w);
    } else if (what < 62 || r->id_count == 0) {
        begin(r, w);
    } else if (!r->run || what < 72) {
        resume(r, w);
    } else if (!r->is_live) {
        pull(r);
    } else if (what < 75) {
        merge_tick(r->run->source);
    }
}

/* Everybody gets everything. */
static void finish(struct world *w)
{
    for (size_t p = 0; p < PROCESSES; p++) {
        for (size_t i = 0; i < w->log_count; i++) {
            struct fake *f = &w->processes[p].fakes[i];
            f->failing = 0;
            f->pull_max = 0;
            while (f->head < f->log->count) {
                fake_step(f);
            }
        }
    }
    for (size_t i = 0; i < READERS; i++) {
        struct reader *r = &w->readers[i];
        if (r->id_count > 0 && !r->run) {
            resume(r, w);
        }
        for (size_t n = 0; r->run && !r->is_live && !r->is_over; n++) {
            assert_true(n < 20000);
            pull(r);
        }
        for (size_t k = 0; r->run && k < w->log_count; k++) {
            if (r->run->set & 1U << k) {
                expect_nothing(r, k, w->logs[k].count);
            }
        }
    }
}

static void play(const char *folder, uint64_t seed, int is_loud)
{
    static const int prefixes[] = {0, 0, 4, 20, 100};
    static const int suffixes[] = {0, 3, 8, 20, 100};
    struct world *w = calloc(1, sizeof *w);
    char path[160];
    assert_non_null(w);
    w->dice = seed * 7919;
    w->folder = roll(w, 10) ? folder : NULL;
    w->is_damaged = !w->folder;
    w->is_loud = is_loud;
    w->quiet = (struct log){.fd = -1};
    w->log_count = 1 + roll(w, roll(w, 4) ? 5 : LOGS_MAX);
    for (size_t i = 0; i < w->log_count; i++) {
        struct fake_log *log = &w->logs[i];
        snprintf(log->name, sizeof log->name, "s%u", (unsigned)(i % LOGS_MAX));
        log->prefix = prefixes[roll(w, 5)];
        log->suffix = suffixes[roll(w, log->prefix < 20 ? 5 : 3)];
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        start_process(&w->processes[i], w);
    }
    for (size_t i = 0; i < STEPS; i++) {
        step(w);
    }
    finish(w);
    for (size_t i = 0; i < PROCESSES; i++) {
        stop_process(&w->processes[i]);
    }
    snprintf(path, sizeof path, "%s/several.marks", folder);
    (void)unlink(path);
    free(w);
}

/* An assertion that fails says which history it was. */
static uint64_t playing;

static void tell_seed(void)
{
    fprintf(stderr, "# MERGE_MODEL_SEED=%llu\n", (unsigned long long)playing);
}

static void play_one(const char *folder, uint64_t seed, int is_loud)
{
    if (playing == 0) {
        atexit(tell_seed);
    }
    playing = seed;
    play(folder, seed, is_loud);
}

static void every_reader_gets_each_stream_in_order_or_is_told(void **state)
{
    char folder[80];
    (void)state;
    model_use_memory();
    snprintf(folder, sizeof folder, "%s/ssecgi-merge-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(folder));
    model_run("MERGE_MODEL", folder, HISTORIES, play_one);
    for (int i = 0; i < MODEL_WORKERS; i++) {
        char own[128];
        snprintf(own, sizeof own, "%s/%d", folder, i);
        assert_int_equal(rmdir(own), 0);
    }
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reader_gets_each_stream_in_order_or_is_told),
    };
    return cmocka_run_group_tests_name("merge_model", tests, NULL, NULL);
}

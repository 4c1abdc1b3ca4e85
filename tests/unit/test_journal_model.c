/* SPDX-License-Identifier: MIT */
/* test_journal_model: many random histories of a journal (publishers killed at any write, full disks,
 * rotation, retention, restarts, damage): what readers get is what was published, once and in order,
 * or a gap says so, with the right number.
 *
 * JOURNAL_MODEL_SEED=N replays one history and tells what happens; JOURNAL_MODEL_COUNT sets how many. */
#include "test_journal_publish.h"

/* ---- damage ---- */

/* A few bytes are others. */
static void spoil(struct model *m, const struct journal_dir *dir, size_t index, const char *path)
{
    unsigned char junk[200];
    uint64_t size = size_of(dir, index);
    uint64_t from = draw(m, size);
    int is_flip = draw(m, 2) == 0;
    uint64_t len = is_flip ? 1 : 1 + draw(m, sizeof junk - 1);
    len = len > size - from ? size - from : len;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || pread(fd, junk, len, (off_t)from) != (ssize_t)len) {
        abort();
    }
    for (uint64_t i = 0; i < len; i++) {
        junk[i] = is_flip ? junk[i] ^ 0x10 : 0;
    }
    trace(m, "damage in %s from %" PRIu64 ", %" PRIu64 " bytes\n", path, from, len);
    if (pwrite(fd, junk, len, (off_t)from) != (ssize_t)len) {
        abort();
    }
    close(fd);
    doom(m, dir->items[index], from, from + len, FATE_DAMAGED);
}

/* How many segments there are in [from, to) that were begun; a disk that is full may leave others. */
static size_t begun(const struct journal_dir *dir, size_t from, size_t to)
{
    size_t count = 0;
    for (size_t i = from; i < to; i++) {
        count += size_of(dir, i) >= JOURNAL_HEAD_BYTES;
    }
    return count;
}

/* The newest segment is gone. What was in others after those that are left was told by the newest one's
 * number, and by nothing now. */
static void doom_end(struct model *m, const struct journal_dir *dir, size_t newest)
{
    size_t left = newest - 1;
    while (size_of(dir, left) < JOURNAL_HEAD_BYTES) {
        left--;
    }
    for (int i = 0; i < m->count; i++) {
        if (journal_name_order(m->items[i].seg, dir->items[left]) > 0) {
            m->items[i].fate = FATE_CUT;
        }
    }
}

static void delete_one(struct model *m, const struct journal_dir *dir, size_t index,
                       const char *path)
{
    size_t before = begun(dir, 0, index);
    size_t after = begun(dir, index + 1, dir->count);
    trace(m, "%s is deleted\n", path);
    __real_unlink(path);
    doom(m, dir->items[index], 0, UINT64_MAX, after > 0 ? FATE_DAMAGED : FATE_CUT);
    if (before + after == 0) {
        doom_journal(m);
    } else if (after == 0) {
        doom_end(m, dir, index);
    }
}

static void cut(struct model *m, const struct journal_dir *dir, size_t index, const char *path)
{
    uint64_t size = size_of(dir, index);
    uint64_t from = size > JOURNAL_HEAD_BYTES
                        ? JOURNAL_HEAD_BYTES + draw(m, size - JOURNAL_HEAD_BYTES)
                        : size;
    trace(m, "%s is cut at %" PRIu64 "\n", path, from);
    if (truncate(path, (off_t)from)) {
        abort();
    }
    doom(m, dir->items[index], from, UINT64_MAX, FATE_CUT);
}

static void add_garbage(struct model *m, const char *path)
{
    unsigned char junk[200];
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    memset(junk, 'x', sizeof junk);
    trace(m, "garbage at the end of %s\n", path);
    if (fd < 0 || __real_write(fd, junk, 1 + draw(m, sizeof junk - 1)) < 1) {
        abort();
    }
    close(fd);
    m->is_damaged = 1;
}

static void delete_all(struct model *m)
{
    char folder[200];
    trace(m, "the folder is deleted\n");
    snprintf(folder, sizeof folder, "%s/topics", m->state);
    rig_wipe(folder);
    doom_journal(m);
}

static void damage(struct model *m)
{
    struct journal_dir dir;
    list_segments(m, &dir);
    size_t newest = dir.count > 0 ? dir.count - 1 : 0;
    size_t index = draw(m, 2) || dir.count == 0 ? newest : (size_t)draw(m, dir.count);
    uint64_t what = draw(m, 10);
    index = what == 6 || what == 7 ? newest : index;
    char *path = dir.count > 0 ? journal_dir_path(&dir, dir.items[index]) : NULL;
    if (!path) {
        journal_dir_fini(&dir);
        return;
    }
    if (what < 4 && size_of(&dir, index) > 0) {
        spoil(m, &dir, index, path);
    } else if (what < 6) {
        delete_one(m, &dir, index, path);
    } else if (what < 8) {
        cut(m, &dir, index, path);
    } else if (what < 9) {
        add_garbage(m, path);
    } else {
        delete_all(m);
    }
    free(path);
    journal_dir_fini(&dir);
}

/* ---- reading ---- */

static void start_follower(struct model *m, int i)
{
    struct follower *f = &m->followers[i];
    view_init(&f->v, m, i ? "follower 1" : "follower 0");
    if (topic_log_init(&f->log, m->state, STREAM, &f->v.out)) {
        abort();
    }
    f->v.item = m->count - 1;
    f->v.is_excused = m->is_damaged; /* what is lost at the end may be told later */
    trace(m, "follower %d: starts at %s\n", i, f->log.head_text);
}

static void look(struct model *m, int i, int is_told)
{
    struct follower *f = &m->followers[i];
    trace(m, "follower %d: looks\n", i);
    if (is_told && topic_log_list(&f->log)) {
        abort();
    }
    for (int n = 0; n < 10000; n++) {
        int rc = topic_log_look(&f->log, 1 + draw(m, 3000));
        if (rc == TOPIC_LOG_IDLE) {
            if (is_told) {
                check_skipped(&f->v, m->count, 1);
            }
            return;
        }
        if (rc != TOPIC_LOG_BUSY) {
            wrong(m, f->v.who, "look", rc, 0);
        }
    }
    wrong(m, f->v.who, "never idle", 0, 1);
}

/* Nothing came for a while: files are closed. */
static void rest(struct model *m, int i)
{
    trace(m, "follower %d: rests\n", i);
    topic_log_rest(&m->followers[i].log);
}

static void restart_follower(struct model *m, int i)
{
    topic_log_fini(&m->followers[i].log);
    start_follower(m, i);
}

static void pull(struct model *m, struct client *c, int i, int is_whole)
{
    struct follower *f = &m->followers[i];
    struct journal_position at;
    c->v.is_unchecked |= journal_position_parse(c->position, &at) == 0 && !at.is_event;
    look(m, i, is_whole || draw(m, 2));
    trace(m, "%s: at item %d, %s, pulls from follower %d at %s\n", c->v.who, c->v.item, c->position,
          i, f->log.head_text);
    for (int n = 0; n < 10000; n++) {
        int rc = topic_log_pull(&f->log, c->position, &c->v.out, 1 + draw(m, 2000));
        if (rc == ERR_AGAIN && (!is_whole || m->is_damaged)) {
            return; /* this process does not know of it yet, or waits for what is damaged */
        }
        if (rc == SOURCE_HEAD) {
            check_skipped(&c->v, is_whole && !m->is_damaged ? m->count : c->v.item + 1, 1);
            return;
        }
        if (rc < 0) {
            wrong(m, c->v.who, "pull", rc, 0);
        }
        if (!is_whole && draw(m, 5) == 0) {
            return;
        }
    }
    wrong(m, c->v.who, "never at the head", 0, 1);
}

static void stand_at(struct client *c, const char *position, int item)
{
    snprintf(c->position, sizeof c->position, "%s", position);
    c->v.item = item;
    c->v.has_gap = c->v.is_excused = c->v.is_unchecked = 0;
    c->v.missing = 0;
}

/* A client takes up any position that was acknowledged. */
static void go_back(struct model *m, struct client *c)
{
    int i = m->count > 0 ? (int)draw(m, (uint64_t)m->count) : -1;
    if (i >= 0 && m->items[i].has_at) {
        char text[SSE_POSITION_SIZE];
        journal_position_print(&m->items[i].at, text);
        trace(m, "%s: goes to item %d\n", c->v.who, i);
        stand_at(c, text, i);
    }
}

static void count_back(struct model *m, struct client *c, int i)
{
    char text[SSE_POSITION_SIZE];
    struct follower *f = &m->followers[i];
    uint64_t want = 1 + draw(m, 9);
    look(m, i, 1);
    if (m->is_damaged || m->count == 0) {
        return;
    }
    if (topic_log_back(&f->log, want, text)) {
        wrong(m, c->v.who, "back", -1, 0);
    }
    int item = m->count - 1;
    while (item >= 0 && want > 0 && m->items[item].fate == FATE_THERE) {
        item--;
        want--;
    }
    trace(m, "%s: counts back to item %d\n", c->v.who, item);
    stand_at(c, text, item);
    pull(m, c, i, 1);
}

/* ---- a history ---- */

#define YEARS_MS (4LL * 365 * 86400000) /* before and after epochs are times */

static void act(struct model *m)
{
    int p = m->rules.is_sole ? 0 : (int)draw(m, PUBLISHERS);
    int f = (int)draw(m, FOLLOWERS);
    struct client *c = &m->clients[draw(m, CLIENTS)];
    uint64_t what = draw(m, 100);
    m->clock.now_ms += (int64_t)draw(m, 200) - 50;
    if (what < 24) {
        publish(m, p);
    } else if (what < 30 && !m->rules.is_sole) {
        publish_at_once(m, p);
    } else if (what < 36) {
        publish_again(m, p);
    } else if (what < 42) {
        publish_and_die(m, p);
    } else if (what < 46) {
        publish_on_full_disk(m, p);
    } else if (what < 50) {
        restart(m, p);
    } else if (what < 52) {
        m->boot++;
        for (int i = 0; i < PUBLISHERS; i++) {
            restart(m, i);
        }
    } else if (what < 53) {
        m->clock.now_ms += draw(m, 2) ? 3600000 : -3600000;
        m->has_jumped = 1;
    } else if (what < 56) {
        if (m->seed % 2 == 0) {
            damage(m);
        }
    } else if (what < 70) {
        look(m, f, draw(m, 2) == 0);
    } else if (what < 72) {
        rest(m, f);
        journal_rest(m->publishers[p]);
    } else if (what < 74) {
        restart_follower(m, f);
    } else if (what < 78) {
        count_back(m, c, f);
    } else if (what < 82) {
        go_back(m, c);
    } else {
        pull(m, c, f, draw(m, 2) == 0);
    }
}

static void choose_rules(struct model *m)
{
    m->rules = (struct journal_rules){.segment_bytes = 200 + draw(m, 1500), .max_event_bytes = 4096};
    m->rules.is_sole = m->seed % 4 >= 2;
    if (draw(m, 3) == 0) {
        m->rules.keep_bytes = m->rules.segment_bytes * (2 + draw(m, 6));
    }
    if (draw(m, 6) == 0) {
        m->rules.keep_events = 1 + draw(m, 30);
    }
    if (draw(m, 6) == 0) {
        m->rules.keep_ms = 1 + (int64_t)draw(m, 3000);
    }
}

static void check_last(const struct viewer *v)
{
    int is_told = v->m->was_cut && v->has_gap && v->missing < 0;
    if (v->item != v->m->count - 1 && !is_told) {
        wrong(v->m, v->who, "the last event", v->item, v->m->count - 1);
    }
}

static void run_history(const char *folder, uint64_t seed, int is_traced, struct report *report)
{
    static const char *const names[CLIENTS] = {"client 0", "client 1", "client 2"};
    struct model *m = calloc(1, sizeof *m);
    if (!m) {
        abort();
    }
    *m = (struct model){.seed = seed, .is_traced = is_traced, .boot = 1, .report = report};
    snprintf(m->state, sizeof m->state, "%s", folder);
    m->clock = (struct rig_clock){.base = {.wall_ms = rig_now, .mono_ms = rig_now},
                                  .now_ms = START_MS + (draw(m, 2) ? YEARS_MS : 0)};
    choose_rules(m);
    for (int i = 0; i < PUBLISHERS; i++) {
        m->publishers[i] = new_publisher(m);
    }
    for (int i = 0; i < FOLLOWERS; i++) {
        start_follower(m, i);
    }
    for (int i = 0; i < CLIENTS; i++) {
        view_init(&m->clients[i].v, m, names[i]);
        strcpy(m->clients[i].position, JOURNAL_POSITION_START);
    }
    for (int i = 0; i < ACTIONS; i++) {
        act(m);
    }
    for (int i = 0; i < FOLLOWERS; i++) {
        look(m, i, 1);
    }
    publish(m, 0); /* what was lost at the end is told now */
    for (int i = 0; i < FOLLOWERS; i++) {
        look(m, i, 1);
        check_last(&m->followers[i].v);
    }
    for (int i = 0; i < CLIENTS; i++) {
        pull(m, &m->clients[i], (int)draw(m, FOLLOWERS), 1);
        check_last(&m->clients[i].v);
    }
    for (int i = 0; i < FOLLOWERS; i++) {
        topic_log_fini(&m->followers[i].log);
    }
    for (int i = 0; i < PUBLISHERS; i++) {
        journal_free(m->publishers[i]);
    }
    char topics[100];
    snprintf(topics, sizeof topics, "%s/topics", folder);
    struct journal_dir dir;
    list_segments(m, &dir);
    for (size_t i = 0; i < dir.count; i++) {
        char *path = journal_dir_path(&dir, dir.items[i]);
        __real_unlink(path);
        free(path);
    }
    rmdir(dir.path);
    rmdir(topics);
    journal_dir_fini(&dir);
    free(m);
}

/* The report outlives the history in which a worker is killed. */
static void play(const char *folder, uint64_t seed, int is_loud)
{
    static struct report *report;
    if (!report) {
        report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(report, MAP_FAILED);
    }
    run_history(folder, seed, is_loud, report);
}

static void what_comes_out_is_what_was_published(void **state)
{
    struct rig *r = *state;
    model_run("JOURNAL_MODEL", r->state, HISTORIES, play);
}

int main(void)
{
    model_use_memory();
    const struct CMUnitTest tests[] = {rig_test(what_comes_out_is_what_was_published)};
    return cmocka_run_group_tests_name("journal_model", tests, NULL, NULL);
}

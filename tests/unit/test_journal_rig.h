/* SPDX-License-Identifier: MIT */
/* test_journal_rig: a journal in a folder of its own, a publisher, and a reader that writes down what it
 * got. Included by each test of the journal; everything is static. */
#ifndef TEST_JOURNAL_RIG_H
#define TEST_JOURNAL_RIG_H

#include "base/clock.h"
#include "base/err.h"
#include "source/journal/journal.h"
#include "source/source.h"
#include "source/topic/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define RIG_UNUSED __attribute__((unused))
#define STREAM "jobs/build"

#define START_MS 1700000000000

/* A clock that stands still until it is set. */
struct rig_clock {
    struct clock base;
    int64_t now_ms;
};

static int64_t rig_now(const struct clock *c)
{
    return ((const struct rig_clock *)c)->now_ms;
}

/* "a|b|!expired:3|c": events and gaps; of a named one "name=data". */
struct record {
    char text[16384];
    size_t len;
    size_t count;
    char last[SSE_POSITION_SIZE];
    struct sse_out out;
};

static void record_add(struct record *r, const char *text, const char *position)
{
    assert_true(sse_position_is_valid(position, strlen(position)));
    assert_string_not_equal(position, r->last);
    r->len += (size_t)snprintf(r->text + r->len, sizeof r->text - r->len, "%s%s",
                               r->len ? "|" : "", text);
    assert_true(r->len < sizeof r->text);
    r->count++;
    snprintf(r->last, sizeof r->last, "%s", position);
}

static RIG_UNUSED int record_event(void *ctx, const struct sse_event *e)
{
    char text[300];
    snprintf(text, sizeof text, "%s%s%.*s", e->name ? e->name : "", e->name ? "=" : "",
             e->data_len > 100 ? 100 : (int)e->data_len, e->data);
    record_add(ctx, text, e->position);
    return 0;
}

static RIG_UNUSED int record_gap(void *ctx, const struct sse_gap *g)
{
    char text[100];
    snprintf(text, sizeof text, "!%s:%" PRId64, g->reason, g->events);
    record_add(ctx, text, g->position);
    return 0;
}

static RIG_UNUSED void record_init(struct record *r)
{
    *r = (struct record){.len = 0};
    r->out = (struct sse_out){.event = record_event, .gap = record_gap, .ctx = r};
}

struct rig {
    char state[64];
    struct rig_clock clock;
    struct journal_rules rules;
    struct journal *journal;
    struct topic_log log;
    struct record live;
    int is_open;
};

static RIG_UNUSED struct journal *rig_publisher(struct rig *r)
{
    struct journal *j;
    assert_int_equal(journal_new(&j, r->state, STREAM, &r->rules, &r->clock.base), 0);
    return j;
}

static RIG_UNUSED void rig_open(struct rig *r)
{
    record_init(&r->live);
    assert_int_equal(topic_log_init(&r->log, r->state, STREAM, &r->live.out), 0);
    r->is_open = 1;
}

static RIG_UNUSED void rig_close(struct rig *r)
{
    if (r->is_open) {
        topic_log_fini(&r->log);
    }
    r->is_open = 0;
}

static RIG_UNUSED int rig_setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    const char *tmp = getenv("TMPDIR");
    if (!r) {
        return -1;
    }
    snprintf(r->state, sizeof r->state, "%s/journal-XXXXXX",
             tmp && strlen(tmp) < 40 ? tmp : "/tmp");
    if (!mkdtemp(r->state)) {
        free(r);
        return -1;
    }
    r->clock = (struct rig_clock){.base = {.wall_ms = rig_now, .mono_ms = rig_now},
                                  .now_ms = START_MS};
    r->rules = (struct journal_rules){.segment_bytes = 1 << 20, .max_event_bytes = 65536};
    r->journal = rig_publisher(r);
    *state = r;
    return 0;
}

static RIG_UNUSED void rig_wipe(const char *folder)
{
    char command[400];
    snprintf(command, sizeof command, "rm -rf -- '%s'", folder);
    if (system(command)) {
        print_error("cannot delete %s\n", folder);
    }
}

static RIG_UNUSED int rig_teardown(void **state)
{
    struct rig *r = *state;
    rig_close(r);
    journal_free(r->journal);
    rig_wipe(r->state);
    free(r);
    return 0;
}

#define rig_test(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

/* ---- publishing ---- */

static RIG_UNUSED int rig_try(struct journal *j, const char *data, const char *key,
                              struct journal_position *at)
{
    struct journal_position none;
    struct journal_event e = {
        .data = data, .data_len = strlen(data), .key = key, .key_len = key ? strlen(key) : 0};
    return journal_append(j, &e, 1, at ? at : &none);
}

static RIG_UNUSED void rig_put(struct rig *r, const char *data)
{
    assert_int_equal(rig_try(r->journal, data, NULL, NULL), 0);
}

/* "a b c": a batch. */
static RIG_UNUSED int rig_try_batch(struct journal *j, const char *words)
{
    struct journal_event events[64];
    struct journal_position places[64];
    char copy[1024], *rest = copy;
    size_t count = 0;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word; (word = strtok_r(rest, " ", &rest)) && count < 64; count++) {
        events[count] = (struct journal_event){.data = word, .data_len = strlen(word)};
    }
    return journal_append(j, events, count, places);
}

/* ---- reading ---- */

static RIG_UNUSED void rig_look(struct rig *r)
{
    assert_int_equal(topic_log_list(&r->log), 0);
    for (int i = 0; i < 10000; i++) {
        int rc = topic_log_look(&r->log, 4096);
        assert_true(rc == TOPIC_LOG_IDLE || rc == TOPIC_LOG_BUSY);
        if (rc == TOPIC_LOG_IDLE) {
            return;
        }
    }
    fail_msg("never idle");
}

static RIG_UNUSED void rig_expect_live(struct rig *r, const char *expected)
{
    rig_look(r);
    assert_string_equal(r->live.text, expected);
    record_init(&r->live);
}

/* What a reader gets that resumes at `position`. */
static RIG_UNUSED void rig_expect(struct rig *r, const char *position, const char *expected)
{
    struct record *page = calloc(1, sizeof *page);
    char at[SSE_POSITION_SIZE];
    assert_non_null(page);
    record_init(page);
    snprintf(at, sizeof at, "%s", position);
    for (int i = 0; i < 10000; i++) {
        int rc = topic_log_pull(&r->log, at, &page->out, 4096);
        assert_true(rc == SOURCE_MORE || rc == SOURCE_HEAD);
        if (rc == SOURCE_HEAD) {
            break;
        }
        assert_true(i < 9999);
    }
    assert_string_equal(page->text, expected);
    assert_string_equal(at, r->log.head_text);
    free(page);
}

/* ---- files ---- */

static RIG_UNUSED char *rig_folder(const struct rig *r, char out[256])
{
    snprintf(out, 256, "%s/topics/jobs%%2fbuild", r->state);
    return out;
}

/* The path of the segment with this index; answers how many there are. */
static RIG_UNUSED size_t rig_segment(const struct rig *r, size_t index, char out[320])
{
    struct journal_dir d;
    assert_int_equal(journal_dir_init(&d, r->state, STREAM), 0);
    assert_int_equal(journal_dir_list(&d), 0);
    size_t count = d.count;
    if (index < count) {
        char *path = journal_dir_path(&d, d.items[index]);
        assert_non_null(path);
        snprintf(out, 320, "%s", path);
        free(path);
    }
    journal_dir_fini(&d);
    return count;
}

static RIG_UNUSED size_t rig_segments(const struct rig *r)
{
    char path[320];
    return rig_segment(r, SIZE_MAX, path);
}

static RIG_UNUSED int64_t rig_size(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static RIG_UNUSED void rig_scribble(const char *path, int64_t offset, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, offset), (ssize_t)len);
    close(fd);
}

#endif

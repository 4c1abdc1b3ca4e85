/* SPDX-License-Identifier: MIT */
/* test_tail_rig: a log in a folder of its own, and a record of what came out of it. Included by
 * each test of tail; everything is static. */
#ifndef TEST_TAIL_RIG_H
#define TEST_TAIL_RIG_H

#include "base/err.h"
#include "base/log.h"
#include "conf/option.h"
#include "source/source.h"
#include "source/tail/log.h"

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
#define RIG_LINE_BYTES 65536

/* One thing that came out. */
struct seen {
    int is_gap;
    char *text; /* the line; or the gap's reason */
    int64_t bytes;
    char position[SSE_POSITION_SIZE];
};

struct record {
    struct seen *items;
    size_t count;
    size_t cap;
    size_t stop_after; /* says stop from that many on; 0 for never */
    struct sse_out out;
};

static int record_add(struct record *r, struct seen s, const char *position)
{
    if (r->count == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 16;
        r->items = realloc(r->items, r->cap * sizeof *r->items);
        assert_non_null(r->items);
    }
    snprintf(s.position, sizeof s.position, "%s", position);
    assert_true(sse_position_is_valid(s.position, strlen(s.position)));
    r->items[r->count++] = s;
    return r->stop_after && r->count >= r->stop_after;
}

static RIG_UNUSED int record_event(void *ctx, const struct sse_event *e)
{
    char *text = malloc(e->data_len + 1);
    assert_non_null(text);
    memcpy(text, e->data, e->data_len);
    text[e->data_len] = '\0';
    return record_add(ctx, (struct seen){.text = text, .bytes = (int64_t)e->data_len},
                      e->position);
}

static RIG_UNUSED int record_gap(void *ctx, const struct sse_gap *g)
{
    return record_add(ctx, (struct seen){.is_gap = 1, .text = strdup(g->reason), .bytes = g->bytes},
                      g->position);
}

static RIG_UNUSED void record_init(struct record *r)
{
    *r = (struct record){.items = NULL};
    r->out = (struct sse_out){.event = record_event, .gap = record_gap, .ctx = r};
}

static RIG_UNUSED void record_clear(struct record *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->items[i].text);
    }
    r->count = 0;
}

static RIG_UNUSED void record_fini(struct record *r)
{
    record_clear(r);
    free(r->items);
    r->items = NULL;
    r->cap = 0;
}

/* "a|b|!truncated|c": lines, and gaps with a '!'. */
static RIG_UNUSED void record_expect_at(const struct record *r, const char *expected,
                                        const char *file, int line)
{
    char got[8192] = "";
    size_t len = 0;
    for (size_t i = 0; i < r->count; i++) {
        int n = snprintf(got + len, sizeof got - len, "%s%s%s", i ? "|" : "",
                         r->items[i].is_gap ? "!" : "", r->items[i].text);
        len += (size_t)n;
        if (len >= sizeof got) {
            break;
        }
    }
    if (strcmp(got, expected) != 0) {
        print_error("expected %s\n     got %s\n", expected, got);
        _fail(file, line);
    }
}
#define record_expect(r, expected) record_expect_at((r), (expected), __FILE__, __LINE__)

struct rig {
    char folder[64];
    char path[128];
    const struct conf_list *rotated;
    int follow;
    size_t max_line_bytes;
    struct log quiet;
    struct tail_log log;
    struct record live;
    int is_open;
};

/* "app.log" for "", "app.log.1" for ".1"; with a '/', as it is. */
static RIG_UNUSED char *rig_name(const struct rig *r, const char *suffix, char out[256])
{
    snprintf(out, 256, "%s%s", r->path, suffix);
    return out;
}

static RIG_UNUSED void rig_open(struct rig *r)
{
    assert_int_equal(tail_log_init(&r->log, r->path, r->follow, r->rotated, r->max_line_bytes,
                                   &r->quiet, &r->live.out),
                     0);
    r->is_open = 1;
}

static RIG_UNUSED void rig_close(struct rig *r)
{
    if (r->is_open) {
        tail_log_fini(&r->log);
        r->is_open = 0;
    }
}

static RIG_UNUSED int rig_setup(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    const char *tmp = getenv("TMPDIR");
    if (!r) {
        return -1;
    }
    snprintf(r->folder, sizeof r->folder, "%s/tail-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
    if (!mkdtemp(r->folder)) {
        free(r);
        return -1;
    }
    snprintf(r->path, sizeof r->path, "%s/app.log", r->folder);
    r->max_line_bytes = RIG_LINE_BYTES;
    r->quiet = (struct log){.fd = -1, .level = LOG_LEVEL_ERROR};
    record_init(&r->live);
    *state = r;
    return 0;
}

/* Deletes the folder, which holds files only. */
static RIG_UNUSED void rig_wipe(const char *folder)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf -- '%s'", folder);
    if (system(command)) {
        print_error("cannot delete %s\n", folder);
    }
}

static RIG_UNUSED int rig_teardown(void **state)
{
    struct rig *r = *state;
    rig_close(r);
    record_fini(&r->live);
    rig_wipe(r->folder);
    free(r);
    return 0;
}

static RIG_UNUSED void rig_write(const struct rig *r, const char *suffix, int flags,
                                 const char *data, size_t len)
{
    char name[256];
    int fd = open(rig_name(r, suffix, name), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
    close(fd);
}

static RIG_UNUSED void rig_append(const struct rig *r, const char *text)
{
    rig_write(r, "", O_APPEND, text, strlen(text));
}

static RIG_UNUSED void rig_rewrite(const struct rig *r, const char *text)
{
    rig_write(r, "", O_TRUNC, text, strlen(text));
}

static RIG_UNUSED void rig_rename(const struct rig *r, const char *from, const char *to)
{
    char a[256], b[256];
    assert_int_equal(rename(rig_name(r, from, a), rig_name(r, to, b)), 0);
}

static RIG_UNUSED void rig_delete(const struct rig *r, const char *suffix)
{
    char a[256];
    assert_int_equal(unlink(rig_name(r, suffix, a)), 0);
}

static RIG_UNUSED void rig_copy(const struct rig *r, const char *from, const char *to)
{
    char a[256], b[256], command[600];
    snprintf(command, sizeof command, "cp '%s' '%s'", rig_name(r, from, a), rig_name(r, to, b));
    assert_int_equal(system(command), 0);
}

/* As logrotate's "compress" does it: the new file keeps the old one's times. */
static RIG_UNUSED void rig_gzip(const struct rig *r, const char *suffix)
{
    char a[256], command[300];
    snprintf(command, sizeof command, "gzip '%s'", rig_name(r, suffix, a));
    assert_int_equal(system(command), 0);
}

/* Looks until there is nothing more. */
static RIG_UNUSED void rig_look(struct rig *r)
{
    for (int i = 0; i < 100000; i++) {
        int rc = tail_log_look(&r->log, 256 * 1024);
        assert_true(rc == TAIL_LOG_IDLE || rc == TAIL_LOG_BUSY);
        if (rc == TAIL_LOG_IDLE) {
            return;
        }
    }
    fail_msg("never idle");
}

/* Pulls from `position` until the head. */
static RIG_UNUSED void rig_pull(struct rig *r, char position[SSE_POSITION_SIZE],
                                struct record *page)
{
    for (int i = 0; i < 1000000; i++) {
        int rc = tail_log_pull(&r->log, position, &page->out, 65536);
        assert_true(rc == SOURCE_MORE || rc == SOURCE_HEAD);
        if (rc == SOURCE_HEAD) {
            return;
        }
    }
    fail_msg("never at the head");
}

/* What a reader gets that resumes at `position`. */
static RIG_UNUSED void rig_expect_from(struct rig *r, const char *position, const char *expected,
                                       const char *file, int line)
{
    struct record page;
    char at[SSE_POSITION_SIZE];
    record_init(&page);
    snprintf(at, sizeof at, "%s", position);
    rig_pull(r, at, &page);
    record_expect_at(&page, expected, file, line);
    assert_string_equal(at, r->log.head);
    record_fini(&page);
}
#define rig_expect(r, position, expected)                                                          \
    rig_expect_from((r), (position), (expected), __FILE__, __LINE__)

/* Another process: closes the log and opens it anew. */
static RIG_UNUSED void rig_restart(struct rig *r)
{
    rig_close(r);
    record_clear(&r->live);
    rig_open(r);
    rig_look(r);
}

#define rig_test(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

#endif

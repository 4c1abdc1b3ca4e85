/* SPDX-License-Identifier: MIT */
/* test_merge_rig: sources for tests of the merge: logs that tests write to, each read by several
 * processes, whose heads move when the test says so. */
#ifndef TEST_MERGE_RIG_H
#define TEST_MERGE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "source/merge/merge.h"
#include "source/merge/store.h"
#include "source/source.h"

#define FAKE_ITEMS_MAX 2048

enum fake_kind { FAKE_EVENT, FAKE_GAP, FAKE_NOTHING, FAKE_END };

/* Item n stands between the positions n and n + 1. An event's data is its number. */
struct fake_log {
    char name[8];
    unsigned char items[FAKE_ITEMS_MAX];
    size_t count;
    size_t floor;  /* what stands before it is gone */
    int prefix;    /* characters that all its positions begin with */
    int suffix;    /* characters at the end that are new in each */
};

/* A log as one process sees it. */
struct fake {
    struct source base;
    struct fake_log *log;
    size_t head;
    const struct sse_out *live;
    size_t pull_max; /* items that one pull looks at; 0: all */
    int failing;     /* what pull() answers; 0: what is right */
};

static inline void fake_print(const struct fake_log *log, size_t at, char out[SSE_POSITION_SIZE])
{
    char *end = out;
    memset(end, 'p', (size_t)log->prefix);
    end += log->prefix;
    end += snprintf(end, 16, ".%u.", (unsigned)at);
    uint64_t check = hash_mix64(at + 1);
    for (int i = 0; i < log->suffix; i++, check = check >> 5 | check << 59) {
        *end++ = (char)('a' + (check & 15));
    }
    *end = '\0';
}

static inline int fake_parse(const struct fake_log *log, const char *text, size_t *out)
{
    char again[SSE_POSITION_SIZE];
    size_t at = 0;
    if (strlen(text) <= (size_t)log->prefix || sscanf(text + log->prefix, ".%zu.", &at) != 1
        || at > FAKE_ITEMS_MAX) {
        return ERR_INVALID;
    }
    fake_print(log, at, again);
    *out = at;
    return strcmp(text, again) == 0 ? 0 : ERR_INVALID;
}

/* Hands over item n, as news or as history. */
static inline int fake_give(const struct fake_log *log, size_t n, const char *position,
                            const struct sse_out *to)
{
    char text[48];
    if (log->items[n] == FAKE_EVENT) {
        struct sse_event e = {.position = position, .data = text};
        e.data_len = (size_t)snprintf(text, sizeof text, "%zu", n);
        return to->event(to->ctx, &e);
    }
    if (log->items[n] == FAKE_GAP) {
        struct sse_gap gap = {.position = position, .reason = "lost", .detail = text, .bytes = -1,
                              .events = 1};
        snprintf(text, sizeof text, "%zu-%zu", n, n + 1);
        return to->gap(to->ctx, &gap);
    }
    if (log->items[n] == FAKE_END) {
        to->end(to->ctx, position, "{\"status\":0}");
    } else {
        to->advance(to->ctx, position);
    }
    return 0;
}

static inline void fake_head(struct source *s, char out[SSE_POSITION_SIZE])
{
    const struct fake *f = (struct fake *)s;
    fake_print(f->log, f->head, out);
}

static inline int fake_understands(struct source *s, const char *position)
{
    size_t at;
    return fake_parse(((struct fake *)s)->log, position, &at) == 0;
}

static inline int fake_back(struct source *s, uint64_t count, char out[SSE_POSITION_SIZE])
{
    const struct fake *f = (struct fake *)s;
    size_t most = f->head > f->log->floor ? f->head - f->log->floor : 0;
    fake_print(f->log, f->head - (count < most ? (size_t)count : most), out);
    return 0;
}

static inline int fake_is_at_end(const struct fake *f, size_t at)
{
    return at > 0 && at == f->log->count && f->log->items[at - 1] == FAKE_END;
}

static inline int fake_pull(struct source *s, char position[SSE_POSITION_SIZE],
                            const struct sse_out *page, size_t budget_bytes)
{
    struct fake *f = (struct fake *)s;
    struct fake_log *log = f->log;
    size_t at = 0;
    size_t looked = 0;
    int is_full = 0;
    (void)budget_bytes;
    assert_int_equal(fake_parse(log, position, &at), 0);
    if (f->failing) {
        return f->failing;
    }
    if (at > f->head) {
        return ERR_AGAIN;
    }
    if (at < log->floor && log->floor <= f->head) {
        char detail[48];
        struct sse_gap gap = {.position = position, .reason = "expired", .detail = detail,
                              .bytes = -1, .events = (int64_t)(log->floor - at)};
        snprintf(detail, sizeof detail, "%zu-%zu", at, log->floor);
        at = log->floor;
        fake_print(log, at, position);
        is_full = page->gap(page->ctx, &gap);
    }
    for (; at < f->head && !is_full && (f->pull_max == 0 || looked < f->pull_max); looked++) {
        fake_print(log, at + 1, position);
        is_full = fake_give(log, at, position, page);
        at++;
    }
    if (at < f->head) {
        return SOURCE_MORE;
    }
    return fake_is_at_end(f, at) ? SOURCE_END : SOURCE_HEAD;
}

static const struct source_type fake_type = {
    .contract = SOURCE_CONTRACT,
    .name = "fake",
    .head = fake_head,
    .understands = fake_understands,
    .back = fake_back,
    .pull = fake_pull,
};

/* The process reads on, one item. */
static inline void fake_step(struct fake *f)
{
    char position[SSE_POSITION_SIZE];
    assert_true(f->head < f->log->count);
    f->head++;
    fake_print(f->log, f->head, position);
    (void)fake_give(f->log, f->head - 1, position, f->live);
}

#endif

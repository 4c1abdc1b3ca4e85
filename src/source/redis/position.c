/* SPDX-License-Identifier: MIT */
/* redis_position: addresses in a stream that Redis keeps, and the numbers its entries bear. */
#include "source/redis/position.h"

#include "base/err.h"
#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define START "start"
#define PARTS_MAX 5
#define JOURNAL_CHECK_CHARS 5 /* in journal/format.c */

/* ---- pieces ---- */

int redis_id_order(struct redis_id a, struct redis_id b)
{
    if (a.ms != b.ms) {
        return a.ms < b.ms ? -1 : 1;
    }
    return a.seq < b.seq ? -1 : a.seq > b.seq;
}

int redis_is_same_store(const struct redis_mark *a, const struct redis_mark *b)
{
    return strcmp(a->generation, b->generation) == 0;
}

int redis_mark_equal(const struct redis_mark *a, const struct redis_mark *b)
{
    return redis_is_same_store(a, b) && a->epoch == b->epoch && a->n == b->n;
}

void redis_id_print(struct redis_id id, char out[REDIS_ID_CHARS])
{
    snprintf(out, REDIS_ID_CHARS, "%" PRIu64 "-%" PRIu64, id.ms, id.seq);
}

/* A number as we print it: no zeros before it. */
static int take_number(const char *text, size_t len, uint64_t max, uint64_t *out)
{
    if (len > 1 && text[0] == '0') {
        return ERR_INVALID;
    }
    return num_parse_u64(text, len, max, out) ? ERR_INVALID : 0;
}

int redis_id_parse(const char *text, size_t len, struct redis_id *out)
{
    struct redis_id id;
    const char *dash = memchr(text, '-', len);
    if (!dash) {
        return ERR_INVALID;
    }
    size_t ms_len = (size_t)(dash - text);
    if (take_number(text, ms_len, UINT64_MAX, &id.ms)
        || take_number(dash + 1, len - ms_len - 1, UINT64_MAX, &id.seq)) {
        return ERR_INVALID;
    }
    *out = id;
    return 0;
}

void redis_mark_print(const struct redis_mark *m, char out[REDIS_MARK_CHARS])
{
    snprintf(out, REDIS_MARK_CHARS, "%s.%" PRIu32 ".%" PRIu64, m->generation, m->epoch, m->n);
}

struct part {
    const char *text;
    size_t len;
};

/* Cuts the text at its dots. 0: there are too many. */
static size_t cut(const char *text, size_t len, struct part parts[PARTS_MAX])
{
    size_t count = 0;
    for (const char *end = text + len;;) {
        const char *dot = memchr(text, '.', (size_t)(end - text));
        if (count == PARTS_MAX) {
            return 0;
        }
        parts[count++] = (struct part){text, (size_t)((dot ? dot : end) - text)};
        if (!dot) {
            return count;
        }
        text = dot + 1;
    }
}

static int take_generation(const struct part *p, struct redis_mark *m)
{
    if (p->len != REDIS_GENERATION_CHARS || !sse_position_is_valid(p->text, p->len)) {
        return ERR_INVALID;
    }
    memcpy(m->generation, p->text, p->len);
    m->generation[p->len] = '\0';
    return 0;
}

static int take_mark(const struct part parts[], struct redis_mark *out)
{
    struct redis_mark m;
    uint64_t epoch;
    if (take_generation(&parts[0], &m) || take_number(parts[1].text, parts[1].len, UINT32_MAX, &epoch)
        || take_number(parts[2].text, parts[2].len, REDIS_NUMBER_MAX, &m.n)) {
        return ERR_INVALID;
    }
    m.epoch = (uint32_t)epoch;
    *out = m;
    return 0;
}

int redis_mark_parse(const char *text, size_t len, struct redis_mark *out)
{
    struct part parts[PARTS_MAX];
    return cut(text, len, parts) == 3 ? take_mark(parts, out) : ERR_INVALID;
}

/* ---- positions ---- */

void redis_position_print(const struct redis_position *p, char out[SSE_POSITION_SIZE])
{
    char mark[REDIS_MARK_CHARS], id[REDIS_ID_CHARS];
    switch (p->kind) {
    case REDIS_START:
        memcpy(out, START, sizeof START);
        break;
    case REDIS_TIME:
        snprintf(out, SSE_POSITION_SIZE, "t.%" PRIu64, p->ms);
        break;
    case REDIS_LAST:
        snprintf(out, SSE_POSITION_SIZE, "l.%" PRIu64 ".%" PRIu64, p->count, p->ms);
        break;
    case REDIS_NUMBER:
        snprintf(out, SSE_POSITION_SIZE, "%s.%" PRIu64 ".b", p->mark.generation, p->mark.n);
        break;
    case REDIS_EVENT:
    case REDIS_PLACE:
        redis_mark_print(&p->mark, mark);
        redis_id_print(p->id, id);
        snprintf(out, SSE_POSITION_SIZE, "%s.%s%s", mark, id, p->kind == REDIS_PLACE ? ".p" : "");
        break;
    case REDIS_JOURNAL:
        redis_mark_print(&p->mark, mark);
        snprintf(out, SSE_POSITION_SIZE, "%s.0", mark);
        break;
    }
}

static int is_word(const struct part *p, const char *word)
{
    return p->len == strlen(word) && memcmp(p->text, word, p->len) == 0;
}

/* An offset is a number, where an id of Redis has two. */
static int is_journals(const struct part parts[], size_t count)
{
    uint64_t offset;
    return (count == 4 || (count == 5 && parts[4].len == JOURNAL_CHECK_CHARS))
           && take_number(parts[3].text, parts[3].len, UINT64_MAX, &offset) == 0;
}

int redis_position_parse(const char *text, struct redis_position *out)
{
    struct part parts[PARTS_MAX];
    struct redis_position p = {.kind = REDIS_START};
    size_t count = cut(text, strlen(text), parts);
    int rc = ERR_INVALID;
    if (count == 1) {
        rc = is_word(&parts[0], START) ? 0 : ERR_INVALID;
    } else if (count == 2 && is_word(&parts[0], "t")) {
        p.kind = REDIS_TIME;
        rc = take_number(parts[1].text, parts[1].len, REDIS_NUMBER_MAX, &p.ms);
    } else if (count == 3 && is_word(&parts[0], "l")) {
        p.kind = REDIS_LAST;
        rc = take_number(parts[1].text, parts[1].len, REDIS_NUMBER_MAX, &p.count);
        rc = rc ? rc : take_number(parts[2].text, parts[2].len, REDIS_NUMBER_MAX, &p.ms);
    } else if (count == 3 && is_word(&parts[2], "b")) {
        p.kind = REDIS_NUMBER;
        rc = take_generation(&parts[0], &p.mark);
        rc = rc ? rc : take_number(parts[1].text, parts[1].len, REDIS_NUMBER_MAX, &p.mark.n);
    } else if (is_journals(parts, count)) {
        p.kind = REDIS_JOURNAL;
        rc = take_mark(parts, &p.mark);
    } else if (count == 4 || (count == 5 && is_word(&parts[4], "p"))) {
        p.kind = count == 4 ? REDIS_EVENT : REDIS_PLACE;
        rc = take_mark(parts, &p.mark);
        rc = rc ? rc : redis_id_parse(parts[3].text, parts[3].len, &p.id);
    }
    if (!rc) {
        *out = p;
    }
    return rc;
}

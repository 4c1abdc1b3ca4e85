/* SPDX-License-Identifier: MIT */
/* tail_marks: places in many files at once, kept under short names. */
#include "source/tail/marks.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEM_BYTES (TAIL_TAG_CHARS + 1 + SSE_POSITION_MAX + 1)

_Static_assert(TAIL_MANY_MAX * ITEM_BYTES <= SOURCE_MARKS_TEXT_BYTES, "a base is one text");

/* ---- the text of a base ---- */

static int write_text(const struct tail_mark *items, size_t count, struct buf *out)
{
    char item[ITEM_BYTES + 1];
    for (size_t i = 0; i < count; i++) {
        char position[SSE_POSITION_SIZE];
        char *end = tail_letters_put(item, items[i].tag, TAIL_TAG_CHARS);
        tail_position_print(&items[i].at, position);
        int len = snprintf(end, sizeof item - (size_t)(end - item), ".%s%s", position,
                           i + 1 < count ? " " : "");
        int rc = buf_append(out, item, (size_t)(end - item) + (size_t)len);
        if (rc) {
            return rc;
        }
    }
    return 0;
}

/* Reads "TAG.POSITION" and the blank that follows it. Answers where it ended, or NULL. */
static const char *read_item(const char *at, const char *end, struct tail_mark *out)
{
    char position[SSE_POSITION_SIZE];
    if (end - at < TAIL_TAG_CHARS + 2 || at[TAIL_TAG_CHARS] != '.'
        || tail_letters_take(at, TAIL_TAG_CHARS, &out->tag)) {
        return NULL;
    }
    at += TAIL_TAG_CHARS + 1;
    const char *blank = memchr(at, ' ', (size_t)(end - at));
    size_t len = (size_t)((blank ? blank : end) - at);
    if (len >= sizeof position) {
        return NULL;
    }
    memcpy(position, at, len);
    position[len] = '\0';
    return tail_position_parse(position, &out->at) ? NULL : at + len + (blank != NULL);
}

/* Makes a base of its text. ERR_INVALID, ERR_NOMEM. */
static int read_text(const struct buf *text, struct tail_base **out)
{
    const char *at = text->data;
    const char *end = at ? at + text->len : at;
    size_t count = text->len > 0;
    for (size_t i = 0; i < text->len; i++) {
        count += text->data[i] == ' ';
    }
    if (count > TAIL_MANY_MAX) {
        return ERR_INVALID;
    }
    struct tail_base *b = calloc(1, sizeof *b + count * sizeof *b->items);
    if (!b) {
        return ERR_NOMEM;
    }
    *b = (struct tail_base){.refs = 1, .name = source_marks_name(at, text->len), .count = count};
    for (size_t i = 0; i < count && at; i++) {
        at = read_item(at, end, &b->items[i]);
    }
    if (at != end) {
        free(b);
        return ERR_INVALID;
    }
    *out = b;
    return 0;
}

/* ---- in and out ---- */

static void make_ready(struct tail_marks *m, struct tail_base *b)
{
    tail_base_unref(m->ready[m->ready_next]);
    m->ready[m->ready_next] = tail_base_ref(b);
    m->ready_next = (m->ready_next + 1) % TAIL_MARKS_READY;
}

static void hand_out(struct tail_base *b, struct tail_base **out)
{
    tail_base_unref(*out);
    *out = b;
}

static struct tail_base *find_ready(const struct tail_marks *m, uint64_t name)
{
    for (size_t i = 0; i < TAIL_MARKS_READY; i++) {
        if (m->ready[i] && m->ready[i]->name == name) {
            return m->ready[i];
        }
    }
    return NULL;
}

int tail_marks_put(struct tail_marks *m, const struct tail_mark *items, size_t count,
                   struct tail_base **out)
{
    struct buf text;
    struct tail_base *b = NULL;
    buf_init(&text, SOURCE_MARKS_TEXT_BYTES);
    int rc = write_text(items, count, &text);
    if (!rc) {
        b = find_ready(m, source_marks_name(text.data, text.len));
    }
    if (b) {
        tail_base_ref(b);
    } else if (!rc) {
        rc = read_text(&text, &b);
        if (!rc) {
            make_ready(m, b);
            source_marks_keep(&m->kept, text.data, text.len);
        }
    }
    buf_fini(&text);
    if (!rc) {
        hand_out(b, out);
    }
    return rc;
}

int tail_marks_get(struct tail_marks *m, uint64_t name, struct tail_base **out)
{
    struct tail_base *b = find_ready(m, name);
    struct buf text;
    if (b) {
        hand_out(tail_base_ref(b), out);
        return 0;
    }
    buf_init(&text, SOURCE_MARKS_TEXT_BYTES);
    int rc = source_marks_get(&m->kept, name, &text);
    rc = rc ? rc : read_text(&text, &b);
    buf_fini(&text);
    if (rc) {
        return rc == ERR_INVALID ? ERR_GONE : rc;
    }
    make_ready(m, b);
    hand_out(b, out);
    return 0;
}

void tail_marks_renew(struct tail_marks *m, const struct tail_base *b)
{
    struct buf text;
    if (source_marks_is_recent(&m->kept, b->name)) {
        return;
    }
    buf_init(&text, SOURCE_MARKS_TEXT_BYTES);
    if (write_text(b->items, b->count, &text) == 0) {
        source_marks_keep(&m->kept, text.data, text.len);
    }
    buf_fini(&text);
}

/* ---- life ---- */

int tail_marks_init(struct tail_marks *m, const char *stream, const char *state_dir,
                    const struct log *log)
{
    *m = (struct tail_marks){.ready_next = 0};
    return source_marks_init(&m->kept, "tail", stream, state_dir, log);
}

void tail_marks_fini(struct tail_marks *m)
{
    for (size_t i = 0; i < TAIL_MARKS_READY; i++) {
        tail_base_unref(m->ready[i]);
        m->ready[i] = NULL;
    }
    source_marks_fini(&m->kept);
}

struct tail_base *tail_base_ref(struct tail_base *b)
{
    b->refs++;
    return b;
}

void tail_base_unref(struct tail_base *b)
{
    if (b && --b->refs == 0) {
        free(b);
    }
}

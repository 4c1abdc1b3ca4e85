/* SPDX-License-Identifier: MIT */
/* tail_many_id: a place in several files as the position of a stream, to text and back. Pure. */
#include "source/tail/many_id.h"

#include "base/err.h"
#include "base/hash.h"

#include <string.h>

#define SHORT_TAG_CHARS 3
#define SHORT_TAG_MASK ((1ULL << 6 * SHORT_TAG_CHARS) - 1)
#define BIRTH_CHARS 7
#define LABEL_TAG_CHARS 4
#define BEFORE_CHARS 5
#define ITEM_CHARS (SHORT_TAG_CHARS + TAIL_LABEL_CHARS + TAIL_HEAD_CHARS + BEFORE_CHARS)
#define OFFSET_CHARS 11
#define NUMBER_CHARS 13 /* of 64 bits in letters of five */
#define OVERRIDE_CHARS (2 * NUMBER_CHARS + TAIL_BRIEF_CHARS)
#define MORE 32

uint64_t tail_many_tag(const char *path)
{
    return hash_bytes(path, strlen(path)) & ((1ULL << TAIL_TAG_BITS) - 1);
}

int tail_many_is_tag(const struct tail_many_place *p, size_t item, uint64_t tag)
{
    return p->items[item].tag == (p->has_short_tags ? tag & SHORT_TAG_MASK : tag);
}

/* ---- all in the text ---- */

/* 1 when two files could be taken for each other. */
static int has_twins(const struct tail_many_place *p)
{
    for (size_t i = 0; i < p->count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (((p->items[i].tag ^ p->items[k].tag) & SHORT_TAG_MASK) == 0) {
                return 1;
            }
        }
    }
    return 0;
}

static int print_inline(const struct tail_many_place *p, char out[SSE_POSITION_SIZE])
{
    char text[TAIL_MANY_INLINE * (1 + ITEM_CHARS + OFFSET_CHARS) + 1];
    char *at = text;
    if (p->count > TAIL_MANY_INLINE || has_twins(p)) {
        return ERR_LIMIT;
    }
    for (size_t i = 0; i < p->count; i++) {
        const struct tail_mark *m = &p->items[i];
        int chars = 1;
        if (m->at.is_brief) {
            return ERR_LIMIT;
        }
        while (chars < OFFSET_CHARS && m->at.offset >> 6 * chars) {
            chars++;
        }
        *at++ = i ? '.' : 'v';
        at = tail_letters_put(at, m->tag & SHORT_TAG_MASK, SHORT_TAG_CHARS);
        at = tail_letters_put(at, m->at.label.birth_ms, BIRTH_CHARS);
        at = tail_letters_put(at, m->at.label.tag, LABEL_TAG_CHARS);
        at = tail_letters_put(at, m->at.head, TAIL_HEAD_CHARS);
        at = tail_letters_put(at, m->at.before, BEFORE_CHARS);
        at = tail_letters_put(at, m->at.offset, chars);
    }
    if (at - text > SSE_POSITION_MAX) {
        return ERR_LIMIT;
    }
    memcpy(out, text, (size_t)(at - text));
    out[at - text] = '\0';
    return 0;
}

static int parse_inline(const char *text, struct tail_many_place *p)
{
    size_t count = 0;
    for (const char *at = text; *at; count++) {
        uint64_t tag, label_tag, before;
        struct tail_mark m = {.tag = 0};
        if (count == TAIL_MANY_INLINE || *at++ != (count ? '.' : 'v')
            || tail_letters_take(at, SHORT_TAG_CHARS, &tag)
            || tail_letters_take(at + SHORT_TAG_CHARS, BIRTH_CHARS, &m.at.label.birth_ms)) {
            return ERR_INVALID;
        }
        at += SHORT_TAG_CHARS + BIRTH_CHARS;
        if (tail_letters_take(at, LABEL_TAG_CHARS, &label_tag)
            || tail_letters_take(at + LABEL_TAG_CHARS, TAIL_HEAD_CHARS, &m.at.head)
            || tail_letters_take(at + LABEL_TAG_CHARS + TAIL_HEAD_CHARS, BEFORE_CHARS, &before)) {
            return ERR_INVALID;
        }
        at += LABEL_TAG_CHARS + TAIL_HEAD_CHARS + BEFORE_CHARS;
        size_t chars = strcspn(at, ".");
        if (chars == 0 || chars > OFFSET_CHARS || (chars > 1 && *at == '0')
            || tail_letters_take(at, (int)chars, &m.at.offset) || m.at.offset > INT64_MAX) {
            return ERR_INVALID;
        }
        at += chars;
        m.tag = tag;
        m.at.label.tag = (uint32_t)label_tag;
        m.at.before = (uint32_t)before;
        p->items[count] = m;
    }
    p->count = count;
    p->has_short_tags = 1;
    return 0;
}

/* ---- what has moved since a base ---- */

static char *put_number(char *at, uint64_t value)
{
    while (value >= MORE) {
        at = tail_letters_put(at, MORE | (value & (MORE - 1)), 1);
        value /= MORE;
    }
    return tail_letters_put(at, value, 1);
}

/* Answers where it ended, or NULL. */
static const char *take_number(const char *at, uint64_t *out)
{
    uint64_t value = 0;
    for (int i = 0; i < NUMBER_CHARS; i++) {
        uint64_t digit;
        if (tail_letters_take(at++, 1, &digit)) {
            return NULL;
        }
        value |= (digit & (MORE - 1)) << 5 * i;
        if (digit < MORE) {
            *out = value;
            return value <= INT64_MAX ? at : NULL;
        }
    }
    return NULL;
}

void tail_many_move(struct tail_many_place *p, struct tail_mark *item,
                    const struct tail_position *at)
{
    size_t i = (size_t)(item - p->items);
    item->at = *at;
    p->moved[i / 64] |= 1ULL << i % 64;
}

/* Finds out how the items differ from the base, once for each base. Answers 0 when they are of
 * other files. */
static int compare(struct tail_many_place *p)
{
    const struct tail_base *b = p->base;
    if (!b || b->count != p->count) {
        return 0;
    }
    if (p->like == b->name) {
        return 1;
    }
    p->like = 0;
    memset(p->moved, 0, sizeof p->moved);
    for (size_t i = 0; i < p->count; i++) {
        if (b->items[i].tag != p->items[i].tag) {
            return 0;
        }
        if (!tail_position_equal(&b->items[i].at, &p->items[i].at)) {
            p->moved[i / 64] |= 1ULL << i % 64;
        }
    }
    p->like = b->name;
    return 1;
}

static int print_moved(struct tail_many_place *p, char out[SSE_POSITION_SIZE])
{
    char text[SSE_POSITION_MAX + OVERRIDE_CHARS];
    char *at = text;
    size_t next = 0;
    if (!compare(p)) {
        return ERR_LIMIT;
    }
    *at++ = 'b';
    at = tail_letters_put(at, p->base->name, TAIL_TAG_CHARS);
    for (size_t w = 0; w < TAIL_MANY_MAX / 64; w++) {
        for (uint64_t bits = p->moved[w]; bits; bits &= bits - 1) {
            size_t i = 64 * w + (size_t)__builtin_ctzll(bits);
            const struct tail_position *old = &p->base->items[i].at;
            const struct tail_position *new = &p->items[i].at;
            if (tail_position_equal(old, new)) {
                continue; /* it was moved to where it stood */
            }
            if (new->offset < old->offset || !tail_label_equal(old->label, new->label)) {
                return ERR_LIMIT;
            }
            at = put_number(at, i - next);
            at = put_number(at, new->offset - old->offset);
            at = tail_letters_put(at, tail_position_brief_of(new), TAIL_BRIEF_CHARS);
            next = i + 1;
            if (at - text > SSE_POSITION_MAX) {
                return ERR_LIMIT;
            }
        }
    }
    memcpy(out, text, (size_t)(at - text));
    out[at - text] = '\0';
    return 0;
}

/* One file that has moved: which, how far, its check. Answers where it ended, or NULL. */
static const char *take_moved(const char *at, uint64_t *index, uint64_t *distance, uint64_t *brief)
{
    at = take_number(at, index);
    at = at ? take_number(at, distance) : NULL;
    if (!at || tail_letters_take(at, TAIL_BRIEF_CHARS, brief)) {
        return NULL;
    }
    return at + TAIL_BRIEF_CHARS;
}

static int parse_moved(const char *at, struct tail_many_place *p)
{
    const struct tail_base *b = p->base;
    uint64_t next = 0;
    memcpy(p->items, b->items, b->count * sizeof *b->items);
    p->count = b->count;
    p->has_short_tags = 0;
    while (*at) {
        uint64_t index, distance, brief;
        at = take_moved(at, &index, &distance, &brief);
        if (!at || index >= b->count - next) {
            return ERR_INVALID;
        }
        struct tail_position *moved = &p->items[next + index].at;
        if (distance > INT64_MAX - moved->offset) {
            return ERR_INVALID;
        }
        next += index + 1;
        moved->has_head =
            moved->offset >= TAIL_HEAD_BYTES && (!moved->is_brief || moved->has_head);
        moved->offset += distance;
        moved->is_brief = 1;
        moved->brief = (uint32_t)brief;
    }
    return 0;
}

/* ---- either ---- */

int tail_many_print(struct tail_many_place *p, char out[SSE_POSITION_SIZE])
{
    if (p->count == 0) {
        memcpy(out, TAIL_POSITION_START, sizeof TAIL_POSITION_START);
        return 0;
    }
    return print_inline(p, out) ? print_moved(p, out) : 0;
}

uint64_t tail_many_base_name(const char *text)
{
    uint64_t name;
    return text[0] == 'b' && tail_letters_take(text + 1, TAIL_TAG_CHARS, &name) == 0 ? name : 0;
}

int tail_many_is_valid(const char *text)
{
    if (strcmp(text, TAIL_POSITION_START) == 0) {
        return 1;
    }
    if (text[0] == 'v') {
        struct tail_many_place p;
        return parse_inline(text, &p) == 0;
    }
    if (!tail_many_base_name(text)) {
        return 0;
    }
    const char *at = text + 1 + TAIL_TAG_CHARS;
    while (at && *at) {
        uint64_t index, distance, brief;
        at = take_moved(at, &index, &distance, &brief);
    }
    return at != NULL;
}

int tail_many_parse(const char *text, struct tail_many_place *p)
{
    p->like = 0;
    if (strcmp(text, TAIL_POSITION_START) == 0) {
        p->count = 0;
        p->has_short_tags = 0;
        return 0;
    }
    if (text[0] == 'v') {
        return parse_inline(text, p);
    }
    if (!p->base || p->base->name != tail_many_base_name(text)) {
        return ERR_INVALID;
    }
    return parse_moved(text + 1 + TAIL_TAG_CHARS, p);
}

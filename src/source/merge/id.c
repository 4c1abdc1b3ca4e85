/* SPDX-License-Identifier: MIT */
/* merge_id: places in several streams as one position, to text and back. Pure. */
#include "source/merge/id.h"

#include "base/err.h"
#include "base/hash.h"
#include "source/tail/position.h"

#include <string.h>

#define SHORT_TAG_CHARS 5
#define SHORT_TAG_MASK ((1ULL << 6 * SHORT_TAG_CHARS) - 1)
#define NUMBER_CHARS 2 /* in letters of five bits: all numbers here are below 1024 */
#define MORE 32
/* The largest step in writing a text, taken before its length is looked at. */
#define STEP_CHARS (SHORT_TAG_CHARS + 3 * NUMBER_CHARS + SSE_POSITION_MAX)

uint64_t merge_tag(const char *name)
{
    return hash_bytes(name, strlen(name)) & ((1ULL << MERGE_TAG_BITS) - 1);
}

struct merge_part *merge_part_of(struct merge_place *p, uint64_t tag)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->parts[i].tag == (p->has_short_tags ? tag & SHORT_TAG_MASK : tag)) {
            return &p->parts[i];
        }
    }
    return NULL;
}

int merge_place_equal(const struct merge_place *a, const struct merge_place *b)
{
    if (a->count != b->count || a->is_over != b->is_over) {
        return 0;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (a->parts[i].tag != b->parts[i].tag || strcmp(a->parts[i].at, b->parts[i].at) != 0) {
            return 0;
        }
    }
    return 1;
}

/* ---- numbers ---- */

static char *put_number(char *at, size_t value)
{
    while (value >= MORE) {
        at = tail_letters_put(at, MORE | (value & (MORE - 1)), 1);
        value /= MORE;
    }
    return tail_letters_put(at, value, 1);
}

/* Answers where it ended, or NULL. */
static const char *take_number(const char *at, size_t *out)
{
    uint64_t low, high;
    if (tail_letters_take(at, 1, &low)) {
        return NULL;
    }
    if (low < MORE) {
        *out = (size_t)low;
        return at + 1;
    }
    if (tail_letters_take(at + 1, 1, &high) || high == 0 || high >= MORE) {
        return NULL;
    }
    *out = (size_t)(high * MORE + (low & (MORE - 1)));
    return at + 2;
}

/* Copies `len` characters of the text, which may end before. Answers where they ended, or NULL. */
static const char *take_chars(const char *at, size_t len, char *out)
{
    if (len > SSE_POSITION_MAX || strnlen(at, len) < len) {
        return NULL;
    }
    memcpy(out, at, len);
    out[len] = '\0';
    return at + len;
}

/* ---- all in the text ---- */

/* 1 when two streams could be taken for each other. */
static int has_twins(const struct merge_place *p)
{
    for (size_t i = 0; i < p->count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (((p->parts[i].tag ^ p->parts[k].tag) & SHORT_TAG_MASK) == 0) {
                return 1;
            }
        }
    }
    return 0;
}

static int finish(char text[], const char *end, char out[SSE_POSITION_SIZE])
{
    size_t len = (size_t)(end - text);
    if (len > SSE_POSITION_MAX) {
        return ERR_LIMIT;
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return 0;
}

int merge_print_whole(const struct merge_place *p, char out[SSE_POSITION_SIZE])
{
    char text[SSE_POSITION_MAX + STEP_CHARS];
    char *at = text;
    *at++ = p->is_over ? 'M' : 'm';
    for (size_t i = 0; i < p->count; i++) {
        size_t len = strlen(p->parts[i].at);
        at = tail_letters_put(at, p->parts[i].tag & SHORT_TAG_MASK, SHORT_TAG_CHARS);
        at = put_number(at, len);
        memcpy(at, p->parts[i].at, len);
        at += len;
        if (at - text > SSE_POSITION_MAX) {
            return ERR_LIMIT;
        }
    }
    return has_twins(p) ? ERR_LIMIT : finish(text, at, out);
}

static int parse_whole(const char *at, struct merge_place *p)
{
    p->has_short_tags = 1;
    for (; *at; p->count++) {
        struct merge_part *part = &p->parts[p->count];
        uint64_t tag;
        size_t len;
        if (p->count == MERGE_MEMBERS_MAX || tail_letters_take(at, SHORT_TAG_CHARS, &tag)
            || merge_part_of(p, tag)) {
            return ERR_INVALID;
        }
        at = take_number(at + SHORT_TAG_CHARS, &len);
        at = at ? take_chars(at, len, part->at) : NULL;
        if (!at || !sse_position_is_valid(part->at, len)) {
            return ERR_INVALID;
        }
        part->tag = tag;
    }
    return p->count > 0 ? 0 : ERR_INVALID;
}

/* ---- what differs from a base ---- */

static size_t prefix_of(const char *a, const char *b)
{
    size_t len = 0;
    while (a[len] && a[len] == b[len]) {
        len++;
    }
    return len;
}

int merge_print_since(const struct merge_place *p, const struct merge_base *base,
                      char out[SSE_POSITION_SIZE])
{
    char text[SSE_POSITION_MAX + STEP_CHARS];
    char *at = text;
    size_t next = 0;
    if (base->name == 0 || base->place.count != p->count) {
        return ERR_LIMIT;
    }
    *at++ = p->is_over ? 'N' : 'n';
    at = tail_letters_put(at, base->name, MERGE_TAG_CHARS);
    for (size_t i = 0; i < p->count; i++) {
        const struct merge_part *old = &base->place.parts[i];
        const struct merge_part *new = &p->parts[i];
        if (old->tag != new->tag) {
            return ERR_LIMIT;
        }
        size_t prefix = prefix_of(old->at, new->at);
        size_t rest = strlen(new->at + prefix);
        if (rest == 0 && old->at[prefix] == '\0') {
            continue;
        }
        at = put_number(at, i - next);
        at = put_number(at, prefix);
        at = put_number(at, rest);
        memcpy(at, new->at + prefix, rest);
        at += rest;
        next = i + 1;
        if (at - text > SSE_POSITION_MAX) {
            return ERR_LIMIT;
        }
    }
    return finish(text, at, out);
}

static int parse_since(const char *at, struct merge_place *p)
{
    size_t next = 0;
    while (*at) {
        size_t index, prefix, rest;
        at = take_number(at, &index);
        at = at ? take_number(at, &prefix) : NULL;
        at = at ? take_number(at, &rest) : NULL;
        if (!at || index >= p->count - next) {
            return ERR_INVALID;
        }
        struct merge_part *part = &p->parts[next + index];
        if (prefix > strlen(part->at) || rest > SSE_POSITION_MAX - prefix) {
            return ERR_INVALID;
        }
        at = take_chars(at, rest, part->at + prefix);
        if (!at || !sse_position_is_valid(part->at, prefix + rest)) {
            return ERR_INVALID;
        }
        next += index + 1;
    }
    return 0;
}

/* ---- either ---- */

uint64_t merge_base_name(const char *text)
{
    uint64_t name;
    if (text[0] != 'n' && text[0] != 'N') {
        return 0;
    }
    return tail_letters_take(text + 1, MERGE_TAG_CHARS, &name) == 0 ? name : 0;
}

int merge_parse(const char *text, const struct merge_base *base, struct merge_place *out)
{
    struct merge_place p = {.count = 0};
    uint64_t name = merge_base_name(text);
    int rc = ERR_INVALID;
    if (text[0] == 'm' || text[0] == 'M') {
        rc = parse_whole(text + 1, &p);
    } else if (name && base && base->name == name) {
        p = base->place;
        rc = parse_since(text + 1 + MERGE_TAG_CHARS, &p);
    }
    if (!rc) {
        p.is_over = text[0] == 'M' || text[0] == 'N';
        *out = p;
    }
    return rc;
}

/* ---- a base's own text ---- */

size_t merge_base_write(const struct merge_place *p, char out[MERGE_BASE_BYTES])
{
    char *at = out;
    for (size_t i = 0; i < p->count; i++) {
        size_t len = strlen(p->parts[i].at);
        if (i) {
            *at++ = ' ';
        }
        at = tail_letters_put(at, p->parts[i].tag, MERGE_TAG_CHARS);
        *at++ = '.';
        memcpy(at, p->parts[i].at, len);
        at += len;
    }
    return (size_t)(at - out);
}

int merge_base_read(const char *text, size_t len, struct merge_place *out)
{
    struct merge_place p = {.count = 0};
    const char *end = text + len;
    for (const char *at = text; at < end; p.count++) {
        struct merge_part *part = &p.parts[p.count];
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        size_t left = (size_t)((blank ? blank : end) - at);
        if (p.count == MERGE_MEMBERS_MAX || left < MERGE_TAG_CHARS + 2 || at[MERGE_TAG_CHARS] != '.'
            || tail_letters_take(at, MERGE_TAG_CHARS, &part->tag)
            || !sse_position_is_valid(at + MERGE_TAG_CHARS + 1, left - MERGE_TAG_CHARS - 1)) {
            return ERR_INVALID;
        }
        left -= MERGE_TAG_CHARS + 1;
        memcpy(part->at, at + MERGE_TAG_CHARS + 1, left);
        part->at[left] = '\0';
        at = blank ? blank + 1 : end;
    }
    if (p.count == 0) {
        return ERR_INVALID;
    }
    *out = p;
    return 0;
}

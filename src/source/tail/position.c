/* SPDX-License-Identifier: MIT */
/* tail_position: an address in a log, to text and back. Pure. */
#include "source/tail/position.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/num.h"

#include <string.h>

#define BEFORE_CHARS 5
#define OFFSET_CHARS 19 /* of INT64_MAX, which is the most that a file can have */

static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

char *tail_letters_put(char *at, uint64_t value, int chars)
{
    for (int i = chars - 1; i >= 0; i--) {
        at[i] = letters[value & 63];
        value >>= 6;
    }
    return at + chars;
}

static char *put_decimal(char *at, uint64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233"
                                "34353637383940414243444546474849505152535455565758596061626364656667"
                                "6869707172737475767778798081828384858687888990919293949596979899";
    char digits[OFFSET_CHARS + 1];
    char *first = digits + sizeof digits;
    for (; value >= 100; value /= 100) {
        first -= 2;
        memcpy(first, pairs + value % 100 * 2, 2);
    }
    if (value >= 10) {
        first -= 2;
        memcpy(first, pairs + value * 2, 2);
    } else {
        *--first = (char)('0' + value);
    }
    size_t len = (size_t)(digits + sizeof digits - first);
    memcpy(at, first, len);
    return at + len;
}

static void spell(struct tail_printer *t, const struct tail_position *p)
{
    tail_letters_put(tail_letters_put(t->label_text, p->label.birth_ms, 7), p->label.tag, 4);
    tail_letters_put(t->head_text, p->head, TAIL_HEAD_CHARS);
    t->label = p->label;
    t->head = p->head;
    t->is_ready = 1;
}

void tail_printer_print(struct tail_printer *t, const struct tail_position *p,
                        char out[SSE_POSITION_SIZE])
{
    if (p->is_start) {
        memcpy(out, TAIL_POSITION_START, sizeof TAIL_POSITION_START);
        return;
    }
    if (!t->is_ready || t->head != p->head || !tail_label_equal(t->label, p->label)) {
        spell(t, p);
    }
    memcpy(out, t->label_text, sizeof t->label_text);
    char *at = out + sizeof t->label_text;
    *at++ = '.';
    at = put_decimal(at, p->offset);
    *at++ = '.';
    if (!p->is_brief || p->has_head) {
        memcpy(at, t->head_text, sizeof t->head_text);
        at += sizeof t->head_text;
    }
    if (p->is_brief) {
        *at++ = '~';
        at = tail_letters_put(at, p->brief, TAIL_BRIEF_CHARS);
    } else {
        at = tail_letters_put(at, p->before, BEFORE_CHARS);
    }
    *at = '\0';
}

void tail_position_print(const struct tail_position *p, char out[SSE_POSITION_SIZE])
{
    struct tail_printer once = {.is_ready = 0};
    tail_printer_print(&once, p, out);
}

int tail_letters_take(const char *at, int chars, uint64_t *out)
{
    uint64_t value = 0;
    for (int i = 0; i < chars; i++) {
        const char *letter = at[i] ? strchr(letters, at[i]) : NULL;
        if (!letter) {
            return ERR_INVALID;
        }
        value = value << 6 | (uint64_t)(letter - letters);
    }
    *out = value;
    return 0;
}

/* "HHHHHHBBBBB", or of a brief one "~BBBB" or "HHHHHH~BBBB". */
static int parse_check(const char *text, struct tail_position *p)
{
    const char *tilde = strchr(text, '~');
    size_t head_len = tilde ? (size_t)(tilde - text) : TAIL_HEAD_CHARS;
    uint64_t value = 0;
    if (head_len > 0) {
        if (head_len != TAIL_HEAD_CHARS || tail_letters_take(text, TAIL_HEAD_CHARS, &p->head)) {
            return ERR_INVALID;
        }
        text += TAIL_HEAD_CHARS;
        p->has_head = tilde != NULL;
    }
    p->is_brief = tilde != NULL;
    text += p->is_brief;
    int chars = p->is_brief ? TAIL_BRIEF_CHARS : BEFORE_CHARS;
    if (strlen(text) != (size_t)chars || tail_letters_take(text, chars, &value)) {
        return ERR_INVALID;
    }
    *(p->is_brief ? &p->brief : &p->before) = (uint32_t)value;
    return 0;
}

int tail_position_parse(const char *text, struct tail_position *out)
{
    if (strcmp(text, TAIL_POSITION_START) == 0) {
        *out = (struct tail_position){.is_start = 1};
        return 0;
    }
    struct tail_position p = {.is_start = 0};
    uint64_t tag;
    if (tail_letters_take(text, 7, &p.label.birth_ms) || tail_letters_take(text + 7, 4, &tag)
        || text[TAIL_LABEL_CHARS] != '.') {
        return ERR_INVALID;
    }
    const char *offset = text + TAIL_LABEL_CHARS + 1;
    size_t offset_len = strcspn(offset, ".");
    const char *check = offset + offset_len;
    if ((offset[0] == '0' && offset_len > 1)
        || num_parse_u64(offset, offset_len, INT64_MAX, &p.offset) || *check != '.'
        || parse_check(check + 1, &p)) {
        return ERR_INVALID;
    }
    p.label.tag = (uint32_t)tag;
    *out = p;
    return 0;
}

int tail_label_equal(struct tail_label a, struct tail_label b)
{
    return a.birth_ms == b.birth_ms && a.tag == b.tag;
}

uint32_t tail_position_brief(uint64_t head, uint32_t before)
{
    return (uint32_t)hash_mix64(head << 28 ^ before) & ((1U << TAIL_BRIEF_BITS) - 1);
}

uint32_t tail_position_brief_of(const struct tail_position *p)
{
    return p->is_brief ? p->brief : tail_position_brief(p->head, p->before);
}

int tail_position_equal(const struct tail_position *a, const struct tail_position *b)
{
    if (a->is_start || b->is_start) {
        return a->is_start == b->is_start;
    }
    if (a->offset != b->offset || !tail_label_equal(a->label, b->label)) {
        return 0;
    }
    if (a->is_brief || b->is_brief) {
        return tail_position_brief_of(a) == tail_position_brief_of(b);
    }
    return a->head == b->head && a->before == b->before;
}

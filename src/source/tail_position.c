/* SPDX-License-Identifier: MIT */
/* tail_position: an address in a log, to text and back. Pure. */
#include "source/tail_position.h"

#include "base/err.h"
#include "base/num.h"

#include <string.h>

#define LABEL_CHARS 11
#define CHECK_CHARS 11
#define OFFSET_CHARS 19 /* of INT64_MAX, which is the most that a file can have */

static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

static char *put_bits(char *at, uint64_t value, int chars)
{
    for (int i = chars - 1; i >= 0; i--) {
        at[i] = letters[value & 63];
        value >>= 6;
    }
    return at + chars;
}

static char *put_decimal(char *at, uint64_t value)
{
    char digits[OFFSET_CHARS + 1];
    int n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (n > 0) {
        *at++ = digits[--n];
    }
    return at;
}

void tail_position_print(const struct tail_position *p, char out[SSE_POSITION_SIZE])
{
    if (p->is_start) {
        memcpy(out, TAIL_POSITION_START, sizeof TAIL_POSITION_START);
        return;
    }
    char *at = put_bits(out, p->label.birth_ms, 7);
    at = put_bits(at, p->label.tag, 4);
    *at++ = '.';
    at = put_decimal(at, p->offset);
    *at++ = '.';
    at = put_bits(at, p->head, 6);
    at = put_bits(at, p->before, 5);
    *at = '\0';
}

static int take_bits(const char *at, int chars, uint64_t *out)
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

int tail_position_parse(const char *text, struct tail_position *out)
{
    if (strcmp(text, TAIL_POSITION_START) == 0) {
        *out = (struct tail_position){.is_start = 1};
        return 0;
    }
    size_t len = strlen(text);
    if (len < LABEL_CHARS + 1 + 1 + 1 + CHECK_CHARS
        || len > LABEL_CHARS + 1 + OFFSET_CHARS + 1 + CHECK_CHARS) {
        return ERR_INVALID;
    }
    const char *offset = text + LABEL_CHARS + 1;
    const char *check = text + len - CHECK_CHARS;
    size_t offset_len = (size_t)(check - 1 - offset);
    struct tail_position p = {.is_start = 0};
    uint64_t tag, before;
    if (offset[-1] != '.' || check[-1] != '.' || (offset[0] == '0' && offset_len > 1)
        || num_parse_u64(offset, offset_len, INT64_MAX, &p.offset)
        || take_bits(text, 7, &p.label.birth_ms) || take_bits(text + 7, 4, &tag)
        || take_bits(check, 6, &p.head) || take_bits(check + 6, 5, &before)) {
        return ERR_INVALID;
    }
    p.label.tag = (uint32_t)tag;
    p.before = (uint32_t)before;
    *out = p;
    return 0;
}

int tail_label_equal(struct tail_label a, struct tail_label b)
{
    return a.birth_ms == b.birth_ms && a.tag == b.tag;
}

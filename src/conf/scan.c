/* SPDX-License-Identifier: MIT */
/* scan: a look over JSON text before json-c: comments go, and what it would let pass is found. */
#include "conf/scan.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64
#define KEYS_FIRST 64

struct key {
    size_t at; /* of the first byte inside the quotes */
    size_t len;
};

/* Keys of the objects that are open, innermost last; first[d] is where those of depth d begin. */
struct scan {
    char *text;
    size_t len;
    struct key *keys;
    size_t key_count, key_cap;
    size_t first[DEPTH_MAX];
    size_t depth;
    struct conf_mistake *mistake;
};

static int refuse(struct scan *s, size_t at, const char *why)
{
    *s->mistake = (struct conf_mistake){.at = at, .why = why};
    return ERR_INVALID;
}

static int add_key(struct scan *s, size_t at, size_t len)
{
    if (s->depth == 0) {
        return 0;
    }
    for (size_t i = s->first[s->depth - 1]; i < s->key_count; i++) {
        if (s->keys[i].len == len && memcmp(s->text + s->keys[i].at, s->text + at, len) == 0) {
            return refuse(s, at - 1, "this key was given before in the same object");
        }
    }
    if (s->key_count == s->key_cap) {
        size_t cap = s->key_cap ? s->key_cap * 2 : KEYS_FIRST;
        struct key *keys = realloc(s->keys, cap * sizeof *keys);
        if (!keys) {
            return ERR_NOMEM;
        }
        s->keys = keys;
        s->key_cap = cap;
    }
    s->keys[s->key_count++] = (struct key){.at = at, .len = len};
    return 0;
}

/* A string: *i stands on its quote and is left behind the closing one. */
static int scan_string(struct scan *s, size_t *i)
{
    size_t at = *i + 1;
    size_t end = at;
    while (end < s->len && s->text[end] != '"') {
        if ((unsigned char)s->text[end] < 0x20) {
            return refuse(s, end, "a control character or line end inside a string");
        }
        if (s->len - end >= 6 && memcmp(s->text + end, "\\u0000", 6) == 0) {
            return refuse(s, end, "a NUL character inside a string");
        }
        end += s->text[end] == '\\' && end + 1 < s->len ? 2 : 1;
    }
    if (end > s->len) {
        end = s->len;
    }
    *i = end < s->len ? end + 1 : end;
    size_t colon = *i + strspn(s->text + *i, " \t\r\n");
    return colon < s->len && s->text[colon] == ':' ? add_key(s, at, end - at) : 0;
}

/* A comment, if `*i` stands on one. */
static int scan_comment(struct scan *s, size_t *i)
{
    char *text = s->text + *i;
    size_t left = s->len - *i;
    if (left < 2 || (text[1] != '/' && text[1] != '*')) {
        (*i)++;
        return 0;
    }
    size_t stop = strcspn(text, "\n");
    if (text[1] == '*') {
        const char *end = memmem(text + 2, left - 2, "*/", 2);
        if (!end) {
            return refuse(s, *i, "this comment is never closed");
        }
        stop = (size_t)(end - text) + 2;
    }
    for (size_t k = 0; k < stop; k++) {
        text[k] = text[k] == '\n' ? '\n' : ' ';
    }
    *i += stop;
    return 0;
}

static int scan_plain(struct scan *s, size_t *i)
{
    char c = s->text[(*i)++];
    switch (c) {
    case '{':
    case '[':
        if (s->depth == DEPTH_MAX) {
            return refuse(s, *i - 1, "nested too deeply");
        }
        s->first[s->depth++] = s->key_count;
        return 0;
    case '}':
    case ']':
        if (s->depth > 0) {
            s->key_count = s->first[--s->depth];
        }
        return 0;
    case '\'':
        return refuse(s, *i - 1, "strings are written in double quotes");
    case 'N':
    case 'I':
        return refuse(s, *i - 1, "JSON has no NaN and no Infinity");
    default:
        return 0;
    }
}

int conf_scan(char *text, size_t len, struct conf_mistake *mistake)
{
    struct scan s = {.text = text, .len = len, .mistake = mistake};
    int rc = 0;
    /* Comments first: one between a key and its colon must not hide the key. */
    for (size_t i = 0; i < len && !rc;) {
        if (text[i] == '"') {
            for (i++; i < len && text[i] != '"'; i++) {
                i += text[i] == '\\';
            }
            i++;
        } else if (text[i] == '/') {
            rc = scan_comment(&s, &i);
        } else {
            i++;
        }
    }
    for (size_t i = 0; i < len && !rc;) {
        rc = text[i] == '"' ? scan_string(&s, &i) : scan_plain(&s, &i);
    }
    free(s.keys);
    return rc;
}

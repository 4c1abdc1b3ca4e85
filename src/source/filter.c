/* SPDX-License-Identifier: MIT */
/* filter: which lines a reader asked for. */
#include "source/filter.h"

#include "base/err.h"
#include "base/num.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIND_LINES 16 /* matched one by one before filter_find comes back */

struct filter {
    char *grep; /* NULL for none */
    size_t grep_len;
    pcre2_code *regex; /* NULL for none */
    pcre2_code *block_regex; /* the same, for many lines at once; NULL: it must be one by one */
    pcre2_match_data *match;
    pcre2_match_context *limits;
    pcre2_jit_stack *stack;
    size_t context;
    int is_inverted;
};

static int check_length(const char *name, const char *pattern, struct err *err)
{
    size_t len = strlen(pattern);
    if (len == 0) {
        return err_set(err, ERR_INVALID, "%s: must not be empty", name);
    }
    if (len > FILTER_PATTERN_MAX) {
        return err_set(err, ERR_INVALID, "%s: must be at most %d bytes long, not %zu", name,
                       FILTER_PATTERN_MAX, len);
    }
    return 0;
}

static int set_grep(struct filter *f, const char *text, struct err *err)
{
    int rc = check_length("grep", text, err);
    if (rc) {
        return rc;
    }
    if (strchr(text, '\n')) {
        return err_set(err, ERR_INVALID, "grep: must be of one line");
    }
    f->grep = strdup(text);
    f->grep_len = strlen(text);
    return f->grep ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static int say_bad_regex(int error, size_t offset, struct err *err)
{
    PCRE2_UCHAR text[256] = "";
    pcre2_get_error_message(error, text, sizeof text);
    return err_set(err, ERR_INVALID, "regex: at offset %zu: %s", offset, (const char *)text);
}

/* Goes over a character class: `at` is behind its [. Answers what is behind its end, or NULL when
 * it may match a line's end. */
static const char *skip_class(const char *at)
{
    if (*at == '^') {
        return NULL;
    }
    do {
        if (*at == '\0' || *at == '\\' || (*at == '[' && strchr(":.=", at[1]))) {
            return NULL; /* escapes and named classes: not worth telling apart */
        }
    } while (*++at != ']');
    return at + 1;
}

/* 1 when nothing in the pattern can match beyond a line's end, or treats the ends of the text unlike
 * those of a line: then what it finds in a line by itself it finds in a block of lines, too. */
static int keeps_to_lines(const char *pattern)
{
    const char *at = pattern;
    while (*at) {
        if (*at == '\\') {
            if (!at[1] || !strchr("dwSbB.\\/()[]{}+*?^$|-\":,", at[1])) {
                return 0;
            }
            at += 2;
        } else if (*at == '[') {
            at = skip_class(at + 1);
            if (!at) {
                return 0;
            }
        } else if (*at == '(' && (at[1] == '?' || at[1] == '*')) {
            return 0;
        } else if (*at == '+' && at > pattern && strchr("*+?}", at[-1])) {
            return 0; /* what takes and never gives back */
        } else {
            at++;
        }
    }
    return 1;
}

/* Without it, lines are matched one by one; that is all. */
static void set_block_regex(struct filter *f, const char *pattern, uint32_t options)
{
    int error;
    size_t offset;
    if (!keeps_to_lines(pattern)) {
        return;
    }
    f->block_regex = pcre2_compile((PCRE2_SPTR)pattern, strlen(pattern),
                                   options | PCRE2_MULTILINE | PCRE2_ALT_CIRCUMFLEX, &error, &offset, NULL);
    if (f->block_regex && pcre2_jit_compile(f->block_regex, PCRE2_JIT_COMPLETE)) {
        pcre2_code_free(f->block_regex);
        f->block_regex = NULL;
    }
}

static int set_regex(struct filter *f, const char *pattern, struct err *err)
{
    /* Logs hold what they hold: an invalid byte matches nothing, and is no error. \C could split a
     * character. */
    const uint32_t options = PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    int error;
    size_t offset;
    int rc = check_length("regex", pattern, err);
    if (rc) {
        return rc;
    }
    f->regex = pcre2_compile((PCRE2_SPTR)pattern, strlen(pattern), options, &error, &offset, NULL);
    if (!f->regex && error == PCRE2_ERROR_HEAP_FAILED) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (!f->regex) {
        return say_bad_regex(error, offset, err);
    }
    f->match = pcre2_match_data_create(1, NULL);
    f->limits = pcre2_match_context_create(NULL);
    if (!f->match || !f->limits) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    pcre2_set_match_limit(f->limits, FILTER_MATCH_LIMIT);
    pcre2_set_depth_limit(f->limits, FILTER_DEPTH_LIMIT);
    pcre2_set_heap_limit(f->limits, FILTER_HEAP_LIMIT_KIB);
    set_block_regex(f, pattern, options);
    /* Where there is no JIT, or no memory that may be executed, it is slower and that is all. */
    if (pcre2_jit_compile(f->regex, PCRE2_JIT_COMPLETE) == 0) {
        f->stack = pcre2_jit_stack_create(32 * 1024, FILTER_JIT_STACK_BYTES, NULL);
        pcre2_jit_stack_assign(f->limits, NULL, f->stack);
    }
    return 0;
}

static int set_invert(struct filter *f, const char *text, struct err *err)
{
    if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0) {
        return err_set(err, ERR_INVALID, "invert: must be 0 or 1");
    }
    f->is_inverted = text[0] == '1';
    return 0;
}

static int set_context(struct filter *f, const char *text, struct err *err)
{
    uint64_t lines;
    if (num_parse_u64(text, strlen(text), FILTER_CONTEXT_MAX, &lines)) {
        return err_set(err, ERR_INVALID, "context: must be a number of lines from 0 to %d",
                       FILTER_CONTEXT_MAX);
    }
    f->context = (size_t)lines;
    return 0;
}

int filter_new(struct filter **out, const struct filter_want *want, struct err *err)
{
    if (!want->grep && !want->regex) {
        const char *alone = want->invert ? "invert" : want->context ? "context" : NULL;
        if (alone) {
            return err_set(err, ERR_INVALID, "%s: goes with grep or regex only", alone);
        }
        *out = NULL;
        return 0;
    }
    struct filter *f = calloc(1, sizeof *f);
    if (!f) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    int rc = want->grep ? set_grep(f, want->grep, err) : 0;
    if (!rc && want->regex) {
        rc = set_regex(f, want->regex, err);
    }
    if (!rc && want->invert) {
        rc = set_invert(f, want->invert, err);
    }
    if (!rc && want->context) {
        rc = set_context(f, want->context, err);
    }
    if (rc) {
        filter_free(f);
        return rc;
    }
    *out = f;
    return 0;
}

void filter_free(struct filter *f)
{
    if (!f) {
        return;
    }
    pcre2_jit_stack_free(f->stack);
    pcre2_match_context_free(f->limits);
    pcre2_match_data_free(f->match);
    pcre2_code_free(f->block_regex);
    pcre2_code_free(f->regex);
    free(f->grep);
    free(f);
}

/* Answers as filter_match. */
static int match_regex(struct filter *f, const char *line, size_t len)
{
    int rc = pcre2_match(f->regex, (PCRE2_SPTR)line, len, 0, 0, f->match, f->limits);
    switch (rc) {
    case PCRE2_ERROR_NOMATCH:
        return 0;
    case PCRE2_ERROR_NOMEMORY:
        return ERR_NOMEM;
    default:
        /* Apart from the limits there is recursion that leads nowhere: nobody knows either. */
        return rc < 0 ? ERR_LIMIT : 1;
    }
}

int filter_match(struct filter *f, const char *line, size_t len)
{
    int is_match = !f->grep || memmem(line, len, f->grep, f->grep_len);
    if (is_match && f->regex) {
        is_match = match_regex(f, line, len);
        if (is_match < 0) {
            return is_match;
        }
    }
    return is_match != f->is_inverted;
}

/* Where the line begins that the byte at `at` is in. */
static size_t line_begin(const char *block, size_t at)
{
    const char *newline = memrchr(block, '\n', at);
    return newline ? (size_t)(newline + 1 - block) : 0;
}

static size_t find_text(const struct filter *f, const char *block, size_t len, int *is_found)
{
    const char *found = memmem(block, len, f->grep, f->grep_len);
    *is_found = found != NULL;
    return found ? line_begin(block, (size_t)(found - block)) : len;
}

/* Answers as filter_find, or SIZE_MAX when lines must be matched one by one. */
static size_t find_in_block(struct filter *f, const char *block, size_t len, int *is_found)
{
    size_t whole = line_begin(block, len);
    /* A line's CR before its LF is none of its text. */
    if (whole == 0 || memchr(block, '\r', whole)) {
        return SIZE_MAX;
    }
    int rc = pcre2_match(f->block_regex, (PCRE2_SPTR)block, whole - 1, 0, 0, f->match, f->limits);
    if (rc < 0 && rc != PCRE2_ERROR_NOMATCH) {
        return SIZE_MAX;
    }
    if (rc >= 0) {
        *is_found = 1;
        return line_begin(block, pcre2_get_ovector_pointer(f->match)[0]);
    }
    *is_found = whole < len;
    return whole;
}

static size_t find_by_lines(struct filter *f, const char *block, size_t len, int *is_found)
{
    size_t at = 0;
    *is_found = 0;
    for (int i = 0; i < FIND_LINES && at < len; i++) {
        const char *newline = memchr(block + at, '\n', len - at);
        size_t end = newline ? (size_t)(newline - block) : len;
        size_t text_end = end > at && block[end - 1] == '\r' ? end - 1 : end;
        if (!newline || filter_match(f, block + at, text_end - at) != 0) {
            *is_found = 1;
            break;
        }
        at = end + 1;
    }
    return at;
}

size_t filter_find(struct filter *f, const char *block, size_t len, int *is_found)
{
    if (f->grep && !f->is_inverted) {
        return find_text(f, block, len, is_found);
    }
    if (f->block_regex && !f->is_inverted) {
        size_t answer = find_in_block(f, block, len, is_found);
        if (answer != SIZE_MAX) {
            return answer;
        }
    }
    return find_by_lines(f, block, len, is_found);
}

int filter_is_costly(const struct filter *f)
{
    return f->regex != NULL;
}

size_t filter_context(const struct filter *f)
{
    return f->context;
}

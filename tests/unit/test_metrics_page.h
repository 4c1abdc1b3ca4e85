/* SPDX-License-Identifier: MIT */
/* test_metrics_page: reads the page of metrics, and forgives nothing. */
#ifndef TEST_METRICS_PAGE_H
#define TEST_METRICS_PAGE_H

#include "app/figures/figures.h"
#include "base/buf.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SERIES_MAX 4096
#define NAME_BYTES 128

/* One sample: "ssecgi_name{label=\"value\"}" as it is written, and its value. */
struct series {
    char key[2 * NAME_BYTES];
    double value;
};

struct page {
    struct series series[SERIES_MAX];
    size_t count;
    char families[SERIES_MAX][NAME_BYTES]; /* those that had a TYPE */
    char types[SERIES_MAX][16];
    size_t family_count;
    int is_announced; /* a HELP line came last */
};

static struct page page;

static size_t name_len(const char *at)
{
    size_t len = 0;
    while (isalnum((unsigned char)at[len]) || at[len] == '_' || at[len] == ':') {
        len++;
    }
    assert_true(len > 0 && len < NAME_BYTES && !isdigit((unsigned char)at[0]));
    return len;
}

/* "# HELP name text" and, right behind it, "# TYPE name type". */
static void read_comment(const char *line)
{
    const char *name = line + strlen("# HELP ");
    size_t len = name_len(name);
    assert_int_equal(name[len], ' ');
    const char *text = name + len + 1;
    assert_true(*text);
    if (strncmp(line, "# HELP ", 7) == 0) {
        assert_false(page.is_announced);
        page.is_announced = 1;
        assert_null(strchr(text, '\\'));
        for (size_t i = 0; i < page.family_count; i++) {
            assert_false(strlen(page.families[i]) == len
                         && strncmp(page.families[i], name, len) == 0);
        }
        memcpy(page.families[page.family_count], name, len);
        page.families[page.family_count][len] = '\0';
        return;
    }
    assert_int_equal(strncmp(line, "# TYPE ", 7), 0);
    assert_true(page.is_announced);
    page.is_announced = 0;
    char *type = page.types[page.family_count];
    assert_int_equal(strlen(page.families[page.family_count]), len);
    assert_int_equal(strncmp(page.families[page.family_count], name, len), 0);
    assert_true(strcmp(text, "counter") == 0 || strcmp(text, "gauge") == 0
                || strcmp(text, "histogram") == 0);
    strcpy(type, text);
    page.family_count++;
}

/* Answers what follows the labels. */
static const char *read_labels(const char *at)
{
    if (*at != '{') {
        return at;
    }
    do {
        at++;
        at += name_len(at);
        assert_int_equal(*at++, '=');
        assert_int_equal(*at++, '"');
        while (*at != '"') {
            if (*at == '\\') {
                at++;
                assert_true(*at == '\\' || *at == '"' || *at == 'n');
            }
            assert_true(*at && *at != '\n');
            at++;
        }
        at++;
    } while (*at == ',');
    assert_int_equal(*at, '}');
    return at + 1;
}

static void check_family(const char *name, size_t len)
{
    assert_true(page.family_count > 0 && !page.is_announced);
    const char *family = page.families[page.family_count - 1];
    const char *type = page.types[page.family_count - 1];
    size_t family_len = strlen(family);
    assert_true(len >= family_len && strncmp(name, family, family_len) == 0);
    const char *rest = name + family_len;
    len -= family_len;
    if (strcmp(type, "histogram") == 0) {
        assert_true((len == 7 && !strncmp(rest, "_bucket", 7))
                    || (len == 4 && !strncmp(rest, "_sum", 4))
                    || (len == 6 && !strncmp(rest, "_count", 6)));
        return;
    }
    assert_int_equal(len, 0);
    /* https://prometheus.io/docs/practices/naming: only what counts up is a total. */
    int is_total = family_len > 6 && strcmp(family + family_len - 6, "_total") == 0;
    assert_int_equal(is_total, strcmp(type, "counter") == 0);
}

static void read_sample(const char *line)
{
    size_t len = name_len(line);
    assert_int_equal(strncmp(line, "ssecgi_", 7), 0);
    check_family(line, len);
    const char *behind = read_labels(line + len);
    assert_int_equal(*behind, ' ');
    char *end;
    struct series *s = &page.series[page.count++];
    assert_true((size_t)(behind - line) < sizeof s->key);
    memcpy(s->key, line, (size_t)(behind - line));
    s->key[behind - line] = '\0';
    s->value = strtod(behind + 1, &end);
    assert_true(end != behind + 1 && *end == '\0');
    for (size_t i = 0; i + 1 < page.count; i++) {
        assert_string_not_equal(page.series[i].key, s->key);
    }
}

static void parse(const struct buf *text)
{
    static char copy[1 << 20];
    memset(&page, 0, sizeof page);
    assert_true(text->len > 0 && text->len < sizeof copy);
    assert_int_equal(text->data[text->len - 1], '\n');
    memcpy(copy, text->data, text->len);
    copy[text->len - 1] = '\0';
    assert_int_equal(strlen(copy), text->len - 1);
    for (char *line = copy, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next) {
            *next++ = '\0';
        }
        if (line[0] == '#') {
            read_comment(line);
        } else {
            read_sample(line);
        }
    }
}

static void print(const struct figures *f, int is_whole)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    assert_int_equal(figures_text(f, is_whole, &text), 0);
    parse(&text);
    buf_fini(&text);
}

static double value_of(const char *key)
{
    for (size_t i = 0; i < page.count; i++) {
        if (strcmp(page.series[i].key, key) == 0) {
            return page.series[i].value;
        }
    }
    fail_msg("no series %s", key);
    return -1;
}

#endif

/* SPDX-License-Identifier: MIT */
/* What the body of a request becomes: events, or a complaint that names the line and the key. */
#include "app/publish/post.h"

#include "base/err.h"
#include "source/source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PLAIN "text/plain"
#define JSON "application/json"
#define LINES "application/x-ndjson"

static struct err err;

/* The body is in memory of just its size: what reads beyond it is found out. */
static int read_bytes(struct app_post *out, const char *type, const char *body, size_t len,
                      const char *key)
{
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, body, len);
    struct app_post_request in = {.type = type, .body = copy, .len = len, .key = key,
                                  .batch_max = 3};
    memset(&err, 0, sizeof err);
    int rc = app_post_read(out, &in, &err);
    assert_int_equal(err.code, rc);
    if (rc) {
        free(copy);
        return rc;
    }
    /* Kept where the items of text/plain point. */
    for (size_t i = 0; i < out->count; i++) {
        char *data = malloc(out->items[i].data_len + 1);
        assert_non_null(data);
        memcpy(data, out->items[i].data, out->items[i].data_len);
        data[out->items[i].data_len] = '\0';
        out->items[i].data = data;
    }
    free(copy);
    return 0;
}

static void forget(struct app_post *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free((char *)p->items[i].data);
    }
    app_post_fini(p);
}

static struct app_post read_good(const char *type, const char *body, const char *key)
{
    struct app_post p;
    if (read_bytes(&p, type, body, strlen(body), key)) {
        fail_msg("%s: %s", body, err.text);
    }
    return p;
}

static void assert_refuses(const char *type, const char *body, int code, const char *said)
{
    struct app_post p;
    if (read_bytes(&p, type, body, strlen(body), NULL) == 0) {
        fail_msg("taken: %s", body);
    }
    if (err.code != code || !strstr(err.text, said)) {
        fail_msg("%s: %d \"%s\", not \"%s\"", body, err.code, err.text, said);
    }
}

static void assert_event(const struct app_post *p, size_t i, const char *name, const char *data,
                         const char *key)
{
    const struct source_item *item = &p->items[i];
    assert_true(i < p->count);
    assert_true(name ? item->name && strcmp(item->name, name) == 0 : !item->name);
    assert_true(key ? item->key && strcmp(item->key, key) == 0 : !item->key);
    assert_string_equal(item->data, data);
    assert_int_equal(item->data_len, strlen(data));
}

static void assert_data(const char *body, const char *data)
{
    struct app_post p = read_good(JSON, body, NULL);
    assert_int_equal(p.count, 1);
    assert_event(&p, 0, NULL, data, NULL);
    forget(&p);
}

static void a_plain_body_is_the_data(void **state)
{
    (void)state;
    struct app_post p = read_good(PLAIN, " one\ntwo\r\n", "k");
    assert_int_equal(p.count, 1);
    assert_event(&p, 0, NULL, " one\ntwo\r\n", "k");
    forget(&p);
    assert_int_equal(read_bytes(&p, PLAIN, "a\0\xff", 3, NULL), 0);
    assert_int_equal(p.items[0].data_len, 3);
    assert_memory_equal(p.items[0].data, "a\0\xff", 3);
    forget(&p);
}

static void an_object_is_an_event(void **state)
{
    (void)state;
    struct app_post p = read_good(JSON, " {\"event\": \"deploy\",\n \"data\":\"a\\nb\\u00e9\", "
                                        "\"key\" : \"k1\"}\r\n", "other");
    assert_event(&p, 0, "deploy", "a\nb\xc3\xa9", "k1");
    forget(&p);
    p = read_good(JSON, "{\"data\":\"\"}", "header");
    assert_event(&p, 0, NULL, "", "header");
    forget(&p);
    p = read_good(JSON, "{\"data\":\"a\\u0000b\"}", NULL);
    assert_int_equal(p.items[0].data_len, 3);
    assert_memory_equal(p.items[0].data, "a\0b", 3);
    forget(&p);
}

static void other_values_are_their_own_text_without_blanks(void **state)
{
    (void)state;
    assert_data("{\"data\": 12345678901234567890123.4500e+10 }",
                "12345678901234567890123.4500e+10");
    assert_data("{\"data\":\n{ \"b\" : [ 1, 2 ,\t3 ], \"a\": \"x \\\" y\", \"b\": {} }\n}",
                "{\"b\":[1,2,3],\"a\":\"x \\\" y\",\"b\":{}}");
    assert_data("{\"data\":null}", "null");
    assert_data("{\"data\":[0,-0,0.5,10,-1e-7,2E+3]}", "[0,-0,0.5,10,-1e-7,2E+3]");
    assert_data("{\"data\":[]}", "[]");
    assert_data("{\"data\":[\"},{\",\"\\\\\"]}", "[\"},{\",\"\\\\\"]");
    struct app_post p = read_good(JSON, "{\"data\":{\"data\":1,\"event\":2},\"event\":\"e\"}",
                                  NULL);
    assert_event(&p, 0, "e", "{\"data\":1,\"event\":2}", NULL);
    forget(&p);
}

static void lines_are_a_batch_with_keys_of_their_own(void **state)
{
    (void)state;
    struct app_post p = read_good(LINES, "{\"data\":\"a\"}\n{\"data\":2,\"key\":\"mine\"}\r\n"
                                         "{\"event\":\"e\",\"data\":\"c\"}\n", "batch");
    assert_int_equal(p.count, 3);
    assert_event(&p, 0, NULL, "a", "batch/0");
    assert_event(&p, 1, NULL, "2", "mine");
    assert_event(&p, 2, "e", "c", "batch/2");
    forget(&p);
    p = read_good(LINES, "{\"data\":\"a\"}", NULL);
    assert_int_equal(p.count, 1);
    assert_event(&p, 0, NULL, "a", NULL);
    forget(&p);
}

static void a_type_may_have_parameters(void **state)
{
    (void)state;
    static const char *const good[] = {
        "text/plain;charset=UTF-8", "Text/Plain ; charset=\"utf-8\"", "text/plain; format=flowed",
        "text/plain; charset=us-ascii",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct app_post p = read_good(good[i], "x", NULL);
        forget(&p);
    }
    static const char *const bad[] = {
        NULL, "", ";", "text/html", "text", "text/plainer", "text/plain/x", "application/jsonx",
        "text/plain; charset=iso-8859-1", "text/plain;a=b;charset=utf-16",
        "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_refuses(bad[i], "x", ERR_UNKNOWN, "application/x-ndjson");
    }
}

static void a_mistake_is_told_with_line_and_key(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {PLAIN, "", "empty"},
        {JSON, "", "empty"},
        {LINES, "", "empty"},
        {JSON, " ", "line 1, column 2: must be an object"},
        {JSON, "[]", "line 1, column 1: must be an object"},
        {JSON, "\"x\"", "must be an object"},
        {JSON, "{}", "data: missing"},
        {JSON, "{\"event\":\"x\"}", "data: missing"},
        {JSON, "{\"data\":1", "line 1, column 10: the JSON ends too early"},
        {JSON, "{\"data\":\"", "ends too early"},
        {JSON, "{\"data\":\"\\", "ends too early"},
        {JSON, "{", "ends too early"},
        {JSON, "{\"", "ends too early"},
        {JSON, "{\n\"data\" 1}", "line 2"},
        {JSON, "{\"data\":1}\n{\"data\":2}", "line 2, column 1: nothing may follow"},
        {JSON, "{\"data\":1}x", "nothing may follow"},
        {JSON, "{\"data\":1,\"id\":2}", "column 11: unknown key; known are event, data and key"},
        {JSON, "{\"\":1}", "unknown key"},
        {JSON, "{\"d\\u0061ta\":1}", "unknown key"},
        {JSON, "{\"data\":1,\n \"data\":2}", "line 2, column 2: this key was given before"},
        {JSON, "{\"data\":NaN}", "NaN"},
        {JSON, "{\"data\":-Infinity}", "Infinity"},
        {JSON, "{'data':1}", "double quotes"},
        {JSON, "{\"data\":1.}", "a number must be written as"},
        {JSON, "{\"data\":01.5}", "a number must be written as"},
        {JSON, "{\"data\":-01}", "a number must be written as"},
        {JSON, "{\"data\":[1,00]}", "a number must be written as"},
        {JSON, "{\"data\":[1,]}", "line 1"},
        {JSON, "{\"data\":/**/1}", "line 1"},
        {JSON, "{\"data\":\"a\nb\"}", "line 1, column 11: a control character"},
        {JSON, "{\"data\":\"\xff\"}", "utf-8"},
        {JSON, "{\"data\":1,\"event\":1}", "event: must be a string"},
        {JSON, "{\"data\":1,\"event\":null}", "event: must be a string"},
        {JSON, "{\"data\":1,\"event\":\"\"}", "event: must be 1 to 240 bytes"},
        {JSON, "{\"data\":1,\"event\":\"a\\nid: 1\"}", "event: must be 1 to 240 bytes without"},
        {JSON, "{\"data\":1,\"event\":\"a\\r\"}", "event: "},
        {JSON, "{\"data\":1,\"event\":\"a\\u0000\"}", "event: "},
        {JSON, "{\"data\":1,\"event\":\"stream.end\"}", "event: names that begin with \"stream.\""},
        {JSON, "{\"data\":1,\"key\":7}", "key: must be a string"},
        {JSON, "{\"data\":1,\"key\":\"\"}", "key: must be 1 to 240"},
        {LINES, "{\"data\":1}\n{}\n", "line 2: data: missing"},
        {LINES, "{\"data\":1}\n\n", "line 2, column 1: must be an object"},
        {LINES, "\n", "line 1, column 1: must be an object"},
        {LINES, "{\"data\":1}\n{\"data\":1}\n{\"data\":\"x\",\"event\":\"stream.x\"}",
         "line 3: event: "},
        {LINES, "{\"data\":1} {\"data\":2}\n", "line 1, column 12: nothing may follow"},
        {LINES, "{\"data\":\n1}\n", "line 1, column 9: the JSON ends too early"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_refuses(cases[i][0], cases[i][1], ERR_INVALID, cases[i][2]);
    }
    struct app_post p;
    assert_int_equal(read_bytes(&p, JSON, "{\"data\":1\0}", 11, NULL), ERR_INVALID);
    assert_non_null(strstr(err.text, "line 1, column 10: a NUL byte"));
}

static void limits_have_an_answer(void **state)
{
    (void)state;
    char text[1024];
    struct app_post p;
    assert_refuses(LINES, "{\"data\":1}\n{\"data\":1}\n{\"data\":1}\n{\"data\":1}\n", ERR_LIMIT,
                   "at most 3 events in one request, not 4");
    snprintf(text, sizeof text, "{\"data\":1,\"event\":\"%0240d\"}", 0);
    p = read_good(JSON, text, NULL);
    forget(&p);
    snprintf(text, sizeof text, "{\"data\":1,\"event\":\"%0241d\"}", 0);
    assert_refuses(JSON, text, ERR_INVALID, "event: must be 1 to 240");
    snprintf(text, sizeof text, "{\"data\":1,\"key\":\"%0241d\"}", 0);
    assert_refuses(JSON, text, ERR_INVALID, "key: must be 1 to 240");
    memset(text, '[', sizeof text);
    memcpy(text, "{\"data\":", 8);
    text[100] = '\0';
    assert_refuses(JSON, text, ERR_INVALID, "too deep");
}

static void a_header_key_is_short_and_plain(void **state)
{
    (void)state;
    char key[APP_POST_TEXT_MAX + 2];
    struct app_post p;
    memset(key, 'k', sizeof key);
    key[APP_POST_TEXT_MAX + 1] = '\0';
    assert_int_equal(read_bytes(&p, PLAIN, "x", 1, key), ERR_INVALID);
    assert_non_null(strstr(err.text, "Idempotency-Key: "));
    key[APP_POST_TEXT_MAX] = '\0';
    p = read_good(LINES, "{\"data\":1}\n{\"data\":2}", key);
    assert_int_equal(strlen(p.items[1].key), APP_POST_TEXT_MAX + 2);
    forget(&p);
    assert_int_equal(read_bytes(&p, PLAIN, "x", 1, "a\x7f"), ERR_INVALID);
    assert_int_equal(read_bytes(&p, PLAIN, "x", 1, "a\tb"), ERR_INVALID);
    p = read_good(PLAIN, "x", "\"5a2f c\"");
    forget(&p);
}

/* A good text cut at each place is a complaint, and never more than that. */
static void a_text_that_is_cut_off_is_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"event\":\"e\\\"\\u0041\","
                               "\"data\":{\"a\":[1.5e3,\"\\\\\",{}]},\"key\":\"k\"}";
    struct app_post p;
    for (size_t len = 1; len < sizeof text - 1; len++) {
        assert_int_equal(read_bytes(&p, JSON, text, len, NULL), ERR_INVALID);
        assert_int_equal(read_bytes(&p, LINES, text, len, NULL), ERR_INVALID);
    }
    /* And with each byte replaced: whatever that gives, it is read safely. */
    static const char bytes[] = "\"\\{}[]:,x0 \n'/";
    for (size_t i = 0; i < sizeof text - 1; i++) {
        for (const char *b = bytes; *b; b++) {
            char other[sizeof text];
            memcpy(other, text, sizeof text);
            other[i] = *b;
            if (read_bytes(&p, JSON, other, sizeof text - 1, NULL) == 0) {
                forget(&p);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_body_is_the_data),
        cmocka_unit_test(an_object_is_an_event),
        cmocka_unit_test(other_values_are_their_own_text_without_blanks),
        cmocka_unit_test(lines_are_a_batch_with_keys_of_their_own),
        cmocka_unit_test(a_type_may_have_parameters),
        cmocka_unit_test(a_mistake_is_told_with_line_and_key),
        cmocka_unit_test(limits_have_an_answer),
        cmocka_unit_test(a_header_key_is_short_and_plain),
        cmocka_unit_test(a_text_that_is_cut_off_is_refused),
    };
    return cmocka_run_group_tests_name("app publish post", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Option tables: defaults, checking, and messages that name the key and what it must be. */
#include "conf/option.h"

#include "base/err.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct settings {
    int is_on;
    int64_t count;
    double ratio;
    char *text;
    char *path;
    int format;
    struct conf_list list;
    struct json_object *json;
};

static const char *const formats[] = {"json", "plain", NULL};

#define AT(member) offsetof(struct settings, member)

static const struct conf_option table[] = {
    {.name = "is_on", .type = CONF_BOOL, .offset = AT(is_on), .fallback = "true"},
    {.name = "count", .type = CONF_INT, .offset = AT(count), .min = 1, .max = 10, .fallback = "5"},
    {.name = "ratio",
     .type = CONF_REAL,
     .offset = AT(ratio),
     .min = 0,
     .max = 1,
     .fallback = "0.5"},
    {.name = "text", .type = CONF_TEXT, .offset = AT(text), .fallback = "\"t\""},
    {.name = "path", .type = CONF_PATH, .offset = AT(path)},
    {.name = "format",
     .type = CONF_CHOICE,
     .offset = AT(format),
     .fallback = "\"json\"",
     .choices = formats},
    {.name = "list", .type = CONF_LIST, .offset = AT(list), .fallback = "[\"a\"]"},
    {.name = "json", .type = CONF_JSON, .offset = AT(json)},
    {.name = NULL},
};

static const struct conf_option needy_table[] = {
    {.name = "path", .type = CONF_PATH, .offset = AT(path), .is_required = 1},
    {.name = NULL},
};

static int read_with(const struct conf_option *t, const char *text, struct settings *s,
                     struct err *err)
{
    static const char *const skip[] = {"source", NULL};
    memset(s, 0, sizeof *s);
    err_set(err, 0, "nothing said");
    struct json_object *object = json_tokener_parse(text);
    assert_non_null(object);
    int rc = conf_read(t, s, object, "streams.app", skip, err);
    json_object_put(object);
    return rc;
}

static void fills_in_defaults(void **state)
{
    (void)state;
    struct settings s;
    struct err err;
    assert_int_equal(read_with(table, "{}", &s, &err), 0);
    assert_int_equal(s.is_on, 1);
    assert_int_equal(s.count, 5);
    assert_true(s.ratio >= 0.5 && s.ratio <= 0.5);
    assert_string_equal(s.text, "t");
    assert_null(s.path);
    assert_int_equal(s.format, 0);
    assert_int_equal(s.list.count, 1);
    assert_string_equal(s.list.items[0], "a");
    assert_null(s.json);
    conf_free(table, &s);
    assert_null(s.text);
    assert_int_equal(s.list.count, 0);
    conf_free(table, &s);
}

static void reads_every_type_over_the_defaults(void **state)
{
    (void)state;
    struct settings s;
    struct err err;
    assert_int_equal(read_with(table,
                               "{\"source\":\"x\",\"is_on\":false,\"count\":10,\"ratio\":1,"
                               "\"text\":\"\",\"path\":\"/a\",\"format\":\"plain\",\"list\":[],"
                               "\"json\":{\"a\":[1]}}",
                               &s, &err),
                     0);
    assert_int_equal(s.is_on, 0);
    assert_int_equal(s.count, 10);
    assert_true(s.ratio >= 1 && s.ratio <= 1);
    assert_string_equal(s.text, "");
    assert_string_equal(s.path, "/a");
    assert_int_equal(s.format, 1);
    assert_int_equal(s.list.count, 0);
    assert_string_equal(json_object_to_json_string_ext(s.json, JSON_C_TO_STRING_PLAIN),
                        "{\"a\":[1]}");
    conf_free(table, &s);
}

static void assert_refused(const struct conf_option *t, const char *text, const char *wanted)
{
    static const struct settings nothing;
    struct settings s;
    struct err err;
    if (read_with(t, text, &s, &err) == 0) {
        fail_msg("taken: %s", text);
    }
    if (!strstr(err.text, wanted)) {
        fail_msg("%s: said \"%s\", without \"%s\"", text, err.text, wanted);
    }
    assert_int_equal(strncmp(err.text, "streams.app.", 12), 0);
    assert_memory_equal(&s, &nothing, sizeof s);
}

static void names_the_key_and_what_it_must_be(void **state)
{
    (void)state;
    assert_refused(table, "{\"is_on\":1}", "streams.app.is_on: must be true or false, not 1");
    assert_refused(table, "{\"count\":0}",
                   "streams.app.count: must be an integer from 1 to 10, not 0");
    assert_refused(table, "{\"ratio\":2}",
                   "streams.app.ratio: must be a number from 0 to 1, not 2");
    assert_refused(table, "{\"text\":7}", "streams.app.text: must be a string");
    assert_refused(table, "{\"path\":\"a/b\"}", "streams.app.path: must be an absolute path");
    assert_refused(table, "{\"format\":\"xml\"}",
                   "must be one of \"json\", \"plain\", not \"xml\"");
    assert_refused(table, "{\"list\":\"a\"}", "streams.app.list: must be an array");
}

static void refuses_wrong_types_and_values(void **state)
{
    (void)state;
    assert_refused(table, "{\"is_on\":\"true\"}", "is_on");
    assert_refused(table, "{\"is_on\":null}", "is_on");
    assert_refused(table, "{\"count\":\"5\"}", "count");
    assert_refused(table, "{\"count\":5.0}", "count");
    assert_refused(table, "{\"count\":11}", "count");
    assert_refused(table, "{\"count\":-1}", "count");
    assert_refused(table, "{\"count\":99999999999999999999}", "count");
    assert_refused(table, "{\"count\":null}", "count");
    assert_refused(table, "{\"ratio\":-0.001}", "ratio");
    assert_refused(table, "{\"ratio\":1e999}", "ratio");
    assert_refused(table, "{\"ratio\":\"0.5\"}", "ratio");
    assert_refused(table, "{\"text\":\"a\\u0000b\"}", "text");
    assert_refused(table, "{\"text\":null}", "text");
    assert_refused(table, "{\"path\":\"\"}", "path");
    assert_refused(table, "{\"path\":[]}", "path");
    assert_refused(table, "{\"format\":1}", "format");
    assert_refused(table, "{\"format\":\"\"}", "format");
    assert_refused(table, "{\"list\":[1]}", "list");
    assert_refused(table, "{\"list\":[\"a\",null]}", "list");
    assert_refused(table, "{\"text\":\"kept\",\"list\":[\"b\",\"c\"],\"count\":0}", "count");
}

static void bounds_texts_and_lists(void **state)
{
    (void)state;
    char text[CONF_TEXT_MAX + 32];
    struct settings s;
    struct err err;
    memset(text, 'a', sizeof text);
    memcpy(text, "{\"text\":\"", 9);
    memcpy(text + 9 + CONF_TEXT_MAX, "\"}", 3);
    assert_int_equal(read_with(table, text, &s, &err), 0);
    assert_int_equal(strlen(s.text), CONF_TEXT_MAX);
    conf_free(table, &s);
    memset(text + 9, 'a', sizeof text - 9);
    memcpy(text + 9 + CONF_TEXT_MAX + 1, "\"}", 3);
    assert_refused(table, text, "text");

    char list[4 * CONF_LIST_MAX + 64] = "{\"list\":[\"\"";
    for (int i = 1; i < CONF_LIST_MAX; i++) {
        strcat(list, ",\"\"");
    }
    size_t len = strlen(list);
    memcpy(list + len, "]}", 3);
    assert_int_equal(read_with(table, list, &s, &err), 0);
    assert_int_equal(s.list.count, CONF_LIST_MAX);
    conf_free(table, &s);
    memcpy(list + len, ",\"\"]}", 6);
    assert_refused(table, list, "list");
}

static void names_an_unknown_key_and_the_known_ones(void **state)
{
    (void)state;
    assert_refused(table, "{\"cuont\":5}",
                   "streams.app.cuont: unknown key; known here: is_on, count");
    assert_refused(table, "{\"\":5}", "streams.app.: unknown key");
}

static void wants_what_is_required(void **state)
{
    (void)state;
    assert_refused(needy_table, "{}", "streams.app.path: missing; it must be an absolute path");
    assert_refused(needy_table, "{\"path\":null}", "streams.app.path");
}

static void a_path_at_the_top_has_no_dot(void **state)
{
    (void)state;
    char out[16];
    conf_path_join(out, sizeof out, "", "prefix");
    assert_string_equal(out, "prefix");
    conf_path_join(out, sizeof out, "streams", "app");
    assert_string_equal(out, "streams.app");
    conf_path_join(out, sizeof out, "streams.application", "path");
    assert_string_equal(out, "streams.applica");
}

static void names_a_bad_default(void **state)
{
    (void)state;
    static const struct conf_option bad[] = {
        {.name = "text", .type = CONF_TEXT, .offset = AT(text), .fallback = "\"t\""},
        {.name = "count",
         .type = CONF_INT,
         .offset = AT(count),
         .min = 1,
         .max = 2,
         .fallback = "3"},
        {.name = NULL},
    };
    struct settings s = {0};
    struct err err;
    assert_true(conf_defaults(bad, &s, &err) != 0);
    assert_non_null(strstr(err.text, "count"));
    assert_null(s.text);
}

static void dumps_every_setting_so_that_it_reads_back(void **state)
{
    (void)state;
    struct settings s;
    struct settings back;
    struct err err;
    assert_int_equal(read_with(table,
                               "{\"path\":\"/x\",\"ratio\":0.1,\"list\":[\"p\",\"q\"],"
                               "\"json\":[null,{}]}",
                               &s, &err),
                     0);
    struct json_object *object = json_object_new_object();
    assert_int_equal(conf_dump(table, &s, object), 0);
    assert_int_equal(read_with(table, json_object_to_json_string(object), &back, &err), 0);
    assert_int_equal(json_object_object_length(object), 8);
    assert_true(conf_equal(table, &s, &back));
    json_object_put(object);
    conf_free(table, &s);
    conf_free(table, &back);
}

static void tells_settings_apart(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"is_on\":false}",
        "{\"count\":6}",
        "{\"ratio\":0.25}",
        "{\"text\":\"u\"}",
        "{\"path\":\"/a\"}",
        "{\"format\":\"plain\"}",
        "{\"list\":[]}",
        "{\"json\":{}}",
        "{\"json\":{\"a\":1}}",
    };
    const size_t count = sizeof texts / sizeof *texts;
    for (size_t i = 0; i < count * count; i++) {
        struct settings a;
        struct settings b;
        struct err err;
        assert_int_equal(read_with(table, texts[i / count], &a, &err), 0);
        assert_int_equal(read_with(table, texts[i % count], &b, &err), 0);
        assert_int_equal(conf_equal(table, &a, &b), i / count == i % count);
        conf_free(table, &a);
        conf_free(table, &b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_in_defaults),
        cmocka_unit_test(reads_every_type_over_the_defaults),
        cmocka_unit_test(names_the_key_and_what_it_must_be),
        cmocka_unit_test(refuses_wrong_types_and_values),
        cmocka_unit_test(bounds_texts_and_lists),
        cmocka_unit_test(names_an_unknown_key_and_the_known_ones),
        cmocka_unit_test(wants_what_is_required),
        cmocka_unit_test(a_path_at_the_top_has_no_dot),
        cmocka_unit_test(names_a_bad_default),
        cmocka_unit_test(dumps_every_setting_so_that_it_reads_back),
        cmocka_unit_test(tells_settings_apart),
    };
    return cmocka_run_group_tests_name("conf option", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Configuration files: comments, strictness, and errors that tell the place. */
#include "conf/file.h"

#include "base/err.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int parse(const char *text, struct json_object **out, struct err *err)
{
    *out = NULL;
    err_set(err, 0, "nothing said");
    return conf_parse(text, strlen(text), "f.json", out, err);
}

static void assert_parses(const char *text, const char *wanted)
{
    struct json_object *object;
    struct err err;
    if (parse(text, &object, &err)) {
        fail_msg("%s: %s", text, err.text);
    }
    assert_string_equal(json_object_to_json_string_ext(
                            object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
                        wanted);
    json_object_put(object);
}

/* Refused, and the message begins with the file and the place. */
static void assert_fails_at(const char *text, const char *place)
{
    struct json_object *object;
    struct err err;
    if (parse(text, &object, &err) == 0) {
        fail_msg("taken: %s", text);
    }
    assert_null(object);
    if (strncmp(err.text, place, strlen(place)) != 0) {
        fail_msg("%s: said \"%s\", not \"%s...\"", text, err.text, place);
    }
}

static void takes_comments_anywhere_between_tokens(void **state)
{
    (void)state;
    assert_parses("// first\n{/* a */\"a\"/**/: /* b\n */ 1 // end\n}\n// last", "{\"a\":1}");
    assert_parses("/**/{}/***/", "{}");
}

static void leaves_comment_signs_in_strings_alone(void **state)
{
    (void)state;
    assert_parses("{\"a\":\"http://x/*y*/\"}", "{\"a\":\"http://x/*y*/\"}");
    assert_parses("{\"a\":\"\\\"//\",\"b\":\"\\\\\"}//\"", "{\"a\":\"\\\"//\",\"b\":\"\\\\\"}");
}

static void a_comment_is_not_glue(void **state)
{
    (void)state;
    assert_fails_at("{\"a\":1/**/2}", "f.json:1:");
    assert_fails_at("{\"a\":tr/**/ue}", "f.json:1:");
}

static void tells_line_and_column(void **state)
{
    (void)state;
    assert_fails_at("{\"a\":1,\n \"b\" 2}", "f.json:2:6: ");
    assert_fails_at("{\n\n  /* two\nlines */ x}", "f.json:4:10: ");
    assert_fails_at("{\"a\":1}\n  {}", "f.json:2:3: ");
    assert_fails_at("{\n\"a\": [1, 2,]}", "f.json:2:12: ");
    assert_fails_at("{\n  /* open\n}", "f.json:2:3: ");
    assert_fails_at("{\"a\":\n", "f.json:2:1: ");
}

static void wants_one_object(void **state)
{
    (void)state;
    assert_fails_at("", "f.json:1:1: ");
    assert_fails_at("// nothing\n", "f.json:2:1: ");
    assert_fails_at("[1]", "f.json:1:1: ");
    assert_fails_at("1", "f.json:1:");
    assert_fails_at("null", "f.json:1:");
    assert_fails_at("{} {}", "f.json:1:4: ");
}

static void refuses_what_is_not_rfc_8259(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{'a':1}",          "{a:1}",           "{\"a\":1,}",       "{\"a\":01}",
        "{\"a\":+1}",       "{\"a\":.5}",      "{\"a\":NaN}",      "{\"a\":Infinity}",
        "{\"a\":'b'}",      "{\"a\":True}",    "{\"a\":0x10}",     "{\"a\":\"\t\"}",
        "{\"a\":\"x\ny\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\xff\"}", "{\"a\":-Infinity}",
        "{\"a\" 1}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_fails_at(texts[i], "f.json:");
    }
}

static void refuses_a_key_given_twice(void **state)
{
    (void)state;
    assert_fails_at("{\"a\":1,\n \"a\":2}", "f.json:2:2: ");
    assert_fails_at("{\"a\":{\"b\":1},\"a\" /**/ :2}", "f.json:1:14: ");
    assert_fails_at("{\"a\":[{\"b\":1,\"b\":2}]}", "f.json:1:14: ");
    assert_fails_at("{\"\":1,\"\":2}", "f.json:1:7: ");
    /* The same word as a key elsewhere and as a value is no mistake. */
    assert_parses("{\"a\":{\"a\":\"a\"},\"b\":[{\"a\":1},{\"a\":2}]}",
                  "{\"a\":{\"a\":\"a\"},\"b\":[{\"a\":1},{\"a\":2}]}");
    assert_parses("{\"ab\":1,\"a\":2,\"b\":\"\\\"a\\\":\"}",
                  "{\"ab\":1,\"a\":2,\"b\":\"\\\"a\\\":\"}");
}

static void refuses_nul_depth_and_size(void **state)
{
    (void)state;
    struct json_object *object = NULL;
    struct err err;
    assert_true(conf_parse("{\n\0}", 4, "f.json", &object, &err) != 0);
    assert_non_null(strstr(err.text, "f.json:2:1: "));
    assert_fails_at("{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
                    "f.json:1:");
    char *large = malloc(CONF_FILE_MAX + 1);
    assert_non_null(large);
    memset(large, ' ', CONF_FILE_MAX + 1);
    memcpy(large, "{}", 2);
    assert_int_equal(conf_parse(large, CONF_FILE_MAX + 1, "f.json", &object, &err), ERR_LIMIT);
    assert_null(object);
    assert_int_equal(conf_parse(large, CONF_FILE_MAX, "f.json", &object, &err), 0);
    json_object_put(object);
    free(large);
}

/* Every prefix of a file that uses all of the grammar: an error with a place, never a crash. */
static void survives_every_truncation(void **state)
{
    (void)state;
    static const char text[] =
        "// c\n{ \"a\": [1, -2.5e3, true, null, \"x\\\"/*\\u00e9\"], /* d */\n"
        "  \"b\": {\"c\": \"\"} }";
    assert_parses(text, "{\"a\":[1,-2.5e3,true,null,\"x\\\"/*\xc3\xa9\"],\"b\":{\"c\":\"\"}}");
    for (size_t len = 0; len < sizeof text - 1; len++) {
        struct json_object *object = NULL;
        struct err err;
        char *copy = malloc(len ? len : 1); /* exact size, so that reading on is found */
        assert_non_null(copy);
        memcpy(copy, text, len);
        assert_int_equal(conf_parse(copy, len, "f.json", &object, &err), ERR_INVALID);
        assert_int_equal(strncmp(err.text, "f.json:", 7), 0);
        free(copy);
    }
}

static void loads_a_file_and_names_one_it_cannot(void **state)
{
    (void)state;
    char dir[] = "/tmp/ssecgi-conf-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char path[64];
    snprintf(path, sizeof path, "%s/a.json", dir);
    struct json_object *object = NULL;
    struct err err;
    assert_int_equal(conf_load(path, &object, &err), ERR_IO);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(conf_load(dir, &object, &err), ERR_IO);
    assert_non_null(strstr(err.text, dir));
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("{\"a\": 1} // end", f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(conf_load(path, &object, &err), 0);
    assert_string_equal(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN),
                        "{\"a\":1}");
    json_object_put(object);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(conf_load(path, &object, &err), ERR_INVALID);
    unlink(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_comments_anywhere_between_tokens),
        cmocka_unit_test(leaves_comment_signs_in_strings_alone),
        cmocka_unit_test(a_comment_is_not_glue),
        cmocka_unit_test(tells_line_and_column),
        cmocka_unit_test(wants_one_object),
        cmocka_unit_test(refuses_what_is_not_rfc_8259),
        cmocka_unit_test(refuses_a_key_given_twice),
        cmocka_unit_test(refuses_nul_depth_and_size),
        cmocka_unit_test(survives_every_truncation),
        cmocka_unit_test(loads_a_file_and_names_one_it_cannot),
    };
    return cmocka_run_group_tests_name("conf file", tests, NULL, NULL);
}

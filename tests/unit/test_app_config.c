/* SPDX-License-Identifier: MIT */
/* The whole configuration: what is refused and how, what is in force, what a reload keeps. */
#include "app/config.h"

#include "base/err.h"
#include "conf/file.h"
#include "source/source.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct err err;

/* Loads the text from a file of its own; 0 or the code. */
static int load(const char *text, struct app_config **out)
{
    char path[] = "test_app_config.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    *out = NULL;
    memset(&err, 0, sizeof err);
    int rc = app_config_load(path, out, &err);
    unlink(path);
    if (rc) {
        assert_null(*out);
        assert_int_equal(err.code, rc);
        /* Every complaint begins with the file. */
        assert_int_equal(strncmp(err.text, path, strlen(path)), 0);
    }
    return rc;
}

static struct app_config *load_good(const char *text)
{
    struct app_config *config;
    if (load(text, &config)) {
        fail_msg("%s: %s", text, err.text);
    }
    return config;
}

static void assert_refuses(const char *text, const char *said)
{
    struct app_config *config;
    if (load(text, &config) == 0) {
        fail_msg("taken: %s", text);
    }
    if (!strstr(err.text, said)) {
        fail_msg("%s: said \"%s\", nothing of \"%s\"", text, err.text, said);
    }
}

#define ONE "\"streams\": {\"c\": {\"source\": \"clock\"}}"

static void without_a_file_clock_and_price_run(void **state)
{
    (void)state;
    struct app_config *config;
    assert_int_equal(app_config_load(NULL, &config, &err), 0);
    assert_int_equal(config->stream_count, 2);
    assert_string_equal(config->streams[0]->name, "clock");
    assert_string_equal(config->streams[1]->name, "price");
    assert_string_equal(config->prefix, "/events");
    assert_int_equal(config->hub.heartbeat_s, 15);
    assert_int_equal(config->hub.ring_bytes, 1048576);
    assert_ptr_equal(app_config_find(config, "price"), config->streams[1]);
    assert_null(app_config_find(config, "Price"));
    assert_null(app_config_find(config, ""));
    app_config_free(config);
}

static void reads_the_settings_of_all_tables(void **state)
{
    (void)state;
    struct app_config *config = load_good(
        "{// a comment\n\"prefix\": \"/sse\", \"cors_origins\": [\"https://a.example\"],"
        "\"state_dir\": \"/var/lib/x\", \"heartbeat_s\": 1, \"max_streams\": 7, " ONE "}");
    assert_string_equal(config->prefix, "/sse");
    assert_int_equal(config->cors_origins.count, 1);
    assert_string_equal(config->cors_origins.items[0], "https://a.example");
    assert_string_equal(config->state_dir, "/var/lib/x");
    assert_int_equal(config->hub.heartbeat_s, 1);
    assert_int_equal(config->hub.max_streams, 7);
    assert_int_equal(config->hub.drain_s, 5);
    app_config_free(config);
}

static void a_mistake_is_told_with_file_and_path(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"hartbeat_s\": 1, " ONE "}", "hartbeat_s"},
        {"{\"heartbeat_s\": 0, " ONE "}", "heartbeat_s"},
        {"{\"heartbeat_s\": \"1\", " ONE "}", "heartbeat_s"},
        {"{\"heartbeat_s\": 1.5, " ONE "}", "heartbeat_s"},
        {"{\"ring_bytes\": 4095, " ONE "}", "ring_bytes"},
        {"{\"prefix\": \"events\", " ONE "}", "prefix"},
        {"{\"prefix\": \"/\", " ONE "}", "prefix"},
        {"{\"prefix\": \"/a/\", " ONE "}", "prefix"},
        {"{\"prefix\": \"/a?b\", " ONE "}", "prefix"},
        {"{\"prefix\": null, " ONE "}", "prefix"},
        {"{\"cors_origins\": \"*\", " ONE "}", "cors_origins"},
        {"{}", "streams"},
        {"{\"streams\": []}", "streams"},
        {"{\"streams\": null}", "streams"},
        {"{\"streams\": {\"a\": null}}", "streams.a"},
        {"{\"streams\": {\"a\": {}}}", "streams.a.source"},
        {"{\"streams\": {\"a\": {\"source\": 1}}}", "streams.a.source"},
        {"{\"streams\": {\"a\": {\"source\": \"klock\"}}}", "\"klock\""},
        {"{\"streams\": {\"a\": {\"source\": \"klock\"}}}", "\"clock\""},
        {"{\"streams\": {\"a\": {\"source\": \"clock\", \"intervall_ms\": 1}}}",
         "streams.a.intervall_ms"},
        {"{\"streams\": {\"a\": {\"source\": \"clock\", \"interval_ms\": 0}}}",
         "streams.a.interval_ms"},
        {"{\"streams\": {\"a\": {\"source\": \"tail\"}}}", "streams.a.path"},
        {"{\"streams\": {\"a\": {\"source\": \"price\", \"symbols\": []}}}", "streams.a.symbols"},
        {"{\"streams\": {\"a\": {\"source\": \"topic\"}}}", "streams.a: the source \"topic\" needs state_dir"},
        {"[]", "object"},
        {"", "early"},
        {"{" ONE "}}", "1:"},
        {"{\n  \"prefix\" \"x\"}", ":2:"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_refuses(cases[i][0], cases[i][1]);
    }
}

/* The last one would win without a word. */
static void a_key_given_twice_is_refused(void **state)
{
    (void)state;
    assert_refuses("{\"heartbeat_s\": 1, \"heartbeat_s\": 2, " ONE "}", ":1:20: this key");
    assert_refuses(
        "{\"streams\": {\"a\": {\"source\": \"clock\"}, \"a\": {\"source\": \"price\"}}}",
        "given before");
    assert_refuses("{" ONE ", " ONE "}", "given before");
}

/* The name stands in JSON as it is; \u and \n are escapes there. */
static void assert_name(const char *name, int is_good)
{
    char text[512];
    struct app_config *config;
    snprintf(text, sizeof text, "{\"streams\": {\"%s\": {\"source\": \"clock\"}}}", name);
    if ((load(text, &config) == 0) != is_good) {
        fail_msg("%s: %s", name, is_good ? err.text : "taken");
    }
    if (is_good) {
        assert_string_equal(config->streams[0]->name, name);
    }
    app_config_free(config);
}

static void a_name_is_safe_in_a_url_as_it_is(void **state)
{
    (void)state;
    static const char *const good[] = {"a",  "A9",        "a/b", "a.b-c_d", "_x",
                                       ".x", "a/b/c.log", "x.",  "9"};
    static const char *const bad[] = {"",          ".",     "..",  "a//b", "/a",     "a/",
                                      "-a",        "a b",   "a?b", "a%2f", "a#b",    "../a",
                                      "a/..",      "a/./b", "./a", "a/.",  "\u00e4", "a\\n",
                                      "a\\u0000b", "a&b",   "a~b", "a:b"};
    char longest[130];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_name(good[i], 1);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_name(bad[i], 0);
    }
    memset(longest, 'n', sizeof longest);
    longest[APP_NAME_MAX] = '\0';
    assert_name(longest, 1);
    longest[APP_NAME_MAX] = 'n';
    longest[APP_NAME_MAX + 1] = '\0';
    assert_name(longest, 0);
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    struct app_config *config = NULL;
    assert_true(app_config_load("no/such/file.json", &config, &err) < 0);
    assert_null(config);
    assert_non_null(strstr(err.text, "no/such/file.json"));
    assert_true(app_config_load(".", &config, &err) < 0);
}

static void too_many_streams_are_refused(void **state)
{
    (void)state;
    size_t size = 64 * (APP_STREAMS_MAX + 2);
    char *text = malloc(size);
    assert_non_null(text);
    for (int extra = 0; extra < 2; extra++) {
        struct app_config *config;
        size_t used = (size_t)snprintf(text, size, "{\"streams\": {");
        for (int i = 0; i < APP_STREAMS_MAX + extra; i++) {
            used += (size_t)snprintf(text + used, size - used, "%s\"s%d\":{\"source\":\"clock\"}",
                                     i ? "," : "", i);
        }
        snprintf(text + used, size - used, "}}");
        assert_int_equal(load(text, &config), extra ? ERR_LIMIT : 0);
        app_config_free(config);
    }
    free(text);
}

/* --- dump ---------------------------------------------------------------------------------- */

static char *dump(const struct app_config *config)
{
    struct json_object *object = app_config_dump(config);
    assert_non_null(object);
    char *text = strdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
    assert_non_null(text);
    json_object_put(object);
    return text;
}

/* What is dumped can be loaded, and is the same again. */
static void a_dump_is_a_configuration(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{" ONE "}",
        "{\"streams\": {}}",
        "{\"prefix\": \"/sse\", \"cors_origins\": [\"https://a.example\", \"*\"],"
        " \"state_dir\": \"/x\", \"max_stream_age_s\": 9, \"streams\": {"
        "\"p\": {\"source\": \"price\", \"symbols\": [\"A\", \"B\"], \"seed\": 3},"
        "\"q\": {\"source\": \"price\"},"
        "\"t/x\": {\"source\": \"tail\", \"path\": \"/var/log/\\\"odd\\\".log\"}}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct app_config *config = load_good(texts[i]);
        char *once = dump(config);
        struct app_config *again = load_good(once);
        char *twice = dump(again);
        assert_string_equal(once, twice);
        assert_int_equal(config->stream_count, again->stream_count);
        app_config_free(config);
        app_config_free(again);
        free(once);
        free(twice);
    }
}

/* --- reload -------------------------------------------------------------------------------- */

static void a_reload_keeps_what_did_not_change(void **state)
{
    (void)state;
    struct app_config *old =
        load_good("{\"streams\": {\"same\": {\"source\": \"clock\"},"
                  "\"spelled\": {\"source\": \"clock\", \"interval_ms\": 1000},"
                  "\"changed\": {\"source\": \"clock\", \"interval_ms\": 1000},"
                  "\"retyped\": {\"source\": \"clock\"},"
                  "\"listed\": {\"source\": \"price\", \"symbols\": [\"A\", \"B\"]},"
                  "\"swapped\": {\"source\": \"price\", \"symbols\": [\"A\", \"B\"]},"
                  "\"gone\": {\"source\": \"clock\"}}}");
    struct app_config *new =
        load_good("{\"heartbeat_s\": 3, \"streams\": {\"added\": {\"source\": \"clock\"},"
                  "\"swapped\": {\"source\": \"price\", \"symbols\": [\"B\", \"A\"]},"
                  "\"retyped\": {\"source\": \"price\"},"
                  "\"changed\": {\"source\": \"clock\", \"interval_ms\": 1001},"
                  "\"spelled\": {\"source\": \"clock\"},"
                  "\"listed\": {\"symbols\": [\"A\", \"B\"], \"source\": \"price\"},"
                  "\"same\": {\"source\": \"clock\"}}}");
    struct app_stream *kept = app_stream_ref(app_config_find(old, "same"));
    struct app_stream *gone = app_stream_ref(app_config_find(old, "gone"));
    static const char *const are_kept[] = {"same", "spelled", "listed"};
    static const char *const are_new[] = {"changed", "retyped", "swapped"};
    app_config_adopt(new, old);
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(app_config_find(new, are_kept[i]), app_config_find(old, are_kept[i]));
        assert_ptr_not_equal(app_config_find(new, are_new[i]), app_config_find(old, are_new[i]));
    }
    assert_null(app_config_find(new, "gone"));
    assert_string_equal(new->streams[0]->name, "added"); /* the order of the new file */
    app_config_free(old);
    /* The streams live on in the new configuration and in the channels that hold them. */
    assert_string_equal(gone->name, "gone");
    assert_string_equal(kept->name, "same");
    assert_ptr_equal(app_config_find(new, "same"), kept);
    app_stream_unref(gone);
    app_config_free(new);
    assert_string_equal(kept->type->name, "clock");
    app_stream_unref(kept);
    app_stream_unref(NULL);
}

static void many_reloads_keep_the_same_stream(void **state)
{
    (void)state;
    struct app_config *config = load_good("{" ONE "}");
    const struct app_stream *first = config->streams[0];
    for (int i = 0; i < 20; i++) {
        struct app_config *next = load_good("{" ONE "}");
        app_config_adopt(next, config);
        app_config_free(config);
        config = next;
        assert_ptr_equal(config->streams[0], first);
    }
    app_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_clock_and_price_run),
        cmocka_unit_test(reads_the_settings_of_all_tables),
        cmocka_unit_test(a_mistake_is_told_with_file_and_path),
        cmocka_unit_test(a_key_given_twice_is_refused),
        cmocka_unit_test(a_name_is_safe_in_a_url_as_it_is),
        cmocka_unit_test(a_file_that_cannot_be_read_is_told),
        cmocka_unit_test(too_many_streams_are_refused),
        cmocka_unit_test(a_dump_is_a_configuration),
        cmocka_unit_test(a_reload_keeps_what_did_not_change),
        cmocka_unit_test(many_reloads_keep_the_same_stream),
    };
    return cmocka_run_group_tests_name("app_config", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* test_chat_body: what may be asked, what the service is asked for it, and the service's key. */
#include "source/chat/body.h"
#include "source/chat/settings.h"

#include "base/err.h"

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

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static char *models[] = {(char *)"small", (char *)"large"};
static const struct chat_settings settings = {.models = {.items = models, .count = 2},
                                              .max_tokens = 100,
                                              .max_messages = 2,
                                              .max_body_bytes = 1000};

static void expect_for(const struct chat_settings *s, const char *body, const char *expected)
{
    struct chat_body b;
    struct err err = {.code = 0};
    if (chat_body_init(&b, s, body, strlen(body), &err)) {
        fail_msg("%s: %s", body, err.text);
    }
    assert_string_equal(b.text, expected);
    assert_int_equal(b.len, strlen(expected));
    chat_body_fini(&b);
}

static void expect(const char *body, const char *expected)
{
    expect_for(&settings, body, expected);
}

static void refuse_bytes(const char *body, size_t len, int code, const char *said)
{
    struct chat_body b = {.model = "untouched"};
    struct err err = {.code = 0};
    assert_int_equal(chat_body_init(&b, &settings, body, len, &err), code);
    assert_string_equal(err.text, said);
    assert_string_equal(b.model, "untouched");
}

static void refuse(const char *body, const char *said)
{
    refuse_bytes(body, strlen(body), ERR_INVALID, said);
}

#define OURS "\"stream_options\":{\"include_usage\":true},\"stream\":true,"

static void fills_in_what_clients_need_not_say(void **state)
{
    (void)state;
    expect("{" HI "}", "{" HI "," OURS "\"model\":\"small\",\"max_tokens\":100}");
    expect("{" HI ",\"model\":null,\"stop\":null,\"max_tokens\":null}",
           "{" HI "," OURS "\"model\":\"small\",\"max_tokens\":100}");
}

static void passes_on_what_is_harmless_as_it_is(void **state)
{
    (void)state;
    expect("{\"temperature\":0.70,\"model\":\"large\"," HI ",\"stop\":[\"a\"],\"max_tokens\":5,\"stream\":true}\n",
           "{\"temperature\":0.70," HI ",\"stop\":[\"a\"]," OURS "\"model\":\"large\",\"max_tokens\":5}");
}

static void keeps_the_name_of_the_limit_that_was_used(void **state)
{
    (void)state;
    struct chat_settings s = settings;
    expect("{" HI ",\"max_completion_tokens\":7}",
           "{" HI "," OURS "\"model\":\"small\",\"max_completion_tokens\":7}");
    s.tokens_key = 1;
    expect_for(&s, "{" HI "}",
               "{" HI "," OURS "\"model\":\"small\",\"max_completion_tokens\":100}");
}

static void knows_whether_the_cost_was_asked_for(void **state)
{
    (void)state;
    struct chat_body b;
    const char *body = "{" HI ",\"stream_options\":{\"include_usage\":true}}";
    assert_int_equal(chat_body_init(&b, &settings, body, strlen(body), NULL), 0);
    assert_true(b.wants_usage);
    chat_body_fini(&b);
    body = "{" HI "}";
    assert_int_equal(chat_body_init(&b, &settings, body, strlen(body), NULL), 0);
    assert_false(b.wants_usage);
    chat_body_fini(&b);
}

static void takes_texts_in_parts(void **state)
{
    (void)state;
    const char *parts = "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}]";
    char body[256], expected[256];
    snprintf(body, sizeof body, "{%s}", parts);
    snprintf(expected, sizeof expected, "{%s,%s\"model\":\"small\",\"max_tokens\":100}", parts, OURS);
    expect(body, expected);
}

static void refuses_what_is_no_object(void **state)
{
    static const char *const bodies[] = {"", " ", "[]", "7", "null", "{", "{} {}", "{}x", "\"a\"",
                                         "{\"a\":\"\xff\"}"};
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        refuse(bodies[i], "the body must be a JSON object");
    }
    refuse_bytes("{" HI "}\0{}", strlen("{" HI "}") + 3, ERR_INVALID,
                 "the body must be a JSON object");
}

static void refuses_members_by_their_name(void **state)
{
    (void)state;
    refuse("{" HI ",\"tools\":[]}", "tools: is not taken here");
    refuse("{" HI ",\"tools\":null}", "tools: is not taken here");
    refuse("{" HI ",\"a\\nb\xc3\xbc\":1}", "a?b??: is not taken here");
    refuse("{" HI ",\"model\":\"other\"}", "model: must be one of those that are allowed here");
    refuse("{" HI ",\"model\":\"small\\u0000x\"}", "model: must be one of those that are allowed here");
    refuse("{" HI ",\"stream\":false}", "stream: must be true");
    refuse("{" HI ",\"stream\":1}", "stream: must be true");
    refuse("{" HI ",\"stream_options\":1}", "stream_options: must be an object");
    refuse("{" HI ",\"n\":2}", "n: must be 1");
}

static void refuses_an_answer_that_is_too_long(void **state)
{
    (void)state;
    refuse("{" HI ",\"max_tokens\":101}", "max_tokens: must be from 1 to 100");
    refuse("{" HI ",\"max_tokens\":0}", "max_tokens: must be from 1 to 100");
    refuse("{" HI ",\"max_tokens\":-1}", "max_tokens: must be from 1 to 100");
    refuse("{" HI ",\"max_tokens\":5.0}", "max_tokens: must be from 1 to 100");
    refuse("{" HI ",\"max_completion_tokens\":\"5\"}", "max_completion_tokens: must be from 1 to 100");
    refuse("{" HI ",\"max_tokens\":5,\"max_completion_tokens\":5}",
           "max_tokens, max_completion_tokens: only one of them");
}

static void refuses_messages_that_are_none(void **state)
{
    (void)state;
    const char *content = "messages[0].content: must be a text, or parts of type text";
    const char *role = "messages[0].role: must be system, developer, user or assistant";
    refuse("{}", "messages: is missing");
    refuse("{\"messages\":[]}", "messages: must be an array of one or more");
    refuse("{\"messages\":{}}", "messages: must be an array of one or more");
    refuse("{\"messages\":[1,2,3]}", "messages: at most 2");
    refuse("{\"messages\":[null]}", "messages[0]: must be an object");
    refuse("{\"messages\":[{\"content\":\"x\"}]}", role);
    refuse("{\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]}", role);
    refuse("{\"messages\":[{\"role\":\"user\"}]}", content);
    refuse("{\"messages\":[{\"role\":\"user\",\"content\":[]}]}", content);
    refuse("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"text\":\"x\"}]}]}", content);
    refuse("{\"messages\":[{\"role\":\"user\",\"content\":\"x\",\"tool_calls\":[]}]}",
           "messages[0].tool_calls: is not taken here");
}

static void refuses_a_body_that_is_too_long_or_too_deep(void **state)
{
    (void)state;
    char body[1001];
    memset(body, ' ', sizeof body);
    refuse_bytes(body, sizeof body, ERR_LIMIT, "the body must be at most 1000 bytes");
    memset(body, '[', 1000);
    memcpy(body, "{\"stop\":", 8);
    refuse_bytes(body, 1000, ERR_INVALID, "the body must be a JSON object");
}

/* ---- settings ---- */

static void an_upstream_is_a_plain_url(void **state)
{
    static const char *const bad[] = {"", "http://", "https:///v1", "ftp://a/v1", "http://a/v1/", "http://u:p@a/v1",
                                      "http://a/v1?x", "http://a/v1#x", "http://a b/v1", "HTTP://a"};
    (void)state;
    struct chat_settings s = settings;
    struct err err;
    s.upstream = (char *)"http://127.0.0.1:8080/v1";
    assert_int_equal(chat_settings_check(&s, &err), 0);
    s.upstream = (char *)"https://api.example.org";
    assert_int_equal(chat_settings_check(&s, &err), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        s.upstream = (char *)bad[i];
        assert_int_equal(chat_settings_check(&s, &err), ERR_INVALID);
        assert_memory_equal(err.text, "upstream: ", 10);
    }
}

static void expect_key(const char *path, const char *text, mode_t mode, int code)
{
    char *key = NULL;
    struct err err = {.code = 0};
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
    assert_int_equal(chat_key_read(path, &key, &err), code);
    if (code) {
        assert_null(key);
        assert_null(strstr(err.text, "sk-"));
    } else {
        assert_string_equal(key, "sk-1");
        free(key);
    }
    unlink(path);
}

static void a_key_is_one_line_of_a_file_that_others_cannot_read(void **state)
{
    (void)state;
    char path[] = "/tmp/ssecgi-key-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    expect_key(path, "sk-1\nmore\n", 0600, 0);
    expect_key(path, "sk-1\r\n", 0440, 0);
    expect_key(path, "sk-1", 0400, 0);
    expect_key(path, "sk-1\n", 0604, ERR_INVALID);
    expect_key(path, "sk-1\n", 0660, ERR_INVALID);
    expect_key(path, "\nsk-1\n", 0600, ERR_INVALID);
    expect_key(path, "sk-1 x\n", 0600, ERR_INVALID);
    expect_key(path, "sk-1\x01\n", 0600, ERR_INVALID);
    char *key;
    assert_int_equal(chat_key_read(path, &key, NULL), ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_in_what_clients_need_not_say),
        cmocka_unit_test(passes_on_what_is_harmless_as_it_is),
        cmocka_unit_test(keeps_the_name_of_the_limit_that_was_used),
        cmocka_unit_test(knows_whether_the_cost_was_asked_for),
        cmocka_unit_test(takes_texts_in_parts),
        cmocka_unit_test(refuses_what_is_no_object),
        cmocka_unit_test(refuses_members_by_their_name),
        cmocka_unit_test(refuses_an_answer_that_is_too_long),
        cmocka_unit_test(refuses_messages_that_are_none),
        cmocka_unit_test(refuses_a_body_that_is_too_long_or_too_deep),
        cmocka_unit_test(an_upstream_is_a_plain_url),
        cmocka_unit_test(a_key_is_one_line_of_a_file_that_others_cannot_read),
    };
    return cmocka_run_group_tests_name("chat_body", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Who may publish, and how much: what the setting takes, whom it lets in, how its rate goes. */
#include "app/publish/publishers.h"

#include "base/err.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* SHA-256 of "abc" (FIPS 180-2, B.1) and of "". */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC_UPPER "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct err err;

static int load(const char *text, struct app_publishers **out)
{
    struct json_object *object = json_tokener_parse(text);
    memset(&err, 0, sizeof err);
    int rc = app_publishers_new(out, object, "streams.s.publish", &err);
    json_object_put(object);
    assert_int_equal(err.code, rc);
    return rc;
}

static struct app_publishers *load_good(const char *text)
{
    struct app_publishers *p = NULL;
    if (load(text, &p)) {
        fail_msg("%s: %s", text, err.text);
    }
    return p;
}

static enum app_publish_verdict judge(const char *text, const char *address, const char *user,
                                      const char *authorization)
{
    struct app_publishers *p = load_good(text);
    struct app_publisher who = {.address = address, .user = user, .authorization = authorization};
    enum app_publish_verdict verdict = app_publishers_judge(p, &who);
    app_publishers_free(p);
    return verdict;
}

static void a_mistake_is_told_with_its_path(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"[]", "streams.s.publish: must be an object"},
        {"true", "streams.s.publish: must be an object"},
        {"{\"user\": []}", "streams.s.publish.user: unknown key"},
        {"{\"users\": \"x\"}", "streams.s.publish.users: "},
        {"{\"users\": [\"a\", \"\"]}", "streams.s.publish.users[1]: must be a name"},
        {"{\"tokens\": [\"" ABC "\", \"secret\"]}",
         "streams.s.publish.tokens[1]: must be the SHA-256"},
        {"{\"tokens\": [\"" ABC "0\"]}", "streams.s.publish.tokens[0]: "},
        {"{\"tokens\": [\"g" ABC "\"]}", "streams.s.publish.tokens[0]: "},
        {"{\"tokens\": [\"\"]}", "streams.s.publish.tokens[0]: "},
        {"{\"addresses\": [\"127.0.0.1\", \"10.0.0.1/8\"]}", "streams.s.publish.addresses[1]: "},
        {"{\"addresses\": [\"localhost\"]}", "streams.s.publish.addresses[0]: "},
        {"{\"addresses\": [\"user:x\"]}", "streams.s.publish.addresses[0]: must be an address"},
        {"{\"max_body_bytes\": 0}", "streams.s.publish.max_body_bytes: "},
        {"{\"max_body_bytes\": 1048577}", "streams.s.publish.max_body_bytes: "},
        {"{\"max_batch\": 4097}", "streams.s.publish.max_batch: "},
        {"{\"max_events_s\": -1}", "streams.s.publish.max_events_s: "},
        {"{\"max_events_s\": 0.5}", "streams.s.publish.max_events_s: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct app_publishers *p = NULL;
        if (load(cases[i][0], &p) == 0
            || strncmp(err.text, cases[i][1], strlen(cases[i][1])) != 0) {
            fail_msg("%s: \"%s\", not \"%s\"", cases[i][0], err.text, cases[i][1]);
        }
        assert_null(strstr(err.text, "\"secret\""));
    }
}

static void an_empty_setting_lets_nobody_in(void **state)
{
    (void)state;
    assert_int_equal(judge("{}", "127.0.0.1", "root", "Bearer abc"), APP_PUBLISH_REFUSED);
    assert_int_equal(judge("{}", NULL, NULL, NULL), APP_PUBLISH_REFUSED);
}

static void any_one_is_enough(void **state)
{
    (void)state;
    static const char all[] = "{\"users\": [\"alice\", \"bob\"], \"tokens\": [\"" EMPTY "\", \"" ABC
                              "\"], \"addresses\": [\"192.0.2.0/24\", \"::1\"]}";
    assert_int_equal(judge(all, "192.0.2.9", NULL, NULL), APP_PUBLISH_GOOD);
    assert_int_equal(judge(all, "::1", "", "Basic eA=="), APP_PUBLISH_GOOD);
    assert_int_equal(judge(all, "192.0.3.9", "bob", NULL), APP_PUBLISH_GOOD);
    assert_int_equal(judge(all, NULL, NULL, "Bearer abc"), APP_PUBLISH_GOOD);
    assert_int_equal(judge(all, NULL, "bobby", "Basic eA=="), APP_PUBLISH_NEEDS_TOKEN);
    assert_int_equal(judge(all, "192.0.3.9", "", NULL), APP_PUBLISH_NEEDS_TOKEN);
    assert_int_equal(judge(all, "alice", "192.0.2.9", "Bearer abd"), APP_PUBLISH_REFUSED);
    assert_int_equal(judge("{\"users\": [\"alice\"]}", NULL, "Alice", NULL), APP_PUBLISH_REFUSED);
}

static void tokens_are_known_by_their_hash(void **state)
{
    (void)state;
    static const char lower[] = "{\"tokens\": [\"" ABC "\"]}";
    static const char upper[] = "{\"tokens\": [\"" ABC_UPPER "\"]}";
    assert_int_equal(judge(upper, NULL, NULL, "bearer  abc "), APP_PUBLISH_GOOD);
    assert_int_equal(judge(lower, NULL, NULL, "BEARER abc"), APP_PUBLISH_GOOD);
    assert_int_equal(judge(lower, NULL, NULL, "Bearer " ABC), APP_PUBLISH_REFUSED);
    assert_int_equal(judge(lower, NULL, NULL, "Bearer abc d"), APP_PUBLISH_NEEDS_TOKEN);
    assert_int_equal(judge(lower, NULL, NULL, "Bearerabc"), APP_PUBLISH_NEEDS_TOKEN);
    assert_int_equal(judge(lower, NULL, NULL, "Bearer"), APP_PUBLISH_NEEDS_TOKEN);
    assert_int_equal(judge(lower, NULL, NULL, "abc"), APP_PUBLISH_NEEDS_TOKEN);
    /* No token is not the token "". */
    static const char empty[] = "{\"tokens\": [\"" EMPTY "\"]}";
    assert_int_equal(judge(empty, NULL, NULL, "Bearer "), APP_PUBLISH_NEEDS_TOKEN);
    assert_int_equal(judge(empty, NULL, NULL, NULL), APP_PUBLISH_NEEDS_TOKEN);
}

static void each_bit_of_a_hash_counts(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < strlen(ABC); i++) {
        char text[] = "{\"tokens\": [\"" ABC "\"]}";
        char *digit = strstr(text, ABC) + i;
        unsigned value = (unsigned)(strchr(digits, *digit) - digits);
        *digit = digits[value ^ 1u << i % 4];
        assert_int_equal(judge(text, NULL, NULL, "Bearer abc"), APP_PUBLISH_REFUSED);
    }
}

static void limits_have_defaults(void **state)
{
    (void)state;
    struct app_publishers *p = load_good("{}");
    assert_int_equal(app_publishers_limits(p)->body_bytes, 1048576);
    assert_int_equal(app_publishers_limits(p)->batch, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(app_publishers_take(p, 10000, 5), 0);
    }
    app_publishers_free(p);
}

static void a_rate_allows_a_second_at_once_and_then_its_pace(void **state)
{
    (void)state;
    struct app_publishers *p = load_good("{\"max_events_s\": 10}");
    int64_t now = 1000000;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(app_publishers_take(p, 1, now), 0);
    }
    assert_int_equal(app_publishers_take(p, 1, now), 100);
    assert_int_equal(app_publishers_take(p, 1, now + 99), 1);
    assert_int_equal(app_publishers_take(p, 1, now + 100), 0);
    assert_int_equal(app_publishers_take(p, 1, now + 100), 100);
    now += 3600000;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(app_publishers_take(p, 1, now), 0);
    }
    assert_int_equal(app_publishers_take(p, 1, now), 100);
    app_publishers_free(p);
}

static void a_batch_may_owe_and_what_follows_waits(void **state)
{
    (void)state;
    struct app_publishers *p = load_good("{\"max_events_s\": 3}");
    assert_int_equal(app_publishers_take(p, 9, 0), 0); /* six are owed */
    assert_int_equal(app_publishers_take(p, 1, 0), 2334);
    assert_int_equal(app_publishers_take(p, 1, 2333), 1);
    assert_int_equal(app_publishers_take(p, 1, 2334), 0);
    app_publishers_free(p);
}

/* Whoever asks how often, no more than the rate gets through. */
static void a_rate_holds_over_time(void **state)
{
    (void)state;
    struct app_publishers *p = load_good("{\"max_events_s\": 7}");
    int taken = 0;
    for (int64_t now = 0; now < 100000; now += 13) {
        taken += app_publishers_take(p, 1, now) == 0;
    }
    assert_in_range(taken, 700, 707);
    app_publishers_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mistake_is_told_with_its_path),
        cmocka_unit_test(an_empty_setting_lets_nobody_in),
        cmocka_unit_test(any_one_is_enough),
        cmocka_unit_test(tokens_are_known_by_their_hash),
        cmocka_unit_test(each_bit_of_a_hash_counts),
        cmocka_unit_test(limits_have_defaults),
        cmocka_unit_test(a_rate_allows_a_second_at_once_and_then_its_pace),
        cmocka_unit_test(a_batch_may_owe_and_what_follows_waits),
        cmocka_unit_test(a_rate_holds_over_time),
    };
    return cmocka_run_group_tests_name("app publish who", tests, NULL, NULL);
}

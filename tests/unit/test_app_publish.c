/* SPDX-License-Identifier: MIT */
/* POST into a stream: which answer it gets, now or later, and that the channel waits for it. */
#include "test_app_publish_rig.h"

/* SHA-256 of "abc" (FIPS 180-2, B.1). */
#define TOKEN "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define PLAIN "CONTENT_TYPE", "text/plain"
#define LINES "CONTENT_TYPE", "application/x-ndjson"
#define BEARER "HTTP_AUTHORIZATION", "Bearer abc"
#define ORIGIN(o) "HTTP_ORIGIN", o
#define OPTIONS "REQUEST_METHOD", "OPTIONS"

static const char anyone[] = "{\"addresses\": [\"0.0.0.0/0\"], \"max_batch\": 3}";
static const char with_token[] = "{\"tokens\": [\"" TOKEN "\"], \"users\": [\"alice\"]}";

static void what_is_kept_is_created(void **state)
{
    (void)state;
    make_world(anyone);
    expect("/s", "hello", LIST(PLAIN),
           LIST("Status: 201 Created\r\n", "Content-Type: application/json\r\n",
                "Cache-Control: no-store", "\r\n\r\n{\"position\":\"" POSITION "\"}\n"));
    assert_string_equal(source.text, ":hello:;");
    expect("/s", "{\"data\":[1, 2],\"event\":\"e\"}",
           LIST("CONTENT_TYPE", "application/json", "HTTP_IDEMPOTENCY_KEY", "k"),
           LIST("201 Created"));
    assert_string_equal(source.text, "e:[1,2]:k;");
    expect("/s", "{\"data\":\"a\"}\n{\"data\":\"b\"}\n", LIST(LINES, "HTTP_IDEMPOTENCY_KEY", "k"),
           LIST("201 Created"));
    assert_string_equal(source.text, ":a:k/0;:b:k/1;");
    assert_int_equal(source.asked, 3);
    end_world();
}

static void what_cannot_be_taken_is_refused(void **state)
{
    (void)state;
    make_world(anyone);
    expect("/nope", "x", LIST(PLAIN), LIST("Status: 404"));
    expect("/closed", "x", LIST(PLAIN), LIST("Status: 405", "Allow: GET, HEAD, OPTIONS\r\n"));
    expect("/s", "x", LIST("QUERY_STRING", "a=b", PLAIN), LIST("Status: 400", "no parameters"));
    expect("/s", "x", NULL, LIST("Status: 415", "application/x-ndjson"));
    expect("/s", "", LIST(PLAIN), LIST("Status: 400", "empty"));
    expect("/s", "x", LIST(PLAIN, "CONTENT_LENGTH", "2"), LIST("Status: 400", "shorter"));
    expect("/s", "{\"data\":1}\n{\"dat\":1}\n", LIST(LINES), LIST("Status: 400", "line 2"));
    expect("/s", "{\"data\":1}\n{\"data\":1}\n{\"data\":1}\n{\"data\":1}\n", LIST(LINES),
           LIST("Status: 413", "at most 3 events"));
    expect("/broken", "x", LIST(PLAIN), LIST("Status: 503", "Retry-After: "));
    assert_int_equal(source.asked, 0);
    assert_false(source.is_open);
    end_world();
    make_world("{\"addresses\": [\"::/0\"], \"max_body_bytes\": 4}");
    expect("/s", "12345", LIST(PLAIN), LIST("Status: 413", "at most 4 bytes"));
    expect("/s", "1234", LIST(PLAIN), LIST("Status: 201"));
    end_world();
}

static void who_may_not_is_told(void **state)
{
    (void)state;
    make_world(with_token);
    expect("/s", "x", LIST(PLAIN), LIST("Status: 401", "WWW-Authenticate: Bearer\r\n"));
    expect("/s", "x", LIST(PLAIN, "HTTP_AUTHORIZATION", "Bearer wrong"), LIST("Status: 403"));
    expect("/s", "x", LIST(PLAIN, "HTTP_REMOTE_USER", "alice"), LIST("Status: 401"));
    assert_int_equal(source.asked, 0);
    expect("/s", "x", LIST(PLAIN, "REMOTE_USER", "alice"), LIST("Status: 201"));
    expect("/s", "x", LIST(PLAIN, BEARER), LIST("Status: 201"));
    end_world();
    make_world("{}");
    expect("/s", "x", LIST(PLAIN, BEARER, "REMOTE_USER", "alice"), LIST("Status: 403"));
    end_world();
}

static void a_page_of_another_site_cannot_publish(void **state)
{
    (void)state;
    make_world(with_token);
    static const char *const strangers[] = {
        "https://evil.example", "null", "https://www.example.org.evil.example", "www.example.org",
        "https://www.example.org:8443", "https://example.org", "://www.example.org/",
    };
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        expect("/s", "x", LIST(PLAIN, BEARER, "REMOTE_USER", "alice", ORIGIN(strangers[i])),
               LIST("Status: 403", "cors_origins"));
    }
    assert_int_equal(source.asked, 0);
    expect("/s", "x", LIST(PLAIN, BEARER, ORIGIN("https://www.example.org")), LIST("Status: 201"));
    expect("/s", "x", LIST(PLAIN, BEARER, ORIGIN("http://WWW.example.org")), LIST("Status: 201"));
    expect("/s", "x", LIST(PLAIN, BEARER, ORIGIN("https://app.example.org")),
           LIST("Status: 201", "Access-Control-Allow-Origin: https://app.example.org\r\n"));
    w.origins[0] = "*";
    expect("/s", "x", LIST(PLAIN, BEARER, ORIGIN("https://app.example.org")), LIST("Status: 403"));
    end_world();
}

static void a_preflight_says_what_a_page_may(void **state)
{
    (void)state;
    make_world(anyone);
    expect("/s", "", LIST(OPTIONS), LIST("Status: 204", "Allow: GET, HEAD, OPTIONS, POST\r\n"));
    expect("/closed", "", LIST(OPTIONS), LIST("Status: 204", "Allow: GET, HEAD, OPTIONS\r\n"));
    expect("/s", "", LIST(OPTIONS, ORIGIN("https://app.example.org")),
           LIST("Status: 204", "Access-Control-Allow-Methods: GET, HEAD, OPTIONS, POST\r\n",
                "Content-Type", "Authorization", "Idempotency-Key",
                "Access-Control-Allow-Credentials: true\r\n"));
    expect("/closed", "", LIST(OPTIONS, ORIGIN("https://app.example.org")),
           LIST("Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n"));
    expect("/s", "", LIST(OPTIONS, ORIGIN("https://evil.example")), LIST("Status: 403"));
    expect("/s", "", LIST(OPTIONS, ORIGIN("https://www.example.org")), LIST("Status: 403"));
    w.origins[0] = "*";
    expect("/s", "", LIST(OPTIONS, ORIGIN("https://evil.example")),
           LIST("Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n"));
    end_world();
}

static void what_the_source_says_becomes_a_status(void **state)
{
    (void)state;
    static const struct {
        int rc;
        const char *status, *word;
    } cases[] = {
        {ERR_LIMIT, "Status: 413", "larger"},
        {ERR_RANGE, "Status: 507", "room"},
        {ERR_AGAIN, "Status: 503", "Retry-After: "},
        {ERR_CLOSED, "Status: 503", "not known"},
        {ERR_IO, "Status: 500", "not known"},
        {ERR_NOMEM, "Status: 500", "memory"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make_world(anyone);
        source.rc = cases[i].rc;
        expect("/s", "x", LIST(PLAIN), LIST(cases[i].status, cases[i].word, "{\"error\":"));
        end_world();
    }
}

static void a_rate_is_a_429_until_it_is_over(void **state)
{
    (void)state;
    make_world("{\"addresses\": [\"192.0.2.1\"], \"max_events_s\": 2}");
    expect("/s", "{\"data\":1}\n{\"data\":1}\n{\"data\":1}\n{\"data\":1}\n", LIST(LINES),
           LIST("Status: 201"));
    expect("/s", "x", LIST(PLAIN), LIST("Status: 429", "Retry-After: 2\r\n"));
    w.clock.now_ms += 1499;
    expect("/s", "x", LIST(PLAIN), LIST("Status: 429", "Retry-After: 1\r\n"));
    assert_int_equal(source.asked, 1);
    w.clock.now_ms += 1;
    expect("/s", "x", LIST(PLAIN), LIST("Status: 201"));
    end_world();
}

static void an_answer_may_come_later(void **state)
{
    (void)state;
    struct post p, q;
    make_world(anyone);
    source.is_later = 1;
    send_post(&p, "/s", "x", LIST(PLAIN, ORIGIN("https://app.example.org")));
    send_post(&q, "/s", "y", LIST(PLAIN));
    assert_false(p.is_over);
    assert_string_equal(answer_of(&p), "");
    answer_now();
    assert_true(p.is_over && q.is_over);
    assert_has(answer_of(&p), "Status: 201");
    assert_has(p.answer, "Access-Control-Allow-Origin: https://app.example.org\r\n");
    assert_has(p.answer, POSITION);
    assert_has(answer_of(&q), "Status: 201");
    end_post(&p);
    end_post(&q);
    end_world();
}

static void a_publisher_that_leaves_changes_nothing(void **state)
{
    (void)state;
    struct post p, q;
    make_world(anyone);
    source.is_later = 1;
    send_post(&p, "/s", "x", LIST(PLAIN));
    send_post(&q, "/s", "y", LIST(PLAIN));
    end_post(&p);
    answer_now();
    assert_has(answer_of(&q), "Status: 201");
    end_post(&q);
    /* And when the word comes at the very end only. */
    send_post(&p, "/s", "x", LIST(PLAIN));
    end_post(&p);
    end_world();
    assert_int_equal(source.waiting_count, 0);
}

static void the_channel_waits_for_the_answer(void **state)
{
    (void)state;
    struct post p;
    make_world(anyone);
    source.is_later = 1;
    send_post(&p, "/s", "x", LIST(PLAIN));
    for (int i = 0; i < 5; i++) {
        w.clock.now_ms += APP_LINGER_MS;
        app_channels_tick(w.channels);
        assert_true(source.is_open);
    }
    struct app_config other = {.prefix = "/events"};
    app_channels_retire(w.channels, &other);
    app_channels_tick(w.channels);
    assert_true(source.is_open);
    answer_now();
    assert_has(answer_of(&p), "Status: 201");
    end_post(&p);
    app_channels_tick(w.channels);
    app_channels_tick(w.channels);
    assert_false(source.is_open);
    end_world();
}

static void closing_answers_who_waits(void **state)
{
    (void)state;
    struct post p;
    make_world(anyone);
    source.is_later = 1;
    send_post(&p, "/s", "x", LIST(PLAIN));
    close_channels();
    assert_has(answer_of(&p), "Status: 503");
    end_post(&p);
    end_world();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_kept_is_created),
        cmocka_unit_test(what_cannot_be_taken_is_refused),
        cmocka_unit_test(who_may_not_is_told),
        cmocka_unit_test(a_page_of_another_site_cannot_publish),
        cmocka_unit_test(a_preflight_says_what_a_page_may),
        cmocka_unit_test(what_the_source_says_becomes_a_status),
        cmocka_unit_test(a_rate_is_a_429_until_it_is_over),
        cmocka_unit_test(an_answer_may_come_later),
        cmocka_unit_test(a_publisher_that_leaves_changes_nothing),
        cmocka_unit_test(the_channel_waits_for_the_answer),
        cmocka_unit_test(closing_answers_who_waits),
    };
    return cmocka_run_group_tests_name("app publish", tests, NULL, NULL);
}

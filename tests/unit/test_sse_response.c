/* SPDX-License-Identifier: MIT */
/* Heads of answers: whole, with CRLF, and CORS only where it was allowed. */
#include "sse/response.h"

#include "base/buf.h"
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char *origins[] = {(char[]){"https://a.example"}, (char[]){"https://b.example:8443"}};
static char *any_origin[] = {(char[]){"*"}, (char[]){"https://a.example"}};

/* Lines "Name: value" that end in CRLF, then an empty one, and nothing behind it. */
static const char *head_of(struct buf *b)
{
    assert_int_equal(buf_append_char(b, '\0'), 0);
    assert_int_equal(strlen(b->data), b->len - 1);
    const char *line = b->data;
    while (strncmp(line, "\r\n", 2) != 0) {
        size_t len = strcspn(line, "\r\n");
        assert_int_equal(strncmp(line + len, "\r\n", 2), 0);
        assert_non_null(memmem(line, len, ": ", 2));
        line += len + 2;
    }
    assert_string_equal(line, "\r\n");
    return b->data;
}

static void assert_has(const char *head, const char *line)
{
    if (!strstr(head, line)) {
        fail_msg("\"%s\" is not in:\n%s", line, head);
    }
}

static void a_stream_forbids_caching_and_buffering(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    assert_int_equal(sse_head_stream(&b, NULL), 0);
    const char *head = head_of(&b);
    assert_has(head, "Content-Type: text/event-stream\r\n");
    assert_has(head, "Cache-Control: no-store, no-transform\r\n");
    assert_has(head, "X-Accel-Buffering: no\r\n");
    assert_null(strstr(head, "Access-Control"));
    buf_fini(&b);
}

static void an_allowed_origin_is_named(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    assert_int_equal(sse_head_stream(&b, "https://a.example"), 0);
    const char *head = head_of(&b);
    assert_has(head, "Access-Control-Allow-Origin: https://a.example\r\n");
    assert_has(head, "Vary: Origin\r\n");
    buf_fini(&b);
}

static void the_star_never_comes_with_credentials(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    assert_int_equal(sse_head_stream(&b, "*"), 0);
    const char *head = head_of(&b);
    assert_has(head, "Access-Control-Allow-Origin: *\r\n");
    assert_null(strstr(head, "Credentials"));
    buf_clear(&b);
    assert_int_equal(sse_head_preflight(&b, "*", "GET"), 0);
    assert_null(strstr(head_of(&b), "Credentials"));
    buf_fini(&b);
}

static void other_answers_carry_status_type_and_extras(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    assert_int_equal(sse_head_plain(&b, "405 Method Not Allowed", "application/json", NULL,
                                    "Allow: GET, HEAD, OPTIONS\r\n"),
                     0);
    const char *head = head_of(&b);
    assert_has(head, "Status: 405 Method Not Allowed\r\n");
    assert_has(head, "Content-Type: application/json\r\n");
    assert_has(head, "Cache-Control: no-store\r\n");
    assert_has(head, "Allow: GET, HEAD, OPTIONS\r\n");
    buf_clear(&b);
    assert_int_equal(sse_head_plain(&b, "204 No Content", NULL, NULL, NULL), 0);
    assert_null(strstr(head_of(&b), "Content-Type"));
    buf_fini(&b);
}

static void a_preflight_allows_last_event_id(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    assert_int_equal(sse_head_preflight(&b, "https://a.example", "GET, POST"), 0);
    const char *head = head_of(&b);
    assert_has(head, "Status: 204 No Content\r\n");
    assert_has(head, "Access-Control-Allow-Origin: https://a.example\r\n");
    assert_has(head, "Access-Control-Allow-Methods: GET, POST\r\n");
    assert_has(head, "Last-Event-ID");
    buf_fini(&b);
}

static void allows_listed_origins_only(void **state)
{
    (void)state;
    assert_string_equal(sse_cors_allowed(origins, 2, "https://a.example"), "https://a.example");
    assert_string_equal(sse_cors_allowed(origins, 2, "https://b.example:8443"),
                        "https://b.example:8443");
    static const char *const refused[] = {
        "https://b.example",
        "http://a.example",
        "https://a.example.evil.example",
        "https://a.exampl",
        "HTTPS://A.EXAMPLE",
        "null",
        "*",
        "",
        "https://a.example\r\nX: y",
        "https://a.example\n",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_null(sse_cors_allowed(origins, 2, refused[i]));
    }
    assert_null(sse_cors_allowed(origins, 2, NULL));
    assert_null(sse_cors_allowed(NULL, 0, "https://a.example"));
}

static void a_listed_origin_wins_over_the_star(void **state)
{
    (void)state;
    assert_string_equal(sse_cors_allowed(any_origin, 2, "https://a.example"), "https://a.example");
    assert_string_equal(sse_cors_allowed(any_origin, 2, "https://c.example"), "*");
    assert_null(sse_cors_allowed(any_origin, 2, NULL));
    assert_null(sse_cors_allowed(any_origin, 2, "x\r\ny"));
}

static void reports_a_buffer_that_is_too_small(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 64; limit++) {
        struct buf b;
        buf_init(&b, limit);
        assert_int_equal(sse_head_stream(&b, "https://a.example"), ERR_LIMIT);
        buf_clear(&b);
        assert_int_equal(sse_head_plain(&b, "404 Not Found", "application/json", NULL, NULL),
                         ERR_LIMIT);
        buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_forbids_caching_and_buffering),
        cmocka_unit_test(an_allowed_origin_is_named),
        cmocka_unit_test(the_star_never_comes_with_credentials),
        cmocka_unit_test(other_answers_carry_status_type_and_extras),
        cmocka_unit_test(a_preflight_allows_last_event_id),
        cmocka_unit_test(allows_listed_origins_only),
        cmocka_unit_test(a_listed_origin_wins_over_the_star),
        cmocka_unit_test(reports_a_buffer_that_is_too_small),
    };
    return cmocka_run_group_tests_name("sse response", tests, NULL, NULL);
}

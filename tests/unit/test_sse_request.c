/* SPDX-License-Identifier: MIT */
/* Requests as the web servers' variables describe them, each server in its own way. */
#include "sse/request.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Names and values by turns, ending at NULL. */
static const char *look_up(void *ctx, const char *name)
{
    for (const char *const *pair = ctx; *pair; pair += 2) {
        if (strcmp(pair[0], name) == 0) {
            return pair[1];
        }
    }
    return NULL;
}

static int read_request(struct sse_request *out, const char *const *pairs, struct err *err)
{
    struct sse_vars vars = {.get = look_up, .ctx = (void *)(uintptr_t)pairs};
    err_set(err, 0, "nothing said");
    return sse_request_read(out, &vars, "/events", err);
}

#define PAIRS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_name(const char *const *pairs, const char *wanted)
{
    struct sse_request r;
    struct err err;
    if (read_request(&r, pairs, &err)) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(r.name, wanted);
}

static void finds_the_name_in_path_info(void **state)
{
    (void)state;
    /* lighttpd, mod_fcgid, CGI */
    assert_name(PAIRS("SCRIPT_NAME", "/events", "PATH_INFO", "/clock"), "clock");
    /* a script below another folder */
    assert_name(PAIRS("SCRIPT_NAME", "/app/events", "PATH_INFO", "/clock"), "clock");
    /* H2O, Caddy without split: the whole path */
    assert_name(PAIRS("SCRIPT_NAME", "", "PATH_INFO", "/events/clock"), "clock");
    assert_name(PAIRS("PATH_INFO", "/events/clock"), "clock");
    assert_name(PAIRS("SCRIPT_NAME", "/events", "PATH_INFO", "/events"), "events");
}

static void finds_the_name_without_path_info(void **state)
{
    (void)state;
    /* Apache, plain ProxyPass */
    assert_name(PAIRS("SCRIPT_NAME", "/events/clock"), "clock");
    /* nginx with its usual parameters */
    assert_name(PAIRS("SCRIPT_NAME", "/x", "REQUEST_URI", "/events/clock?last=3"), "clock");
    assert_name(PAIRS("REQUEST_URI", "/events/cl%6Fck"), "clock");
    assert_name(PAIRS("REQUEST_URI", "/events/clock#part"), "clock");
}

static void an_empty_name_is_the_list(void **state)
{
    (void)state;
    assert_name(PAIRS("SCRIPT_NAME", "/events", "PATH_INFO", "/"), "");
    assert_name(PAIRS("SCRIPT_NAME", "/events", "PATH_INFO", ""), "");
    assert_name(PAIRS("SCRIPT_NAME", "/events"), "");
    assert_name(PAIRS("REQUEST_URI", "/events/?a=b"), "");
    assert_name(PAIRS("REQUEST_URI", "/events"), "");
}

static void a_name_is_not_decoded_twice(void **state)
{
    (void)state;
    assert_name(PAIRS("SCRIPT_NAME", "/events", "PATH_INFO", "/a%41"), "a%41");
}

static void refuses_paths_outside_the_prefix(void **state)
{
    (void)state;
    struct sse_request r;
    struct err err;
    assert_int_equal(read_request(&r, PAIRS("REQUEST_URI", "/eventsX/clock"), &err), ERR_UNKNOWN);
    assert_int_equal(read_request(&r, PAIRS("REQUEST_URI", "/"), &err), ERR_UNKNOWN);
    assert_non_null(strstr(err.text, "/events"));
    assert_int_equal(read_request(&r, PAIRS("REQUEST_URI", "/events/%zz"), &err), ERR_INVALID);
    assert_int_equal(read_request(&r, PAIRS("REQUEST_URI", "/events/%00"), &err), ERR_INVALID);
    assert_int_equal(read_request(&r, PAIRS("REQUEST_METHOD", "GET"), &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "PATH_INFO"));
}

static void knows_its_methods_by_exact_name(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum sse_method method;
    } known[] = {
        {"GET", SSE_GET},       {"HEAD", SSE_HEAD},         {"OPTIONS", SSE_OPTIONS},
        {"POST", SSE_POST},     {"DELETE", SSE_DELETE},     {"get", SSE_METHOD_OTHER},
        {"", SSE_METHOD_OTHER}, {"GETS", SSE_METHOD_OTHER}, {"PUT", SSE_METHOD_OTHER},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct sse_request r;
        struct err err;
        assert_int_equal(
            read_request(&r, PAIRS("REQUEST_METHOD", known[i].name, "PATH_INFO", "/a"), &err), 0);
        assert_int_equal(r.method, known[i].method);
        if (r.method != SSE_METHOD_OTHER) {
            assert_string_equal(sse_method_name(r.method), known[i].name);
        }
    }
    assert_null(sse_method_name(SSE_METHOD_OTHER));
}

static void reads_query_and_headers(void **state)
{
    (void)state;
    struct sse_request r;
    struct err err;
    assert_int_equal(
        read_request(&r,
                     PAIRS("PATH_INFO", "/events/a", "QUERY_STRING", "from=1.2&last=3",
                           "HTTP_LAST_EVENT_ID", "5", "HTTP_ORIGIN", "https://a.example",
                           "HTTP_ACCESS_CONTROL_REQUEST_METHOD", "GET"),
                     &err),
        0);
    assert_string_equal(r.name, "a");
    assert_string_equal(sse_query_get(&r.query, "from"), "1.2");
    assert_string_equal(sse_query_get(&r.query, "last"), "3");
    assert_string_equal(r.last_event_id, "5");
    assert_string_equal(r.origin, "https://a.example");
    assert_string_equal(r.preflight_method, "GET");
    assert_int_equal(read_request(&r, PAIRS("PATH_INFO", "/a", "HTTP_LAST_EVENT_ID", ""), &err), 0);
    assert_null(r.last_event_id);
    assert_null(r.origin);
}

static void says_what_is_wrong_with_a_query(void **state)
{
    (void)state;
    struct sse_request r;
    struct err err;
    assert_int_equal(read_request(&r, PAIRS("PATH_INFO", "/a", "QUERY_STRING", "from=%"), &err),
                     ERR_INVALID);
    assert_non_null(strstr(err.text, "percent"));
    char many[4 * SSE_PARAMS_MAX + 8] = "";
    for (int i = 0; i <= SSE_PARAMS_MAX; i++) {
        strcat(many, "a=&");
    }
    assert_int_equal(read_request(&r, PAIRS("PATH_INFO", "/a", "QUERY_STRING", many), &err),
                     ERR_LIMIT);
    assert_non_null(strstr(err.text, "32"));
}

/* Path and query share one room: all sums around its size, under a sanitizer. */
static void bounds_path_and_query_together(void **state)
{
    (void)state;
    struct err err;
    struct sse_request *r = malloc(sizeof *r);
    char *path = malloc(SSE_REQUEST_TEXT_MAX + 16);
    char *query = malloc(SSE_REQUEST_TEXT_MAX + 16);
    assert_true(r && path && query);
    for (size_t path_len = SSE_REQUEST_TEXT_MAX - 8; path_len < SSE_REQUEST_TEXT_MAX + 8;
         path_len++) {
        for (size_t query_len = 0; query_len < 10; query_len++) {
            memset(path, 'p', path_len);
            path[0] = '/';
            path[path_len] = '\0';
            memset(query, 'q', query_len);
            query[query_len] = '\0';
            int rc = read_request(r, PAIRS("PATH_INFO", path, "QUERY_STRING", query), &err);
            int has_room = path_len + query_len + 2 <= SSE_REQUEST_TEXT_MAX;
            assert_int_equal(rc, has_room ? 0 : ERR_LIMIT);
            if (has_room) {
                assert_int_equal(strlen(r->name), path_len - 1);
                assert_int_equal(r->query.count, query_len > 0);
            }
        }
    }
    free(query);
    free(path);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_name_in_path_info),
        cmocka_unit_test(finds_the_name_without_path_info),
        cmocka_unit_test(an_empty_name_is_the_list),
        cmocka_unit_test(a_name_is_not_decoded_twice),
        cmocka_unit_test(refuses_paths_outside_the_prefix),
        cmocka_unit_test(knows_its_methods_by_exact_name),
        cmocka_unit_test(reads_query_and_headers),
        cmocka_unit_test(says_what_is_wrong_with_a_query),
        cmocka_unit_test(bounds_path_and_query_together),
    };
    return cmocka_run_group_tests_name("sse request", tests, NULL, NULL);
}

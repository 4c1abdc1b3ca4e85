/* SPDX-License-Identifier: MIT */
/* The doctor's report, its advice and the servers that it recognises. */
#include "ctl/report.h"

#include "ctl/advice.h"
#include "ctl/server.h"
#include "ctl/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_holds(struct buf *b, const char *text)
{
    assert_int_equal(buf_append_char(b, '\0'), 0);
    assert_string_equal(b->data, text);
    buf_clear(b);
}

static void prints_for_people_and_as_json(void **state)
{
    (void)state;
    struct ctl_report r = {.count = 0};
    struct buf b;
    buf_init(&b, 4096);
    ctl_report_add(&r, "first", CTL_OK, "fine");
    ctl_report_add(&r, "second", CTL_WRONG, "a \"%s\"", "b\\c\n\x1b\xc3\xa9");
    ctl_report_todo(&r, "do %d", 1);
    ctl_report_todo(&r, "do 2");
    assert_int_equal(ctl_report_text(&r, 0, &b), 0);
    assert_holds(&b, "ok     first           fine\n"
                     "wrong  second          a \"b\\c????\"\n"
                     "                       to do: do 1\n"
                     "                              do 2\n");
    assert_int_equal(ctl_report_sum(&r, &b), 0);
    assert_holds(&b, "1 wrong, 0 notes\n");
    assert_int_equal(ctl_report_json(&r, "http://x/\"", "s", &b), 0);
    assert_holds(&b,
                 "{\"url\":\"http://x/\\\"\",\"server\":\"s\",\"checks\":["
                 "{\"check\":\"first\",\"result\":\"ok\",\"text\":\"fine\",\"to_do\":[]},"
                 "{\"check\":\"second\",\"result\":\"wrong\",\"text\":\"a \\\"b\\\\c????\\\"\","
                 "\"to_do\":[\"do 1\",\"do 2\"]}],\"wrong\":1,\"notes\":0,\"complete\":true}\n");
    buf_fini(&b);
    ctl_report_fini(&r);
}

static void says_that_it_is_not_complete(void **state)
{
    (void)state;
    struct ctl_report r = {.count = 0};
    struct buf b;
    buf_init(&b, 4096);
    for (int i = 0; i <= CTL_FINDINGS_MAX; i++) {
        ctl_report_add(&r, "x", CTL_NOTE, "y");
    }
    assert_int_equal(r.count, CTL_FINDINGS_MAX);
    assert_int_equal(ctl_report_sum(&r, &b), 0);
    assert_holds(&b, "this report is not complete\n0 wrong, 64 notes\n");
    buf_fini(&b);
    ctl_report_fini(&r);
}

static void recognises_servers_and_what_is_in_front(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        enum ctl_server_kind kind;
        const char *front;
    } cases[] = {
        {"Server: nginx/1.22.1\n", CTL_SERVER_NGINX, ""},
        {"server: openresty\n", CTL_SERVER_NGINX, ""},
        {"Server: Apache/2.4.66 (Debian)\n", CTL_SERVER_APACHE, ""},
        {"Server: lighttpd/1.4.69\n", CTL_SERVER_LIGHTTPD, ""},
        {"Server: Caddy\nVia: 1.1 varnish\n", CTL_SERVER_CADDY, "Via: 1.1 varnish"},
        {"Server: h2o/2.2.5\n", CTL_SERVER_H2O, ""},
        {"Server: cloudflare\nCF-RAY: 8\n", CTL_SERVER_UNKNOWN, "CF-RAY: 8"},
        {"Server: cloudflare\n", CTL_SERVER_UNKNOWN, "Server: cloudflare"},
        {"Server: home-made\n", CTL_SERVER_UNKNOWN, ""},
        {"Date: today\n", CTL_SERVER_HAPROXY, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ctl_server server;
        struct ctl_trace t;
        ctl_trace_init(&t);
        for (const char *line = cases[i].head; *line; line = strchr(line, '\n') + 1) {
            assert_int_equal(ctl_trace_head(&t, line, strcspn(line, "\n") + 1, 1), 0);
        }
        assert_int_equal(ctl_trace_head(&t, "\r\n", 2, 1), 0);
        ctl_server_read(&server, &t);
        assert_int_equal(server.kind, cases[i].kind);
        assert_string_equal(server.front, cases[i].front);
        ctl_trace_fini(&t);
    }
}

static void every_server_has_a_cure_for_time_outs_and_old_http(void **state)
{
    (void)state;
    static const enum ctl_mistake mistakes[] = {CTL_BUFFERED, CTL_QUIET_CUT, CTL_ID_DROPPED,
                                                CTL_OLD_HTTP, CTL_NO_ROUTE};
    for (size_t m = 0; m < sizeof mistakes / sizeof *mistakes; m++) {
        for (int kind = 1; kind < CTL_SERVER_KINDS; kind++) {
            struct ctl_report r = {.count = 0};
            struct ctl_server server = {.kind = (enum ctl_server_kind)kind};
            ctl_report_add(&r, "x", CTL_WRONG, "y");
            ctl_advise(&r, mistakes[m], &server);
            assert_true(r.findings[0]->todo_count > 0);
            assert_false(r.is_incomplete);
            ctl_report_fini(&r);
        }
    }
}

static void an_unknown_server_gets_all_cures_by_name(void **state)
{
    (void)state;
    for (int mistake = 0; mistake < CTL_MISTAKES; mistake++) {
        struct ctl_report r = {.count = 0};
        struct ctl_server server = {.kind = CTL_SERVER_UNKNOWN};
        ctl_report_add(&r, "x", CTL_WRONG, "y");
        ctl_advise(&r, (enum ctl_mistake)mistake, &server);
        assert_true(r.findings[0]->todo_count > 0);
        assert_false(r.is_incomplete);
        ctl_report_fini(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_for_people_and_as_json),
        cmocka_unit_test(says_that_it_is_not_complete),
        cmocka_unit_test(recognises_servers_and_what_is_in_front),
        cmocka_unit_test(every_server_has_a_cure_for_time_outs_and_old_http),
        cmocka_unit_test(an_unknown_server_gets_all_cures_by_name),
    };
    return cmocka_run_group_tests_name("ctl report", tests, NULL, NULL);
}

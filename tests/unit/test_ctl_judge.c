/* SPDX-License-Identifier: MIT */
/* The doctor's judgements, from traces that are played by hand. */
#include "ctl/judge.h"

#include "ctl/report.h"
#include "ctl/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OPENING "retry: 2000\n\nid: 7\n\n"
#define STREAM "Content-Type: text/event-stream\n"

static const struct ctl_server nginx = {.kind = CTL_SERVER_NGINX, .name = "nginx"};

/* A trace of an answer with a head (lines ended by LF) and the first bytes of its body. */
static void play(struct ctl_trace *t, long status, const char *head, const char *body)
{
    ctl_trace_init(t);
    t->status = status;
    t->http_major = t->http_minor = 1;
    t->end = CTL_END_OURS;
    for (const char *line = head; *line; line = strchr(line, '\n') + 1) {
        assert_int_equal(ctl_trace_head(t, line, strcspn(line, "\n") + 1, 1), 0);
    }
    assert_int_equal(ctl_trace_head(t, "\r\n", 2, 1), 0);
    assert_int_equal(ctl_trace_body(t, body, strlen(body), 2), 0);
}

static void more(struct ctl_trace *t, const char *text, int64_t at_ms)
{
    assert_int_equal(ctl_trace_body(t, text, strlen(text), at_ms), 0);
}

static void end(struct ctl_trace *t, enum ctl_end how, int64_t at_ms)
{
    t->end = how;
    t->end_ms = at_ms;
}

/* The result and a piece of the text of the last finding; ends the report. */
static void assert_last(struct ctl_report *r, const char *check, enum ctl_result result,
                        const char *text)
{
    assert_true(r->count > 0);
    const struct ctl_finding *f = r->findings[r->count - 1];
    assert_string_equal(f->check, check);
    if (f->result != result || !strstr(f->text, text)) {
        fail_msg("%d: %s", (int)f->result, f->text);
    }
}

static int todo_has(const struct ctl_report *r, const char *text)
{
    const struct ctl_finding *f = r->findings[r->count - 1];
    for (size_t i = 0; i < f->todo_count; i++) {
        if (strstr(f->todos[i], text)) {
            return 1;
        }
    }
    return 0;
}

/* --- the answer ------------------------------------------------------------------------------ */

static void says_what_an_answer_is(void **state)
{
    (void)state;
    static const struct {
        long status;
        const char *head, *body;
        enum ctl_result result;
        const char *text, *todo;
    } cases[] = {
        {200, STREAM, OPENING, CTL_OK, "text/event-stream", NULL},
        {200, "content-type: Text/Event-Stream; charset=utf-8\n", OPENING, CTL_OK, "200", NULL},
        {200, "Content-Type: text/html\n", "<p>", CTL_WRONG, "no event stream", "location"},
        {200, "Content-Type: text/event-streams\n", "", CTL_WRONG, "no event stream", "only"},
        {200, "", "x", CTL_WRONG, "no Content-Type", "only"},
        {204, "", "", CTL_WRONG, "over", NULL},
        {401, "", "", CTL_WRONG, "asks for", "--user"},
        {404, "Content-Type: text/html\n", "nginx", CTL_WRONG, "the web server", "fastcgi_pass"},
        {404, "Content-Type: application/json\n", "{\"error\":\"none\"}\n", CTL_WRONG,
         "ssecgi: {\"error\":\"none\"}", "streams"},
        {400, "Content-Type: application/json\n", "{\"error\":\"bad\"}\n", CTL_WRONG, "for ever",
         "bad"},
        {405, "Content-Type: application/json\nAllow: OPTIONS, POST\n", "{\"error\":\"method\"}\n", CTL_NOTE,
         "asked by POST", "Content-Location"},
        {405, "Content-Type: application/json\nAllow: GET, POST\n", "{\"error\":\"method\"}\n", CTL_WRONG,
         "for ever", "method"},
        {405, "Allow: POST\n", "", CTL_WRONG, "for ever", NULL},
        {502, "", "", CTL_WRONG, "no answer from ssecgi", "socket"},
        {500, "", "", CTL_WRONG, "error log", NULL},
        {200, STREAM, "retry: 9\n\nevent: stream.busy\ndata: {}\n\n", CTL_WRONG, "no more readers",
         "max_streams"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ctl_report r = {.count = 0};
        struct ctl_trace t;
        play(&t, cases[i].status, cases[i].head, cases[i].body);
        int goes_on = ctl_judge_answer(&r, &t, &nginx, 0);
        assert_int_equal(goes_on, cases[i].result == CTL_OK);
        assert_last(&r, "answer", cases[i].result, cases[i].text);
        assert_true(!cases[i].todo || todo_has(&r, cases[i].todo));
        ctl_report_fini(&r);
        ctl_trace_fini(&t);
    }
}

static void says_why_there_is_no_answer(void **state)
{
    (void)state;
    struct ctl_report r = {.count = 0};
    struct ctl_trace t;
    ctl_trace_init(&t);
    snprintf(t.error, sizeof t.error, "refused\x1b[31m");
    assert_false(ctl_judge_answer(&r, &t, &nginx, 0));
    assert_last(&r, "answer", CTL_WRONG, "no answer: refused?[31m");
    t.end = CTL_END_TLS;
    assert_false(ctl_judge_answer(&r, &t, &nginx, 0));
    assert_last(&r, "answer", CTL_WRONG, "not trusted");
    ctl_report_fini(&r);
    ctl_trace_fini(&t);
}

static void looks_at_the_head(void **state)
{
    (void)state;
    struct ctl_report r = {.count = 0};
    struct ctl_trace t;
    play(&t, 200, STREAM "Cache-Control: no-store, no-transform\n", OPENING);
    ctl_judge_head(&r, &t, &nginx);
    assert_int_equal(ctl_report_count(&r, CTL_OK), 2);
    assert_int_equal(r.count, 2);
    ctl_trace_fini(&t);
    play(&t, 200, STREAM "Cache-Control: max-age=60\nContent-Encoding: gzip\nContent-Length: 9\n",
         OPENING);
    ctl_judge_head(&r, &t, &nginx);
    assert_int_equal(ctl_report_count(&r, CTL_WRONG), 2); /* the length and the caching */
    assert_int_equal(ctl_report_count(&r, CTL_NOTE), 1);
    ctl_trace_fini(&t);
    ctl_report_fini(&r);
}

static void takes_the_last_of_several_heads(void **state)
{
    (void)state;
    char value[32];
    struct ctl_trace t;
    play(&t, 200, "HTTP/1.1 103 Early Hints\nServer: early\nHTTP/1.1 200 OK\nServer: late \nX:\n",
         "");
    assert_true(ctl_trace_header(&t, "server", value, sizeof value));
    assert_string_equal(value, "late");
    assert_true(ctl_trace_header(&t, "X", value, sizeof value));
    assert_string_equal(value, "");
    assert_false(ctl_trace_header(&t, "Serve", value, sizeof value));
    ctl_trace_fini(&t);
}

static void tells_versions(void **state)
{
    (void)state;
    struct ctl_report r = {.count = 0};
    struct ctl_trace t;
    play(&t, 200, STREAM, OPENING);
    ctl_judge_version(&r, &t, &nginx, 1, 1);
    assert_last(&r, "http-version", CTL_NOTE, "six connections");
    assert_true(todo_has(&r, "listen 443 ssl http2;"));
    t.http_major = 2;
    ctl_judge_version(&r, &t, &nginx, 1, 1);
    assert_last(&r, "http-version", CTL_OK, "HTTP/2");
    ctl_report_fini(&r);
    ctl_trace_fini(&t);
}

static void tells_ssecgi_from_others(void **state)
{
    (void)state;
    struct ctl_trace t;
    play(&t, 200, STREAM, OPENING);
    assert_true(ctl_judge_is_ssecgi(&t));
    ctl_trace_fini(&t);
    play(&t, 200, STREAM, "id: 1\ndata: x\n\nretry: 3\n\n");
    assert_false(ctl_judge_is_ssecgi(&t));
    ctl_trace_fini(&t);
    play(&t, 400, "Content-Type: application/json\n", "{\"error\":\"from: must be\"}");
    assert_true(ctl_judge_is_refusal(&t));
    ctl_trace_fini(&t);
}

/* --- coming back ------------------------------------------------------------------------------ */

#define UNKNOWN_GAP "id: 9\nevent: stream.gap\ndata: {\"reason\":\"unknown-position\"}\n\n"

static void says_whether_a_reader_resumes(void **state)
{
    (void)state;
    static const struct {
        const char *strange, *known;
        enum ctl_result result;
        const char *text;
    } cases[] = {
        {OPENING UNKNOWN_GAP, OPENING, CTL_OK, "goes on at its id"},
        {OPENING "data: x\n\n", OPENING, CTL_WRONG, "does not reach"},
        {OPENING, OPENING, CTL_WRONG, "does not reach"},
        {"", OPENING, CTL_WRONG, "nothing arrives"},
        {OPENING UNKNOWN_GAP, OPENING UNKNOWN_GAP, CTL_WRONG, "unknown to the next"},
        {OPENING UNKNOWN_GAP, "retry: 2\n\nid: 8\n\n", CTL_WRONG, "but at 8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ctl_report r = {.count = 0};
        struct ctl_trace strange, known;
        play(&strange, 200, STREAM, cases[i].strange);
        play(&known, 200, STREAM, cases[i].known);
        ctl_judge_resume(&r, &strange, &known, "7", &nginx);
        assert_last(&r, "last-event-id", cases[i].result, cases[i].text);
        ctl_report_fini(&r);
        ctl_trace_fini(&strange);
        ctl_trace_fini(&known);
    }
}

static void checks_what_other_origins_may(void **state)
{
    (void)state;
    struct ctl_report r = {.count = 0};
    struct ctl_trace get, preflight;
    play(&get, 200, STREAM "Access-Control-Allow-Origin: https://a\n", OPENING);
    play(&preflight, 403, "", "");
    ctl_judge_cors(&r, &get, &preflight, "https://b");
    assert_last(&r, "cors", CTL_WRONG, "open to https://a");
    ctl_judge_cors(&r, &get, &preflight, "https://a");
    assert_last(&r, "cors-preflight", CTL_NOTE, "403");
    ctl_trace_fini(&preflight);
    play(&preflight, 204, "Access-Control-Allow-Origin: https://a\n", "");
    ctl_judge_cors(&r, &get, &preflight, "https://a");
    assert_last(&r, "cors-preflight", CTL_OK, "204");
    ctl_trace_fini(&get);
    ctl_trace_fini(&preflight);
    ctl_report_fini(&r);
}

/* --- time ------------------------------------------------------------------------------------- */

static void judges_a_watched_stream(void **state)
{
    (void)state;
    static const struct {
        const char *texts[4];
        int64_t times[4];
        enum ctl_end how;
        int64_t at_ms;
        enum ctl_result result;
        const char *text;
    } cases[] = {
        {{NULL}, {0}, CTL_END_OURS, 35000, CTL_NOTE, "neither an event nor a heartbeat"},
        {{":\n\n"}, {9000}, CTL_END_OURS, 35000, CTL_OK, "heartbeats come"},
        {{":\n\n", ":\n\n"}, {9000, 24000}, CTL_END_OURS, 35000, CTL_OK, "every 15.0 s"},
        {{"data: x\n\n"}, {9000}, CTL_END_OURS, 35000, CTL_OK, "1 events"},
        {{NULL}, {0}, CTL_END_CUT, 5002, CTL_WRONG, "cut after 5.0 s without a byte"},
        {{"data: x\n\n"},
         {4000},
         CTL_END_WHOLE,
         34000,
         CTL_WRONG,
         "cut after 30.0 s without a byte"},
        {{":\n\n", ":\n\n", ":\n\n"},
         {1000, 16000, 31000},
         CTL_END_CUT,
         32000,
         CTL_WRONG,
         "a limit on"},
        {{"data: x\n\n", "retry: 5\n\n"},
         {1000, 2000},
         CTL_END_WHOLE,
         2000,
         CTL_NOTE,
         "max_stream_age_s"},
        {{"event: stream.end\ndata: {}\n\n"}, {1000}, CTL_END_WHOLE, 1000, CTL_OK, "finished"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ctl_report r = {.count = 0};
        struct ctl_trace t;
        play(&t, 200, STREAM, OPENING);
        for (size_t k = 0; k < 4 && cases[i].texts[k]; k++) {
            more(&t, cases[i].texts[k], cases[i].times[k]);
        }
        end(&t, cases[i].how, cases[i].at_ms);
        ctl_judge_watch(&r, &t, 35000, &nginx);
        assert_last(&r, "quiet", cases[i].result, cases[i].text);
        ctl_report_fini(&r);
        ctl_trace_fini(&t);
    }
}

static void says_when_an_answer_is_lost(void **state)
{
    (void)state;
    struct ctl_report r = {.count = 0};
    struct ctl_server haproxy = {.kind = CTL_SERVER_HAPROXY};
    struct ctl_trace t, good;
    ctl_trace_init(&t);
    end(&t, CTL_END_OURS, 10000);
    play(&good, 200, STREAM, OPENING UNKNOWN_GAP);
    ctl_judge_watch(&r, &t, 35000, &haproxy);
    assert_last(&r, "quiet", CTL_WRONG, "no answer this time");
    assert_true(todo_has(&r, "no option keep-conn"));
    ctl_judge_resume(&r, &good, &t, "7", &haproxy);
    assert_last(&r, "last-event-id", CTL_WRONG, "no answer this time");
    ctl_judge_resume(&r, &t, &good, "7", &haproxy);
    assert_last(&r, "last-event-id", CTL_WRONG, "no answer this time");
    assert_int_equal(r.count, 3);
    ctl_trace_fini(&t);
    ctl_trace_fini(&good);
    ctl_report_fini(&r);
}

static void judges_rhythm_by_ids_that_are_times(void **state)
{
    (void)state;
    struct ctl_report r = {.count = 0};
    struct ctl_trace t;
    char text[64];
    play(&t, 200, STREAM, OPENING);
    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof text, "id: %lld\ndata: x\n\n", 1795276367000LL + i * 1000);
        more(&t, text, 1000 + i * 1000);
    }
    ctl_judge_rhythm(&r, &t, &nginx);
    assert_last(&r, "rhythm", CTL_OK, "10 events");
    for (int i = 10; i < 15; i++) {
        snprintf(text, sizeof text, "id: %lld\ndata: x\n\n", 1795276367000LL + i * 1000);
        more(&t, text, 15000);
    }
    ctl_judge_rhythm(&r, &t, &nginx);
    assert_last(&r, "rhythm", CTL_WRONG, "bursts of up to 5");
    size_t count = r.count;
    ctl_trace_fini(&t);
    play(&t, 200, STREAM, OPENING "id: a-1\ndata: x\n\nid: a-2\ndata: x\n\nid: a-3\ndata: x\n\n");
    ctl_judge_rhythm(&r, &t, &nginx);
    assert_int_equal(r.count, count); /* nothing to say */
    ctl_trace_fini(&t);
    ctl_report_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_an_answer_is),
        cmocka_unit_test(says_why_there_is_no_answer),
        cmocka_unit_test(looks_at_the_head),
        cmocka_unit_test(takes_the_last_of_several_heads),
        cmocka_unit_test(tells_versions),
        cmocka_unit_test(tells_ssecgi_from_others),
        cmocka_unit_test(says_whether_a_reader_resumes),
        cmocka_unit_test(checks_what_other_origins_may),
        cmocka_unit_test(judges_a_watched_stream),
        cmocka_unit_test(says_when_an_answer_is_lost),
        cmocka_unit_test(judges_rhythm_by_ids_that_are_times),
    };
    return cmocka_run_group_tests_name("ctl judge", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* test_chat_run: an answer ends once and leaves nothing behind, whenever it is cancelled or dropped. */
#include "source/chat/answer.h"
#include "source/chat/settings.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct source_type ssecgi_source;

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
#define CHUNK(text) "data: {\"choices\":[{\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define FINISH "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
#define DONE "data: [DONE]\n\n"
#define GOOD HEAD CHUNK("a") CHUNK("b") CHUNK("c") FINISH DONE
#define BODY "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define NEVER 1000
#define DEADLINE_MS 20000

static char *models[] = {(char *)"m"};

/* The service, a reader, and what the reader does at which event. */
struct rig {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_timer_t deadline;
    const char *says;
    size_t piece; /* bytes that it writes at once */
    size_t answered;
    size_t connections; /* that are open */
    struct log log;
    struct source_host host;
    struct chat_settings settings;
    struct source_setup setup;
    char url[64];
    struct source_run *run;
    size_t events, ends, drops;
    uint64_t tokens[2]; /* by enum source_count */
    int has_failed;
    size_t drop_at, cancel_at; /* the event */
    int is_refusing;           /* the reader takes nothing */
    char text[1024];           /* "a|b|" */
    char end[128];
};

/* ---- the service ---- */

struct connection {
    uv_tcp_t tcp;
    uv_write_t write;
    struct rig *rig;
    size_t at;
    int is_asked;
};

static void on_connection_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    c->rig->connections--;
    free(c);
}

static void end_connection(struct connection *c)
{
    if (!uv_is_closing((uv_handle_t *)&c->tcp)) {
        uv_close((uv_handle_t *)&c->tcp, on_connection_closed);
    }
}

static void say(uv_write_t *write, int status)
{
    struct connection *c = write->data;
    struct rig *r = c->rig;
    size_t left = strlen(r->says) - c->at;
    size_t len = left < r->piece ? left : r->piece;
    if (status || len == 0) {
        end_connection(c);
        return;
    }
    uv_buf_t buf = uv_buf_init((char *)r->says + c->at, (unsigned)len);
    c->at += len;
    assert_int_equal(uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, say), 0);
}

static void on_room(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    static char room[65536];
    (void)handle;
    (void)size;
    *buf = uv_buf_init(room, sizeof room);
}

/* What it is asked is looked at elsewhere. */
static void on_asked(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct connection *c = stream->data;
    (void)buf;
    if (len < 0) {
        end_connection(c);
    } else if (!c->is_asked) {
        c->is_asked = 1;
        c->rig->answered++;
        c->write.data = c;
        say(&c->write, 0);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct rig *r = listener->data;
    struct connection *c = calloc(1, sizeof *c);
    assert_non_null(c);
    assert_int_equal(status, 0);
    c->rig = r;
    c->tcp.data = c;
    uv_tcp_init(&r->loop, &c->tcp);
    r->connections++;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&c->tcp), 0);
    uv_read_start((uv_stream_t *)&c->tcp, on_room, on_asked);
}

/* ---- the reader ---- */

static void on_dropped(void *ctx)
{
    struct rig *r = ctx;
    r->drops++;
    uv_close((uv_handle_t *)&r->listener, NULL);
    uv_close((uv_handle_t *)&r->deadline, NULL);
}

static int on_event(void *ctx, const struct source_item *item)
{
    struct rig *r = ctx;
    size_t used = strlen(r->text);
    assert_int_equal(r->ends, 0);
    assert_true(r->drop_at == NEVER || r->events < r->drop_at);
    snprintf(r->text + used, sizeof r->text - used, "%s %.*s|", item->name ? item->name : "",
             (int)item->data_len, item->data);
    r->events++;
    if (r->events == r->drop_at) {
        ssecgi_source.drop(r->run, on_dropped, r);
    }
    if (r->events == r->cancel_at) {
        ssecgi_source.cancel(r->run, 1);
    }
    return r->is_refusing ? ERR_RANGE : 0;
}

static void on_count(void *ctx, enum source_count what, uint64_t n)
{
    struct rig *r = ctx;
    assert_int_equal(r->ends, 0);
    r->tokens[what] += n;
}

static void on_end(void *ctx, const char *data, int has_failed)
{
    struct rig *r = ctx;
    r->has_failed = has_failed;
    r->ends++;
    snprintf(r->end, sizeof r->end, "%s", data);
    ssecgi_source.cancel(r->run, 1);
    ssecgi_source.drop(r->run, on_dropped, r);
}

/* ---- the rig ---- */

static void on_deadline(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("it does not end");
}

static void set_up(struct rig *r, const char *says, size_t piece)
{
    struct sockaddr_in address;
    int len = sizeof address;
    *r = (struct rig){.says = says, .piece = piece, .drop_at = NEVER, .cancel_at = NEVER};
    uv_loop_init(&r->loop);
    uv_tcp_init(&r->loop, &r->listener);
    r->listener.data = r;
    uv_ip4_addr("127.0.0.1", 0, &address);
    assert_int_equal(uv_tcp_bind(&r->listener, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&r->listener, 8, on_connection), 0);
    uv_tcp_getsockname(&r->listener, (struct sockaddr *)&address, &len);
    snprintf(r->url, sizeof r->url, "http://127.0.0.1:%d/v1", ntohs(address.sin_port));
    uv_timer_init(&r->loop, &r->deadline);
    uv_timer_start(&r->deadline, on_deadline, DEADLINE_MS, 0);
    r->log = (struct log){.fd = -1, .level = LOG_LEVEL_ERROR};
    r->host = (struct source_host){.loop = &r->loop, .log = &r->log, .clock = &clock_system};
    r->settings = (struct chat_settings){.upstream = r->url,
                                         .models = {.items = models, .count = 1},
                                         .max_tokens = 10,
                                         .max_messages = 10,
                                         .max_body_bytes = 1000,
                                         .max_output_bytes = 1000,
                                         .timeout_first_s = 10,
                                         .timeout_idle_s = 10,
                                         .run_s = 10};
    r->setup = (struct source_setup){.stream = "c", .settings = &r->settings};
}

static void begin(struct rig *r)
{
    struct source_request request = {.body = BODY, .len = strlen(BODY), .type = "application/json"};
    struct source_answer answer = {.event = on_event, .count = on_count, .end = on_end, .ctx = r};
    struct err err = {.code = 0};
    assert_int_equal(ssecgi_source.run(&r->run, &r->setup, &r->host, &request, &answer, &err), 0);
}

/* Runs to the end; nothing is left on the loop then. */
static void finish(struct rig *r)
{
    uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(r->drops, 1);
    assert_int_equal(r->connections, 0);
    assert_int_equal(uv_loop_close(&r->loop), 0);
}

/* ---- tests ---- */

static void an_answer_is_the_same_in_pieces_of_any_size(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < strlen(GOOD); piece += 1 + piece / 4) {
        struct rig r;
        set_up(&r, GOOD, piece);
        begin(&r);
        finish(&r);
        assert_string_equal(r.text, "token \"a\"|token \"b\"|token \"c\"|");
        assert_string_equal(r.end, "{\"status\":\"ok\",\"finish_reason\":\"stop\"}");
        assert_int_equal(r.ends, 1);
    }
}

#define USAGE(of) \
    "data: {\"choices\":[],\"usage\":{" of "\"total_tokens\":1}}\n\n"

static void what_it_costs_is_counted(void **state)
{
    (void)state;
    static const struct {
        const char *says;
        uint64_t prompt, completion;
        int has_failed;
    } cases[] = {
        {GOOD, 0, 3, 0}, /* the service does not tell */
        {HEAD CHUNK("a") CHUNK("b") FINISH USAGE("\"prompt_tokens\":7,\"completion_tokens\":5,") DONE,
         7, 5, 0},
        {HEAD USAGE("\"prompt_tokens\":7,\"completion_tokens\":0,") CHUNK("a")
         USAGE("\"prompt_tokens\":7,\"completion_tokens\":4,") CHUNK("b") FINISH
         USAGE("\"prompt_tokens\":7,\"completion_tokens\":9,") DONE, 7, 9, 0},
        {HEAD CHUNK("a") FINISH USAGE("\"prompt_tokens\":-3,\"completion_tokens\":\"9\",") DONE, 0, 1, 0},
        {HEAD CHUNK("a") CHUNK("b"), 0, 2, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig r;
        set_up(&r, cases[i].says, 33);
        begin(&r);
        finish(&r);
        assert_int_equal(r.tokens[SOURCE_PROMPT_TOKENS], cases[i].prompt);
        assert_int_equal(r.tokens[SOURCE_COMPLETION_TOKENS], cases[i].completion);
        assert_int_equal(r.has_failed, cases[i].has_failed);
    }
}

static void nothing_comes_after_it_was_dropped(void **state)
{
    (void)state;
    for (size_t at = 0; at <= 3; at++) {
        for (size_t piece = 40; piece < strlen(GOOD) + 40; piece += strlen(GOOD) - 40) {
            struct rig r;
            set_up(&r, GOOD, piece);
            r.drop_at = at;
            begin(&r);
            if (at == 0) {
                ssecgi_source.drop(r.run, on_dropped, &r);
            }
            finish(&r);
            assert_int_equal(r.events, at);
            assert_int_equal(r.ends, 0);
        }
    }
}

static void it_ends_soon_after_it_was_cancelled(void **state)
{
    (void)state;
    for (size_t at = 0; at <= 2; at++) {
        struct rig r;
        set_up(&r, HEAD CHUNK("a") CHUNK("b"), 20);
        r.cancel_at = at;
        r.settings.retries = 0;
        begin(&r);
        if (at == 0) {
            ssecgi_source.cancel(r.run, 0);
            ssecgi_source.cancel(r.run, 1);
        }
        finish(&r);
        assert_string_equal(r.end, "{\"status\":\"cancelled\"}");
        assert_int_equal(r.events, at);
    }
}

static void what_cannot_be_kept_ends_it(void **state)
{
    (void)state;
    struct rig r;
    set_up(&r, GOOD, 1000);
    r.is_refusing = 1;
    begin(&r);
    finish(&r);
    assert_int_equal(r.events, 2); /* the first piece, and that it failed */
    assert_string_equal(r.end, "{\"status\":\"error\",\"reason\":\"not-kept\"}");
}

static void a_broken_stream_is_told_wherever_it_breaks(void **state)
{
    (void)state;
    static char part[sizeof GOOD];
    size_t finished = strlen(HEAD CHUNK("a") CHUNK("b") CHUNK("c") FINISH);
    for (size_t len = 0; len < strlen(GOOD); len += 7) {
        struct rig r;
        memcpy(part, GOOD, len);
        part[len] = '\0';
        set_up(&r, part, 1000);
        begin(&r);
        finish(&r);
        assert_int_equal(r.ends, 1);
        assert_int_equal(r.answered, 1);
        if (len >= finished) {
            assert_string_equal(r.end, "{\"status\":\"ok\",\"finish_reason\":\"stop\"}");
        } else if (len >= strlen(HEAD)) {
            assert_string_equal(r.end, "{\"status\":\"error\",\"reason\":\"cut-off\"}");
        } else if (len == 0) {
            assert_string_equal(r.end, "{\"status\":\"error\",\"reason\":\"unreachable\"}");
        } else {
            assert_non_null(strstr(r.end, "\"status\":\"error\""));
        }
    }
}

static void it_is_dropped_while_it_waits_to_ask_again(void **state)
{
    (void)state;
    struct rig r;
    set_up(&r, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", 1000);
    r.settings.retries = 10;
    begin(&r);
    while (r.answered < 2 || r.connections > 0) {
        uv_run(&r.loop, UV_RUN_ONCE);
    }
    ssecgi_source.drop(r.run, on_dropped, &r);
    finish(&r);
    assert_int_equal(r.ends, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_the_same_in_pieces_of_any_size),
        cmocka_unit_test(what_it_costs_is_counted),
        cmocka_unit_test(nothing_comes_after_it_was_dropped),
        cmocka_unit_test(it_ends_soon_after_it_was_cancelled),
        cmocka_unit_test(what_cannot_be_kept_ends_it),
        cmocka_unit_test(a_broken_stream_is_told_wherever_it_breaks),
        cmocka_unit_test(it_is_dropped_while_it_waits_to_ask_again),
    };
    signal(SIGPIPE, SIG_IGN);
    setenv("no_proxy", "127.0.0.1", 1);
    return cmocka_run_group_tests_name("chat_run", tests, NULL, NULL);
}

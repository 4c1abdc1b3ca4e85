/* SPDX-License-Identifier: MIT */
/* stand_in: stands in for a server that speaks OpenAI's protocol. No language model: each answer is so many
 * tokens at an even pace, and a token says when it was written.
 *
 *     stand_in PORT TOKENS RATE
 *
 * Each answer has TOKENS tokens, RATE a second; a RATE of 0 is as fast as they are read. A token is "@NS.SEQ;":
 * CLOCK_MONOTONIC, and its number from 0. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <uv.h>

#define BACKLOG 4096
#define REQUEST_BYTES 65536
#define CHUNK_BYTES 512
#define BLOCKED_BYTES 65536 /* not read by the client: then it is waited for */
#define HEAD_START "HTTP/1.1 200 OK\r\nServer: stand-in\r\nContent-Type: text/event-stream\r\n"

static struct {
    uv_loop_t loop;
    uv_tcp_t listener;
    uint64_t tokens;
    uint64_t interval_ns;
} server;

struct connection {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_shutdown_t shutdown;
    char request[REQUEST_BYTES];
    size_t len;
    uint64_t next;     /* token */
    uint64_t began_ns; /* token 0 */
    int is_chunked;
    int is_answering;
    int open_handles;
};

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    if (--c->open_handles == 0) {
        free(c);
    }
}

static void end_connection(struct connection *c)
{
    if (!uv_is_closing((uv_handle_t *)&c->tcp)) {
        uv_close((uv_handle_t *)&c->tcp, on_closed);
        uv_close((uv_handle_t *)&c->timer, on_closed);
    }
}

/* --- the answer ---------------------------------------------------------------------------- */

struct piece {
    uv_write_t write;
    char bytes[CHUNK_BYTES + 32];
};

static void on_written(uv_write_t *write, int status)
{
    struct connection *c = write->data;
    free((struct piece *)write);
    if (status) {
        end_connection(c);
    }
}

static void say(struct connection *c, const char *text)
{
    struct piece *p = malloc(sizeof *p);
    if (!p) {
        abort();
    }
    size_t len = strlen(text);
    int n = c->is_chunked ? snprintf(p->bytes, sizeof p->bytes, "%zx\r\n%s\r\n", len, text)
                          : snprintf(p->bytes, sizeof p->bytes, "%s", text);
    uv_buf_t buf = uv_buf_init(p->bytes, (unsigned)n);
    p->write.data = c;
    if (uv_write(&p->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written)) {
        free(p);
        end_connection(c);
    }
}

static void say_chunk(struct connection *c, const char *delta, const char *finish)
{
    char text[CHUNK_BYTES];
    snprintf(text, sizeof text,
             "data: {\"id\":\"chatcmpl-stand-in\",\"object\":\"chat.completion.chunk\",\"created\":1,"
             "\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{%s},\"finish_reason\":%s}]}\n\n",
             delta, finish);
    say(c, text);
}

static void say_token(struct connection *c)
{
    char delta[64];
    snprintf(delta, sizeof delta, "\"content\":\"@%" PRIu64 ".%" PRIu64 ";\"", uv_hrtime(), c->next);
    say_chunk(c, delta, "null");
    c->next++;
}

static void on_turn(uv_timer_t *timer);

/* The timer counts in milliseconds; what is due by then is written. */
static void wait_for_next(struct connection *c)
{
    uint64_t now = uv_hrtime();
    uint64_t due = c->began_ns + c->next * server.interval_ns;
    uint64_t ms = due > now ? (due - now + 999999) / 1000000 : 0;
    uv_timer_start(&c->timer, on_turn, ms, 0);
}

static void on_shut(uv_shutdown_t *shutdown, int status)
{
    (void)status;
    end_connection((struct connection *)shutdown->handle->data);
}

static void end_answer(struct connection *c)
{
    say_chunk(c, "", "\"stop\"");
    say(c, "data: [DONE]\n\n");
    c->is_answering = 0;
    if (c->is_chunked) {
        say(c, ""); /* "0", with which the body ends */
    } else {
        uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shut);
    }
}

static void on_turn(uv_timer_t *timer)
{
    struct connection *c = timer->data;
    int is_blocked = uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp) > BLOCKED_BYTES;
    if (!is_blocked && c->next < server.tokens) {
        say_token(c);
    }
    if (c->next == server.tokens) {
        end_answer(c);
    } else {
        wait_for_next(c);
    }
}

/* --- the request --------------------------------------------------------------------------- */

/* What is asked does not matter. */
static int is_whole(const struct connection *c)
{
    const char *end = strstr(c->request, "\r\n\r\n");
    const char *length = end ? strcasestr(c->request, "\r\nContent-Length:") : NULL;
    size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
    return end && c->len >= (size_t)(end + 4 - c->request) + body;
}

static void begin(struct connection *c)
{
    static unsigned number;
    int is_chunked = strstr(c->request, " HTTP/1.1\r\n") != NULL;
    c->is_chunked = 0;
    say(c, is_chunked ? HEAD_START "Transfer-Encoding: chunked\r\n\r\n" : HEAD_START "\r\n");
    c->is_chunked = is_chunked;
    c->is_answering = 1;
    c->len = 0;
    c->next = 0;
    /* Answers that begin at once do not go in step. */
    c->began_ns = uv_hrtime() + server.interval_ns * (number++ * 37 % 101) / 101;
    wait_for_next(c);
}

static void on_room(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct connection *c = handle->data;
    (void)size;
    *buf = uv_buf_init(c->request + c->len, (unsigned)(sizeof c->request - 1 - c->len));
}

static void on_bytes(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct connection *c = stream->data;
    (void)buf;
    if (len < 0 || c->is_answering) {
        end_connection(c);
        return;
    }
    c->len += (size_t)len;
    c->request[c->len] = '\0';
    if (is_whole(c)) {
        begin(c);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct connection *c = status ? NULL : calloc(1, sizeof *c);
    (void)listener;
    if (!c) {
        return;
    }
    c->tcp.data = c->timer.data = c;
    c->open_handles = 2;
    uv_tcp_init(&server.loop, &c->tcp);
    uv_timer_init(&server.loop, &c->timer);
    if (uv_accept((uv_stream_t *)&server.listener, (uv_stream_t *)&c->tcp)) {
        end_connection(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    uv_read_start((uv_stream_t *)&c->tcp, on_room, on_bytes);
}

int main(int argc, char **argv)
{
    struct sockaddr_in at;
    if (argc != 4 || uv_ip4_addr("127.0.0.1", atoi(argv[1]), &at)) {
        fprintf(stderr, "usage: stand_in PORT TOKENS RATE\n");
        return 2;
    }
    server.tokens = strtoull(argv[2], NULL, 10);
    uint64_t rate = strtoull(argv[3], NULL, 10);
    server.interval_ns = rate ? 1000000000 / rate : 0;
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&server.loop);
    uv_tcp_init(&server.loop, &server.listener);
    int rc = uv_tcp_bind(&server.listener, (const struct sockaddr *)&at, 0);
    rc = rc ? rc : uv_listen((uv_stream_t *)&server.listener, BACKLOG, on_connection);
    if (rc) {
        fprintf(stderr, "stand_in: %s\n", uv_strerror(rc));
        return 1;
    }
    return uv_run(&server.loop, UV_RUN_DEFAULT);
}

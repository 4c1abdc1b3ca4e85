/* SPDX-License-Identifier: MIT */
/* asking: asks many questions at once and reads the answers, whose tokens say when they were written.
 *
 *     asking PORT PATH ANSWERS TOKENS
 *
 * Each is a POST of its own connection, in HTTP/1.0, so that nothing stands between the bytes of an answer. A
 * token is "@NS.SEQ;", as tests/bench/stand_in.c writes it. Prints "begun" when each answer has begun, and when
 * all have ended a line of JSON: what came, what did not, and how long tokens took, in µs. */
#include "histogram.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define BODY "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define AT_ONCE 64 /* connections that are being made */
#define ROOM_BYTES 65536

struct question {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    uint64_t number[2]; /* what is read of a token: its time, its sequence */
    int state;          /* 0: no token; 1: in its time; 2: in its sequence */
    uint64_t next;      /* sequence */
    uint64_t wrong;     /* tokens that were not the next one */
    char status[16];
    size_t status_len;
};

static struct {
    uv_loop_t loop;
    struct sockaddr_in at;
    char request[512];
    size_t answers, tokens;
    size_t asked, begun, ended, failed;
    struct question *list;
    struct histogram us;
} all;

static void ask_next(void);

static void on_closed(uv_handle_t *handle)
{
    (void)handle;
    all.ended++;
}

/* --- what comes ---------------------------------------------------------------------------- */

static void take_token(struct question *q)
{
    uint64_t now = uv_hrtime();
    histogram_add(&all.us, now > q->number[0] ? (now - q->number[0]) / 1000 : 0);
    q->wrong += q->number[1] != q->next;
    q->next = q->number[1] + 1;
    if (q->number[1] == 0 && ++all.begun == all.answers) {
        puts("begun");
        fflush(stdout);
    }
}

static void take(struct question *q, char c)
{
    if (c == '@') {
        q->state = 1;
        q->number[0] = q->number[1] = 0;
    } else if (q->state && c >= '0' && c <= '9') {
        uint64_t *n = &q->number[q->state - 1];
        *n = *n * 10 + (uint64_t)(c - '0');
    } else if (q->state == 1 && c == '.') {
        q->state = 2;
    } else if (q->state == 2 && c == ';') {
        q->state = 0;
        take_token(q);
    } else {
        q->state = 0;
    }
}

static void on_room(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    static char room[ROOM_BYTES];
    (void)handle;
    (void)size;
    *buf = uv_buf_init(room, sizeof room);
}

static void on_bytes(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct question *q = stream->data;
    if (len < 0) {
        all.failed += q->next != all.tokens || strncmp(q->status + 9, "200", 3) != 0;
        uv_close((uv_handle_t *)&q->tcp, on_closed);
        return;
    }
    for (ssize_t i = 0; i < len; i++) {
        if (q->status_len < sizeof q->status - 1) {
            q->status[q->status_len++] = buf->base[i];
        }
        take(q, buf->base[i]);
    }
}

/* --- asking -------------------------------------------------------------------------------- */

static void on_written(uv_write_t *write, int status)
{
    (void)write;
    (void)status;
    ask_next();
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct question *q = connect->data;
    uv_buf_t buf = uv_buf_init(all.request, (unsigned)strlen(all.request));
    if (status || uv_read_start((uv_stream_t *)&q->tcp, on_room, on_bytes)
        || uv_write(&q->write, (uv_stream_t *)&q->tcp, &buf, 1, on_written)) {
        fprintf(stderr, "asking: cannot connect: %s\n", uv_strerror(status));
        exit(1);
    }
}

static void ask_next(void)
{
    if (all.asked == all.answers) {
        return;
    }
    struct question *q = &all.list[all.asked++];
    uv_tcp_init(&all.loop, &q->tcp);
    q->tcp.data = q->connect.data = q;
    if (uv_tcp_connect(&q->connect, &q->tcp, (const struct sockaddr *)&all.at, on_connected)) {
        exit(1);
    }
}

static void report(void)
{
    uint64_t got = 0, wrong = 0;
    for (size_t i = 0; i < all.answers; i++) {
        got += all.list[i].next;
        wrong += all.list[i].wrong;
    }
    printf("{\"tokens\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"wrong\": %" PRIu64 ", \"failed\": %zu, "
           "\"p50_us\": %" PRIu64 ", \"p99_us\": %" PRIu64 ", \"max_us\": %" PRIu64 "}\n",
           got, (uint64_t)(all.answers * all.tokens) - got, wrong, all.failed,
           histogram_quantile(&all.us, 0.5), histogram_quantile(&all.us, 0.99), all.us.max);
}

int main(int argc, char **argv)
{
    if (argc != 5 || uv_ip4_addr("127.0.0.1", atoi(argv[1]), &all.at)) {
        fprintf(stderr, "usage: asking PORT PATH ANSWERS TOKENS\n");
        return 2;
    }
    all.answers = strtoul(argv[3], NULL, 10);
    all.tokens = strtoul(argv[4], NULL, 10);
    all.list = calloc(all.answers ? all.answers : 1, sizeof *all.list);
    snprintf(all.request, sizeof all.request,
             "POST %s HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
             "Content-Length: %zu\r\n\r\n" BODY, argv[2], strlen(BODY));
    if (!all.list) {
        return 1;
    }
    uv_loop_init(&all.loop);
    for (int i = 0; i < AT_ONCE; i++) {
        ask_next();
    }
    uv_run(&all.loop, UV_RUN_DEFAULT);
    report();
    return 0;
}

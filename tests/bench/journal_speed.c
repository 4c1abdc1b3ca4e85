/* SPDX-License-Identifier: MIT */
/* journal_speed: what it costs to publish into a topic's journal, in one process, without a web server.
 *
 *     journal_speed FOLDER MODE PUBLISHERS SECONDS
 *
 * MODE is a topic's `sync`, as a responder publishes, from its loop; or `direct`: `always` without a
 * loop, as the command line does; or `bare`: write(2) and fdatasync(2) of as many bytes. Each publisher
 * publishes its next event when the last one is acknowledged. Prints events a second, and microseconds
 * of processor time an event. */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/option.h"
#include "source/source.h"
#include "source/topic/publisher.h"
#include "source/topic/settings.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DATA_BYTES 128
#define PUBLISHERS_MAX 64
#define NS 1000000000ULL
#define BURST 256 /* events between two looks at the clock */

struct bench {
    struct topic_publisher *publisher;
    uv_loop_t loop;
    uint64_t count;
    uint64_t until_ns;
    int open; /* publishers that go on */
    char data[DATA_BYTES];
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "journal_speed: %s\n", what);
    exit(1);
}

static double cpu_s(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec)
           + (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static struct journal_event next_event(struct bench *b)
{
    snprintf(b->data, sizeof b->data, "%llu", (unsigned long long)b->count);
    return (struct journal_event){.data = b->data, .data_len = sizeof b->data};
}

/* ---- without a journal ---- */

static void run_bare(struct bench *b, const char *folder)
{
    char path[4096], bytes[JOURNAL_RECORD_BYTES + DATA_BYTES];
    snprintf(path, sizeof path, "%s/bare", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    memset(bytes, 'x', sizeof bytes);
    for (; uv_hrtime() < b->until_ns; b->count++) {
        if (fd < 0 || write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes || fdatasync(fd)) {
            fail("cannot write");
        }
    }
    close(fd);
    unlink(path);
}

/* ---- without a loop ---- */

static void run_direct(struct bench *b, const char *folder, const struct topic_settings *settings)
{
    struct journal *j;
    struct journal_rules rules;
    topic_settings_rules(settings, (struct source_family){.chars = 0}, &rules);
    if (journal_new(&j, folder, "bench", &rules, &clock_system)) {
        fail("out of memory");
    }
    for (; uv_hrtime() < b->until_ns; b->count++) {
        struct journal_position place;
        struct journal_unsynced unsynced;
        struct journal_event e = next_event(b);
        if (journal_append(j, &e, 1, &place) || journal_take_unsynced(j, &unsynced) == 0
            || journal_sync(&unsynced)) {
            fail("not kept");
        }
        journal_close_unsynced(&unsynced);
    }
    journal_free(j);
}

/* ---- from a loop ---- */

static void on_published(void *ctx, int rc, const struct journal_position *places, size_t count);

static void publish(struct bench *b)
{
    struct journal_event e = next_event(b);
    if (topic_publisher_put(b->publisher, &e, 1, on_published, b)) {
        fail("refused");
    }
}

static void on_published(void *ctx, int rc, const struct journal_position *places, size_t count)
{
    struct bench *b = ctx;
    (void)places;
    if (rc) {
        fail("not kept");
    }
    b->count += count;
    if (b->open == 0) {
        return; /* from inside publish() */
    }
    if (uv_hrtime() < b->until_ns) {
        publish(b);
    } else if (--b->open == 0) {
        uv_stop(&b->loop);
    }
}

/* With `always` the answer comes from the loop, otherwise at once. */
static void run_topic(struct bench *b, const struct topic_settings *settings, int publishers)
{
    if (settings->sync == TOPIC_SYNC_ALWAYS) {
        b->open = publishers;
        for (int i = 0; i < publishers; i++) {
            publish(b);
        }
        uv_run(&b->loop, UV_RUN_DEFAULT);
        return;
    }
    while (uv_hrtime() < b->until_ns) {
        for (int i = 0; i < BURST; i++) {
            publish(b);
        }
        uv_run(&b->loop, UV_RUN_NOWAIT);
    }
}

static void read_settings(struct topic_settings *settings, const char *mode)
{
    char text[64];
    struct err err = {.code = 0};
    snprintf(text, sizeof text, "{\"sync\": \"%s\"}", mode);
    struct json_object *object = json_tokener_parse(text);
    if (!object || conf_read(topic_settings_options, settings, object, "", NULL, &err)) {
        fail(err.text);
    }
    json_object_put(object);
}

static void run(struct bench *b, const char *folder, const char *mode, int publishers)
{
    static struct topic_settings settings;
    static const struct log quiet = {.fd = -1};
    struct err err = {.code = 0};
    const struct source_host host = {.loop = &b->loop, .log = &quiet, .clock = &clock_system};
    const struct source_setup setup = {
        .stream = "bench", .settings = &settings, .state_dir = folder};
    int is_direct = strcmp(mode, "direct") == 0;
    if (strcmp(mode, "bare") == 0) {
        run_bare(b, folder);
        return;
    }
    read_settings(&settings, is_direct ? "always" : mode);
    if (is_direct) {
        run_direct(b, folder, &settings);
        return;
    }
    if (topic_publisher_new(&b->publisher, &setup, &host, &err)) {
        fail(err.text);
    }
    run_topic(b, &settings, publishers);
    topic_publisher_close(b->publisher, NULL, NULL);
    uv_run(&b->loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv)
{
    static struct bench b;
    int publishers = argc == 5 ? atoi(argv[3]) : 0;
    double seconds = argc == 5 ? atof(argv[4]) : 0;
    if (publishers < 1 || publishers > PUBLISHERS_MAX || seconds <= 0) {
        fail("usage: journal_speed FOLDER MODE PUBLISHERS SECONDS");
    }
    uv_loop_init(&b.loop);
    memset(b.data, ' ', sizeof b.data);
    double cpu = cpu_s();
    uint64_t start_ns = uv_hrtime();
    b.until_ns = start_ns + (uint64_t)(seconds * (double)NS);
    run(&b, argv[1], argv[2], publishers);
    double passed_s = (double)(uv_hrtime() - start_ns) / (double)NS;
    printf("%.1f %.3f\n", (double)b.count / passed_s, (cpu_s() - cpu) * 1e6 / (double)b.count);
    return uv_loop_close(&b.loop) ? 1 : 0;
}

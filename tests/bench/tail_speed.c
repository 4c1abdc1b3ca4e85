/* SPDX-License-Identifier: MIT */
/* tail_speed: what a log costs from its file up to encoded frames, without any socket: the tail
 * source and the hub as they ship, and a reader who takes everything at once. */
#include "app/json.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/option.h"
#include "hub/hub.h"
#include "source/source.h"
#include "source/tail/position.h"
#include "source/tail/tail.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "tail_speed follow FILE                  the file appears, and goes into the channel's ring\n"
    "tail_speed replay FILE [NAME=VALUE]     a reader gets all of it; grep=TEXT, regex=PATTERN\n"
    "tail_speed last FILE COUNT              a reader gets the last lines\n"
    "prints CPU seconds from opening the source to the last frame, and bytes of frames read\n";

struct speed {
    uv_loop_t loop;
    struct hub_settings hub_settings;
    struct hub *hub;
    struct hub_channel *channel;
    struct hub_reader reader;
    struct source_host host;
    struct source *source;
    void *settings;
    uint64_t bytes; /* of frames, as the reader got them */
    int is_over;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "tail_speed: %s: %s\n", what, why);
    exit(1);
}

static void check(int rc, const char *what)
{
    if (rc) {
        die(what, "failed");
    }
}

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int64_t now_ms(void)
{
    return clock_system.mono_ms(&clock_system);
}

/* --- a reader who takes everything ----------------------------------------------------------- */

static ssize_t take(struct hub_reader *r, const struct iovec *iov, int count,
                    const struct hub_stamp *stamp)
{
    (void)stamp;
    struct speed *s = (struct speed *)((char *)r - offsetof(struct speed, reader));
    size_t sum = 0;
    for (int i = 0; i < count; i++) {
        sum += iov[i].iov_len;
    }
    s->bytes += sum;
    return (ssize_t)sum;
}

static size_t owe_nothing(const struct hub_reader *r)
{
    (void)r;
    return 0;
}

static void watch_nothing(struct hub_reader *r, int wanted)
{
    (void)r;
    (void)wanted;
}

static void finish(struct hub_reader *r)
{
    struct speed *s = (struct speed *)((char *)r - offsetof(struct speed, reader));
    s->is_over = 1;
}

static void drop(struct hub_reader *r, const char *why)
{
    (void)r;
    die("the reader was dropped", why);
}

static const struct hub_sink sink = {.send = take,
                                     .owed = owe_nothing,
                                     .watch = watch_nothing,
                                     .finish = finish,
                                     .drop = drop};

/* --- source and channel ----------------------------------------------------------------------- */

static int pull(void *ctx, char position[SSE_POSITION_SIZE], const struct sse_out *page,
                size_t budget_bytes)
{
    struct speed *s = ctx;
    return source_tail.pull(s->source, position, page, budget_bytes);
}

static void init(struct speed *s, const char *path)
{
    static const struct log quiet = {.fd = STDERR_FILENO, .level = LOG_LEVEL_WARN};
    struct err err;
    check(uv_loop_init(&s->loop), "the loop");
    check(conf_defaults(hub_options, &s->hub_settings, &err), "the hub's settings");
    struct hub_setup setup = {.settings = &s->hub_settings,
                              .gap_json = app_json_gap,
                              .end_json = app_json_end,
                              .progress_json = app_json_progress};
    struct hub_origin origin = {.pull = pull, .ctx = s};
    check(hub_new(&s->hub, &setup), "the hub");
    check(hub_channel_new(s->hub, &origin, &s->channel), "the channel");
    struct json_object *object = json_object_new_object();
    s->settings = calloc(1, source_tail.settings_size);
    json_object_object_add(object, "path", json_object_new_string(path));
    if (!s->settings || conf_read(source_tail.options, s->settings, object, "", NULL, &err)) {
        die("the source's settings", s->settings ? err.text : "out of memory");
    }
    json_object_put(object);
    s->host = (struct source_host){.loop = &s->loop,
                                   .log = &quiet,
                                   .clock = &clock_system,
                                   .live = hub_channel_live(s->channel)};
}

static void open_source(struct speed *s, const char *param)
{
    struct err err;
    char name[16] = "";
    struct source_param one = {.name = name};
    struct source_setup setup = {.stream = "app", .settings = s->settings};
    const char *equals = param ? strchr(param, '=') : NULL;
    if (param) {
        if (!equals || (size_t)(equals - param) >= sizeof name) {
            die(param, "must be NAME=VALUE");
        }
        memcpy(name, param, (size_t)(equals - param));
        one.value = equals + 1;
        setup.params = &one;
        setup.param_count = 1;
    }
    if (source_tail.open(&s->source, &setup, &s->host, &err)) {
        die("the source", err.text);
    }
    char head[SSE_POSITION_SIZE];
    source_tail.head(s->source, head);
    hub_channel_start(s->channel, head, now_ms());
}

static void fini(struct speed *s)
{
    source_tail.close(s->source, NULL, NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    hub_channel_free(s->channel);
    hub_free(s->hub);
    uv_loop_close(&s->loop);
    conf_free(source_tail.options, s->settings);
    free(s->settings);
}

/* --- what is measured ------------------------------------------------------------------------- */

/* A reader gets all between a position and the head. */
static void read_from(struct speed *s, const char *position)
{
    char head[SSE_POSITION_SIZE];
    source_tail.head(s->source, head);
    struct hub_start start = {.position = position, .until = head};
    check(hub_reader_start(s->channel, &s->reader, &sink, &start, now_ms()), "the reader");
    while (!s->is_over) {
        hub_turn(s->hub, now_ms());
    }
}

static double replay(const char *file, const char *param, struct speed *s)
{
    init(s, file);
    double start = cpu_s();
    open_source(s, param);
    read_from(s, TAIL_POSITION_START);
    return cpu_s() - start;
}

static double last(const char *file, const char *count, struct speed *s)
{
    char position[SSE_POSITION_SIZE];
    init(s, file);
    double start = cpu_s();
    open_source(s, NULL);
    check(source_tail.back(s->source, strtoull(count, NULL, 10), position), "counting back");
    read_from(s, position);
    return cpu_s() - start;
}

/* The channel has all of the file, whose size is given. */
static int is_through(const struct speed *s, uint64_t size)
{
    struct tail_position at;
    return !tail_position_parse(hub_channel_position(s->channel), &at) && !at.is_start
           && at.offset == size;
}

/* Following begins at a file's end, so the file comes when the source is there already. Nobody
 * reads: the frames go into the channel's ring. */
static double follow(const char *file, struct speed *s)
{
    char folder[4000], path[4096];
    struct stat st;
    snprintf(folder, sizeof folder, "%s.XXXXXX", file);
    if (stat(file, &st) || !mkdtemp(folder)) {
        die(file, strerror(errno));
    }
    snprintf(path, sizeof path, "%s/app.log", folder);
    init(s, path);
    open_source(s, NULL);
    double start = cpu_s();
    if (link(file, path)) {
        die(path, strerror(errno));
    }
    while (!is_through(s, (uint64_t)st.st_size)) {
        uv_run(&s->loop, UV_RUN_ONCE);
        hub_turn(s->hub, now_ms());
    }
    double spent = cpu_s() - start;
    unlink(path);
    rmdir(folder);
    return spent;
}

int main(int argc, char **argv)
{
    static struct speed s;
    double spent;
    if (argc == 3 && strcmp(argv[1], "follow") == 0) {
        spent = follow(argv[2], &s);
    } else if ((argc == 3 || argc == 4) && strcmp(argv[1], "replay") == 0) {
        spent = replay(argv[2], argv[3], &s);
    } else if (argc == 4 && strcmp(argv[1], "last") == 0) {
        spent = last(argv[2], argv[3], &s);
    } else {
        fputs(usage, stderr);
        return 2;
    }
    printf("%.9f %" PRIu64 "\n", spent, s.bytes);
    fini(&s);
    return 0;
}

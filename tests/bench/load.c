/* SPDX-License-Identifier: MIT */
/* load: the load client: feeds events to a system, reads them back with thousands of readers, and
 * prints whether each got each once, how late, and what the system used, as one line of JSON. */
#include "client.h"
#include "feed.h"
#include "procs.h"

#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static const char usage[] =
    "load --fcgi|--http ADDRESS [options]\n"
    "  --fcgi unix:PATH|IP:PORT   raw FastCGI; --http the same for HTTP/1.1\n"
    "  --path /events/bench       what is asked for\n"
    "  --readers N                streams at once\n"
    "  --first N                  of these, how many before memory is measured for the first time\n"
    "  --at-once N                connections that may be under way at a time\n"
    "  --feed FILE                where lines of 128 bytes are appended; none: connect only\n"
    "  --events N                 how many are measured, after --warm of them (default 20)\n"
    "  --burst N                  lines in one write\n"
    "  --rate R                   bursts a second; 0, the default: the next one when every reader\n"
    "                             has the last\n"
    "  --timeout-s S              without progress (default 10)\n"
    "  --hold                     after the report keep the streams until standard input ends\n"
    "  --process NAME:PID         whose CPU time and memory count; any number of times\n";

struct options {
    enum reader_wire wire;
    const char *address;
    const char *path;
    const char *feed;
    int is_holding;
    uint64_t readers, first, at_once, events, warm, burst, rate, timeout_s;
};

struct load {
    struct options options;
    struct procs procs;
    struct client client;
    struct feed feed;
    double cpu_s[PROCS_MAX]; /* when the measured part began */
    double own_cpu_s;
    uint64_t start_ns;
    struct json_object *report;
};

/* --- report -------------------------------------------------------------------------------- */

static void put_number(struct json_object *o, const char *key, double value)
{
    json_object_object_add(o, key, json_object_new_double(value));
}

static void put_count(struct json_object *o, const char *key, uint64_t value)
{
    json_object_object_add(o, key, json_object_new_int64((int64_t)value));
}

static double own_cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec)
           + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void start_measuring(struct load *l)
{
    for (size_t i = 0; i < l->procs.count; i++) {
        l->cpu_s[i] = procs_cpu_s(l->procs.list[i].pid);
    }
    l->own_cpu_s = own_cpu_s();
    l->start_ns = reader_now_ns();
}

/* Adds to the number that stands there: processes of one name count together. */
static void add_number(struct json_object *o, const char *key, double value)
{
    struct json_object *old;
    double sum = json_object_object_get_ex(o, key, &old) ? json_object_get_double(old) : 0;
    put_number(o, key, sum + value);
}

/* Seconds and CPU time since start_measuring(). */
static struct json_object *measured(const struct load *l)
{
    struct json_object *o = json_object_new_object();
    struct json_object *cpu = json_object_new_object();
    put_number(o, "seconds", (double)(reader_now_ns() - l->start_ns) / 1e9);
    for (size_t i = 0; i < l->procs.count; i++) {
        const struct proc *p = &l->procs.list[i];
        add_number(cpu, p->name, procs_cpu_s(p->pid) - l->cpu_s[i]);
    }
    json_object_object_add(o, "cpu_s", cpu);
    put_number(o, "client_cpu_s", own_cpu_s() - l->own_cpu_s);
    return o;
}

static void put_memory(struct load *l)
{
    struct json_object *list;
    struct json_object *o = json_object_new_object();
    struct json_object *pss = json_object_new_object();
    if (!json_object_object_get_ex(l->report, "memory", &list)) {
        list = json_object_new_array();
        json_object_object_add(l->report, "memory", list);
    }
    put_count(o, "readers", l->client.streaming);
    for (size_t i = 0; i < l->procs.count; i++) {
        add_number(pss, l->procs.list[i].name, procs_pss_kib(l->procs.list[i].pid));
    }
    json_object_object_add(o, "pss_kib", pss);
    json_object_array_add(list, o);
}

static struct json_object *quantiles(const struct histogram *h)
{
    struct json_object *o = json_object_new_object();
    put_number(o, "p50", (double)histogram_quantile(h, 0.5) / 1e3);
    put_number(o, "p99", (double)histogram_quantile(h, 0.99) / 1e3);
    put_number(o, "p99.9", (double)histogram_quantile(h, 0.999) / 1e3);
    put_number(o, "max", (double)h->max / 1e3);
    return o;
}

/* --- phases -------------------------------------------------------------------------------- */

static int fail(const struct load *l, const char *what)
{
    const struct client *c = &l->client;
    fprintf(stderr,
            "load: %s: %s; %zu streaming, %zu pending, %zu closed, %zu refused, %zu behind; %s\n",
            l->options.address, what, c->streaming, c->pending, c->closed, c->refused,
            c->behind, c->totals.refusal[0] ? c->totals.refusal : "nothing was refused");
    return -1;
}

static int connect_all(struct load *l)
{
    const struct options *o = &l->options;
    start_measuring(l);
    if (o->first > 0 && o->first < o->readers) {
        if (client_open(&l->client, o->first, o->at_once)) {
            return fail(l, "no progress in connecting");
        }
        put_memory(l);
    }
    if (client_open(&l->client, o->readers, o->at_once)) {
        return fail(l, "no progress in connecting");
    }
    json_object_object_add(l->report, "connecting", measured(l));
    json_object_object_add(l->report, "first_byte_us", quantiles(&l->client.totals.first_byte_ns));
    put_memory(l);
    return 0;
}

/* Writes `events` in bursts and waits until all have all. */
static int feed_events(struct load *l, uint64_t events)
{
    const struct options *o = &l->options;
    struct client *c = &l->client;
    uint64_t bursts = events / o->burst;
    if (o->rate > 0 && bursts > 0) {
        client_expect(c, l->feed.seq + bursts * o->burst);
        if (feed_start(&l->feed, 1000000000U / o->rate, bursts)) {
            return fail(l, strerror(errno));
        }
        int rc = client_wait(c);
        if (feed_join(&l->feed)) {
            return fail(l, strerror(errno));
        }
        return rc ? fail(l, "no progress in receiving") : 0;
    }
    for (uint64_t i = 0; i < bursts; i++) {
        client_expect(c, l->feed.seq + o->burst);
        if (feed_write(&l->feed)) {
            return fail(l, strerror(errno));
        }
        if (client_wait(c)) {
            return fail(l, "no progress in receiving");
        }
    }
    return 0;
}

static void put_totals(struct load *l, const struct reader_totals *before)
{
    const struct reader_totals *t = &l->client.totals;
    struct json_object *o = l->report;
    put_count(o, "deliveries", t->events - before->events);
    put_count(o, "bytes", t->bytes - before->bytes);
    put_count(o, "reads", t->reads - before->reads);
    put_count(o, "lost", t->lost + client_missing(&l->client));
    put_count(o, "repeated", t->repeated);
    put_count(o, "broken", t->broken);
    put_count(o, "gaps", t->gaps);
    put_count(o, "closed", l->client.closed);
    put_count(o, "refused", l->client.refused);
    json_object_object_add(o, "latency_us", quantiles(&t->latency_ns));
}

static int run(struct load *l)
{
    const struct options *o = &l->options;
    if (connect_all(l)) {
        return -1;
    }
    if (!o->feed) {
        return 0;
    }
    int rc = feed_events(l, o->warm);
    struct reader_totals before = l->client.totals;
    l->client.totals.is_timed = 1;
    if (!rc) {
        start_measuring(l);
        rc = feed_events(l, o->events);
        json_object_object_add(l->report, "measured", measured(l));
        put_memory(l);
    }
    put_totals(l, &before);
    return rc;
}

/* --- start --------------------------------------------------------------------------------- */

static const struct option long_options[] = {
    {"fcgi", required_argument, NULL, 'f'},    {"http", required_argument, NULL, 'h'},
    {"path", required_argument, NULL, 'p'},    {"readers", required_argument, NULL, 'n'},
    {"first", required_argument, NULL, '1'},   {"at-once", required_argument, NULL, 'a'},
    {"feed", required_argument, NULL, 'F'},    {"events", required_argument, NULL, 'e'},
    {"warm", required_argument, NULL, 'w'},    {"burst", required_argument, NULL, 'b'},
    {"rate", required_argument, NULL, 'r'},    {"timeout-s", required_argument, NULL, 't'},
    {"process", required_argument, NULL, 'P'}, {"hold", no_argument, NULL, 'H'},
    {NULL, 0, NULL, 0},
};

static int set_number(uint64_t *out, const char *text)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno || *end || end == text ? -1 : 0;
}

static int set_option(struct load *l, int letter, char *value)
{
    struct options *o = &l->options;
    switch (letter) {
    case 'f':
    case 'h':
        o->wire = letter == 'h' ? READER_HTTP : READER_FCGI;
        o->address = value;
        return 0;
    case 'p': o->path = value; return 0;
    case 'F': o->feed = value; return 0;
    case 'n': return set_number(&o->readers, value);
    case '1': return set_number(&o->first, value);
    case 'a': return set_number(&o->at_once, value);
    case 'e': return set_number(&o->events, value);
    case 'w': return set_number(&o->warm, value);
    case 'b': return set_number(&o->burst, value);
    case 'r': return set_number(&o->rate, value);
    case 't': return set_number(&o->timeout_s, value);
    case 'H': o->is_holding = 1; return 0;
    case 'P': return procs_add(&l->procs, value);
    default: return -1;
    }
}

static int read_options(struct load *l, int argc, char **argv)
{
    struct options *o = &l->options;
    int letter;
    *o = (struct options){.path = "/events/bench", .readers = 100, .at_once = 256, .events = 100,
                          .warm = 20, .burst = 1, .timeout_s = 10};
    while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (set_option(l, letter, optarg)) {
            return -1;
        }
    }
    int is_good = o->address && optind == argc && o->readers > 0 && o->at_once > 0 && o->burst > 0
                  && o->burst <= FEED_BURST_MAX && o->rate <= 100000 && o->readers <= 1000000;
    return is_good ? 0 : -1;
}

int main(int argc, char **argv)
{
    static struct load l;
    struct rlimit files;
    if (read_options(&l, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    signal(SIGPIPE, SIG_IGN);
    if (client_init(&l.client, l.options.wire, l.options.address, l.options.path,
                    l.options.readers + l.options.readers / 10)) {
        return 1;
    }
    l.client.timeout_ns = l.options.timeout_s * 1000000000U;
    if (l.options.feed && feed_open(&l.feed, l.options.feed, (uint32_t)l.options.burst)) {
        perror(l.options.feed);
        return 1;
    }
    l.report = json_object_new_object();
    put_count(l.report, "readers", l.options.readers);
    put_count(l.report, "burst", l.options.burst);
    put_count(l.report, "rate", l.options.rate);
    int rc = run(&l);
    json_object_object_add(l.report, "is_complete", json_object_new_boolean(rc == 0));
    puts(json_object_to_json_string_ext(l.report, JSON_C_TO_STRING_PLAIN));
    fflush(stdout);
    json_object_put(l.report);
    while (l.options.is_holding && getchar() != EOF) {
    }
    if (l.options.feed) {
        feed_close(&l.feed);
    }
    client_fini(&l.client);
    return rc ? 1 : 0;
}

/* SPDX-License-Identifier: MIT */
/* load: the load client: feeds events to a system, reads them back with thousands of readers, and
 * prints whether each got each once, how late, and what the system used, as one line of JSON. */
#include "load.h"

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
    "  --feed FILE                where lines of 128 bytes are appended; none: connect only.\n"
    "                             http:IP:PORT/PATH publishes each by a POST, zmtp:IP:PORT as\n"
    "                             Pushpin takes them\n"
    "  --events N                 how many are measured, after --warm of them (default 20)\n"
    "  --burst N                  lines in one write\n"
    "  --rate R                   bursts a second; 0, the default: the next one when every reader\n"
    "                             has the last\n"
    "  --timeout-s S              without progress (default 10)\n"
    "  --stalled N                so many readers stop reading; then --flood E lines of\n"
    "                             --flood-bytes B go out, then what is measured; then they wake\n"
    "  --storm, --kept N          all but N readers are cut off and come back at once, twice;\n"
    "                             the second time with --events at --rate\n"
    "  --hold                     after the report keep the streams until standard input ends\n"
    "  --process NAME:PID         whose CPU time and memory count; any number of times\n";

/* --- phases -------------------------------------------------------------------------------- */

int load_fail(const struct load *l, const char *what)
{
    const struct client *c = &l->client;
    fprintf(stderr,
            "load: %s: %s; %zu streaming, %zu pending, %zu closed, %zu refused, %zu behind; %s\n",
            l->options.address, what, c->streaming, c->pending, c->closed, c->refused, c->behind,
            c->totals.refusal[0] ? c->totals.refusal : "nothing was refused");
    return -1;
}

static int connect_all(struct load *l)
{
    const struct options *o = &l->options;
    report_start(l);
    if (o->first > 0 && o->first < o->readers) {
        if (client_open(&l->client, o->first, o->at_once)) {
            return load_fail(l, "no progress in connecting");
        }
        report_memory(l);
    }
    if (client_open(&l->client, o->readers, o->at_once)) {
        return load_fail(l, "no progress in connecting");
    }
    report_used(l, "connecting");
    report_quantiles(l->report, "first_byte_us", &l->client.totals.first_byte_ns);
    report_memory(l);
    return 0;
}

int load_feed(struct load *l, uint64_t events)
{
    const struct options *o = &l->options;
    struct client *c = &l->client;
    uint64_t bursts = events / o->burst;
    if (o->rate > 0 && bursts > 0) {
        client_expect(c, l->feed.seq + bursts * o->burst);
        if (feed_start(&l->feed, 1000000000U / o->rate, bursts)) {
            return load_fail(l, strerror(errno));
        }
        int rc = client_wait(c);
        if (feed_join(&l->feed)) {
            return load_fail(l, strerror(errno));
        }
        return rc ? load_fail(l, "no progress in receiving") : 0;
    }
    for (uint64_t i = 0; i < bursts; i++) {
        client_expect(c, l->feed.seq + o->burst);
        if (feed_write(&l->feed)) {
            return load_fail(l, strerror(errno));
        }
        if (client_wait(c)) {
            return load_fail(l, "no progress in receiving");
        }
    }
    return 0;
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
    int rc = load_feed(l, o->warm);
    if (rc || o->is_storming || o->stalled > 0) {
        return rc ? rc : o->is_storming ? scenario_storm(l) : scenario_stall(l);
    }
    struct reader_totals before = l->client.totals;
    l->client.totals.is_timed = 1;
    report_start(l);
    rc = load_feed(l, o->events);
    report_used(l, "measured");
    report_memory(l);
    report_deliveries(l, &before);
    report_faults(l);
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
    {"stalled", required_argument, NULL, 's'}, {"flood", required_argument, NULL, 'l'},
    {"flood-bytes", required_argument, NULL, 'L'}, {"kept", required_argument, NULL, 'k'},
    {"process", required_argument, NULL, 'P'}, {"hold", no_argument, NULL, 'H'},
    {"storm", no_argument, NULL, 'S'},
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
    case 's': return set_number(&o->stalled, value);
    case 'l': return set_number(&o->flood, value);
    case 'L': return set_number(&o->flood_bytes, value);
    case 'k': return set_number(&o->kept, value);
    case 'S': o->is_storming = 1; return 0;
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
                          .warm = 20, .burst = 1, .timeout_s = 10, .flood_bytes = FEED_LINE_BYTES};
    while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (set_option(l, letter, optarg)) {
            return -1;
        }
    }
    int is_good = o->address && optind == argc && o->readers > 0 && o->at_once > 0 && o->burst > 0
                  && o->burst <= FEED_BURST_MAX && o->rate <= 100000 && o->readers <= 1000000
                  && o->flood_bytes >= FEED_LINE_BYTES && o->flood_bytes <= FEED_LINE_MAX
                  && (!o->is_storming || o->rate > 0);
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
                    l.options.readers)) {
        return 1;
    }
    l.client.timeout_ns = l.options.timeout_s * 1000000000U;
    if (l.options.feed && feed_open(&l.feed, l.options.feed)) {
        perror(l.options.feed);
        return 1;
    }
    l.feed.burst = (uint32_t)l.options.burst;
    l.report = json_object_new_object();
    report_count(l.report, "readers", l.options.readers);
    report_count(l.report, "burst", l.options.burst);
    report_count(l.report, "rate", l.options.rate);
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

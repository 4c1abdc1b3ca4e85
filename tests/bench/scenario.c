/* SPDX-License-Identifier: MIT */
/* scenario: readers that stall, and readers that all come back at once. */
#include "load.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#define FLOOD_BURST 16
#define SETTLE_NS 1000000000U /* of events before a storm */

/* As much as fills what buffers there are between us and a reader that reads nothing. */
static int flood(struct load *l)
{
    struct options *o = &l->options;
    const struct options kept = *o;
    o->rate = 0;
    o->burst = l->feed.burst = FLOOD_BURST;
    l->feed.line_bytes = (uint32_t)o->flood_bytes;
    int rc = load_feed(l, o->flood);
    l->feed.line_bytes = FEED_LINE_BYTES;
    l->feed.burst = (uint32_t)kept.burst;
    *o = kept;
    return rc;
}

int scenario_stall(struct load *l)
{
    struct client *c = &l->client;
    client_stall(c, l->options.stalled);
    if (flood(l)) {
        return -1;
    }
    report_memory(l);
    struct reader_totals before = c->totals;
    c->totals.is_timed = 1;
    report_start(l);
    int rc = load_feed(l, l->options.events);
    report_used(l, "measured");
    report_deliveries(l, &before);
    report_memory(l);
    if (rc) {
        report_faults(l);
        return rc;
    }
    c->totals.is_timed = 0;
    report_start(l);
    client_wake(c);
    rc = client_wait(c);
    report_used(l, "waking");
    report_memory(l);
    report_faults(l);
    return rc ? load_fail(l, "those who woke do not catch up") : 0;
}

/* Without events in between, so that what is used is what coming back costs. */
static int storm_in_silence(struct load *l)
{
    report_start(l);
    int rc = client_storm(&l->client, l->options.kept, l->options.readers);
    report_used(l, "storm_in_silence");
    return rc ? load_fail(l, "not all came back in silence") : 0;
}

int scenario_storm(struct load *l)
{
    const struct options *o = &l->options;
    struct client *c = &l->client;
    if (storm_in_silence(l)) {
        return -1;
    }
    uint64_t bursts = o->events / o->burst;
    struct reader_totals before = c->totals;
    client_expect(c, l->feed.seq + bursts * o->burst);
    if (feed_start(&l->feed, 1000000000U / o->rate, bursts)) {
        return load_fail(l, strerror(errno));
    }
    c->totals.is_timed = 1;
    client_read_for(c, SETTLE_NS);
    report_start(l);
    c->totals.is_in_storm = 1;
    int rc = client_storm(c, o->kept, o->readers);
    c->totals.is_in_storm = 0;
    report_used(l, "storm");
    rc = rc ? load_fail(l, "not all came back") : client_wait(c);
    if (feed_join(&l->feed)) {
        return load_fail(l, strerror(errno));
    }
    report_used(l, "measured");
    report_deliveries(l, &before);
    report_faults(l);
    report_quantiles(l->report, "latency_in_storm_us", &c->totals.latency_ns[READER_IN_STORM]);
    return rc ? load_fail(l, "not all received all") : 0;
}

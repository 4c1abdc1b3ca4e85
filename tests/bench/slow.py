# SPDX-License-Identifier: MIT
"""Readers that stall: what they cost those that do not, and the process's memory."""

import systems
from peer_systems import PEERS
from rig import Run, Unavailable, load
from work import cost_us

READING, STALLED = 500, 500
RATE, EVENTS = 40, 160
# More than a connection's buffers take, in lines of this size.
FLOOD_EVENTS, FLOOD_BYTES = 1024, 4096
ALONE = "p99 ms of %d alone" % READING
SECTION = "%d of %d readers stall, %d events/s" % (STALLED, READING + STALLED, RATE)


def direct(run, _):
    return systems.ssecgi_at_once(run)


def behind(front):
    return lambda run, readers: systems.FRONTS[front](run, systems.ssecgi_at_once(run), readers)


SYSTEMS = (("ssecgi, raw FastCGI", direct), ("lighttpd + ssecgi", behind("lighttpd")),
           ("nginx + ssecgi", behind("nginx")), ("nginx + nchan", PEERS["nginx + nchan"]),
           ("Go net/http", PEERS["Go net/http"]), ("Node, better-sse", PEERS["Node, better-sse"]))


def one(start, readers, **options):
    with Run() as run:
        return load(start(run, readers), readers, events=EVENTS, warm=20, rate=RATE, timeout_s=20,
                    flood_bytes=FLOOD_BYTES, **options)


def total_kib(memory):
    return sum(memory["pss_kib"].values())


def put(keep, label, alone, report):
    keep(report, SECTION, label, "p99 ms", report["latency_us"]["p99"] / 1000)
    keep(alone, SECTION, label, ALONE, alone["latency_us"]["p99"] / 1000)
    keep(None, SECTION, label, "ratio", report["latency_us"]["p99"] / alone["latency_us"]["p99"])
    keep(None, SECTION, label, "µs CPU", cost_us(report, *report["measured"]["cpu_s"]))
    memory = report["memory"]
    keep(None, SECTION, label, "KiB before", total_kib(memory[0]))
    keep(None, SECTION, label, "KiB stalled", total_kib(memory[min(2, len(memory) - 1)]))
    keep(None, SECTION, label, "lost", report["lost"])
    keep(None, SECTION, label, "cut off", report["closed"])
    if "waking" in report:
        keep(None, SECTION, label, "s to catch up", report["waking"]["seconds"])


def measure(keep):
    for label, start in SYSTEMS:
        try:
            alone = one(start, READING)
            report = one(start, READING + STALLED, stalled=STALLED, flood=FLOOD_EVENTS)
        except (Unavailable, RuntimeError) as e:
            keep(None, SECTION, label, None, None, str(e).splitlines()[0])
            continue
        if "measured" in report and report["deliveries"]:
            put(keep, label, alone, report)
        else:
            keep(report, SECTION, label, None, None, "did not get past the flood")

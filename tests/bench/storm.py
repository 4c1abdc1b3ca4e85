# SPDX-License-Identifier: MIT
"""All readers but a few are cut off and come back at once, with the id of their last event."""

import systems
from peer_systems import PEERS
from rig import Run, Unavailable, load

READERS, KEPT = 10000, 100
RATE, EVENTS = 10, 40
SECTION = "%d readers come back at once, %d events/s" % (READERS - KEPT, RATE)


def direct(backend):
    return lambda run, _: backend(run)


def behind(front, backend):
    return lambda run, readers: systems.FRONTS[front](run, backend(run), readers)


SYSTEMS = (
    ("zero-work backend, raw FastCGI", direct(systems.blast)),
    ("ssecgi, raw FastCGI", direct(systems.ssecgi)),
    ("lighttpd + zero-work backend", behind("lighttpd", systems.blast)),
    ("lighttpd + ssecgi", behind("lighttpd", systems.ssecgi)),
    ("nginx + zero-work backend", behind("nginx", systems.blast)),
    ("nginx + ssecgi", behind("nginx", systems.ssecgi)),
    ("nginx + nchan", PEERS["nginx + nchan"]),
    ("Go net/http", PEERS["Go net/http"]),
)


def handshake_us(report, name):
    return report["storm_in_silence"]["cpu_s"][name] * 1e6 / (report["readers"] - KEPT)


def put(keep, label, report):
    keep(report, SECTION, label, "readers", report["readers"] - KEPT)
    silent = report["storm_in_silence"]
    keep(None, SECTION, label, "s, no events", silent["seconds"])
    for name in silent["cpu_s"]:
        column = {"front": "server: µs CPU each", "peer": "both: µs CPU each"}
        keep(None, SECTION, label, column.get(name, "backend: µs CPU each"),
             handshake_us(report, name))
    if "storm" not in report:
        keep(None, SECTION, label, None, None, "did not all come back")
        return
    keep(None, SECTION, label, "s, with events", report["storm"]["seconds"])
    keep(None, SECTION, label, "p99 ms before", report["latency_us"]["p99"] / 1000)
    keep(None, SECTION, label, "p99 ms of those who stayed",
         report["latency_in_storm_us"]["p99"] / 1000)
    keep(None, SECTION, label, "lost", report["lost"])
    keep(None, SECTION, label, "repeated", report["repeated"])
    keep(None, SECTION, label, "tried again", report["refused"])


def measure(keep, most):
    for label, start in SYSTEMS:
        readers = min(READERS, most, most if "raw" in label else systems.most_behind())
        try:
            with Run() as run:
                report = load(start(run, readers), readers, events=EVENTS, warm=10, rate=RATE,
                              kept=KEPT, timeout_s=20, storm=True)
        except (Unavailable, RuntimeError) as e:
            keep(None, SECTION, label, None, None, str(e).splitlines()[0])
            continue
        if "storm_in_silence" in report:
            put(keep, label, report)
        else:
            keep(report, SECTION, label, None, None, "did not get that far")

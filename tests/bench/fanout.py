# SPDX-License-Identifier: MIT
"""What a delivery costs: one event to one reader, against the kernel's limit and behind web servers."""

import systems
from systems import Run, load

READERS = (100, 1000, 10000)
DELIVERIES = 400000 # of one run
EVENTS_MIN, EVENTS_MAX = 30, 3000
BURSTS = (1, 16)
PACED = ((1000, 10), (1000, 160)) # readers, events a second, for about PACED_S
PACED_S = 4
BEHIND = 1000 # readers behind a web server, the next event as soon as all have the last


def cost_us(report, *names):
    cpu = report["measured"]["cpu_s"]
    return sum(cpu[n] for n in names if n in cpu) * 1e6 / report["deliveries"]


def check(report, what):
    """A figure of a system that lost events is no figure."""
    faults = {k: report[k] for k in ("lost", "repeated", "broken", "gaps", "closed")
              if report.get(k)}
    if faults or not report["is_complete"]:
        raise RuntimeError("%s: %s" % (what, faults or "did not end"))


def direct(keep, readers, burst):
    """The bare loop and ssecgi on a unix socket, one after the other."""
    section = "A delivery by raw FastCGI on a unix socket, %s" % (
        "one event a write" if burst == 1 else "%d events waiting" % burst)
    bursts = max(EVENTS_MIN, min(EVENTS_MAX, DELIVERIES // readers // burst))
    events = bursts * burst
    costs = {}
    for name, start in (("bare", systems.bare), ("ssecgi", systems.ssecgi)):
        with Run() as run:
            report = load(start(run), readers, burst=burst, events=events,
                          warm=max(5, bursts // 10) * burst)
        check(report, "%s, %d readers" % (name, readers))
        costs[name] = cost_us(report, name)
        label = "bare write loop" if name == "bare" else name
        keep(report, section, "%d readers: %s" % (readers, label), "µs CPU", costs[name])
    keep(None, section, "%d readers: ssecgi / bare write loop" % readers, "",
         costs["ssecgi"] / costs["bare"])


def behind(keep, name, readers, rate):
    """The zero-work backend and ssecgi behind one web server."""
    pace = "%d events/s" % rate if rate else "as fast as they go"
    section = "Behind %s: %d readers, %s" % (name, readers, pace)
    events = rate * PACED_S if rate else 200
    for backend in ("blast", "ssecgi"):
        label = "zero-work backend" if backend == "blast" else "ssecgi"
        try:
            with Run() as run:
                system = systems.FRONTS[name](run, getattr(systems, backend)(run), readers)
                report = load(system, readers, events=events, warm=max(10, events // 10),
                              rate=rate)
        except systems.Unavailable as e:
            keep(None, section, label, "µs CPU", None, str(e))
            continue
        check(report, "%s behind %s" % (backend, name))
        keep(report, section, label + ": web server", "µs CPU", cost_us(report, "front"))
        keep(None, section, label + ": itself", "µs CPU", cost_us(report, backend))
        keep(None, section, label + ": p50", "ms", report["latency_us"]["p50"] / 1000)
        keep(None, section, label + ": p99", "ms", report["latency_us"]["p99"] / 1000)
        if not rate:
            keep(None, section, label + ": deliveries", "/s",
                 report["deliveries"] / report["measured"]["seconds"])


def measure(table, runs, most):
    """Fills the table and adds the load client's reports to `runs`."""
    def keep(report, section, what, unit, value, note=""):
        table.add(section, what, unit, value, note)
        if report:
            runs.append({"section": section, "what": what, "report": report})

    for burst in BURSTS:
        for readers in READERS:
            if readers <= most:
                direct(keep, readers, burst)
    for name in systems.FRONTS:
        behind(keep, name, BEHIND, 0)
        for readers, rate in PACED:
            behind(keep, name, readers, rate)

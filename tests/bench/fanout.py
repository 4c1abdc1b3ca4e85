# SPDX-License-Identifier: MIT
"""What a delivery costs: one event to one reader, against the kernel's limit and behind servers."""

import systems
from systems import Run, load

READERS = (100, 1000, 10000)
DELIVERIES = 400000  # of one run
EVENTS_MIN, EVENTS_MAX = 30, 3000
BURSTS = (1, 16)
PACED = ((1000, 10), (1000, 160), (10000, 10))  # readers, events a second
PACED_S = 4
BEHIND = 1000  # readers behind a web server, the next event as soon as all have the last


def cost_us(report, *names):
    cpu = report["measured"]["cpu_s"]
    return sum(cpu[n] for n in names) * 1e6 / report["deliveries"]


class Faulty(Exception):
    """A figure of a system that lost events is no figure."""


def check(report):
    faults = {k: report[k] for k in ("lost", "repeated", "broken", "gaps", "closed")
              if report.get(k)}
    if faults or not report["is_complete"]:
        raise Faulty(", ".join("%s %d" % f for f in faults.items()) or "did not end")
    return report


def direct(keep, readers, burst):
    """The bare loop and ssecgi on a unix socket, one after the other."""
    section = "A delivery by raw FastCGI on a unix socket, %s" % (
        "one event a write" if burst == 1 else "%d events waiting" % burst)
    bursts = max(EVENTS_MIN, min(EVENTS_MAX, DELIVERIES // readers // burst))
    costs = []
    for name, label, start in (("bare", "bare write loop", systems.bare),
                               ("ssecgi", "ssecgi", systems.ssecgi)):
        what = "%d readers: %s" % (readers, label)
        try:
            with Run() as run:
                report = check(load(start(run), readers, burst=burst, events=bursts * burst,
                                    warm=max(5, bursts // 10) * burst))
        except Faulty as e:
            keep(None, section, what, "µs CPU", None, str(e))
            return
        costs.append(cost_us(report, name))
        keep(report, section, what, "µs CPU", costs[-1])
    keep(None, section, "%d readers: ssecgi / bare write loop" % readers, "",
         costs[1] / costs[0])


def one_behind(keep, section, front, backend, readers, rate):
    """One backend behind one web server. Answers the CPU time of both a delivery."""
    label = "zero-work backend" if backend == "blast" else "ssecgi"
    events = rate * PACED_S if rate else 200
    try:
        with Run() as run:
            system = systems.FRONTS[front](run, getattr(systems, backend)(run), readers)
            report = check(load(system, readers, events=events, warm=max(10, events // 10),
                                rate=rate))
    except (systems.Unavailable, Faulty) as e:
        keep(None, section, label, "µs CPU", None, str(e))
        return None
    keep(report, section, label + ": web server", "µs CPU", cost_us(report, "front"))
    keep(None, section, label + ": itself", "µs CPU", cost_us(report, backend))
    keep(None, section, label + ": p50", "ms", report["latency_us"]["p50"] / 1000)
    keep(None, section, label + ": p99", "ms", report["latency_us"]["p99"] / 1000)
    keep(None, section, label + ": events a read", "", report["deliveries"] / report["reads"])
    if not rate:
        keep(None, section, label + ": deliveries", "/s",
             report["deliveries"] / report["measured"]["seconds"])
    return cost_us(report, backend)


def behind(keep, front, readers, rate):
    """The zero-work backend and ssecgi behind one web server."""
    pace = "%d events/s" % rate if rate else "as fast as they go"
    section = "Behind %s: %d readers, %s" % (front, readers, pace)
    blast = one_behind(keep, section, front, "blast", readers, rate)
    ssecgi = one_behind(keep, section, front, "ssecgi", readers, rate)
    if blast and ssecgi:
        keep(None, section, "ssecgi / zero-work backend: CPU", "", ssecgi / blast)


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
            behind(keep, name, min(readers, systems.most_behind()), rate)

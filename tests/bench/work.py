# SPDX-License-Identifier: MIT
"""The work that all systems get, and what is kept of it: one table for each kind of work."""

from rig import Run, Unavailable, load

AS_FAST = 0  # events a second: the next one when every reader has the last
# Readers, events a second, seconds.
WORK = ((100, 10, 3), (1000, 10, 3), (1000, 160, 3), (10000, 10, 4), (1000, AS_FAST, 0))
AS_FAST_EVENTS = 150


class Faulty(Exception):
    """A figure of a system that lost events is no figure."""


def check(report):
    faults = {k: report[k] for k in ("lost", "repeated", "broken", "gaps", "closed")
              if report.get(k)}
    if faults or not report["is_complete"]:
        raise Faulty(", ".join("%s %d" % f for f in faults.items()) or "did not end")
    return report


def cost_us(report, *names):
    """CPU time a delivery of the processes with these names."""
    cpu = report["measured"]["cpu_s"]
    return sum(cpu[n] for n in names if n in cpu) * 1e6 / max(1, report["deliveries"])


def memory(report, *names):
    """Growth of memory from the first readers to the end, in bytes a reader; None without any."""
    first, last = report["memory"][0], report["memory"][-1]
    grown = sum(last["pss_kib"].get(n, 0) - first["pss_kib"].get(n, 0) for n in names)
    readers = last["readers"] - first["readers"]
    return max(0, grown) * 1024 / readers if readers > 0 else None


def section_of(readers, rate):
    """The same for all systems, even where descriptors allow some of them fewer readers."""
    return "%d readers, %s" % (readers, "%d events/s" % rate if rate else "as fast as they go")


def measure(keep, label, start, work, most):
    """One system at one kind of work. `start` takes a Run and the number of readers."""
    readers, rate, seconds = work
    section = section_of(readers, rate)
    readers = min(readers, most)
    events = rate * seconds or AS_FAST_EVENTS
    try:
        with Run() as run:
            system = start(run, readers)
            report = load(system, readers, events=events, warm=max(10, events // 10), rate=rate,
                          first=readers // 10, timeout_s=20,
                          at_once=getattr(system, "at_once", 256))
    except Unavailable as e:
        keep(None, section, label, None, None, str(e))
        return
    except RuntimeError as e:
        keep(None, section, label, None, None, "failed: %s" % str(e).splitlines()[0])
        return
    put(keep, section, label, report)


def put(keep, section, label, report):
    """The columns of one run. What was lost stands in place of figures that it makes worthless."""
    try:
        check(report)
    except Faulty as e:
        keep(report, section, label, None, None, str(e))
        return
    names = set(report["measured"]["cpu_s"])
    fronts, backends = names & {"front"}, names - {"front"}
    keep(report, section, label, "readers", report["readers"])
    keep(None, section, label, "both: µs CPU", cost_us(report, *names))
    if fronts:
        keep(None, section, label, "server: µs CPU", cost_us(report, *fronts))
        keep(None, section, label, "backend: µs CPU", cost_us(report, *backends))
    keep(None, section, label, "p50 ms", report["latency_us"]["p50"] / 1000)
    keep(None, section, label, "p99 ms", report["latency_us"]["p99"] / 1000)
    keep(None, section, label, "events a read", report["deliveries"] / max(1, report["reads"]))
    if not report["rate"]:
        keep(None, section, label, "deliveries/s",
             report["deliveries"] / report["measured"]["seconds"])
    keep(None, section, label, "B a reader", memory(report, *names))
    if fronts:
        keep(None, section, label, "of it backend", memory(report, *backends))

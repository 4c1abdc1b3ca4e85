# SPDX-License-Identifier: MIT
"""What a delivery costs, one event to one reader, by raw FastCGI against the kernel's limit."""

import systems
from rig import Run, load
from work import Faulty, check, cost_us

READERS = (100, 1000, 10000)
DELIVERIES = 400000  # of one run
EVENTS_MIN, EVENTS_MAX = 30, 3000
BURSTS = (1, 16)


def direct(keep, readers, burst):
    """The bare loop and ssecgi on a unix socket, one after the other."""
    section = "A delivery by raw FastCGI on a unix socket, %s" % (
        "one event a write" if burst == 1 else "%d events waiting" % burst)
    bursts = max(EVENTS_MIN, min(EVENTS_MAX, DELIVERIES // readers // burst))
    row = "%d readers" % readers
    costs = []
    for name, label, start in (("bare", "bare write loop", systems.bare),
                               ("ssecgi", "ssecgi", systems.ssecgi_at_once)):
        column = "%s, µs CPU" % label
        try:
            with Run() as run:
                report = check(load(start(run), readers, burst=burst, events=bursts * burst,
                                    warm=max(5, bursts // 10) * burst))
        except Faulty as e:
            keep(None, section, row, None, None, "%s: %s" % (label, e))
            return
        costs.append(cost_us(report, name))
        keep(report, section, row, column, costs[-1])
    keep(None, section, row, "ssecgi / bare write loop", costs[1] / costs[0])


def measure(keep, most):
    for burst in BURSTS:
        for readers in READERS:
            if readers <= most:
                direct(keep, readers, burst)

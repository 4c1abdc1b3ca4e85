# SPDX-License-Identifier: MIT
"""ssecgi, and a backend that does no work, behind each web server."""

import systems
import work

BACKENDS = (("zero-work backend", systems.blast), ("ssecgi", systems.ssecgi_at_once),
            ("ssecgi, gathering", systems.ssecgi))


def wanted(label, rate, readers):
    """Gathering is measured where there is something to gather."""
    return label != "ssecgi, gathering" or (
        systems.gathers() and rate != work.AS_FAST and rate * readers >= 100000)


def measure(keep):
    for front, kind in systems.FRONTS.items():
        for what in work.WORK:
            readers, rate, _ = what
            for label, backend in BACKENDS:
                if wanted(label, rate, readers):
                    work.measure(keep, "%s + %s" % (front, label),
                                 lambda run, n, b=backend: kind(run, b(run), n), what,
                                 systems.most_behind())

# SPDX-License-Identifier: MIT
"""What people would use instead, on the same work."""

import systems
import work
from peer_systems import PEERS

# Where one was seen not to keep up by far: it would only be waited for.
TOO_MUCH = {"Pushpin": 1000 * 160, "lighttpd + libfcgi, a thread a stream": 10000 * 10}


def measure(keep, most):
    for what in work.WORK:
        readers, rate, _ = what
        for label, kind in PEERS.items():
            if label in TOO_MUCH and (rate * readers >= TOO_MUCH[label] or readers > 1000):
                keep(None, work.section_of(readers, rate), label, None, None,
                     "not tried: collapses")
                continue
            work.measure(keep, label, kind, what,
                         min(most, systems.most_behind()) if "lighttpd" in label else most)

# SPDX-License-Identifier: MIT
"""The aims of the project as quotients of measured figures, each from the rounds that have both."""

import statistics

import table
import work

BOTH, BACKEND = "both: µs CPU", "backend: µs CPU"


def behind(front, readers, rate, over, under, column):
    section = work.section_of(readers, rate)
    return (section, "%s + %s" % (front, over), column), (section, under, column)


def rows():
    """(what, most allowed, dividend, divisor); the aim is a least where it is negative."""
    for readers in (100, 1000, 10000):
        section = "A delivery by raw FastCGI on a unix socket, one event a write"
        row = "%d readers" % readers
        yield ("raw FastCGI, %d readers: ssecgi / bare loop, CPU" % readers, 1.15,
               (section, row, "ssecgi, µs CPU"), (section, row, "bare write loop, µs CPU"))
    yield ("raw FastCGI, 1000 readers: one event a write / 16 waiting, CPU", -5,
           ("A delivery by raw FastCGI on a unix socket, one event a write", "1000 readers",
            "ssecgi, µs CPU"),
           ("A delivery by raw FastCGI on a unix socket, 16 events waiting", "1000 readers",
            "ssecgi, µs CPU"))
    for front in ("lighttpd", "nginx", "Apache", "HAProxy"):
        ideal = front + " + zero-work backend"
        yield ("%s: ssecgi / zero-work backend, deliveries a second" % front, -0.97,
               *behind(front, 1000, 0, "ssecgi", ideal, "deliveries/s"))
        yield ("%s, 1000 × 10: ssecgi / zero-work backend, backend's CPU" % front, 1.15,
               *behind(front, 1000, 10, "ssecgi", ideal, BACKEND))
    for front in ("lighttpd", "nginx"):
        yield ("%s, 1000 × 160, gathering / nchan, CPU" % front, 0.6,
               *behind(front, 1000, 160, "ssecgi, gathering", "nginx + nchan", BOTH))
        yield ("%s, 10000 × 10, gathering / nchan, CPU" % front, 1.2,
               *behind(front, 10000, 10, "ssecgi, gathering", "nginx + nchan", BOTH))
        yield ("%s, 10000 × 10: ssecgi / zero-work backend, p99" % front, 1.1,
               *behind(front, 10000, 10, "ssecgi", front + " + zero-work backend", "p99 ms"))
    yield ("lighttpd, 10000 × 10, gathering / nchan, memory a reader", 0.5,
           *behind("lighttpd", 10000, 10, "ssecgi, gathering", "nginx + nchan", "B a reader"))


def reached(values, aim):
    value = statistics.median(values)
    return value <= aim if aim > 0 else value >= -aim


def as_markdown(cells):
    lines = ["**Aims**", "", "| quotient | aim | median | range | reached |", "|---|---|---|---|---|"]
    for what, aim, over, under in rows():
        values = table.ratios(cells, over, under)
        limit = "≤ %g" % aim if aim > 0 else "≥ %g" % -aim
        if values:
            lines.append("| %s | %s | %s | %s | %s |" % (
                what, limit, table.number(statistics.median(values)), table.spread(values),
                "yes" if reached(values, aim) else "no"))
    return "\n".join(lines) + "\n" if len(lines) > 4 else ""

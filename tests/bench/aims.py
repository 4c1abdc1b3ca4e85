# SPDX-License-Identifier: MIT
"""The aims of the project against what was measured, each from the rounds that have all of it."""

import operator
import statistics

import publishing
import slow
import storm
import table
import work

BOTH, BACKEND = "both: µs CPU", "backend: µs CPU"
ONE, MANY = ("A delivery by raw FastCGI on a unix socket, " + what
             for what in ("one event a write", "16 events waiting"))


def behind(front, readers, rate, over, under, column):
    section = work.section_of(readers, rate)
    return (section, "%s + %s" % (front, over), column), (section, under, column)


def direct():
    for readers in (100, 1000, 10000):
        row = "%d readers" % readers
        yield ("raw FastCGI, %d readers: CPU, ssecgi / bare loop" % readers, "≤", 1.15,
               operator.truediv, (ONE, row, "ssecgi, µs CPU"),
               (ONE, row, "bare write loop, µs CPU"))
    yield ("raw FastCGI, 1000 readers: CPU, one event a write / 16 waiting", "≥", 5,
           operator.truediv, (ONE, "1000 readers", "ssecgi, µs CPU"),
           (MANY, "1000 readers", "ssecgi, µs CPU"))


def against_zero_work():
    for front in ("lighttpd", "nginx", "Apache", "HAProxy"):
        ideal = front + " + zero-work backend"
        yield ("%s, 1000 readers: deliveries a second, ssecgi / zero-work backend" % front, "≥",
               0.97, operator.truediv, *behind(front, 1000, 0, "ssecgi", ideal, "deliveries/s"))
        yield ("%s, 1000 × 10: CPU of the backend, ssecgi / zero-work" % front, "≤", 1.15,
               operator.truediv, *behind(front, 1000, 10, "ssecgi", ideal, BACKEND))
    for front in ("lighttpd", "nginx"):
        yield ("%s, 10000 × 10: p99, ssecgi / zero-work backend" % front, "≤", 1.1,
               operator.truediv, *behind(front, 10000, 10, "ssecgi, gathering",
                                         front + " + zero-work backend", "p99 ms"))


def against_nchan():
    for front in ("lighttpd", "nginx"):
        for readers, rate, most in ((1000, 160, 0.6), (10000, 10, 1.2)):
            yield ("%s, %d × %d: CPU, web server and ssecgi / nchan" % (front, readers, rate),
                   "≤", most, operator.truediv,
                   *behind(front, readers, rate, "ssecgi, gathering", "nginx + nchan", BOTH))
        yield ("%s, 1000 × 160: p99, above that of nchan, ms" % front, "≤", 50, operator.sub,
               *behind(front, 1000, 160, "ssecgi, gathering", "nginx + nchan", "p99 ms"))
    yield ("lighttpd, 10000 × 10: memory a reader, lighttpd and ssecgi / nchan", "≤", 0.5,
           operator.truediv,
           *behind("lighttpd", 10000, 10, "ssecgi, gathering", "nginx + nchan", "B a reader"))


def others():
    for row, _ in slow.SYSTEMS[:3]:
        yield ("%s, 500 of 1000 readers stall: p99 of the others / of 500 alone" % row, "≤", 1.1,
               operator.truediv, (slow.SECTION, row, "p99 ms"),
               (slow.SECTION, row, slow.ALONE))
    yield ("raw FastCGI, readers that come back: CPU of each, ssecgi / zero-work backend", "≤", 1.3,
           operator.truediv, *((storm.SECTION, row + ", raw FastCGI", "backend: µs CPU each")
                               for row in ("ssecgi", "zero-work backend")))


def publishing_aims():
    one, many = ((publishing.JOURNAL, row, "events/s") for row in publishing.ALWAYS)
    bare = (publishing.JOURNAL, publishing.BARE, "events/s")
    direct = (publishing.JOURNAL, publishing.DIRECT, "events/s")
    yield ("publishing, sync always: events a second, command line / write and fdatasync", "≥", 0.9,
           operator.truediv, direct, bare)
    yield ("publishing, sync always: events a second, responder / write and fdatasync", "≥", 0.9,
           operator.truediv, one, bare)
    yield ("publishing, sync always: events a second, %d publishers / one" % publishing.GROUP, "≥",
           5, operator.truediv, many, one)


def outcomes(cells):
    """(what, "≤" or "≥", aim, the values of the rounds)."""
    for rows in (direct, against_zero_work, against_nchan, others, publishing_aims):
        for what, sign, aim, combine, left, right in rows():
            one, other = table.by_round(cells, left), table.by_round(cells, right)
            yield what, sign, aim, [combine(one[n], other[n]) for n in one if n in other]


def as_markdown(cells):
    lines = []
    for what, sign, aim, values in outcomes(cells):
        if values:
            value = statistics.median(values)
            is_reached = value <= aim if sign == "≤" else value >= aim
            lines.append("| %s | %s %g | %s | %s | %s |" % (
                what, sign, aim, table.number(value), table.spread(values),
                "yes" if is_reached else "**no**"))
    head = ["**Aims**", "", "| what | aim | median | range | reached |", "|---|---|---|---|---|"]
    return "\n".join(head + lines) + "\n" if lines else ""

# SPDX-License-Identifier: MIT
"""A plot of CPU time a delivery and latency against readers, at 10 events/s, as SVG."""

import math
import statistics
import sys
from xml.sax.saxutils import escape

import work

RATE = 10
WIDTH, HEIGHT, LEFT, TOP, BOTTOM, GAP = 420, 300, 60, 34, 46, 40
LEGEND = 250
# What a row's name begins with, and its colour; the first that fits.
COLOURS = (("lighttpd + libfcgi", "#8d6e63"), ("nginx + nchan", "#000000"),
           ("lighttpd", "#0b62a4"), ("nginx", "#1e8449"), ("Apache", "#c0392b"),
           ("HAProxy", "#8e44ad"), ("Go", "#00acc1"), ("Node", "#ef6c00"), ("Pushpin", "#e91e8c"),
           ("", "#9e9e9e"))
PANELS = (("both: µs CPU", "CPU a delivery, all processes (µs)"), ("p99 ms", "latency p99 (ms)"))


def lines_of(cells, column):
    """For each system its points: (readers, median)."""
    found = {}
    sections = [work.section_of(readers, rate) for readers, rate, _ in work.WORK if rate == RATE]
    at = {(c["section"], c["row"]): c for c in cells if c["column"] == "readers"}
    for cell in cells:
        key = (cell["section"], cell["row"])
        if cell["column"] == column and cell["section"] in sections and cell["values"] and key in at:
            readers = statistics.median(at[key]["values"].values())
            found.setdefault(cell["row"], []).append(
                (readers, statistics.median(cell["values"].values())))
    return {row: sorted(points) for row, points in found.items() if len(points) > 1}


def ticks(low, high):
    return [m * 10.0 ** e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
            for m in (1, 2, 5) if low <= m * 10.0 ** e <= high]


class Panel:
    """One pair of axes, both logarithmic."""

    def __init__(self, left, points):
        self.left = left
        self.x = (min(p[0] for p in points) * 0.8, max(p[0] for p in points) * 1.25)
        self.y = (min(p[1] for p in points) * 0.8, max(p[1] for p in points) * 1.25)

    def place(self, x, y):
        def share(value, low, high):
            return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
        return (self.left + WIDTH * share(x, *self.x), TOP + HEIGHT * (1 - share(y, *self.y)))

    def axes(self, title):
        middle = self.left + WIDTH / 2
        out = ['<text x="%g" y="20" text-anchor="middle" font-weight="bold">%s</text>'
               % (middle, escape(title)),
               '<text x="%g" y="%g" text-anchor="middle">readers</text>'
               % (middle, TOP + HEIGHT + 36)]
        for value in ticks(*self.y):
            y = self.place(self.x[0], value)[1]
            out.append('<line x1="%g" y1="%.1f" x2="%g" y2="%.1f" stroke="#ddd"/>'
                       '<text x="%g" y="%.1f" text-anchor="end">%g</text>'
                       % (self.left, y, self.left + WIDTH, y, self.left - 6, y + 4, value))
        for value in (100, 1000, 10000):
            if self.x[0] <= value <= self.x[1]:
                x = self.place(value, self.y[0])[0]
                out.append('<text x="%.1f" y="%g" text-anchor="middle">%d</text>'
                           % (x, TOP + HEIGHT + 18, value))
        out.append('<rect x="%g" y="%g" width="%g" height="%g" fill="none" stroke="#444"/>'
                   % (self.left, TOP, WIDTH, HEIGHT))
        return out

    def line(self, points, colour, dashes):
        places = [self.place(*p) for p in points]
        out = ['<polyline fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s" '
               'points="%s"/>' % (colour, dashes, " ".join("%.1f,%.1f" % p for p in places))]
        return out + ['<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (*p, colour)
                      for p in places]


def as_svg(cells):
    """Nothing when there is nothing to show."""
    panels = [(title, lines_of(cells, column)) for column, title in PANELS]
    rows = list(dict.fromkeys(row for _, lines in panels for row in lines))
    if not rows:
        return ""
    style = {row: (next(c for name, c in COLOURS if row.startswith(name)),
                   "6 4" if "zero-work" in row else "none") for row in rows}
    body = []
    for i, (title, lines) in enumerate(panels):
        panel = Panel(LEFT + i * (WIDTH + LEFT + GAP), [p for line in lines.values() for p in line])
        body += panel.axes(title)
        for row, points in lines.items():
            body += panel.line(points, *style[row])
    left = 2 * (LEFT + WIDTH + GAP)
    for i, row in enumerate(rows):
        y = TOP + 12 + i * 20
        body.append('<line x1="%g" y1="%g" x2="%g" y2="%g" stroke="%s" stroke-width="2" '
                    'stroke-dasharray="%s"/><text x="%g" y="%g">%s</text>'
                    % (left, y, left + 26, y, *style[row], left + 32, y + 4, escape(row)))
    height = TOP + max(HEIGHT + BOTTOM, 20 * len(rows) + 20)
    width = left + LEGEND
    return ('<?xml version="1.0" encoding="UTF-8"?>\n'
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" '
            'font-family="sans-serif" font-size="12">\n<title>CPU time a delivery and latency '
            'against readers, %d events a second</title>\n'
            '<rect width="100%%" height="100%%" fill="#fff"/>\n%s\n</svg>\n'
            % (width, height, width, height, RATE, "\n".join(body)))


def write(cells, path):
    text = as_svg(cells)
    if text:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        print("bench: plot written to %s" % path, file=sys.stderr)

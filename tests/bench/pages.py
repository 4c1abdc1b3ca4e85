#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pages.py: what the log page costs in Chromium, against the aims of doc/pages.md.

    make bench-pages                            in the build folder
    make bench-pages BENCH_FLAGS='--rounds 1 --only paint,follow'
    make bench-pages BENCH_FLAGS='--page ../doc/pages.md'

Each round starts lighttpd, by its shipped configuration, and a browser anew; they share all cores.
Needs playwright-core (npm ci in tests/browser).
"""

import argparse
import gzip
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import urllib.request

import machine
import page
import rig
from table import Table, number, spread

DRIVER = rig.SRCDIR / "tests" / "bench" / "pages" / "driver.mjs"
PLAYWRIGHT = rig.SRCDIR / "tests" / "browser" / "node_modules" / "playwright-core"
PAGES = rig.SRCDIR / "html"
DRIVER_S = 150

FIRST_LINES = 1000
LINES_PER_S = 20000
SECONDS = 20
MILLION = 1000000

# As driver.mjs writes them.
LINE = "2026-11-21T10:42:21Z host app[%d]: n=%d GET /page status=200 took=12ms\n"

# What a file names and does not load at once.
LATE = re.compile(r'(?:import|addStyles)\(\s*"[^"]+"|"log/\w+worker\.js"')

SECTION = "The log page"
FRAMES = "%d lines/s for %d s" % (LINES_PER_S, SECONDS)
LOADED = "one million lines loaded"
AIMS = (  # (row, unit, the most that is aimed at)
    ("compressed bytes, loaded to show the lines", "KiB", 40),
    ("compressed bytes of all files", "KiB", 40),
    ("first paint", "ms", 200),
    ("first 1000 lines painted", "ms", 500),
    (FRAMES + ": frame, p95", "ms", 16.7),
    (FRAMES + ": tasks over 50 ms", "", 0),
    (FRAMES + ": lines lost or repeated", "", 0),
    (LOADED + ": heap and buffers", "MB", 200),
    (LOADED + ": to any place, max", "ms", 50),
    (LOADED + ": a regex over all", "ms", 300),
)


class Server:
    """lighttpd and ssecgi by the shipped configuration, with the pages and a log of so many lines."""

    def __init__(self, run, lines):
        self.log = run.dir / "feed.log"  # as rig.Run knows it: too long to be shown
        with open(self.log, "w", encoding="ascii") as f:
            f.writelines(LINE % (n % 977, n) for n in range(1, lines + 1))
        config = run.dir / "ssecgi.json"
        config.write_text(json.dumps({
            "state_dir": str(run.dir),
            "streams": {"app": {"source": "tail", "path": str(self.log)}}}))
        port = rig.free_port()
        self.url = "http://127.0.0.1:%d/" % port
        self.access_log = run.dir / "access.log"
        filled = run.fill("deploy/lighttpd/lighttpd.conf", PORT=port, DOCROOT=PAGES, RUNDIR=run.dir,
                          SSECGI=rig.SSECGI, CONFIG=config)
        lighttpd = rig.need("lighttpd", "lighttpd")
        # All cores: one would be a browser's, too.
        cores = ",".join(map(str, rig.CPUS))
        process = run.start([rig.need("taskset", "util-linux"), "-c", cores, lighttpd, "-D", "-f",
                             filled], "lighttpd")
        run.listening(process, ("127.0.0.1", port), "lighttpd")
        self.lines = lines

    def first_position(self):
        """The link of the first line."""
        with urllib.request.urlopen(self.url + "events/app?from=start", timeout=rig.WAIT_S) as stream:
            found = None
            for line in stream:
                if line.startswith(b"id:"):
                    found = line[3:].strip().decode()
                elif line.startswith(b"data:"):
                    break
            for line in stream:  # the id may stand after the data
                if line.startswith(b"id:"):
                    return line[3:].strip().decode()
                if line == b"\n":
                    break
        return found

    def drive(self, part, **more):
        env = dict(os.environ, BASE_URL=self.url, LOG_FILE=str(self.log), LINES=str(self.lines),
                   LINES_PER_S=str(LINES_PER_S), SECONDS=str(SECONDS), **more)
        done = subprocess.run([rig.need("node", "nodejs"), DRIVER, part], env=env, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=DRIVER_S,
                              check=False)
        if done.returncode:
            raise RuntimeError("%s: the driver ended with status %d" % (part, done.returncode))
        return json.loads(done.stdout.splitlines()[-1])

    def loaded(self):
        """The files that pages have asked for so far."""
        paths = set(re.findall(r'"GET /([^ ?"]*)[^"]*" 200 ', self.access_log.read_text()))
        return {path for path in paths if not path.startswith("events")}


def compressed(paths):
    return {path: len(gzip.compress((PAGES / path).read_bytes(), 9, mtime=0)) for path in paths}


def named_by(path, is_late):
    """The files that one of the pages' files names: modules, styles, pictures, workers."""
    text = (PAGES / path).read_text(encoding="utf-8")
    if not is_late:
        text = LATE.sub("", text)
    names = re.findall(r"""["']((?:[\w.-]+/)*[\w-]+\.(?:js|css|svg))["']""", text)
    found = {os.path.normpath(os.path.join(os.path.dirname(path), name)) for name in names}
    return {each for each in found if (PAGES / each).is_file()}


def files_of_page(is_late):
    """What the log page loads in English to show lines, or also what it loads for what is used later."""
    found, todo = set(), {"log.html"}
    while todo:
        path = todo.pop()
        found.add(path)
        if not path.endswith(".svg"):
            todo |= named_by(path, is_late) - found
    return found


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure_paint(table, raw):
    with rig.Run() as run:
        server = Server(run, FIRST_LINES)
        found = server.drive("paint")
        loaded = server.loaded()
    sizes = compressed(files_of_page(False) & loaded)
    whole = compressed(files_of_page(True) | loaded)
    raw["files"] = whole
    for row, each in ((AIMS[0][0], sizes), (AIMS[1][0], whole)):
        table.add(SECTION, row, "KiB", sum(each.values()) / 1024)
        table.add(SECTION, row.replace("compressed bytes", "files"), "", len(each))
    for key, row in (("paintMs", AIMS[2][0]), ("shownMs", AIMS[3][0])):
        table.add(SECTION, row, "ms", statistics.median(load[key] for load in found["warm"]))
        table.add(SECTION, row + ", a browser's first page", "ms", found["cold"][key])


def measure_follow(table, raw):
    with rig.Run() as run:
        found = Server(run, FIRST_LINES).drive("follow")
    frames, tasks = found["frames"], found["longTasks"]
    for name, value in (("p50", quantile(frames, 0.5)), ("p95", quantile(frames, 0.95)),
                        ("max", max(frames))):
        table.add(SECTION, "%s: frame, %s" % (FRAMES, name), "ms", round(value, 1))
    table.add(SECTION, "nothing to do: frame, p95", "ms",
              round(quantile(found["idle"]["frames"], 0.95), 1))
    table.add(SECTION, FRAMES + ": the page's thread", "ms CPU a frame",
              1e3 * found["work"]["Task"] / len(frames))
    table.add(SECTION, FRAMES + ": tasks over 50 ms", "", len(tasks))
    table.add(SECTION, FRAMES + ": longest task", "ms", max(tasks, default=0))
    lost = None if found["lost"] is None else found["lost"] + found["repeated"]
    table.add(SECTION, FRAMES + ": lines lost or repeated", "", lost)
    table.add(SECTION, FRAMES + ": the last line, behind its writing", "ms", found["lagMs"])
    table.add(SECTION, FRAMES + ": rows in the page", "", found["rows"])
    raw["follow"] = found


def measure_million(table, raw):
    with rig.Run() as run:
        server = Server(run, MILLION)
        found = server.drive("million", POSITION=server.first_position())
    for key, what in (("memory", ""), ("memoryAfter", ", after a search")):
        memory = found[key]
        table.add(SECTION, "%s: heap and buffers%s" % (LOADED, what), "MB",
                  (memory["heap"] + memory["buffers"]) / 1e6)
    table.add(SECTION, LOADED + ": to load them", "s", found["loadMs"] / 1e3)
    times = [jump["ms"] for jump in found["jumps"]]
    table.add(SECTION, LOADED + ": to any place, p50", "ms", statistics.median(times))
    table.add(SECTION, LOADED + ": to any place, max", "ms", max(times))
    table.add(SECTION, LOADED + ": to any place, the page's thread", "ms CPU",
              statistics.median(1e3 * jump["work"]["Task"] for jump in found["jumps"]))
    table.add(SECTION, LOADED + ": rows in the page", "", found["rows"])
    for key, what in (("again", ""), ("first", ", the first search")):
        result = found["searches"][key]
        if result["problem"] or not result["count"]:
            raise RuntimeError("the search found nothing: %s" % result["problem"])
        table.add(SECTION, LOADED + ": a regex over all" + what, "ms", result["ms"])
    raw["million"] = found


PARTS = {"paint": measure_paint, "follow": measure_follow, "million": measure_million}


def aims_as_markdown(cells):
    values = {cell["row"]: list(cell["values"].values()) for cell in cells}
    clock = {"ms": 0.1}  # the page's clock tells no less: an idle page has frames of 16.6 to 16.8 ms
    lines = ["| what | aim | median | range | reached |", "|---|---|---|---|---|"]
    for row, unit, most in AIMS:
        if values.get(row):
            median = statistics.median(values[row])
            lines.append("| %s | ≤ %g %s | %s | %s | %s |" % (
                row, most, unit, number(median), spread(values[row]),
                "yes" if median <= most + clock.get(unit, 0) else "**no**"))
    return "**Aims**\n\n" + "\n".join(lines) + "\n"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(PARTS),
                        help="of: %s" % ", ".join(PARTS))
    parser.add_argument("--json", help="all that was measured, here")
    parser.add_argument("--page", type=pathlib.Path, help="puts the tables into this page: doc/pages.md")
    options = parser.parse_args()
    if options.rounds < 1 or set(options.only) - set(PARTS):
        parser.error("no such part, or no rounds")
    return options


def main():
    options = arguments()
    if not PLAYWRIGHT.is_dir():
        print("bench-pages: playwright-core is not installed: npm ci in tests/browser",
              file=sys.stderr)
        return 1
    table, rounds = Table(), []
    described = machine.describe()
    described["versions"] = {
        "Chromium": machine.version_of(os.environ.get("CHROMIUM", "chromium"), "--version"),
        "lighttpd": machine.version_of("lighttpd", "-v"),
        "Node": machine.version_of("node", "--version")}
    for table.round in range(1, options.rounds + 1):
        rounds.append({})
        for part in options.only:
            print("bench-pages: round %d of %d: %s" % (table.round, options.rounds, part),
                  file=sys.stderr, flush=True)
            PARTS[part](table, rounds[-1])
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(
            {"machine": described, "cells": table.as_json(), "rounds": rounds}, indent=1))
    found = {"machine": machine.text(described) + ".\n", "figures": table.as_markdown(),
             "aims": aims_as_markdown(table.as_json())}
    if options.page:
        options.page.write_text(page.fill(options.page.read_text(encoding="utf-8"), found),
                                encoding="utf-8")
    print("\n".join(found.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

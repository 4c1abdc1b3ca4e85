#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""exec_rate.py: what a program's output costs on its way to readers, against the same through cat.

    make bench BENCH_FLAGS='--only exec'
    SSECGI=./ssecgi BENCH=tests/bench python3 tests/bench/exec_rate.py [--mib N] [--rounds N]

All figures are processor time, user and system. The program is cat, which writes a file from the page
cache; its own time counts on both sides. What is compared runs one after the other, on the same core.
"""

import argparse
import json
import os
import sys

import rig
from rig import BENCH, SSECGI, Run
from table import Table
from tail_rate import SHORT, whole, write_log

MIB = 256
READERS = 100
LINES = 30000
LINE_BYTES = 128


def config(run, name, **streams):
    path = run.dir / (name + ".json")
    path.write_text(json.dumps({"state_dir": str(run.dir), "streams": streams}))
    return path


def one_reader(table, run, mib):
    log = run.dir / "lines"
    write_log(log, SHORT, mib << 20)
    size = os.path.getsize(log)
    with open(log, "rb") as f:
        lines = sum(1 for _ in f)
    section = "A program that writes %d MiB, lines of about 70 bytes" % mib
    whole("cat", log)  # brings it into the page cache
    plain = whole("sh", "-c", 'cat "$1" | cat', "sh", log)
    table.add(section, "cat into cat", "MB/s", size / plain / 1e6)
    keep = {"keep_bytes": 2 * size}
    for what, more in (("exec to one reader", {}), ("exec with journal", {"journal": True})):
        program = config(run, "one", x=dict({"source": "exec", "argv": ["cat", str(log)]}, **keep,
                                            **more))
        spent = whole(SSECGI, "--config", program, "--print", "x")
        table.add(section, what, "MB/s", size / spent / 1e6)
        table.add(section, what + ", lines", "lines/s", lines / spent)
        table.add(section, what + " / cat into cat", "times the CPU", spent / plain)


class Program:
    """ssecgi with a program as its stream, for the load client, which writes into a named pipe; the program
    is cat on its other side."""

    wire = "--fcgi"

    def __init__(self, run):
        self.feed = run.dir / "pipe"
        os.mkfifo(self.feed)
        socket = str(run.dir / "sock")
        self.address = "unix:" + socket
        path = config(run, "many", bench={
            "source": "exec", "argv": ["cat", str(self.feed)], "start": "now",
            "restart": "always", "restart_min_ms": 10, "restart_limit": 0})
        process = run.start([SSECGI, "--config", path, "--listen", self.address], "ssecgi")
        run.listening(process, socket, "ssecgi")
        self.processes = [("ssecgi", process.pid)]
        rig.wait_until(lambda: rig.below(process.pid), "the program runs")


def many_readers(table, run, what, **rate):
    section = "A program to %d readers, lines of 128 bytes" % READERS
    got = rig.load(Program(run), READERS, burst=30, events=LINES, **rate)
    if not got["is_complete"]:
        raise RuntimeError("%d lost, %d repeated" % (got["lost"], got["repeated"]))
    spent, seconds = got["measured"]["cpu_s"]["ssecgi"], got["measured"]["seconds"]
    if not rate:
        table.add(section, what, "lines/s", LINES / seconds)
        table.add(section, what + ": to all readers", "MB/s", LINES * READERS * LINE_BYTES / seconds / 1e6)
    table.add(section, what + ": CPU of a line", "µs", spent / LINES * 1e6)
    table.add(section, what + ": CPU of a line to each reader", "ns", spent / LINES / READERS * 1e9)
    table.add(section, what + ": written to received, p99", "ms", got["latency_us"]["p99"] / 1e3)


def measure(table, mib=MIB):
    """One round."""
    with Run() as run:
        one_reader(table, run, mib)
    with Run() as run:
        many_readers(table, run, "10,000 lines a second", rate=333)
    with Run() as run:
        many_readers(table, run, "as fast as they read")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=MIB)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not os.access(BENCH / "load", os.X_OK):
        parser.error("%s is not built" % (BENCH / "load"))
    table = Table()
    for number in range(options.rounds):
        table.round = number + 1
        measure(table, options.mib)
    print(table.as_markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())

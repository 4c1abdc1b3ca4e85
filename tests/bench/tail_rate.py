#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tail_rate.py: what reading and searching a log costs, against wc and grep over the same file.

    make bench BENCH_FLAGS='--only tail'
    SSECGI=./ssecgi BENCH=tests/bench python3 tests/bench/tail_rate.py [--mib N] [--rounds N]

All figures are processor time, user and system, of whole programs or, where it says so, of the
source and the encoder inside one. What is compared runs one after the other, on the same core, over
the same file in the page cache. Needs that much space in TMPDIR; the sparse file takes none.
"""

import argparse
import json
import os
import subprocess
import sys
import urllib.parse

from rig import BENCH, SERVER_CPUS, SSECGI, Run, pin
from table import Table

MIB = 1024
LAST = b"the needle E42x is here\n"
LITERAL = "needle E4"
REGEXES = (("a regex with a word in it", r"E\d+x is \w+"),
           ("a regex without", r"[A-Z]\d+[a-z]\s"))
SPARSE_BYTES = 10 << 30
SPARSE_LAST = 1000

SHORT = b"2026-11-21T10:42:21Z host app[%d]: GET /page/%d status=%d took=%dms\n"
LONG = (b'203.0.113.%d - - [21/Nov/2026:10:42:21 +0000] "GET /shop/item/%d?colour=blue HTTP/1.1" '
        b'%d %d "https://www.example.org/shop/list" "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) '
        b'Gecko/20100101 Firefox/140.0"\n')
KINDS = (("lines of about 70 bytes", SHORT), ("access log, lines of about 210 bytes", LONG))

# grep and ssecgi both take text as UTF-8.
ENV = dict(os.environ, LC_ALL="C.UTF-8")


def write_log(path, pattern, size):
    """About `size` bytes of lines that differ, and then LAST."""
    block = b"".join(pattern % (n % 250, n, 200 + n % 7, n % 311) for n in range(20000))
    with open(path, "wb") as f:
        for _ in range(max(1, size // len(block))):
            f.write(block)
        f.write(LAST)
        os.fsync(f.fileno())  # nothing is left to be written while others are measured


def write_sparse(path):
    with open(path, "wb") as f:
        f.seek(SPARSE_BYTES)
        f.write(b"\n")
        for n in range(20000):
            f.write(SHORT % (n % 977, n, 200, n % 311))
        f.write(LAST)


def start(args):
    return subprocess.Popen([str(a) for a in args], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENV,
                            preexec_fn=pin(SERVER_CPUS))


def cpu_s(process):
    """Waits for its end; user and system seconds."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    return usage.ru_utime + usage.ru_stime


def whole(*args):
    """Of a program that ends by itself."""
    process = start(args)
    while process.stdout.read1(1 << 20):
        pass
    spent = cpu_s(process)
    if process.returncode != 0:
        raise RuntimeError("%s ended with status %d" % (args[0], process.returncode))
    return spent


def until_last(*args):
    """Of one that would go on: until it has printed LAST."""
    process, tail, wanted = start(args), b"", LAST.strip()
    while wanted not in tail:
        data = process.stdout.read1(1 << 20)
        if not data:
            cpu_s(process)
            raise RuntimeError("%s ended before the last line" % args[0])
        tail = tail[-len(wanted):] + data
    process.kill()
    return cpu_s(process)


def inside(*args):
    """Source and encoder alone, as the program of this folder counts it."""
    done = start([BENCH / "tail_speed", *args])
    text = done.stdout.read()
    cpu_s(done)
    if done.returncode != 0:
        raise RuntimeError("tail_speed ended with status %d" % done.returncode)
    return float(text.split()[0])


class Program:
    """ssecgi itself, with streams for the logs of a run."""

    def __init__(self, run, **logs):
        streams = {name: {"source": "tail", "path": str(path)} for name, path in logs.items()}
        self.config = run.dir / "ssecgi.json"
        self.config.write_text(json.dumps({"streams": streams}))

    def cpu_s(self, stream, *more, **params):
        query = "?" + urllib.parse.urlencode(params) if params else ""
        return until_last(SSECGI, "--config", self.config, "--print", stream + query, *more)


def reading(table, run, kind, pattern, mib):
    log = run.dir / "app.log"
    write_log(log, pattern, mib << 20)
    size = os.path.getsize(log)
    section = "Following a log of %d MiB, %s" % (mib, kind)
    whole("wc", "-l", log)  # brings it into the page cache
    wc = whole("wc", "-l", log)
    table.add(section, "wc -l", "MB/s", size / wc / 1e6)
    program = Program(run, app=log)
    for what, spent in (("followed: source and encoder", inside("follow", log)),
                        ("read again by one reader: source, encoder, hub", inside("replay", log)),
                        ("the program, all of it into a pipe",
                         program.cpu_s("app", "--from", "start"))):
        table.add(section, what, "MB/s", size / spent / 1e6)
        table.add(section, what + " / wc -l", "times the CPU", spent / wc)


def searching(table, run, mib):
    log = run.dir / "search.log"
    write_log(log, SHORT, mib << 20)
    section = "Searching a log of %d MiB for one line" % mib
    program = Program(run, app=log)
    whole("wc", "-l", log)
    for what, grep, params in [("a literal", ("-F", LITERAL), {"grep": LITERAL})] + [
            (name, ("-P", regex), {"regex": regex}) for name, regex in REGEXES]:
        theirs = whole("grep", "-c", *grep, log)
        ours = program.cpu_s("app", "--from", "start", **params)
        table.add(section, "%s: grep %s -c" % (what, grep[0]), "s CPU", theirs)
        table.add(section, "%s: ssecgi" % what, "s CPU", ours)
        table.add(section, "%s: ssecgi / grep" % what, "", ours / theirs)


def last_lines(table, run):
    log = run.dir / "sparse.log"
    write_sparse(log)
    section = "The last %d lines of a log of 10 GiB" % SPARSE_LAST
    table.add(section, "source, encoder, hub", "ms CPU",
              inside("last", log, SPARSE_LAST) * 1e3)
    program = Program(run, big=log)
    table.add(section, "the program from its start on", "ms CPU",
              program.cpu_s("big", "--last", str(SPARSE_LAST)) * 1e3)
    table.add(section, "of which its start", "ms CPU", whole(SSECGI, "--version") * 1e3)


def measure(table, mib=MIB):
    """One round."""
    for kind, pattern in KINDS:
        with Run() as run:
            reading(table, run, kind, pattern, mib)
    with Run() as run:
        searching(table, run, mib)
        last_lines(table, run)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=MIB)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    table = Table()
    for number in range(options.rounds):
        table.round = number + 1
        measure(table, options.mib)
    print(table.as_markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())

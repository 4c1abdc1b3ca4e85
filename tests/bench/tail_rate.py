#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tail_rate.py: what reading and searching a log costs, against wc and grep over the same file.

    SSECGI=./ssecgi python3 tests/bench/tail_rate.py [--mib N]

Prints processor time (user and system) of each, the best of three, and the ratio. The file lies in the
page cache. Needs as much space in TMPDIR as it says; the sparse file takes none.
"""

import argparse
import json
import os
import signal
import subprocess
import tempfile
import urllib.parse

SSECGI = os.environ.get("SSECGI", "./ssecgi")
LINE = b"2026-11-21T10:42:21Z host app[%d]: GET /page/%d status=%d took=%dms\n"
LAST = b"the needle E42x is here\n"
LITERAL = "needle E4"
REGEX = r"E\d+x is \w+"
SPARSE_BYTES = 10 << 30


def lines(size):
    """About `size` bytes of lines that differ."""
    block = b"".join(LINE % (n % 977, n, 200 + n % 7, n % 311) for n in range(20000))
    return block * max(1, size // len(block))


def cpu(args, until=None):
    """Processor seconds of a program; with `until`, only until that was printed."""
    best = None
    for _ in range(3):
        process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        tail = b""
        while True:
            data = process.stdout.read1(1 << 20)
            if not data or (until and until in tail + data):
                break
            tail = data[-len(LAST):]
        os.kill(process.pid, signal.SIGKILL)
        _, _, usage = os.wait4(process.pid, 0)
        process.stdout.close()
        process.returncode = 0
        seconds = usage.ru_utime + usage.ru_stime
        best = seconds if best is None else min(best, seconds)
    return best


def show(what, ours, theirs, name, size):
    print("%-24s %8.3f s %8.0f MB/s   %-10s %8.3f s   ratio %6.2f"
          % (what, ours, size / 1e6 / max(ours, 1e-6), name, theirs, ours / max(theirs, 1e-6)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=1024)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log, sparse, config = (os.path.join(folder, n) for n in ("app.log", "big.log", "c.json"))
        with open(log, "wb") as f:
            f.write(lines(options.mib << 20))
            f.write(LAST)
        with open(sparse, "wb") as f:
            f.seek(SPARSE_BYTES)
            f.write(b"\n" + lines(1 << 20))
            f.write(LAST)
        with open(config, "w", encoding="ascii") as f:
            json.dump({"streams": {"app": {"source": "tail", "path": log},
                                   "big": {"source": "tail", "path": sparse}}}, f)
        size = os.path.getsize(log)

        def ours(stream, **params):
            query = urllib.parse.urlencode(params)
            return cpu([SSECGI, "--config", config, "--print", stream + ("?" + query if query else ""),
                        "--from", "start"], LAST.strip())

        start = cpu([SSECGI, "--version"])
        show("read and encode", ours("app"), cpu(["wc", "-l", log]), "wc -l", size)
        show("search, literal", ours("app", grep=LITERAL),
             cpu(["grep", "-F", "-c", LITERAL, log]), "grep -F -c", size)
        show("search, regex", ours("app", regex=REGEX),
             cpu(["grep", "-P", "-c", REGEX, log]), "grep -P -c", size)
        last = cpu([SSECGI, "--config", config, "--print", "big", "--last", "1000"], LAST.strip())
        print("%-24s %8.1f ms, of which %.1f ms are the start of the program"
              % ("last 1000 of 10 GiB", last * 1e3, start * 1e3))


if __name__ == "__main__":
    main()

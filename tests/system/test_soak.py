# SPDX-License-Identifier: MIT
"""A busy log through lighttpd, rotated while it is written: every line arrives, once and in order.

`make soak` runs it for SOAK_S seconds; in the suite it is short. How fast the lines came and what
ssecgi used is said, and nothing is demanded of it.
"""

import json
import os
import re
import signal
import threading
import time

import harness

SOAK_S = float(os.environ.get("SOAK_S", "10"))
LINES_A_SECOND = int(os.environ.get("SOAK_LINES", "20000"))
TICK_S = 0.01
ROTATE_S = min(30.0, SOAK_S / 4)
FIRST_LOOK_S = min(60.0, SOAK_S / 4)  # at memory, for comparison with the end
FILES_KEPT = 3
FIELD = re.compile(rb"^(data|event): ([^\n]*)$", re.M)


class Writer(threading.Thread):
    """Numbered lines at a steady pace; now and then it renames its log and begins another."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path = str(path)
        self.written = 0
        self.rotations = 0
        self.is_over = threading.Event()

    def open(self):
        return open(self.path, "ab", buffering=0)

    def rotate(self):
        for n in range(FILES_KEPT, 0, -1):
            name = "%s.%d" % (self.path, n) if n > 1 else self.path + ".1"
            before = "%s.%d" % (self.path, n - 1) if n > 1 else self.path
            if os.path.exists(before):
                os.rename(before, name)
        self.rotations += 1

    def run(self):
        start = time.monotonic()
        log, rotated = self.open(), start
        while not self.is_over.wait(TICK_S):
            now = time.monotonic()
            due = int((now - start) * LINES_A_SECOND)
            log.write(b"".join(b"%d 2026-11-21T10:42:21Z host app[977]: GET /page/%d status=200\n"
                               % (n, n % 977) for n in range(self.written + 1, due + 1)))
            self.written = max(self.written, due)
            if now - rotated >= ROTATE_S:
                log.close()
                self.rotate()
                log, rotated = self.open(), now
        log.close()


class Reader:
    """Counts what comes; keeps nothing."""

    def __init__(self, stream):
        self.source = stream.source
        self.next = 1
        self.rest = b""
        self.wrong = []

    def take(self, timeout=harness.WAIT):
        data = self.source.recv(timeout)
        if not data:
            raise AssertionError("the stream ended after line %d" % (self.next - 1))
        data = self.rest + data
        end = data.rfind(b"\n") + 1
        self.rest = data[end:]
        for name, value in FIELD.findall(data, 0, end):
            number = value.partition(b" ")[0]
            if name == b"event" or number != b"%d" % self.next:
                self.wrong.append((self.next, name, value[:80]))
                number = number if number.isdigit() else b"%d" % (self.next - 1)
            self.next = int(number) + 1
        if len(self.wrong) > 20:
            raise AssertionError("lost, repeated or told: %r" % self.wrong)


def usage(pid):
    """Memory in KiB, proportional and its own, and processor seconds. The proportional one moves
    with other programs that use the same libraries, too."""
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
        sizes = dict(line.split()[:2] for line in f if line.endswith("kB\n"))
    with open("/proc/%d/stat" % pid, encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    memory = {"pss": int(sizes["Pss:"]), "own": int(sizes["Anonymous:"])}
    return memory, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Soak(harness.Case):
    def test_every_line_arrives_once_and_in_order(self):
        signal.alarm(int(SOAK_S) + 240)  # the limit of other tests is not ours
        log, app = self.tail()
        server = self.lighttpd("lighttpd/lighttpd.conf", CONFIG=self.config({"app": app}))
        reader = Reader(self.keep(server.stream("/events/app")))
        pid = server.responders()[0]
        writer = Writer(log)
        self.addCleanup(writer.is_over.set)
        writer.start()
        start, first = time.monotonic(), None
        while time.monotonic() < start + SOAK_S:
            reader.take()
            if first is None and time.monotonic() >= start + FIRST_LOOK_S:
                first = usage(pid)
        writer.is_over.set()
        writer.join(harness.WAIT)
        while reader.next <= writer.written:
            reader.take()
        last = usage(pid)
        self.assertEqual(reader.wrong, [])
        self.assertEqual(reader.next, writer.written + 1)
        self.assertEqual(server.responders(), [pid])
        print("# %s" % json.dumps({
            "seconds": SOAK_S, "lines": writer.written, "rotations": writer.rotations,
            "kib_first": first and first[0], "kib_last": last[0],
            "cpu_percent": round(100 * last[1] / SOAK_S, 1)}))

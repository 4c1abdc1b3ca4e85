# SPDX-License-Identifier: MIT
"""Instructions of ssecgi's own code a delivery, counted by callgrind. They hardly vary from run to
run: slow drift shows in them where times only swing."""

import re

import machine
import rig
import systems
from rig import Run, load

READERS = 1000
BURSTS = (50, 100)  # the difference of two runs leaves out starting, connecting and ending


class Counted:
    """ssecgi under callgrind; too slow to be timed."""

    wire = "--fcgi"
    processes = []

    def __init__(self, run, valgrind):
        config, self.feed = systems.ssecgi_config(run)
        path = str(run.dir / "backend.sock")
        self.address = "unix:" + path
        self.out = run.dir / "callgrind.out"
        self.process = run.start([valgrind, "--tool=callgrind",
                                  "--callgrind-out-file=%s" % self.out, rig.SSECGI,
                                  "--config", config, "--listen", self.address], "callgrind")
        run.listening(self.process, path, "ssecgi")

    def count(self):
        """All instructions, once the process has ended by itself."""
        self.process.terminate()
        self.process.wait(rig.WAIT_S)
        return int(re.search(r"^(?:summary|totals): (\d+)", self.out.read_text(), re.M).group(1))


def count(valgrind, bursts, burst):
    with Run() as run:
        system = Counted(run, valgrind)
        report = load(system, READERS, events=bursts * burst, warm=burst, burst=burst)
        if not report["is_complete"]:
            raise rig.Unavailable("it did not end")
        return system.count()


def measure(table):
    section = "Instructions of ssecgi a delivery (callgrind), %d readers" % READERS
    valgrind = machine.find_program("valgrind")
    for burst, what in ((1, "one event a write"), (16, "16 events waiting")):
        try:
            if not valgrind:
                raise rig.Unavailable("valgrind is not installed (Debian: valgrind)")
            few, many = (count(valgrind, bursts, burst) for bursts in BURSTS)
            deliveries = (BURSTS[1] - BURSTS[0]) * burst * READERS
            table.add(section, what, "", (many - few) / deliveries)
        except rig.Unavailable as e:
            table.add(section, what, "", None, str(e))

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""answers.py: what answers of a language model cost on their way through lighttpd and ssecgi, against reading
them from the service itself, which a program of this folder stands in for.

    make bench BENCH_FLAGS='--only answers'
    SSECGI=./ssecgi BENCH=tests/bench python3 tests/bench/answers.py [--rounds N]

A token says when it was written, so that its way is timed. The stand-in and the client share a core; lighttpd
and ssecgi have another.
"""

import argparse
import json
import os
import subprocess
import sys

import rig
import systems
from rig import BENCH, SSECGI, Run, Unavailable
from table import Table

RATE = 50
WORK = ((10, 500), (100, 500), (500, 500))  # answers at once, tokens of each
MANY = 100  # so that what the first of them takes is little
ROOM_S = 60
TICKS = os.sysconf("SC_CLK_TCK")
DIRECT = "the service itself"
THROUGH = "lighttpd + ssecgi"


class StandIn:
    """What answers, on the load client's core."""

    def __init__(self, run, tokens):
        self.port = rig.free_port()
        process = run.start([BENCH / "stand_in", self.port, tokens, RATE], "stand_in")
        os.sched_setaffinity(process.pid, rig.CLIENT_CPUS)
        run.listening(process, ("127.0.0.1", self.port), "stand_in")
        self.path = "/v1/chat/completions"
        self.processes = []


class Backend:
    """ssecgi with a stream of the source chat."""

    name = "ssecgi"

    def __init__(self, run, upstream, answers):
        modules = os.path.dirname(os.path.abspath(SSECGI))
        if not os.path.exists(os.path.join(modules, "chat.so")):
            raise Unavailable("the source chat is not built")
        chat = {"source": "chat", "upstream": "http://127.0.0.1:%d/v1" % upstream.port, "models": ["m"],
                "max_runs": answers, "max_runs_user": answers, "keep_runs": answers,
                "publish": {"addresses": ["127.0.0.1"]}}
        config = run.dir / "ssecgi.json"
        config.write_text(json.dumps({"module_dir": modules, "state_dir": str(run.dir), "drain_s": 0,
                                      "heartbeat_s": 600, "streams": {"bench": chat}}))
        self.feed = None
        self.socket = str(run.dir / "backend.sock")
        env = dict(os.environ, no_proxy="127.0.0.1")
        process = run.start([SSECGI, "--config", config, "--listen", "unix:" + self.socket], self.name,
                            env=env)
        run.listening(process, self.socket, self.name)
        self.processes = [(self.name, process.pid)]


def through(run, tokens, answers):
    upstream = StandIn(run, tokens)
    front = systems.FRONTS["lighttpd"](run, Backend(run, upstream, answers), answers)
    front.path = "/events/bench"
    return front


def cpu_s(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as f:
        stat = f.read()
    user, system = stat[stat.rindex(")") + 2:].split()[11:13]
    return (int(user) + int(system)) / TICKS


def used(system, what):
    """By name."""
    found = {}
    for name, pid in system.processes:
        found[name] = found.get(name, 0) + what(pid)
    return found


def ask(system, answers, tokens):
    """The client's report, and what the system's processes have used: seconds, KiB."""
    before_s, before_kib = used(system, cpu_s), used(system, rig.pss_kib)
    client = subprocess.Popen([str(BENCH / "asking"), str(system.port), system.path, str(answers),
                               str(tokens)], stdout=subprocess.PIPE, preexec_fn=rig.pin(rig.CLIENT_CPUS))
    try:
        if client.stdout.readline() != b"begun\n":
            raise RuntimeError("not every answer has begun")
        kib = {k: v - before_kib[k] for k, v in used(system, rig.pss_kib).items()}
        report = json.loads(client.communicate(timeout=ROOM_S)[0])
    finally:
        client.kill()
        client.wait()
    seconds = {k: v - before_s[k] for k, v in used(system, cpu_s).items()}
    if report["lost"] or report["wrong"] or report["failed"]:
        raise RuntimeError(json.dumps(report))
    return report, seconds, kib


def measure_one(keep, row, start, answers, tokens):
    section = "%d answers at once, %d tokens a second each" % (answers, RATE)
    try:
        with Run() as run:
            report, seconds, kib = ask(start(run), answers, tokens)
    except (Unavailable, RuntimeError, subprocess.TimeoutExpired) as e:
        keep(None, section, row, None, None, str(e).splitlines()[0])
        return
    keep(None, section, row, "p50 ms", report["p50_us"] / 1000)
    keep(None, section, row, "p99 ms", report["p99_us"] / 1000)
    keep(None, section, row, "lost", report["lost"])
    for name, label in (("front", "server"), ("ssecgi", "backend")):
        if name in seconds:
            keep(None, section, row, label + ": µs CPU a token", seconds[name] * 1e6 / report["tokens"])
    for name, label in (("front", "server"), ("ssecgi", "backend")):
        if name in kib and answers >= MANY:
            keep(None, section, row, label + ": B an answer", kib[name] * 1024 / answers)


def measure(keep):
    """One round."""
    for answers, tokens in WORK:
        measure_one(keep, DIRECT, lambda run, n=tokens: StandIn(run, n), answers, tokens)
        measure_one(keep, THROUGH, lambda run, n=tokens, a=answers: through(run, n, a), answers, tokens)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    table = Table()
    for number in range(options.rounds):
        table.round = number + 1
        measure(lambda report, section, row, column, value, note="": table.put(section, row, column,
                                                                               value, note))
    print(table.as_markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())

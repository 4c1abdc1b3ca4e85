# SPDX-License-Identifier: MIT
"""Streams on Redis: from publishing to receipt, beside bare XADD and XREAD of the same server, and beside a
topic of files."""

import json
import os
import shutil
import socket
import subprocess

import publishing
import systems
from rig import BENCH, SSECGI, Unavailable, Run, load
from work import Faulty, check

RECEIPT = "Redis: from publishing to receipt, events of 128 bytes"
BARE = "XADD to XREAD, in C, no server of ours"
RATE, EVENTS = 100, 500
CROWD, CROWD_RATE, CROWD_EVENTS = 1000, 10, 60


class Redis:
    """redis-server without persistence, on a unix socket."""

    def __init__(self, run):
        program = shutil.which("redis-server")
        if not program:
            raise Unavailable("redis-server is not installed")
        self.socket = str(run.dir / "redis.sock")
        process = run.start([program, "--port", "0", "--unixsocket", self.socket, "--save", "",
                             "--dir", str(run.dir)], "redis")
        run.listening(process, self.socket, "redis")
        self.process = ("redis", process.pid)


class Stream(publishing.Topic):
    """ssecgi with a stream on Redis that everybody on this machine may publish into."""

    def __init__(self, run):
        modules = os.path.dirname(os.path.abspath(SSECGI))
        if not os.path.exists(os.path.join(modules, "redis.so")):
            raise Unavailable("the source redis is not built")
        redis = Redis(run)
        stream = {"source": "redis", "url": "unix://" + redis.socket,
                  "publish": {"addresses": ["127.0.0.1"]}}
        config = run.dir / "ssecgi.json"
        config.write_text(json.dumps({"module_dir": modules, "max_streams": 65536, "drain_s": 0,
                                      "heartbeat_s": 600, "streams": {"bench": stream}}))
        self.feed = None
        self.socket = str(run.dir / "backend.sock")
        self.address = "unix:" + self.socket
        process = run.start([SSECGI, "--config", config, "--listen", self.address], self.name)
        run.listening(process, self.socket, self.name)
        self.processes = [(self.name, process.pid), redis.process]


def on_redis(run, readers):
    system = systems.FRONTS["lighttpd"](run, Stream(run), readers)
    system.feed = "http:127.0.0.1:%d/events/bench" % system.port
    return system


def bare():
    with Run() as run:
        redis = Redis(run)
        done = subprocess.run([BENCH / "redis_bare", redis.socket, str(EVENTS), str(RATE)],
                              capture_output=True, text=True, check=True)
    return [float(word) / 1000 for word in done.stdout.split()]


SYSTEMS = (("lighttpd + ssecgi + Redis", on_redis), publishing.INTERVAL)
CROWDS = ((1, RATE, EVENTS), (CROWD, CROWD_RATE, CROWD_EVENTS))


def through(keep, label, start, readers, rate, events):
    row = "%s, %d reader%s" % (label, readers, "s" if readers > 1 else "")
    try:
        with Run() as run:
            report = check(load(start(run, readers), readers, events=events, warm=10, rate=rate,
                                timeout_s=20))
    except (Unavailable, RuntimeError, Faulty) as e:
        keep(None, RECEIPT, row, None, None, str(e).splitlines()[0])
        return
    keep(report, RECEIPT, row, "p50 ms", report["latency_us"]["p50"] / 1000)
    keep(None, RECEIPT, row, "p99 ms", report["latency_us"]["p99"] / 1000)


def measure(keep):
    try:
        p50, p99 = bare()
        keep(None, RECEIPT, BARE, "p50 ms", p50)
        keep(None, RECEIPT, BARE, "p99 ms", p99)
    except (Unavailable, OSError, subprocess.CalledProcessError) as e:
        keep(None, RECEIPT, BARE, None, None, str(e).splitlines()[0])
    for label, start in SYSTEMS:
        for readers, rate, events in CROWDS:
            through(keep, label, start, readers, rate, events)

# SPDX-License-Identifier: MIT
"""Publishing into a topic: what the journal takes, what a POST costs, how soon readers have it, and
what the members of a family take."""

import http.client
import json
import os
import pathlib
import resource
import socket
import struct
import subprocess
import time

import systems
from peer_systems import PEERS
from rig import BENCH, SSECGI, Run, Unavailable, load, pss_kib, wait_until
from work import Faulty, check

JOURNAL = "Publishing into a journal, events of 128 bytes"
POSTS = "Publishing by POST, events of 128 bytes, 8 connections kept alive"
RECEIPT = "From publishing to receipt, 1000 readers, 10 events/s"
MEMBERS = "Members of a family, a reader each"
BARE = "write and fdatasync, no journal"
DIRECT = "sync always, as the command line publishes"
GROUP = 16
ALWAYS = tuple("sync always, as a responder publishes, %s" % who
               for who in ("one publisher", "%d publishers" % GROUP))
SECONDS = 2
POST_S = 3
CONNECTIONS = 8
ONE = ("text/plain", b"x" * 128, 1)
BATCH = ("application/x-ndjson", b'{"data": "%s"}\n' % (b"x" * 128) * 100, 100)
READERS, RATE, EVENTS = 1000, 10, 60
MEMBERS_MAX = 10000
FILES_AT_REST = 100
TICKS = os.sysconf("SC_CLK_TCK")


# --- the journal alone -----------------------------------------------------------------------

def speed(run, mode, publishers=1):
    """Events a second, and µs of processor time an event."""
    done = subprocess.run([BENCH / "journal_speed", run.dir, mode, str(publishers), str(SECONDS)],
                          capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def journal(table):
    with Run() as run:
        for row, mode in (("sync none", "none"), ("sync interval", "interval")):
            rate, cpu = speed(run, mode)
            table.add(JOURNAL, row, "events/s", rate)
            table.add(JOURNAL, row + ", CPU an event", "µs", cpu)
        bare, _ = speed(run, "bare")
        direct, _ = speed(run, "direct")
        one, _ = speed(run, "always")
        many, _ = speed(run, "always", GROUP)
    for row, rate in zip((BARE, DIRECT) + ALWAYS, (bare, direct, one, many)):
        table.add(JOURNAL, row, "events/s", rate)


# --- by POST ---------------------------------------------------------------------------------

class Topic:
    """ssecgi with a topic that everybody on this machine may publish into."""

    wire = "--fcgi"
    name = "ssecgi"

    def __init__(self, run, sync="interval", **streams):
        state = run.dir / "state"
        state.mkdir()
        topic = {"source": "topic", "sync": sync, "publish": {"addresses": ["127.0.0.1"]}}
        config = run.dir / "ssecgi.json"
        config.write_text(json.dumps({
            "state_dir": str(state), "max_streams": 65536, "drain_s": 0, "heartbeat_s": 600,
            "streams": dict(streams, bench=topic)}))
        self.feed = None
        self.socket = str(run.dir / "backend.sock")
        self.address = "unix:" + self.socket
        process = run.start([SSECGI, "--config", config, "--listen", self.address], self.name)
        run.listening(process, self.socket, self.name)
        self.processes = [(self.name, process.pid)]


def behind(front, **settings):
    def start(run, readers):
        system = systems.FRONTS[front](run, Topic(run, **settings), readers)
        system.feed = "http:127.0.0.1:%d/events/bench" % system.port
        return system
    return start


def cpu_s(processes):
    """By the names of processes."""
    used = {}
    for name, pid in processes:
        stat = pathlib.Path("/proc/%d/stat" % pid).read_text(encoding="ascii")
        ticks = sum(int(n) for n in stat[stat.rindex(")") + 2:].split()[11:13])
        used[name] = used.get(name, 0) + ticks / TICKS
    return used


def post_for(system, seconds, request=ONE):
    """How many events were acknowledged."""
    kind, body, events = request
    path = system.feed[system.feed.index("/"):]
    open_ones = [http.client.HTTPConnection("127.0.0.1", system.port, timeout=20)
                 for _ in range(CONNECTIONS)]
    until, count = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < until:
            for connection in open_ones:
                connection.request("POST", path, body, {"Content-Type": kind})
            for connection in open_ones:
                response = connection.getresponse()
                text = response.read()
                if response.status // 100 != 2:
                    raise RuntimeError("%d: %r" % (response.status, text[:200]))
                count += events
    finally:
        for connection in open_ones:
            connection.close()
    return count


INTERVAL = ("lighttpd + ssecgi, sync interval", behind("lighttpd"))
ALWAYS_SYNCED = ("lighttpd + ssecgi, sync always", behind("lighttpd", sync="always"))
NCHAN = ("nginx + nchan, in memory", PEERS["nginx + nchan"])
POSTED = (("lighttpd + ssecgi, sync none", behind("lighttpd", sync="none"), ONE),
          (*INTERVAL, ONE), (*ALWAYS_SYNCED, ONE),
          (INTERVAL[0] + ", 100 events a POST", INTERVAL[1], BATCH), (*NCHAN, ONE))


def posts(keep):
    for label, start, request in POSTED:
        try:
            with Run() as run:
                system = start(run, CONNECTIONS)
                post_for(system, 0.2, request)
                before, begun = cpu_s(system.processes), time.monotonic()
                count = post_for(system, POST_S, request)
                seconds = time.monotonic() - begun
                used = {name: used - before[name] for name, used in cpu_s(system.processes).items()}
        except (Unavailable, RuntimeError) as e:
            keep(None, POSTS, label, None, None, str(e).splitlines()[0])
            continue
        keep(None, POSTS, label, "events/CPU s", count / sum(used.values()))
        keep(None, POSTS, label, "both: µs CPU", sum(used.values()) * 1e6 / count)
        if "front" in used:
            keep(None, POSTS, label, "server: µs CPU", used["front"] * 1e6 / count)
            keep(None, POSTS, label, "backend: µs CPU", used["ssecgi"] * 1e6 / count)
        keep(None, POSTS, label, "events/s", count / seconds)


def receipt(keep):
    for label, start in (INTERVAL, ALWAYS_SYNCED, NCHAN):
        try:
            with Run() as run:
                report = check(load(start(run, READERS), READERS, events=EVENTS, warm=10,
                                    rate=RATE, timeout_s=20))
        except (Unavailable, RuntimeError, Faulty) as e:
            keep(None, RECEIPT, label, None, None, str(e).splitlines()[0])
            continue
        keep(report, RECEIPT, label, "p50 ms", report["latency_us"]["p50"] / 1000)
        keep(None, RECEIPT, label, "p99 ms", report["latency_us"]["p99"] / 1000)


# --- a family --------------------------------------------------------------------------------

def record(kind, content):
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def pair(name, value):
    return struct.pack("BB", len(name), len(value)) + name.encode() + value.encode()


def request(path, method, body=b"", **more):
    """A FastCGI request (specification 1.0, 3 and 8)."""
    params = dict(more, REQUEST_METHOD=method, SCRIPT_NAME="", PATH_INFO=path, REQUEST_URI=path,
                  SERVER_PROTOCOL="HTTP/1.1", REMOTE_ADDR="127.0.0.1")
    return (record(1, struct.pack(">HB5x", 1, 0))
            + record(4, b"".join(pair(*item) for item in params.items()))
            + record(4, b"") + (record(5, body) if body else b"") + record(5, b""))


def ask(system, data, wanted):
    """The connection, when the beginning of the answer says what it must."""
    asking = socket.socket(socket.AF_UNIX)
    asking.settimeout(20)
    asking.connect(system.socket)
    asking.sendall(data)
    answer = asking.recv(4096)
    if wanted not in answer:
        raise RuntimeError("the answer is %r" % answer[:200])
    return asking


def read_member(system, number):
    return ask(system, request("/events/rooms/%d" % number, "GET"), b"text/event-stream")


def publish_to_member(system, number):
    ask(system, request("/events/rooms/%d" % number, "POST", b"an event of this member",
                        CONTENT_TYPE="text/plain", CONTENT_LENGTH="23"), b"201").close()


class Members:
    """A process, and what it takes."""

    def __init__(self, run, most):
        family = {"source": "topic", "max_members": most, "sync": "none",
                  "publish": {"addresses": ["127.0.0.1"]}}
        self.system = Topic(run, **{"rooms/*": family})
        self.pid = self.system.processes[0][1]
        self.readers = []

    def cpu_s(self):
        return cpu_s(self.system.processes)["ssecgi"]

    def files(self):
        """Those that are no reader's."""
        return len(os.listdir("/proc/%d/fd" % self.pid)) - len(self.readers)

    def each(self, table, what, do, count):
        begun, used = time.monotonic(), self.cpu_s()
        for n in range(len(self.readers) if do is read_member else 0, count):
            done = do(self.system, n)
            if done:
                self.readers.append(done)
        table.add(MEMBERS, what, "/s", count / (time.monotonic() - begun))
        table.add(MEMBERS, what + ", CPU each", "µs", (self.cpu_s() - used) * 1e6 / count)

    def rests(self):
        wait_until(lambda: self.files() < FILES_AT_REST, "the members' files are closed")
        return pss_kib(self.pid)


def members(table):
    most = min(MEMBERS_MAX, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 1000)
    with Run() as run:
        m = Members(run, most)
        before = pss_kib(m.pid)
        table.add(MEMBERS, "members", "", most)
        m.each(table, "first readers come", read_member, most)
        quiet = m.rests()
        m.each(table, "an event is published to each", publish_to_member, most)
        after, used = m.rests(), m.cpu_s()
        time.sleep(SECONDS)
        idle = (m.cpu_s() - used) / SECONDS
        for reader in m.readers:
            reader.close()
    table.add(MEMBERS, "memory of a member and its reader", "B", (quiet - before) * 1024 / most)
    table.add(MEMBERS, "the same after an event", "B", (after - before) * 1024 / most)
    table.add(MEMBERS, "CPU time while nothing happens", "% of a core", idle * 100)


def measure(table, keep):
    journal(table)
    posts(keep)
    receipt(keep)
    try:
        members(table)
    except RuntimeError as e:
        table.add(MEMBERS, "members", "", None, str(e).splitlines()[0])

# SPDX-License-Identifier: MIT
"""What a reader and a process cost: memory, and the time to the first byte."""

import os
import statistics
import subprocess

import rig
import systems
from rig import BENCH, Run, load, pss_kib

IDLE_STEPS = (100, 10000)
FCGID_PROCESSES = 50
RING_BYTES_FED = 2 * 1024 * 1024  # twice what the ring holds by default
LINE_BYTES = 128
FIRST_BYTE_RUNS = 20


def idle_readers(table, most):
    """Memory of ssecgi for a reader that waits: growth from the first step to the last."""
    first, last = IDLE_STEPS[0], min(IDLE_STEPS[1], most)
    with Run() as run:
        report = load(systems.ssecgi(run), last, first=first)
    small, large = (m["pss_kib"]["ssecgi"] for m in report["memory"])
    table.add("Readers of one process", "memory of an idle reader, %d to %d" % (first, last), "B",
              (large - small) * 1024 / (last - first))
    table.add("Readers of one process", "memory of the process with %d readers" % last, "KiB",
              large)
    seconds = report["connecting"]["seconds"]
    table.add("Readers of one process", "connects to %d readers" % last, "/s", last / seconds)
    table.add("Readers of one process", "CPU time of ssecgi a connect", "µs",
              report["connecting"]["cpu_s"]["ssecgi"] * 1e6 / last)


def most_readers(table, most):
    """As many as the limit of descriptors lets the load client open."""
    with Run() as run:
        report = load(systems.ssecgi(run), most, events=20, warm=5)
    table.add("Readers of one process", "readers served at once, each got each of 25 events", "",
              report["readers"] if report["is_complete"] and not report["lost"] else 0)


def fcgid_memory(table):
    """Fifty processes, each with one stream: quiet ones, and ones whose ring is full."""
    count = FCGID_PROCESSES
    events = RING_BYTES_FED // LINE_BYTES
    section = "One process a stream: %d of them under mod_fcgid" % count
    for what, options in (
            ("a quiet stream", {"path": "/events/quiet"}),
            ("a stream after 2 MiB of events", {"events": events, "warm": 0, "burst": 32})):
        try:
            with Run() as run:
                apache = systems.Apache(run, "deploy/apache-fcgid/apache.conf")
                with rig.Load(apache, count, at_once=count, timeout_s=60, **options) as client:
                    pids = apache.responders()
                    sizes = [pss_kib(pid) for pid in pids]
            if not client.report["is_complete"] or len(pids) != count:
                raise rig.Unavailable("%d processes instead of %d" % (len(pids), count))
            table.add(section, "PSS, " + what, "KiB", statistics.median(sizes))
        except rig.Unavailable as e:
            table.add(section, "PSS, " + what, "KiB", None, str(e))


def libraries_memory(table):
    """The same number of processes that have only loaded the libraries."""
    section = "One process a stream: %d of them under mod_fcgid" % FCGID_PROCESSES
    with Run() as run:
        started = [run.start([BENCH / "libs_alone"], "libs") for _ in range(FCGID_PROCESSES)]
        log = run.dir / "libs.log"
        rig.wait_until(lambda: log.read_text().count("ready") == len(started), "they run")
        table.add(section, "PSS, the libraries alone", "KiB",
                  statistics.median(pss_kib(p.pid) for p in started))


def cgi_environment(config):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("HTTP_", "SSECGI"))}
    env.update(GATEWAY_INTERFACE="CGI/1.1", REQUEST_METHOD="GET", SCRIPT_NAME="/events",
               PATH_INFO="/quiet", QUERY_STRING="", SERVER_PROTOCOL="HTTP/1.1",
               REMOTE_ADDR="127.0.0.1", SSECGI_CONFIG=str(config))
    return env


def first_byte_alone(table):
    with Run() as run:
        config, _ = systems.ssecgi_config(run)
        for what, program in (("ssecgi as a CGI program", rig.SSECGI),
                              ("the same of `echo`", "/bin/echo")):
            args = [str(BENCH / "first_byte"), str(FIRST_BYTE_RUNS), program]
            done = subprocess.run(args, env=cgi_environment(config), capture_output=True,
                                  text=True, check=True,
                                  preexec_fn=rig.pin(rig.SERVER_CPUS))
            values = [float(line) / 1000 for line in done.stdout.split()]
            table.add("CGI: exec to first byte", what, "ms", statistics.median(values))


def first_byte_apache(table):
    what = "connect to first byte through Apache's mod_cgid"
    try:
        with Run() as run:
            apache = systems.Apache(run, "deploy/apache-cgi/apache.conf")
            report = load(apache, FIRST_BYTE_RUNS, at_once=1, path="/events/quiet")
        table.add("CGI: exec to first byte", what, "ms", report["first_byte_us"]["p50"] / 1000)
    except rig.Unavailable as e:
        table.add("CGI: exec to first byte", what, "ms", None, str(e))


def measure(table, most):
    idle_readers(table, most)
    most_readers(table, most)
    libraries_memory(table)
    fcgid_memory(table)
    first_byte_alone(table)
    first_byte_apache(table)

# SPDX-License-Identifier: MIT
"""Starts what is measured, each time in a folder of its own, stops it for sure, and runs the load
client. Servers run on one core, the load client on another, where there are two."""

import grp
import json
import os
import pathlib
import pwd
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import machine

SRCDIR = pathlib.Path(os.environ.get("SRCDIR", pathlib.Path(__file__).resolve().parents[2]))
BUILDDIR = pathlib.Path(os.environ.get("BUILDDIR", SRCDIR))
SSECGI = os.environ.get("SSECGI", str(BUILDDIR / "ssecgi"))
BENCH = pathlib.Path(os.environ.get("BENCH", BUILDDIR / "tests" / "bench"))
APACHE_MODULES = pathlib.Path("/usr/lib/apache2/modules")
WAIT_S = 20
LOAD_S = 60
STOP_S = 1  # Apache would wait longer for its streams

CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPUS = {CPUS[0]}
CLIENT_CPUS = set(CPUS[1:2]) or SERVER_CPUS


class Unavailable(Exception):
    """The system cannot be measured here; says why."""


def need(name, package):
    program = machine.find_program(name)
    if not program:
        raise Unavailable("%s is not installed (Debian: %s)" % (name, package))
    return program


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(condition, what):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("waited %d s in vain: %s" % (WAIT_S, what))
        time.sleep(0.01)


def answers(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as s:
        try:
            s.connect(address)
            return True
        except OSError:
            return False


def pin(cpus):
    return lambda: os.sched_setaffinity(0, cpus)


def pss_kib(pid):
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:"))


def children_of(pid):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            if int(stat[stat.rindex(")") + 2:].split()[1]) == pid:
                found.append(int(entry))
    return found


def below(pid):
    found = []
    for child in children_of(pid):
        found += [child] + below(child)
    return found


class Run:
    """A folder and the processes started in it; all gone when it is left."""

    def __enter__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="ssecgi-bench-"))
        os.chmod(self.dir, 0o755)  # web servers serve as another user
        self.started = []
        return self

    def __exit__(self, kind, *_):
        for process in reversed(self.started):
            self.stop(process)
        if kind and kind is not Unavailable:
            for log in sorted(self.dir.rglob("*.log")):
                if log.name != "feed.log" and log.stat().st_size:
                    print("--- %s\n%s" % (log.name, log.read_text(errors="replace")[-1000:]),
                          file=sys.stderr)
        shutil.rmtree(self.dir, ignore_errors=True)

    @staticmethod
    def stop(process):
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(process.pid, signal.SIGKILL)  # the session is ours alone
        except ProcessLookupError:
            pass
        process.wait()

    def start(self, args, name, stdin=subprocess.DEVNULL, env=None):
        with open(self.dir / (name + ".log"), "ab") as out:
            process = subprocess.Popen([str(a) for a in args], stdin=stdin, stdout=out, stderr=out,
                                       env=env, start_new_session=True,
                                       preexec_fn=pin(SERVER_CPUS))
        self.started.append(process)
        return process

    def listening(self, process, address, name):
        def ready():
            if process.poll() is not None:
                raise RuntimeError("%s ended with status %d" % (name, process.returncode))
            return answers(address)
        wait_until(ready, "%s listens" % name)
        return process

    def fill(self, template, change=(), **values):
        """One of the shipped templates, as an administrator fills it in; `change` are (pattern,
        text) for what a benchmark needs larger."""
        done = subprocess.run(["sh", SRCDIR / "deploy" / "fill.sh", SRCDIR / template,
                               *("%s=%s" % item for item in values.items())],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError("%s: %s" % (template, done.stderr.strip()))
        text = done.stdout
        for pattern, new in change:
            text, count = re.subn(pattern, new, text, flags=re.M)
            if not count:
                raise RuntimeError("%s has no %r any more" % (template, pattern))
        out = self.dir / pathlib.Path(template).name
        out.write_text(text)
        return out


def user():
    """Started by root, web servers serve as somebody else."""
    return pwd.getpwnam("www-data") if os.getuid() == 0 else pwd.getpwuid(os.getuid())


def group():
    return grp.getgrgid(user().pw_gid).gr_name


# --- the load client -------------------------------------------------------------------------

class Load:
    """A run of the load client; leaving it ends its streams. Its report is a dict."""

    def __init__(self, system, readers, **options):
        args = [BENCH / "load", system.wire, system.address, "--readers", readers, "--hold"]
        for key, value in options.items():
            args.append("--" + key.replace("_", "-"))
            if value is not True:
                args.append(value)
        if "events" in options:
            args += ["--feed", system.feed]
        for name, pid in system.processes:
            args += ["--process", "%s:%d" % (name, pid)]
        self.popen = subprocess.Popen([str(a) for a in args], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, start_new_session=True,
                                      preexec_fn=pin(CLIENT_CPUS))

    def __enter__(self):
        if not select.select([self.popen.stdout], [], [], LOAD_S)[0]:
            self.popen.kill()
            self.popen.communicate()
            raise RuntimeError("the load client took more than %d s" % LOAD_S)
        line = self.popen.stdout.readline()
        if not line:
            raise RuntimeError("the load client ended with status %d" % self.popen.wait())
        self.report = json.loads(line)
        return self

    def __exit__(self, *_):
        self.popen.communicate()


def load(system, readers, **options):
    with Load(system, readers, **options) as client:
        return client.report

# SPDX-License-Identifier: MIT
"""The systems that are measured: each is started fresh in a folder of its own and stopped for sure.

A system has an `address` and a `wire` for the load client, a `feed` that the client writes lines
to, and `processes`: (name, pid) whose CPU time and memory count. Servers run on one core, the load
client on another, where there are two.
"""

import grp
import json
import os
import pathlib
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import machine

SRCDIR = pathlib.Path(os.environ.get("SRCDIR", pathlib.Path(__file__).resolve().parents[2]))
BUILDDIR = pathlib.Path(os.environ.get("BUILDDIR", SRCDIR))
SSECGI = os.environ.get("SSECGI", str(BUILDDIR / "ssecgi"))
BENCH = pathlib.Path(os.environ.get("BENCH", BUILDDIR / "tests" / "bench"))
APACHE_MODULES = pathlib.Path("/usr/lib/apache2/modules")
WAIT_S = 20

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
                print("--- %s\n%s" % (log.name, log.read_text(errors="replace")[-2000:]))
        shutil.rmtree(self.dir, ignore_errors=True)

    @staticmethod
    def stop(process):
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(5)
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

    def fill(self, template, change=None, **values):
        """One of the shipped templates, as an administrator fills it in; `change` are (old, new)
        texts for what a benchmark needs larger."""
        done = subprocess.run(["sh", SRCDIR / "deploy" / "fill.sh", SRCDIR / template,
                               *("%s=%s" % item for item in values.items())],
                              capture_output=True, text=True, check=True)
        text = done.stdout
        for old, new in change or []:
            if old not in text:
                raise RuntimeError("%s has no %r any more" % (template, old))
            text = text.replace(old, new)
        out = self.dir / pathlib.Path(template).name
        out.write_text(text)
        return out


# --- backends --------------------------------------------------------------------------------

def ssecgi_config(run, **settings):
    """A `bench` stream that follows the feed, and a `quiet` one that says nothing for long."""
    folder = run.dir / "feed"
    folder.mkdir()
    feed = folder / "feed.log"
    feed.touch()
    values = {"max_streams": 65536, "drain_s": 0, "heartbeat_s": 600}
    values.update(settings)
    values["streams"] = {"bench": {"source": "tail", "path": str(feed)},
                         "quiet": {"source": "clock", "interval_ms": 3600000}}
    config = run.dir / "ssecgi.json"
    config.write_text(json.dumps(values))
    return config, feed


class Backend:
    """What speaks FastCGI: ssecgi, or a program of this folder that is fed through a pipe."""

    def __init__(self, run, name, program, is_tcp=False, args=()):
        self.wire = "--http" if "--http" in args else "--fcgi"
        self.name = name
        address = ("127.0.0.1", free_port()) if is_tcp else str(run.dir / "backend.sock")
        self.socket = address
        self.address = "%s:%d" % address if is_tcp else "unix:" + address
        if name == "ssecgi":
            config, self.feed = ssecgi_config(run)
            process = run.start([SSECGI, "--config", config, "--listen", self.address], name)
        else:
            self.feed = run.dir / "feed"
            os.mkfifo(self.feed)
            # For reading and writing: the program sees no end when a writer goes.
            fifo = os.open(self.feed, os.O_RDWR)
            process = run.start([BENCH / program, self.address, *args], name, stdin=fifo)
            os.close(fifo)
        run.listening(process, address, name)
        self.processes = [(name, process.pid)]


def bare(run):
    return Backend(run, "bare", "peer_bare")


def bare_tcp(run):
    return Backend(run, "bare", "peer_bare", is_tcp=True, args=("--http",))


def blast(run):
    return Backend(run, "blast", "peer_blast")


def ssecgi(run):
    return Backend(run, "ssecgi", None)


# --- web servers -----------------------------------------------------------------------------

class Front:
    """A web server in front of a backend."""

    wire = "--http"
    workers = 0  # processes besides the first, which must be there to be counted

    def __init__(self, run, backend, readers):
        self.backend = backend
        self.feed = backend.feed
        self.port = free_port()
        self.address = "127.0.0.1:%d" % self.port
        self.process = self.start(run, readers)
        run.listening(self.process, ("127.0.0.1", self.port), self.name)
        wait_until(lambda: len(below(self.process.pid)) >= self.workers, "its workers run")
        fronts = [self.process.pid] + below(self.process.pid)
        self.processes = [("front", pid) for pid in fronts] + backend.processes


def files_for(readers):
    """Two for each reader, and many to spare: nginx closes idle ones when it runs low."""
    return min(3 * readers + 1000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def most_behind():
    """Readers that a web server has descriptors for: two each."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2 - 1100


class Lighttpd(Front):
    name = "lighttpd"

    def start(self, run, readers):
        program = need("lighttpd", "lighttpd")
        files = files_for(readers)
        config = run.fill("deploy/lighttpd/lighttpd-external.conf", PORT=self.port,
                          DOCROOT=run.dir, RUNDIR=run.dir, SOCKET=self.backend.socket,
                          change=[("server.max-fds = 4096", "server.max-fds = %d\n"
                                   "server.max-connections = %d\nserver.listen-backlog = 4096"
                                   % (files, files // 2))])
        return run.start([program, "-D", "-f", config], self.name)


class Nginx(Front):
    name = "nginx"
    workers = 1

    def start(self, run, readers):
        program = need("nginx", "nginx-light")
        config = run.fill("tests/bench/nginx.conf", PORT=self.port, RUNDIR=run.dir,
                          SOCKET=self.backend.socket, CONNECTIONS=files_for(readers))
        os.chmod(run.dir / "backend.sock", 0o777)  # its workers are another user
        return run.start([program, "-p", run.dir, "-c", config], self.name)


FRONTS = {"lighttpd": Lighttpd, "nginx": Nginx}


def apache_user():
    """Started by root it serves as somebody else."""
    return pwd.getpwnam("www-data") if os.getuid() == 0 else pwd.getpwuid(os.getuid())


class Apache:
    """Apache that starts ssecgi itself, by mod_fcgid or as a CGI program."""

    wire = "--http"
    name = "Apache"

    def __init__(self, run, template, **settings):
        program = need("apache2", "apache2")
        if "fcgid" in template and not (APACHE_MODULES / "mod_fcgid.so").exists():
            raise Unavailable("mod_fcgid is not installed (Debian: libapache2-mod-fcgid)")
        user = apache_user()
        config, self.feed = ssecgi_config(run, **settings)
        self.program = run.dir / "ssecgi"  # where the other user can reach it
        shutil.copy(SSECGI, self.program)
        os.chmod(self.program, 0o755)
        self.port = free_port()
        self.address = "127.0.0.1:%d" % self.port
        filled = run.fill(template, PORT=self.port, DOCROOT=run.dir, RUNDIR=run.dir,
                          SSECGI=self.program, CONFIG=config, MODULES=APACHE_MODULES,
                          USER=user.pw_name, GROUP=grp.getgrgid(user.pw_gid).gr_name)
        self.process = run.start([program, "-D", "FOREGROUND", "-f", filled], "apache")
        run.listening(self.process, ("127.0.0.1", self.port), "Apache")
        self.processes = []

    def responders(self):
        """The ids of the ssecgi processes that it runs now."""
        found = []
        for pid in below(self.process.pid):
            try:
                if os.readlink("/proc/%d/exe" % pid) == os.path.realpath(self.program):
                    found.append(pid)
            except OSError:
                pass
        return found


# --- the load client -------------------------------------------------------------------------

class Load:
    """A run of the load client; leaving it ends its streams. Its report is a dict."""

    def __init__(self, system, readers, **options):
        args = [BENCH / "load", system.wire, system.address, "--readers", readers, "--hold"]
        for key, value in options.items():
            args += ["--" + key.replace("_", "-"), value]
        if "events" in options:
            args += ["--feed", system.feed]
        for name, pid in system.processes:
            args += ["--process", "%s:%d" % (name, pid)]
        self.popen = subprocess.Popen([str(a) for a in args], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, start_new_session=True,
                                      preexec_fn=pin(CLIENT_CPUS))

    def __enter__(self):
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

# SPDX-License-Identifier: MIT
"""What people would use instead: each starts with the settings that it recommends for many readers.

Each answers like those of systems.py. nchan and Pushpin are published to, the others read the lines
from a pipe.
"""

import functools
import http.client
import os
import pathlib
import shutil
import subprocess
import tempfile

import systems
from rig import BENCH, SRCDIR, Unavailable, below, free_port, need, wait_until

NCHAN_MODULES = ("/usr/lib/nginx/modules/ngx_nchan_module.so",
                 "/usr/share/nginx/modules/ngx_nchan_module.so")
PUSHPIN_LIBRARY = pathlib.Path("/usr/lib/pushpin")
BUILD_S = 300


def built_in(folder, *args, cwd, **env):
    """Runs a build step; Unavailable when it fails, with the end of what it said."""
    try:
        done = subprocess.run([str(a) for a in args], cwd=cwd, env=dict(os.environ, **env),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=BUILD_S, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable("%s took more than %d s" % (folder, BUILD_S)) from None
    if done.returncode:
        raise Unavailable("%s: %s" % (folder, (done.stdout.strip().splitlines() or ["?"])[-1]))


class Peer:
    """A server of HTTP; `start` answers its processes, named."""

    wire = "--http"
    name = "peer"
    at_once = 256  # connections under way at a time

    def __init__(self, run, readers):
        self.port = free_port()
        self.address = "127.0.0.1:%d" % self.port
        self.feed = run.dir / "feed"
        self.processes = self.start(run, readers)

    def piped(self, run, *args, env=None):
        """Starts a program that reads lines from standard input."""
        os.mkfifo(self.feed)
        fifo = os.open(self.feed, os.O_RDWR)  # it sees no end when a writer goes
        process = run.start(args, "peer", stdin=fifo, env=env)
        os.close(fifo)
        run.listening(process, ("127.0.0.1", self.port), self.name)
        return [("peer", process.pid)]


class BareTcp(Peer):
    """The limit of TCP: writes the same bytes to each socket."""

    name = "bare loop, TCP"

    def start(self, run, readers):
        return self.piped(run, BENCH / "peer_bare", self.address, "--http")


class Nchan(Peer):
    name = "nginx + nchan"

    def start(self, run, readers):
        program = need("nginx", "nginx-light")
        module = next((m for m in NCHAN_MODULES if os.path.exists(m)), None)
        if not module:
            raise Unavailable("nchan is not installed (Debian: libnginx-mod-nchan)")
        config = run.fill("tests/bench/peers/nchan.conf", PORT=self.port, RUNDIR=run.dir,
                          MODULE=module, CONNECTIONS=systems.files_for(readers))
        self.feed = "http:127.0.0.1:%d/publish" % self.port
        process = run.start([program, "-p", run.dir, "-c", config], "nginx")
        run.listening(process, ("127.0.0.1", self.port), self.name)
        wait_until(lambda: below(process.pid), "its worker runs")
        return [("peer", pid) for pid in [process.pid] + below(process.pid)]


class Pushpin(Peer):
    name = "Pushpin"
    at_once = 32  # it answers 502 to many at once

    def start(self, run, readers):
        program = need("pushpin", "pushpin")
        nginx = need("nginx", "nginx-light")
        os.chmod(run.dir, 0o755)
        origin = free_port()
        config = run.fill("tests/bench/peers/pushpin/origin.conf", PORT=origin, RUNDIR=run.dir)
        process = run.start([nginx, "-p", run.dir, "-c", config], "origin")
        run.listening(process, ("127.0.0.1", origin), "the origin")
        publish = free_port()
        (run.dir / "routes").write_text("* 127.0.0.1:%d,trusted\n" % origin)
        config = run.fill("tests/bench/peers/pushpin/pushpin.conf", PORT=self.port,
                          RUNDIR=run.dir, PUBLISH=publish, CONTROL=free_port())
        self.feed = "zmtp:127.0.0.1:%d" % publish
        process = run.start([program, "--config=%s" % config], "pushpin")
        run.listening(process, ("127.0.0.1", publish), self.name)
        wait_until(self.holds, "it holds a request")
        return [("peer", pid) for pid in [process.pid] + below(process.pid)]


    def holds(self):
        """Its parts find each other some time after it listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            connection.request("GET", "/events/bench")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


class Go(Peer):
    name = "Go net/http"

    def start(self, run, readers):
        return self.piped(run, go_hub(), self.address)


@functools.cache
def go_hub():
    """The program, built once in the folder of the benchmark's programs."""
    go = need("go", "golang-go")
    out = BENCH / "peers" / "hub"
    out.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ssecgi-bench-") as cache:
        built_in("go build", go, "build", "-o", out, "hub.go", cwd=SRCDIR / "tests/bench/peers/go",
                 GOCACHE=cache, GO111MODULE="off", GOFLAGS="", GOPROXY="off")
    return out


class Node(Peer):
    name = "Node, better-sse"

    def start(self, run, readers):
        return self.piped(run, need("node", "nodejs"), node_folder() / "server.mjs", self.port)


@functools.cache
def node_folder():
    """A folder with the server and what npm's lock file says."""
    npm = need("npm", "npm")
    out = BENCH / "peers" / "node"
    out.mkdir(parents=True, exist_ok=True)
    for name in ("server.mjs", "package.json", "package-lock.json"):
        shutil.copy(SRCDIR / "tests/bench/peers/node" / name, out / name)
    if not (out / "node_modules" / "better-sse").exists():
        built_in("npm ci", npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=out)
    return out


class Threads(systems.Lighttpd):
    """The classic program of libfcgi behind lighttpd."""

    name = "lighttpd"

    def __init__(self, run, readers):
        super().__init__(run, systems.Backend(run, "peer", "peer_threads"), readers)


PEERS = {
    "bare loop, TCP": BareTcp,
    "nginx + nchan": Nchan,
    "Go net/http": Go,
    "Node, better-sse": Node,
    "Pushpin": Pushpin,
    "lighttpd + libfcgi, a thread a stream": Threads,
}

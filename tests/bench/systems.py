# SPDX-License-Identifier: MIT
"""ssecgi, the reference programs, and the web servers in front of them.

A system has an `address` and a `wire` for the load client, a `feed` that the client writes lines
to, and `processes`: (name, pid) whose CPU time and memory count.
"""

import functools
import json
import os
import resource
import shutil
import subprocess

from rig import (APACHE_MODULES, BENCH, SSECGI, Unavailable, below, free_port, group, need, user,
                 wait_until)

BACKLOG = 4096

# --- backends --------------------------------------------------------------------------------

@functools.cache
def gathers():
    """Whether this ssecgi has the option coalesce_max_ms."""
    done = subprocess.run([SSECGI, "--dump-config"], capture_output=True, text=True, check=False)
    return "coalesce_max_ms" in done.stdout


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

    def __init__(self, run, name, program, is_tcp=False, args=(), **settings):
        self.wire = "--http" if "--http" in args else "--fcgi"
        self.name = name
        address = ("127.0.0.1", free_port()) if is_tcp else str(run.dir / "backend.sock")
        self.socket = address
        self.address = "%s:%d" % address if is_tcp else "unix:" + address
        if name == "ssecgi":
            config, self.feed = ssecgi_config(run, **settings)
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
    """As it is by default."""
    return Backend(run, "ssecgi", None)


def ssecgi_at_once(run):
    """Each event as soon as it is there, whatever the pressure."""
    return Backend(run, "ssecgi", None, **({"coalesce_max_ms": 0} if gathers() else {}))


# --- web servers -----------------------------------------------------------------------------

class Front:
    """A web server in front of a backend, by the configuration that ships; what limits its readers
    is raised, and one worker is enough for one core."""

    wire = "--http"

    def __init__(self, run, backend, readers):
        self.backend = backend
        self.feed = backend.feed
        self.port = free_port()
        self.address = "127.0.0.1:%d" % self.port
        self.workers = 0  # processes below the first, which must be there to be counted
        os.chmod(backend.socket, 0o777)  # its workers are another user
        self.process = self.start(run, readers)
        run.listening(self.process, ("127.0.0.1", self.port), self.name)
        wait_until(lambda: len(below(self.process.pid)) >= self.workers, "its workers run")
        fronts = [self.process.pid] + below(self.process.pid)
        self.processes = [("front", pid) for pid in fronts] + backend.processes

    def values(self, run):
        return {"PORT": self.port, "DOCROOT": run.dir, "RUNDIR": run.dir,
                "SOCKET": self.backend.socket, "MODULES": APACHE_MODULES, "USER": user().pw_name,
                "GROUP": group()}


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
        config = run.fill("deploy/lighttpd/lighttpd-external.conf", [
            (r"^server.max-fds = .*", "server.max-fds = %d\nserver.max-connections = %d\n"
             "server.listen-backlog = %d" % (files, files // 2, BACKLOG))], **self.values(run))
        return run.start([program, "-D", "-f", config], self.name)


class Nginx(Front):
    name = "nginx"

    def start(self, run, readers):
        program = need("nginx", "nginx-light")
        files = files_for(readers)
        config = run.fill("deploy/nginx/nginx.conf", [
            (r"worker_processes .*;", "worker_processes 1;"),
            (r"worker_rlimit_nofile .*;", "worker_rlimit_nofile %d;" % files),
            (r"worker_connections .*;", "worker_connections %d;" % files),
            (r"listen (127.0.0.1:\d+);", r"listen \1 backlog=%d;" % BACKLOG)],
            **self.values(run))
        self.workers = 1
        return run.start([program, "-p", run.dir, "-c", config, "-g", "daemon off;"], self.name)


class ApacheProxy(Front):
    name = "Apache"

    def start(self, run, readers):
        program = need("apache2", "apache2")
        threads = 256
        self.workers = readers // threads + 1
        config = run.fill("deploy/apache-proxy-fcgi/apache.conf", [
            (r"^StartServers .*", "StartServers %d" % self.workers),
            (r"^ServerLimit .*", "ServerLimit %d\nThreadLimit %d\nListenBacklog %d\n"
             "MaxSpareThreads %d" % (self.workers, threads, BACKLOG, self.workers * threads)),
            (r"^ThreadsPerChild .*", "ThreadsPerChild %d" % threads),
            (r"^MaxRequestWorkers .*", "MaxRequestWorkers %d" % (self.workers * threads))],
            **self.values(run))
        return run.start([program, "-D", "FOREGROUND", "-f", config], self.name)


class Haproxy(Front):
    name = "HAProxy"

    def start(self, run, readers):
        program = need("haproxy", "haproxy")
        config = run.fill("deploy/haproxy/haproxy.cfg", [
            (r"^ *maxconn .*", "    nbthread 1\n    maxconn %d" % (readers + 100)),
            (r"^ *bind 127.*", r"\g<0>\n    backlog %d" % BACKLOG)], **self.values(run))
        return run.start([program, "-db", "-f", config], self.name)


FRONTS = {front.name: front for front in (Lighttpd, Nginx, ApacheProxy, Haproxy)}


class Apache:
    """Apache that starts ssecgi itself, by mod_fcgid or as a CGI program."""

    wire = "--http"
    name = "Apache"

    def __init__(self, run, template, **settings):
        program = need("apache2", "apache2")
        if "fcgid" in template and not (APACHE_MODULES / "mod_fcgid.so").exists():
            raise Unavailable("mod_fcgid is not installed (Debian: libapache2-mod-fcgid)")
        config, self.feed = ssecgi_config(run, **settings)
        self.program = run.dir / "ssecgi"  # where the other user can reach it
        shutil.copy(SSECGI, self.program)
        os.chmod(self.program, 0o755)
        self.port = free_port()
        self.address = "127.0.0.1:%d" % self.port
        filled = run.fill(template, PORT=self.port, DOCROOT=run.dir, RUNDIR=run.dir,
                          SSECGI=self.program, CONFIG=config, MODULES=APACHE_MODULES,
                          USER=user().pw_name, GROUP=group())
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

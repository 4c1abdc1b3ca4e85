# SPDX-License-Identifier: MIT
"""A service manager for tests: it listens for datagrams, hands over sockets, reads unit files."""

import os
import shlex
import socket
import subprocess
import sys
import time

import harness

# Puts the descriptors that its first argument lists at 3, 4, ... and becomes the program of the rest;
# only that process can know its LISTEN_PID.
HAND_OVER = """
import fcntl, os, sys
given = [int(n) for n in sys.argv[1].split(",") if n]
high = [fcntl.fcntl(n, fcntl.F_DUPFD, 100) for n in given]
os.closerange(3, 100)
for at, n in enumerate(high):
    os.dup2(n, 3 + at)
    os.close(n)
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Manager:
    """The receiving end of NOTIFY_SOCKET."""

    def __init__(self, address):
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.heard = []

    def next(self, timeout=harness.WAIT):
        self._socket.settimeout(timeout)
        text = self._socket.recv(4096).decode()
        self.heard.append(text)
        return text

    def until(self, beginning):
        """Skips datagrams up to one that begins so, and answers it."""
        deadline = time.monotonic() + harness.WAIT
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError("nothing began with %r: %r" % (beginning, self.heard))
            try:
                text = self.next(left)
            except TimeoutError:
                continue
            if text.startswith(beginning):
                return text

    def rest(self):
        """What has come by now."""
        found = []
        self._socket.setblocking(False)
        try:
            while True:
                found.append(self._socket.recv(4096).decode())
        except BlockingIOError:
            return found

    def close(self):
        self._socket.close()


def listening(address):
    """A socket as a service manager would make it."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.bind(str(address))
    sock.listen(64)
    return sock


def unit_settings(path):
    """The settings of a unit file: name to a list of values."""
    found = {}
    for line in path.read_text().splitlines():
        name, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


class Case(harness.Case):
    def manager(self, address=None):
        return self.keep(Manager(address or str(self.dir / "notify")))

    def unit(self, name, **values):
        """One of the units that are shipped, filled in, and its settings."""
        path = self.fill("systemd/" + name, **values)
        return path, unit_settings(path)

    def service(self, config, *args, manager=None, sockets=(), log="service.log", **env):
        """Starts ssecgi as systemd would, by the command of the unit."""
        _, settings = self.unit("ssecgi.service", SSECGI=harness.SSECGI, CONFIG=config)
        command = shlex.split(settings["ExecStart"][0]) + [str(a) for a in args]
        env = {k: str(v) for k, v in env.items()}
        if manager:
            env["NOTIFY_SOCKET"] = manager.address
        if sockets:
            env.setdefault("LISTEN_FDS", str(len(sockets)))
        numbers = [s.fileno() for s in sockets]
        return self.process([sys.executable, "-c", HAND_OVER, ",".join(map(str, numbers)), *command],
                            log, env=self.environment(env), pass_fds=numbers)


def run(*args):
    """A tool run to its end: (exit status, all that it said)."""
    done = subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, timeout=60,
                          env=dict(os.environ, SYSTEMD_PAGER="", LC_ALL="C.UTF-8"))
    return done.returncode, done.stdout.decode()

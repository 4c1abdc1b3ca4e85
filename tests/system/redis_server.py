# SPDX-License-Identifier: MIT
"""A redis-server of a test's own, and what is needed to talk to it."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import unittest

import harness
from harness import wait_until

MODULES = os.environ.get("SSECGI_MODULES", str(pathlib.Path(harness.SSECGI).parent))
HAS_MODULE = harness.can_load(os.path.join(MODULES, "redis.so"))
ADDRESS = "192.0.2.7"


class RedisError(Exception):
    """What the server refused."""


class Connection:
    """One connection, one command at a time."""

    def __init__(self, address, timeout=harness.WAIT):
        kind = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.sock = socket.socket(kind, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(timeout)
            self.sock.connect(address)
        except BaseException:
            self.sock.close()
            raise
        self.file = self.sock.makefile("rb")

    def send(self, *args):
        parts = [a if isinstance(a, bytes) else str(a).encode() for a in args]
        self.sock.sendall(b"*%d\r\n" % len(parts)
                          + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))

    def answer(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server left")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            raise RedisError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        return None if rest == b"-1" else [self.answer() for _ in range(int(rest))]

    def call(self, *args):
        self.send(*args)
        return self.answer()

    def close(self):
        self.file.close()
        self.sock.close()


class Server:
    """redis-server in a folder below the test's, on a unix socket and a port."""

    def __init__(self, case, name="redis", **settings):
        self.case = case
        self.name = name
        self.folder = case.dir / name
        self.folder.mkdir()
        self.port = harness.free_port()
        self.socket = str(self.folder / "s")
        self.settings = {"port": self.port, "bind": "127.0.0.1", "unixsocket": self.socket,
                         "dir": str(self.folder), "save": '""', "appendonly": "no",
                         "loglevel": "notice"}
        self.settings.update({k.replace("_", "-"): v for k, v in settings.items()})
        self.process = None

    @property
    def url(self):
        return "unix://" + self.socket

    def start(self, **more):
        self.start_without_waiting(**more)
        wait_until(self.answers, "redis-server answers")
        return self

    def start_without_waiting(self, **more):
        program = harness.find_program("redis-server")
        settings = dict(self.settings, **{k.replace("_", "-"): v for k, v in more.items()})
        path = self.case.write(self.name + ".conf",
                               "".join("%s %s\n" % item for item in settings.items()))
        self.process = self.case.process([program, path], self.name + ".log")

    def answers(self):
        try:
            c = Connection(self.socket, 5)
        except OSError:
            return False
        try:
            c.call("PING")
            return True
        except RedisError as e:
            return "LOADING" not in str(e)
        except OSError:
            return False
        finally:
            c.close()

    def call(self, *args):
        c = Connection(self.socket)
        try:
            return c.call(*args)
        finally:
            c.close()

    def kill(self):
        self.process.signal(signal.SIGKILL)
        self.process.wait()

    def info(self, section, name):
        for line in self.call("INFO", section).decode().splitlines():
            if line.startswith(name + ":"):
                return line.split(":", 1)[1]
        return None


@unittest.skipUnless(HAS_MODULE, "the source redis is not built")
class Case(harness.Case):
    """A Redis, and a responder that keeps its streams there."""

    STREAM = "t"

    def setUp(self):
        super().setUp()
        self.redis = Server(self, **self.server_settings())

    def server_settings(self):
        return {}

    def settings(self):
        return {"url": self.redis.url}

    def serve(self, name="ssecgi.json", log="responder.log", streams=None, **settings):
        """Starts a responder."""
        stream = dict({"source": "redis", "publish": {"addresses": [ADDRESS]}}, **self.settings())
        stream.update(settings)
        path = self.config(streams or {self.STREAM: stream}, name, module_dir=MODULES, heartbeat_s=1)
        if (self.dir / "fcgi.sock").exists():
            os.unlink(self.dir / "fcgi.sock")
        return self.responder(path, log=log)

    def post(self, server, body, kind="text/plain", name=STREAM, headers=None):
        body = body.encode() if isinstance(body, str) else body
        response = server.request("/events/" + name, "POST", headers or {}, body,
                                  CONTENT_TYPE=kind, CONTENT_LENGTH=str(len(body)),
                                  REMOTE_ADDR=ADDRESS)
        try:
            return response.status, json.loads(response.body())
        finally:
            response.close()

    def publish(self, server, body, *args, **more):
        """Posts and answers the position."""
        status, answer = self.post(server, body, *args, **more)
        self.assertEqual(status, 201, answer)
        return answer["position"]

    def publish_when_back(self, server, body):
        """Tries as long as the server is away, with a key, as a publisher should."""
        headers = {"Idempotency-Key": "key of " + body}

        def is_published():
            status, answer = self.post(server, body, headers=headers)
            self.assertIn(status, (201, 503), answer)
            return answer["position"] if status == 201 else None
        return wait_until(is_published, "%r is published" % body)

    def take(self, stream, count):
        """The data of the next events, a gap as a tuple of its reason and its events."""
        return [self.tell(stream.event()) for _ in range(count)]

    @staticmethod
    def tell(event):
        if event.event == "stream.gap":
            gap = json.loads(event.data)
            return (gap["reason"], gap.get("events"))
        return event.data

    def key(self, *more):
        return ":".join(("ssecgi", self.STREAM) + more)


def is_installed(name):
    try:
        harness.find_program(name)
        return True
    except unittest.SkipTest:
        return False

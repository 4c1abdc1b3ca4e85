# SPDX-License-Identifier: MIT
"""A raw FastCGI client: right records, and broken ones on purpose."""

import os
import re
import select
import socket
import struct
import subprocess
import time

from sse_client import WAIT, Broken, StreamEnded, parse_head

BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR = range(1, 8)
GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE = 9, 10, 11
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
KEEP_CONN = 1
REQUEST_COMPLETE, CANT_MPX_CONN, OVERLOADED, UNKNOWN_ROLE = range(4)


def record(kind, content=b"", request_id=1, padding=0, version=1, length=None):
    """One record. `length` overrides what the header says."""
    return struct.pack("!BBHHBx", version, kind, request_id,
                       len(content) if length is None else length, padding) \
        + content + b"\0" * padding


def begin(role=RESPONDER, flags=0, request_id=1):
    return record(BEGIN_REQUEST, struct.pack("!HB5x", role, flags), request_id)


def length_of(n):
    return struct.pack("!B", n) if n < 128 else struct.pack("!I", n | 0x80000000)


def pairs(params):
    """Name-value pairs as one byte string."""
    out = b""
    for name, value in params.items():
        name = name.encode() if isinstance(name, str) else name
        value = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
        out += length_of(len(name)) + length_of(len(value)) + name + value
    return out


def parse_pairs(data):
    found = {}
    while data:
        sizes = []
        for _ in range(2):
            if data[0] < 128:
                sizes.append(data[0])
                data = data[1:]
            else:
                sizes.append(struct.unpack("!I", data[:4])[0] & 0x7fffffff)
                data = data[4:]
        name, value = data[:sizes[0]], data[sizes[0]:sum(sizes)]
        found[name.decode()] = value.decode()
        data = data[sum(sizes):]
    return found


def environment(path, method="GET", headers=None, prefix="/events", **more):
    """What a web server says about a request, as CGI variables."""
    path, _, query = path.partition("?")
    params = {
        "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_PROTOCOL": "HTTP/1.1", "SERVER_SOFTWARE": "test",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "REMOTE_ADDR": "127.0.0.1",
        "REQUEST_METHOD": method, "REQUEST_URI": path + ("?" + query if query else ""),
        "SCRIPT_NAME": prefix, "PATH_INFO": path.removeprefix(prefix), "QUERY_STRING": query,
        "CONTENT_LENGTH": "0",
    }
    for name, value in (headers or {}).items():
        params["HTTP_" + name.upper().replace("-", "_")] = value
    params.update(more)
    return params


def request_bytes(params, flags=0, request_id=1, body=b""):
    """A whole request as a web server would send it."""
    content = pairs(params)
    out = begin(flags=flags, request_id=request_id)
    for at in range(0, len(content), 65535):
        out += record(PARAMS, content[at:at + 65535], request_id)
    out += record(PARAMS, b"", request_id)
    for at in range(0, len(body), 65535):
        out += record(STDIN, body[at:at + 65535], request_id)
    return out + record(STDIN, b"", request_id)


class Connection:
    """A connection to a responder; `address` is a path or (host, port)."""

    def __init__(self, address):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(WAIT)
        self.sock.connect(address)
        self._buffer = b""

    def send(self, data):
        self.sock.settimeout(WAIT)
        self.sock.sendall(data)

    def _take(self, size, deadline):
        while len(self._buffer) < size:
            self.sock.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                if self._buffer:
                    raise Broken("the connection ended inside a record")
                return None
            self._buffer += data
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def next_record(self, timeout=WAIT):
        """(type, request id, content), or None at the end of the connection."""
        deadline = time.monotonic() + timeout
        # The whole record is asked for at once, so a time-out leaves the buffer as it was.
        header = self._take(8, deadline)
        if header is None:
            return None
        version, kind, request_id, length, padding = struct.unpack("!BBHHBx", header)
        if version != 1:
            raise Broken("version %d in an answer" % version)
        self._buffer = header + self._buffer
        whole = self._take(8 + length + padding, deadline)
        return kind, request_id, whole[8:8 + length]

    def wait_closed(self, timeout=WAIT):
        """All records up to the end of the connection."""
        deadline = time.monotonic() + timeout
        records = []
        while True:
            got = self.next_record(deadline - time.monotonic())
            if got is None:
                return records
            records.append(got)

    def close(self):
        self.sock.close()


class CgiHead:
    """A byte source whose first lines are the head of a CGI answer."""

    def __init__(self):
        self.status = None
        self.headers = None
        self._early = b""

    def read_head(self, timeout=WAIT):
        deadline = time.monotonic() + timeout
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self._more(deadline - time.monotonic())
            if not piece:
                raise StreamEnded("before the head was whole: %r" % data)
            data += piece
        head, self._early = data.split(b"\r\n\r\n", 1)
        self.headers = parse_head(head.decode("ascii"))
        status = self.headers.pop("status", "200 OK")
        if not re.fullmatch(r"\d{3} [A-Za-z -]+", status):
            raise Broken("no status: %r" % status)
        self.status = int(status[:3])
        return self

    def recv(self, timeout):
        if self._early:
            data, self._early = self._early, b""
            return data
        return self._more(timeout)

    def body(self, timeout=WAIT):
        deadline = time.monotonic() + timeout
        pieces = []
        while True:
            piece = self.recv(deadline - time.monotonic())
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)


class FcgiResponse(CgiHead):
    """The answer to one request on a connection."""

    def __init__(self, connection, request_id=1):
        super().__init__()
        self.connection = connection
        self.request_id = request_id
        self.errors = b""
        self.end = None  # (application status, protocol status)
        self._is_stdout_closed = False

    def _more(self, timeout):
        deadline = time.monotonic() + timeout
        while self.end is None:
            got = self.connection.next_record(deadline - time.monotonic())
            if got is None:
                return b""
            kind, request_id, content = got
            if request_id != self.request_id:
                raise Broken("an answer to request %d" % request_id)
            if kind == STDERR:
                self.errors += content
            elif kind == STDOUT and self._is_stdout_closed:
                raise Broken("STDOUT behind its end")
            elif kind == STDOUT and content:
                return content
            elif kind == STDOUT:
                self._is_stdout_closed = True
            elif kind == END_REQUEST:
                self.end = struct.unpack("!IB3x", content)
            else:
                raise Broken("a record of type %d" % kind)
        return b""

    def close(self):
        self.connection.close()


class CgiProcess(CgiHead):
    """The binary run as a CGI program, or with --print: its standard output as a source."""

    def __init__(self, args, env, stderr, stdin=subprocess.DEVNULL):
        super().__init__()
        self.process = subprocess.Popen(args, env=env, stdin=stdin,
                                        stdout=subprocess.PIPE, stderr=stderr)

    def _more(self, timeout):
        pipe = self.process.stdout
        if not select.select([pipe], [], [], max(timeout, 0))[0]:
            raise TimeoutError("nothing on standard output")
        return os.read(pipe.fileno(), 65536)

    def wait(self, timeout=WAIT):
        return self.process.wait(timeout)

    def close(self):
        self.process.stdout.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

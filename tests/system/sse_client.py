# SPDX-License-Identifier: MIT
"""A strict reader of event streams, over HTTP/1.1 on a raw socket or over any byte source.

Stricter than a browser: it wants what ssecgi promises to send (LF line ends, valid UTF-8,
"name: value" fields, whole blocks), so that anything looser fails a test.
"""

import collections
import re
import socket
import struct
import time

WAIT = 20.0  # seconds that any single wait may take


class StreamEnded(Exception):
    """The peer ended the stream where the test wanted more of it."""


class CutOff(StreamEnded):
    """It ended inside a block: right after a crash only."""


class Broken(AssertionError):
    """The peer sent what it must never send."""


class Block:
    """What stands between two empty lines."""

    def __init__(self):
        self.id = None
        self.event = None
        self.data = None
        self.retry = None
        self.comments = []

    @property
    def is_event(self):
        return self.data is not None

    def __repr__(self):
        return "Block(%s)" % ", ".join(
            "%s=%r" % item for item in sorted(vars(self).items()) if item[1] not in (None, []))


FIELD = re.compile(r"(id|event|data|retry): (.*)\Z", re.S)


class Parser:
    """Bytes in, blocks out. A lenient one skips unknown lines as a browser does: Apache puts an
    error page behind a stream whose responder was killed."""

    def __init__(self, is_lenient=False):
        self.is_lenient = is_lenient
        self.blocks = collections.deque()
        self._bytes = b""
        self._block = None

    @property
    def is_between_blocks(self):
        return self._block is None and not self._bytes

    def feed(self, data):
        lines = (self._bytes + data).split(b"\n")
        self._bytes = lines.pop()
        for line in lines:
            self._line(line)

    def _line(self, raw):
        if b"\r" in raw:
            raise Broken("a CR in the line %r" % raw)
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError as e:
            raise Broken("not UTF-8: %r" % raw) from e
        if line == "":
            if self._block is None:
                raise Broken("an empty line that ends nothing")
            self.blocks.append(self._block)
            self._block = None
            return
        if self._block is None:
            self._block = Block()
        self._field(line)

    def _field(self, line):
        block = self._block
        if line.startswith(":"):
            block.comments.append(line[1:].removeprefix(" "))
            return
        match = FIELD.match(line)
        if not match:
            if self.is_lenient:
                return
            raise Broken("no field: %r" % line)
        name, value = match.groups()
        if name == "data":
            block.data = value if block.data is None else block.data + "\n" + value
            return
        if getattr(block, name) is not None:
            raise Broken("%s twice in one block: %r" % (name, line))
        if name == "id" and not re.fullmatch(r"[A-Za-z0-9._~-]{1,128}", value):
            raise Broken("no position: %r" % line)
        if name == "retry":
            if not re.fullmatch(r"[0-9]+", value):
                raise Broken("no number: %r" % line)
            value = int(value)
        setattr(block, name, value)


class EventStream:
    """Blocks from a source with recv(timeout) -> bytes, b"" at the end, TimeoutError."""

    def __init__(self, source, is_lenient=False):
        self.source = source
        self.last_id = ""
        self.retry_ms = None
        self._parser = Parser(is_lenient)

    def block(self, timeout=WAIT):
        """The next block, comments included."""
        deadline = time.monotonic() + timeout
        while not self._parser.blocks:
            data = self.source.recv(max(0.0, deadline - time.monotonic()))
            if not data:
                if not self._parser.is_between_blocks:
                    raise CutOff("inside a block")
                raise StreamEnded()
            self._parser.feed(data)
        block = self._parser.blocks.popleft()
        if block.id is not None:
            self.last_id = block.id
        if block.retry is not None:
            self.retry_ms = block.retry
        return block

    def event(self, timeout=WAIT):
        """The next block that dispatches an event."""
        deadline = time.monotonic() + timeout
        while True:
            block = self.block(max(0.0, deadline - time.monotonic()))
            if block.is_event:
                return block

    def start(self, timeout=WAIT):
        """Reads what every stream begins with: retry, then a block of an id alone."""
        deadline = time.monotonic() + timeout
        while self.last_id == "":
            block = self.block(max(0.0, deadline - time.monotonic()))
            if block.is_event or block.comments:
                raise Broken("%r before the starting position" % block)
        return self

    def rest(self, timeout=WAIT):
        """All blocks up to the end of the stream."""
        deadline = time.monotonic() + timeout
        blocks = []
        while True:
            try:
                blocks.append(self.block(max(0.0, deadline - time.monotonic())))
            except CutOff as e:
                raise Broken("the stream ended inside a block") from e
            except StreamEnded:
                return blocks

    def close(self):
        self.source.close()


def parse_head(head):
    """Header lines into a dictionary with lower-case names."""
    headers = {}
    for line in head.split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon or name != name.strip() or not name:
            raise Broken("no header line: %r" % line)
        key = name.lower()
        headers[key] = headers[key] + ", " + value.strip() if key in headers else value.strip()
    return headers


def reset(sock):
    """Closes with RST, as a host that lost power and came back would."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class HttpResponse:
    """One request on a connection of its own, and its answer as a byte source."""

    def __init__(self, port, path, headers=None, method="GET", receive_bytes=0, timeout=WAIT,
                 body=b""):
        self.deadline = time.monotonic() + timeout
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._buffer = b""
        try:
            if receive_bytes:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            self.sock.settimeout(timeout)
            self.sock.connect(("127.0.0.1", port))
            lines = ["%s %s HTTP/1.1" % (method, path), "Host: 127.0.0.1:%d" % port]
            lines += ["%s: %s" % item for item in (headers or {}).items()]
            lines += ["Content-Length: %d" % len(body)] if body else []
            self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)
            self._read_head()
        except BaseException:
            self.sock.close()
            raise
        self._body = self._decode(method)

    def _fill(self, timeout):
        """More bytes into the buffer; False at the end."""
        self.sock.settimeout(max(timeout, 0.001))
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            return False
        self._buffer += data
        return bool(data)

    def _read_head(self):
        while b"\r\n\r\n" not in self._buffer:
            if not self._fill(self.deadline - time.monotonic()):
                raise StreamEnded()
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        status_line, _, rest = head.decode("latin-1").partition("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 (\d{3}) ?.*", status_line)
        if not match:
            raise Broken("no status line: %r" % status_line)
        self.status = int(match.group(1))
        self.headers = parse_head(rest)

    def _decode(self, method):
        """A generator of body pieces; it yields None where it needs more bytes."""
        if method == "HEAD" or self.status in (204, 304):
            return
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            yield from self._decode_chunks()
            return
        left = int(self.headers["content-length"]) if "content-length" in self.headers else -1
        while left != 0:
            if not self._buffer:
                yield None
                continue
            piece = self._buffer if left < 0 else self._buffer[:left]
            self._buffer = self._buffer[len(piece):]
            left -= len(piece) if left > 0 else 0
            yield piece

    def _take_line(self):
        while b"\r\n" not in self._buffer:
            yield None
        line, self._buffer = self._buffer.split(b"\r\n", 1)
        return line

    def _decode_chunks(self):
        while True:
            line = yield from self._take_line()
            left = int(line.split(b";")[0], 16)
            if left == 0:
                yield from self._take_line()
                return
            while left > 0:
                if not self._buffer:
                    yield None
                    continue
                piece = self._buffer[:left]
                self._buffer = self._buffer[len(piece):]
                left -= len(piece)
                yield piece
            end = yield from self._take_line()
            if end != b"":
                raise Broken("no line end behind a chunk: %r" % end)

    def recv(self, timeout):
        deadline = time.monotonic() + timeout
        while True:
            piece = next(self._body, b"")
            if piece is not None:
                return piece
            if not self._fill(deadline - time.monotonic()):
                return b""

    def body(self, timeout=WAIT):
        """All of the body."""
        deadline = time.monotonic() + timeout
        pieces = []
        while True:
            piece = self.recv(deadline - time.monotonic())
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)

    def close(self):
        self.sock.close()

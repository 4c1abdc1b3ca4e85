# SPDX-License-Identifier: MIT
"""Many GETs on one HTTP/2 connection: which of them a server works on at once."""

import socket
import ssl
import struct
import time

DATA, HEADERS, SETTINGS, PING = 0, 1, 4, 6
END_STREAM, ACK, END_HEADERS = 1, 1, 4
MAX_CONCURRENT_STREAMS = 3
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def head(path, authority):
    """GET and https by their numbers in HPACK's static table, path and authority as they are."""
    return b"\x82\x87" + b"".join(bytes([name, len(text)]) + text.encode()
                                  for name, text in ((0x04, path), (0x01, authority)))


class Streams:
    """A connection to 127.0.0.1 over TLS, whatever the certificate."""

    def __init__(self, port, timeout):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        self.deadline = time.monotonic() + timeout
        self.authority = "127.0.0.1:%d" % port
        self.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout))
        self.announced = None  # how many streams the server says that it takes
        self.pieces = {}       # of each stream: how many frames with data came
        self._buffer = b""
        self.sock.sendall(PREFACE + frame(SETTINGS, 0, 0))

    def get(self, path, count):
        """Asks for it so many times at once."""
        first = 1 + 2 * len(self.pieces)
        numbers = range(first, first + 2 * count, 2)
        self.pieces.update(dict.fromkeys(numbers, 0))
        self.sock.sendall(b"".join(
            frame(HEADERS, END_STREAM | END_HEADERS, n, head(path, self.authority))
            for n in numbers))

    def _take(self, size):
        while len(self._buffer) < size:
            self.sock.settimeout(max(self.deadline - time.monotonic(), 0.001))
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionError("the server closed the connection")
            self._buffer += data
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def step(self):
        """Reads one frame."""
        header = self._take(9)
        size = int.from_bytes(header[:3], "big")
        kind, flags, stream = struct.unpack("!BBI", header[3:])
        payload = self._take(size)
        if kind == DATA and payload:
            self.pieces[stream] += 1
        elif kind == SETTINGS and not flags & ACK:
            for at in range(0, size, 6):
                name, value = struct.unpack("!HI", payload[at:at + 6])
                if name == MAX_CONCURRENT_STREAMS:
                    self.announced = value
            self.sock.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.sock.sendall(frame(PING, ACK, 0, payload))

    def begun(self):
        return [n for n, pieces in self.pieces.items() if pieces]

    def close(self):
        self.sock.close()

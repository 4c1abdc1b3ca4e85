#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A responder that answers what it was asked: its variables and its body's digest, as JSON.

Stands where ssecgi would: started by a web server with FastCGI on descriptor 0, as a CGI program,
or by hand with the path of a socket. /events/silent begins a stream and never writes again.
"""

import hashlib
import json
import os
import signal
import socket
import struct
import sys
import threading

import fcgi

LIFE_SECONDS = 120  # should nobody end it
SILENT = b"Content-Type: text/event-stream\r\n\r\n: begin\n\n"


def answer(params, body):
    """A whole CGI response."""
    said = {"params": params, "body_bytes": len(body),
            "body_sha256": hashlib.sha256(body).hexdigest()}
    data = json.dumps(said).encode()
    return b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(data) + data


def is_silent(params):
    return params.get("REQUEST_URI", "").startswith("/events/silent")


def read_exactly(sock, size):
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise ConnectionError("the web server closed the connection")
        data += piece
    return data


def pairs_of(data):
    """The variables; those that were sent twice are named in TWICE."""
    found, twice = {}, []
    while data:
        start, sizes = data, []
        for _ in range(2):
            size = 4 if data[0] & 0x80 else 1
            sizes.append(int.from_bytes(data[:size], "big") & 0x7fffffff)
            data = data[size:]
        data = data[sum(sizes):]
        pair = fcgi.parse_pairs(start[:len(start) - len(data)])
        twice += [name for name in pair if name in found]
        found.update(pair)
    return dict(found, TWICE=twice) if twice else found


def read_request(sock):
    """(id, variables, body) of one FastCGI request."""
    params, body = b"", b""
    while True:
        _, kind, request_id, length, padding = struct.unpack("!BBHHBx", read_exactly(sock, 8))
        content = read_exactly(sock, length + padding)[:length]
        if kind == fcgi.PARAMS:
            params += content
        elif kind == fcgi.STDIN and content:
            body += content
        elif kind == fcgi.STDIN:
            return request_id, pairs_of(params), body


def serve_connection(sock):
    with sock:
        try:
            request_id, params, body = read_request(sock)
            if is_silent(params):
                sock.sendall(fcgi.record(fcgi.STDOUT, SILENT, request_id))
                sock.recv(1)  # until the web server closes the connection
                return
            sock.sendall(fcgi.record(fcgi.STDOUT, answer(params, body), request_id)
                         + fcgi.record(fcgi.STDOUT, b"", request_id)
                         + fcgi.record(fcgi.END_REQUEST, struct.pack("!IB3x", 0, 0), request_id))
        except OSError:
            pass


def serve(listener):
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve_connection, args=(sock,), daemon=True).start()


def serve_cgi():
    params = dict(os.environ)
    if is_silent(params):
        os.write(1, SILENT)
        signal.pause()
    length = int(params.get("CONTENT_LENGTH") or 0)
    body = b""
    while len(body) < length:
        piece = os.read(0, length - len(body))
        if not piece:
            break
        body += piece
    os.write(1, answer(params, body))


def main(args):
    signal.alarm(LIFE_SECONDS)
    if args and "GATEWAY_INTERFACE" not in os.environ:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(args[0])
        os.chmod(args[0], 0o666)
        listener.listen(64)
        serve(listener)
    elif "GATEWAY_INTERFACE" in os.environ:
        serve_cgi()
    else:
        serve(socket.socket(fileno=0))


if __name__ == "__main__":
    main(sys.argv[1:])

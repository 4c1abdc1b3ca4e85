# SPDX-License-Identifier: MIT
"""ssecgi-ctl doctor on servers that are wrong in ways that no web server of the matrix is."""

import contextlib
import json
import socket
import socketserver
import threading
import zlib

import doctor
import harness

OPENING = b"retry: 2000\n\nid: 7\n\n"
GAP = b'id: 7\nevent: stream.gap\ndata: {"reason":"unknown-position"}\n\n'
REFUSAL = b'{"error":"from: must be a position"}'
TYPE = "Content-Type: text/event-stream"


def head(*lines, status="200 OK"):
    return "\r\n".join(("HTTP/1.1 " + status, "Connection: close", *lines, "", "")).encode()


STREAM = head(TYPE, "Cache-Control: no-store", "Server: fake/1")


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.request.recv(65536)
            if not piece:
                return
            data += piece
        lines = data.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:] if line)}
        self.server.requests.append((method, path, headers))
        with contextlib.suppress(OSError):
            if self.server.answer(self.request, method, path, headers) == "stay":
                self.request.recv(1)  # until the doctor leaves


class Server(socketserver.ThreadingTCPServer):
    """answer(socket, method, path, headers) sends what it likes, and says "stay" for a stream."""

    daemon_threads = True
    address_family = socket.AF_INET

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.requests = []


def ssecgi(sock, path, headers, opening=OPENING, stream_head=STREAM):
    """Answers as ssecgi does."""
    if "from=" in path:
        sock.sendall(head("Content-Type: application/json", status="400 Bad Request") + REFUSAL)
        return None
    gap = GAP if "no-such-id" in headers.get("last-event-id", "") else b""
    sock.sendall(stream_head + opening + gap)
    return "stay"


class Fakes(harness.Case):
    visit = doctor.Patient.visit
    run_doctor = doctor.Patient.run_doctor
    assert_well = doctor.Patient.assert_well

    def setUp(self):
        doctor.find_program()
        super().setUp()

    def serve(self, answer):
        server = Server(answer)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        self.fake = server
        self.port = server.server_address[1]

    def url(self, path="/events/app"):
        return "http://127.0.0.1:%d%s" % (self.port, path)

    def assert_wrong(self, visit, *checks):
        self.assertEqual(visit.wrong(), list(checks), visit)

    def test_nothing_is_wrong_with_what_answers_as_ssecgi(self):
        self.serve(lambda s, m, p, h: ssecgi(s, p, h))
        self.assert_well(self.visit(quiet_s=0))

    def test_it_asks_as_an_event_source(self):
        self.serve(lambda s, m, p, h: ssecgi(s, p, h))
        self.visit(self.url("/events/app?grep=x"), "-H", "Cookie: a=b", quiet_s=0)
        for method, path, headers in self.fake.requests:
            self.assertEqual(
                (method, headers["accept"], headers["cookie"], headers["cache-control"]),
                ("GET", "text/event-stream", "a=b", "no-cache"))
            self.assertIn("gzip", headers["accept-encoding"])
            self.assertTrue(path.startswith("/events/app?grep=x"), path)
        self.assertIn("7", [h.get("last-event-id") for _, _, h in self.fake.requests])

    def test_nobody_listens(self):
        with socket.socket() as s:  # bound, and not listening
            s.bind(("127.0.0.1", 0))
            visit = self.visit("http://127.0.0.1:%d/events/app" % s.getsockname()[1])
        self.assert_wrong(visit, "answer")
        self.assertIn("no answer", visit.text("answer"))

    def test_a_server_that_never_answers(self):
        self.serve(lambda s, m, p, h: "stay")
        visit = self.visit(timeout_s=1)
        self.assert_wrong(visit, "answer")
        self.assertIn("never answers", visit.text("answer"))

    def test_a_head_without_a_stream(self):
        def answer(sock, method, path, headers):
            return ssecgi(sock, path, headers, opening=b"")
        self.serve(answer)
        visit = self.visit(timeout_s=1)
        self.assert_wrong(visit, "buffering")
        self.assertIn("its head came", visit.text("buffering"))
        self.assertIn("nginx, location: fastcgi_buffering off;", visit.to_do("buffering"))
        self.assertIn("lighttpd: server.stream-response-body = 2", visit.to_do("buffering"))

    def test_a_buffer_that_lets_go(self):
        def answer(sock, method, path, headers):
            if "last=" not in path:
                return ssecgi(sock, path, headers, opening=b"")
            data = b"id: 1\ndata: x\n\n" * int(path.partition("last=")[2])
            sock.sendall(STREAM + data[:len(data) // 512 * 512])
            return "stay"
        self.serve(answer)
        visit = self.visit(timeout_s=1)
        self.assert_wrong(visit, "buffering")
        self.assertIn("between 224 and 512 bytes", visit.text("buffer-size"))

    def late(self, is_late):
        """Serves streams that begin 4 s late when is_late(path) says so."""
        def answer(sock, method, path, headers):
            if is_late(path):
                with contextlib.suppress(TimeoutError):
                    sock.settimeout(4)
                    sock.recv(1)  # nothing comes; the doctor leaves, or the time is over
                sock.settimeout(None)
            return ssecgi(sock, path, headers)
        self.serve(answer)

    def test_a_first_stream_that_begins_late(self):
        firsts = ["/events/app"]
        self.late(lambda path: path in firsts and not firsts.remove(path))
        visit = self.visit(timeout_s=10, quiet_s=0)
        self.assert_well(visit)
        self.assertEqual(visit.results("buffering"), ["note"], visit)

    def test_a_beginning_that_comes_late(self):
        self.late(lambda path: "=" not in path)
        visit = self.visit(timeout_s=10, quiet_s=0)
        self.assert_wrong(visit, "buffering")
        self.assertIn("first bytes came after", visit.text("buffering"))

    def test_compression_that_holds_back(self):
        def answer(sock, method, path, headers):
            if "gzip" not in headers.get("accept-encoding", "") or "from=" in path:
                return ssecgi(sock, path, headers)
            packer = zlib.compressobj(9, zlib.DEFLATED, 31)
            sock.sendall(head(TYPE, "Content-Encoding: gzip", "Cache-Control: no-store")
                         + packer.compress(OPENING))
            return "stay"
        self.serve(answer)
        visit = self.visit(timeout_s=1, quiet_s=0)
        self.assert_wrong(visit, "compression")
        self.assertEqual(visit.results("last-event-id"), ["ok"], visit)

    def test_a_length(self):
        self.serve(lambda s, m, p, h: ssecgi(s, p, h, stream_head=STREAM[:-2]
                                             + b"Content-Length: 100000\r\n\r\n"))
        self.assert_wrong(self.visit(quiet_s=0), "length")

    def test_a_page_instead(self):
        def answer(sock, method, path, headers):
            if path == "/events/":
                sock.sendall(head("Content-Type: application/json")
                             + b'{"streams":[{"name":"app"},{"name":"x\x1b[0m"}]}')
                return
            sock.sendall(head("Content-Type: text/html") + b"<p>welcome")
        self.serve(answer)
        visit = self.visit()
        self.assert_wrong(visit, "answer")
        self.assertIn("app, x?[0m", visit.to_do("answer"))

    def test_redirects(self):
        def answer(sock, method, path, headers):
            if path.startswith("/old"):
                sock.sendall(head("Location: /events/app", status="307 Temporary Redirect"))
                return None
            if path.startswith("/away"):
                sock.sendall(head("Location: http://localhost:%d/events/app" % self.port,
                                  status="302 Found"))
                return None
            if path.startswith("/round"):
                sock.sendall(head("Location: /round", status="301 Moved"))
                return None
            return ssecgi(sock, path, headers)
        self.serve(answer)
        visit = self.visit(self.url("/old"), quiet_s=0)
        self.assert_well(visit)
        self.assertEqual(visit.results("redirect"), ["note"])
        self.assertEqual(visit.report["url"], self.url())
        visit = self.visit(self.url("/away"), "--user", "u:p", quiet_s=0)
        self.assert_wrong(visit, "redirect")
        self.assertNotIn("u:p", str(visit))
        visit = self.visit(self.url("/round"), quiet_s=0)
        self.assert_wrong(visit, "redirect")
        self.assertIn("circles", visit.to_do("redirect"))

    def test_a_limit_is_met(self):
        busy = b'retry: 20000\n\nevent: stream.busy\ndata: {"reason":"max_streams"}\n\n'
        self.serve(lambda s, m, p, h: ssecgi(s, p, h, opening=busy))
        visit = self.visit()
        self.assert_wrong(visit, "answer")
        self.assertIn("max_streams", visit.to_do("answer"))

    def test_another_kind_of_server(self):
        def answer(sock, method, path, headers):
            sock.sendall(STREAM + b"data: hello\n\nodd line\n")
            return "stay"
        self.serve(answer)
        visit = self.visit(quiet_s=1)
        self.assert_well(visit)
        self.assertEqual(visit.results("query"), ["note"])
        self.assertEqual(visit.results("last-event-id"), [])
        self.assertIn("odd line", visit.text("format"))

    def test_other_origins(self):
        origin = "https://app.example.org"

        def answer(sock, method, path, headers):
            allowed = "Access-Control-Allow-Origin: " + origin
            if method == "OPTIONS":
                sock.sendall(head(allowed, status="204 No Content"))
                return None
            return ssecgi(sock, path, headers,
                          stream_head=head(TYPE, "Cache-Control: no-store", allowed))
        self.serve(answer)
        visit = self.visit(None, "--origin", origin, quiet_s=0)
        self.assert_well(visit)
        self.assertEqual(visit.results("cors") + visit.results("cors-preflight"), ["ok", "ok"])
        visit = self.visit(None, "--origin", "https://other.example.org", quiet_s=0)
        self.assert_wrong(visit, "cors")
        self.assertIn('"cors_origins": ["https://other.example.org"]', visit.to_do("cors"))

    def test_a_broken_head(self):
        self.serve(lambda s, m, p, h: s.sendall(b"SSH-2.0-OpenSSH\r\n"))
        self.assert_wrong(self.visit(), "answer")

    def test_the_report_for_people(self):
        self.serve(lambda s, m, p, h: ssecgi(s, p, h))
        done = self.run_doctor("--quiet-s", "0", self.url().replace("//", "//u:p@"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], "^ok +answer +status 200")
        self.assertEqual(lines[-1], "0 wrong, 1 note")

    def test_usage(self):
        for arguments in ((), ("ftp://h/",), ("--nope", "http://h/")):
            done = self.run_doctor(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""), arguments)
            self.assertIn("--help", done.stderr)

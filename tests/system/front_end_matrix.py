# SPDX-License-Identifier: MIT
"""The cells of the table in doc/front-ends.md: mixed into a front_end_servers.Served.

A cell is a subtest with a name. Where FRONT_END_RESULTS names a file, its result is added there,
and front_end_table.py makes the table of it.
"""

import base64
import contextlib
import hashlib
import http.client
import json
import os
import time

import front_end
import front_end_servers as servers
import harness
import http2_client
import http2_streams
import sse_client

AT_ONCE = 0.3  # seconds; for the table's words only
MANY_STREAMS = 130  # more than a page will have


def seconds(value):
    return "at once" if value < AT_ONCE else "%.1f s" % value


def after(value):
    return "at once" if value < AT_ONCE else "after %.1f s" % value


class Cells:
    """Makes a site with the streams app (a log), other (another one) and clock."""

    def begin(self, *options, recorder=False, settings=None, folder=None, **places):
        name = (folder or "ssecgi") + ".json"
        if folder:
            folder = self.dir / folder
            folder.mkdir()
        self.log, app = self.tail(text="old 1\nold 2\nold 3\n")
        _, other = self.tail("other.log", text="other\n")
        config = self.config({"app": app, "other": other,
                              "clock": {"source": "clock", "interval_ms": 100}},
                             name, cors_origins=[front_end.ALLOWED], **(settings or {}))
        self.server = self.serve(config, *options, recorder=recorder, folder=folder, **places)
        return self.server

    @contextlib.contextmanager
    def cell(self, name):
        result = {"server": self.column, "cell": name, "value": "yes"}
        with self.subTest(name):
            try:
                yield result
            except BaseException:
                result["value"] = "**no**"
                raise
            finally:
                if os.environ.get("FRONT_END_RESULTS"):
                    harness.append(os.environ["FRONT_END_RESULTS"], json.dumps(result) + "\n")

    def stream(self, path="/events/app", headers=None):
        return self.keep(self.server.stream(path, headers))

    def reconnect(self, path, last_id):
        """As a browser page does: again and again while there is nobody to answer."""
        deadline = time.monotonic() + harness.WAIT
        while True:
            try:
                return self.stream(path, {"Last-Event-ID": last_id})
            except (OSError, sse_client.StreamEnded, harness.BadStatus) as e:
                if getattr(e, "status", 503) < 500 or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def recorded(self, path="/events/app", headers=None, method="GET", body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port,
                                                timeout=harness.WAIT)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            data = response.read()
            return response.status, json.loads(data) if response.status == 200 else data
        finally:
            connection.close()

    def assert_prompt(self, stream, count=30):
        """The next line is written only after the last one has arrived."""
        for n in range(count):
            harness.append(self.log, "line %d\n" % n)
            self.assertEqual(stream.event().data, "line %d" % n)


class Passing(Cells):
    """What of a request reaches the responder, and of an answer the client."""

    def test_what_reaches_the_responder(self):
        self.begin(recorder=True)
        sent = {"Last-Event-ID": "g-1.2~x", "Authorization": "Bearer abc.def", "Cookie": "a=1; b=2"}
        _, answer = self.recorded("/events/app?from=x&y=%20z", sent)
        for name, value in sent.items():
            with self.cell("`%s` arrives" % name):
                self.assertEqual(answer["params"].get("HTTP_" + name.upper().replace("-", "_")),
                                 value)
        with self.cell("the query arrives"):
            self.assertEqual(answer["params"]["QUERY_STRING"], "from=x&y=%20z")
        with self.cell("each variable once"):
            self.assertNotIn("TWICE", answer["params"])
        with self.cell("no false `REMOTE_USER`"):
            claim = {"Authorization": "Basic " + base64.b64encode(b"admin:x").decode(),
                     "Remote-User": "admin", "Remote_User": "admin"}
            self.assertEqual(self.recorded(headers=claim)[1]["params"].get("REMOTE_USER", ""), "")
        with self.cell("POST with a body arrives whole"):
            body = bytes(range(256)) * 400
            status, answer = self.recorded(method="POST", body=body)
            self.assertEqual((status, answer["body_bytes"]), (200, len(body)))
            self.assertEqual(answer["body_sha256"], hashlib.sha256(body).hexdigest())

    def test_the_users_name_reaches_the_responder(self):
        self.begin("+auth", recorder=True)
        with self.cell("`REMOTE_USER` after the server's password"):
            self.assertEqual(self.recorded()[0], 401)
            word = ("%s:%s" % (servers.NAME, servers.PASSWORD)).encode()
            _, answer = self.recorded(
                headers={"Authorization": "Basic " + base64.b64encode(word).decode()})
            self.assertEqual(answer["params"]["REMOTE_USER"], servers.NAME)

    def test_answers(self):
        self.begin()
        with self.cell("unbuffered"):
            self.assert_prompt(self.stream(), 100)
        with self.cell("resumes by `Last-Event-ID`"):
            first = self.stream("/events/app?last=102").event()
            again = self.stream(headers={"Last-Event-ID": first.id})
            self.assertEqual(again.event().data, "old 3")
        with self.cell("CORS preflight"):
            response = self.keep(self.server.get(
                "/events/app", {"Origin": front_end.ALLOWED,
                                "Access-Control-Request-Method": "GET"}, method="OPTIONS"))
            self.assertIn(response.status, (200, 204))
            self.assertEqual(response.headers["access-control-allow-origin"], front_end.ALLOWED)
        with self.cell("HEAD"):
            response = self.keep(self.server.get("/events/app", method="HEAD"))
            self.assertEqual(response.status, 200)
            self.assertEqual(response.headers["content-type"], "text/event-stream")
        with self.cell("POST is refused with a 405"):
            status, data = self.recorded(method="POST", body=b"x" * 100000)
            self.assertEqual(status, 405)
            self.assertIn("error", json.loads(data))
        with self.cell("an error keeps its status and JSON"):
            response = self.keep(self.server.get("/events/nope"))
            self.assertEqual(response.status, 404)
            self.assertIn("error", json.loads(response.body()))


class Ways(Cells):
    """Compression and HTTP/2."""

    def test_compression_leaves_streams_prompt(self):
        (self.docroot() / "page.html").write_text("<p>hello\n" * 500)
        self.begin("+gzip")
        with self.cell("prompt with compression on") as result:
            accept = {"Accept-Encoding": "gzip"}
            path = "/page.html" if self.has_pages else "/events/"
            page = self.keep(self.server.get(path, accept))
            self.assertEqual(page.headers.get("content-encoding"), "gzip")
            response = self.keep(self.server.get("/events/app", accept))
            encoding = response.headers.get("content-encoding", "identity")
            source = http2_client.Gunzip(response) if encoding == "gzip" else response
            self.assert_prompt(sse_client.EventStream(source).start())
            result["value"] = {"gzip": "yes, compressed", "identity": "yes, as it is"}[encoding]

    def test_http_2(self):
        servers.need("curl", "curl")
        self.begin("+tls")
        url = "https://127.0.0.1:%d/events/app" % self.server.tls_port

        def open_stream(**headers):
            source = self.keep(http2_client.Curl(self.dir, url, headers))
            return sse_client.EventStream(source).start()
        with self.cell("HTTP/2, unbuffered, resumes"):
            stream = open_stream()
            self.assert_prompt(stream)
            self.assertEqual(stream.source.version(), "HTTP/2")
            last_id = stream.last_id
            harness.append(self.log, "one more\n")
            self.assertEqual(open_stream(Last_Event_ID=last_id).event().data, "one more")


    def test_streams_of_one_connection(self):
        servers.need("openssl", "openssl")
        self.begin("+tls")
        with self.cell("streams at once on one HTTP/2 connection") as result:
            page = self.keep(http2_streams.Streams(self.server.tls_port, harness.WAIT))
            while page.announced is None:
                page.step()
            page.get("/events/app", min(page.announced, MANY_STREAMS))
            while len(page.begun()) < self.http2_streams:
                page.step()
            harness.append(self.log, "for all\n")
            while any(page.pieces[n] < 2 for n in page.begun()):
                page.step()
            count = len(page.begun())
            result["value"] = "%d%s" % (count, " or more" if count == MANY_STREAMS else "")


class Life(Cells):
    """How streams end, and that they do not end otherwise."""

    def held(self):
        """How many ssecgi there are, and sockets that they hold open."""
        total = 0
        for pid in self.server.responders():
            with contextlib.suppress(OSError):
                total += 1 + harness.socket_count(pid)
        return total

    def test_a_reader_that_leaves_is_noticed(self):
        self.begin(settings={"heartbeat_s": 1})
        for how, leave in (("FIN", lambda s: s.close()),
                           ("RST", lambda s: sse_client.reset(s.source.sock))):
            with self.cell("a departure by %s is noticed, heartbeat 1 s" % how) as result:
                stream = self.stream()
                held = self.held()
                began = time.monotonic()
                leave(stream)
                harness.wait_until(lambda: self.held() < held, "the departure was noticed")
                result["value"] = seconds(time.monotonic() - began)

    def test_a_quiet_stream_outlives_the_servers_time_out(self):
        places = {"TIMEOUT": self.timeout_s} if self.timeout_s else {}
        self.begin(settings={"heartbeat_s": 1}, **places)
        with self.cell("a quiet stream outlives the time-out") as result:
            stream = self.stream()
            beats = 0
            while beats < (self.timeout_s or 3) + 3:
                beats += len(stream.block().comments)
            self.assert_prompt(stream, 1)
            if not self.timeout_s:
                result["value"] = "yes (it has none)"

    def test_a_silent_responder_meets_the_servers_time_out(self):
        if not self.timeout_s:
            self.skipTest("%s has no such time-out" % self.column)
        self.begin(recorder=True, TIMEOUT=self.timeout_s)
        response = self.keep(self.server.get("/events/silent"))
        began = time.monotonic()
        while True:
            try:
                if not response.recv(harness.WAIT):
                    break
            except (ValueError, ConnectionError):
                break  # cut off
        self.assertGreater(time.monotonic() - began, 1)  # it was silence that ended it

    def follow(self, stream, act, last_ms, min_ticks):
        """Reads the clock until it was cut and resumed, or went on; every tick once, in order."""
        cuts, ticks, began = 0, 0, time.monotonic()
        act()
        while ticks < min_ticks:
            try:
                event = stream.event()
            except (OSError, sse_client.StreamEnded):
                cuts += 1
                self.cut_after = time.monotonic() - began
                stream.close()
                stream = self.reconnect("/events/clock", str(last_ms))
                continue
            self.assertEqual(int(event.id), last_ms + 100)
            last_ms += 100
            ticks += 1
        return cuts

    def clock(self):
        stream = self.keep(self.server.stream("/events/clock", is_lenient=True))
        return stream, int(stream.event().id)

    def test_a_reload_loses_nothing(self):
        self.begin(GRACE=2)
        with self.cell("reload in mid-stream") as result:
            stream, last = self.clock()
            cuts = self.follow(stream, self.server.reload, last, 50)
            result["value"] = "cut %s, resumes" % after(self.cut_after) if cuts else "goes on"

    def test_a_restart_of_the_server_loses_nothing(self):
        self.begin(GRACE=1)
        with self.cell("stop and start in mid-stream"):
            stream, last = self.clock()

            def restart():
                self.server.stop()
                self.server.start()
            self.assertGreaterEqual(self.follow(stream, restart, last, 30), 1)

    def test_a_restart_of_ssecgi_loses_nothing(self):
        self.begin()
        with self.cell("ssecgi killed in mid-stream"):
            stream, last = self.clock()

            def kill():
                harness.kill_all(self.server.responders())
                if self.server.responder:
                    self.server.responder.process.wait()
                    self.server.restart_responder()
            self.assertGreaterEqual(self.follow(stream, kill, last, 20), 1)

    def test_streams_of_a_limited_age_resume(self):
        self.begin(settings={"max_stream_age_s": 1})
        with self.cell("a stream ends itself by `max_stream_age_s`, resumes"):
            stream, last = self.clock()
            self.assertGreaterEqual(self.follow(stream, lambda: None, last, 30), 1)


class Matrix(Passing, Ways, Life):
    """All of it but the bad input (front_end_bad)."""

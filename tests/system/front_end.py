# SPDX-License-Identifier: MIT
"""What must hold behind every web server; a test file adds how to start one."""

import concurrent.futures
import json

import harness
import sse_client

ALLOWED = "https://app.example.org"


class FrontEnd:
    """Mixed into a harness.Case with start(config) -> WebServer."""

    settings = {}

    def setUp(self):
        super().setUp()
        self.log, app = self.tail(text="old 1\nold 2\nold 3\n")
        self.server = self.start(self.config(
            {"app": app, "clock": {"source": "clock", "interval_ms": 100}},
            cors_origins=[ALLOWED], **self.settings))

    def stream(self, path="/events/app", headers=None):
        return self.keep(self.server.stream(path, headers))

    def test_each_line_arrives_before_the_next_is_written(self):
        stream = self.stream()
        for n in range(100):  # buffering anywhere would wait here for ever
            harness.append(self.log, "line %d\n" % n)
            self.assertEqual(stream.event().data, "line %d" % n)

    def test_the_start_arrives_before_any_event(self):
        stream = self.stream()
        self.assertNotEqual(stream.last_id, "")
        self.assertIsNotNone(stream.retry_ms)

    def test_the_head_of_a_stream_reaches_the_client(self):
        headers = self.stream().source.headers
        self.assertEqual(headers["content-type"], "text/event-stream")
        self.assertEqual(headers["cache-control"], "no-store, no-transform")
        self.assertNotIn("content-length", headers)
        self.assertNotIn("content-encoding", headers)

    def test_last_event_id_reaches_the_responder(self):
        stream = self.stream("/events/app?last=3")
        ids = [stream.event().id for _ in range(3)]
        again = self.stream(headers={"Last-Event-ID": ids[0]})
        self.assertEqual([again.event().data for _ in range(2)], ["old 2", "old 3"])

    def test_the_query_reaches_the_responder(self):
        stream = self.stream("/events/app?last=2")
        event = stream.event()
        self.assertEqual(event.data, "old 2")
        again = self.stream("/events/app?from=" + event.id)
        self.assertEqual(again.event().data, "old 3")

    def test_an_unknown_last_event_id_is_a_gap(self):
        for value in ("nonsense", "a" * 2000, "a b%00/../"):
            event = self.stream(headers={"Last-Event-ID": value}).event()
            self.assertEqual(event.event, "stream.gap")
            self.assertEqual(json.loads(event.data)["reason"], "unknown-position")

    def test_refusals_reach_the_client_with_their_reason(self):
        for path, status, word in (("/events/nope", 404, "stream"),
                                   ("/events/app?from=%20", 400, "from"),
                                   ("/events/app?last=x", 400, "last")):
            response = self.keep(self.server.get(path))
            self.assertEqual(response.status, status)
            self.assertEqual(response.headers["content-type"].split(";")[0], "application/json")
            self.assertIn(word, json.loads(response.body())["error"])

    def test_a_wrong_method_is_405_with_allow(self):
        response = self.keep(self.server.get("/events/app", {"Content-Length": "0"},
                                             method="POST"))
        self.assertEqual(response.status, 405)
        self.assertIn("GET", response.headers["allow"])

    def test_a_preflight_is_answered(self):
        response = self.keep(self.server.get(
            "/events/app", {"Origin": ALLOWED, "Access-Control-Request-Method": "GET"},
            method="OPTIONS"))
        self.assertIn(response.status, (200, 204))
        self.assertEqual(response.headers["access-control-allow-origin"], ALLOWED)

    def test_the_list_names_the_streams(self):
        for path in ("/events/", "/events"):
            response = self.keep(self.server.get(path))
            self.assertEqual(response.status, 200)
            names = {s["name"] for s in json.loads(response.body())["streams"]}
            self.assertEqual(names, {"app", "clock"})

    def test_several_readers_get_every_line(self):
        # At once: mod_fcgid lets each that finds all processes busy wait a second.
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            streams = list(pool.map(lambda _: self.stream(), range(8)))
        for n in range(30):
            harness.append(self.log, "line %d\n" % n)
        for stream in streams:
            self.assertEqual([stream.event().data for _ in range(30)],
                             ["line %d" % n for n in range(30)])

    def test_many_events_at_once_arrive_in_order(self):
        stream = self.stream()
        lines = ["%d %s" % (n, "z" * (n % 500)) for n in range(5000)]
        harness.append(self.log, "".join(line + "\n" for line in lines))
        self.assertEqual([stream.event().data for _ in lines], lines)


class LossTest:
    """Mixed in where the web server spawns the responder."""

    def test_a_thousand_lines_survive_five_kills_each_once_and_in_order(self):
        self.log, app = self.tail("numbered.log")
        self.server = self.start(self.config({"app": app}))
        got, kills = harness.lossless_run(self.server, self.log)
        self.assertGreaterEqual(kills, 5)
        self.assertEqual(got, ["line %d" % n for n in range(1, 1001)])


class NoticesDepartures:
    """Mixed in where readers() is exact and a quiet stream's end is seen at once."""

    def test_a_reader_that_leaves_a_quiet_stream_is_noticed(self):
        for leave in (lambda s: s.close(), lambda s: sse_client.reset(s.source.sock)):
            stays, leaver = self.stream(), self.stream()
            harness.wait_until(lambda: self.readers() == 2, "both are counted")
            leave(leaver)
            harness.wait_until(lambda: self.readers() == 1, "the departure was noticed")
            harness.append(self.log, "after\n")
            self.assertEqual(stays.event().data, "after")
            stays.close()
            harness.wait_until(lambda: self.readers() == 0, "nobody is left")

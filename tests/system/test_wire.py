# SPDX-License-Identifier: MIT
"""What a client sees of a stream: its head, its start, its positions, its gaps."""

import json

import harness
import sse_client


class Wire(harness.Case):
    def setUp(self):
        super().setUp()
        self.log, settings = self.tail(text="".join("old %d\n" % n for n in range(1, 6)))
        config = self.config({"app": settings, "clock": {"source": "clock", "interval_ms": 50}},
                             retry_ms=10000)
        self.server = self.responder(config)

    def stream(self, path, headers=None, **more):
        return self.keep(self.server.stream(path, headers, **more))

    def lines(self, stream, count):
        return [stream.event().data for _ in range(count)]


class Start(Wire):
    def test_the_head_forbids_caching_and_buffering(self):
        stream = self.stream("/events/app")
        headers = stream.source.headers
        self.assertEqual(stream.source.status, 200)
        self.assertEqual(headers["content-type"], "text/event-stream")
        self.assertEqual(headers["cache-control"], "no-store, no-transform")
        self.assertEqual(headers["x-accel-buffering"], "no")

    def test_it_begins_with_retry_and_then_an_id_alone(self):
        response = self.keep(self.server.request("/events/app"))
        stream = sse_client.EventStream(response)
        first, second = stream.block(), stream.block()
        self.assertIsNotNone(first.retry)
        self.assertEqual((first.id, first.event, first.data), (None, None, None))
        self.assertIsNotNone(second.id)
        self.assertEqual((second.retry, second.event, second.data), (None, None, None))

    def test_retry_is_spread_over_80_to_120_per_cent(self):
        seen = set()
        for _ in range(30):
            stream = self.server.stream("/events/app")
            seen.add(stream.retry_ms)
            stream.close()
        self.assertGreaterEqual(min(seen), 8000)
        self.assertLessEqual(max(seen), 12000)
        self.assertGreater(len(seen), 5)

    def test_without_a_position_it_begins_now(self):
        stream = self.stream("/events/app")
        harness.append(self.log, "new 1\n")
        self.assertEqual(stream.event().data, "new 1")

    def test_the_starting_position_is_enough_to_resume(self):
        first = self.server.stream("/events/app")
        first.close()  # cut off before its first event
        harness.append(self.log, "new 1\nnew 2\n")
        stream = self.stream("/events/app", {"Last-Event-ID": first.last_id})
        self.assertEqual(self.lines(stream, 2), ["new 1", "new 2"])

    def test_all_servers_ways_of_naming_a_stream_work(self):
        whole = {"SCRIPT_NAME": "", "PATH_INFO": "/events/app"}  # H2O, Caddy
        for params in (whole,
                       {"SCRIPT_NAME": "/events/app", "PATH_INFO": ""},  # Apache, ProxyPass
                       {"SCRIPT_NAME": "/app/events", "PATH_INFO": "/app"}):
            with self.subTest(params=params):
                self.server.stream("/events/app", **params).close()

    def test_it_serves_over_tcp(self):
        config = self.config({"clock": {"source": "clock", "interval_ms": 50}}, "tcp.json")
        server = self.responder(config, is_tcp=True, log="tcp.log")
        stream = self.keep(server.stream("/events/clock"))
        self.assertIn("epoch_ms", json.loads(stream.event().data))


class Positions(Wire):
    def all_old(self):
        """Ids and lines of what stands in the log."""
        stream = self.stream("/events/app?last=5")
        events = [stream.event() for _ in range(5)]
        self.assertEqual([e.data for e in events], ["old %d" % n for n in range(1, 6)])
        return [e.id for e in events]

    def test_ids_are_distinct_and_the_same_for_everybody(self):
        ids = self.all_old()
        self.assertEqual(len(set(ids)), 5)
        self.assertEqual(self.all_old(), ids)

    def test_live_and_replayed_events_have_the_same_ids(self):
        stream = self.stream("/events/app")
        harness.append(self.log, "new 1\nnew 2\n")
        live = [stream.event().id for _ in range(2)]
        again = self.stream("/events/app?last=2")
        self.assertEqual([again.event().id for _ in range(2)], live)

    def test_last_event_id_resumes_after_that_event(self):
        ids = self.all_old()
        for at in range(5):
            stream = self.stream("/events/app", {"Last-Event-ID": ids[at]})
            self.assertEqual(stream.last_id, ids[at])
            harness.append(self.log, "mark %d\n" % at)
            wanted = ["old %d" % n for n in range(at + 2, 6)]
            wanted += ["mark %d" % n for n in range(at + 1)]
            self.assertEqual(self.lines(stream, len(wanted)), wanted)

    def test_from_resumes_as_the_header_does(self):
        stream = self.stream("/events/app?from=" + self.all_old()[2])
        self.assertEqual(self.lines(stream, 2), ["old 4", "old 5"])

    def test_the_header_wins_over_from(self):
        ids = self.all_old()
        stream = self.stream("/events/app?from=" + ids[0], {"Last-Event-ID": ids[3]})
        self.assertEqual(stream.event().data, "old 5")

    def test_the_header_wins_over_last(self):
        stream = self.stream("/events/app?last=5", {"Last-Event-ID": self.all_old()[3]})
        self.assertEqual(stream.event().data, "old 5")

    def test_last_starts_that_many_back(self):
        for count, first in ((1, "old 5"), (3, "old 3"), (5, "old 1"), (100, "old 1")):
            with self.subTest(last=count):
                self.assertEqual(self.stream("/events/app?last=%d" % count).event().data, first)

    def test_last_0_begins_now(self):
        stream = self.stream("/events/app?last=0")
        harness.append(self.log, "new 1\n")
        self.assertEqual(stream.event().data, "new 1")

    def test_replay_goes_over_into_live_without_a_seam(self):
        streams = [self.stream("/events/app?last=5") for _ in range(5)]
        for n in range(200):
            harness.append(self.log, "new %d\n" % n)
        wanted = ["old %d" % n for n in range(1, 6)] + ["new %d" % n for n in range(200)]
        for stream in streams:
            self.assertEqual(self.lines(stream, len(wanted)), wanted)

    def test_the_clock_replays_its_ticks(self):
        stream = self.stream("/events/clock")
        first = stream.event()
        while first.event is not None:
            first = stream.event()
        for _ in range(4):
            stream.event()
        again = self.stream("/events/clock", {"Last-Event-ID": first.id})
        wanted = json.loads(first.data)["epoch_ms"] + 50
        for _ in range(10):
            event = again.event()
            values = json.loads(event.data)
            if event.event == "stream.gap":  # this machine was late: the ticks left out are told
                self.assertEqual(values["reason"], "late")
                wanted += 50 * values["events"]
            else:
                self.assertEqual(values["epoch_ms"], wanted)
                wanted += 50


class Gaps(Wire):
    def assert_unknown(self, position):
        stream = self.stream("/events/app", {"Last-Event-ID": position})
        gap = stream.event()
        self.assertEqual(gap.event, "stream.gap")
        self.assertEqual(json.loads(gap.data)["reason"], "unknown-position")
        harness.append(self.log, "new\n")
        self.assertEqual(stream.event().data, "new")

    def test_a_last_event_id_of_another_kind_is_a_gap(self):
        self.assert_unknown("1763716800000.0-other~kind")

    def test_a_last_event_id_outside_the_alphabet_is_a_gap(self):
        self.assert_unknown("a b/c")

    def test_an_over_long_last_event_id_is_a_gap(self):
        self.assert_unknown("a" * 129)
        self.assert_unknown("a" * 20000)

    def test_a_binary_last_event_id_is_a_gap(self):
        self.assert_unknown(b"\xff\xfe\x01\x80".decode("utf-8", "surrogateescape"))

    def test_an_id_of_another_stream_is_a_gap(self):
        self.assert_unknown(self.stream("/events/clock").event().id)

    def test_an_empty_last_event_id_is_none_at_all(self):
        stream = self.stream("/events/app", {"Last-Event-ID": ""})
        harness.append(self.log, "new\n")
        self.assertEqual(stream.event().data, "new")

    def test_a_truncated_log_is_told_and_goes_on(self):
        stream = self.stream("/events/app?last=1")
        self.assertEqual(stream.event().data, "old 5")
        with open(self.log, "r+b") as f:
            f.truncate(0)
        harness.append(self.log, "after\n")
        seen = stream.event()
        while seen.event == "stream.gap":
            self.assertIn("reason", json.loads(seen.data))
            seen = stream.event()
        self.assertEqual((seen.event, seen.data), (None, "after"))


class Bytes(Wire):
    def test_invalid_utf_8_becomes_u_fffd(self):
        stream = self.stream("/events/app")
        harness.append(self.log, b"a\xff\xc3b\xe2\x82 \xed\xa0\x80\n")
        self.assertEqual(stream.event().data, "a\ufffd\ufffdb\ufffd \ufffd\ufffd\ufffd")

    def test_carriage_returns_never_reach_the_wire(self):
        stream = self.stream("/events/app")
        harness.append(self.log, b"a\rdata: b\rid: c\r\r\nnext\n")
        # The strict reader refuses a CR; CR inside a line starts a new data line.
        self.assertEqual(stream.event().data.splitlines()[:3], ["a", "data: b", "id: c"])
        self.assertEqual(stream.event().data, "next")

    def test_lines_that_look_like_fields_stay_data(self):
        stream = self.stream("/events/app")
        for line in ("data: x", "id: 1", ":", "", " leading", "event: stream.end", "\ufeffbom"):
            harness.append(self.log, line + "\n")
            event = stream.event()
            self.assertEqual((event.event, event.data), (None, line))

    def test_a_line_counts_when_it_is_whole(self):
        stream = self.stream("/events/app")
        harness.append(self.log, "first half, ")
        harness.append(self.log, "second half\nnext")
        harness.append(self.log, "\n")
        self.assertEqual(stream.event().data, "first half, second half")
        self.assertEqual(stream.event().data, "next")

    def test_a_large_line_arrives_whole(self):
        stream = self.stream("/events/app")
        line = "x" * 60000
        harness.append(self.log, line + "\n")
        self.assertEqual(stream.event().data, line)

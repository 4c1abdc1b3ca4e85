# SPDX-License-Identifier: MIT
"""History on request: since a time, up to an event, pages backwards; and the end that each has."""

import json
import time

import harness


class History(harness.Case):
    def setUp(self):
        super().setUp()
        self.log, app = self.tail(text="".join("line %d\n" % n for n in range(1, 11)))
        self.server = self.responder(self.config({
            "app": app, "clock": {"source": "clock", "interval_ms": 100}}))

    def stream(self, path, headers=None):
        return self.keep(self.server.stream(path, headers))

    def rest(self, path, headers=None):
        """The events of a stream that ends, without its stream.end; and that event."""
        stream = self.stream(path, headers)
        events = [b for b in stream.rest() if b.data is not None]
        self.assertEqual(stream.source.end, (0, 0))
        self.assertEqual(events[-1].event, "stream.end")
        return events[:-1], events[-1]

    def now_ms(self):
        return int(time.time() * 1000)


class Until(History):
    def test_it_ends_with_that_event(self):
        stream = self.stream("/events/app?last=10")
        ids = [stream.event().id for _ in range(10)]
        events, end = self.rest("/events/app?from=%s&until=%s" % (ids[2], ids[6]))
        self.assertEqual([e.data for e in events], ["line %d" % n for n in range(4, 8)])
        self.assertEqual((end.id, json.loads(end.data)), (ids[6], {"reason": "until"}))

    def test_a_reconnect_after_the_end_is_told_to_stop(self):
        stream = self.stream("/events/app?last=2")
        ids = [stream.event().id for _ in range(2)]
        path = "/events/app?from=%s&until=%s" % (ids[0], ids[1])
        _, end = self.rest(path)
        response = self.keep(self.server.request(path, headers={"Last-Event-ID": end.id}))
        self.assertEqual((response.status, response.body()), (204, b""))

    def test_one_that_is_not_there_ends_at_the_head_and_says_so(self):
        stream = self.stream("/events/app?last=3")
        ids = [stream.event().id for _ in range(3)]
        events, end = self.rest("/events/app?from=%s&until=%s" % (ids[1], ids[0]))
        self.assertEqual([e.data for e in events], ["line 10"])
        self.assertEqual(json.loads(end.data), {"reason": "until-not-found"})

    def test_a_bad_one_is_400_and_named(self):
        response = self.keep(self.server.request("/events/app?until=nonsense"))
        self.assertEqual(response.status, 400)
        self.assertIn("until", json.loads(response.body())["error"])


class Since(History):
    def test_it_begins_with_the_first_event_of_that_time(self):
        at = self.now_ms() - 1000
        tick = (at + 99) // 100 * 100
        stream = self.stream("/events/clock?since=%d" % at)
        self.assertEqual(stream.event().id, str(tick))

    def test_a_time_may_be_written_for_people(self):
        at = (self.now_ms() // 1000 - 2) * 1000
        text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // 1000))
        stream = self.stream("/events/clock?since=" + text)
        self.assertEqual(stream.event().id, str(at))

    def test_a_bad_time_is_400_and_named(self):
        for path in ("/events/clock?since=tomorrow", "/events/clock?since=2026-13-01"):
            response = self.keep(self.server.request(path))
            self.assertEqual(response.status, 400)
            self.assertIn("since", json.loads(response.body())["error"])


class Before(History):
    def test_a_page_is_what_stands_before_the_event(self):
        top = self.now_ms() // 100 * 100 - 500
        events, _ = self.rest("/events/clock?before=%d&last=5" % top)
        self.assertEqual([e.id for e in events], [str(top - 100 * n) for n in range(5, 0, -1)])

    def test_pages_join_without_a_seam(self):
        top = self.now_ms() // 100 * 100 - 500
        seen = []
        at = top
        for _ in range(4):
            events, _ = self.rest("/events/clock?before=%s&last=3" % at)
            seen = [int(e.id) for e in events] + seen
            at = seen[0]
        self.assertEqual(seen, list(range(top - 1200, top, 100)))

    def test_it_goes_with_last_only(self):
        response = self.keep(self.server.request("/events/clock?before=%d&until=%d"
                                                 % (self.now_ms(), self.now_ms())))
        self.assertEqual(response.status, 400)
        self.assertIn("before", json.loads(response.body())["error"])

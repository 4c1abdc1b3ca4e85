# SPDX-License-Identifier: MIT
"""SIGTERM and SIGINT drain; SIGHUP reloads, and a wrong configuration changes nothing."""

import json
import os
import signal

import harness


class Drain(harness.Case):
    def drain(self, number, drain_s):
        log, app = self.tail()
        server = self.responder(self.config({"app": app}, drain_s=drain_s, retry_ms=1000))
        streams = [self.keep(server.stream("/events/app")) for _ in range(20)]
        harness.append(log, "last words\n")
        for stream in streams:
            self.assertEqual(stream.event().data, "last words")
        server.process.signal(number)
        retries = []
        for stream in streams:
            blocks = stream.rest()  # fails on a block that was cut
            self.assertEqual(stream.source.end, (0, 0))
            self.assertEqual([b for b in blocks if b.is_event], [])
            retries.append(blocks[-1].retry)
        self.assertTrue(all(r is not None and 800 <= r <= 1200 for r in retries), retries)
        self.assertGreater(len(set(retries)), 3)
        self.assertEqual(server.process.wait(), 0)
        self.assertFalse(os.path.exists(server.address))

    def test_sigterm_ends_streams_whole_with_retry_and_exits_0(self):
        self.drain(signal.SIGTERM, 1)

    def test_sigint_does_the_same(self):
        self.drain(signal.SIGINT, 0)

    def test_without_readers_it_exits_at_once(self):
        server = self.responder(self.config({"c": {"source": "clock"}}, drain_s=3600))
        server.process.signal(signal.SIGTERM)
        self.assertEqual(server.process.wait(), 0)

    def test_when_the_readers_leave_it_does_not_wait_for_the_rest_of_the_drain(self):
        server = self.responder(self.config({"c": {"source": "clock"}}, drain_s=3600))
        stream = server.stream("/events/c")
        server.process.signal(signal.SIGTERM)
        harness.wait_until(lambda: not os.path.exists(server.address), "it stopped listening")
        stream.close()
        self.assertEqual(server.process.wait(), 0)

    def test_a_second_signal_does_not_wait(self):
        server = self.responder(self.config({"c": {"source": "clock"}}, drain_s=3600))
        self.keep(server.stream("/events/c"))
        server.process.signal(signal.SIGTERM)
        harness.wait_until(lambda: not os.path.exists(server.address), "it stopped listening")
        server.process.signal(signal.SIGTERM)
        self.assertEqual(server.process.wait(), 0)

    def test_a_drained_reader_goes_on_where_it_was(self):
        log, app = self.tail()
        config = self.config({"app": app}, drain_s=1)
        server = self.responder(config)
        stream = self.keep(server.stream("/events/app"))
        server.process.signal(signal.SIGTERM)
        stream.rest()
        server.process.wait()
        harness.append(log, "while nobody ran\n")
        again = self.keep(self.responder(config, log="second.log").stream(
            "/events/app", {"Last-Event-ID": stream.last_id}))
        self.assertEqual(again.event().data, "while nobody ran")

    def test_a_peer_that_went_away_while_written_to_kills_nobody(self):
        server = self.responder(self.config({"c": {"source": "clock", "interval_ms": 10}}))
        for _ in range(50):
            server.stream("/events/c").close()  # SIGPIPE would end it
        self.assertIn("epoch_ms", self.keep(server.stream("/events/c")).event().data)


class Reload(harness.Case):
    def setUp(self):
        super().setUp()
        self.log, self.app = self.tail()
        self.clock = {"source": "clock", "interval_ms": 100}
        self.server = self.responder(self.config({"app": self.app, "clock": self.clock}))

    def reload(self, streams, **settings):
        self.config(streams, **settings)
        self.server.process.signal(signal.SIGHUP)

    def names(self):
        return set(self.server.listing())

    def test_streams_whose_settings_stayed_are_not_cut(self):
        stream = self.keep(self.server.stream("/events/app"))
        self.reload({"app": self.app, "clock": self.clock, "more": {"source": "clock"}})
        harness.wait_until(lambda: "more" in self.names(), "the new stream is there")
        harness.append(self.log, "after\n")
        self.assertEqual(stream.event().data, "after")
        self.keep(self.server.stream("/events/more"))

    def test_a_stream_that_changed_ends_and_begins_anew(self):
        stream = self.keep(self.server.stream("/events/clock"))
        other = self.keep(self.server.stream("/events/app"))
        self.reload({"app": self.app, "clock": dict(self.clock, format="plain")})
        blocks = stream.rest()
        self.assertIsNotNone(blocks[-1].retry)
        again = self.keep(self.server.stream("/events/clock", {"Last-Event-ID": stream.last_id}))
        self.assertRegex(again.event().data, r"\A\d{4}-\d\d-\d\dT")
        harness.append(self.log, "not cut\n")
        self.assertEqual(other.event().data, "not cut")

    def test_a_removed_stream_ends_and_is_404(self):
        stream = self.keep(self.server.stream("/events/clock"))
        self.reload({"app": self.app})
        stream.rest()
        self.assertEqual(self.keep(self.server.request("/events/clock")).status, 404)
        self.assertEqual(self.names(), {"app"})

    def test_a_wrong_configuration_keeps_the_old_and_says_so(self):
        stream = self.keep(self.server.stream("/events/app"))
        for text in ("{", '{"streams": {"x": {"source": "nope"}}}', '{"heartbeat_s": 0}'):
            said = len(self.server.process.log.read_text().splitlines())
            self.write("ssecgi.json", text)
            self.server.process.signal(signal.SIGHUP)
            harness.wait_until(
                lambda: any("ssecgi.json" in line for line in
                            self.server.process.log.read_text().splitlines()[said:]),
                "the log names the file")
            self.assertEqual(self.names(), {"app", "clock"})
            harness.append(self.log, "still here\n")
            self.assertEqual(stream.event().data, "still here")

    def test_a_new_limit_counts_at_once(self):
        self.keep(self.server.stream("/events/app"))
        self.reload({"app": self.app, "clock": self.clock, "more": {"source": "clock"}},
                    max_streams=1)
        harness.wait_until(lambda: "more" in self.names(), "the new configuration is in force")
        response = self.keep(self.server.request("/events/app"))
        self.assertIn(b"stream.busy", response.body())

    def test_reloads_in_a_row_do_no_harm(self):
        stream = self.keep(self.server.stream("/events/app"))
        for n in range(30):
            self.reload({"app": self.app, "s%d" % n: self.clock})
        harness.wait_until(lambda: self.names() == {"app", "s29"}, "the last one counts")
        harness.append(self.log, "after all\n")
        self.assertEqual(stream.event().data, "after all")
        self.assertEqual(json.loads(self.keep(self.server.request("/events/")).body())["streams"][0]
                         ["name"], "app")

# SPDX-License-Identifier: MIT
"""SIGTERM, SIGINT and SIGUSR1 drain; SIGHUP reloads, and a wrong configuration changes nothing."""

import json
import os
import select
import signal

import fcgi
import harness
import sse_client


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

    def test_sigusr1_does_the_same(self):
        self.drain(signal.SIGUSR1, 1)  # what libfcgi takes for the end, too

    def test_the_ends_are_spread(self):
        """When the first stream has ended others go on, and still get what is new."""
        log, app = self.tail()
        server = self.responder(self.config({"app": app}, drain_s=3, retry_ms=1000))
        streams = [self.keep(server.stream("/events/app")) for _ in range(40)]
        server.process.signal(signal.SIGTERM)

        harness.wait_until(lambda: any(map(self.has_more, streams)), "the first stream ends")
        harness.append(log, "to those that are left\n")
        got = [any(b.data == "to those that are left" for b in s.rest()) for s in streams]
        self.assertIn(True, got)
        self.assertIn(False, got)
        self.assertEqual(server.process.wait(), 0)

    @staticmethod
    def has_more(stream):
        """Bytes wait to be read: after the start of a stream these can be its end only."""
        return bool(select.select([stream.source.connection.sock], [], [], 0)[0])

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

    def test_a_reload_during_the_drain_changes_nothing(self):
        config = self.config({"c": {"source": "clock"}}, drain_s=3600)
        server = self.responder(config)
        stream = server.stream("/events/c")
        server.process.signal(signal.SIGTERM)
        harness.wait_until(lambda: not os.path.exists(server.address), "it stopped listening")
        self.config({"d": {"source": "clock"}})
        for _ in range(10):
            server.process.signal(signal.SIGHUP)
        self.assertIn("epoch_ms", stream.event().data)
        stream.close()
        self.assertEqual(server.process.wait(), 0)
        self.assertNotIn("reloaded", server.process.log.read_text())


class Start(harness.Case):
    """Whoever starts ssecgi may send a signal before it is ready."""

    def test_a_sighup_while_the_configuration_is_read_counts_later(self):
        path = self.dir / "slow.json"
        os.mkfifo(path)
        address = self.dir / "fcgi.sock"
        process = self.process([harness.SSECGI, "--config", path, "--listen", "unix:%s" % address],
                               "early.log", env=self.environment({}))

        def writer():
            try:
                return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                return None  # nobody reads yet
        fd = harness.wait_until(writer, "it reads the configuration")
        process.signal(signal.SIGHUP)
        self.config({"second": {"source": "clock"}}, name="next.json").rename(path)
        os.write(fd, b'{"streams": {"first": {"source": "clock"}}}')
        os.close(fd)
        harness.wait_until(address.exists, "it listens")
        server = harness.Responder(process, str(address))
        harness.wait_until(lambda: set(server.listing()) == {"second"}, "it has been reloaded")


class OneReader(harness.Case):
    """A CGI program and --print have no use for another configuration."""

    def setUp(self):
        super().setUp()
        self.path = self.config({"c": {"source": "clock", "interval_ms": 50}}, drain_s=3600)

    def start(self, env, *args):
        with open(self.dir / "one.log", "ab") as err:
            process = self.keep(fcgi.CgiProcess([harness.SSECGI, *args], self.environment(env), err))
        if env:
            process.read_head()
        self.assertIn("epoch_ms", sse_client.EventStream(process).event().data)
        return process

    def check(self, *args, **env):
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            process = self.start(env, *args)
            process.process.send_signal(number)
            self.assertEqual(process.wait(), 0, number)

    def test_a_terminal_that_is_closed_ends_print(self):
        self.check("--config", self.path, "--print", "c")

    def test_each_signal_ends_a_cgi_program(self):
        self.check(**fcgi.environment("/events/c", SSECGI_CONFIG=self.path))


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

    def test_what_cannot_change_any_more_is_told(self):
        self.keep(self.server.stream("/events/app"))
        self.reload({"app": self.app, "clock": self.clock}, ring_bytes=8192)
        harness.wait_until(lambda: "ring_bytes counts" in self.server.process.log.read_text(),
                           "the log tells")

    def test_sockets_stay_as_they_are(self):
        before = os.stat(self.server.address)
        self.reload({"app": self.app})
        harness.wait_until(lambda: self.names() == {"app"}, "the new configuration is in force")
        self.assertTrue(os.path.samestat(os.stat(self.server.address), before))

    def test_a_storm_of_reloads_does_no_harm(self):
        stream = self.keep(self.server.stream("/events/app"))
        self.config({"app": self.app, "last": self.clock})
        for _ in range(100):
            self.server.process.signal(signal.SIGHUP)
        harness.wait_until(lambda: self.names() == {"app", "last"}, "the configuration is in force")
        harness.append(self.log, "after the storm\n")
        self.assertEqual(stream.event().data, "after the storm")

    def test_reloads_in_a_row_do_no_harm(self):
        stream = self.keep(self.server.stream("/events/app"))
        for n in range(30):
            self.reload({"app": self.app, "s%d" % n: self.clock})
        harness.wait_until(lambda: self.names() == {"app", "s29"}, "the last one counts")
        harness.append(self.log, "after all\n")
        self.assertEqual(stream.event().data, "after all")
        self.assertEqual(json.loads(self.keep(self.server.request("/events/")).body())["streams"][0]
                         ["name"], "app")

# SPDX-License-Identifier: MIT
"""--print: a stream on standard output, as frames."""

import json
import signal

import fcgi
import harness
import sse_client


class Print(harness.Case):
    def setUp(self):
        super().setUp()
        self.log, app = self.tail(text="".join("old %d\n" % n for n in range(1, 6)))
        self.path = self.config({"app": app, "clock": {"source": "clock", "interval_ms": 50},
                                 "price": {"source": "price", "seed": 7, "interval_ms": 100}})

    def start(self, *args):
        with open(self.dir / "print.log", "ab") as err:
            return self.keep(fcgi.CgiProcess(
                [harness.SSECGI, "--config", self.path, "--print", *args], self.environment({}),
                err))

    def events(self, *args):
        """All blocks of a run that ends by itself, and its exit status."""
        process = self.start(*args)
        blocks = sse_client.EventStream(process).rest()
        return [b for b in blocks if b.is_event], process.wait()

    def test_last_and_count_print_so_many_lines_and_end(self):
        events, status = self.events("app", "--last", "3", "--count", "2")
        self.assertEqual([e.data for e in events], ["old 3", "old 4"])
        self.assertEqual(status, 0)

    def test_from_goes_on_after_a_position(self):
        events, _ = self.events("app", "--last", "5", "--count", "5")
        again, status = self.events("app", "--from", events[2].id, "--count", "2")
        self.assertEqual([e.data for e in again], ["old 4", "old 5"])
        self.assertEqual(status, 0)

    def test_it_follows_the_source(self):
        process = self.start("app")
        stream = sse_client.EventStream(process).start()
        for n in range(10):
            harness.append(self.log, "new %d\n" % n)
            self.assertEqual(stream.event().data, "new %d" % n)
        process.process.send_signal(signal.SIGTERM)
        stream.rest()
        self.assertEqual(process.wait(), 0)

    def test_a_signal_ends_it_at_once_whatever_drain_s_says(self):
        self.config({"clock": {"source": "clock"}}, drain_s=3600)
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start("clock")
            stream = sse_client.EventStream(process).start()
            process.process.send_signal(number)
            stream.rest()
            self.assertEqual(process.wait(), 0)

    def test_every_process_agrees_on_the_price(self):
        events, _ = self.events("price", "--last", "20", "--count", "10")
        again, _ = self.events("price", "--from", events[0].id, "--count", "9")
        self.assertEqual([(e.id, e.data) for e in again], [(e.id, e.data) for e in events[1:]])
        self.assertIn("price", json.loads(events[0].data))

    def test_the_clock_ticks(self):
        events, status = self.events("clock", "--count", "3")
        self.assertEqual((len(events), status), (3, 0))

    def test_an_unknown_stream_or_position_is_an_error_that_says_so(self):
        for word, *args in (("nope", "nope"), ("from", "app", "--from", "not/a/position"),
                            ("from", "app", "--from", "xyz"), ("last", "app", "--last", "x"),
                            ("symbol", "price?symbol=NOPE")):
            status, out, err = self.run_program("--config", self.path, "--print", *args,
                                                "--count", "1")
            self.assertIn(status, (1, 2), args)
            self.assertEqual(out, "")
            self.assertIn(word, err)

    def test_it_ends_when_nobody_reads_its_output(self):
        process = self.start("clock")
        sse_client.EventStream(process).start()
        process.process.stdout.close()
        self.assertIn(process.process.wait(harness.WAIT), (0, 1))

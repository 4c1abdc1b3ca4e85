# SPDX-License-Identifier: MIT
"""Time and number: heartbeat, age, the limit on streams, readers that take nothing."""

import socket
import time

import fcgi
import harness
import sse_client


class Limits(harness.Case):
    def serve(self, **settings):
        self.log, app = self.tail(text="old\n")
        self.server = self.responder(self.config({"app": app}, **settings))

    def stream(self, path="/events/app", headers=None):
        return self.keep(self.server.stream(path, headers))

    def test_a_quiet_stream_has_a_heartbeat_for_every_reader(self):
        self.serve(heartbeat_s=1)
        streams = [self.stream() for _ in range(3)]
        for stream in streams:
            block = stream.block()
            self.assertEqual((len(block.comments), block.data, block.id), (1, None, None))
        harness.append(self.log, "new\n")
        for stream in streams:
            self.assertEqual(stream.event().data, "new")

    def test_old_streams_end_whole_with_a_retry_and_lose_nothing(self):
        self.serve(max_stream_age_s=1, retry_ms=1000)
        first = self.stream()
        stream, count = first, 0
        deadline = time.monotonic() + sse_client.WAIT
        while stream is first:
            self.assertLess(time.monotonic(), deadline, "the stream never ended")
            count += 1
            harness.append(self.log, "line %d\n" % count)
            try:
                self.assertEqual(stream.event().data, "line %d" % count)
            except sse_client.StreamEnded:
                stream = self.stream(headers={"Last-Event-ID": first.last_id})
        self.assertEqual(first.source.end, (0, 0))
        self.assertEqual(stream.event().data, "line %d" % count)

    def test_the_last_word_of_an_old_stream_is_retry(self):
        self.serve(max_stream_age_s=1, retry_ms=1000)
        stream = self.stream()
        blocks = [b for b in stream.rest() if not b.comments]
        self.assertTrue(800 <= blocks[-1].retry <= 1200, blocks)
        self.assertEqual(stream.source.end, (0, 0))

    def test_a_stream_too_many_is_told_to_come_back_late(self):
        self.serve(max_streams=2, retry_ms=100)
        kept = [self.stream(), self.stream()]
        response = self.keep(self.server.request("/events/app"))
        self.assertEqual(response.status, 200)
        self.assertEqual(response.headers["content-type"], "text/event-stream")
        busy = sse_client.EventStream(response)
        blocks = busy.rest()
        self.assertEqual([b.event for b in blocks if b.is_event], ["stream.busy"])
        self.assertGreaterEqual(busy.retry_ms, 500)  # several times the usual
        self.assertEqual(busy.last_id, "")  # the reader's own position must stand
        self.assertEqual(response.end, (0, 0))
        harness.append(self.log, "new\n")
        for stream in kept:
            self.assertEqual(stream.event().data, "new")
        kept[0].close()
        harness.wait_until(lambda: self.server.readers("app") == 1, "the place is free again")
        self.stream()

    def test_a_reader_that_takes_nothing_is_closed_and_delays_nobody(self):
        self.serve(stall_timeout_s=1)
        stalled = self.keep(self.server.connect())
        stalled.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.send(fcgi.request_bytes(fcgi.environment("/events/app")))
        good = self.stream()
        harness.wait_until(lambda: self.server.readers("app") == 2, "both are readers")
        deadline = time.monotonic() + sse_client.WAIT
        count = 0
        while self.server.readers("app") == 2 and time.monotonic() < deadline:
            # More than all buffers between here and there hold.
            harness.append(self.log, ("%d " % count + "x" * 1000 + "\n") * 200)
            for _ in range(200):
                self.assertEqual(good.event().data.split()[0], str(count))
            count += 1
        self.assertEqual(self.server.readers("app"), 1)
        harness.append(self.log, "after\n")
        self.assertEqual(good.event().data, "after")

    def test_a_slow_reader_gets_every_line(self):
        self.serve(ring_bytes=4096)
        slow = self.stream()
        lines = ["%d %s" % (n, "y" * 500) for n in range(2000)]
        harness.append(self.log, "".join(line + "\n" for line in lines))
        fast = self.stream("/events/app?last=1")
        harness.wait_until(lambda: fast.event().data == lines[-1], "the last line was served")
        self.assertEqual([slow.event().data for _ in lines], lines)

    def test_connections_leave_descriptors_for_a_rotated_log(self):
        self.log, app = self.tail(text="old\n")
        self.server = self.responder(self.config({"app": app}), before=("prlimit", "--nofile=64:64"))
        reader = self.stream()
        for _ in range(100):
            self.keep(fcgi.Connection(self.server.address))
        for n in range(3):
            harness.append(self.log, "line %d\n" % n)
            event = reader.event()
            self.assertEqual((event.event, event.data), (None, "line %d" % n))
            self.log.rename("%s.%d" % (self.log, n))

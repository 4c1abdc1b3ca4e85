# SPDX-License-Identifier: MIT
"""Behind lighttpd that connects to an ssecgi which runs by itself."""

import signal
import time

import front_end
import harness


class Streams(front_end.FrontEnd, front_end.NoticesDepartures, harness.Case):
    def start(self, config):
        self.path = config
        self.ssecgi = self.responder(config)
        return self.lighttpd("lighttpd/lighttpd-external.conf", SOCKET=self.ssecgi.address)

    def reconnect(self, last_id):
        """As a browser does: again and again while the server says it has nobody behind it."""
        deadline = time.monotonic() + harness.WAIT
        while True:
            try:
                return self.stream(headers={"Last-Event-ID": last_id})
            except harness.BadStatus as e:
                if e.status < 500 or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def readers(self):
        return self.ssecgi.readers("app")

    def test_ssecgi_may_be_killed_and_started_again_without_a_loss(self):
        stream = self.stream()
        for round_ in range(2):
            harness.append(self.log, "before %d\n" % round_)
            self.assertEqual(stream.event().data, "before %d" % round_)
            self.ssecgi.process.signal(signal.SIGKILL)
            self.ssecgi.process.wait()
            stream.rest()
            harness.append(self.log, "between %d\n" % round_)
            self.ssecgi = self.responder(self.path)  # the socket file of the dead one is there
            stream = self.reconnect(stream.last_id)
            self.assertEqual(stream.event().data, "between %d" % round_)

    def test_a_drain_reaches_the_reader_through_the_server(self):
        streams = [self.stream() for _ in range(5)]
        self.ssecgi.process.signal(signal.SIGTERM)
        for stream in streams:
            blocks = stream.rest()
            self.assertIsNotNone(blocks[-1].retry)
        self.assertEqual(self.ssecgi.process.wait(), 0)

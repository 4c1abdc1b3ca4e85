# SPDX-License-Identifier: MIT
"""At the limit of open files: new readers are told so, those that stream notice nothing."""

import re

import fcgi
import harness
import sse_client


class OpenFiles(harness.Case):
    def serve(self, files, **settings):
        self.log, app = self.tail(text="old\n")
        self.server = self.responder(self.config({"app": app}, **settings),
                                     before=("prlimit", "--nofile=" + files))

    def most(self):
        """The maximum as it was logged at the start."""
        def said():
            text = (self.dir / "responder.log").read_text()
            return re.search(r" started .*max_streams=(\d+) open_files=\d+ ", text)
        return int(harness.wait_until(said, "it has said so").group(1))

    def is_busy(self):
        response = self.keep(self.server.request("/events/app"))
        events = [b.event for b in sse_client.EventStream(response).rest() if b.is_event]
        self.assertEqual(response.end, (0, 0))
        return events == ["stream.busy"]

    def fill_up(self):
        return [self.keep(self.server.stream("/events/app")) for _ in range(self.most())]

    def assert_served(self, streams, text):
        harness.append(self.log, text + "\n")
        for stream in streams:
            self.assertEqual(stream.event().data, text)

    def test_a_reader_too_many_is_told_so_and_the_others_go_on(self):
        self.serve("80:80")
        streams = self.fill_up()
        self.assertLess(len(streams), 80)
        for n in range(30):
            self.assertTrue(self.is_busy())
            self.assert_served(streams, "line %d" % n)
        streams.pop().close()
        harness.wait_until(lambda: self.server.readers("app") == len(streams), "one has left")
        streams.append(self.keep(self.server.stream("/events/app")))
        self.assertTrue(self.is_busy())
        self.assertNotIn(" error ", (self.dir / "responder.log").read_text())

    def test_the_soft_limit_is_raised_to_the_hard_one(self):
        self.serve("40:4096", max_streams=500)
        self.assertEqual(self.most(), 500)
        streams = [self.keep(self.server.stream("/events/app")) for _ in range(60)]
        self.assert_served(streams, "new")

    def test_silent_connections_make_room_for_requests(self):
        self.serve("80:80")
        streams = self.fill_up()
        for _ in range(40):
            self.keep(fcgi.Connection(self.server.address))
        self.assertTrue(self.is_busy())
        self.assert_served(streams, "new")
        streams.pop().close()
        streams.append(self.keep(self.server.stream("/events/app")))
        self.assert_served(streams, "newer")

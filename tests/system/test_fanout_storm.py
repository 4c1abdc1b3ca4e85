# SPDX-License-Identifier: MIT
"""All readers come back at once: each streams again and has lost nothing."""

import fcgi
import harness

READERS = 500


class Storm(harness.Case):
    def test_every_reader_is_back_without_a_loss(self):
        self.log, app = self.tail(text="old\n")
        self.server = self.responder(self.config({"app": app}))
        streams = [self.keep(self.server.stream("/events/app")) for _ in range(READERS)]
        stays = self.keep(self.server.stream("/events/app"))
        lines = 0
        for _ in range(3):
            ids = [stream.last_id for stream in streams]
            for stream in streams:
                stream.close()
            # Requests first, answers later: all are under way at once.
            connections = []
            for last_id in ids:
                connection = self.keep(self.server.connect())
                connection.send(fcgi.request_bytes(fcgi.environment(
                    "/events/app", headers={"Last-Event-ID": last_id})))
                connections.append(connection)
                if len(connections) % 50 == 0:
                    lines += 1
                    harness.append(self.log, "line %d\n" % lines)
            streams = [harness.start_stream(fcgi.FcgiResponse(c).read_head()) for c in connections]
            wanted = ["line %d" % n for n in range(lines - 9, lines + 1)]
            for stream in [*streams, stays]:
                self.assertEqual([stream.event().data for _ in wanted], wanted)
        harness.wait_until(lambda: self.server.readers("app") == READERS + 1, "the old ones are gone")

    def test_a_stalled_reader_wakes_and_has_lost_nothing(self):
        self.log, app = self.tail(text="old\n")
        self.server = self.responder(self.config({"app": app}, ring_bytes=4096))
        stalled = [self.keep(self.server.stream("/events/app")) for _ in range(20)]
        awake = [self.keep(self.server.stream("/events/app")) for _ in range(20)]
        lines = ["%d %s" % (n, "y" * 500) for n in range(1500)]  # more than sockets hold
        for at in range(0, len(lines), 100):
            harness.append(self.log, "".join(line + "\n" for line in lines[at:at + 100]))
            for stream in awake:
                for line in lines[at:at + 100]:
                    self.assertEqual(stream.event().data, line)
        for stream in stalled:
            self.assertEqual([stream.event().data for _ in lines], lines)

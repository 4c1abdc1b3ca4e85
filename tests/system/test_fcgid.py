# SPDX-License-Identifier: MIT
"""Behind Apache with mod_fcgid, which gives a process one request at a time."""

import signal

import front_end
import harness


class Fcgid(harness.Case):
    def start(self, config):
        return self.apache("apache-fcgid/apache.conf", config)


class Streams(front_end.FrontEnd, Fcgid):
    settings = {"heartbeat_s": 1}  # mod_fcgid notices a departure when it writes

    def test_a_reader_that_leaves_is_noticed_by_its_heartbeat(self):
        stream = self.stream()
        pid, = self.server.responders()
        while_streaming = harness.socket_count(pid)
        stream.close()
        harness.wait_until(lambda: not harness.is_alive(pid)
                           or harness.socket_count(pid) < while_streaming,
                           "the process let go of its reader")
        # And it, or another, serves the next one.
        again = self.stream()
        harness.append(self.log, "after\n")
        self.assertEqual(again.event().data, "after")

    def test_each_reader_has_a_process(self):
        kept = [self.stream() for _ in range(4)]
        self.assertEqual(len(self.server.responders()), 4)
        harness.append(self.log, "line\n")
        for stream in kept:
            self.assertEqual(stream.event().data, "line")

    def test_a_position_from_one_process_is_good_in_another(self):
        one, two = self.stream("/events/app?last=3"), self.stream("/events/app?last=3")
        self.assertEqual([one.event().id for _ in range(3)], [two.event().id for _ in range(3)])

    def test_sigterm_to_the_server_leaves_no_process(self):
        self.stream()
        pids = self.server.responders()
        self.server.process.signal(signal.SIGTERM)
        harness.wait_until(lambda: not any(map(harness.is_alive, pids)), "the responder ended")


class Loss(front_end.LossTest, Fcgid):
    pass

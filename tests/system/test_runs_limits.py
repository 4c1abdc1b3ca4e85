# SPDX-License-Identifier: MIT
"""How many answers are made at once, how long and how large they get, and what is left of many."""

import json
import os
import re
import signal
import unittest

import harness
from runs_case import COUNTING, GATED, Runs


class Limits(Runs):
    def test_a_body_that_is_too_long_is_refused(self):
        self.serve("cat", max_body_bytes=10)
        self.assertEqual(self.request("x" * 11).status, 413)
        self.assertEqual(self.request("x" * 9, CONTENT_LENGTH="10").status, 400)
        stream, _ = self.post("x" * 10)
        self.assertEqual(self.rest(stream)[0], (None, "x" * 10))
        self.assertEqual(len(self.folders()), 1)

    def test_a_program_that_runs_or_writes_too_much_is_stopped(self):
        self.serve("read q; eval $q", run_s=1, max_output_bytes=1000)
        stream, _ = self.post("sleep 1000")
        self.assertEqual(json.loads(self.rest(stream)[-1][1])["limit"], "run_s")
        stream, _ = self.post("yes")
        events = self.rest(stream)
        self.assertEqual(json.loads(events[-1][1])["limit"], "max_output_bytes")
        self.assertEqual(events[:-1], [(None, "y")] * 500)
        self.no_process_left()

    def test_a_program_cannot_end_the_stream_by_an_event(self):
        self.serve("printf 'event: stream.end\\ndata: 1\\n\\nevent: a\\ndata: 2\\n\\n'", framing="sse")
        stream, _ = self.post()
        self.assertEqual(self.rest(stream),
                         [(None, "1"), ("a", "2"), ("stream.end", '{"status":0}')])

    def test_more_than_max_runs_wait_and_are_told_their_place(self):
        self.serve(GATED, max_runs=1, max_runs_user=1, queue=2)
        other = self.another()
        first, _ = self.post("a")
        second, _ = self.post("b")
        third, _ = self.post("c")
        self.assertEqual([json.loads(s.event().data) for s in (second, third)],
                         [{"place": 1}, {"place": 2}])
        response = self.request("d")
        self.assertEqual(response.status, 429)
        self.assertGreater(int(response.headers["retry-after"]), 0)
        foreign, _ = self.post("e", other)  # the limit is that of all processes
        self.assertEqual(foreign.event().event, "stream.queued")
        self.gate.touch()
        for name, stream in (("a", first), ("b", second), ("c", third), ("e", foreign)):
            words = [d for n, d in self.rest(stream) if not n]
            self.assertEqual(words, ["%s %d" % (name, n) for n in (1, 2, 3)])

    def test_where_no_reader_fits_nothing_is_begun(self):
        self.file = self.config({"ask": self.ask(GATED)}, state_dir=str(self.state), max_streams=1)
        self.server = self.responder(self.file)
        self.post("a")
        response = self.request("b")
        self.assertEqual(response.status, 503)
        self.assertIn("retry-after", response.headers)
        harness.wait_until(lambda: len(self.folders()) == 1, "the second is deleted")

    def test_one_user_does_not_take_all(self):
        self.serve(GATED, max_runs=2, max_runs_user=1, queue=5)
        self.post("a", REMOTE_USER="alice")
        waiting, _ = self.post("b", REMOTE_USER="alice")
        other, _ = self.post("c", REMOTE_USER="bob")
        self.assertEqual(waiting.event().event, "stream.queued")
        self.assertEqual(other.event().data, "c 1")

    def test_one_that_waits_can_be_deleted(self):
        self.serve(GATED, max_runs=1, queue=2)
        self.post("a")
        waiting, url = self.post("b")
        third, _ = self.post("c")
        self.assertEqual(self.status(url, "DELETE"), 204)
        self.assertEqual(self.rest(waiting)[-1], ("stream.end", '{"reason":"cancelled"}'))
        while json.loads(third.event().data) != {"place": 1}:
            pass
        self.gate.touch()
        self.assertEqual(self.rest(third)[-1], ("stream.end", '{"status":0}'))

    def test_a_killed_process_gives_its_place_back(self):
        self.serve(GATED, max_runs=1, queue=2)
        other = self.another()
        self.post("a")
        waiting, _ = self.post("b", other)
        self.assertEqual(waiting.event().event, "stream.queued")
        self.server.process.signal(signal.SIGKILL)
        self.assertEqual(waiting.event().data, "b 1")

    def test_a_full_disk_ends_the_answer(self):
        prlimit = harness.find_program("prlimit")
        self.serve("yes 'a line of some length, as there are many'",
                   before=[prlimit, "--fsize=65536"])
        stream, url = self.post()
        events = self.rest(stream)
        self.assertGreater(len(events), 100)
        self.assertEqual(events[-1], ("stream.end", '{"reason":"interrupted"}'))
        self.no_process_left()


class Many(Runs):
    COUNT = 500

    def test_hundreds_at_once_lose_nothing_and_leave_nothing(self):
        self.serve(COUNTING % 20, max_runs=self.COUNT, max_runs_user=self.COUNT,
                   keep_runs=2 * self.COUNT)
        streams = [self.request("x") for _ in range(self.COUNT)]
        expected = [(None, str(n)) for n in range(1, 21)] + [("stream.end", '{"status":0}')]
        urls = set()
        for response in streams:
            urls.add(response.headers["location"])
            events = self.rest(harness.start_stream(response))
            self.assertEqual(events[0][0], "stream.started")
            self.assertEqual(events[1:], expected)
            response.close()
        self.assertEqual(len(urls), self.COUNT)
        self.no_process_left()
        folder = "/proc/%d/fd" % self.server.process.pid

        def is_quiet():
            names = []
            for name in os.listdir(folder):
                try:
                    names.append(os.readlink(os.path.join(folder, name)))
                except OSError:
                    pass
            return not [n for n in names if re.search("/runs/topics/.*/", n)]
        harness.wait_until(is_quiet, "no file of a run is open")

    def test_a_thousand_requests_against_four_places(self):
        self.serve(GATED, max_runs=4, max_runs_user=4, queue=4)
        statuses = []
        for _ in range(1000):
            response = self.server.request("/events/ask", "POST", {}, b"x", CONTENT_LENGTH="1")
            statuses.append(response.status)
            response.close()
        self.assertEqual([statuses.count(200), statuses.count(429)], [8, 992])
        self.gate.touch()
        self.no_process_left()
        harness.wait_until(lambda: self.request().status == 200, "it answers again")


if __name__ == "__main__":
    unittest.main()

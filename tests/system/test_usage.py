# SPDX-License-Identifier: MIT
"""What the metrics tell of those who ask: questions, answers and their ends, by stream and user."""

import signal

import sse_client
import test_metrics


class Users(test_metrics.Case):
    """Who has asked what of a stream that answers."""

    RESULTS = ("complete", "failed", "cancelled", "interrupted")
    PROGRAM = "read word; echo $word; case $word in fail) exit 3;; wait) exec sleep 1000;; esac"

    def start_asked(self, **more):
        ask = {"source": "exec", "mode": "per_request", "argv": ["sh", "-c", self.PROGRAM],
               "publish": {"addresses": ["127.0.0.1"]}}
        self.path = self.config({"ask": ask, "trace": ask}, metrics=test_metrics.LOCAL, state_dir=str(self.dir),
                                drain_s=0, **more)
        server = self.responder(self.path)
        self.forget_board(server.process.pid)
        return server

    def ask(self, server, user, word="hello", stream="ask"):
        """Asks, and waits for the word, or for the end."""
        body = word.encode() + b"\n"
        response = self.keep(server.request(
            "/events/" + stream, "POST", {}, body, REMOTE_USER=user, CONTENT_TYPE="text/plain",
            CONTENT_LENGTH=str(len(body))))
        self.assertEqual(response.status, 200)
        events = sse_client.EventStream(response)
        while events.event().data != word:
            pass
        if word != "wait":
            while events.event().event != "stream.end":
                pass
        return response.headers["location"]

    def of(self, got, user, stream="ask"):
        """(questions, *answers by how they ended, events, bytes)"""
        return (got["ssecgi_questions_total", stream, user],
                *(got["ssecgi_answers_total", stream, user, r] for r in self.RESULTS),
                got["ssecgi_answer_events_total", stream, user],
                got["ssecgi_answer_bytes_total", stream, user])

    def test_users_are_counted_each_for_himself(self):
        server = self.start_asked()
        for _ in range(2):
            self.ask(server, "alice")
        self.ask(server, "alice", "fail")
        self.ask(server, 'bob "b" \\')
        self.ask(server, "", "fail")
        self.ask(server, "alice", stream="trace")
        address = self.ask(server, "alice", "wait")
        self.keep(server.request(address, "DELETE", REMOTE_USER="alice"))
        got = self.wait_for(server, lambda f: self.of(f, "alice")[3] == 1, "the deleted one counts")
        self.assertEqual(self.of(got, "alice"), (4, 2, 1, 1, 0, 4, 18))
        self.assertEqual(self.of(got, 'bob \\"b\\" \\\\'), (1, 1, 0, 0, 0, 1, 5))
        self.assertEqual(self.of(got, ""), (1, 0, 1, 0, 0, 1, 4))
        self.assertEqual(self.of(got, "alice", "trace"), (1, 1, 0, 0, 0, 1, 5))

    def test_they_outlive_the_process(self):
        server = self.start_asked()
        self.ask(server, "alice")
        self.ask(server, "alice", "wait")
        self.wait_for(server, lambda f: self.of(f, "alice")[0] == 2, "it is shared")
        for number, interrupted in ((signal.SIGKILL, 0), (signal.SIGTERM, 1)):
            server.process.signal(number)
            server.process.wait()
            server = self.responder(self.path)
            self.ask(server, "bob", "wait")
            got = self.scrape(server)
            self.assertEqual(self.of(got, "alice"), (2, 1, 0, 0, 0, 2, 9))
            self.assertEqual(self.of(got, "bob")[4], interrupted)

    def test_a_hundred_users_are_a_bounded_number_of_series(self):
        server = self.start_asked()
        for n in range(100):
            self.ask(server, "user%d" % n)
        self.ask(server, "u" * 1000)
        got = self.scrape(server)
        asked = {key[2]: got[key] for key in got if key[0] == "ssecgi_questions_total"}
        self.assertEqual(len(asked), 65)
        self.assertEqual((asked["user0"], asked["user63"], asked["-/other"]), (1, 1, 37))

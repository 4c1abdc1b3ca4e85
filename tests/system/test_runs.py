# SPDX-License-Identifier: MIT
"""Answers to requests: a program is run for each POST, and what it writes can be resumed anywhere."""

import json
import signal
import unittest

import harness
import sse_client
from runs_case import COUNTING, GATED, SLOW, Runs


class Answers(Runs):
    def test_an_answer_comes_word_by_word_and_ends(self):
        self.serve(GATED)
        web = self.lighttpd("lighttpd/lighttpd-external.conf", SOCKET=self.server.address)
        response = self.keep(sse_client.HttpResponse(web.port, "/events/ask", method="POST",
                                                     body=b"hi"))
        self.assertRegex(response.headers["location"], "/events/ask/[0-9a-f]{32}$")
        stream = harness.start_stream(response)
        self.assertEqual(stream.event().event, "stream.started")
        self.assertEqual([stream.event().data for _ in range(2)], ["hi 1", "hi 2"])
        self.gate.touch()
        self.assertEqual(self.rest(stream), [(None, "hi 3"), ("stream.end", '{"status":0}')])
        url = response.headers["location"]
        again = self.keep(web.get(url, {"Last-Event-ID": stream.last_id}))
        self.assertEqual(again.status, 204)
        again = self.keep(web.stream(url))
        self.assertEqual([d for n, d in self.rest(again) if not n], ["hi 1", "hi 2", "hi 3"])

    def test_a_reader_leaves_and_resumes_at_another_process(self):
        self.serve(GATED)
        other = self.another()
        stream, url = self.post()
        self.assertEqual(stream.event().data, "hello 1")
        last_id = stream.last_id
        stream.close()
        stream = self.read(url, other, last_id)
        self.assertEqual(stream.event().data, "hello 2")
        self.gate.touch()
        self.assertEqual(self.rest(stream), [(None, "hello 3"), ("stream.end", '{"status":0}')])
        self.assertEqual(self.status(url, server=other, headers={"Last-Event-ID": stream.last_id}),
                         204)
        self.no_process_left()

    def test_two_readers_watch_one_answer(self):
        self.serve(GATED)
        first, url = self.post()
        second = self.read(url)
        self.assertEqual(second.event().event, "stream.started")
        self.gate.touch()
        expected = [(None, "hello %d" % n) for n in (1, 2, 3)] + [("stream.end", '{"status":0}')]
        self.assertEqual(self.rest(first), expected)
        self.assertEqual(self.rest(second), expected)

    def test_what_was_produced_is_there_after_a_restart(self):
        self.serve(COUNTING % 1000)
        stream, url = self.post()
        expected = self.rest(stream)
        self.assertEqual(len(expected), 1001)
        self.server.process.stop()
        server = self.another()
        stream = self.read(url, server)
        self.assertEqual(stream.event().event, "stream.started")
        self.assertEqual(self.rest(stream), expected)
        self.assertEqual(self.status(url, server=server, headers={"Last-Event-ID": stream.last_id}),
                         204)

    def test_an_answer_whose_process_was_killed_is_interrupted(self):
        self.serve(GATED)
        other = self.another()
        first, url = self.post()
        second = self.read(url, other)
        for stream in (first, second):
            while stream.event().data != "hello 2":
                pass
        self.server.process.signal(signal.SIGKILL)
        self.server.process.wait()
        gap = second.event()
        self.assertEqual((gap.event, json.loads(gap.data)["reason"]), ("stream.gap", "interrupted"))
        self.assertEqual(self.rest(second), [("stream.end", '{"reason":"interrupted"}')])
        late = self.read(url, other, first.last_id)
        self.assertEqual([n for n, _ in self.rest(late)], ["stream.gap", "stream.end"])
        self.assertEqual(self.status(url, server=other, headers={"Last-Event-ID": late.last_id}),
                         204)
        self.no_process_left()

    def test_a_process_that_ends_tells_that_the_answer_is_interrupted(self):
        self.serve(GATED)
        _, url = self.post()
        self.server.process.stop()
        stream = self.read(url, self.another())
        self.assertEqual(self.rest(stream)[-1], ("stream.end", '{"reason":"interrupted"}'))
        self.no_process_left()

    def test_the_program_gets_the_body_and_knows_who_asks(self):
        self.serve('echo "$SSECGI_USER $SSECGI_STREAM $SSECGI_CONTENT_TYPE $SSECGI_RUN"; cat; '
                   'env | grep -c HTTP_')
        stream, url = self.post("a body\nof two lines", REMOTE_USER="alice")
        lines = [d for n, d in self.rest(stream) if not n]
        self.assertEqual(lines[0], "alice ask text/plain " + url.rsplit("/", 1)[1])
        self.assertEqual(lines[1:3], ["a body", "of two lines0"])

    def test_how_a_program_ends_is_told(self):
        self.serve("read q; eval $q")
        for body, end in (("exit 3", {"status": 3}), ("kill -9 $$", {"signal": "SIGKILL"}),
                          ("exec nothing-of-this-name", {"status": 127})):
            stream, _ = self.post(body)
            self.assertEqual(json.loads(self.rest(stream)[-1][1]), end)

    def test_a_program_that_cannot_be_started_ends_at_once(self):
        self.serve("", argv=["/nothing/of/this/name"])
        stream, _ = self.post()
        self.assertEqual(json.loads(self.rest(stream)[-1][1])["status"], 127)


class Leaving(Runs):
    def test_delete_at_another_process_stops_everything(self):
        self.serve(SLOW)
        other = self.another()
        stream, url = self.post()
        pid = int(stream.event().data)
        self.assertTrue(harness.is_alive(pid))
        self.assertEqual(self.status(url, "DELETE", other), 204)
        self.assertEqual(self.status(url, "GET", other), 404)
        self.assertEqual(self.status(url, "DELETE"), 404)
        self.assertEqual(self.rest(stream), [("stream.end", '{"reason":"cancelled"}')])
        harness.wait_until(lambda: not harness.is_alive(pid), "the program is gone")
        harness.wait_until(lambda: not self.folders(), "its folder is gone")
        self.no_process_left()

    def test_delete_of_a_finished_answer_deletes_it(self):
        self.serve("echo hello")
        stream, url = self.post()
        self.rest(stream)
        self.assertEqual(len(self.folders()), 1)
        self.assertEqual(self.status(url, "DELETE"), 204)
        self.assertEqual(self.status(url), 404)
        harness.wait_until(lambda: not self.folders(), "its folder is gone")

    def test_an_answer_nobody_reads_is_cancelled_where_that_is_set(self):
        self.serve(SLOW, on_leave="cancel", grace_s=1)
        other = self.another()
        stream, url = self.post()
        pid = int(stream.event().data)
        second = self.read(url, other)
        stream.close()
        while second.event().event == "stream.started":
            pass
        self.assertTrue(harness.is_alive(pid))
        second.close()
        harness.wait_until(lambda: not harness.is_alive(pid), "the program is gone")
        self.assertEqual(self.rest(self.read(url))[-1], ("stream.end", '{"reason":"cancelled"}'))
        self.no_process_left()

    def test_otherwise_it_goes_on(self):
        self.serve(GATED)
        stream, url = self.post()
        stream.close()
        self.gate.touch()
        self.assertEqual([d for n, d in self.rest(self.read(url)) if not n],
                         ["hello 1", "hello 2", "hello 3"])

    def test_clients_that_leave_at_any_moment_leave_nothing_behind(self):
        self.serve(GATED, on_leave="cancel", grace_s=0, max_runs=100, max_runs_user=100, queue=100)
        params = harness.fcgi.environment("/events/ask", "POST", None, CONTENT_LENGTH="5",
                                          CONTENT_TYPE="text/plain")
        whole = harness.fcgi.request_bytes(params, body=b"hello")
        for size in [*range(1, len(whole), 37), *[len(whole)] * 20]:
            connection = self.server.connect()
            connection.send(whole[:size])
            connection.close()
        for size in range(0, 400, 25):
            response = self.server.request("/events/ask", "POST", None, b"hello",
                                           CONTENT_LENGTH="5", CONTENT_TYPE="text/plain")
            if size:
                response.recv(sse_client.WAIT)
            response.close()
        self.no_process_left()
        for folder in self.folders():
            url = "/events/ask/" + folder.name[-32:]
            self.assertEqual(self.rest(self.read(url))[-1],
                             ("stream.end", '{"reason":"cancelled"}'))

    def test_a_body_that_comes_byte_by_byte_is_one(self):
        self.serve("cat")
        fcgi = harness.fcgi
        params = fcgi.environment("/events/ask", "POST", None, CONTENT_LENGTH="300",
                                  CONTENT_TYPE="text/plain")
        connection = self.keep(self.server.connect())
        connection.send(fcgi.begin() + fcgi.record(fcgi.PARAMS, fcgi.pairs(params))
                        + fcgi.record(fcgi.PARAMS))
        for _ in range(300):
            connection.send(fcgi.record(fcgi.STDIN, b"x"))
        connection.send(fcgi.record(fcgi.STDIN))
        stream = harness.start_stream(fcgi.FcgiResponse(connection).read_head())
        self.assertEqual(self.rest(stream)[1], (None, "x" * 300))

    def test_old_answers_make_room_for_new_ones(self):
        self.serve("echo hello", keep_runs=3, max_runs=1)
        for _ in range(20):
            stream, url = self.post()
            self.rest(stream)
            self.assertLessEqual(len(self.folders()), 5)
        self.assertEqual(self.rest(self.read(url))[-1][0], "stream.end")


    def test_a_reload_interrupts_no_answer(self):
        self.serve(GATED)
        stream, url = self.post()
        self.config({"ask": self.ask(GATED, max_runs=3)}, state_dir=str(self.state))
        self.server.process.signal(signal.SIGHUP)
        words = [b for b in stream.rest() if b.is_event]  # its settings have changed: come back
        self.assertEqual(words[-1].data, "hello 2")
        stream = self.read(url, last_id=words[-1].id)
        self.gate.touch()
        self.assertEqual(self.rest(stream), [(None, "hello 3"), ("stream.end", '{"status":0}')])

    def test_a_process_that_drains_lets_answers_come_to_their_end(self):
        self.file = self.config({"ask": self.ask(GATED)}, state_dir=str(self.state), drain_s=60)
        self.server = self.responder(self.file)
        stream, url = self.post()
        stream.close()
        self.server.process.signal(signal.SIGTERM)
        other = self.another()
        stream = self.read(url, other)
        self.gate.touch()
        self.assertEqual(self.rest(stream)[-1], ("stream.end", '{"status":0}'))
        self.assertEqual(self.server.process.wait(), 0)


class Access(Runs):
    def test_addresses_cannot_be_guessed(self):
        self.serve("echo hello")
        stream, url = self.post()
        self.rest(stream)
        good = url.rsplit("/", 1)[1]
        for name in ("0" * 32, good[:-1] + ("0" if good[-1] != "0" else "1"), good.upper(),
                     good[:-1], good + "0", "..%2f" + good, "../topics"):
            for method in ("GET", "DELETE"):
                self.assertEqual(self.status("/events/ask/" + name, method), 404, name)
        self.assertEqual(len(self.folders()), 1)

    def test_an_answer_is_its_users(self):
        self.serve("echo hello")
        stream, url = self.post(REMOTE_USER="alice")
        self.rest(stream)
        for method in ("GET", "DELETE"):
            self.assertEqual(self.status(url, method, REMOTE_USER="bob"), 404)
            self.assertEqual(self.status(url, method), 404)
        self.assertEqual(self.rest(self.read(url, REMOTE_USER="alice"))[1], (None, "hello"))
        self.assertEqual(self.status(url, "DELETE", REMOTE_USER="alice"), 204)

    def test_only_who_may_publish_may_ask(self):
        self.serve("echo hello", publish={"users": ["alice"]})
        self.assertEqual(self.request().status, 403)
        self.assertEqual(self.request(REMOTE_USER="eve").status, 403)
        self.assertEqual(self.request(REMOTE_USER="alice").status, 200)
        self.assertEqual(self.request(REMOTE_USER="alice", HTTP_ORIGIN="https://evil.example",
                                      HTTP_HOST="127.0.0.1").status, 403)

    def test_methods(self):
        self.serve("echo hello")
        response = self.keep(self.server.request("/events/ask"))
        self.assertEqual((response.status, response.headers["allow"]), (405, "OPTIONS, POST"))
        _, url = self.post()
        response = self.keep(self.server.request(url, "OPTIONS"))
        self.assertEqual(response.headers["allow"], "GET, HEAD, OPTIONS, DELETE")
        self.assertEqual(self.status(url, "POST"), 405)
        self.assertEqual(self.status(url, "HEAD"), 200)
        self.assertEqual(self.status("/events/?stream=ask"), 400)

    def test_a_preflight_knows_delete(self):
        self.file = self.config({"ask": self.ask("echo hello")}, state_dir=str(self.state),
                                cors_origins=["https://app.example.org"])
        self.server = self.responder(self.file)
        _, url = self.post()
        for path, method in ((url, "DELETE"), ("/events/ask", "POST")):
            response = self.keep(self.server.request(path, "OPTIONS",
                                                     {"Origin": "https://app.example.org"}))
            self.assertIn(method, response.headers["access-control-allow-methods"])

    def test_mistakes_in_the_configuration_name_the_key(self):
        shared = {"source": "exec", "argv": ["true"]}
        for settings, word in ((self.ask("", journal=True), "journal"),
                               (self.ask("", start="now"), "start"),
                               (self.ask("", max_runs=0), "max_runs"),
                               (dict(shared, queue=3), "queue"),
                               (dict(shared, publish={}), "publish")):
            file = self.config({"ask": settings}, "bad.json", state_dir=str(self.state))
            code, _, text = self.run_program("--check-config", "--config", file)
            self.assertEqual(code, 6, text)
            self.assertIn("streams.ask.%s:" % word, text)
        file = self.config({"ask": self.ask("")}, "bad.json")
        self.assertIn("state_dir", self.run_program("--check-config", "--config", file)[2])


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: MIT
"""As a CGI program: behind Apache, and with nothing in front."""

import json
import os
import signal
import subprocess

import fcgi
import front_end
import harness
import sse_client


class BehindApache(front_end.FrontEnd, harness.Case):
    settings = {"heartbeat_s": 1}  # Apache notices a departure when it writes

    def start(self, config):
        return self.apache("apache-cgi/apache.conf", config)

    def test_a_reader_that_leaves_ends_its_process(self):
        stream = self.stream()
        pids = self.server.responders()
        self.assertEqual(len(pids), 1)
        stream.close()
        harness.wait_until(lambda: not self.server.responders(), "the process ended")

    def test_a_query_without_an_equals_sign_is_no_command_line(self):
        # A CGI server makes such a query the program's arguments (RFC 3875, 4.4).
        response = self.keep(self.server.get("/events/app?--version"))
        self.assertEqual(response.status, 400)
        self.assertIn("--version", json.loads(response.body())["error"])

    def test_killed_programs_lose_nothing(self):
        stream = self.stream()
        for n in range(3):
            harness.append(self.log, "before %d\n" % n)
            self.assertEqual(stream.event().data, "before %d" % n)
            harness.kill_all(self.server.responders())
            try:
                stream.rest()
            except (AssertionError, OSError):
                pass  # cut off inside a block
            harness.append(self.log, "between %d\n" % n)
            stream = self.stream(headers={"Last-Event-ID": stream.last_id})
            self.assertEqual(stream.event().data, "between %d" % n)


class Alone(harness.Case):
    def setUp(self):
        super().setUp()
        self.log, app = self.tail(text="old 1\nold 2\n")
        self.path = self.config({"app": app})

    def start(self, path, method="GET", headers=None, args=(), stdin=subprocess.DEVNULL, **more):
        env = self.environment(fcgi.environment(path, method, headers, SSECGI_CONFIG=self.path,
                                                **more))
        with open(self.dir / "cgi.log", "ab") as err:
            return self.keep(fcgi.CgiProcess([harness.SSECGI, *args], env, err, stdin))

    def stream(self, path, **more):
        return sse_client.EventStream(self.start(path, **more).read_head()).start()

    def test_it_streams_to_standard_output(self):
        stream = self.stream("/events/app")
        self.assertEqual(stream.source.headers["content-type"], "text/event-stream")
        for n in range(20):
            harness.append(self.log, "line %d\n" % n)
            self.assertEqual(stream.event().data, "line %d" % n)

    def test_it_resumes(self):
        stream = self.stream("/events/app?last=2")
        first = stream.event()
        again = self.stream("/events/app", headers={"Last-Event-ID": first.id})
        self.assertEqual(again.event().data, "old 2")

    def test_short_answers_end_with_status_0(self):
        for path, method, status in (("/events/", "GET", 200), ("/events/nope", "GET", 404),
                                     ("/events/app", "PUT", 405), ("/events/app", "HEAD", 200),
                                     ("/events/app?last=x", "GET", 400)):
            process = self.start(path, method).read_head()
            self.assertEqual(process.status, status)
            body = process.body()
            self.assertEqual(process.wait(), 0)
            if method == "HEAD":
                self.assertEqual(body, b"")
            else:
                json.loads(body)

    def post(self, body, length, **more):
        process = self.start("/events/app", "POST", stdin=subprocess.PIPE, CONTENT_LENGTH=length,
                             **more)
        process.process.stdin.write(body)  # a BrokenPipeError where it is not read
        process.process.stdin.close()
        process.read_head()
        self.assertIn("error", json.loads(process.body()))
        self.assertEqual(process.wait(), 0)
        return process.status

    def test_a_body_is_read_before_the_answer(self):
        # A server that finds it unread when the program ends may cut the answer off.
        self.assertEqual(self.post(b"x" * 300000, "300000"), 405)
        self.assertEqual(self.post(b"x" * 100, "10"), 405)
        self.assertEqual(self.post(b"", ""), 405)

    def test_a_body_that_is_too_long_is_refused_when_it_is_through(self):
        self.assertEqual(self.post(b"x" * 3000000, "3000000"), 413)

    def test_a_body_that_ends_early_is_refused(self):
        self.assertEqual(self.post(b"x" * 10, "11"), 400)

    def test_a_body_of_unknown_length_is_refused_when_it_is_through(self):
        self.assertEqual(self.post(b"x" * 300000, "", HTTP_TRANSFER_ENCODING="chunked"), 411)

    def test_a_length_that_is_no_number_is_refused(self):
        self.assertEqual(self.post(b"", "-1"), 400)
        self.assertEqual(self.post(b"", "9" * 30), 400)

    def test_arguments_from_the_query_are_ignored(self):
        for args in (["--version"], ["--config", "/nope"], ["--print", "app"]):
            process = self.start("/events/", args=args).read_head()
            self.assertIn(b"streams", process.body())

    def test_a_wrong_configuration_is_no_stream_and_is_told_in_the_log(self):
        self.path.write_text("{")
        process = self.start("/events/app")
        self.assertNotIn(b"text/event-stream", process.body())  # the web server makes it a 500
        self.assertEqual(process.wait(), 6)
        self.assertIn(str(self.path), (self.dir / "cgi.log").read_text())

    def test_sigterm_ends_it_after_a_whole_frame(self):
        stream = self.stream("/events/app")
        stream.source.process.send_signal(signal.SIGTERM)
        self.assertIsNotNone(stream.rest()[-1].retry)
        self.assertEqual(stream.source.wait(), 0)

    def test_it_ends_when_nobody_reads_its_output(self):
        stream = self.stream("/events/app")
        stream.source.process.stdout.close()
        harness.append(self.log, "x\n")
        self.assertIn(stream.source.process.wait(harness.WAIT), (0, 1))

    def test_a_closed_standard_input_is_no_obstacle(self):
        env = self.environment(fcgi.environment("/events/", SSECGI_CONFIG=self.path))
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(0)
            os.dup2(write_end, 1)
            os.execve(harness.SSECGI, [harness.SSECGI], env)
        os.close(write_end)
        with open(read_end, "rb") as f:
            self.assertIn(b"streams", f.read())
        self.assertEqual(os.waitpid(pid, 0)[1], 0)

# SPDX-License-Identifier: MIT
"""Answers of a service that speaks OpenAI's protocol: as events, as its own chunks, and when it fails."""

import hashlib
import json
import os
import pathlib
import subprocess
import threading
import unittest

import harness
import sse_client
import test_metrics
import upstream
from harness import wait_until
from upstream import CUT, DONE, END, HANG, RESET, Reply, chunk, data, words

MODULES = os.environ.get("SSECGI_MODULES", str(pathlib.Path(harness.SSECGI).parent))
HAS_MODULE = (pathlib.Path(MODULES) / "chat.so").exists()
ADDRESS = "192.0.2.7"
KEY = "sk-test-0123456789"
HI = {"messages": [{"role": "user", "content": "hi"}]}


@unittest.skipUnless(HAS_MODULE, "the source chat is not built")
class Case(harness.Case):
    def setUp(self):
        super().setUp()
        os.environ["no_proxy"] = "127.0.0.1"  # libcurl looks there
        self.upstream = self.keep(upstream.Upstream())
        self.key = self.write("key", KEY + "\n")
        os.chmod(self.key, 0o600)

    def tearDown(self):
        for path in self.dir.rglob("*"):
            if path.is_file() and path != self.key:
                self.assertNotIn(KEY.encode(), path.read_bytes(), path)

    def streams(self, **settings):
        stream = {"source": "chat", "upstream": self.upstream.url, "models": ["m", "n"],
                  "key_file": str(self.key), "publish": {"addresses": [ADDRESS]}}
        stream.update(settings)
        return {"c": stream}

    def serve(self, **settings):
        return self.responder(self.config(self.streams(**settings), module_dir=MODULES, state_dir=str(self.dir)))

    def post(self, server, body=None, kind="application/json", path="/events/c", **params):
        body = json.dumps(HI if body is None else body).encode() if not isinstance(body, bytes) else body
        return self.keep(server.request(path, "POST", {}, body, CONTENT_TYPE=kind,
                                        CONTENT_LENGTH=str(len(body)), REMOTE_ADDR=ADDRESS, **params))

    def ask(self, server, body=None, **params):
        """The answer as a stream, and its address."""
        response = self.post(server, body, **params)
        if response.status != 200:
            raise harness.BadStatus(response)
        return sse_client.EventStream(response), response.headers["location"]

    @staticmethod
    def events(stream):
        """[(name, data)] up to the end, but for what tells of the run itself."""
        found = []
        while not found or found[-1][0] != "stream.end":
            event = stream.event()
            if event.event != "stream.started":
                found.append((event.event, event.data))
        return found

    def answer(self, server, body=None, **params):
        return self.events(self.ask(server, body, **params)[0])

    def fail_with(self, server, *replies):
        """What is told of a failure: (the pieces before it, the error's data, the end's)."""
        self.upstream.replies = list(replies)
        found = self.answer(server)
        self.assertEqual([name for name, _ in found[-2:]], ["chat.error", "stream.end"], found)
        for _, text in found:
            self.assertNotIn("127.0.0.1", text)
        error, end = (json.loads(text) for _, text in found[-2:])
        self.assertEqual((end["status"], end["reason"]), ("error", error["reason"]))
        return [json.loads(text) for name, text in found[:-2] if name == "token"], error


class Costs(Case):
    def test_tokens_are_counted_by_user(self):
        """As the service tells; otherwise each piece is one. One that fails has cost what it has."""
        metrics = {"allow": [ADDRESS]}
        server = self.responder(self.config(self.streams(retries=0), module_dir=MODULES,
                                            state_dir=str(self.dir), metrics=metrics))
        board = wait_until(lambda: test_metrics.board_of(server.process.pid), "the scoreboard is open")
        self.addCleanup(os.unlink, board)
        untold = [data(chunk("a")), data(chunk("b")), data(chunk(finish="stop")), DONE, END]
        told = untold[:3] + [data(upstream.usage(11, 20)), DONE, END]
        cut = [data(chunk("one")), CUT]
        for user, steps in (("alice", told), ("alice", untold), ("bob", told), ("bob", cut)):
            self.upstream.replies = [Reply(steps)]
            self.answer(server, REMOTE_USER=user)
        page = self.keep(server.request("/events/-/metrics", REMOTE_ADDR=ADDRESS))
        got = test_metrics.parse(page.body().decode())
        for user, prompt, completion, complete, failed in (("alice", 11, 22, 2, 0), ("bob", 11, 21, 1, 1)):
            self.assertEqual(got["ssecgi_prompt_tokens_total", "c", user], prompt)
            self.assertEqual(got["ssecgi_completion_tokens_total", "c", user], completion)
            self.assertEqual(got["ssecgi_answers_total", "c", user, "complete"], complete)
            self.assertEqual(got["ssecgi_answers_total", "c", user, "failed"], failed)


class Answers(Case):
    def test_an_answer_comes_as_tokens_its_cost_and_its_end(self):
        self.assertEqual(self.answer(self.serve()), [
            ("token", '"Hello"'), ("token", '" "'), ("token", '"world"'),
            ("usage", '{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}'),
            ("stream.end", '{"status":"ok","finish_reason":"stop"}')])
        path, headers, body = self.upstream.requests[0]
        self.assertEqual(path, "/v1/chat/completions")
        self.assertEqual(headers["authorization"], "Bearer " + KEY)
        self.assertEqual(body, {**HI, "model": "m", "max_tokens": 4096, "stream": True,
                                "stream_options": {"include_usage": True}})

    def test_it_comes_the_same_in_pieces_of_one_byte(self):
        self.upstream.replies = [Reply(words("a", "\u00fc", "\n\u2028"), split=1)]
        self.assertEqual([json.loads(t) for n, t in self.answer(self.serve()) if n == "token"],
                         ["a", "\u00fc", "\n\u2028"])

    def test_a_word_comes_when_it_was_said(self):
        gate = threading.Event()
        self.upstream.replies = [Reply([data(chunk("one")), gate, data(chunk("two")),
                                        data(chunk(finish="stop")), DONE, END])]
        stream, _ = self.ask(self.serve())
        self.addCleanup(gate.set)
        while stream.event().data != '"one"':
            pass
        gate.set()
        self.assertEqual(stream.event().data, '"two"')

    def test_openai_chunks_come_byte_for_byte(self):
        texts = [chunk(""), chunk("a \u00fc"), '{"choices": [ ] , "x":1.0}', chunk(finish="stop")]
        steps = [data(t) for t in texts] + [data(upstream.usage(7, 2)), DONE, END]
        self.upstream.replies = [Reply(steps), Reply(steps)]
        server = self.serve(format="openai")
        for options, more in ({}, []), ({"include_usage": True}, [upstream.usage(7, 2)]):
            response = self.post(server, {**HI, "stream": True, "stream_options": options})
            self.assertEqual(response.status, 200)
            expected = b"".join(map(data, texts + more)) + DONE
            lines = [line for line in response.body().split(b"\n") if not line.startswith(b":")]
            self.assertEqual([line for line in lines if line], [line for line in expected.split(b"\n") if line])

    def test_a_closed_laptop_loses_nothing(self):
        gate = threading.Event()
        self.addCleanup(gate.set)
        self.upstream.replies = [Reply([data(chunk("one")), gate, data(chunk("two")),
                                        data(chunk(finish="stop")), DONE, END])]
        server = self.serve()
        stream, address = self.ask(server)
        while stream.event().data != '"one"':
            pass
        stream.close()
        gate.set()
        again = self.keep(server.stream(address, {"Last-Event-ID": stream.last_id}))
        self.assertEqual(self.events(again), [
            ("token", '"two"'), ("stream.end", '{"status":"ok","finish_reason":"stop"}')])
        self.assertEqual(self.upstream.left, 0)

    def test_delete_stops_the_service_too(self):
        self.upstream.replies = [Reply([data(chunk("one")), HANG])]
        server = self.serve()
        stream, address = self.ask(server)
        while stream.event().data != '"one"':
            pass
        self.assertEqual(self.keep(server.request(address, "DELETE")).status, 204)
        wait_until(lambda: self.upstream.left == 1, "the service is left")

    def test_a_connection_to_the_service_is_used_again(self):
        self.upstream.replies = [Reply([data(chunk("one")), HANG])]
        server = self.serve()
        stream, _ = self.ask(server)
        while stream.event().data != '"one"':
            pass
        for _ in range(3):
            self.answer(server)
        self.assertEqual((len(self.upstream.requests), self.upstream.connections), (4, 2))

    def test_many_answers_at_once(self):
        texts = ["w%d " % i for i in range(20)]
        self.upstream.otherwise = Reply(words(*texts), pause_s=0.01)
        server = self.serve(max_runs=100, max_runs_user=100)
        streams = [self.ask(server)[0] for _ in range(60)]
        for stream in streams:
            self.assertEqual([json.loads(t) for n, t in self.events(stream) if n == "token"], texts)


class Requests(Case):
    def refused(self, server, body, **more):
        response = self.post(server, body, **more)
        return response.status, json.loads(response.body())["error"]

    def test_what_may_not_be_asked_is_refused_by_name(self):
        server = self.serve(max_tokens=100, max_messages=2, max_body_bytes=500)
        for change, said in (
                ({"tools": []}, "tools: is not taken here"),
                ({"model": "o"}, "model: must be one of those that are allowed here"),
                ({"max_tokens": 101}, "max_tokens: must be from 1 to 100"),
                ({"messages": HI["messages"] * 3}, "messages: at most 2"),
                ({"messages": [{"role": "tool", "content": ""}]},
                 "messages[0].role: must be system, developer, user or assistant")):
            self.assertEqual(self.refused(server, {**HI, **change}), (400, said))
        self.assertEqual(self.refused(server, {**HI, "stop": "x" * 500})[0], 413)
        self.assertEqual(self.refused(server, b"hello")[0], 400)
        self.assertEqual(self.refused(server, HI, kind="text/plain")[0], 400)
        self.assertEqual(self.upstream.requests, [])

    def test_a_key_that_others_can_read_is_not_used(self):
        os.chmod(self.key, 0o644)
        status, said = self.refused(self.serve(), HI)
        self.assertEqual((status, said), (503, "the answering service cannot be asked now"))
        self.assertIn("others can read or write it", (self.dir / "responder.log").read_text())

    def test_a_new_key_is_used_without_a_restart(self):
        server = self.serve()
        self.answer(server)
        self.key.write_text("sk-new\n")
        self.answer(server)
        self.assertEqual([h["authorization"] for _, h, _ in self.upstream.requests],
                         ["Bearer " + KEY, "Bearer sk-new"])


class Faults(Case):
    def test_refusals_tell_what_happened_and_not_as_whom(self):
        server = self.serve()
        leak = "Incorrect API key provided: %s at %s" % (KEY, self.upstream.url)
        for status, reason in ((401, "access-denied"), (403, "access-denied"), (400, "rejected")):
            self.assertEqual(self.fail_with(server, upstream.error(status, leak, leak))[1]["reason"], reason)
        error = self.fail_with(server, upstream.error(400, leak, "context_length_exceeded"))[1]
        self.assertEqual(error["code"], "context_length_exceeded")
        self.assertEqual(len(self.upstream.requests), 4)

    def test_too_many_requests_tell_when_to_come_again(self):
        error = self.fail_with(self.serve(), upstream.error(429, Retry_After=7))[1]
        self.assertEqual((error["reason"], error["retry_after"]), ("rate-limited", 7))

    def test_a_failure_before_the_first_word_is_tried_again(self):
        server = self.serve()
        for bad in (upstream.error(500), upstream.error(503), Reply([CUT]), Reply([RESET]),
                    Reply([data(chunk("")), CUT])):
            self.upstream.replies = [bad, bad]
            self.assertEqual(self.answer(server)[0], ("token", '"Hello"'))
        self.assertEqual(len(self.upstream.requests), 15)

    def test_no_more_often_than_allowed(self):
        pieces, error = self.fail_with(self.serve(retries=1), *[upstream.error(502)] * 2)
        self.assertEqual((pieces, error["reason"]), ([], "upstream-failed"))
        self.assertEqual(len(self.upstream.requests), 2)

    def test_nothing_is_tried_again_after_the_first_word(self):
        server = self.serve()
        one = data(chunk("one"))
        for steps, reason in (([one, CUT], "cut-off"),
                              ([one, END], "cut-off"),
                              ([one, data("{oops"), DONE, END], "malformed"),
                              ([one, data("x" * 70000), DONE, END], "too-large"),
                              ([one, data('{"error":{"message":"%s"}}' % KEY), END], "upstream-failed")):
            pieces, error = self.fail_with(server, Reply(steps))
            self.assertEqual((pieces, error["reason"]), (["one"], reason))
        self.assertEqual(len(self.upstream.requests), 5)

    def test_what_is_no_event_stream_is_no_answer(self):
        reply = Reply([b"<html>", END], kind="text/html")
        self.assertEqual(self.fail_with(self.serve(), reply)[1]["reason"], "malformed")

    def test_silence_is_told(self):
        server = self.serve(timeout_first_s=1, timeout_idle_s=1)
        for steps, expected in (([HANG], []), ([data(chunk("one")), HANG], ["one"])):
            pieces, error = self.fail_with(server, Reply(steps))
            self.assertEqual((pieces, error["reason"]), (expected, "timeout"))

    def test_an_answer_that_has_ended_needs_no_mark_of_it(self):
        server = self.serve(timeout_idle_s=1)
        for last in (END, CUT, HANG):
            self.upstream.replies = [Reply([data(chunk("one")), data(chunk(finish="length")), last])]
            self.assertEqual(self.answer(server), [
                ("token", '"one"'), ("stream.end", '{"status":"ok","finish_reason":"length"}')])

    def test_a_service_that_is_not_there(self):
        server = self.serve(upstream="http://127.0.0.1:%d/v1" % harness.free_port(), retries=1)
        self.assertEqual(self.fail_with(server)[1]["reason"], "unreachable")

    def test_an_answer_past_its_limit_is_ended(self):
        server = self.serve(max_output_bytes=1024)
        pieces, error = self.fail_with(server, Reply(words(*["x" * 100] * 20)))
        self.assertEqual((len(pieces), error["reason"]), (10, "too-large"))

    def test_errors_in_openai_format_are_those_of_its_clients(self):
        server = self.serve(format="openai")
        self.upstream.replies = [upstream.error(429, Retry_After=7)]
        body = self.post(server).body()
        error = json.loads(body.partition(b"data: ")[2].partition(b"\n")[0])["error"]
        self.assertEqual((error["type"], error["retry_after"]), ("rate-limited", 7))


class Library(Case):
    """OpenAI's own client library, behind lighttpd."""

    FOLDER = harness.SRCDIR / "tests" / "browser"
    REWRITE = '''
server.modules += ("mod_rewrite")
url.rewrite-once = ("^/v1/chat/completions$" => "/events/c")
'''

    def setUp(self):
        super().setUp()
        if not (self.FOLDER / "node_modules" / "openai").is_dir():
            self.skipTest("openai is not installed: npm ci in tests/browser")
        self.node = harness.find_program("node")
        config = self.config(self.streams(format="openai", publish={"tokens": [hashlib.sha256(b"tok").hexdigest()]}),
                             module_dir=MODULES, state_dir=str(self.dir))
        shipped = (harness.SRCDIR / "deploy" / "lighttpd" / "lighttpd.conf").read_text()
        (self.dir / "template").mkdir()
        template = self.write("template/lighttpd.conf", shipped + self.REWRITE)
        self.server = self.lighttpd(template, CONFIG=config)

    def ask_library(self, key="tok", **options):
        url = "http://127.0.0.1:%d/v1" % self.server.port
        done = subprocess.run([self.node, self.FOLDER / "openai.mjs", url, key, json.dumps(options)],
                              stdout=subprocess.PIPE, check=True, timeout=3 * harness.WAIT)
        return json.loads(done.stdout)

    def test_it_streams_and_what_it_read_can_be_read_again(self):
        result = self.ask_library()
        self.assertEqual((result["text"], result["chunks"]), ("Hello world", 5))
        stream = self.keep(self.server.stream(result["address"]))
        pieces = [json.loads(text)["choices"][0]["delta"].get("content", "")
                  for name, text in self.events(stream) if name is None and text != "[DONE]"]
        self.assertEqual("".join(pieces), "Hello world")
        result = self.ask_library(stream_options={"include_usage": True})
        self.assertEqual((result["chunks"], result["usage"]["total_tokens"]), (6, 10))

    def test_it_throws_what_went_wrong(self):
        self.upstream.replies = [upstream.error(429, Retry_After=7), Reply([data(chunk("one")), CUT])]
        for text, kind in ("", "rate-limited"), ("one", "cut-off"):
            result = self.ask_library()
            self.assertEqual((result["text"], result["error"]["type"]), (text, kind))
        self.assertEqual(self.ask_library(n=2)["error"]["status"], 400)
        self.assertEqual(self.ask_library("another")["error"]["status"], 403)


if __name__ == "__main__":
    unittest.main()

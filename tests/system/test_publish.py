# SPDX-License-Identifier: MIT
"""Publishing into a topic: by POST, and from the command line, straight and by HTTP."""

import hashlib
import http.client
import http.server
import json
import os
import pathlib
import pty
import re
import subprocess
import threading
import time
import unittest

import harness

CTL = os.environ.get("SSECGI_CTL", str(pathlib.Path(harness.SSECGI).parent / "ssecgi-ctl"))
TOKEN = "a-token-for-tests"
BEARER = {"Authorization": "Bearer " + TOKEN}
OTHER_SITE = "https://evil.example"
OUR_SITE = "https://app.example.org"


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


SOURCES = subprocess.run([harness.SSECGI, "--list-sources"], capture_output=True, text=True,
                         check=False).stdout
CAN_PUBLISH = re.search(r"^ +publish ", SOURCES, re.M)


@unittest.skipUnless(CAN_PUBLISH, "nobody can publish by POST here")
class Topic(harness.Case):
    """A topic in a state directory of its own, and a responder that serves it."""

    PUBLISH = {"tokens": [sha256(TOKEN)], "users": ["alice"], "max_batch": 5}

    def setUp(self):
        super().setUp()
        self.state = self.dir / "state"
        self.state.mkdir()
        self.file = self.config(
            {"t": dict({"source": "topic", "publish": self.PUBLISH}, **self.settings()),
             "mute": {"source": "topic"}, "clock": {"source": "clock"}},
            state_dir=str(self.state), cors_origins=[OUR_SITE])

    def settings(self):
        return {}

    def start(self, **more):
        self.server = self.responder(self.file, **more)
        return self.server

    def post(self, body, kind="text/plain", headers=BEARER, path="/events/t", **params):
        body = body.encode() if isinstance(body, str) else body
        return self.keep(self.server.request(path, "POST", headers, body, CONTENT_TYPE=kind,
                                             CONTENT_LENGTH=str(len(body)), **params))

    def publish(self, *args, **more):
        """Posts and answers the position."""
        response = self.post(*args, **more)
        text = response.body()
        self.assertEqual(response.status, 201, text)
        return json.loads(text)["position"]

    def assert_error(self, response, status, *words):
        text = response.body()
        self.assertEqual(response.status, status, text)
        for word in words:
            self.assertIn(word, json.loads(text)["error"])

    def history(self, count=1000):
        """What a new reader gets of the past, as (id, name, data)."""
        stream = self.server.stream("/events/t?last=%d" % count)
        end = self.publish("end", headers=dict(BEARER))
        events = []
        try:
            while not events or events[-1][0] != end:
                event = stream.event()
                events.append((event.id, event.event, event.data))
        finally:
            stream.close()
        return events[:-1]


class Post(Topic):
    def setUp(self):
        super().setUp()
        self.start()

    def test_what_is_published_is_read(self):
        stream = self.keep(self.server.stream("/events/t"))
        position = self.publish("hello\nworld")
        event = stream.event()
        self.assertEqual((event.id, event.data), (position, "hello\nworld"))
        self.publish('{"event": "deploy", "data": {"version" : 12345678901234567890123}}',
                     "application/json")
        event = stream.event()
        self.assertEqual((event.event, event.data),
                         ("deploy", '{"version":12345678901234567890123}'))

    def test_a_batch_is_all_or_nothing(self):
        bad = '{"data": "a"}\n{"dat": "b"}\n'
        self.assert_error(self.post(bad, "application/x-ndjson"), 400, "line 2", "unknown key")
        self.assert_error(self.post('{"data":1}\n' * 6, "application/x-ndjson"), 413, "at most 5")
        position = self.publish('{"data": "a"}\n{"event": "e", "data": "b"}\n',
                                "application/x-ndjson")
        events = self.history()
        self.assertEqual([e[2] for e in events], ["a", "b"])
        self.assertEqual(events[1][0], position)

    def test_a_repeated_key_is_one_event(self):
        headers = dict(BEARER, **{"Idempotency-Key": "k1"})
        first = self.publish("once", headers=headers)
        self.assertEqual(self.publish("once", headers=headers), first)
        batch = '{"data": "a"}\n{"data": "b"}\n'
        headers["Idempotency-Key"] = "k2"
        second = self.publish(batch, "application/x-ndjson", headers)
        self.assertEqual(self.publish(batch, "application/x-ndjson", headers), second)
        self.assertEqual(self.publish('{"data": "once", "key": "k1"}', "application/json"), first)
        self.assertEqual([e[2] for e in self.history()], ["once", "a", "b"])

    def test_a_folder_that_is_not_there_is_named(self):
        os.rename(self.state, self.dir / "away")
        self.assert_error(self.post("x"), 503, "nothing was published")
        log = (self.dir / "responder.log").read_text()
        self.assertIn(str(self.state / "topics" / "t"), log)
        self.assertIn("No such file or directory", log)
        done = subprocess.run([harness.SSECGI, "--config", self.file, "--check-config"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0)
        self.assertIn("state_dir: %s: No such file" % self.state, done.stderr)
        os.rename(self.dir / "away", self.state)
        self.publish("x")

    def test_who_may_not_cannot(self):
        response = self.post("x", headers={})
        self.assertEqual(response.headers["www-authenticate"], "Bearer")
        self.assert_error(response, 401, "token")
        self.assert_error(self.post("x", headers={"Authorization": "Bearer no"}), 403)
        self.assert_error(self.post("x", headers={}, REMOTE_USER="mallory"), 401)
        self.publish("x", headers={}, REMOTE_USER="alice")
        response = self.post("x", path="/events/mute")
        self.assertEqual(response.headers["allow"], "GET, HEAD, OPTIONS")
        self.assert_error(response, 405)
        self.assert_error(self.post("x", path="/events/clock"), 405)
        self.assert_error(self.post("x", path="/events/none"), 404)
        self.assertEqual(len(self.history()), 1)

    def test_a_token_is_in_no_log(self):
        self.assert_error(self.post("x", headers={"Authorization": "Bearer no-such-token"}), 403)
        self.publish("x")
        log = (self.dir / "responder.log").read_text()
        self.assertNotIn(TOKEN, log)
        self.assertNotIn("no-such-token", log)

    def test_pages_of_other_sites_cannot(self):
        for origin in (OTHER_SITE, "null"):
            self.assert_error(self.post("x", headers=dict(BEARER, Origin=origin)), 403, "origin")
        self.publish("x", headers=dict(BEARER, Origin=OUR_SITE))
        self.publish("x", headers=dict(BEARER, Origin="https://www.example.org",
                                       Host="www.example.org"))
        asked = {"Origin": OUR_SITE, "Access-Control-Request-Method": "POST"}
        response = self.keep(self.server.request("/events/t", "OPTIONS", asked))
        self.assertIn("POST", response.headers["access-control-allow-methods"])
        for name in ("Content-Type", "Authorization", "Idempotency-Key"):
            self.assertIn(name, response.headers["access-control-allow-headers"])

    def test_what_is_no_event_is_refused(self):
        self.assert_error(self.post("x", "text/html"), 415, "application/x-ndjson")
        self.assert_error(self.post(""), 400, "empty")
        self.assert_error(self.post('{"data": 1, "event": "stream.end"}', "application/json"), 400,
                          "event")
        self.assert_error(self.post("x", path="/events/t?last=1"), 400)
        self.assertEqual(self.history(), [])

    def test_publishers_that_leave_do_no_harm(self):
        for _ in range(30):
            connection = self.server.connect()
            connection.send(harness.fcgi.request_bytes(harness.fcgi.environment(
                "/events/t", "POST", BEARER, CONTENT_TYPE="text/plain", CONTENT_LENGTH="4"),
                body=b"left"))
            connection.close()
        self.publish("here")
        events = [e[2] for e in self.history()]
        self.assertEqual(events[-1], "here")
        self.assertLessEqual(set(events), {"left", "here"})
        self.assertTrue(self.server.process.is_running())


class Synced(Post):
    """The same where the answer comes later, when the event is on disk."""

    def settings(self):
        return {"sync": "always"}


class OneRequestEach(Topic):
    """Processes that serve one request, or one at a time: the store is what they share."""

    def settings(self):
        return {"sync": "always"}

    def test_a_cgi_program_answers_when_the_event_is_kept(self):
        positions = []
        for n in range(3):
            body = self.write("body", "event %d" % n)
            env = self.environment(harness.fcgi.environment(
                "/events/t", "POST", BEARER, SSECGI_CONFIG=str(self.file),
                CONTENT_TYPE="text/plain", CONTENT_LENGTH=str(body.stat().st_size)))
            with open(body, "rb") as stdin, open(self.dir / "cgi.log", "ab") as log:
                process = self.keep(harness.fcgi.CgiProcess([harness.SSECGI], env, log, stdin))
            response = process.read_head()
            self.assertEqual(response.status, 201)
            positions.append(json.loads(response.body())["position"])
        self.start()
        self.assertEqual([(e[0], e[2]) for e in self.history()],
                         [(p, "event %d" % n) for n, p in enumerate(positions)])

    def test_many_processes_publish_at_once(self):
        os.chmod(self.state, 0o777)  # Apache serves as another user
        server = self.apache("apache-fcgid/apache.conf", self.file)
        failed = []

        def publish(number):
            connection = http.client.HTTPConnection("127.0.0.1", server.port,
                                                    timeout=harness.WAIT)
            todo = list(range(10))
            deadline = time.monotonic() + harness.WAIT
            while todo and time.monotonic() < deadline:
                connection.request("POST", "/events/t", "%d.%d" % (number, todo[0]),
                                   dict(BEARER, **{"Content-Type": "text/plain"}))
                response = connection.getresponse()
                text = response.read()
                if response.status != 201:
                    break
                todo.pop(0)
            connection.close()
            if todo:
                failed.append((number, todo, text))

        threads = [threading.Thread(target=publish, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        server.process.stop()
        self.start()
        got = [e[2] for e in self.history()]
        self.assertEqual(sorted(got), sorted("%d.%d" % (i, n) for i in range(4) for n in range(10)))
        for i in range(4):
            self.assertEqual([g for g in got if g.startswith("%d." % i)],
                             ["%d.%d" % (i, n) for n in range(10)])


class Rate(Topic):
    PUBLISH = {"addresses": ["127.0.0.1"], "max_events_s": 1}

    def test_too_many_are_told_when_to_come_back(self):
        self.start()
        self.publish('{"data": 1}\n' * 5, "application/x-ndjson", {})
        response = self.post("x", headers={})
        self.assertIn(int(response.headers["retry-after"]), range(1, 6))
        self.assert_error(response, 429, "max_events_s")


class Setting(Topic):
    def check(self, publish):
        config = self.config({"t": {"source": "topic", "publish": publish}}, "bad.json",
                             state_dir=str(self.state))
        status, _, said = self.run_program("--config", config, "--check-config")
        self.assertEqual(status, 6)
        return said

    def test_a_mistake_is_told_with_its_path(self):
        self.assertIn("streams.t.publish.user: unknown key", self.check({"user": []}))
        self.assertIn("streams.t.publish.tokens[0]: ", self.check({"tokens": ["s3cret"]}))
        self.assertNotIn("s3cret", self.check({"tokens": ["s3cret"]}))
        self.assertIn("streams.t.publish.max_batch: ", self.check({"max_batch": 0}))


# --- the command line ------------------------------------------------------------------------


class Command(Topic):
    def setUp(self):
        if not os.access(CTL, os.X_OK):
            self.skipTest("ssecgi-ctl is not built (libcurl)")
        super().setUp()

    def ctl(self, *args, lines="", status=0):
        done = subprocess.run([CTL, "publish", *map(str, args)], env=self.environment({}),
                              input=lines.encode() if isinstance(lines, str) else lines,
                              capture_output=True, timeout=harness.WAIT, check=False)
        said = done.stderr.decode()
        self.assertEqual(done.returncode, status, said)
        self.assertEqual(done.stdout, b"")
        return said


class Straight(Command):
    def test_lines_become_events_without_a_server(self):
        self.assertEqual(self.ctl("t", "--config", self.file, lines="one\ntwo\r\n\nlast"), "")
        self.start()
        self.ctl("t", "--config", self.file, "--event", "e", lines="more\n")
        self.assertEqual([e[1:] for e in self.history()],
                         [(None, "one"), (None, "two"), (None, ""),
                          (None, "last"), ("e", "more")])

    def test_a_file_is_published_whole(self):
        path = self.write("lines", "".join("line %d\n" % i for i in range(25000)))
        self.ctl("--config", self.file, "t", path)
        self.start()
        events = self.history(30000)
        self.assertEqual([e[2] for e in events], ["line %d" % i for i in range(25000)])

    def test_a_line_is_there_when_it_comes(self):
        self.start()
        stream = self.keep(self.server.stream("/events/t"))
        writer = subprocess.Popen([CTL, "publish", "t", "--config", str(self.file)],
                                  stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(writer.wait)
        self.addCleanup(writer.stderr.close)
        self.addCleanup(writer.stdin.close)
        for i in range(5):
            writer.stdin.write(b"line %d\n" % i)
            writer.stdin.flush()
            self.assertEqual(stream.event().data, "line %d" % i)

    def test_progress_is_for_terminals(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        done = subprocess.run([CTL, "publish", "t", "--config", str(self.file)], input=b"a\nb\n",
                              stderr=slave, timeout=harness.WAIT, check=True)
        os.close(slave)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"2 published", os.read(master, 4096))

    def test_json_lines_say_their_name_and_key(self):
        said = self.ctl("t", "--config", self.file, "--json", status=1,
                        lines='{"data": [1, 2], "event": "e", "key": "k"}\n{"data": \n\n'
                              '{"data": "again", "key": "k"}\n{"data": "x"}\n')
        self.assertIn("line 2 was not published: ", said)
        self.assertIn("line 3 was not published: ", said)
        self.start()
        self.assertEqual([e[1:] for e in self.history()], [("e", "[1,2]"), (None, "x")])

    def test_what_is_wrong_is_told(self):
        self.assertIn("no stream", self.ctl("none", "--config", self.file, status=1))
        self.assertIn("no topic", self.ctl("clock", "--config", self.file, status=1))
        self.assertIn("/nowhere", self.ctl("t", "--config", "/nowhere", status=1))
        self.assertIn("SSECGI_CONFIG", self.ctl("t", status=1))
        self.assertIn("--url", self.ctl(status=2))
        os.chmod(self.state, 0o500)
        self.addCleanup(os.chmod, self.state, 0o700)
        if os.getuid() != 0:
            said = self.ctl("t", "--config", self.file, status=1, lines="a\nb\n")
            self.assertIn("lines 1 to 2 were not published: Permission denied", said)


class Fake(http.server.BaseHTTPRequestHandler):
    """Takes what is posted, or answers as it was told to."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        lines = [json.loads(line) for line in body.splitlines()]
        world = self.server.world
        status = world["plan"].pop(0) if world["plan"] else 201
        if status == 201 and len(lines) > world["most"]:
            status = 413
        if status == 201:
            world["got"] += lines
        world["asked"].append((status, self.client_address, lines))
        if status == 0:  # it went away before it answered
            self.close_connection = True
            return
        text = json.dumps({"error": "because"} if status != 201 else {"position": "p"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        if status == 429:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(text)
        self.wfile.flush()

    def log_message(self, *args):
        pass


class ByHttp(Command):
    def setUp(self):
        super().setUp()
        self.fake = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fake)
        self.fake.world = {"plan": [], "most": 1000, "got": [], "asked": []}
        thread = threading.Thread(target=self.fake.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(self.fake.server_close)
        self.addCleanup(self.fake.shutdown)
        self.url = "http://127.0.0.1:%d/events/t" % self.fake.server_port

    def got(self):
        return [line["data"] for line in self.fake.world["got"]]

    def test_lines_go_over_one_connection_in_order(self):
        lines = ["line %d" % i for i in range(2000)]
        self.fake.world["most"] = 7
        self.assertEqual(self.ctl("--url", self.url, lines="\n".join(lines)), "")
        self.assertEqual(self.got(), lines)
        self.assertEqual(len({address for _, address, _ in self.fake.world["asked"]}), 1)

    def test_what_fails_is_tried_again_with_the_same_keys(self):
        self.fake.world["plan"] = [503, 429, 0, 500]
        self.assertEqual(self.ctl("--url", self.url, lines="a\nb\n"), "")
        keys = [[line["key"] for line in lines] for _, _, lines in self.fake.world["asked"]]
        self.assertEqual(len(keys), 5)
        self.assertEqual(keys, [keys[0]] * 5)
        self.assertEqual(len(set(keys[0])), 2)
        self.assertEqual(self.got(), ["a", "b"])

    def test_an_event_at_fault_is_found_and_told(self):
        self.fake.world["plan"] = [413, 413, 413]  # of four, of two, of one
        said = self.ctl("--url", self.url, lines="a\nb\nc\nd\n", status=1)
        self.assertIn("line 1 was not published: 413: because", said)
        self.assertEqual(self.got(), ["b", "c", "d"])

    def test_a_refusal_ends_it(self):
        self.fake.world["plan"] = [401]
        said = self.ctl("--url", self.url, lines="a\nb\n", status=1)
        self.assertIn("lines 1 to 2 were not published: 401: because", said)
        self.assertEqual(len(self.fake.world["asked"]), 1)

    def test_patience_has_an_end(self):
        port = harness.free_port()
        said = self.ctl("--url", "http://127.0.0.1:%d/" % port, "--retry-s", 0, lines="a\nb\n",
                        status=1)
        self.assertIn("lines 1 to 2 were not published: ", said)

    def test_the_token_comes_from_a_file(self):
        self.start()
        token = self.write("token", TOKEN + "\n")
        server = self.lighttpd("lighttpd/lighttpd-external.conf",
                               SOCKET=self.dir / "fcgi.sock")
        url = "http://127.0.0.1:%d/events/t" % server.port
        self.assertIn("401", self.ctl("--url", url, lines="no\n", status=1))
        self.ctl("--url", url, "--token-file", token, "--event", "e",
                 lines=b"one\n\xff\n" + b"x" * 12 + b"\n")
        self.assertEqual([e[1:] for e in self.history()],
                         [("e", "one"), ("e", "\ufffd"), ("e", "x" * 12)])
        self.assertIn("one line", self.ctl("--url", url, "--token-file", self.file, status=1))


if __name__ == "__main__":
    unittest.main()

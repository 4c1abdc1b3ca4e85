# SPDX-License-Identifier: MIT
"""The pages for those who look inside: metrics, health, who may see them, and several processes."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import fcgi
import harness

METRICS, HEALTH = "/events/-/metrics", "/events/-/health"
LABEL = r'[a-z]+="((?:[^"\\]|\\.)*)"'
SAMPLE = re.compile(r"(ssecgi_[a-z_]+)(?:\{(%s(?:,%s)*)\})? ([0-9.]+)$" % (LABEL, LABEL))
CLOCK = {"source": "clock", "interval_ms": 50}
LOCAL = {"allow": ["127.0.0.1"]}
PROCS = 4


def parse(text):
    """The samples, by name or by (name, labels' values...)."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, labels, *_, number = SAMPLE.match(line).groups()
            values = re.findall(LABEL, labels or "")
            found[(name, *values) if values else name] = float(number)
    return found


def board_of(pid):
    """The path of a process's scoreboard, or None."""
    with open("/proc/%d/maps" % pid) as maps:
        paths = re.findall(r" (/\S+/ssecgi-[0-9]+-[0-9a-f]{16})$", maps.read(), re.MULTILINE)
    return paths[0] if paths else None


class Case(harness.Case):
    def setUp(self):
        super().setUp()
        if not os.access("/dev/shm", os.W_OK):
            self.skipTest("/dev/shm cannot be written")
        self.boards = set()
        self.addCleanup(self.remove_boards)  # when all processes have ended

    def remove_boards(self):
        for path in self.boards:
            if os.path.lexists(path):
                os.unlink(path)

    def page(self, server, path=METRICS, **more):
        ask = server.request if isinstance(server, harness.Responder) else server.get
        response = ask(path, **more)
        try:
            return response.status, response.body().decode(), response.headers
        finally:
            response.close()

    def scrape(self, server):
        status, body, headers = self.page(server)
        self.assertEqual(status, 200, body)
        self.assertEqual(headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        self.assertIn("no-store", headers["cache-control"])
        return parse(body)

    def wait_for(self, server, condition, what):
        """Scrapes until the condition holds for the figures, and answers them."""
        def look():
            status, body, _ = self.page(server)
            if status >= 500:
                return None  # a web server's word for a process that was just killed
            self.assertEqual(status, 200, body)
            found = parse(body)
            return found if condition(found) else None
        return harness.wait_until(look, what)

    def forget_board(self, pid):
        """The scoreboard goes with the test. Answers its path."""
        path = harness.wait_until(lambda: board_of(pid), "the scoreboard is open")
        self.boards.add(path)
        return path

    def start(self, **settings):
        self.log, app = self.tail(text="one\n")
        self.path = self.config({"app": app, "clock": CLOCK}, metrics=LOCAL, health=LOCAL,
                                **settings)
        server = self.responder(self.path)
        self.board = self.forget_board(server.process.pid)
        return server


class Access(Case):
    def test_what_is_not_configured_is_not_there(self):
        path = self.config({"clock": CLOCK})
        server = self.responder(path)
        unknown = self.page(server, "/events/nope")
        self.assertEqual(unknown[0], 404)
        for name in ("metrics", "health", "", "other", "metrics/"):
            self.assertEqual(self.page(server, "/events/-/" + name), unknown)
        self.assertIsNone(board_of(server.process.pid))
        self.config({"clock": CLOCK}, health=LOCAL)
        server.process.signal(signal.SIGHUP)
        harness.wait_until(lambda: self.page(server, HEALTH)[0] == 200, "health is there")
        self.assertEqual(self.page(server), unknown)
        self.config({"clock": CLOCK})
        server.process.signal(signal.SIGHUP)
        harness.wait_until(lambda: self.page(server, HEALTH) == unknown, "it is gone again")

    def test_only_those_who_are_allowed_see_them(self):
        allow = {"allow": ["10.0.0.0/8", "2001:db8::/32", "user:alice"]}
        server = self.responder(self.config({"clock": CLOCK}, metrics=allow, health=allow))
        self.forget_board(server.process.pid)
        for path, key in ((METRICS, "metrics.allow"), (HEALTH, "health.allow")):
            for status, params in ((200, {"REMOTE_ADDR": "10.1.2.3"}),
                                   (200, {"REMOTE_ADDR": "2001:db8::7"}),
                                   (200, {"REMOTE_USER": "alice"}),
                                   (403, {"REMOTE_USER": "bob"}), (403, {}),
                                   (403, {"REMOTE_ADDR": "11.1.2.3"}),
                                   (403, {"REMOTE_ADDR": ""}), (403, {"REMOTE_ADDR": "unix:"}),
                                   (403, {"HTTP_X_FORWARDED_FOR": "10.1.2.3"})):
                got, body, headers = self.page(server, path, **params)
                self.assertEqual(got, status, (path, params))
                if status == 403:
                    self.assertIn(key, json.loads(body)["error"])
                    self.assertEqual(headers["content-type"], "application/json")

    def test_methods(self):
        server = self.start()
        for path in (METRICS, HEALTH):
            status, body, _ = self.page(server, path, method="HEAD")
            self.assertEqual((status, body), (200, ""))
            status, _, headers = self.page(server, path, method="POST")
            self.assertEqual((status, headers["allow"]), (405, "GET, HEAD, OPTIONS"))

    def test_mistakes_are_named_with_their_place(self):
        for page, words in (({"allow": ["127.0.0.1", "10.0.0.0/33"]}, ("allow[1]", "10.0.0.0/33")),
                            ({"allow": ["localhost"]}, ("allow[0]", "localhost")),
                            ({"allow": []}, ("allow", "at least one")),
                            ({"allow": "127.0.0.1"}, ("allow", "array")),
                            ({}, ("allow", "missing")), ({"alow": []}, ("alow", "unknown")),
                            (True, ("object",)), (["127.0.0.1"], ("object",))):
            for key in ("metrics", "health"):
                path = self.config({"clock": CLOCK}, name="wrong.json", **{key: page})
                status, _, err = self.run_program("--config", path, "--check-config")
                self.assertEqual(status, 6, err)
                for word in (str(path), key, *words):
                    self.assertIn(word, err)

    def test_settings_in_force_show_them(self):
        path = self.config({"clock": CLOCK}, metrics=LOCAL)
        shown = json.loads(self.run_program("--config", path, "--dump-config")[1])
        self.assertEqual(shown["metrics"], LOCAL)
        self.assertNotIn("health", shown)


class Figures(Case):
    def test_what_happens_is_counted(self):
        server = self.start()
        streams = [self.keep(server.stream("/events/app?last=1")) for _ in range(3)]
        searched = self.keep(server.stream("/events/app?last=1&grep=o"))
        for stream in (*streams, searched):
            self.assertEqual(stream.event().data, "one")
        lost = self.keep(server.stream("/events/app", {"Last-Event-ID": "nonsense"}))
        self.assertEqual(lost.event().event, "stream.gap")
        harness.append(self.log, "two\n")
        for stream in streams:
            self.assertEqual(stream.event().data, "two")
        self.page(server, "/events/nope")
        self.page(server, "/events/app?bad=1")
        got = self.wait_for(server, lambda f: f["ssecgi_events_total", "app"] >= 1, "two is counted")
        self.assertEqual(got["ssecgi_readers", "app"], 5)
        self.assertEqual(got["ssecgi_readers", "clock"], 0)
        self.assertEqual(got["ssecgi_streams_started_total", "app"], 5)
        self.assertEqual(got["ssecgi_history_events_total", "app"], 4)
        self.assertGreater(got["ssecgi_sent_bytes_total", "app"], 100)
        self.assertEqual(got["ssecgi_gaps_total", "unknown-position"], 1)
        self.assertEqual(got["ssecgi_stream_gaps_total", "app"], 1)
        self.assertEqual(got["ssecgi_rejected_total", "not_found"], 1)
        self.assertEqual(got["ssecgi_rejected_total", "bad_request"], 1)
        self.assertEqual(got["ssecgi_processes"], 1)
        self.assertEqual(got["ssecgi_scoreboard_up"], 1)
        self.assertGreaterEqual(got["ssecgi_requests_total"], 8)
        self.assertGreaterEqual(got["ssecgi_connections_total"], got["ssecgi_requests_total"])
        self.assertGreater(got["ssecgi_loop_delay_seconds_count"], 8)
        streams[0].close()
        got = self.wait_for(server, lambda f: f["ssecgi_readers", "app"] == 4, "a reader has left")
        self.assertEqual(got["ssecgi_readers_ended_total", "left"], 1)

    def test_readers_that_are_behind_are_counted(self):
        server = self.start()
        harness.append(self.log, ("x" * 99 + "\n") * 40000)
        slow = self.keep(server.stream("/events/app?last=40000"))
        self.keep(server.stream("/events/app"))
        got = self.wait_for(server, lambda f: f["ssecgi_catching_up_readers", "app"] == 1,
                            "the slow one is behind")
        self.assertEqual(got["ssecgi_readers", "app"], 2)
        slow.close()
        self.wait_for(server, lambda f: f["ssecgi_catching_up_readers", "app"] == 0, "it has left")

    def test_what_the_gate_refuses_is_counted(self):
        server = self.start()
        connection = self.keep(server.connect())
        connection.send(b"\x07nonsense")
        connection.wait_closed()
        self.page(server, "/events/app", headers={"X": "a\0b"})
        self.page(server, "/events/app", headers={"X": "a" * 140000})
        got = self.scrape(server)
        for reason in ("broken_fastcgi", "nul_byte", "header_too_large"):
            self.assertEqual(got["ssecgi_rejected_total", reason], 1, reason)

    def test_streams_with_parameters_count_as_one(self):
        server = self.start()
        for n in range(20):
            self.keep(server.stream("/events/app?grep=%d" % n))
        got = self.scrape(server)
        self.assertEqual(got["ssecgi_readers", "app"], 20)
        self.assertEqual({key[1] for key in got if key[0] == "ssecgi_readers"}, {"app", "clock"})

    def test_a_thousand_streams_are_a_bounded_number_of_series(self):
        server = self.responder(self.config({"s%d" % n: CLOCK for n in range(1000)},
                                            metrics=LOCAL))
        self.forget_board(server.process.pid)
        for n in (0, 63, 64, 999):
            self.keep(server.stream("/events/s%d" % n))
        got = self.scrape(server)
        readers = {key[1]: got[key] for key in got if key[0] == "ssecgi_readers"}
        self.assertEqual(len(readers), 65)
        self.assertEqual({n: v for n, v in readers.items() if v},
                         {"s0": 1, "s63": 1, "-/other": 2})

    def test_reloads_are_counted(self):
        server = self.start()
        good = self.path.read_bytes()
        self.path.write_bytes(b"{")
        server.process.signal(signal.SIGHUP)
        got = self.wait_for(server, lambda f: f["ssecgi_config_reloads_total", "refused"] == 1,
                            "the refusal counts")
        self.assertEqual(got["ssecgi_config_stale_processes"], 1)
        self.path.write_bytes(good)
        server.process.signal(signal.SIGHUP)
        got = self.wait_for(server, lambda f: f["ssecgi_config_reloads_total", "good"] == 1,
                            "the reload counts")
        self.assertEqual(got["ssecgi_config_stale_processes"], 0)
        self.assertGreaterEqual(got["ssecgi_config_loaded_timestamp_seconds"],
                                got["ssecgi_start_time_seconds"])

    def test_each_reason_of_a_gap_has_its_series(self):
        said = set()
        for folder in ("source", "hub", "app"):
            for path in (harness.SRCDIR / "src" / folder).rglob("*.c"):
                said |= set(re.findall(r'(?:\.reason = |gap\(\w+, (?:\w+, )?|lose\(\w+, \w+, |label, )'
                                       r'"([a-z]+(?:-[a-z]+)*)"', path.read_text()))
        shown = {key[1] for key in self.scrape(self.start()) if key[0] == "ssecgi_gaps_total"}
        self.assertGreater(len(said), 8)
        self.assertEqual(said - shown, set())

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed (Debian: prometheus)")
    def test_promtool_finds_nothing_to_complain_of(self):
        promtool = shutil.which("promtool")
        body = self.page(self.start())[1]
        done = subprocess.run([promtool, "check", "metrics"], input=body.encode(),
                              capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))


class Health(Case):
    def health(self, server):
        status, body, headers = self.page(server, HEALTH)
        self.assertEqual(headers["content-type"], "application/json")
        said = json.loads(body)
        return status, said, {s["name"]: s for s in said["streams"]}

    def test_a_process_that_serves_is_well(self):
        server = self.start()
        self.keep(server.stream("/events/app"))
        status, said, streams = self.health(server)
        self.assertEqual((status, said["status"], said["readers"]), (200, "ok", 1))
        self.assertEqual(streams, {"app": {"name": "app", "state": "open"},
                                   "clock": {"name": "clock", "state": "idle"}})

    def test_a_source_that_cannot_be_read_is_told(self):
        server = self.start()
        self.log.unlink()
        self.log.mkdir()
        self.keep(server.stream("/events/app"))
        status, said, streams = harness.wait_until(
            lambda: (lambda h: h if h[0] == 503 else None)(self.health(server)), "it is told")
        self.assertEqual(said["status"], "unreadable")
        self.assertEqual(streams["app"]["state"], "unreadable")
        self.assertIn("cannot be read", streams["app"]["detail"])
        self.log.rmdir()
        harness.append(self.log, "back\n")
        harness.wait_until(lambda: self.health(server)[0] == 200, "it is well again")

    def test_a_process_that_ends_says_so(self):
        server = self.start(drain_s=30)
        self.keep(server.stream("/events/clock"))
        whole = fcgi.request_bytes(fcgi.environment(HEALTH))
        late = self.keep(server.connect())
        late.send(whole[:20])
        # Two records on their way are a request, which is answered whatever happens.
        self.keep(server.request("/events/"))
        server.process.signal(signal.SIGTERM)
        harness.wait_until(lambda: "draining" in (self.dir / "responder.log").read_text(),
                           "it is ending")
        late.send(whole[20:])
        response = fcgi.FcgiResponse(late).read_head()
        self.assertEqual(response.status, 503)
        self.assertEqual(json.loads(response.body())["status"], "draining")


class Scoreboard(Case):
    def test_figures_outlive_the_process(self):
        server = self.start()
        self.keep(server.stream("/events/app"))
        self.wait_for(server, lambda f: f["ssecgi_readers", "app"] == 1, "the reader counts")
        for number in (signal.SIGKILL, signal.SIGTERM):
            server.process.signal(number)
            server.process.wait()
            server = self.responder(self.path)
            got = self.scrape(server)
            self.assertEqual(got["ssecgi_readers", "app"], 0)
            self.assertEqual(got["ssecgi_processes"], 1)
            self.assertEqual(got["ssecgi_streams_started_total", "app"], 1)

    def test_nonsense_in_its_place_is_replaced(self):
        server = self.start()
        size = os.stat(self.board).st_size
        self.assertEqual(os.stat(self.board).st_mode & 0o777, 0o600)
        for content in (b"", b"short", os.urandom(5000), bytes(size), os.urandom(size)):
            server.process.signal(signal.SIGKILL)
            server.process.wait()
            with open(self.board, "wb") as f:
                f.write(content)
            server = self.responder(self.path)
            got = self.scrape(server)
            self.assertEqual((got["ssecgi_scoreboard_up"], got["ssecgi_processes"]), (1, 1))

    def test_a_file_that_was_removed_or_cut_is_made_anew(self):
        server = self.start()
        self.keep(server.stream("/events/app"))
        for spoil in (os.unlink, lambda path: os.truncate(path, 10)):
            self.scrape(server)
            spoil(self.board)
            got = self.wait_for(server, lambda f: f["ssecgi_scoreboard_up"] == 1, "it is back")
            self.assertEqual(got["ssecgi_readers", "app"], 1)
            self.assertEqual(got["ssecgi_streams_started_total", "app"], 1)
            self.assertTrue(os.path.exists(self.board))

    def test_what_belongs_to_somebody_else_is_left_alone(self):
        server = self.start()
        server.process.stop()
        os.unlink(self.board)
        target = self.write("target", "kept")
        os.symlink(target, self.board)
        server = self.responder(self.path)
        got = self.scrape(server)
        self.assertEqual((got["ssecgi_scoreboard_up"], got["ssecgi_processes"]), (0, 1))
        self.assertEqual(target.read_text(), "kept")
        self.assertIn("metrics are of this process only",
                      (self.dir / "responder.log").read_text())

    @unittest.skipUnless(os.getuid() == 0, "only root can give a file away")
    def test_another_users_file_is_left_alone(self):
        server = self.start()
        server.process.stop()
        os.chown(self.board, 65534, 65534)
        got = self.scrape(self.responder(self.path))
        self.assertEqual((got["ssecgi_scoreboard_up"], got["ssecgi_processes"]), (0, 1))

    def test_configurations_do_not_mix(self):
        server = self.start()
        other = tempfile.mkdtemp(prefix="ssecgi-")
        self.addCleanup(shutil.rmtree, other, ignore_errors=True)
        shutil.copy(self.path, other + "/ssecgi.json")
        process = self.process([harness.SSECGI, "--config", other + "/ssecgi.json", "--listen",
                                "unix:" + str(self.dir / "other.sock")], "other.log")
        self.forget_board(process.pid)
        self.assertEqual(self.scrape(server)["ssecgi_processes"], 1)


class SeveralProcesses(Case):
    def start_server(self):
        _, app = self.tail(text="one\n")
        return self.config({"app": app, "clock": CLOCK}, metrics=LOCAL, health=LOCAL)

    def assert_monotone(self, before, after):
        for key, value in before.items():
            name = key if isinstance(key, str) else key[0]
            if name.endswith(("_total", "_bucket", "_count", "_sum")):
                self.assertGreaterEqual(after[key], value, key)

    def test_lighttpd_with_max_procs(self):
        server = self.lighttpd("lighttpd/lighttpd.conf", PROCS=PROCS, CONFIG=self.start_server())
        harness.wait_until(lambda: len(server.responders()) == PROCS, "all processes run")
        self.forget_board(server.responders()[0])
        streams = [self.keep(server.stream("/events/clock")) for _ in range(3 * PROCS)]
        for stream in streams:
            stream.event()
        before = self.wait_for(server, lambda f: f["ssecgi_processes"] == PROCS
                               and f["ssecgi_readers", "clock"] == 3 * PROCS, "all are counted")
        self.assertEqual(before["ssecgi_streams_started_total", "clock"], 3 * PROCS)
        for _ in range(3):
            readers = before["ssecgi_readers", "clock"]
            victim = max(server.responders(), key=harness.socket_count)
            harness.kill_all([victim])
            after = self.wait_for(server, lambda f, n=readers: f["ssecgi_readers", "clock"] < n,
                                  "the readers of the one killed do not count")
            self.assert_monotone(before, after)
            before = self.wait_for(server, lambda f: f["ssecgi_processes"] == PROCS,
                                   "lighttpd has started another one")
            self.assert_monotone(after, before)
        self.assertEqual(before["ssecgi_streams_started_total", "clock"], 3 * PROCS)

    def test_mod_fcgid(self):
        server = self.apache("apache-fcgid/apache.conf", self.start_server())
        streams = [self.keep(server.stream("/events/clock")) for _ in range(3)]
        self.forget_board(server.responders()[0])
        got = self.wait_for(server, lambda f: f["ssecgi_readers", "clock"] == 3, "all are counted")
        self.assertGreaterEqual(got["ssecgi_processes"], 4)
        for stream in streams[:2]:
            stream.close()
        after = self.wait_for(server, lambda f: f["ssecgi_readers", "clock"] == 1, "two have left")
        self.assert_monotone(got, after)

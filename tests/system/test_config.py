# SPDX-License-Identifier: MIT
"""Configuration and command line: what is wrong is named, with file, key path and expectation."""

import json

import harness

USAGE, CONFIG = 2, 6


class WrongConfiguration(harness.Case):
    def assert_refused(self, text, *words):
        """--check-config and a start both say what is wrong, and end with status 6."""
        if not isinstance(text, (str, bytes)):
            text = json.dumps(text)
        path = self.write("wrong.json", text)
        for args in (("--check-config",), ("--listen", "unix:%s" % (self.dir / "s"))):
            status, out, err = self.run_program("--config", path, *args)
            self.assertEqual((status, out), (CONFIG, ""), err)
            for word in (str(path), *words):
                self.assertIn(word, err)
            self.assertEqual(len(err.strip().splitlines()), 1, err)

    def test_a_syntax_error_has_line_and_column(self):
        self.assert_refused('{\n  "prefix": "/e",\n  "streams" {}\n}', "wrong.json:3:13")
        self.assert_refused('{"streams": {', "wrong.json:1:14")
        self.assert_refused('{"streams": {}}\n// fine\nx', "wrong.json:3:1")
        self.assert_refused('{ /* open', "wrong.json:1:3")
        self.assert_refused("", "wrong.json:1:1")
        self.assert_refused("[]", "wrong.json:1:1")
        self.assert_refused(b"{\"a\": \"\xff\"}", "wrong.json:1:")
        self.assert_refused(b"{\0}", "wrong.json:1:2")

    def test_an_unknown_key_is_named(self):
        self.assert_refused({"heartbeat": 5, "streams": {}}, "heartbeat: ", "heartbeat_s")
        self.assert_refused({"streams": {"a": {"source": "clock", "interval": 5}}},
                            "streams.a.interval", "interval_ms")

    def test_a_wrong_type_or_range_is_named_with_what_it_must_be(self):
        for key, value, wanted in (("heartbeat_s", "15", "integer"), ("heartbeat_s", 0, "from 1"),
                                   ("retry_ms", 1.5, "integer"), ("max_streams", -1, "from 1"),
                                   ("ring_bytes", 1, "4096"), ("prefix", 7, "string"),
                                   ("cors_origins", "x", "array"), ("drain_s", None, "integer")):
            self.assert_refused({key: value, "streams": {}}, key + ": ", wanted)

    def test_settings_of_a_source_are_checked(self):
        for stream, *words in (
                ({"source": "clock", "interval_ms": 1}, "streams.a.interval_ms", "from 10"),
                ({"source": "clock", "format": "xml"}, "streams.a.format", '"json"', '"plain"'),
                ({"source": "tail"}, "streams.a.paths", "either path or paths"),
                ({"source": "tail", "path": "/a", "paths": ["/b"]}, "either path or paths"),
                ({"source": "tail", "paths": ["b/*.log"]}, "streams.a.paths", "absolute"),
                ({"source": "tail", "paths": ["/b"], "level_events": True}, "level_events", "json"),
                ({"source": "tail", "path": "relative.log"}, "streams.a.path", "absolute"),
                ({"source": "price", "symbols": 7}, "streams.a.symbols"),
                ({"source": "nope"}, "streams.a.source", "nope", "clock", "tail"),
                ({"source": 5}, "streams.a.source"),
                ({}, "streams.a.source"), (5, "streams.a")):
            self.assert_refused({"streams": {"a": stream}}, *words)

    def test_names_of_streams_are_checked(self):
        for name in ("", "/a", "a/", "a//b", "a b", "\u00e9", "a?b", "x" * 300, "..", "a/../b"):
            self.assert_refused({"streams": {name: {"source": "clock"}}}, "streams.")

    def test_a_prefix_must_be_a_path(self):
        for prefix in ("events", "/events/", "/a b", "", "/a\nb", "/a?b", "/%65"):
            self.assert_refused({"prefix": prefix, "streams": {}}, "prefix")

    def test_a_file_that_cannot_be_read_is_named(self):
        missing = self.dir / "missing.json"
        status, _, err = self.run_program("--config", missing, "--check-config")
        self.assertEqual(status, CONFIG)
        self.assertIn(str(missing), err)
        status, _, err = self.run_program("--check-config", env={"SSECGI_CONFIG": missing})
        self.assertEqual(status, CONFIG)
        self.assertIn(str(missing), err)
        status, _, err = self.run_program("--config", self.dir, "--check-config")
        self.assertEqual(status, CONFIG)

    def test_a_huge_file_is_refused(self):
        self.assert_refused("{" + " " * 2000000 + "}", "larger")


class RightConfiguration(harness.Case):
    def test_comments_are_allowed(self):
        path = self.write("c.json", '// one\n{ /* two\n */ "streams": {"a": // three\n'
                                    '  {"source": "clock"}}}\n// four')
        self.assertEqual(self.run_program("--config", path, "--check-config")[0], 0)

    def test_check_config_starts_nothing(self):
        _, settings = self.tail("absent.log")
        (self.dir / "absent.log").unlink()
        path = self.config({"a": settings})
        status, out, err = self.run_program("--config", path, "--check-config")
        self.assertEqual((status, err), (0, ""))
        self.assertIn(str(path), out)

    def test_dump_config_shows_every_setting_in_force(self):
        path = self.config({"c": {"source": "clock", "interval_ms": 500}}, heartbeat_s=7)
        status, out, err = self.run_program("--config", path, "--dump-config")
        self.assertEqual(status, 0, err)
        dump = json.loads(out)
        self.assertEqual(dump["heartbeat_s"], 7)
        self.assertEqual(dump["prefix"], "/events")
        self.assertEqual(dump["ring_bytes"], 1048576)
        self.assertEqual(dump["streams"]["c"]["interval_ms"], 500)
        self.assertEqual(dump["streams"]["c"]["format"], "json")
        for key in ("retry_ms", "max_streams", "max_stream_age_s", "stall_timeout_s", "drain_s"):
            self.assertIn(key, dump)

    def test_a_dump_is_a_configuration_that_dumps_the_same(self):
        _, app = self.tail()
        path = self.config({"app": app, "clock": {"source": "clock"},
                            "price": {"source": "price", "symbols": ["A", "B"]}},
                           cors_origins=["https://a.example"])
        out = self.run_program("--config", path, "--dump-config")[1]
        again = self.run_program("--config", self.write("d.json", out), "--dump-config")
        self.assertEqual(again, (0, out, ""))

    def test_without_a_configuration_clock_and_price_run(self):
        status, out, _ = self.run_program("--dump-config")
        self.assertEqual(status, 0)
        streams = json.loads(out)["streams"]
        self.assertEqual({s["source"] for s in streams.values()}, {"clock", "price"})

    def test_the_command_line_wins_over_the_environment(self):
        one = self.config({"one": {"source": "clock"}}, "one.json")
        two = self.config({"two": {"source": "clock"}}, "two.json")
        out = self.run_program("--dump-config", env={"SSECGI_CONFIG": two})[1]
        self.assertEqual(list(json.loads(out)["streams"]), ["two"])
        out = self.run_program("--config", one, "--dump-config", env={"SSECGI_CONFIG": two})[1]
        self.assertEqual(list(json.loads(out)["streams"]), ["one"])


class CommandLine(harness.Case):
    def test_version_and_help_go_to_standard_output(self):
        status, out, err = self.run_program("--version")
        self.assertEqual((status, err), (0, ""))
        self.assertRegex(out, r"\Assecgi \d+\.\d+\.\d+\n")
        status, out, err = self.run_program("--help")
        self.assertEqual((status, err), (0, ""))
        for option in ("--config", "--listen", "--check-config", "--dump-config", "--list-sources",
                       "--print", "--from", "--last", "--count", "--version", "--help"):
            self.assertIn(option, out)

    def test_list_sources_names_sources_and_settings(self):
        status, out, err = self.run_program("--list-sources")
        self.assertEqual((status, err), (0, ""))
        for word in ("clock", "price", "tail", "interval_ms", "path", "poll_ms", "max_line_bytes"):
            self.assertIn(word, out)

    def test_wrong_usage_ends_with_2_and_says_why(self):
        for args in (["--nope"], ["--config"], ["extra"], ["--listen"], ["--print"], ["-x"],
                     ["--print", "clock", "--count", "x"], ["--print", "clock", "--count", "-1"],
                     ["--print", "clock", "--last", "1.5"], ["--version=1"]):
            with self.subTest(args=args):
                status, out, err = self.run_program(*args)
                self.assertEqual((status, out), (USAGE, ""), err)
                self.assertNotEqual(err, "")

    def test_a_wrong_address_is_refused(self):
        for address in ("nonsense", "unix:", "127.0.0.1:99999", "127.0.0.1:", ":", "127.0.0.1:8x",
                        "unix:" + "x" * 200):
            with self.subTest(address=address):
                status, _, err = self.run_program("--listen", address)
                self.assertIn(status, (1, USAGE))
                self.assertIn(address[:30], err)

    def test_an_address_in_use_is_named_and_left_alone(self):
        config = self.config({"clock": {"source": "clock"}})
        server = self.responder(config)
        status, _, err = self.run_program("--config", config, "--listen", "unix:" + server.address)
        self.assertEqual(status, 1)
        self.assertIn(server.address, err)
        self.keep(server.stream("/events/clock"))

    def test_a_file_that_is_no_socket_is_not_removed(self):
        path = self.write("precious.txt", "keep me")
        status, _, err = self.run_program("--listen", "unix:%s" % path)
        self.assertEqual(status, 1, err)
        self.assertEqual(path.read_text(), "keep me")

    def test_started_by_hand_without_a_socket_it_says_what_to_do(self):
        status, _, err = self.run_program()
        self.assertEqual(status, USAGE)
        self.assertIn("--listen", err)

# SPDX-License-Identifier: MIT
"""Log lines: one form, whatever is in them; JSON; the journal; not too many; and logrotate's sample."""

import json
import os
import re
import signal
import subprocess
import time

import front_end_servers
import harness

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
LINE = re.compile(r"(?:<([0-7])>|%s )(error|warn|info|debug) ([a-z]+): ([^=\"]*?)"
                  r"((?: [a-z_]+=(?:[^\s\"]+|\"(?:[^\"\\]|\\.)*\"))*)\Z" % STAMP)
STRANGE = "quote\" back\\slash new\nline esc\x1b[2J del\x7f nel\u0085 \u20ac \U0001f600 "


class Lines(harness.Case):
    """A log that cannot be read, with a strange name, makes ssecgi talk."""

    def setUp(self):
        super().setUp()
        self.missing = str(self.dir / STRANGE)
        os.mkdir(self.missing)  # not a regular file
        self.streams = {"app": {"source": "tail", "path": self.missing, "poll_ms": 50}}

    def talk(self, **settings):
        config = self.config(self.streams, **settings)
        server = self.responder(config)
        self.keep(server.stream("/events/app")).close()
        connection = server.connect()
        connection.send(b"\x07 nonsense")
        connection.close()
        self.assertEqual(server.process.stop(), 0)
        return server.process.log.read_text().splitlines()

    def test_text_has_one_form(self):
        lines = self.talk()
        for line in lines:
            self.assertRegex(line, LINE)
        self.assertTrue(any("draining" in line for line in lines))
        said = [line for line in lines if "quote" in line]
        self.assertEqual(len(said), 1)
        self.assertIn('quote\\" back\\\\slash new\\x0aline esc\\x1b[2J del\\x7f nel\\xc2\\x85 \u20ac '
                      '\U0001f600', said[0])

    def test_json_is_one_object_a_line_with_the_same_fields(self):
        objects = [json.loads(line) for line in self.talk(log_format="json")]
        for line in objects:
            self.assertRegex(line["time"], r"\A%s\Z" % STAMP)
            self.assertIn(line["level"], ("error", "warn", "info", "debug"))
            self.assertTrue(line["room"] and line["message"])
        self.assertEqual([o["path"] for o in objects if "path" in o], [self.missing])
        self.assertIsInstance(next(o for o in objects if o["message"] == "started")["streams"], int)

    def test_the_level_leaves_out_what_is_below(self):
        self.assertEqual([LINE.match(line).group(2) for line in self.talk(log_level="warn")],
                         ["warn"])
        (self.dir / "responder.log").unlink()
        self.assertEqual(self.talk(log_level="error"), [])

    def test_a_reload_changes_the_format(self):
        server = self.responder(self.config({}))
        self.config({}, log_format="json")
        server.process.signal(signal.SIGHUP)
        harness.wait_until(lambda: "reloaded" in server.process.log.read_text(), "it is reloaded")
        first, last = server.process.log.read_text().splitlines()
        self.assertRegex(first, LINE)
        self.assertEqual(json.loads(last)["message"], "reloaded")

    def test_the_journal_is_told_priorities(self):
        config = self.config({})
        path = self.dir / "journal.log"
        with open(path, "ab") as out:
            st = os.fstat(out.fileno())
            for stream, is_journal in (("%d:%d" % (st.st_dev, st.st_ino), True), ("1:2", False),
                                       ("", False), ("x", False)):
                def last_line(*args):
                    subprocess.run([harness.SSECGI, *args], stdin=subprocess.DEVNULL, stderr=out,
                                   env=self.environment({"JOURNAL_STREAM": stream}),
                                   timeout=harness.WAIT, check=False)
                    return path.read_text().splitlines()[-1]
                line = last_line("--config", config, "--listen", "unix:/nonexistent/socket")
                self.assertEqual(LINE.match(line).group(1), "3" if is_journal else None, line)
                line = last_line("--config", self.dir / "no.json")
                self.assertEqual(line.startswith("<3>ssecgi: "), is_journal, line)


class Flood(harness.Case):
    """What a stranger can trigger is not written without bound."""

    def check(self, server, word, began):
        """Each kind of line comes five times a second at the most, however long this took."""
        count = sum(word in line for line in server.process.log.read_text().splitlines())
        self.assertGreater(count, 0)
        self.assertLessEqual(count, 5 * (time.monotonic() - began + 1))

    def test_broken_requests(self):
        server = self.responder(self.config({"c": {"source": "clock"}}))
        began = time.monotonic()
        for _ in range(300):
            connection = server.connect()
            connection.send(b"\x07" * 64)
            self.assertEqual(connection.sock.recv(1), b"")
            connection.close()
        self.check(server, "closed", began)

    def test_requests_for_a_log_that_cannot_be_read(self):
        """Each filter is another channel, and each finds out for itself."""
        path = self.dir / "folder"
        path.mkdir()
        server = self.responder(self.config({"a": {"source": "tail", "path": str(path)}}))
        began = time.monotonic()
        for n in range(300):
            server.stream("/events/a?grep=%d" % n).close()
        self.check(server, "cannot read", began)


class Logrotate(harness.Case):
    """The sample in deploy/systemd."""

    def test_a_stream_follows_the_log_that_it_rotates(self):
        logrotate = front_end_servers.need("logrotate", "logrotate")
        log, app = self.tail(text="first\n")
        own = self.write("own.log", "said before\n")
        sample = (harness.SRCDIR / "deploy" / "systemd" / "logrotate.conf").read_text()
        for path in ("/var/log/app.log", "/var/log/lighttpd/ssecgi.log"):
            self.assertIn(path + " {", sample)
        user = front_end_servers.pwd.getpwuid(os.getuid())
        group = front_end_servers.grp.getgrgid(os.getgid())
        sample = (sample.replace("/var/log/app.log", str(log))
                  .replace("/var/log/lighttpd/ssecgi.log", str(own))
                  .replace("root adm", "%s %s" % (user.pw_name, group.gr_name)))
        config = self.write("logrotate.conf", sample)
        os.chmod(config, 0o644)

        def rotate(*options):
            return subprocess.run([logrotate, *options, "-s", self.dir / "state", config],
                                  capture_output=True, text=True, check=False, timeout=60)
        done = rotate("-d")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotRegex(done.stderr, "(?i)error|warning: (?!logrotate in debug mode)")
        stream = self.keep(self.responder(self.config({"app": app})).stream("/events/app?last=1"))
        self.assertEqual(stream.event().data, "first")
        for n in range(3):
            with open(log, "ab") as held:  # a writer that goes on in the old file for a while
                done = rotate("-f")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                held.write(b"late %d\n" % n)
            self.assertEqual(stream.event().data, "late %d" % n)
            harness.append(log, "new %d\n" % n)
            self.assertEqual(stream.event().data, "new %d" % n)
        self.assertEqual(own.read_text(), "")  # cut in its place

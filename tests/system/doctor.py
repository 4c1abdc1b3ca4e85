# SPDX-License-Identifier: MIT
"""Runs ssecgi-ctl doctor on what a web server serves, with mistakes planted into its settings."""

import json
import os
import pathlib
import subprocess
import unittest

import harness

CTL = os.environ.get("SSECGI_CTL", str(pathlib.Path(harness.SSECGI).with_name("ssecgi-ctl")))
LIMIT_SECONDS = 120  # for a whole visit


def find_program():
    if not os.access(CTL, os.X_OK):
        raise unittest.SkipTest("ssecgi-ctl was not built (Debian: libcurl4-openssl-dev)")


class Visit:
    """A report as JSON."""

    def __init__(self, status, report):
        self.status = status
        self.report = report
        self.checks = report["checks"]

    def __str__(self):
        return json.dumps(self.report, indent=1)

    def results(self, check):
        return [c["result"] for c in self.checks if c["check"] == check]

    def wrong(self):
        """The names of the checks that something is wrong with."""
        return [c["check"] for c in self.checks if c["result"] == "wrong"]

    def to_do(self, check):
        """All that is to be done about it, as one text."""
        return "\n".join("\n".join(c["to_do"]) for c in self.checks if c["check"] == check)

    def text(self, check):
        return "\n".join(c["text"] for c in self.checks if c["check"] == check)


class Patient:
    """Mixed into a front_end_servers.Served: streams, a server with a planted mistake, a visit."""

    def setUp(self):
        find_program()
        super().setUp()

    def begin(self, *options, plant=None, settings=None, **places):
        """Serves the streams clock and app (a log); `plant` makes the configuration a wrong one."""
        lines = ("old %d %s\n" % (n, "x" * 60) for n in range(5000))
        self.log, app = self.tail("lines.txt", "".join(lines))
        config = self.config({"app": app, "clock": {"source": "clock", "interval_ms": 100}},
                             **{"heartbeat_s": 1, **(settings or {})})
        self.planting = plant
        self.server = self.serve(config, *options, **places)
        return self.server

    def arguments(self, program, config):
        if self.planting:
            text = config.read_text()
            changed = self.planting(text)
            self.assertNotEqual(changed, text, "nothing was planted")
            config.write_text(changed)
        return super().arguments(program, config)

    def url(self, path="/events/app"):
        return "http://127.0.0.1:%d%s" % (self.server.port, path)

    def tls_url(self, path="/events/app"):
        return "https://127.0.0.1:%d%s" % (self.server.tls_port, path)

    def visit(self, url=None, *arguments, quiet_s=None, timeout_s=3):
        """Runs the doctor and checks that what it answers agrees with itself. Without quiet_s it
        watches until two heartbeats have come."""
        if quiet_s is not None:
            arguments += ("--quiet-s", quiet_s)
        done = self.run_doctor("--json", "--timeout", timeout_s, *arguments, url or self.url())
        self.assertEqual(done.stderr, "")
        visit = Visit(done.returncode, json.loads(done.stdout))
        harness.append(self.dir / "doctor.log", str(visit) + "\n")
        self.assertEqual(visit.report["wrong"], len(visit.wrong()))
        self.assertEqual(visit.status, 1 if visit.wrong() else 0, visit)
        self.assertTrue(visit.report["complete"], visit)
        return visit

    def run_doctor(self, *arguments):
        return subprocess.run([CTL, "doctor", *map(str, arguments)], env=self.environment({}),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=LIMIT_SECONDS, check=False)

    def assert_well(self, visit):
        self.assertEqual(visit.wrong(), [], visit)


def replacing(old, new):
    """A planter: `old` must be there."""
    def plant(text):
        assert old in text, old
        return text.replace(old, new)
    return plant

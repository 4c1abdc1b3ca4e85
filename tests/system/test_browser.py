# SPDX-License-Identifier: MIT
"""The pages in headless Chromium, served by lighttpd with its shipped configuration.

One test here for each suite of tests/browser/run.mjs. BROWSER_TESTS: names or beginnings of names of
those to run, instead of all.
"""

import os
import re
import subprocess

import browser_rig
import harness

FOLDER = harness.SRCDIR / "tests" / "browser"
TIMEOUT = 220
CHOSEN = os.environ.get("BROWSER_TESTS", "").split()


class Browser(browser_rig.Case):
    def run_suite(self, *args):
        node = harness.find_program("node")
        chromium = os.environ.get("CHROMIUM") or harness.find_program("chromium")
        if not (FOLDER / "node_modules" / "playwright-core").is_dir():
            self.skipTest("playwright-core is not installed: npm ci in tests/browser")
        self.start()
        env = self.environment({
            "BASE_URL": "http://127.0.0.1:%d/" % self.server.port, "CONTROL": self.control.url,
            "LOG_FILE": self.dir / "app.log", "LOG_STREAM": "app", "FOLDER": self.dir,
            "GATE": self.gate, "CHROMIUM": chromium, "TMPDIR": self.dir,
            "ARTEFACTS": os.environ.get("ARTEFACTS") or harness.BUILDDIR / "artefacts"})
        run = self.process([node, FOLDER / "run.mjs", *args], "browser.log", env=env)
        try:
            status = run.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.fail("the browser test took more than %d s" % TIMEOUT)
        text = run.log.read_text("utf-8", "replace")
        if status == 77:
            self.skipTest(text.strip())
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r"(?m)^ok \d")
        self.assertNotRegex(text, r"(?m)^not ok")
        harness.wait_until(
            lambda: not any(map(harness.presence_folder, self.server.responders())),
            "with its last reader gone, a process removes what it noted")


def suites():
    """As run.mjs names them."""
    line = re.search(r"(?m)^const suites = \[(.*)\];$", (FOLDER / "run.mjs").read_text("utf-8"))
    return re.findall(r'"(\w+)"', line.group(1))


def test_of(*args):
    return lambda self: self.run_suite(*args)


if CHOSEN:
    Browser.test_what_was_chosen = test_of(*CHOSEN)
else:
    for suite in suites():
        setattr(Browser, "test_%s" % suite, test_of("--suite", suite))

# SPDX-License-Identifier: MIT
"""The pages in headless Chromium, served by lighttpd with its shipped configuration."""

import os
import subprocess

import harness

FOLDER = harness.SRCDIR / "tests" / "browser"
TIMEOUT = 180


class Browser(harness.Case):
    def test_the_pages_work_in_chromium(self):
        node = harness.find_program("node")
        chromium = os.environ.get("CHROMIUM") or harness.find_program("chromium")
        if not (FOLDER / "node_modules" / "playwright-core").is_dir():
            self.skipTest("playwright-core is not installed: npm ci in tests/browser")
        log, app = self.tail(text="first line\n")
        config = self.config({
            "app": app, "clock": {"source": "clock"},
            "price": {"source": "price", "symbols": ["ACME", "GLOBEX"], "seed": 42}},
            retry_ms=500)
        server = self.lighttpd("lighttpd/lighttpd.conf", harness.SRCDIR / "html", CONFIG=config)
        artefacts = os.environ.get("ARTEFACTS") or str(harness.BUILDDIR / "artefacts")
        env = self.environment({
            "BASE_URL": "http://127.0.0.1:%d/" % server.port, "LOG_FILE": log, "LOG_STREAM": "app",
            "ARTEFACTS": artefacts, "CHROMIUM": chromium, "TMPDIR": self.dir})
        run = self.process([node, FOLDER / "run.mjs"], "browser.log", env=env)
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

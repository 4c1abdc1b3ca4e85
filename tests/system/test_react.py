# SPDX-License-Identifier: MIT
"""The React page, built by Vite as `make react` does, in headless Chromium behind lighttpd."""

import os
import shutil
import subprocess

import browser_rig
import harness

HTML = harness.SRCDIR / "html"
BROWSER = harness.SRCDIR / "tests" / "browser"
VITE = HTML / "react" / "node_modules" / "vite" / "bin" / "vite.js"
BUILD_TIMEOUT = 120
TIMEOUT = 100


class React(browser_rig.Case):
    def build(self, kind):
        """Puts the page among the others. React's own build for development checks more, and mounts
        everything twice."""
        built = self.dir / kind
        done = subprocess.run([self.node, VITE, "build", "--config", HTML / "react" / "vite.config.js",
                               "--configLoader", "native", "--outDir", built],
                              env=self.environment({"TMPDIR": self.dir, "NODE_ENV": kind}),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=BUILD_TIMEOUT, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        place = self.docroot() / "react"
        if place.exists():
            shutil.rmtree(place)
        (built / "react").rename(place)

    def run_tests(self, *chosen):
        env = self.environment({
            "BASE_URL": "http://127.0.0.1:%d/" % self.server.port, "CONTROL": self.control.url,
            "LOG_FILE": self.dir / "app.log", "LOG_STREAM": "app",
            "FOLDER": self.dir, "CHROMIUM": self.chromium, "TMPDIR": self.dir,
            "ARTEFACTS": os.environ.get("ARTEFACTS") or harness.BUILDDIR / "artefacts"})
        run = self.process([self.node, BROWSER / "run.mjs", "--suite", "react", *chosen],
                           "browser.log", env=env)
        try:
            status = run.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.fail("the browser test took more than %d s" % TIMEOUT)
        text = run.log.read_text("utf-8", "replace")
        if status == 77:
            self.skipTest(text.strip())
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r"(?m)^ok \d+ - react_")

    def test_the_react_page_works_in_chromium(self):
        self.node = harness.find_program("node")
        self.chromium = os.environ.get("CHROMIUM") or harness.find_program("chromium")
        for path, folder in ((VITE, "html/react"),
                             (BROWSER / "node_modules" / "playwright-core", "tests/browser")):
            if not path.exists():
                self.skipTest("%s is not installed: npm ci in %s" % (path.name, folder))
        for path in HTML.iterdir():
            if path.name not in ("react", "node_modules"):
                (self.docroot() / path.name).symlink_to(path)
        self.build("development")
        self.start(self.docroot())
        self.run_tests(*os.environ.get("BROWSER_TESTS", "").split())
        self.build("production")
        self.run_tests("react_shows_each_message")

# SPDX-License-Identifier: MIT
"""The pages in headless Chromium, served by lighttpd with its shipped configuration."""

import os
import pathlib
import subprocess

import harness
import upstream

FOLDER = harness.SRCDIR / "tests" / "browser"
TIMEOUT = 220
MODULES = os.environ.get("SSECGI_MODULES", str(pathlib.Path(harness.SSECGI).parent))
HAS_CHAT = (pathlib.Path(MODULES) / "chat.so").exists()

# Says the question and five words, and the rest when it may.
SLOW_ANSWER = """printf '%s ' "$(cat)"; i=0
while [ $i -lt 40 ]; do
    i=$((i + 1)); printf 'w%d ' $i; sleep 0.01
    if [ $i = 5 ]; then while [ ! -e "$GATE" ]; do sleep 0.05; done; fi
done"""


class Browser(harness.Case):
    def models(self):
        """Streams of a language model, if that module is built: one that fails is among them."""
        if not HAS_CHAT:
            return {}
        os.environ["no_proxy"] = "127.0.0.1"  # libcurl looks there
        good = self.keep(upstream.Upstream(upstream.Reply(
            upstream.words(" blank", "\nline ", "\u00fc"), pause_s=0.05)))
        bad = self.keep(upstream.Upstream(upstream.error(429, Retry_After=7)))
        key = self.write("key", "sk-test\n")
        os.chmod(key, 0o600)
        common = {"source": "chat", "models": ["m"], "key_file": str(key),
                  "publish": {"addresses": ["127.0.0.1"]}}
        return {"model": dict(common, upstream=good.url),
                "library": dict(common, upstream=good.url, format="openai"),
                "failing": dict(common, upstream=bad.url),
                "failing-library": dict(common, upstream=bad.url, format="openai")}

    def test_the_pages_work_in_chromium(self):
        node = harness.find_program("node")
        chromium = os.environ.get("CHROMIUM") or harness.find_program("chromium")
        if not (FOLDER / "node_modules" / "playwright-core").is_dir():
            self.skipTest("playwright-core is not installed: npm ci in tests/browser")
        log, app = self.tail(text="first line\n")
        gate = self.dir / "gate"
        config = self.config({
            "app": app, "clock": {"source": "clock"},
            "price": {"source": "price", "symbols": ["ACME", "GLOBEX"], "seed": 42},
            "rooms/*": {"source": "topic", "presence": True,
                        "publish": {"addresses": ["127.0.0.1"]}},
            "answer": {"source": "exec", "mode": "per_request", "framing": "chunks",
                       "argv": ["/bin/sh", "-c", SLOW_ANSWER], "env": {"GATE": str(gate)},
                       "max_runs": 1, "queue": 1, "max_body_bytes": 1000,
                       "publish": {"addresses": ["127.0.0.1"]}},
            "ten": {"source": "exec", "mode": "per_request",
                    "argv": [str(harness.SRCDIR / "deploy" / "demo" / "ten.sh"), "0"],
                    "publish": {"addresses": ["127.0.0.1"]}},
            **self.models()},
            module_dir=MODULES, retry_ms=500, state_dir=str(self.dir))
        server = self.lighttpd("lighttpd/lighttpd.conf", harness.SRCDIR / "html", CONFIG=config)
        artefacts = os.environ.get("ARTEFACTS") or str(harness.BUILDDIR / "artefacts")
        env = self.environment({
            "BASE_URL": "http://127.0.0.1:%d/" % server.port, "LOG_FILE": log, "LOG_STREAM": "app",
            "GATE": gate,
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
        harness.wait_until(lambda: not any(map(harness.presence_folder, server.responders())),
                           "with its last reader gone, a process removes what it noted")
        self.assertRegex(text, r"(?m)^ok \d")
        self.assertNotRegex(text, r"(?m)^not ok")

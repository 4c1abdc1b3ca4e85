# SPDX-License-Identifier: MIT
"""The server behind the browser tests: its streams, and what kills, restarts and rotates them.

The tests in the browser reach it by HTTP: POST /kill-responder, /stop-server, /start-server,
/restart-server, /rotate, /truncate and /write (`?file=NAME`, of the test's folder).
"""

import http.server
import json
import os
import pathlib
import subprocess
import threading
import urllib.parse

import harness
import upstream

MODULES = os.environ.get("SSECGI_MODULES", str(pathlib.Path(harness.SSECGI).parent))
HAS_CHAT = (pathlib.Path(MODULES) / "chat.so").exists()
DEMO = harness.SRCDIR / "deploy" / "demo"
BROWSER = harness.SRCDIR / "tests" / "browser"

# Says the question and five words, and the rest when it may.
SLOW_ANSWER = """printf '%s ' "$(cat)"; i=0
while [ $i -lt 40 ]; do
    i=$((i + 1)); printf 'w%d ' $i; sleep 0.01
    if [ $i = 5 ]; then while [ ! -e "$GATE" ]; do sleep 0.05; done; fi
done"""


class Case(harness.Case):
    """Has lighttpd with its shipped configuration, the pages, and a stream for everything they show."""

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

    def logs_of_many(self):
        """A stream of several files, and one of JSON lines."""
        for name in ("one", "two"):
            self.write("web-%s.log" % name, "first of %s\n" % name)
        path, settings = self.tail("json.log", json.dumps(
            {"time": "2026-11-21T12:00:00Z", "level": "info", "msg": "first", "user": "ann"}) + "\n")
        return {"web": dict(settings, path=None, paths=[str(self.dir / "web-*.log")]),
                "json": settings}

    def streams(self):
        """What the pages show."""
        _, app = self.tail(text="first line\n")
        here = {"addresses": ["127.0.0.1"]}
        self.gate = self.dir / "gate"
        streams = {
            "app": app, "clock": {"source": "clock"},
            "price": {"source": "price", "symbols": ["ACME", "GLOBEX"], "seed": 42},
            "rooms/*": {"source": "topic", "presence": True, "publish": here},
            "notices/*": {"source": "topic", "publish": {}},  # nobody may
            "answer": {"source": "exec", "mode": "per_request", "framing": "chunks",
                       "argv": ["/bin/sh", "-c", SLOW_ANSWER], "env": {"GATE": str(self.gate)},
                       "max_runs": 1, "queue": 1, "max_body_bytes": 1000, "publish": here},
            "guide": {"source": "exec", "mode": "per_request", "framing": "chunks", "publish": here,
                      "argv": [str(DEMO / "answer.sh"), str(harness.SRCDIR)]},
            "ten": {"source": "exec", "mode": "per_request", "publish": here,
                    "argv": [str(DEMO / "ten.sh"), "0"]},
            **self.logs_of_many(), **self.models()}
        return {name: {key: value for key, value in settings.items() if value is not None}
                for name, settings in streams.items()}

    def start(self, docroot=harness.SRCDIR / "html"):
        """Starts the server and what controls it."""
        config = self.config(self.streams(), module_dir=MODULES, retry_ms=500,
                             metrics={"allow": ["127.0.0.1"]}, state_dir=str(self.dir))
        self.server = self.lighttpd("lighttpd/lighttpd.conf", docroot, CONFIG=config)
        self.control = self.keep(Control(self))

    def find_browser(self):
        """Node and Chromium; skips where the driver is not installed."""
        if not (BROWSER / "node_modules" / "playwright-core").is_dir():
            self.skipTest("playwright-core is not installed: npm ci in tests/browser")
        return (harness.find_program("node"),
                os.environ.get("CHROMIUM") or harness.find_program("chromium"))

    def run_browser(self, *args, timeout):
        """Runs tests/browser/run.mjs against the server; all that it runs must pass."""
        node, chromium = self.find_browser()
        env = self.environment({
            "BASE_URL": "http://127.0.0.1:%d/" % self.server.port, "CONTROL": self.control.url,
            "LOG_FILE": self.dir / "app.log", "LOG_STREAM": "app", "FOLDER": self.dir,
            "GATE": self.gate, "CHROMIUM": chromium, "TMPDIR": self.dir,
            "ARTEFACTS": os.environ.get("ARTEFACTS") or harness.BUILDDIR / "artefacts"})
        run = self.process([node, BROWSER / "run.mjs", *args], "browser.log", env=env)
        try:
            status = run.wait(timeout)
        except subprocess.TimeoutExpired:
            self.fail("the browser test took more than %d s" % timeout)
        text = run.log.read_text("utf-8", "replace")
        if status == 77:
            self.skipTest(text.strip())
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r"(?m)^ok \d")
        self.assertNotRegex(text, r"(?m)^not ok")

    def kill_responder(self, _file, _body):
        """SIGKILL; lighttpd spawns another one."""
        pids = self.server.responders()
        harness.kill_all(pids)
        harness.wait_until(lambda: not any(map(harness.is_alive, pids)), "the responders ended")

    def stop_server(self, _file=None, _body=None):
        pids = self.server.responders()
        self.server.process.stop()
        harness.kill_all(pids)

    def start_server(self, _file=None, _body=None):
        """At the port that it had."""
        old = self.server
        self.server = self.web_server(old.process.args, old.port, harness.SSECGI, "lighttpd.log")

    def restart_server(self, _file, _body):
        self.stop_server()
        self.start_server()

    @staticmethod
    def rotate(file, _body):
        """As logrotate does with `create`."""
        number = 1
        while os.path.exists("%s.%d" % (file, number)):
            number += 1
        for n in range(number, 1, -1):
            os.rename("%s.%d" % (file, n - 1), "%s.%d" % (file, n))
        os.rename(file, "%s.1" % file)
        harness.append(file, b"")

    @staticmethod
    def truncate(file, _body):
        os.truncate(file, 0)

    @staticmethod
    def write_bytes(file, body):
        harness.append(file, body)

    def act(self, what, file, body):
        """One request to the control; False when there is no such thing to do."""
        actions = {"kill-responder": self.kill_responder, "stop-server": self.stop_server,
                   "start-server": self.start_server, "restart-server": self.restart_server,
                   "rotate": self.rotate, "truncate": self.truncate, "write": self.write_bytes}
        if what not in actions or "/" in file:
            return False
        actions[what](str(self.dir / file), body)
        return True


class Control:
    """Hands the tests' requests to the case, one at a time."""

    def __init__(self, case):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                url = urllib.parse.urlsplit(self.path)
                file = urllib.parse.parse_qs(url.query).get("file", ["app.log"])[0]
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, answer = 200, {}
                try:
                    if not case.act(url.path.lstrip("/"), file, body):
                        status, answer = 404, {"error": "no such thing to do"}
                except (AssertionError, OSError) as error:
                    status, answer = 500, {"error": str(error)}
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/" % self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

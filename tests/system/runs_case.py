# SPDX-License-Identifier: MIT
"""What the tests of answers stand on: responders that run a program for each POST."""

import json
import os

import harness

GATED = """read q; echo "$q 1"; echo "$q 2"
while [ ! -e "$GATE" ]; do sleep 0.05; done
echo "$q 3"
"""
COUNTING = "read q; i=0; while [ $i -lt %d ]; do i=$((i+1)); echo $i; done"
SLOW = "echo $$; exec sleep 1000"


class Runs(harness.Case):
    """One responder, or two that share a state_dir."""

    def setUp(self):
        super().setUp()
        self.state = self.dir / "state"
        self.state.mkdir()
        self.gate = self.dir / "gate"
        self.others = 0

    def ask(self, script, **settings):
        """The settings of a stream that runs a shell script."""
        values = {"source": "exec", "mode": "per_request", "argv": ["/bin/sh", "-c", script],
                  "env": {"GATE": str(self.gate)}, "kill_s": 1,
                  "publish": {"addresses": ["127.0.0.1"], "users": ["alice", "bob"]}}
        values.update(settings)
        return values

    def serve(self, script, before=(), **settings):
        self.file = self.config({"ask": self.ask(script, **settings)}, state_dir=str(self.state))
        self.server = self.responder(self.file, before=before)
        return self.server

    def another(self):
        """One more process of the same configuration."""
        self.others += 1
        return self.responder(self.file, is_tcp=True, log="responder%d.log" % self.others)

    def request(self, body="hello", server=None, **params):
        body = body.encode()
        params.setdefault("CONTENT_LENGTH", str(len(body)))
        params.setdefault("CONTENT_TYPE", "text/plain")
        return self.keep((server or self.server).request("/events/ask", "POST", {}, body, **params))

    def post(self, body="hello", server=None, **params):
        """(the answer's stream up to stream.started, its address)."""
        response = self.request(body, server, **params)
        stream = harness.start_stream(response)
        self.assertEqual(response.headers["location"], response.headers["content-location"])
        started = stream.event()
        self.assertEqual(started.event, "stream.started")
        url = json.loads(started.data)["url"]
        self.assertEqual(response.headers["location"], url)
        self.assertRegex(url, "^/events/ask/[0-9a-f]{32}$")
        return stream, url

    def read(self, url, server=None, last_id=None, **params):
        headers = {"Last-Event-ID": last_id} if last_id else {}
        return self.keep((server or self.server).stream(url, headers, **params))

    def status(self, url, method="GET", server=None, headers=None, **params):
        response = self.keep((server or self.server).request(url, method, headers, **params))
        return response.status

    def rest(self, stream):
        """The events up to the end: (name, data) each."""
        return [(b.event, b.data) for b in stream.rest() if b.is_event]

    def folders(self):
        topics = self.state / "runs" / "topics"
        return sorted(p for p in topics.iterdir() if p.is_dir()) if topics.exists() else []

    def no_process_left(self):
        marker = str(self.dir).encode()

        def left():
            found = []
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open("/proc/%s/environ" % pid, "rb") as f:
                        if b"GATE=" + marker in f.read():
                            found.append(pid)
                except OSError:
                    pass
            return found
        harness.wait_until(lambda: not left(), "no process of a run is left")

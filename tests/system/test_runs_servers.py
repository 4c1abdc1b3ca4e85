# SPDX-License-Identifier: MIT
"""Answers through each web server, by the configuration that is shipped."""

import json
import os
import unittest

import front_end_servers as servers
import harness
import sse_client

SCRIPT = 'read q; echo "$q 1"; echo "$q 2"; while [ ! -e "$GATE" ]; do sleep 0.05; done; echo "$q 3"'


class Through:
    """Mixed into a front_end_servers.Served."""

    def ask(self, body):
        response = self.keep(sse_client.HttpResponse(self.server.port, "/events/ask",
                                                     method="POST", body=body,
                                                     headers={"Content-Type": "text/plain"}))
        return response, harness.start_stream(response, is_lenient=True)

    def test_an_answer_streams_and_is_resumed(self):
        state = self.dir / "state"
        state.mkdir()
        os.chmod(state, 0o777)  # started by root a web server serves as another user
        gate = self.dir / "gate"
        stream = {"source": "exec", "mode": "per_request", "argv": ["/bin/sh", "-c", SCRIPT],
                  "env": {"GATE": str(gate)}, "publish": {"addresses": ["127.0.0.1"]}}
        self.server = self.serve(self.config({"ask": stream}, state_dir=str(state)))
        response, first = self.ask(b"hi")
        started = first.event()
        self.assertEqual(started.event, "stream.started")
        url = json.loads(started.data)["url"]
        self.assertTrue(response.headers["content-location"].endswith(url))
        if not type(self).__name__.startswith(("Apache", "Haproxy")):
            self.assertTrue(response.headers["location"].endswith(url), response.headers)
        self.assertEqual([first.event().data for _ in range(2)], ["hi 1", "hi 2"])
        second = self.keep(self.server.stream(url, {"Last-Event-ID": started.id}))
        self.assertEqual([second.event().data for _ in range(2)], ["hi 1", "hi 2"])
        gate.touch()
        for reader in (first, second):
            last = [reader.event() for _ in range(2)]
            self.assertEqual([e.data for e in last], ["hi 3", '{"status":0}'])
        again = self.keep(self.server.get(url, {"Last-Event-ID": last[1].id}))
        self.assertEqual(again.status, 204)
        deleted = self.keep(sse_client.HttpResponse(self.server.port, url, method="DELETE"))
        self.assertEqual(deleted.status, 204)
        self.assertEqual(self.keep(self.server.get(url)).status, 404)


for column in (servers.Lighttpd, servers.LighttpdCgi, servers.ApacheFcgid, servers.ApacheProxy,
               servers.ApacheCgi, servers.Nginx, servers.Haproxy, servers.Caddy, servers.H2o):
    globals()[column.__name__] = type(column.__name__, (Through, column), {})
del column


if __name__ == "__main__":
    unittest.main()

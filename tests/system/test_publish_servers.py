# SPDX-License-Identifier: MIT
"""Publishing through each web server, by the configuration that is shipped."""

import hashlib
import http.client
import json
import os
import re
import subprocess
import unittest

import front_end_servers as servers
import harness

TOKEN = "a-token-for-tests"
SOURCES = subprocess.run([harness.SSECGI, "--list-sources"], capture_output=True, text=True,
                         check=False).stdout
CAN_PUBLISH = re.search(r"^ +publish ", SOURCES, re.M)


class Through:
    """Mixed into a front_end_servers.Served."""

    def post(self, body, kind="text/plain", **headers):
        """(status, answer) of a POST with the token, unless there is another Authorization."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port,
                                                timeout=harness.WAIT)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers.setdefault("Authorization", "Bearer " + TOKEN)
        try:
            connection.request("POST", "/events/t", body, dict(headers, **{"Content-Type": kind}))
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else None
        finally:
            connection.close()

    @unittest.skipUnless(CAN_PUBLISH, "nobody can publish by POST here")
    def test_events_get_in(self):
        state = self.dir / "state"
        state.mkdir()
        os.chmod(state, 0o777)  # started by root a web server serves as another user
        publish = {"tokens": [hashlib.sha256(TOKEN.encode()).hexdigest()]}
        self.server = self.serve(self.config({"t": {"source": "topic", "publish": publish}},
                                             state_dir=str(state)))
        kept = ["one", "two"] + ["x" * 1000] * 100
        own = "http://127.0.0.1:%d" % self.server.port
        with self.subTest("a page of the server's own origin"):
            status, answer = self.post("one", Origin=own)
            self.assertEqual(status, 201, answer)
        with self.subTest("a key"):
            first, second = (self.post("two", Idempotency_Key="k") for _ in range(2))
            self.assertEqual(first, second)
            self.assertEqual(first[0], 201)
        with self.subTest("a batch"):
            batch = "".join('{"data": "%s"}\n' % ("x" * 1000) for _ in range(100))
            status, answer = self.post(batch, "application/x-ndjson")
            self.assertEqual(status, 201, answer)
        with self.subTest("chunks"):
            try:
                status, answer = self.post(iter([b"in ", b"chunks"]))
                self.assertIn(status, (201, 411), answer)
            except http.client.IncompleteRead:
                # Apache leaves CONTENT_LENGTH out, and cuts off a program that has not read.
                self.assertEqual(self.runs, servers.CGI)
            else:
                kept += ["in chunks"] if status == 201 else []
        with self.subTest("a page of another origin"):
            status, answer = self.post("no", Origin="http://evil.example")
            self.assertEqual(status, 403)
        with self.subTest("no token"):
            self.assertEqual(self.post("no", Authorization="Basic eDp5")[0], 401)
        with self.subTest("what got in is read"):
            stream = self.keep(self.server.stream("/events/t?last=1000"))
            self.assertEqual([stream.event().data for _ in kept], kept)


for column in (servers.Lighttpd, servers.LighttpdCgi, servers.ApacheFcgid, servers.ApacheProxy,
               servers.ApacheCgi, servers.Nginx, servers.Haproxy, servers.Caddy, servers.H2o):
    globals()[column.__name__] = type(column.__name__, (Through, column), {})
del column


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: MIT
"""Behind lighttpd, which spawns ssecgi, with the configuration file that is shipped."""

import json
import signal

import front_end
import harness


class Lighttpd(harness.Case):
    def start(self, config):
        return self.lighttpd("lighttpd/lighttpd.conf", CONFIG=config)

    def readers(self):
        response = self.server.get("/events/")
        try:
            return {s["name"]: s["readers"] for s in json.loads(response.body())["streams"]}["app"]
        finally:
            response.close()


class Streams(front_end.FrontEnd, front_end.NoticesDepartures, Lighttpd):
    def test_one_process_serves_all(self):
        for _ in range(5):
            self.stream()
            self.stream("/events/clock")
        self.assertEqual(len(self.server.responders()), 1)

    def test_pages_beside_the_streams_are_served(self):
        self.write("www/page.html", "<p>hello")
        response = self.keep(self.server.get("/page.html"))
        self.assertEqual((response.status, response.body()), (200, b"<p>hello"))
        self.assertIn("default-src 'none'", response.headers["content-security-policy"])

    def test_sigterm_to_the_server_ends_the_responder_too(self):
        self.stream()
        pids = self.server.responders()
        self.assertEqual(len(pids), 1)
        self.server.process.signal(signal.SIGTERM)
        harness.wait_until(lambda: not harness.is_alive(pids[0]), "the responder ended")


class Loss(front_end.LossTest, Lighttpd):
    pass

# SPDX-License-Identifier: MIT
"""What web servers that run ssecgi send it when they are stopped or told to reload: it drains, and no
process stays behind. (That readers lose nothing is a test of the matrix.)"""

import os
import signal

import front_end_servers
import harness


class Spawned:
    """Mixed into a column of the matrix."""

    def begin(self):
        self.log, app = self.tail()
        self.server = self.serve(self.config({"app": app}, heartbeat_s=1, drain_s=1), GRACE=1)
        self.streams = [self.keep(self.server.stream("/events/app", is_lenient=True))
                        for _ in range(2)]
        pids = self.server.responders()
        self.assertTrue(pids)
        if self.runs != front_end_servers.CGI:
            harness.wait_until(lambda: self.said().count("app: started") >= len(pids), "all run")
        return pids

    def said(self):
        return "".join(p.read_text("utf-8", "replace") for p in self.dir.glob("*.log"))

    def assert_gone(self, pids):
        harness.wait_until(lambda: not any(map(harness.is_alive, pids)), "ssecgi has ended")

    def assert_drained(self):
        if self.runs != front_end_servers.CGI:  # that one may just see its reader leave
            self.assertIn("app: draining", self.said())

    def assert_serves(self):
        stream = self.keep(self.server.stream("/events/app", is_lenient=True))
        harness.append(self.log, "after\n")
        self.assertEqual(stream.event().data, "after")

    def test_the_end_of_the_server_is_the_end_of_ssecgi(self):
        pids = self.begin()
        self.server.process.signal(signal.SIGTERM)
        self.assert_gone(pids)
        self.assert_drained()

    def test_a_sighup_to_all_does_no_harm(self):
        """As a shell that ends, or a tool that rotates logs, may send it."""
        pids = self.begin()
        for pid in pids:
            os.kill(pid, signal.SIGHUP)
        if self.runs == front_end_servers.CGI:
            self.assert_gone(pids)
        self.assert_serves()


class Reloaded(Spawned):
    """Its ssecgi is another one after a reload."""

    def test_a_reload_leaves_nobody_behind(self):
        pids = self.begin()
        self.server.reload()
        for stream in self.streams:  # as a browser: to the end, and away
            try:
                while stream.source.recv(harness.WAIT):
                    pass
            except (OSError, AssertionError):
                pass  # cut off
            stream.close()
        self.assert_gone(pids)
        self.assert_drained()
        harness.wait_until(self.answers, "it answers again")
        self.assert_serves()

    def answers(self):
        try:
            return self.server.get("/events/").status == 200
        except (OSError, harness.sse_client.StreamEnded):
            return False


class Lighttpd(Reloaded, front_end_servers.Lighttpd):
    pass


class LighttpdProcs(Spawned, front_end_servers.LighttpdProcs):
    pass


class LighttpdCgi(Spawned, front_end_servers.LighttpdCgi):
    pass


class ApacheFcgid(Reloaded, front_end_servers.ApacheFcgid):
    pass


class ApacheCgi(Spawned, front_end_servers.ApacheCgi):
    pass

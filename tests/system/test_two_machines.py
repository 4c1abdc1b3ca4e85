# SPDX-License-Identifier: MIT
"""doc/scale.md: a topic on one machine, and on two behind a load balancer with one Redis."""

import hashlib
import http.client
import json
import os
import re
import signal
import threading
import time
import unittest

import front_end_servers
import harness
import redis_kept
import redis_server
from harness import SSECGI, WAIT, find_program, free_port
from sse_client import StreamEnded

TOKEN = "a-token-for-tests"
EVENTS = 300


class Scale(harness.Case):
    def machine(self, name, template, **values):
        """A lighttpd with two processes of ssecgi, with one of the configurations of deploy/scale."""
        folder = self.dir / name
        folder.mkdir()
        token = hashlib.sha256(TOKEN.encode()).hexdigest()
        config = self.fill("scale/" + template, STATEDIR=folder, TOKENHASH=token, **values)
        text = re.sub(r"(?m)^\{$", '{"module_dir": "%s",' % redis_server.MODULES,
                      config.read_text())
        config = self.write("%s/ssecgi.json" % name, text)
        status, _, said = self.run_program("--config", config, "--check-config")
        self.assertEqual(status, 0, said)
        port = free_port()
        server = self.fill("lighttpd/lighttpd.conf", PORT=port, DOCROOT=self.docroot(),
                           RUNDIR=folder, SSECGI=SSECGI, CONFIG=config, PROCS=2)
        server.rename(folder / "lighttpd.conf")
        return self.boot(name, port)

    def boot(self, name, port):
        return self.web_server([find_program("lighttpd"), "-D", "-f",
                                self.dir / name / "lighttpd.conf"], port, SSECGI, "%s.log" % name)

    def post(self, port, text):
        """(status, answer) of publishing one event whose key is its text."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)
        try:
            connection.request("POST", "/events/news", text,
                               {"Content-Type": "text/plain", "Idempotency-Key": text,
                                "Authorization": "Bearer " + TOKEN})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def publish(self, port, text):
        """As a good publisher does: again, with the same key, until it is acknowledged."""
        deadline = time.monotonic() + WAIT
        while True:
            try:
                status, answer = self.post(port, text)
            except (OSError, http.client.HTTPException) as e:
                status, answer = 0, str(e)
            if status == 201:
                return json.loads(answer)["position"]
            self.assertIn(status, (0, 500, 502, 503, 504), answer)
            self.assertLess(time.monotonic(), deadline, answer)
            time.sleep(0.05)

    def connect(self, port, last_id, wait=WAIT):
        """As a browser does: again while the server cannot be reached."""
        deadline = time.monotonic() + wait
        server = harness.WebServer(None, port, SSECGI)
        while True:
            try:
                headers = {"Last-Event-ID": last_id} if last_id else {}
                return server.stream("/events/news", headers)
            except (OSError, StreamEnded, harness.BadStatus):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


class OneMachine(Scale):
    def test_processes_of_one_machine_publish_and_resume_together(self):
        server = self.machine("one", "one-machine.json")
        stream = self.connect(server.port, None)
        for n in range(20):
            self.publish(server.port, "e%d" % n)
        for n in range(20):
            self.assertEqual(stream.event().data, "e%d" % n)
            if n % 5 == 4:
                stream.close()
                stream = self.connect(server.port, stream.last_id)
        stream.close()


class Reader(threading.Thread):
    """Reads until it has so many events, and reconnects whenever its stream ends."""

    def __init__(self, case, port, count):
        super().__init__(daemon=True)
        self.case, self.port, self.count = case, port, count
        self.blocks, self.connects, self.trouble = [], 0, None
        self.ready = threading.Event()

    def run(self):
        try:
            self.read()
        except BaseException as e:  # shown by the test
            self.trouble = e
        self.ready.set()

    def read(self):
        last_id = None
        while len(self.blocks) < self.count:
            stream = self.case.connect(self.port, last_id)
            self.connects += 1
            self.ready.set()
            try:
                while len(self.blocks) < self.count:
                    self.blocks.append(stream.event())
            except (StreamEnded, ConnectionError):
                pass
            finally:
                last_id = self.blocks[-1].id if self.blocks else stream.last_id
                stream.close()


@unittest.skipUnless(redis_server.HAS_MODULE, "the source redis is not built (hiredis)")
class TwoMachines(Scale):
    def setUp(self):
        super().setUp()
        self.redis = redis_kept.Server(self).start()
        password = self.write("redis.password", redis_kept.PASSWORD + "\n")
        self.machines = [self.machine(name, "two-machines.json", PASSWORDFILE=password,
                                      REDIS="127.0.0.1:%d" % self.redis.port)
                         for name in ("one", "two")]

    def balancer(self):
        port = free_port()
        one, two = ("127.0.0.1:%d" % m.port for m in self.machines)
        config = self.fill("scale/balancer.cfg", PORT=port, ONE=one, TWO=two,
                           **front_end_servers.server_user())
        return self.web_server([find_program("haproxy"), "-W", "-db", "-f", config], port,
                               find_program("haproxy"), "balancer.log")

    def kill(self, machine):
        """The power is cut: nobody says goodbye."""
        for pid in [machine.process.pid, *machine.responders()]:
            os.kill(pid, signal.SIGKILL)

    def test_what_is_published_on_one_is_read_on_the_other(self):
        one, two = self.machines
        streams = [self.keep(self.connect(m.port, None)) for m in self.machines]
        self.publish(one.port, "from one")
        self.publish(two.port, "from two")
        for stream in streams:
            self.assertEqual([stream.event().data for _ in range(2)], ["from one", "from two"])

    def test_a_reader_goes_on_at_the_other_machine_where_it_was(self):
        one, two = self.machines
        stream = self.connect(one.port, None)
        self.publish(one.port, "first")
        self.assertEqual(stream.event().data, "first")
        stream.close()
        self.publish(two.port, "meanwhile")
        stream = self.keep(self.connect(two.port, stream.last_id))
        self.assertEqual(stream.event().data, "meanwhile")

    def test_machines_that_die_and_come_back_cost_no_event(self):
        balancer = self.balancer()
        readers = [Reader(self, balancer.port, EVENTS) for _ in range(6)]
        for reader in readers:
            reader.start()
        for reader in readers:
            self.assertTrue(reader.ready.wait(WAIT))
        for n in range(EVENTS):
            if n == EVENTS // 4:
                self.kill(self.machines[0])
            if n == EVENTS // 2:
                self.boot("one", self.machines[0].port)
            if n == EVENTS * 3 // 4:
                self.kill(self.machines[1])
            self.publish(balancer.port, "e%d" % n)
        for reader in readers:
            reader.join(2 * WAIT)
            self.assertIsNone(reader.trouble)
            self.assertEqual([(b.event, b.data) for b in reader.blocks],
                             [(None, "e%d" % n) for n in range(EVENTS)])
        self.assertGreater(sum(r.connects for r in readers), len(readers),
                           "nobody was on the machine that died")


if __name__ == "__main__":
    unittest.main()

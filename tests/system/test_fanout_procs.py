# SPDX-License-Identifier: MIT
"""Several processes behind one lighttpd: a reader that is moved about loses nothing."""

import harness

PROCS = 4
ROUNDS = 40


class Procs(harness.Case):
    def setUp(self):
        super().setUp()
        self.log, app = self.tail(text="old\n")
        self.server = self.lighttpd("lighttpd/lighttpd.conf", PROCS=PROCS,
                                    CONFIG=self.config({"app": app}))

    def serving(self):
        """How many sockets each of the processes holds, by id."""
        return {pid: harness.socket_count(pid) for pid in self.server.responders()}

    def test_a_reader_that_moves_at_every_reconnect_loses_nothing(self):
        harness.wait_until(lambda: len(self.server.responders()) == PROCS, "all processes run")
        quiet = self.serving()
        # lighttpd gives a request to the process with the fewest: others decide where ours goes.
        others, last_id, got, used, written = [], None, [], set(), 0
        for n in range(ROUNDS):
            before = self.serving()
            headers = {"Last-Event-ID": last_id} if last_id else {}
            stream = self.server.stream("/events/app", headers)
            after = harness.wait_until(
                lambda: {p for p, c in self.serving().items() if c > before.get(p, 0)},
                "one of the processes serves it")
            used |= after
            for _ in range(3):
                written += 1
                harness.append(self.log, "line %d\n" % written)
            while len(got) < written - n % 2:  # now and then one is left for the next process
                got.append(stream.event().data)
            last_id = stream.last_id
            stream.close()
            if n % 2 and len(others) < 12:
                others.append(self.keep(self.server.stream("/events/app")))
            elif n % 10 == 4:
                harness.kill_all(sorted(used)[:1])
                harness.wait_until(lambda: len(self.server.responders()) == PROCS, "it is back")
        self.assertGreaterEqual(len(used), 2, (used, quiet))
        stream = self.keep(self.server.stream("/events/app", {"Last-Event-ID": last_id}))
        while len(got) < written:
            got.append(stream.event().data)
        self.assertEqual(got, ["line %d" % k for k in range(1, written + 1)])

# SPDX-License-Identifier: MIT
"""Several streams on one connection: what arrives, and how one id resumes all of them."""

import collections
import hashlib
import http.client
import json
import os
import signal
import unittest

import harness
import sse_client

TOKEN = "a-token-for-tests"
TOPICS = 12  # their places do not fit into one id


class Several(harness.Case):
    def setUp(self):
        super().setUp()
        self.state = self.dir / "state"
        self.state.mkdir()
        os.chmod(self.state, 0o777)  # a web server may serve as another user
        self.log = self.write("app.log", "")
        self.counts = collections.Counter()

    def streams(self):
        publish = {"tokens": [hashlib.sha256(TOKEN.encode()).hexdigest()], "users": ["alice"]}
        return {"clock": {"source": "clock", "interval_ms": 100},
                "slow": {"source": "clock", "interval_ms": 3600000},
                "log": {"source": "tail", "path": str(self.log), "poll_ms": 50},
                "rooms/*": {"source": "topic", "publish": publish}}

    def start(self, **settings):
        settings.setdefault("state_dir", str(self.state))
        self.server = self.responder(self.config(self.streams(), **settings))

    def restart(self, **settings):
        self.server.process.signal(signal.SIGKILL)
        self.server.process.stop()
        self.start(**settings)

    def url(self, *names, more=""):
        return "/events/?" + "&".join("stream=" + n for n in names) + more

    def stream(self, *names, last_id=None, more=""):
        headers = {"Last-Event-ID": last_id} if last_id else {}
        return self.keep(self.server.stream(self.url(*names, more=more), headers))

    def write_to(self, name):
        """Adds the next number to the log or the topic."""
        self.counts[name] += 1
        text = str(self.counts[name])
        if name == "log":
            harness.append(self.log, text + "\n")
            return
        body = text.encode()
        response = self.server.request("/events/" + name, "POST", {}, body,
                                       CONTENT_TYPE="text/plain", REMOTE_USER="alice",
                                       CONTENT_LENGTH=str(len(body)))
        self.assertEqual(response.status, 201, response.body())
        response.close()

    def events(self, stream, count):
        """[(stream, data)] of the next events that say which stream they are of."""
        found = []
        while len(found) < count:
            event = stream.event()
            self.assertLessEqual(len(event.id), 128)
            said = json.loads(event.data)
            self.assertIsNone(event.event, repr(event))
            found.append((said["stream"], said["data"]))
        return found


class Answers(Several):
    def error(self, path, method="GET"):
        response = self.keep(self.server.request(path, method))
        return response.status, json.loads(response.body())["error"]

    def test_events_say_which_stream_they_are_of(self):
        self.start()
        stream = self.stream("log", "rooms/1", "slow")
        self.write_to("rooms/1")
        self.assertEqual(self.events(stream, 1), [("rooms/1", "1")])
        self.write_to("log")
        self.assertEqual(self.events(stream, 1), [("log", "1")])

    def test_raw_events_are_as_on_their_own_stream(self):
        self.start()
        raw = self.stream("log", "rooms/1", more="&raw=1")
        alone = self.keep(self.server.stream("/events/log"))
        harness.append(self.log, '{"a": 1}\n')
        self.assertEqual(raw.event().data, alone.event().data)

    def test_one_stream_will_do_and_the_last_events_are_of_each(self):
        self.start()
        for _ in range(5):
            self.write_to("log")
            self.write_to("rooms/1")
        self.assertEqual(self.events(self.stream("log", more="&last=2"), 2),
                         [("log", "4"), ("log", "5")])
        got = self.events(self.stream("log", "rooms/1", more="&last=2"), 4)
        self.assertEqual(sorted(got), [("log", "4"), ("log", "5"), ("rooms/1", "4"),
                                       ("rooms/1", "5")])

    def test_wrong_parameters_are_named(self):
        self.start()
        for query, word in (("&grep=x", "grep"), ("&until=1", "until"), ("&before=1", "before"),
                            ("&raw=2", "raw"), ("&last=x", "last"), ("&from=1", "from"),
                            ("&since=yesterday", "since"), ("&stream=log", "log"),
                            ("&last=1&last=2", "last"),
                            ("".join("&stream=rooms/%d" % n for n in range(16)), "16")):
            status, error = self.error(self.url("log", more=query))
            self.assertEqual(status, 400, query)
            self.assertIn(word, error)
        status, error = self.error(self.url("log", "nobody"))
        self.assertEqual((status, "nobody" in error), (404, True), error)
        self.assertEqual(self.error("/events/?last=5")[0], 400)
        self.assertEqual(self.error(self.url("log"), "POST")[0], 405)

    def test_a_stream_may_be_kept_to_its_own_url(self):
        streams = self.streams()
        streams["log"]["several"] = streams["rooms/*"]["several"] = False
        self.server = self.responder(self.config(streams, state_dir=str(self.state)))
        for name in ("log", "rooms/1"):
            self.keep(self.server.stream("/events/" + name))
            for names in ((name,), ("clock", name)):
                status, error = self.error(self.url(*names))
                self.assertEqual((status, name in error), (404, True), error)

    def test_readers_are_told_how_many_each_stream_has(self):
        streams = self.streams()
        streams["rooms/*"]["presence"] = True
        self.server = self.responder(self.config(streams, state_dir=str(self.state)))
        self.keep(self.server.stream("/events/rooms/1"))
        stream = self.stream("rooms/1", "rooms/2")
        said = {}
        while len(said) < 2:
            event = stream.event()
            self.assertEqual(event.event, "stream.presence")
            data = json.loads(event.data)
            said[data["stream"]] = data["readers"]
        self.assertEqual(said, {"rooms/1": 2, "rooms/2": 1})

    def test_readers_count_for_each_of_their_streams(self):
        self.start()
        self.stream("log", "slow")
        self.stream("slow", "log", more="&raw=1")
        self.keep(self.server.stream("/events/log"))
        self.assertEqual([self.server.readers(n) for n in ("log", "slow", "clock")], [3, 2, 0])

    def test_a_changed_stream_sends_its_readers_back(self):
        self.start(drain_s=0)
        stream = self.stream("log", "slow")
        streams = self.streams()
        streams["log"]["format"] = "json"
        self.config(streams, state_dir=str(self.state))
        self.server.process.signal(signal.SIGHUP)
        stream.rest()
        self.write_to("log")
        again = self.stream("log", "slow", last_id=stream.last_id)
        self.assertEqual(json.loads(self.events(again, 1)[0][1])["line"], "1")

    def test_the_end_comes_when_all_have_ended(self):
        streams = {n: {"source": "exec", "argv": ["/bin/sh", "-c", "echo %s; exit 0" % n],
                       "restart": "never"} for n in ("a", "b")}
        self.server = self.responder(self.config(dict(self.streams(), **streams),
                                                 state_dir=str(self.state)))
        stream = self.stream("a", "b", more="&last=5")
        said = {}
        for _ in range(4):
            event = stream.event()
            data = json.loads(event.data)
            said.setdefault(data.pop("stream"), []).append((event.event, data))
        for name in ("a", "b"):
            self.assertEqual(said[name], [(None, {"data": name}),
                                          ("stream.member_end", {"status": 0})])
        self.assertEqual(stream.event().event, "stream.end")
        stream.rest()
        again = self.keep(self.server.request(self.url("a", "b"), headers={
            "Last-Event-ID": stream.last_id}))
        self.assertEqual(again.status, 204)
        more = self.stream("a", "log", last_id=stream.last_id)
        self.write_to("log")
        self.assertEqual(self.events(more, 1), [("log", "1")])

    def test_a_program_ends_when_nobody_reads_it_any_more(self):
        program = {"source": "exec", "argv": ["/bin/sh", "-c", "echo $$; exec sleep 1000"],
                   "linger_s": 1}
        self.server = self.responder(self.config(dict(self.streams(), program=program),
                                                 state_dir=str(self.state)))
        stream = self.stream("program", "log", more="&last=1")
        pid = int(self.events(stream, 1)[0][1])
        self.assertTrue(harness.is_alive(pid))
        stream.close()
        harness.wait_until(lambda: not harness.is_alive(pid), "the program has ended")

    def test_it_can_be_printed(self):
        config = self.config(self.streams(), state_dir=str(self.state))
        harness.append(self.log, "1\n2\n")
        status, out, err = self.run_program("--config", config, "--print",
                                            "?stream=log&stream=slow", "--last", "2", "--count", "2")
        self.assertEqual(status, 0, err)
        self.assertIn('data: {"stream":"log","data":"2"}\n', out)
        status, out, err = self.run_program("--config", config, "--print", "?stream=nobody")
        self.assertEqual((status, "nobody" in err), (2, True), err)


class Resuming(Several):
    def test_another_set_goes_on_with_what_it_has_in_common(self):
        self.start()
        stream = self.stream("log", "rooms/1")
        for name in ("log", "rooms/1"):
            self.write_to(name)
            self.events(stream, 1)
        stream.close()
        for name in ("log", "rooms/1", "rooms/2"):
            self.write_to(name)
        wider = self.stream("log", "rooms/1", "rooms/2", last_id=stream.last_id)
        self.assertEqual(sorted(self.events(wider, 2)), [("log", "2"), ("rooms/1", "2")])
        self.write_to("rooms/2")  # began when it was asked for
        self.assertEqual(self.events(wider, 1), [("rooms/2", "2")])
        narrower = self.stream("rooms/1", last_id=stream.last_id)
        self.assertEqual(self.events(narrower, 1), [("rooms/1", "2")])

    def test_ids_of_one_stream_are_not_those_of_several(self):
        self.start()
        self.write_to("log")
        one = self.keep(self.server.stream("/events/log?last=1")).event().id
        several = self.stream("log", "slow", more="&last=1").event().id
        for stream in (self.stream("log", "slow", last_id=one),
                       self.keep(self.server.stream("/events/log", {"Last-Event-ID": several})),
                       self.stream("rooms/1", last_id=several)):
            gap = stream.event()
            self.assertEqual((gap.event, json.loads(gap.data)["reason"]),
                             ("stream.gap", "unknown-position"))

    def many(self):
        names = ["log"] + ["rooms/%d" % n for n in range(TOPICS)]
        stream = self.stream(*names)
        for name in names:
            self.write_to(name)
        self.events(stream, len(names))
        self.assertIn(stream.last_id[0], "n")  # it refers to a base
        return names, stream

    def test_another_process_knows_where_many_streams_stood(self):
        self.start()
        names, stream = self.many()
        for turn in range(3):
            for name in names[turn::3] * 2:
                self.write_to(name)
            self.restart()
            stream = self.stream(*names, last_id=stream.last_id)
            got = self.events(stream, 2 * len(names[turn::3]))
            self.assertEqual({n: [d for s, d in got if s == n] for n in names[turn::3]},
                             {n: [str(self.counts[n] - 1), str(self.counts[n])]
                              for n in names[turn::3]})

    def test_what_nobody_knows_any_more_is_a_gap(self):
        self.start()
        names, stream = self.many()
        self.server.process.stop()
        (self.state / "several.marks").unlink()
        self.start()
        again = self.stream(*names, last_id=stream.last_id)
        gap = again.event()
        self.assertEqual((gap.event, json.loads(gap.data)["reason"]),
                         ("stream.gap", "unknown-position"))
        self.write_to("log")
        self.assertEqual(self.events(again, 1), [("log", "2")])
        # A page's URL keeps the old id when its EventSource comes back with a new one.
        path = "/events/?" + "&".join("stream=" + n for n in names) + "&from=" + stream.last_id
        late = self.keep(self.server.stream(path, {"Last-Event-ID": again.last_id}))
        self.write_to("log")
        self.assertEqual(self.events(late, 1), [("log", "3")])
        gap = self.keep(self.server.stream(path)).event()
        self.assertEqual(json.loads(gap.data)["reason"], "unknown-position")


class BehindLighttpd(Several):
    ROUNDS = 120
    KILLS = 4

    def write_to(self, name):
        if name == "log":
            super().write_to(name)
            return
        self.counts[name] += 1
        harness.wait_until(lambda: self.post(name, str(self.counts[name])), "it is published")

    def post(self, name, text):
        """Whether it was kept; when it is tried again, it is the same event."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port,
                                                timeout=harness.WAIT)
        headers = {"Authorization": "Bearer " + TOKEN, "Content-Type": "text/plain",
                   "Idempotency-Key": "%s-%s" % (name, text)}
        try:
            connection.request("POST", "/events/" + name, text, headers)
            status = connection.getresponse().status
            self.assertTrue(status == 201 or status >= 500, status)
            return status == 201
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def reader(self, names, last_id):
        def opened():
            headers = {"Last-Event-ID": last_id} if last_id else {}
            try:
                return self.server.stream(self.url(*names, more="&last=0"), headers,
                                          is_lenient=True)
            except harness.BadStatus as e:
                if e.status < 500:
                    raise
            except OSError:
                pass
            return None
        return self.keep(harness.wait_until(opened, "the stream is served again"))

    def test_nothing_is_lost_when_the_responder_is_killed(self):
        config = self.config(self.streams(), state_dir=str(self.state))
        self.server = self.lighttpd("lighttpd/lighttpd.conf", CONFIG=config)
        names = ["clock", "log"] + ["rooms/%d" % n for n in range(TOPICS)]
        got = collections.defaultdict(list)
        stream = self.reader(names, None)
        killed = 0

        def read_all():
            nonlocal stream
            while any(len(got[n]) < self.counts[n] for n in names):
                try:
                    event = stream.event()
                except (OSError, sse_client.StreamEnded):
                    last_id = stream.last_id
                    stream.close()
                    stream = self.reader(names, last_id)
                    continue
                said = json.loads(event.data)
                if said.get("reason") == "late":  # the machine is busy: ticks were passed over
                    got["clock"] += [None] * said["events"]
                    continue
                self.assertIsNone(event.event, repr(event))
                got[said["stream"]].append(said["data"])

        for turn in range(self.ROUNDS):
            self.write_to(names[1 + turn % (len(names) - 1)])
            self.write_to("log")
            if turn % 10 == 9 and turn % 30 != 29:
                read_all()
            elif turn % 30 == 29 and killed < self.KILLS:
                harness.kill_all(harness.wait_until(self.server.responders, "a responder to kill"))
                killed += 1
        read_all()
        self.assertEqual(killed, self.KILLS)
        for name in names[1:]:
            self.assertEqual(got[name], [str(n + 1) for n in range(self.counts[name])], name)
        ticks = {n: json.loads(data)["epoch_ms"] for n, data in enumerate(got["clock"]) if data}
        self.assertEqual(len({tick - 100 * n for n, tick in ticks.items()}), 1, got["clock"])


if __name__ == "__main__":
    unittest.main()

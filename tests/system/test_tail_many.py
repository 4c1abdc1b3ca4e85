# SPDX-License-Identifier: MIT
"""Several logs in one stream: names, files that come late, resuming, and where bases are kept."""

import collections
import json
import os

import harness


class Many(harness.Case):
    def setUp(self):
        super().setUp()
        self.logs_dir = self.dir / "logs"
        self.logs_dir.mkdir()
        self.counts = collections.Counter()

    def start(self, state_dir=None, paths=("*.log",), before=(), **settings):
        stream = dict({"source": "tail", "paths": [str(self.logs_dir / p) for p in paths],
                       "poll_ms": 50}, **settings)
        more = {"state_dir": str(state_dir)} if state_dir else {}
        self.server = self.responder(self.config({"many": stream}, **more), before=before)

    def restart(self, *args, **more):
        self.server.process.stop()
        self.start(*args, **more)

    def line(self, name, text=None):
        """Appends one, and answers the event that must come of it."""
        self.counts[name] += 1
        text = text or "%s line %d" % (name, self.counts[name])
        harness.append(self.logs_dir / name, text + "\n")
        return name, text

    def files(self, count):
        return ["app%d.log" % n for n in range(count)]

    def stream(self, query="", headers=None):
        return self.keep(self.server.stream("/events/many" + query, headers))

    def events(self, stream, count):
        return [(e.event, e.data) for e in (stream.event() for _ in range(count))]

    def goes_on(self, stream, name, text=None):
        """A new line is the stream's next event."""
        wanted = self.line(name, text)
        self.assertEqual(self.events(stream, 1), [wanted])

    def resume(self, event_id):
        return self.stream(headers={"Last-Event-ID": event_id})


class Names(Many):
    def test_an_event_is_named_by_its_file(self):
        first, second = self.line("a.log"), self.line("b.log")
        self.start()
        self.assertEqual(sorted(self.events(self.stream("?last=2"), 2)), [first, second])
        stream = self.stream()
        wanted = [self.line(name) for name in ("b.log", "a.log", "b.log")]
        got = self.events(stream, 3)
        for name in ("a.log", "b.log"):
            self.assertEqual([e for e in got if e[0] == name],
                             [e for e in wanted if e[0] == name])

    def test_names_begin_below_the_fixed_folder_and_are_never_reserved(self):
        for folder in ("web", "db"):
            (self.logs_dir / folder).mkdir()
        (self.logs_dir / "stream.gap").write_text("not a gap\n")
        self.line("web/out.log")
        self.line("db/out.log")
        self.start(paths=("*/out.log", "stream.gap"))
        got = self.events(self.stream("?last=3"), 3)
        self.assertEqual(sorted(got), [("./stream.gap", "not a gap"),
                                       ("db/out.log", "db/out.log line 1"),
                                       ("web/out.log", "web/out.log line 1")])

    def test_json_tells_the_file_and_leaves_the_name_to_the_level(self):
        self.start(format="json", level_events=True)
        stream = self.stream()
        self.line("a.log", "ERROR lost")
        event = stream.event()
        self.assertEqual(event.event, "error")
        self.assertEqual(json.loads(event.data), {"line": "ERROR lost", "offset": 11,
                                                  "file": "a.log"})

    def test_a_gap_tells_its_file(self):
        self.line("a.log")
        self.line("b.log")
        self.start()
        stream = self.stream()
        self.line("a.log")
        stream.event()
        os.truncate(self.logs_dir / "a.log", 0)
        self.line("a.log", "new")
        event = stream.event()
        self.assertEqual(event.event, "stream.gap")
        self.assertTrue(json.loads(event.data)["detail"].startswith("a.log: "), event)

    def test_there_is_no_page_before(self):
        self.line("a.log")
        self.start()
        event = self.stream("?last=1").event()
        response = self.keep(self.server.request("/events/many?before=" + event.id))
        self.assertEqual(response.status, 400)
        self.assertIn("several files", json.loads(response.body())["error"])


class Coming(Many):
    def test_a_file_that_appears_later_is_read_from_its_beginning(self):
        self.line("a.log")
        self.start()
        stream = self.stream()
        wanted = [self.line("late.log") for _ in range(3)]
        self.assertEqual(self.events(stream, 3), wanted)
        (self.logs_dir / "late.log").rename(self.logs_dir / "late.log.1")
        wanted = [self.line("late.log")]
        self.assertEqual(self.events(stream, 1), wanted)

    def test_a_folder_that_appears_later_is_looked_into(self):
        self.start(paths=("*/out.log",))
        stream = self.stream()
        (self.logs_dir / "web").mkdir()
        self.goes_on(stream, "web/out.log")

    def test_rotated_and_linked_files_are_no_logs_of_their_own(self):
        self.line("a.log")
        (self.logs_dir / "a.log.1").write_text("older\n")
        os.link(self.logs_dir / "a.log", self.logs_dir / "b.log")
        self.start(paths=("*",))
        got = self.events(self.stream("?from=start"), 2)
        self.assertEqual(got, [("a.log", "older"), ("a.log", "a.log line 1")])
        stream = self.stream()
        wanted = [self.line("a.log")]
        self.assertEqual(self.events(stream, 1), wanted)

    def test_a_renamed_log_is_not_read_again_under_its_new_name(self):
        self.line("a.log")
        self.start()
        stream = self.stream()
        self.goes_on(stream, "a.log")
        (self.logs_dir / "a.log").rename(self.logs_dir / "old.log")
        self.goes_on(stream, "a.log", "new")
        harness.append(self.logs_dir / "z.log", "sentinel\n")
        self.assertEqual(self.events(stream, 1), [("z.log", "sentinel")])

    def test_one_busy_file_does_not_hold_up_another(self):
        self.line("calm.log")
        self.start()
        stream = self.stream()
        harness.append(self.logs_dir / "busy.log", "x" * 99 + "\n")
        self.events(stream, 1)
        block = ("x" * 99 + "\n") * 100000
        harness.append(self.logs_dir / "busy.log", block)
        calm = self.line("calm.log")
        at = 0
        while True:
            event = stream.event()
            if (event.event, event.data) == calm:
                break
            at += 1
        for _ in range(100000 - at):
            self.assertEqual(stream.event().event, "busy.log")

    def test_more_files_than_the_limit_are_told(self):
        for n in range(260):
            (self.logs_dir / ("%03d.log" % n)).write_text("")
        self.start()
        stream = self.stream()
        self.goes_on(stream, "000.log")
        said = [line for line in self.server.process.log.read_text().splitlines()
                if "too many files" in line]
        self.assertEqual(len(said), 1, said)
        self.assertIn("256.log", said[0])


class Resuming(Many):
    def walk(self, names, state_dir=None, before=()):
        """Resumes at every event of a first run, in a new process."""
        self.start(state_dir, before=before)
        stream = self.stream()
        sent = [self.line(name) for _ in range(3) for name in names]
        blocks = [stream.event() for _ in sent]
        self.assertEqual(sorted((b.event, b.data) for b in blocks), sorted(sent))
        stream.close()
        self.server.process.stop()
        more = [self.line(name) for name in names]
        self.start(state_dir, before=before)
        return blocks, more

    def check(self, blocks, more):
        for i, block in enumerate(blocks):
            stream = self.resume(block.id)
            wanted = [(b.event, b.data) for b in blocks[i + 1:]] + more
            got = self.events(stream, len(wanted))
            self.assertEqual(sorted(got), sorted(wanted))
            for name in {n for n, _ in wanted}:
                self.assertEqual([e for e in got if e[0] == name],
                                 [e for e in wanted if e[0] == name])
            stream.close()

    def test_three_files_need_no_state(self):
        self.check(*self.walk(self.files(3)))
        self.assertEqual(list(self.dir.glob("**/*.marks")), [])

    def test_eight_files_resume_with_state_dir(self):
        state = self.dir / "state"
        state.mkdir()
        blocks, more = self.walk(self.files(8), state)
        self.assertEqual([p.name for p in state.iterdir()], ["tail-many.marks"])
        self.check(blocks, more)

    def gap_and_go_on(self, blocks):
        stream = self.resume(blocks[-1].id)
        event = stream.event()
        self.assertEqual(event.event, "stream.gap")
        self.assertEqual(json.loads(event.data)["reason"], "unknown-position")
        self.goes_on(stream, "app0.log")

    def test_without_state_dir_many_files_resume_in_the_same_process_only(self):
        blocks, _ = self.walk(self.files(8))
        self.gap_and_go_on(blocks)
        stream = self.stream("?last=8")
        first = stream.event()
        rest = self.events(stream, 7)
        self.assertEqual(self.events(self.resume(first.id), 7), rest)
        said = [line for line in self.server.process.log.read_text().splitlines()
                if "state_dir" in line]
        self.assertEqual(len(said), 2, said)  # one of each process

    def test_a_state_dir_that_cannot_be_written_stops_nothing(self):
        state = self.dir / "state"
        state.write_text("not a folder")
        blocks, _ = self.walk(self.files(8), state)
        self.gap_and_go_on(blocks)
        said = [line for line in self.server.process.log.read_text().splitlines()
                if "cannot keep positions" in line]
        self.assertGreaterEqual(len(said), 1)

    def test_a_resumed_reader_gets_a_file_that_appeared_meanwhile(self):
        self.line("a.log")
        self.start()
        first = self.stream("?last=1").event()
        self.server.process.stop()
        wanted = [self.line("b.log"), self.line("b.log")]
        self.start()
        self.assertEqual(self.events(self.resume(first.id), 2), wanted)

    def test_a_file_that_is_gone_is_told(self):
        self.line("a.log")
        self.line("b.log")
        self.start()
        stream = self.stream("?last=2")
        stream.event()
        last = stream.event()
        self.server.process.stop()
        os.unlink(self.logs_dir / "b.log")
        self.start()
        stream = self.resume(last.id)
        self.assertEqual(json.loads(stream.event().data)["reason"], "rotated-away")
        self.goes_on(stream, "a.log")


class Back(Many):
    def test_last_goes_by_time_over_all_files(self):
        wanted = []
        for n in range(40):
            name = "a.log" if n % 10 else "b.log"
            wanted.append(self.line(name, "2026-11-21T10:00:%02dZ %d" % (n, n)))
        self.start(time_format="iso8601")
        got = self.events(self.stream("?last=15"), 15)
        self.assertEqual(sorted(got), sorted(wanted[-15:]))

    def test_last_is_shared_where_there_are_no_times(self):
        for n in range(30):
            self.line("a.log" if n % 3 else "b.log")
        self.start()
        got = self.events(self.stream("?last=8"), 8)
        self.assertEqual(collections.Counter(n for n, _ in got), {"a.log": 4, "b.log": 4})

    def test_since_begins_in_each_file_at_the_time(self):
        for n in range(40):
            self.line("a.log" if n % 2 else "b.log", "2026-11-21T10:00:%02dZ %d" % (n, n))
        self.start(time_format="iso8601")
        got = self.events(self.stream("?since=2026-11-21T10:00:30Z"), 10)
        self.assertEqual(sorted(int(d.split()[1]) for _, d in got), list(range(30, 40)))

    def test_a_filter_looks_at_all_files(self):
        for n in range(40):
            self.line("a.log" if n % 2 else "b.log", "line %d" % n)
        self.start()
        got = self.events(self.stream("?from=start&grep=7"), 4)
        self.assertEqual(sorted(d for _, d in got), ["line 17", "line 27", "line 37", "line 7"])

    def test_context_is_that_of_the_same_file_and_resumes_anywhere(self):
        for n in range(30):
            self.line("a.log" if n % 3 else "b.log", "hit" if n in (9, 10, 13) else "line %d" % n)
        self.start()
        query = "?from=start&grep=hit&context=1"
        stream = self.stream(query)
        blocks = [stream.event() for _ in range(8)]
        shown = {"a.log": ["line 8", "hit", "line 11", "hit", "line 14"],
                 "b.log": ["line 6", "hit", "line 12"]}
        for name, lines in shown.items():
            self.assertEqual([b.data for b in blocks if b.event == name], lines)
        for i, block in enumerate(blocks[:-1]):
            again = self.keep(self.server.stream("/events/many" + query,
                                                 {"Last-Event-ID": block.id}))
            rest = [(b.event, b.data) for b in blocks[i + 1:]]
            self.assertEqual(sorted(self.events(again, len(rest))), sorted(rest))

    def test_until_ends_with_what_is_there_at_the_latest(self):
        for n in range(30):
            self.line("a.log" if n % 3 else "b.log")
        self.start()
        stream = self.stream("?from=start")
        blocks = [stream.event() for _ in range(30)]
        for until in (29, 19):
            got = [b for b in self.stream("?from=start&until=" + blocks[until].id).rest()
                   if b.data is not None]
            self.assertEqual(got[-1].event, "stream.end")
            self.assertIn(json.loads(got[-1].data)["reason"], ("until", "until-not-found"))
            self.assertLessEqual({b.data for b in blocks[:until + 1]}, {b.data for b in got[:-1]})
            self.assertEqual(len(got) - 1, len({b.data for b in got[:-1]}))

    def test_print_shows_several_files(self):
        wanted = [self.line(name) for name in self.files(6)]
        stream = {"source": "tail", "paths": [str(self.logs_dir / "*.log")], "poll_ms": 50}
        status, out, _ = self.run_program("--config", self.config({"many": stream}), "--print",
                                          "many", "--last", "6", "--count", "6")
        self.assertEqual(status, 0)
        for name, text in wanted:
            self.assertIn("event: %s\ndata: %s\n" % (name, text), out)

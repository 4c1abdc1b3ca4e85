# SPDX-License-Identifier: MIT
"""Programs as streams: what they write arrives, and nothing of them is left behind."""

import json
import os
import pwd
import re
import resource
import signal
import subprocess
import unittest

import harness
from harness import wait_until

# A program for sh that leaves what does not want to go: a child that ignores SIGTERM, one in a session
# of its own, a daemon whose parent has gone, and a stopped one. Each writes its number into a file.
STUBBORN = """
trap '' TERM
echo $$ >> "$PIDS"
sh -c 'trap "" TERM; echo $$ >> "$PIDS"; while :; do sleep 1; done' &
setsid sh -c 'trap "" TERM HUP; echo $$ >> "$PIDS"; while :; do sleep 1; done' &
(setsid sh -c 'trap "" TERM HUP; echo $$ >> "$PIDS"; while :; do sleep 1; done' &)
sh -c 'echo $$ >> "$PIDS"; kill -STOP $$' &
while [ "$(wc -l < "$PIDS")" -lt 5 ]; do sleep 0.05; done
echo ready
while :; do sleep 1; done
"""


class Exec(harness.Case):
    def sh(self, script, **settings):
        return dict({"source": "exec", "argv": ["/bin/sh", "-c", script], "kill_s": 1}, **settings)

    def start(self, streams, **settings):
        self.server = self.responder(self.config(streams, **settings))
        return self.server

    def stream(self, name, headers=None):
        return self.keep(self.server.stream("/events/" + name, headers))

    def datas(self, stream, count):
        return [stream.event().data for _ in range(count)]

    def log(self):
        return (self.dir / "responder.log").read_text()

    def below(self):
        return harness.processes_below(self.server.process.pid)

    def assert_nobody_below(self):
        wait_until(lambda: not self.below(), "no process below the responder")


class Output(Exec):
    def test_lines_then_the_end_with_the_status_then_204(self):
        self.start({"x": self.sh("echo one; printf 'two\\r\\nthree'; exit 0")})
        stream = self.stream("x?last=9")
        self.assertEqual(self.datas(stream, 3), ["one", "two", "three"])
        end = stream.event()
        self.assertEqual((end.event, json.loads(end.data)), ("stream.end", {"status": 0}))
        self.assertEqual(stream.rest(), [])
        response = self.keep(self.server.request("/events/x",
                                                 headers={"Last-Event-ID": end.id}))
        self.assertEqual(response.status, 204)
        first = self.stream("x")  # it has had nothing, not even the end
        self.assertEqual([b.event for b in first.rest() if b.is_event], ["stream.end"])
        self.assert_nobody_below()

    def test_two_readers_share_one_run(self):
        self.start({"x": self.sh("echo $$; while :; do echo tick; sleep 0.05; done")})
        first = self.stream("x?last=9")
        second = self.stream("x?last=1000000")
        pid = first.event().data
        self.assertEqual(second.event().data, pid)
        a, b = first.event(), second.event()
        self.assertEqual((a.id, a.data), (b.id, "tick"))
        # Resumed within the run: nothing is missing, nothing comes twice.
        third = self.stream("x", {"Last-Event-ID": a.id})
        self.assertEqual(third.event().id, first.event().id)

    def test_a_position_of_an_earlier_process_is_a_gap(self):
        config = {"x": self.sh("echo one; exec sleep 60")}
        self.start(config)
        last = self.stream("x?last=9").event().id
        self.server.process.stop()
        self.start(config)
        stream = self.stream("x", {"Last-Event-ID": last})
        gap = stream.event()
        self.assertEqual((gap.event, json.loads(gap.data)["reason"]), ("stream.gap", "restarted"))
        self.assertEqual(stream.event().data, "one")

    def test_all_of_a_flood_arrives_beside_a_reader_that_takes_nothing(self):
        count = 200000
        self.start({"x": self.sh("seq %d; echo done; exec sleep 60" % count)})
        stuck = self.keep(self.server.connect())
        stuck.send(harness.fcgi.request_bytes(harness.fcgi.environment("/events/x")))
        stream = self.stream("x?last=9")
        seen = 0
        while seen < count:
            event = stream.event()
            # Where the reader is slower than the program, a gap says so, with how many.
            seen = int(event.data) if event.event is None else \
                seen + json.loads(event.data)["events"]
        self.assertEqual(stream.event().data, "done")

    def test_ten_thousand_lines_a_second_arrive_whole(self):
        self.start({"x": self.sh("for i in 1 2 3; do seq 10000; sleep 1; done; exec sleep 60",
                                 keep_bytes=16777216)})
        stream = self.stream("x?last=1000000")
        self.assertEqual(self.datas(stream, 30000), [str(i) for i in range(1, 10001)] * 3)

    def test_binary_output_is_text_or_a_gap(self):
        self.start({"x": self.sh("head -c 300000 /dev/zero; head -c 300000 /dev/urandom; "
                                 "echo; echo end; exec sleep 60", max_line_bytes=1024)})
        stream = self.stream("x?last=1000000")
        gap = stream.event()
        self.assertEqual((gap.event, json.loads(gap.data)["reason"]), ("stream.gap", "hole"))
        while stream.event().data != "end":
            pass

    def test_framings(self):
        self.start({
            "chunks": self.sh("printf 'a\\nb\\303'; sleep 0.3; printf '\\251\\n'; exec sleep 60",
                              framing="chunks"),
            "ndjson": self.sh("echo '{\"a\": 1}'; echo text; exec sleep 60", framing="ndjson"),
            "sse": self.sh("printf 'id: 7\\nevent: e\\ndata: 1\\ndata: 2\\n\\n: c\\n\\n"
                           "event: stream.end\\ndata: 3\\n\\n'; exec sleep 60", framing="sse"),
        })
        self.assertEqual(self.datas(self.stream("chunks?last=9"), 2), ["a\nb", "\u00e9\n"])
        self.assertEqual(self.datas(self.stream("ndjson?last=9"), 2),
                         ['{"a": 1}', '{"line":"text","offset":14}'])
        stream = self.stream("sse?last=9")
        self.assertEqual([(e.event, e.data) for e in (stream.event(), stream.event())],
                         [("e", "1\n2"), (None, "3")])

    def test_what_it_says_on_standard_error_is_logged_escaped_and_limited(self):
        self.start({"x": self.sh("printf 'a\\033[31m\\n' >&2; yes no | head -n 100000 >&2; "
                                 "echo said; exec sleep 60")})
        self.assertEqual(self.stream("x?last=9").event().data, "said")
        self.assertIn('stream=x text="a\\x1b[31m"', self.log())
        self.assertLess(len(self.log().splitlines()), 100)


class Restart(Exec):
    def test_a_failed_program_is_started_again_and_then_given_up(self):
        self.start({"x": self.sh("echo run; kill -KILL $$", restart_min_ms=10, restart_limit=2)})
        stream = self.stream("x?last=9")
        got = []
        while not got or got[-1][0] != "stream.end":
            event = stream.event()
            got.append((event.event, event.data))
        self.assertEqual([e for e in got if e[0] is None], [(None, "run")] * 3)
        self.assertEqual([json.loads(d)["reason"] for e, d in got if e == "stream.gap"],
                         ["restarted"] * 2)
        self.assertEqual(json.loads(got[-1][1]), {"signal": "SIGKILL"})

    def test_one_that_cannot_be_started_is_told_and_does_not_spin(self):
        self.start({"x": {"source": "exec", "argv": ["no-such-program"], "restart_min_ms": 100,
                          "restart_max_ms": 60000}})
        self.stream("x")
        wait_until(lambda: self.log().count("cannot be started") >= 2, "two tries")
        self.assertIn('program=no-such-program setting=argv error="No such file or directory"',
                      self.log())
        waits = [int(w) for w in re.findall("again_in_ms=([0-9]+)", self.log())]
        self.assertEqual(waits, [100 << i for i in range(len(waits))])
        self.server.process.signal(signal.SIGTERM)
        self.assertEqual(self.server.process.wait(), 0)

    def test_its_end_is_that_of_the_stream_with_status_127(self):
        self.start({"x": {"source": "exec", "argv": ["/etc/passwd"], "restart": "never"},
                    "y": self.sh("echo", cwd="/nowhere", restart="never")})
        for name, setting in (("x", "argv"), ("y", "cwd")):
            end = self.stream(name + "?last=9").event()
            self.assertEqual((end.event, json.loads(end.data)["status"]), ("stream.end", 127))
            self.assertIn("setting=" + setting, self.log())
        self.assertNotIn("again_in_ms", self.log())

    def test_one_that_closes_its_output_runs_on(self):
        self.start({"x": self.sh("echo $$; exec >&- 2>&-; exec sleep 60")})
        pid = int(self.stream("x?last=9").event().data)
        stream = self.stream("x")
        with self.assertRaises(TimeoutError):
            stream.event(0.3)
        self.assertTrue(harness.is_alive(pid))

    def test_now_starts_without_readers_and_a_reload_starts_what_is_new(self):
        streams = {"x": self.sh("echo $$ >> %s/x; exec sleep 60" % self.dir, start="now")}
        self.start(streams)
        wait_until((self.dir / "x").exists, "x runs")
        streams["y"] = self.sh("echo $$ >> %s/y; exec sleep 60" % self.dir, start="now")
        self.config(streams)
        self.server.process.signal(signal.SIGHUP)
        wait_until((self.dir / "y").exists, "y runs")
        self.assertEqual(len((self.dir / "x").read_text().split()), 1)
        del streams["x"]
        self.config(streams)
        self.server.process.signal(signal.SIGHUP)
        wait_until(lambda: len(self.below()) == 2, "x and its supervisor are gone")

    def test_it_is_stopped_after_its_last_reader(self):
        self.start({"x": self.sh("echo $$; exec sleep 60", linger_s=0)})
        stream = self.stream("x?last=9")
        pid = int(stream.event().data)
        stream.close()
        wait_until(lambda: not harness.is_alive(pid), "the program is gone")
        self.assert_nobody_below()
        self.assertNotEqual(int(self.stream("x?last=9").event().data), pid)


class Orphans(Exec):
    """Nothing of a program outlives its stream, whatever happens."""

    def stubborn(self):
        pids = self.dir / "pids"
        self.start({"x": self.sh(STUBBORN, env={"PIDS": str(pids)}, linger_s=0)})
        self.reader = self.stream("x?last=9")
        self.assertEqual(self.reader.event().data, "ready")
        found = [int(p) for p in pids.read_text().split()]
        self.addCleanup(harness.kill_all, found)
        self.assertEqual(len(found), 5)
        for pid in found:
            self.assertTrue(harness.is_alive(pid))
        return found

    def assert_all_go(self, pids):
        wait_until(lambda: not [p for p in pids if harness.is_alive(p)], "all of them are gone")

    def test_when_the_responder_is_killed(self):
        pids = self.stubborn()
        supervisors = [p for p in self.below() if p not in pids]
        self.server.process.signal(signal.SIGKILL)
        self.assert_all_go(pids)
        self.assert_all_go(supervisors)

    def test_when_the_responder_ends(self):
        pids = self.stubborn()
        self.server.process.signal(signal.SIGTERM)
        self.assertEqual(self.server.process.wait(), 0)
        self.assert_all_go(pids)

    def test_when_the_last_reader_leaves(self):
        pids = self.stubborn()
        self.reader.close()
        self.assert_all_go(pids)
        self.assert_nobody_below()

    def test_when_the_program_ends_by_itself(self):
        pids = self.stubborn()
        os.kill(pids[0], signal.SIGKILL)
        self.assert_all_go(pids)

    def test_the_program_goes_when_its_supervisor_is_killed(self):
        self.start({"x": self.sh("echo $$; exec sleep 60", restart="never")})
        stream = self.stream("x?last=9")
        pid = int(stream.event().data)
        supervisor = next(p for p in self.below() if p != pid)
        os.kill(supervisor, signal.SIGKILL)
        wait_until(lambda: not harness.is_alive(pid), "the program is gone")
        self.assertEqual(json.loads(stream.event().data), {"signal": "SIGKILL"})

    def test_when_the_responder_is_killed_at_any_moment(self):
        marker = str(self.dir / "marker")

        def marked():
            found = []
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open("/proc/%s/cmdline" % pid, "rb") as f:
                        if marker.encode() in f.read():
                            found.append(int(pid))
                except OSError:
                    pass
            return found

        self.addCleanup(lambda: harness.kill_all(marked()))
        script = "(setsid sh -c ': %s; while :; do sleep 1; done' &); echo run" % marker
        streams = {str(i): self.sh(script, start="now", restart="always", restart_min_ms=10,
                                   restart_max_ms=10, restart_limit=0) for i in range(3)}
        for tick in range(8):
            self.start(streams)
            stream = self.stream("0")
            for _ in range(tick):  # some way into a run
                stream.event()
            self.server.process.signal(signal.SIGKILL)
            self.server.process.wait()
            wait_until(lambda: not marked(), "nothing is left")

    def test_many_runs_leave_no_process_and_no_descriptor(self):
        self.start({"x": self.sh("sh -c 'sleep 60' & echo run", restart="always", restart_min_ms=10,
                                 restart_max_ms=10, restart_limit=0, linger_s=0)})
        fds = "/proc/%d/fd" % self.server.process.pid
        before = len(os.listdir(fds))
        stream = self.stream("x?last=9")
        for _ in range(2 * 100):  # each but the first comes with a gap
            stream.event()
        stream.close()
        self.assert_nobody_below()
        wait_until(lambda: len(os.listdir(fds)) <= before, "descriptors are closed")


class Journal(Exec):
    def start_two(self, **settings):
        (self.dir / "state").mkdir()
        config = self.config({"x": dict(settings, journal=True)}, state_dir=str(self.dir / "state"))
        self.config_file = config
        self.first = self.server = self.responder(config)
        self.second = self.responder(config, is_tcp=True, log="second.log")

    def test_positions_outlive_the_responder(self):
        self.start_two(**self.sh("seq 1000; exec sleep 60"))
        self.second.process.stop()
        stream = self.stream("x?last=9")
        events = [stream.event() for _ in range(500)]
        self.server.process.signal(signal.SIGKILL)
        self.server.process.wait()
        self.start({"x": self.sh("seq 1000; exec sleep 60", journal=True)},
                   state_dir=str(self.dir / "state"))
        stream = self.stream("x", {"Last-Event-ID": events[-1].id})
        events += [stream.event() for _ in range(500)]
        self.assertEqual([e.data for e in events], [str(i) for i in range(1, 1001)])
        gap = stream.event()
        self.assertEqual((gap.event, json.loads(gap.data)["reason"]), ("stream.gap", "restarted"))
        self.assertEqual(self.datas(stream, 3), ["1", "2", "3"])

    def test_one_of_two_processes_runs_it_and_the_other_takes_over(self):
        self.start_two(**self.sh("echo $$; trap '' TERM; while :; do sleep 0.1; done"))
        first = self.keep(self.first.stream("/events/x?last=9"))
        pid = first.event()
        second = self.keep(self.second.stream("/events/x?last=9"))
        same = second.event()
        self.assertEqual((same.id, same.data), (pid.id, pid.data))
        self.first.process.signal(signal.SIGKILL)
        gap = second.event()
        # The one before is gone before the next one starts.
        self.assertFalse(harness.is_alive(int(pid.data)))
        self.assertEqual((gap.event, json.loads(gap.data)["reason"]), ("stream.gap", "restarted"))
        self.assertTrue(harness.is_alive(int(second.event().data)))

    def test_the_end_is_told_in_both(self):
        go = self.dir / "go"
        self.start_two(**self.sh("echo one; while [ ! -e %s ]; do sleep 0.05; done; exit 3" % go,
                                 restart="never"))
        streams = [self.keep(r.stream("/events/x?last=9")) for r in (self.first, self.second)]
        self.assertEqual([s.event().data for s in streams], ["one"] * 2)
        go.touch()
        ends = [s.event() for s in streams]
        self.assertEqual([(e.event, json.loads(e.data)) for e in ends],
                         [("stream.end", {"status": 3})] * 2)
        third = self.responder(self.config_file, is_tcp=True, log="third.log")
        for responder in (self.first, self.second):
            response = self.keep(responder.request("/events/x",
                                                   headers={"Last-Event-ID": ends[0].id}))
            self.assertEqual(response.status, 204)
        # One that comes later finds it ended.
        late = self.keep(third.stream("/events/x?last=9"))
        self.assertEqual([b.event for b in late.rest() if b.is_event], [None, "stream.end"])

    def test_a_flood_is_kept_whole(self):
        self.start_two(**self.sh("echo one; seq 100000; exec sleep 60", keep_bytes=67108864))
        self.second.process.stop()
        stream = self.stream("x?last=9")
        self.assertEqual(stream.event().data, "one")
        self.assertEqual(self.datas(stream, 100000), [str(i) for i in range(1, 100001)])

    def test_a_full_disk_holds_the_program_and_loses_nothing(self):
        go = self.dir / "go"
        self.start_two(**self.sh("echo one; while [ ! -e %s ]; do sleep 0.05; done; seq 50000; "
                                 "exec sleep 60" % go, keep_bytes=67108864))
        self.second.process.stop()
        stream = self.stream("x?last=9")
        self.assertEqual(stream.event().data, "one")
        before = resource.prlimit(self.server.process.pid, resource.RLIMIT_FSIZE, (65536, -1))
        go.touch()
        wait_until(lambda: "the program waits" in self.log(), "it is told")
        resource.prlimit(self.server.process.pid, resource.RLIMIT_FSIZE, before)
        self.assertEqual(self.datas(stream, 50000), [str(i) for i in range(1, 50001)])

    def test_without_a_folder_it_is_said(self):
        path = self.config({"x": self.sh("echo", journal=True, start="now")})
        done = subprocess.run([harness.SSECGI, "--config", path, "--check-config"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 6)
        self.assertIn('streams.x: the source "exec" needs state_dir', done.stderr)


class User(Exec):
    SCRIPT = "id -u; id -G; echo $HOME; pwd; kill -0 %d 2>/dev/null || echo alone; exec sleep 60"

    def test_it_runs_as_the_user_and_cannot_go_back(self):
        if os.getuid() != 0:
            self.skipTest("only root can become somebody else")
        user = pwd.getpwnam("nobody")
        self.start({"x": self.sh(self.SCRIPT % os.getpid(), user="nobody", cwd="/")})
        got = self.datas(self.stream("x?last=9"), 5)
        self.assertEqual(got, [str(user.pw_uid), str(user.pw_gid), user.pw_dir, "/", "alone"])

    def test_its_environment_is_what_the_settings_say(self):
        self.start({"e": {"source": "exec", "argv": ["env"], "env": {"A": "b=c"}}})
        stream = self.stream("e?last=9")
        environment = self.datas(stream, 3)
        self.assertEqual([v.partition("=")[0] for v in environment], ["PATH", "LANG", "A"])
        self.assertEqual(environment[2], "A=b=c")
        self.assertEqual(stream.event().event, "stream.end")

    def test_another_user_needs_root(self):
        if os.getuid() == 0:
            self.skipTest("root may")
        self.start({"x": self.sh("echo", user="root", restart="never")})
        self.assertEqual(json.loads(self.stream("x?last=9").event().data)["status"], 127)
        self.assertIn("setting=user", self.log())

    def test_it_has_no_descriptor_and_no_signal_setting_of_ours(self):
        self.start({"x": self.sh("ls /proc/self/fd | wc -l; grep SigIgn /proc/self/status; "
                                 "grep SigBlk /proc/self/status; exec sleep 60")})
        count, ignored, blocked = self.datas(self.stream("x?last=9"), 3)
        self.assertEqual(int(count), 4)  # the three, and ls's own
        usual = (1 << 31) - 1  # glibc has two more for itself
        self.assertEqual(int(ignored.split()[1], 16) & usual, 0)
        self.assertEqual(int(blocked.split()[1], 16) & usual, 0)


class Spawned(Exec):
    def test_its_input_is_not_the_web_servers_socket(self):
        config = self.config({"x": self.sh("cat; echo end; exec sleep 60")})
        server = self.lighttpd("lighttpd/lighttpd.conf", CONFIG=config)
        stream = self.keep(server.stream("/events/x?last=9"))
        self.assertEqual(stream.event().data, "end")


class Settings(Exec):
    def test_a_mistake_is_told_with_its_key(self):
        for key, settings in (
                ("argv", {"argv": []}), ("argv", {"argv": "ls"}), ("argv", {}),
                ("env.A", {"argv": ["x"], "env": {"A": 1}}), ("env", {"argv": ["x"], "env": []}),
                ("user", {"argv": ["x"], "user": "no-such-user"}),
                ("restart_max_ms", {"argv": ["x"], "restart_max_ms": 10}),
                ("framing", {"argv": ["x"], "framing": "words"})):
            config = self.config({"x": dict({"source": "exec"}, **settings)}, "bad.json")
            status, _, said = self.run_program("--config", config, "--check-config")
            self.assertEqual(status, 6)
            self.assertIn("streams.x.%s: " % key, said)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: MIT
"""As a service of systemd: the units that are shipped, readiness, reload, watchdog, sockets."""

import os
import pathlib
import re
import shlex
import signal
import socket

import fcgi
import front_end_servers
import harness
import service_manager

USAGE, CONFIG = 2, 6
EXPOSURE_MAX = 1.5
SYSTEMD = harness.SRCDIR / "deploy" / "systemd"
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1


class Units(service_manager.Case):
    def setUp(self):
        super().setUp()
        self.path, self.settings = self.unit(
            "ssecgi.service", SSECGI=harness.SSECGI, CONFIG=self.dir / "ssecgi.json")
        self.socket_path, self.socket_settings = self.unit("ssecgi.socket")

    def test_systemd_finds_nothing_wrong(self):
        analyze = front_end_servers.need("systemd-analyze", "systemd")
        status, said = service_manager.run(analyze, "verify", "--man=no", self.path,
                                           self.socket_path)
        self.assertEqual((status, said), (0, ""))

    def test_systemd_finds_it_hardly_exposed(self):
        analyze = front_end_servers.need("systemd-analyze", "systemd")
        status, said = service_manager.run(analyze, "security", "--offline=true", "--no-pager",
                                           "--threshold=%d" % (EXPOSURE_MAX * 10), self.path)
        self.assertEqual(status, 0, said)
        exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
        self.assertLessEqual(float(exposure.group(1)), EXPOSURE_MAX)

    def test_every_setting_of_the_service_stands_below_a_comment(self):
        lines = self.path.read_text().split("[Service]")[1].split("[Install]")[0].splitlines()
        is_said = False
        for line in lines:
            is_said = bool(line) and (is_said or line.startswith("#"))
            self.assertTrue(is_said or not line, line)

    def test_a_reload_checks_the_configuration_first(self):
        check, kill = (shlex.split(c) for c in self.settings["ExecReload"])
        self.assertEqual(kill, ["kill", "-HUP", "$MAINPID"])
        self.write("ssecgi.json", "{")
        self.assertEqual(service_manager.run(*check)[0], CONFIG)
        self.config({"c": {"source": "clock"}})
        self.assertEqual(service_manager.run(*check)[0], 0)
        self.assertIn(str(CONFIG), self.settings["RestartPreventExitStatus"][0].split())

    def test_the_web_servers_group_can_connect_and_nobody_else(self):
        self.assertEqual(self.socket_settings["SocketMode"], ["0660"])
        self.assertEqual(self.socket_settings["SocketGroup"], ["www-data"])
        self.assertEqual(self.socket_settings["DirectoryMode"], ["0755"])

    def make_user(self):
        """The user that sysusers.conf makes, in a root folder of the test's."""
        sysusers = front_end_servers.need("systemd-sysusers", "systemd")
        root = self.dir / "root"
        (root / "etc").mkdir(parents=True)
        status, said = service_manager.run(sysusers, "--root=%s" % root, SYSTEMD / "sysusers.conf")
        self.assertEqual(status, 0, said)
        return root, (root / "etc" / "passwd").read_text()

    def test_the_user_can_be_made(self):
        self.assertRegex(self.make_user()[1], r"\Assecgi:[^\n]*nologin\n\Z")

    def test_the_folders_can_be_made(self):
        tmpfiles = front_end_servers.need("systemd-tmpfiles", "systemd")
        root, user = self.make_user()
        uid, gid, group = int(user.split(":")[2]), 33, "www-data"
        text = (SYSTEMD / "tmpfiles.conf").read_text()
        if os.getuid() != 0:  # who cannot give folders to others gives them to himself
            uid, gid, group = os.getuid(), os.getgid(), "own"
            text = text.replace("ssecgi ssecgi -", "self own -").replace("ssecgi www-data", "self own")
            harness.append(root / "etc" / "passwd", "self:x:%d:%d::/:/bin/sh\n" % (uid, gid))
        harness.append(root / "etc" / "group", "%s:x:%d:\n" % (group, gid))
        status, said = service_manager.run(tmpfiles, "--root=%s" % root, "--create",
                                           self.write("tmpfiles.conf", text))
        self.assertEqual((status, said), (0, ""))
        for name, mode in (("run/ssecgi", 0o42750), ("var/lib/ssecgi", 0o40700)):
            found = (root / name).stat()
            self.assertEqual((found.st_mode, found.st_uid), (mode, uid))

    def test_a_search_works_where_memory_cannot_be_made_executable(self):
        self.assertEqual(self.settings["MemoryDenyWriteExecute"], ["yes"])
        _, app = self.tail(text="one\ntwo 2\nthree\n")
        config = self.config({"app": app})
        # prctl(2) in the program that becomes ssecgi; an older kernel refuses it.
        shim = self.write("shim.py", "import ctypes, os, sys\n"
                          "r = ctypes.CDLL(None).prctl(%d, %d, 0, 0, 0)\n"
                          "os.execv(sys.argv[1], sys.argv[1:]) if r == 0 else sys.exit(77)\n"
                          % (PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN))
        status, said = service_manager.run("python3", shim, harness.SSECGI, "--config", config,
                                           "--print", "app?regex=[0-9]%2b", "--last", "1",
                                           "--count", "1")
        if status == 77:
            self.skipTest("this kernel has no PR_SET_MDWE")
        self.assertEqual(status, 0, said)
        self.assertIn("data: two 2\n", said)


class Telling(service_manager.Case):
    """What a service manager hears."""

    def setUp(self):
        super().setUp()
        self.log, self.app = self.tail()
        self.path = self.config({"app": self.app}, drain_s=2)
        self.address = str(self.dir / "fcgi.sock")

    def start(self, address=None, **env):
        manager = self.manager(address)
        process = self.service(self.path, "--listen", "unix:" + self.address, manager=manager, **env)
        return manager, harness.Responder(process, self.address)

    def test_it_is_ready_when_it_listens_and_not_before(self):
        for address in (None, "@ssecgi-test-%d" % os.getpid()):
            manager, server = self.start(address)
            self.assertEqual(manager.next(), "READY=1")
            server.connect().close()  # no waiting: it listens
            server.process.stop()
            manager.close()
            (self.dir / "notify").unlink(missing_ok=True)

    def test_one_that_cannot_start_is_never_ready(self):
        self.write("ssecgi.json", "{")
        manager, server = self.start()
        self.assertEqual(server.process.wait(), CONFIG)
        self.assertEqual(manager.rest(), [])

    def test_one_that_cannot_listen_is_never_ready(self):
        self.address = str(self.dir / "no" / "such" / "folder")
        manager, server = self.start()
        self.assertEqual(server.process.wait(), 1)
        self.assertNotIn("READY=1", manager.rest())
        self.assertIn("cannot serve", server.process.log.read_text())

    def test_it_tells_of_a_reload_and_of_its_end(self):
        manager, server = self.start()
        manager.until("READY=1")
        stream = self.keep(server.stream("/events/app"))
        server.process.signal(signal.SIGHUP)
        self.assertRegex(manager.until("RELOADING=1"), r"\ARELOADING=1\nMONOTONIC_USEC=\d+\Z")
        self.assertEqual(manager.until("READY=1"), "READY=1")
        self.write("ssecgi.json", "{")
        server.process.signal(signal.SIGHUP)
        manager.until("RELOADING=1")
        manager.until("READY=1")  # as before, and the log says what is wrong
        harness.append(self.log, "still here\n")
        self.assertEqual(stream.event().data, "still here")

    def test_it_asks_for_the_time_that_a_drain_takes(self):
        self.path = self.config({"app": self.app}, drain_s=600)
        manager, server = self.start()
        manager.until("READY=1")
        stream = server.stream("/events/app")
        server.process.signal(signal.SIGTERM)
        said = manager.until("STOPPING=1")
        usec = int(re.fullmatch(r"STOPPING=1\nEXTEND_TIMEOUT_USEC=(\d+)", said).group(1))
        self.assertGreater(usec, 600 * 1000000)
        manager.until("STATUS=draining, readers: 1")
        stream.close()
        self.assertEqual(server.process.wait(), 0)

    def test_people_can_read_how_many_readers_there_are(self):
        manager, server = self.start()
        manager.until("STATUS=readers: 0")
        self.keep(server.stream("/events/app"))
        manager.until("STATUS=readers: 1")

    def test_it_gives_signs_of_life_while_it_lives_and_drains(self):
        self.path = self.config({"app": self.app}, drain_s=600)
        manager, server = self.start(WATCHDOG_USEC=20000)
        for _ in range(5):
            manager.until("WATCHDOG=1")
        self.keep(server.stream("/events/app"))
        server.process.signal(signal.SIGTERM)
        manager.until("STOPPING=1")
        for _ in range(5):
            manager.until("WATCHDOG=1")

    def test_wrong_variables_are_told_and_change_nothing(self):
        process = self.service(self.path, "--listen", "unix:" + self.address, NOTIFY_SOCKET="nonsense",
                               WATCHDOG_USEC="often", LISTEN_FDS="some")
        server = harness.Responder(process, self.address)
        harness.wait_until(lambda: harness.accepts(self.address), "it listens")
        self.keep(server.stream("/events/app"))
        for word in ("NOTIFY_SOCKET", "LISTEN_FDS"):
            self.assertIn(word, process.log.read_text())


class Sockets(service_manager.Case):
    """Listening sockets that are handed over."""

    def setUp(self):
        super().setUp()
        self.log, self.app = self.tail(text="a line\n")
        self.path = self.config({"app": self.app})
        self.one, self.two = self.dir / "one.sock", self.dir / "two.sock"

    def check(self, process, address):
        server = harness.Responder(process, str(address))
        self.assertEqual(self.keep(server.stream("/events/app?last=1")).event().data, "a line")

    def test_all_of_them_are_served_beside_those_of_the_command_line(self):
        sockets = [self.keep(service_manager.listening(a)) for a in (self.one, self.two)]
        third = self.dir / "three.sock"
        process = self.service(self.path, "--listen", "unix:%s" % third, sockets=sockets)
        harness.wait_until(lambda: harness.accepts(third), "it listens")
        for address in (self.one, self.two, third):
            self.check(process, address)
        self.assertEqual(process.stop(), 0)
        self.assertTrue(self.one.exists())  # it is not ours to remove
        self.assertFalse(third.exists())

    def test_who_connects_while_it_is_restarted_waits_and_is_served(self):
        sock = self.keep(service_manager.listening(self.one))
        process = self.service(self.path, sockets=[sock])
        self.check(process, self.one)
        self.assertEqual(process.stop(), 0)
        waiting = self.keep(fcgi.Connection(str(self.one)))
        waiting.send(fcgi.request_bytes(fcgi.environment("/events/app?last=1")))
        self.service(self.path, sockets=[sock], log="second.log")
        stream = harness.start_stream(fcgi.FcgiResponse(waiting).read_head())
        self.assertEqual(stream.event().data, "a line")

    def test_a_descriptor_of_another_kind_is_named(self):
        good = self.keep(service_manager.listening(self.one))
        datagrams = self.keep(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        process = self.service(self.path, sockets=[good, datagrams])
        self.assertEqual(process.wait(), 1)
        self.assertIn("descriptor 4 ", process.log.read_text())

    def test_more_than_there_are_is_an_error(self):
        good = self.keep(service_manager.listening(self.one))
        process = self.service(self.path, sockets=[good], LISTEN_FDS=2)
        self.assertEqual(process.wait(), 1)
        self.assertIn("descriptor 4 ", process.log.read_text())

    def test_sockets_for_another_process_are_left_alone(self):
        sock = self.keep(service_manager.listening(self.one))
        process = self.service(self.path, sockets=[sock], LISTEN_PID=1)
        self.assertEqual(process.wait(), USAGE)  # nothing is left to listen on

    def test_children_do_not_get_them(self):
        sock = self.keep(service_manager.listening(self.one))
        process = self.service(self.path, sockets=[sock])
        self.check(process, self.one)
        info = pathlib.Path("/proc/%d/fdinfo/3" % process.pid).read_text()
        flags = int(re.search(r"flags:\s+(\d+)", info).group(1), 8)
        self.assertTrue(flags & os.O_CLOEXEC)

    def test_systemds_own_tool_hands_them_over(self):
        tool = front_end_servers.need("systemd-socket-activate", "systemd")
        manager = self.manager()
        _, settings = self.unit("ssecgi.service", SSECGI=harness.SSECGI, CONFIG=self.path)
        process = self.process([tool, "-l", self.one, "-l", self.two, "--fdname=one:two",
                                "-E", "NOTIFY_SOCKET=" + manager.address,
                                *shlex.split(settings["ExecStart"][0])], "activate.log")
        harness.wait_until(lambda: harness.accepts(self.two), "it listens")
        # The first connection starts ssecgi, which answers it.
        self.check(process, self.one)
        manager.until("READY=1")
        self.check(process, self.two)
        process.signal(signal.SIGTERM)
        manager.until("STOPPING=1")
        self.assertEqual(process.wait(), 0)

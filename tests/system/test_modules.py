# SPDX-License-Identifier: MIT
"""Loadable sources: installed, built outside of the tree, loaded, and refused with the reason."""

import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import unittest

import harness
from harness import SRCDIR, SSECGI, find_program, wait_until

BUILD = pathlib.Path(SSECGI).resolve().parent
WRONG_CONFIGURATION = 6
CONTRACT_HEADERS = ("base/buf.h", "base/clock.h", "base/err.h", "base/hash.h", "base/log.h",
                    "base/num.h", "base/rand.h", "conf/option.h", "source/source.h", "sse/event.h")


def declared(header):
    """The functions and objects that a header declares."""
    text = re.sub(r"/\*.*?\*/", "", (SRCDIR / "src" / header).read_text(), flags=re.S)
    text = re.sub(r"^#(?:.*\\\n)*.*$", "", text, flags=re.M)
    text = re.sub(r"\{[^{}]*\}", "", re.sub(r"\{[^{}]*\}", "", text))
    found = set(re.findall(r"^\w[\w *]*?\b(\w+)\((?!\()", text, re.M))
    return found | set(re.findall(r"^extern .*?(\w+);", text, re.M))


def loaded_end(elf):
    """How many bytes of a shared object the system loads (ELF, 64 bits, this machine's order)."""
    start, = struct.unpack_from("=Q", elf, 32)
    size, count = struct.unpack_from("=HH", elf, 54)
    ends = []
    for at in range(start, start + size * count, size):
        kind, _, offset, _, _, length = struct.unpack_from("=IIQQQQ", elf, at)
        ends.append(offset + length if kind == 1 else 0)
    return max(ends)


class Symbols(unittest.TestCase):
    def test_modules_can_call_every_function_of_the_contracts_headers(self):
        wanted = set().union(*map(declared, CONTRACT_HEADERS))
        self.assertGreater(len(wanted), 30)
        for program in ("ssecgi", "ssecgi-ctl"):
            if (BUILD / program).exists():
                lines = subprocess.run([find_program("nm"), "-D", "--defined-only",
                                        BUILD / program], stdout=subprocess.PIPE, check=True,
                                       text=True, timeout=60).stdout.splitlines()
                exported = {line.split()[-1] for line in lines}
                self.assertEqual(wanted - exported, set(), program)


class ModuleCase(harness.Case):
    """A folder for modules, and a way to make some that are wrong."""

    def setUp(self):
        super().setUp()
        self.folder = self.dir / "modules"
        self.folder.mkdir(mode=0o755)

    def command(self, *args, **more):
        """Runs it; what it said is shown if the test fails."""
        env = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
        env.update(more.pop("env", {}))
        done = subprocess.run([str(a) for a in args], env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=200, check=False, **more)
        harness.append(self.dir / "command.log", done.stdout + done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode()

    def compile(self, text, name="uptime"):
        """A module of this text in the folder."""
        source = self.write(name + ".c", text)
        out = self.folder / (name + ".so")
        flags = self.command(find_program("pkg-config"), "--cflags", "libuv").split()
        self.command(find_program("cc"), "-D_GNU_SOURCE", "-I", SRCDIR / "src", *flags, "-fPIC",
                     "-shared", "-g", "-o", out, source)
        os.chmod(out, 0o644)
        return out

    def example(self, **replaced):
        """The text of the example with parts of it replaced."""
        text = (SRCDIR / "doc/examples/module/uptime.c").read_text()
        for old, new in replaced.get("parts", {}).items():
            self.assertIn(old, text)
            text = text.replace(old, new)
        return text

    def uptime(self, source="uptime"):
        return self.config({"up": {"source": source}}, module_dir=str(self.folder))

    def refused(self, config):
        """What --check-config says of a configuration that it refuses."""
        status, out, err = self.run_program("--config", config, "--check-config")
        self.assertEqual((status, out), (WRONG_CONFIGURATION, ""), err)
        self.assertIn("streams.up.source: ", err)
        return err


class Installed(ModuleCase):
    def test_the_example_is_built_against_what_is_installed_and_its_events_are_read(self):
        if not (BUILD / "Makefile").exists():
            self.skipTest("the program does not stand in a folder that has a Makefile")
        pkg_config = find_program("pkg-config")
        root = self.dir / "root"
        self.command(find_program("make"), "-C", BUILD, "--no-print-directory", "install",
                     "DESTDIR=%s" % root)
        pc = next(root.rglob("ssecgi.pc"))
        work = self.dir / "work"
        shutil.copytree(SRCDIR / "doc/examples/module", work)
        env = {"PKG_CONFIG_PATH": str(pc.parent), "PKG_CONFIG_SYSROOT_DIR": str(root)}
        contract = self.command(pkg_config, "--variable=contract", "ssecgi", env=env).strip()
        self.assertRegex((SRCDIR / "src/source/source.h").read_text(),
                         r"#define SOURCE_CONTRACT %s\n" % contract)
        self.command("make", "-C", work, env=env)
        folder = self.command(pkg_config, "--variable=moduledir", "ssecgi", env=env).strip()
        folder = folder.removeprefix(str(root))
        self.command("make", "-C", work, "install", "DESTDIR=%s" % root,
                     "MODULE_DIR=%s" % folder, env=env)
        self.folder = pathlib.Path(str(root) + folder)
        program = next(p for p in root.rglob("bin/ssecgi"))
        self.assertIn('"module_dir": "%s"' % folder, self.command(program, "--dump-config"))
        listed = self.command(program, "--config", self.uptime(), "--list-sources")
        self.assertRegex(listed, r"(?m)^uptime: .*\n +interval_s .*default 1$")
        said = self.command(program, "--config", self.uptime(), "--print", "up", "--last", "2",
                            "--count", "3")
        seconds = [int(n) for n in re.findall(r"^data: (\d+)$", said, re.M)]
        self.assertEqual(seconds, list(range(seconds[0], seconds[0] + 3)))

    def test_each_header_of_the_contract_compiles_alone(self):
        flags = self.command(find_program("pkg-config"), "--cflags", "libuv").split()
        for header in CONTRACT_HEADERS:
            with self.subTest(header=header):
                source = self.write("alone.c", "#include <%s>\nint main(void) { return 0; }\n"
                                    % header)
                self.command(find_program("cc"), "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
                             "-Wpedantic", "-I", SRCDIR / "src", *flags, "-fsyntax-only", source)


class Streams(ModuleCase):
    def test_a_modules_stream_is_served_and_resumed(self):
        self.compile(self.example())
        responder = self.responder(self.uptime())
        stream = responder.stream("/events/up")
        first = stream.event()
        stream.close()
        stream = self.keep(responder.stream("/events/up",
                                            headers={"Last-Event-ID": first.id}))
        self.assertEqual(int(stream.event().data), int(first.data) + 1)

    def test_a_reload_with_a_broken_module_keeps_the_old_configuration(self):
        responder = self.responder(self.config({"clock": {"source": "clock"}}))
        self.write("modules/uptime.so", "not a module\n")
        self.uptime()
        responder.process.signal(signal.SIGHUP)
        wait_until(lambda: "reload refused" in responder.process.log.read_text(), "it is refused")
        self.assertIn("uptime.so", responder.process.log.read_text())
        self.assertEqual(set(responder.listing()), {"clock"})
        self.compile(self.example())
        responder.process.signal(signal.SIGHUP)
        wait_until(lambda: "up" in responder.listing(), "the better module is loaded")
        self.keep(responder.stream("/events/up")).event()

    def test_sources_are_listed_with_those_that_are_refused(self):
        self.compile(self.example())
        self.write("modules/broken.so", "not a module\n")
        self.write("modules/clock.so", "not a module\n")
        self.write("modules/README", "no module at all\n")
        status, out, err = self.run_program("--config", self.uptime(), "--list-sources")
        self.assertEqual((status, err), (0, ""))
        self.assertRegex(out, r"(?m)^uptime: the seconds since")
        self.assertRegex(out, r"(?m)^broken: refused: .*broken\.so: ")
        self.assertRegex(out, r"(?m)^clock: refused: .*is built in$")
        self.assertNotIn("README", out)


class Refused(ModuleCase):
    def test_a_source_that_is_nowhere_is_told_with_the_place_that_was_looked_at(self):
        said = self.refused(self.uptime())
        self.assertIn('there is no source "uptime"; there are "clock", ', said)
        self.assertIn("%s/uptime.so: there is no such file" % self.folder, said)

    def test_a_name_is_never_a_path(self):
        self.compile(self.example())
        for name in ("../modules/uptime", "uptime.so", "./uptime", "", "UPTIME", "x" * 33):
            with self.subTest(name=name):
                self.assertIn("there is no source", self.refused(self.uptime(name)))

    def test_a_text_file_is_refused(self):
        for text in ("", "not a module\n", "\x7fELF but not really" * 100):
            with self.subTest(text=text[:10]):
                self.write("modules/uptime.so", text)
                self.assertIn("%s/uptime.so: " % self.folder, self.refused(self.uptime()))

    def test_a_file_that_was_cut_short_is_refused_at_every_length(self):
        whole = self.compile(self.example()).read_bytes()
        end = loaded_end(whole)
        for size in (1, 63, 64, 500, 1000, 4096, 5000, 8192, end - 100, end - 1):
            with self.subTest(size=size):
                self.write("modules/uptime.so", whole[:size])
                self.assertIn("uptime.so: ", self.refused(self.uptime()))
        self.write("modules/uptime.so", whole[:end])
        os.chmod(self.folder / "uptime.so", 0o644)
        self.assertEqual(self.run_program("--config", self.uptime(), "--check-config")[0], 0)

    def test_a_module_for_another_contract_is_refused(self):
        self.compile(self.example(parts={"= SOURCE_CONTRACT,": "= 4711,"}))
        self.assertRegex(self.refused(self.uptime()),
                         r"uptime\.so: is made for contract 4711, this program has \d+\n")

    def test_a_module_without_the_symbol_is_refused(self):
        self.compile(self.example(parts={"ssecgi_source": "some_source"}))
        self.assertIn("uptime.so: has no symbol ssecgi_source", self.refused(self.uptime()))

    def test_a_module_under_another_name_is_refused(self):
        self.compile(self.example(parts={'"uptime",': '"downtime",'}))
        self.assertIn('uptime.so: holds the source "downtime"', self.refused(self.uptime()))

    def test_a_module_that_lacks_a_function_is_refused(self):
        for name in ("open", "close", "head", "understands", "back", "pull"):
            with self.subTest(function=name):
                self.compile(self.example(parts={"    .%s = uptime_%s,\n" % (name, name):
                                                 "    /* %s */\n" % name}))
                self.assertIn("uptime.so: its source lacks %s" % name,
                              self.refused(self.uptime()))

    def test_a_module_that_calls_what_is_not_there_is_refused(self):
        self.compile(self.example(parts={"clock_gettime(": "nobody_has_this("}))
        said = self.refused(self.uptime())
        self.assertIn("nobody_has_this", said)
        self.assertIn("uptime.so", said)

    def test_what_others_can_write_is_refused(self):
        module = self.compile(self.example())
        for path, mode in ((module, 0o646), (module, 0o664), (self.folder, 0o777)):
            with self.subTest(path=path.name, mode=oct(mode)):
                before = path.stat().st_mode
                os.chmod(path, mode)
                self.assertIn("%s: others than its owner can write it" % path,
                              self.refused(self.uptime()))
                os.chmod(path, before)
        self.assertEqual(self.run_program("--config", self.uptime(), "--check-config")[0], 0)

    @unittest.skipUnless(os.geteuid() == 0, "only root can give a file away")
    def test_what_belongs_to_somebody_else_is_refused(self):
        module = self.compile(self.example())
        os.chown(module, 65534, -1)
        self.assertIn("uptime.so: belongs to user 65534", self.refused(self.uptime()))

    def test_a_link_and_a_folder_are_refused(self):
        module = self.compile(self.example())
        module.rename(self.folder / "real.so")
        module.symlink_to("real.so")
        self.assertIn("uptime.so: is a symbolic link", self.refused(self.uptime()))
        module.unlink()
        module.mkdir()
        self.assertIn("uptime.so: is no regular file", self.refused(self.uptime()))

    def test_the_folder_must_be_an_absolute_path(self):
        config = self.config({"up": {"source": "uptime"}}, module_dir="modules")
        for action in ("--check-config", "--list-sources"):
            status, _, err = self.run_program("--config", config, action)
            self.assertEqual(status, WRONG_CONFIGURATION)
            self.assertIn("module_dir: must be an absolute path", err)


class Companion(ModuleCase):
    @unittest.skipUnless((BUILD / "ssecgi-ctl").exists(), "ssecgi-ctl is not built (libcurl)")
    def test_it_reads_a_configuration_that_names_a_module(self):
        self.compile(self.example())
        streams = {"up": {"source": "uptime"}, "news": {"source": "topic"}}
        config = self.config(streams, module_dir=str(self.folder), state_dir=str(self.dir))
        text = self.write("text", "hello\n")
        self.command(BUILD / "ssecgi-ctl", "publish", "--config", config, "news", text)
        status, out, err = self.run_program("--config", config, "--print", "news", "--last", "1",
                                            "--count", "1")
        self.assertEqual(status, 0, err)
        self.assertIn("data: hello\n", out)


if __name__ == "__main__":
    unittest.main()

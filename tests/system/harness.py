# SPDX-License-Identifier: MIT
"""What system tests stand on: private folders, free ports, servers that are stopped for sure.

A test gets a folder of its own, starts what it needs in it, and waits for conditions with a
deadline. Only processes that it started are ever signalled. Log files are kept until the test
has ended and are shown when it failed.
"""

import ctypes
import grp
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import fcgi
import sse_client
from sse_client import WAIT, EventStream, HttpResponse

SRCDIR = pathlib.Path(os.environ.get("SRCDIR", pathlib.Path(__file__).resolve().parents[2]))
BUILDDIR = pathlib.Path(os.environ.get("BUILDDIR", SRCDIR))
SSECGI = os.environ.get("SSECGI", str(BUILDDIR / "ssecgi"))
FREE_FOLDERS = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
APACHE_MODULES = pathlib.Path("/usr/lib/apache2/modules")
LOG_LINES_SHOWN = 60
SANITIZER_TALK = re.compile(r"(ERROR: \w+Sanitizer|runtime error:|Assertion .* failed)")


def find_program(name):
    """Its path, or the test is skipped."""
    path = shutil.which(name, path=FREE_FOLDERS)
    if not path:
        raise unittest.SkipTest("%s is not installed" % name)
    return path


def can_load(module):
    """Whether ssecgi takes the module: not when others than we can write it, as after a build with umask
    002."""
    try:
        stats = [os.stat(path) for path in (module, os.path.dirname(module))]
    except OSError:
        return False
    return all(s.st_uid in (0, os.geteuid()) and not s.st_mode & 0o022 for s in stats)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def accepts(path):
    """Whether somebody listens there. The socket's file comes before that."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def wait_until(condition, what, timeout=WAIT):
    """Polls until the condition holds and answers its value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("waited %g s in vain: %s" % (timeout, what))
        time.sleep(0.01)


def append(path, data):
    with open(path, "ab") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def processes_below(pid):
    """The ids of all descendants of a process."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path("/proc", entry, "stat").read_text()
            except OSError:
                continue
            fields = stat[stat.rindex(")") + 2:].split()
            if fields[0] != "Z":
                children.setdefault(int(fields[1]), []).append(int(entry))
    found, todo = [], [pid]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def is_alive(pid):
    try:
        return "Z" not in pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1][:3]
    except OSError:
        return False


def socket_count(pid):
    """How many sockets a process holds open."""
    count = 0
    folder = "/proc/%d/fd" % pid
    for name in os.listdir(folder):
        try:
            count += os.readlink(os.path.join(folder, name)).startswith("socket:")
        except OSError:
            pass
    return count


def presence_folder(pid):
    """Where a process notes its readers for all processes, or None."""
    base = "/proc/%d/fd" % pid
    try:
        for name in os.listdir(base):
            target = os.readlink(os.path.join(base, name))
            if re.fullmatch(r"/dev/shm/ssecgi-[0-9]+-[0-9a-f]{16}\.readers", target):
                return target
    except OSError:
        pass
    return None


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def end_with_us():
    """Called in a child: it gets SIGTERM if the tests are killed, and nothing stays behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class BadStatus(AssertionError):
    """An HTTP status where a stream was wanted."""

    def __init__(self, response):
        super().__init__("status %d: %r" % (response.status, response.body()[:500]))
        self.status = response.status


class Process:
    """A program of ours in a session of its own, with its output in a file."""

    def __init__(self, args, log, env=None, **more):
        self.args = [str(a) for a in args]
        self.log = log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(self.args, stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=out, env=env, start_new_session=True,
                                          preexec_fn=end_with_us, **more)
        self.pid = self.popen.pid

    def is_running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, timeout=WAIT):
        return self.popen.wait(timeout)

    def stop(self, timeout=10):
        """SIGTERM, and SIGKILL for it and what it left behind. Answers the exit status."""
        if self.is_running():
            self.popen.terminate()
        try:
            code = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        try:
            os.killpg(self.pid, signal.SIGKILL)  # the session is ours alone
        except ProcessLookupError:
            pass
        self.popen.wait()
        return code


def start_stream(response, is_lenient=False):
    """Reads up to the starting position, and closes what is no stream."""
    try:
        if response.status != 200:
            raise BadStatus(response)
        return EventStream(response, is_lenient).start()
    except BaseException:
        response.close()
        raise


class Responder:
    """ssecgi itself, listening."""

    def __init__(self, process, address):
        self.process = process
        self.address = address

    def connect(self):
        return fcgi.Connection(self.address)

    def request(self, path, method="GET", headers=None, body=b"", flags=0, **params):
        """Sends a request and reads the head of its answer."""
        connection = self.connect()
        try:
            connection.send(fcgi.request_bytes(
                fcgi.environment(path, method, headers, **params), flags, body=body))
            return fcgi.FcgiResponse(connection).read_head()
        except BaseException:
            connection.close()
            raise

    def stream(self, path, headers=None, **params):
        """Opens a stream and reads up to its starting position."""
        response = self.request(path, headers=headers, **params)
        return start_stream(response)

    def listing(self):
        """The list of streams by name."""
        response = self.request("/events/")
        try:
            return {s["name"]: s for s in json.loads(response.body())["streams"]}
        finally:
            response.close()

    def readers(self, name):
        return self.listing()[name]["readers"]


class WebServer:
    """A web server on a port, with ssecgi behind it."""

    def __init__(self, process, port, program):
        self.process = process
        self.port = port
        self.program = os.path.realpath(program)

    def get(self, path, headers=None, **more):
        return HttpResponse(self.port, path, headers, **more)

    def stream(self, path, headers=None, is_lenient=False):
        return start_stream(self.get(path, headers), is_lenient)

    def responders(self):
        """The process ids of the ssecgi that this server spawned."""
        found = []
        for pid in processes_below(self.process.pid):
            try:
                if os.readlink("/proc/%d/exe" % pid) == self.program:
                    found.append(pid)
            except OSError:
                pass
        return found


class Case(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        if not os.access(SSECGI, os.X_OK):
            self.fail("no program to test at %s (set SSECGI)" % SSECGI)
        self.logs = []
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="ssecgi-"))
        os.chmod(self.dir, 0o755)  # web servers serve as another user
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.addCleanup(self._keep_logs)

    def _keep_logs(self):
        trouble = []
        for path in sorted(p for p in self.dir.rglob("*.log") if p.is_file()):
            text = path.read_text("utf-8", "replace")
            lines = text.splitlines()
            self.logs.append("--- %s" % path.name)
            self.logs += ["    " + line for line in lines[-LOG_LINES_SHOWN:]]
            if SANITIZER_TALK.search(text):
                trouble.append(path.name)
                self.logs += lines[:200]
        self.assertEqual(trouble, [], "a sanitizer or an assertion spoke")

    def write(self, name, text):
        path = self.dir / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def config(self, streams, name="ssecgi.json", **settings):
        """A configuration file; short times, so that tests end soon."""
        values = {"retry_ms": 50, "drain_s": 0, "streams": streams}
        values.update(settings)
        return self.write(name, json.dumps(values))

    def tail(self, name="app.log", text="", **settings):
        """Makes a log file and answers its path and a stream's settings for it."""
        path = self.write(name, text)
        return path, dict({"source": "tail", "path": str(path), "poll_ms": 50}, **settings)

    def run_program(self, *args, env=None, timeout=WAIT):
        """ssecgi run to its end: (exit status, standard output, standard error)."""
        done = subprocess.run([SSECGI, *map(str, args)], env=self.environment(env or {}),
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout,
                              check=False)
        if done.stderr:
            append(self.dir / "program.log", done.stderr)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    @staticmethod
    def environment(more):
        """Ours, without what a web server or a user's shell may have put there."""
        env = {k: v for k, v in os.environ.items()
               if not k.startswith(("SSECGI", "HTTP_")) and k != "GATEWAY_INTERFACE"}
        env.update({k: str(v) for k, v in more.items()})
        return env

    def process(self, args, log, **more):
        started = Process(args, self.dir / log, **more)
        self.addCleanup(started.stop)
        return started

    def responder(self, config, is_tcp=False, log="responder.log", before=()):
        """Starts ssecgi and waits until it answers. `before` is a command that runs it."""
        if is_tcp:
            address = ("127.0.0.1", free_port())
            listen = "%s:%d" % address
        else:
            address = str(self.dir / "fcgi.sock")
            listen = "unix:" + address
        process = self.process([*before, SSECGI, "--config", config, "--listen", listen], log,
                               env=self.environment({}))

        def answers():
            if not process.is_running():
                raise AssertionError("ssecgi ended with status %d" % process.popen.returncode)
            try:
                fcgi.Connection(address).close()
                return True
            except OSError:
                return False
        wait_until(answers, "ssecgi listens on %s" % listen)
        return Responder(process, address)

    def keep(self, thing):
        """Closes it when the test ends."""
        self.addCleanup(thing.close)
        return thing

    def fill(self, template, **values):
        """One of deploy/'s templates, filled in as an administrator would."""
        out = self.dir / pathlib.Path(template).name
        with open(out, "wb") as f:
            subprocess.run(["sh", str(SRCDIR / "deploy" / "fill.sh"),
                            str(SRCDIR / "deploy" / template),
                            *("%s=%s" % item for item in values.items())], stdout=f, check=True)
        return out

    def web_server(self, args, port, program, log):
        process = self.process(args, log, env=self.environment({}))

        def answers():
            if not process.is_running():
                raise AssertionError("%s ended with status %d" % (args[0], process.wait()))
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                return False
        wait_until(answers, "%s listens on port %d" % (args[0], port))
        server = WebServer(process, port, program)
        # Apache waits seconds for streams that it ends; how they end is tested elsewhere.
        self.addCleanup(lambda: kill_all(server.responders()))
        return server

    def docroot(self):
        """A folder for pages, with nothing else in it."""
        folder = self.dir / "www"
        folder.mkdir(exist_ok=True)
        return folder

    def lighttpd(self, template, docroot=None, **values):
        program = find_program("lighttpd")
        port = free_port()
        config = self.fill(template, PORT=port, DOCROOT=docroot or self.docroot(), RUNDIR=self.dir,
                           SSECGI=SSECGI, **values)
        return self.web_server([program, "-D", "-f", config], port, SSECGI, "lighttpd.log")

    def apache(self, template, config):
        program = find_program("apache2")
        if not (APACHE_MODULES / "mod_fcgid.so").exists():
            self.skipTest("Apache's mod_fcgid is not installed")
        # Started by root it serves as somebody else, who need not reach the build folder.
        user = pwd.getpwnam("www-data") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        copy = self.dir / "ssecgi"
        shutil.copy(SSECGI, copy)
        os.chmod(copy, 0o755)
        port = free_port()
        filled = self.fill(template, PORT=port, DOCROOT=self.docroot(), RUNDIR=self.dir,
                           SSECGI=copy, CONFIG=config, MODULES=APACHE_MODULES, USER=user.pw_name,
                           GROUP=grp.getgrgid(user.pw_gid).gr_name)
        return self.web_server([program, "-D", "FOREGROUND", "-f", filled], port, copy,
                               "apache.log")


class Producer(threading.Thread):
    """Appends numbered lines, never more than `ahead` before what the reader has got, so that
    lines are written while the responder is down, and all of the test's kills have lines left."""

    def __init__(self, path, count, ahead):
        super().__init__(daemon=True)
        self.path = path
        self.count = count
        self.ahead = ahead
        self._received = 0
        self._changed = threading.Condition()

    def received(self, number):
        with self._changed:
            self._received = number
            self._changed.notify()

    def run(self):
        for number in range(1, self.count + 1):
            with self._changed:
                while number > self._received + self.ahead:
                    if not self._changed.wait(2 * WAIT):
                        return
            append(self.path, "line %d\n" % number)


def kill_all(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def lossless_run(server, path, lines=1000, kills=5, ahead=40):
    """The loss test: a reader follows numbered lines while the responder is killed again and
    again. Answers the lines as received and how many kills there were."""
    producer = Producer(path, lines, ahead)
    marks = [lines * (i + 1) // (kills + 1) for i in range(kills)]
    got, killed, last_id, stream = [], 0, "", None
    deadline = time.monotonic() + 90
    producer.start()
    while len(got) < lines:
        if time.monotonic() > deadline:
            raise AssertionError("only %d lines, %d kills; last %r" % (len(got), killed, got[-3:]))
        try:
            if stream is None:
                headers = {"Last-Event-ID": last_id} if last_id else {}
                stream = server.stream("/events/app?last=%d" % lines, headers, is_lenient=True)
            block = stream.event()
        except (OSError, sse_client.StreamEnded, BadStatus) as e:
            if isinstance(e, BadStatus) and e.status < 500:
                raise
            # A block that was cut off counts for nothing: the reconnect must bring it again.
            if stream is not None:
                last_id = stream.last_id
                stream.close()
                stream = None
            time.sleep(0.05)  # the delay that retry: asks for
            continue
        got.append(block.data if block.event is None else repr(block))
        producer.received(len(got))
        if killed < kills and len(got) >= marks[killed]:
            kill_all(wait_until(server.responders, "a responder to kill"))
            killed += 1
    stream.close()
    return got, killed

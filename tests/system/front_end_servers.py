# SPDX-License-Identifier: MIT
"""How each web server is started, reloaded and stopped, by the configuration that is shipped.

A subclass of Served is one column of the table in doc/front-ends.md: serve() starts the server, and
ssecgi (or the recorder) behind it; restart() and reload() are what an administrator would do.
"""

import grp
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import unittest

import harness

HERE = pathlib.Path(__file__).resolve().parent
NAME, PASSWORD = "reader", "secret"
# The same password, as each kind of file wants it.
SHA1 = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="
SHA512 = ("$6$ssecgi$bofNYIQz2tyHyImCxNtPgeWfAAozSJoaH5OSEtV5UvAxOgXZNxhvdJ.4YxGEmQy3FIAYCQ9s"
          "KB7oSNCGTfkxc/")
BCRYPT = "$2b$04$ssecgissecgissecgisseOnsMPmHe6Ijjsd49VIZ55Q2FH1sbQyKq"

LISTENING, SPAWNED, CGI = "listening", "spawned", "CGI"  # how ssecgi is run


def need(program, package):
    """Its path, or the test is skipped and names the package."""
    path = shutil.which(program, path=harness.FREE_FOLDERS)
    if not path:
        raise unittest.SkipTest("%s is not installed (Debian: %s)" % (program, package))
    return path


def need_file(path, package):
    if not os.path.exists(path):
        raise unittest.SkipTest("%s is not installed (Debian: %s)" % (path, package))


def server_user():
    """Whom a server serves as: started by root as somebody else, who need not reach the build."""
    user = pwd.getpwnam("www-data") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    return {"USER": user.pw_name, "GROUP": grp.getgrgid(user.pw_gid).gr_name}


def certificate(folder):
    """A PEM file with a key and a certificate that it signed itself."""
    path = folder / "cert.pem"
    if not path.exists():
        openssl = need("openssl", "openssl")
        subprocess.run([openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", path, "-out", folder / "cert.only"],
                       check=True, capture_output=True)
        harness.append(path, (folder / "cert.only").read_bytes())
        os.chmod(path, 0o644)
    return path


class Served(harness.Case):
    """A web server with its template."""

    column = None       # its name in the table
    template = None     # below deploy/
    program = None      # (program, Debian's package)
    files = ()          # more (path, package) that it needs
    tls_files = ()
    gzip_files = ()
    runs = LISTENING
    values = {}         # places that this column fills differently
    has_pages = True    # it serves files, too
    timeout_s = 3       # the shortest time-out that a test sets; None: it has none
    http2_streams = 100  # that it works on at once, for one connection
    more_refusals = (301, 308)  # statuses for what it takes for nonsense, besides 4xx
    reload_signal = signal.SIGHUP
    root_options = ()   # for a server that root starts
    waits_at_stop = False  # SIGTERM waits for streams without end

    def arguments(self, program, config):
        """The command line that keeps it in the foreground."""
        raise NotImplementedError

    def serve(self, config, *options, recorder=False, folder=None, **values):
        """Starts it, with ssecgi and its configuration file behind it, or with the recorder."""
        program = need(*self.program)
        for file in (*self.files, *(self.tls_files if "+tls" in options else ()),
                     *(self.gzip_files if "+gzip" in options else ())):
            need_file(*file)
        site = Site(self, folder or self.dir)
        site.start_responder(config, recorder)
        site.fill(options + (self.root_options if os.getuid() == 0 else ()), values)
        site.arguments = self.arguments(program, site.config)
        site.start()
        return site


class Site(harness.WebServer):
    """A running web server of a test, and what is behind it."""

    def __init__(self, case, folder):
        super().__init__(None, harness.free_port(), harness.SSECGI)
        self.case = case
        self.folder = folder
        self.tls_port = harness.free_port()
        self.responder = None  # where ssecgi runs by itself
        self.arguments = None
        self.config = None
        self._places = {}

    def start_responder(self, config, is_recorder):
        folder = self.folder
        if is_recorder:
            for name in ("front_end_recorder.py", "fcgi.py", "sse_client.py"):
                shutil.copy(HERE / name, folder / name)
            program = folder / "front_end_recorder.py"
        else:
            program = folder / "ssecgi"
            shutil.copy(harness.SSECGI, program)
        os.chmod(program, 0o755)
        self.program = os.path.realpath(program)
        self._places = {"SSECGI": program, "CONFIG": config, "SOCKET": folder / "fcgi.sock"}
        if self.case.runs != LISTENING:
            return
        if is_recorder:
            self.case.process([sys.executable, "-B", program, folder / "fcgi.sock"], "recorder.log")
            harness.wait_until((folder / "fcgi.sock").exists, "the recorder listens")
        else:
            self.restart_responder()

    def restart_responder(self):
        """ssecgi again, where its socket was."""
        self.responder = self.case.responder(self._places["CONFIG"])
        os.chmod(self.responder.address, 0o666)  # the server is another user

    def fill(self, options, values):
        """The template with its places filled, as an administrator would."""
        case, folder = self.case, self.folder
        places = dict(self._places, PORT=self.port, TLSPORT=self.tls_port, RUNDIR=folder,
                      DOCROOT=case.docroot(), MODULES=harness.APACHE_MODULES, **server_user())
        if "+tls" in options:
            places["CERT"] = certificate(folder)
        if "+auth" in options:
            passwords = folder / "passwords"
            passwords.write_text("%s:%s\n" % (NAME, SHA1))
            places.update(PASSWORDS=passwords, AUTHUSER=NAME)
        places.update(case.values, **values)
        self.config = folder / pathlib.Path(case.template).name
        with open(self.config, "wb") as out:
            subprocess.run(["sh", str(harness.SRCDIR / "deploy" / "fill.sh"),
                            str(harness.SRCDIR / "deploy" / case.template), *options,
                            *("%s=%s" % item for item in places.items())], stdout=out, check=True)

    def start(self):
        """Starts the server, at first or again."""
        started = self.case.web_server(self.arguments, self.port, self.program,
                                       "server-%d.log" % self.port)
        self.process = started.process
        # Servers wait for streams when they are told to end; how they end is a test of its own.
        if self.responder:
            self.case.addCleanup(lambda: self.responder.process.stop())

    def stop(self):
        """SIGTERM, as service managers do; and SIGKILL after a while, as they do, too."""
        self.process.stop(2 if self.case.waits_at_stop else 10)

    def reload(self):
        self.process.signal(self.case.reload_signal)

    def responders(self):
        """The process ids of the ssecgi that serve here."""
        return [self.responder.process.pid] if self.responder else super().responders()


class Lighttpd(Served):
    column = "lighttpd"
    template = "lighttpd/lighttpd.conf"
    program = ("lighttpd", "lighttpd")
    tls_files = (("/usr/lib/lighttpd/mod_openssl.so", "lighttpd-mod-openssl"),)
    gzip_files = (("/usr/lib/lighttpd/mod_deflate.so", "lighttpd-mod-deflate"),)
    runs = SPAWNED
    http2_streams = 8
    reload_signal = signal.SIGUSR1

    def arguments(self, program, config):
        return [program, "-D", "-f", config]


class LighttpdExternal(Lighttpd):
    column = "lighttpd, external"
    template = "lighttpd/lighttpd-external.conf"
    runs = LISTENING


class LighttpdProcs(Lighttpd):
    column = "lighttpd, max-procs"
    values = {"PROCS": 3}


class LighttpdCgi(Lighttpd):
    column = "lighttpd CGI"
    template = "lighttpd-cgi/lighttpd.conf"
    runs = CGI


class Apache(Served):
    program = ("apache2", "apache2")
    files = ((harness.APACHE_MODULES / "mod_mpm_event.so", "apache2-bin"),)
    http2_streams = 6
    reload_signal = signal.SIGUSR1

    def arguments(self, program, config):
        return [program, "-D", "FOREGROUND", "-f", config]


class ApacheFcgid(Apache):
    column = "Apache mod_fcgid"
    template = "apache-fcgid/apache.conf"
    files = ((harness.APACHE_MODULES / "mod_fcgid.so", "libapache2-mod-fcgid"),)
    runs = SPAWNED


class ApacheProxy(Apache):
    column = "Apache mod_proxy_fcgi"
    template = "apache-proxy-fcgi/apache.conf"


class ApacheCgi(Apache):
    column = "Apache CGI"
    template = "apache-cgi/apache.conf"
    runs = CGI


class Nginx(Served):
    column = "nginx"
    template = "nginx/nginx.conf"
    program = ("nginx", "nginx-light")
    http2_streams = 128

    def arguments(self, program, config):
        return [program, "-e", config.parent / "error.log", "-c", config, "-g", "daemon off;"]


class Haproxy(Served):
    column = "HAProxy"
    template = "haproxy/haproxy.cfg"
    program = ("haproxy", "haproxy")
    values = {"AUTHHASH": SHA512}
    has_pages = False
    more_refusals = (500,)  # a NUL in the path
    reload_signal = signal.SIGUSR2

    def arguments(self, program, config):
        return [program, "-W", "-db", "-f", config]


class Caddy(Served):
    column = "Caddy"
    template = "caddy/Caddyfile"
    program = ("caddy", "caddy")
    http2_streams = 130  # all that the test asks for
    values = {"AUTHHASH": BCRYPT}
    timeout_s = None

    def arguments(self, program, config):
        return [program, "run", "--adapter", "caddyfile", "--config", config]


class H2o(Served):
    column = "H2O"
    template = "h2o/h2o.conf"
    program = ("h2o", "h2o")
    root_options = ("+user",)
    waits_at_stop = True

    def arguments(self, program, config):
        return [program, "-m", "master", "-c", config]

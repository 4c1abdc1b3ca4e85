# SPDX-License-Identifier: MIT
"""ssecgi-ctl doctor finds the mistake that was planted, and names the line that cures it."""

import time

import doctor
import front_end_servers as servers
import harness
from doctor import replacing

SILENT = {"heartbeat_s": 60}  # longer than any time-out here
CUT_SECONDS = 20  # by then the server has ended a quiet stream


class Patient(doctor.Patient):
    def assert_finds(self, visit, check, *lines):
        self.assertEqual(visit.wrong(), [check], visit)
        for line in lines:
            self.assertIn(line, visit.to_do(check), visit)

    def assert_cut(self, *lines, **places):
        """A server whose time-out is 2 s."""
        self.begin(settings=SILENT, **{"TIMEOUT": 2, **places})
        visit = self.visit(quiet_s=CUT_SECONDS)
        self.assert_finds(visit, "quiet", *lines)
        self.assertIn("without a byte", visit.text("quiet"))

    def assert_size(self, visit, least, most):
        """A buffer between these sizes was measured."""
        words = visit.text("buffer-size").split()
        low, high = int(words[4]), int(words[6])
        self.assertLessEqual(low, most, visit)
        self.assertGreaterEqual(high, least, visit)


class Nginx(Patient, servers.Nginx):
    def location(self, line):
        return replacing("fastcgi_buffering off;", "fastcgi_buffering off; " + line)

    def test_buffering(self):
        self.begin(plant=replacing("fastcgi_buffering off;",
                                   "fastcgi_ignore_headers X-Accel-Buffering;"))
        visit = self.visit()
        self.assert_finds(visit, "buffering", "fastcgi_buffering off;", "fastcgi_ignore_headers")
        self.assert_size(visit, 4096 - 512, 16384)

    def test_compression_of_streams(self):
        self.begin("+gzip")
        visit = self.visit(quiet_s=0)
        self.assert_well(visit)  # nginx flushes each event
        self.assertEqual(visit.results("compression"), ["note"])
        self.assertIn("gzip off;", visit.to_do("compression"))

    def test_a_short_time_out(self):
        self.assert_cut("fastcgi_read_timeout 1h;", "heartbeat_s")

    def test_dropped_headers(self):
        self.begin(plant=self.location("fastcgi_pass_request_headers off;"))
        self.assert_finds(self.visit(quiet_s=0), "last-event-id",
                          "fastcgi_pass_request_headers off;", "HTTP_LAST_EVENT_ID")

    def test_a_dropped_query(self):
        self.begin(plant=replacing("fastcgi_param QUERY_STRING $query_string;", ""))
        self.assert_finds(self.visit(quiet_s=0), "query",
                          "fastcgi_param QUERY_STRING $query_string;")

    def test_a_cache_for_all(self):
        self.begin(plant=self.location("fastcgi_hide_header Cache-Control; expires 1h;"))
        self.assert_finds(self.visit(quiet_s=0), "caching", "Expires")

    def test_a_wrong_prefix(self):
        self.begin()
        visit = self.visit(self.url("/event/app"))
        self.assert_finds(visit, "answer", "fastcgi_pass", self.url("/events/"), "app, clock")

    def test_an_unknown_stream(self):
        self.begin()
        visit = self.visit(self.url("/events/nope"))
        self.assert_finds(visit, "answer", "streams", "app, clock")
        self.assertIn("ssecgi: {\"error\"", visit.text("answer"))

    def test_a_password(self):
        self.begin("+auth")
        self.assert_finds(self.visit(), "answer", "--user")
        login = "%s:%s" % (servers.NAME, servers.PASSWORD)
        self.assert_well(self.visit(None, "--user", login, quiet_s=0))
        netrc = self.write("netrc", "machine 127.0.0.1 login %s password %s\n"
                           % (servers.NAME, servers.PASSWORD))
        self.assert_well(self.visit(None, "--netrc", netrc, quiet_s=0))
        self.assert_finds(self.visit(None, "--user", "reader:wrong"), "answer", "--user")

    def test_a_certificate_that_nobody_knows(self):
        self.begin("+tls")
        self.assert_finds(self.visit(self.tls_url()), "answer", "--insecure")

    def test_http_1_over_tls(self):
        self.begin("+tls", plant=replacing("ssl http2;", "ssl;"))
        visit = self.visit(self.tls_url(), "--insecure", quiet_s=0)
        self.assert_well(visit)
        self.assertEqual(visit.results("http-version"), ["note"])
        self.assertIn("listen 443 ssl http2;", visit.to_do("http-version"))

    def test_no_ssecgi(self):
        self.begin()
        self.server.responder.process.stop()
        visit = self.visit()
        self.assert_finds(visit, "answer", "is ssecgi running")
        self.assertIn("502", visit.text("answer"))


class Lighttpd(Patient, servers.Lighttpd):
    def test_buffering(self):
        self.begin(plant=replacing("server.stream-response-body = 2",
                                   "server.stream-response-body = 0"))
        visit = self.visit()
        self.assert_finds(visit, "buffering", "lighttpd: server.stream-response-body = 2")
        self.assertIn("nothing was let go", visit.text("buffer-size"))

    def test_streams_among_what_is_compressed(self):
        self.begin("+gzip", plant=replacing("deflate.mimetypes = (",
                                            'deflate.mimetypes = ("text/event-stream", '))
        visit = self.visit(quiet_s=0)
        self.assert_well(visit)  # lighttpd leaves alone what streams
        self.assertEqual(visit.results("compression"), ["ok"])


class ApacheFcgid(Patient, servers.ApacheFcgid):
    def test_buffering(self):
        self.begin(plant=replacing("FcgidOutputBufferSize 0", ""))
        visit = self.visit(timeout_s=5)
        self.assert_finds(visit, "buffering", "mod_fcgid: FcgidOutputBufferSize 0")
        self.assert_size(visit, 65536 - 512, 2 * 65536)

    def test_a_short_time_out(self):
        self.assert_cut("mod_fcgid: FcgidIOTimeout 3600")

    def test_a_limit_on_a_streams_life(self):
        self.begin(BUSY=2, SCAN=1)
        visit = self.visit(self.url("/events/clock"), quiet_s=CUT_SECONDS)
        self.assert_well(visit)  # mod_fcgid asks ssecgi to end, and readers resume
        self.assertEqual(visit.results("quiet"), ["note"], visit)
        self.assertIn("FcgidBusyTimeout 86400", visit.to_do("quiet"))

    def test_a_dropped_last_event_id(self):
        self.begin(plant=replacing("CGIPassAuth On",
                                   "CGIPassAuth On\nRequestHeader unset Last-Event-ID"))
        self.assert_finds(self.visit(quiet_s=0, timeout_s=5), "last-event-id",
                          "RequestHeader unset Last-Event-ID")


class ApacheProxy(Patient, servers.ApacheProxy):
    def test_buffering(self):
        self.begin(plant=replacing("flushpackets=on ", ""))
        visit = self.visit()
        self.assert_finds(visit, "buffering", "mod_proxy_fcgi: ProxyPass", "flushpackets=on")

    def test_a_short_time_out(self):
        self.assert_cut("mod_proxy_fcgi: ProxyPass ... timeout=3600")


class ApacheCgi(Patient, servers.ApacheCgi):
    def test_compression_for_all(self):
        def plant(text):
            lines = [line for line in text.splitlines() if "no-gzip" not in line]
            by_type = "AddOutputFilterByType DEFLATE"
            return "\n".join("SetOutputFilter DEFLATE" if line.startswith(by_type) else line
                             for line in lines) + "\n"
        self.begin("+gzip", plant=plant)
        visit = self.visit()
        self.assert_finds(visit, "buffering", "AddOutputFilterByType DEFLATE")
        self.assertIn("gzip", visit.text("compression"))


class Haproxy(Patient, servers.Haproxy):
    def test_pieces_that_wait_for_more(self):
        self.begin(plant=replacing("option http-no-delay", ""))
        deadline = time.monotonic() + harness.WAIT
        while True:  # on a busy machine other answers may be as slow
            visit = self.visit(quiet_s=0)
            self.assert_well(visit)
            if visit.results("promptness") == ["note"] or time.monotonic() > deadline:
                break
        self.assertIn("HAProxy, defaults: option http-no-delay", visit.to_do("promptness"))

    def test_a_dropped_last_event_id(self):
        self.begin(plant=replacing("    default_backend ssecgi",
                                   "    http-request del-header Last-Event-ID\n"
                                   "    default_backend ssecgi"))
        self.assert_finds(self.visit(quiet_s=0), "last-event-id",
                          "http-request del-header Last-Event-ID")

    def test_a_short_time_out(self):
        self.assert_cut("HAProxy, backend: timeout server 3600s")


class Caddy(Patient, servers.Caddy):
    def test_a_limit_on_a_streams_life(self):
        self.begin(plant=replacing("split /events", "split /events\n\t\t\tread_timeout 2s"))
        visit = self.visit(self.url("/events/clock"), quiet_s=CUT_SECONDS)
        self.assert_finds(visit, "quiet", "Caddy", "read_timeout")

    def test_it_cuts_quiet_streams_then_too(self):
        self.begin(settings=SILENT, plant=replacing("split /events",
                                                    "split /events\n\t\t\tread_timeout 2s"))
        self.assert_finds(self.visit(quiet_s=CUT_SECONDS), "quiet", "Caddy", "read_timeout")


class H2o(Patient, servers.H2o):
    def test_a_short_time_out(self):
        self.assert_cut("H2O: fastcgi.timeout.io: 3600000")

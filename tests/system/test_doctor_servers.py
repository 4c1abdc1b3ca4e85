# SPDX-License-Identifier: MIT
"""ssecgi-ctl doctor finds nothing wrong with any of the configurations that are shipped."""

import doctor
import front_end_servers as servers

PATIENCE = 20  # seconds for one answer: here it is no mistake to be slow


class Shipped(doctor.Patient):
    """Mixed into a Served."""

    def test_nothing_is_wrong(self):
        self.begin()
        visit = self.visit(timeout_s=PATIENCE)
        self.assert_well(visit)
        for check in ("answer", "compression", "caching", "query", "buffering", "last-event-id",
                      "quiet"):
            self.assertEqual(visit.results(check), ["ok"], (check, visit))
        self.assertEqual(visit.results("http-version"), ["note"])
        self.assertIn(self.word, visit.to_do("http-version"))

    def test_nothing_is_wrong_over_tls_with_compression(self):
        self.begin("+tls", "+gzip")
        visit = self.visit(self.tls_url("/events/clock"), "--insecure", timeout_s=PATIENCE,
                           quiet_s=1)
        self.assert_well(visit)
        self.assertEqual(visit.results("http-version"), ["ok"], visit)
        self.assertEqual(visit.results("last-event-id"), ["ok"], visit)


class Lighttpd(Shipped, servers.Lighttpd):
    word = "lighttpd"


class LighttpdExternal(Shipped, servers.LighttpdExternal):
    word = "lighttpd"


class LighttpdCgi(Shipped, servers.LighttpdCgi):
    word = "lighttpd"


class ApacheFcgid(Shipped, servers.ApacheFcgid):
    word = "Apache"


class ApacheProxy(Shipped, servers.ApacheProxy):
    word = "Apache"


class ApacheCgi(Shipped, servers.ApacheCgi):
    word = "Apache"


class Nginx(Shipped, servers.Nginx):
    word = "nginx"


class Haproxy(Shipped, servers.Haproxy):
    word = "HAProxy"


class Caddy(Shipped, servers.Caddy):
    word = "Caddy"


class H2o(Shipped, servers.H2o):
    word = "H2O"

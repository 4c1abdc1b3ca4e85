# SPDX-License-Identifier: MIT
# deploy/local.mk: web server configurations, and what fills them in.

nobase_dist_pkgdata_DATA += \
	deploy/apache-cgi/apache.conf \
	deploy/apache-fcgid/apache.conf \
	deploy/apache-proxy-fcgi/apache.conf \
	deploy/caddy/Caddyfile \
	deploy/h2o/h2o.conf \
	deploy/haproxy/haproxy.cfg \
	deploy/lighttpd-cgi/lighttpd.conf \
	deploy/lighttpd/lighttpd-external.conf \
	deploy/lighttpd/lighttpd.conf \
	deploy/nginx/nginx.conf \
	deploy/scale/balancer.cfg \
	deploy/scale/one-machine.json \
	deploy/scale/two-machines.json \
	deploy/systemd/logrotate.conf \
	deploy/systemd/ssecgi.service \
	deploy/systemd/ssecgi.socket \
	deploy/systemd/sysusers.conf \
	deploy/systemd/tmpfiles.conf \
	deploy/ssecgi.json

nobase_dist_pkgdata_SCRIPTS += deploy/fill.sh

# What the demo runs as programs.
nobase_dist_pkgdata_SCRIPTS += \
	deploy/demo/answer.sh \
	deploy/demo/ten.sh

EXTRA_DIST += \
	deploy/demo.sh \
	deploy/install-deps.sh

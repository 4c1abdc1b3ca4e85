# SPDX-License-Identifier: MIT
# deploy/local.mk: web server configurations, and what fills them in.

nobase_dist_pkgdata_DATA += \
	deploy/apache/cgi.conf \
	deploy/apache/fcgid.conf \
	deploy/lighttpd/lighttpd-external.conf \
	deploy/lighttpd/lighttpd.conf \
	deploy/ssecgi.json

nobase_dist_pkgdata_SCRIPTS += deploy/fill.sh

EXTRA_DIST += \
	deploy/demo.sh \
	deploy/install-deps.sh

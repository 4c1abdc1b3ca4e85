# SPDX-License-Identifier: MIT
# html/local.mk: the pages, served as they are.

nobase_dist_pkgdata_DATA += \
	html/chart.js \
	html/clock.html \
	html/clock.js \
	html/icon.svg \
	html/index.html \
	html/index.js \
	html/log.css \
	html/log.html \
	html/log.js \
	html/logstore.js \
	html/logview.js \
	html/page.js \
	html/panels.css \
	html/price.html \
	html/price.js \
	html/ssecgi.js \
	html/style.css

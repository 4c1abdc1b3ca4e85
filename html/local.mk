# SPDX-License-Identifier: MIT
# html/local.mk: the pages, served as they are.

nobase_dist_pkgdata_DATA += \
	html/answer.js \
	html/chart.js \
	html/chat.css \
	html/chat.html \
	html/chat.js \
	html/chatturn.js \
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
	html/style.css \
	html/topics.css \
	html/topics.html \
	html/topics.js

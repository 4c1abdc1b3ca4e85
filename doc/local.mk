# SPDX-License-Identifier: MIT
# doc/local.mk: what people read: the texts at the top, doc/ and man/.

dist_doc_DATA += \
	CHANGELOG.md \
	CONTRIBUTING.md \
	LICENSE \
	README.md \
	SECURITY.md \
	doc/design.md \
	doc/front-ends.md \
	doc/log-page.png \
	doc/performance.md \
	doc/performance.svg \
	doc/tail.md

dist_man_MANS += \
	man/ssecgi.8 \
	man/ssecgi.json.5

# SPDX-License-Identifier: MIT
# doc/local.mk: what people read: the texts at the top, doc/ and man/.

nobase_dist_doc_DATA += \
	CHANGELOG.md \
	CONTRIBUTING.md \
	LICENSE \
	README.md \
	SECURITY.md \
	doc/chat-page.png \
	doc/chat.md \
	doc/client.md \
	doc/design.md \
	doc/examples/module/Makefile \
	doc/examples/module/uptime.c \
	doc/commands.md \
	doc/front-ends.md \
	doc/index-page.png \
	doc/log-page.png \
	doc/metrics.md \
	doc/modules.md \
	doc/operations.md \
	doc/pages.md \
	doc/performance.md \
	doc/performance.svg \
	doc/price-page.png \
	doc/publish.md \
	doc/redis.md \
	doc/runs.md \
	doc/scale.md \
	doc/several.md \
	doc/tail.md \
	doc/topics.md \
	doc/which-server.md

dist_man_MANS += \
	man/ssecgi-ctl.1 \
	man/ssecgi.8 \
	man/ssecgi.json.5

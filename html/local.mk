# SPDX-License-Identifier: MIT
# html/local.mk: the pages, served as they are.

nobase_dist_pkgdata_DATA += \
	html/answer.js \
	html/chart.js \
	html/chat.css \
	html/chat.html \
	html/chat.js \
	html/chatturn.js \
	html/clock.css \
	html/clock.html \
	html/clock.js \
	html/clockticks.js \
	html/icon.svg \
	html/index.html \
	html/index.js \
	html/lang.js \
	html/lang/zh-CN/chat.js \
	html/lang/zh-CN/clock.js \
	html/lang/zh-CN/common.js \
	html/lang/zh-CN/index.js \
	html/lang/zh-CN/log.js \
	html/lang/zh-CN/price.js \
	html/lang/zh-CN/react.js \
	html/lang/zh-CN/topics.js \
	html/log.css \
	html/log.html \
	html/log.js \
	html/log/announce.js \
	html/log/ansi.js \
	html/log/around.js \
	html/log/bars.js \
	html/log/columns.js \
	html/log/columnsmenu.js \
	html/log/edges.js \
	html/log/feed.js \
	html/log/finder.js \
	html/log/findworker.js \
	html/log/found.js \
	html/log/frames.js \
	html/log/help.js \
	html/log/history.js \
	html/log/hub.js \
	html/log/late.js \
	html/log/level.js \
	html/log/lines.js \
	html/log/links.js \
	html/log/marker.js \
	html/log/markworker.js \
	html/log/match.js \
	html/log/more.css \
	html/log/options.js \
	html/log/parts.js \
	html/log/past.js \
	html/log/picked.js \
	html/log/rail.js \
	html/log/reader.js \
	html/log/reading.js \
	html/log/rich.js \
	html/log/row.js \
	html/log/rows.js \
	html/log/save.js \
	html/log/search.js \
	html/log/shown.js \
	html/log/source.js \
	html/log/store.js \
	html/log/ticks.js \
	html/log/tools.js \
	html/log/types.d.ts \
	html/log/view.js \
	html/log/when.js \
	html/log/window.js \
	html/logbar.css \
	html/logtools.css \
	html/page.js \
	html/panels.css \
	html/price.css \
	html/price.html \
	html/price.js \
	html/pricechart.js \
	html/pricestore.js \
	html/priceview.js \
	html/react/useStream.d.ts \
	html/react/useStream.js \
	html/ssecgi.d.ts \
	html/ssecgi.js \
	html/style.css \
	html/topics.css \
	html/topics.html \
	html/topics.js \
	html/trusted.js

# What the pages take from others is made in the source, and goes into a tarball: who builds from one
# needs no npm.
VENDORED = \
	html/vendor/uplot-license.txt \
	html/vendor/uplot.css \
	html/vendor/uplot.js
MAINTAINERCLEANFILES = $(VENDORED:%=$(srcdir)/%)
EXTRA_DIST += \
	html/package-lock.json \
	html/package.json \
	html/vendor.sh

.PHONY: vendor
all-local: vendor
vendor:
	$(AM_V_at)$(SHELL) '$(srcdir)/html/vendor.sh'

dist-hook:
	$(AM_V_at)$(SHELL) '$(srcdir)/html/vendor.sh' --must
	$(AM_V_at)$(MKDIR_P) '$(distdir)/html/vendor'
	$(AM_V_at)for file in $(VENDORED); do cp -p "$(srcdir)/$$file" "$(distdir)/$$file" || exit 1; done

install-data-local:
	@test -e '$(srcdir)/html/vendor/uplot.js' || exit 0; \
	$(MKDIR_P) '$(DESTDIR)$(pkgdatadir)/html/vendor'; \
	for file in $(VENDORED); do \
		$(INSTALL_DATA) "$(srcdir)/$$file" "$(DESTDIR)$(pkgdatadir)/$$file" || exit 1; \
	done

uninstall-local:
	@for file in $(VENDORED); do rm -f "$(DESTDIR)$(pkgdatadir)/$$file"; done

# The React page, which is built: `make react` writes it below build/react, to be put among the pages.
REACT = \
	html/react/index.html \
	html/react/package-lock.json \
	html/react/package.json \
	html/react/page.css \
	html/react/page.jsx \
	html/react/vite.config.js
EXTRA_DIST += $(REACT)

.PHONY: react
react:
	$(AM_V_at)test -e '$(srcdir)/html/react/node_modules/vite' || \
		npm ci --prefix '$(srcdir)/html/react' --ignore-scripts --no-audit --no-fund
	$(AM_V_at)cd '$(srcdir)/html/react' && npm run build -- --configLoader native \
		--outDir '$(abs_top_builddir)/build'

clean-local: clean-react
.PHONY: clean-react
clean-react:
	-rm -rf build/react

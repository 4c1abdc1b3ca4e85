# SPDX-License-Identifier: MIT
# src/local.mk: the program, and the library that holds everything of it but main().

noinst_LIBRARIES += libssecgi.a
libssecgi_a_SOURCES = \
	src/app/allow.c \
	src/app/allow.h \
	src/app/app.c \
	src/app/app.h \
	src/app/channels.c \
	src/app/channels.h \
	src/app/config.c \
	src/app/config.h \
	src/app/figures.c \
	src/app/figures.h \
	src/app/flags.c \
	src/app/flags.h \
	src/app/health.c \
	src/app/health.h \
	src/app/json.c \
	src/app/json.h \
	src/app/metrics.c \
	src/app/metrics.h \
	src/app/notify.c \
	src/app/notify.h \
	src/app/pages.c \
	src/app/pages.h \
	src/app/passed.c \
	src/app/passed.h \
	src/app/post.c \
	src/app/post.h \
	src/app/publish.c \
	src/app/publish.h \
	src/app/publishers.c \
	src/app/publishers.h \
	src/app/reload.c \
	src/app/reload.h \
	src/app/scoreboard.c \
	src/app/scoreboard.h \
	src/app/serve.c \
	src/app/serve.h \
	src/base/buf.c \
	src/base/buf.h \
	src/base/clock.c \
	src/base/clock.h \
	src/base/err.c \
	src/base/err.h \
	src/base/hash.c \
	src/base/hash.h \
	src/base/log.c \
	src/base/log.h \
	src/base/num.c \
	src/base/num.h \
	src/base/rand.c \
	src/base/rand.h \
	src/base/utf8.c \
	src/base/utf8.h \
	src/conf/file.c \
	src/conf/file.h \
	src/conf/option.c \
	src/conf/option.h \
	src/conf/scan.c \
	src/conf/scan.h \
	src/gate/cgi.c \
	src/gate/exchange.c \
	src/gate/fcgi.c \
	src/gate/fcgi_record.c \
	src/gate/fcgi_record.h \
	src/gate/gate.h \
	src/gate/internal.h \
	src/gate/life.c \
	src/gate/listen.c \
	src/gate/params.c \
	src/gate/params.h \
	src/gate/print.c \
	src/gate/request.c \
	src/gate/watch.c \
	src/gate/watch.h \
	src/gate/writer.c \
	src/gate/writer.h \
	src/hub/channel.c \
	src/hub/count.c \
	src/hub/gather.c \
	src/hub/history.c \
	src/hub/hub.c \
	src/hub/hub.h \
	src/hub/internal.h \
	src/hub/list.c \
	src/hub/options.c \
	src/hub/options.h \
	src/hub/page.c \
	src/hub/reader.c \
	src/hub/ring.c \
	src/hub/ring.h \
	src/source/clock.c \
	src/source/clock.h \
	src/source/filter.c \
	src/source/filter.h \
	src/source/journal/dir.c \
	src/source/journal/dir.h \
	src/source/journal/format.c \
	src/source/journal/format.h \
	src/source/journal/journal.c \
	src/source/journal/journal.h \
	src/source/journal/keep.c \
	src/source/journal/keys.c \
	src/source/journal/keys.h \
	src/source/journal/lock.c \
	src/source/journal/reader.c \
	src/source/journal/reader.h \
	src/source/journal/seek.c \
	src/source/journal/seek.h \
	src/source/journal/seg.c \
	src/source/journal/seg.h \
	src/source/line_format.c \
	src/source/line_format.h \
	src/source/line_level.c \
	src/source/line_level.h \
	src/source/line_time.c \
	src/source/line_time.h \
	src/source/price.c \
	src/source/price.h \
	src/source/price_path.c \
	src/source/price_path.h \
	src/source/registry.c \
	src/source/source.h \
	src/source/tail/back.c \
	src/source/tail/back.h \
	src/source/tail/context.c \
	src/source/tail/context.h \
	src/source/tail/cursor.c \
	src/source/tail/cursor.h \
	src/source/tail/file.c \
	src/source/tail/file.h \
	src/source/tail/files.c \
	src/source/tail/files.h \
	src/source/tail/find.c \
	src/source/tail/find.h \
	src/source/tail/glob.c \
	src/source/tail/glob.h \
	src/source/tail/identity.c \
	src/source/tail/identity.h \
	src/source/tail/inflate.c \
	src/source/tail/inflate.h \
	src/source/tail/lines.c \
	src/source/tail/lines.h \
	src/source/tail/log.c \
	src/source/tail/log.h \
	src/source/tail/many.c \
	src/source/tail/many.h \
	src/source/tail/many_id.c \
	src/source/tail/many_id.h \
	src/source/tail/many_pull.c \
	src/source/tail/many_scan.c \
	src/source/tail/many_seek.c \
	src/source/tail/marks.c \
	src/source/tail/marks.h \
	src/source/tail/one.c \
	src/source/tail/one.h \
	src/source/tail/open.c \
	src/source/tail/open.h \
	src/source/tail/order.c \
	src/source/tail/order.h \
	src/source/tail/position.c \
	src/source/tail/position.h \
	src/source/tail/pull.c \
	src/source/tail/seek.c \
	src/source/tail/seek.h \
	src/source/tail/settings.c \
	src/source/tail/settings.h \
	src/source/tail/since.c \
	src/source/tail/tail.c \
	src/source/tail/tail.h \
	src/source/tail/view.c \
	src/source/tail/view.h \
	src/source/tail/watch.c \
	src/source/tail/watch.h \
	src/source/ticker.c \
	src/source/ticker.h \
	src/source/topic/log.c \
	src/source/topic/log.h \
	src/source/topic/publisher.c \
	src/source/topic/publisher.h \
	src/source/topic/settings.c \
	src/source/topic/settings.h \
	src/source/topic/topic.c \
	src/source/topic/topic.h \
	src/sse/event.c \
	src/sse/event.h \
	src/sse/frame.c \
	src/sse/frame.h \
	src/sse/query.c \
	src/sse/query.h \
	src/sse/request.c \
	src/sse/request.h \
	src/sse/response.c \
	src/sse/response.h

SSECGI_LIBS = libssecgi.a $(FCGI_LIBS) $(UV_LIBS) $(JSONC_LIBS) $(PCRE2_LIBS) $(ZLIB_LIBS) $(MD_LIBS)

bin_PROGRAMS += ssecgi
ssecgi_SOURCES = src/app/main.c
ssecgi_LDADD = $(SSECGI_LIBS)

# The companion has a library of its own: libcurl stays out of ssecgi.
if HAVE_CURL
noinst_LIBRARIES += libssecgi-ctl.a
bin_PROGRAMS += ssecgi-ctl
endif
libssecgi_ctl_a_SOURCES = \
	src/ctl/access.c \
	src/ctl/access.h \
	src/ctl/advice.c \
	src/ctl/advice.h \
	src/ctl/args.c \
	src/ctl/args.h \
	src/ctl/doctor.c \
	src/ctl/doctor.h \
	src/ctl/doctor_held.c \
	src/ctl/fetch.c \
	src/ctl/fetch.h \
	src/ctl/flags.c \
	src/ctl/flags.h \
	src/ctl/judge.c \
	src/ctl/judge.h \
	src/ctl/judge_time.c \
	src/ctl/parser.c \
	src/ctl/parser.h \
	src/ctl/publish.c \
	src/ctl/publish.h \
	src/ctl/publish_flags.c \
	src/ctl/publish_http.c \
	src/ctl/publish_journal.c \
	src/ctl/publish_lines.c \
	src/ctl/publish_lines.h \
	src/ctl/report.c \
	src/ctl/report.h \
	src/ctl/server.c \
	src/ctl/server.h \
	src/ctl/trace.c \
	src/ctl/trace.h \
	src/ctl/url.c \
	src/ctl/url.h
libssecgi_ctl_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
SSECGI_CTL_LIBS = libssecgi-ctl.a $(SSECGI_LIBS) $(CURL_LIBS)
ssecgi_ctl_SOURCES = src/ctl/main.c
ssecgi_ctl_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
ssecgi_ctl_LDADD = $(SSECGI_CTL_LIBS)

# SPDX-License-Identifier: MIT
# src/local.mk: the program, and the library that holds everything of it but main().

noinst_LIBRARIES += libssecgi.a
libssecgi_a_SOURCES = \
	src/app/answers/run.c \
	src/app/answers/run.h \
	src/app/answers/run_batch.c \
	src/app/answers/run_batch.h \
	src/app/answers/run_maker.c \
	src/app/answers/run_maker.h \
	src/app/answers/run_serve.c \
	src/app/answers/run_serve.h \
	src/app/answers/run_stream.c \
	src/app/answers/run_stream.h \
	src/app/answers/runs.c \
	src/app/answers/runs.h \
	src/app/answers/slots.c \
	src/app/answers/slots.h \
	src/app/app.c \
	src/app/app.h \
	src/app/begin.c \
	src/app/begin.h \
	src/app/channels.c \
	src/app/channels.h \
	src/app/config.c \
	src/app/config.h \
	src/app/family.c \
	src/app/family.h \
	src/app/figures/figures.c \
	src/app/figures/figures.h \
	src/app/figures/health.c \
	src/app/figures/health.h \
	src/app/figures/metrics.c \
	src/app/figures/metrics.h \
	src/app/figures/presence.c \
	src/app/figures/presence.h \
	src/app/figures/scoreboard.c \
	src/app/figures/scoreboard.h \
	src/app/figures/tally.c \
	src/app/figures/tally.h \
	src/app/figures/tally_file.c \
	src/app/figures/tally_file.h \
	src/app/figures/usage.c \
	src/app/figures/usage.h \
	src/app/flags.c \
	src/app/flags.h \
	src/app/json.c \
	src/app/json.h \
	src/app/notify.c \
	src/app/notify.h \
	src/app/pages.c \
	src/app/pages.h \
	src/app/passed.c \
	src/app/passed.h \
	src/app/publish/allow.c \
	src/app/publish/allow.h \
	src/app/publish/post.c \
	src/app/publish/post.h \
	src/app/publish/publish.c \
	src/app/publish/publish.h \
	src/app/publish/publishers.c \
	src/app/publish/publishers.h \
	src/app/reload.c \
	src/app/reload.h \
	src/app/serve.c \
	src/app/serve.h \
	src/app/several.c \
	src/app/several.h \
	src/app/sources.c \
	src/app/sources.h \
	src/app/stream.c \
	src/app/stream.h \
	src/app/tee.c \
	src/app/tee.h \
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
	src/conf/json.c \
	src/conf/json.h \
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
	src/gate/plain.c \
	src/gate/plain.h \
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
	src/source/exec/child.c \
	src/source/exec/child.h \
	src/source/exec/exec.c \
	src/source/exec/exec.h \
	src/source/exec/framing.c \
	src/source/exec/framing.h \
	src/source/exec/history.c \
	src/source/exec/history.h \
	src/source/exec/launch.c \
	src/source/exec/launch.h \
	src/source/exec/request.c \
	src/source/exec/request.h \
	src/source/exec/run.c \
	src/source/exec/run.h \
	src/source/exec/settings.c \
	src/source/exec/settings.h \
	src/source/exec/store.c \
	src/source/exec/store.h \
	src/source/exec/supervisor.c \
	src/source/exec/supervisor.h \
	src/source/exec/tell.c \
	src/source/exec/tell.h \
	src/source/filter.c \
	src/source/filter.h \
	src/source/journal/dir.c \
	src/source/journal/dir.h \
	src/source/journal/format.c \
	src/source/journal/format.h \
	src/source/journal/hold.c \
	src/source/journal/journal.c \
	src/source/journal/journal.h \
	src/source/journal/keep.c \
	src/source/journal/keys.c \
	src/source/journal/keys.h \
	src/source/journal/lock.c \
	src/source/journal/look.c \
	src/source/journal/members.c \
	src/source/journal/members.h \
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
	src/source/marks.c \
	src/source/marks.h \
	src/source/merge/id.c \
	src/source/merge/id.h \
	src/source/merge/internal.h \
	src/source/merge/merge.c \
	src/source/merge/merge.h \
	src/source/merge/pull.c \
	src/source/merge/store.c \
	src/source/merge/store.h \
	src/source/merge/wrap.c \
	src/source/merge/wrap.h \
	src/source/module.c \
	src/source/module.h \
	src/source/price.c \
	src/source/price.h \
	src/source/price_path.c \
	src/source/price_path.h \
	src/source/registry.c \
	src/source/registry.h \
	src/source/run/folder.c \
	src/source/run/folder.h \
	src/source/run/keep.c \
	src/source/run/keep.h \
	src/source/run/log.c \
	src/source/run/log.h \
	src/source/run/view.c \
	src/source/run/view.h \
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
ssecgi_LDFLAGS = $(LINK_HOST)
EXTRA_ssecgi_DEPENDENCIES = $(srcdir)/src/module.sym

# What loads modules lets them call its functions, also those that it does not call itself.
LINK_HOST = $(AM_LDFLAGS) -Wl,--dynamic-list=$(srcdir)/src/module.sym \
	-Wl,--undefined=sse_position_is_valid
EXTRA_DIST += src/module.sym

# What the author of a module needs: the contract, what it is made of, and where it all is.
contract_basedir = $(pkgincludedir)/base
contract_base_HEADERS = \
	src/base/buf.h \
	src/base/clock.h \
	src/base/err.h \
	src/base/hash.h \
	src/base/log.h \
	src/base/num.h \
	src/base/rand.h
contract_confdir = $(pkgincludedir)/conf
contract_conf_HEADERS = src/conf/option.h
contract_ssedir = $(pkgincludedir)/sse
contract_sse_HEADERS = src/sse/event.h
contract_sourcedir = $(pkgincludedir)/source
contract_source_HEADERS = src/source/source.h
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = src/ssecgi.pc

# Sources that bring a library of their own are modules: a program loads one only where a stream names
# it. Objects for them are made as for any shared library.
moduledir = $(pkglibdir)
module_PROGRAMS =
MODULE_CFLAGS = $(AM_CFLAGS) -fPIC
LINK_MODULE = $(AM_LDFLAGS) -shared -Wl,--undefined=ssecgi_source

if HAVE_HIREDIS
noinst_LIBRARIES += libssecgi-redis.a
module_PROGRAMS += redis.so
endif
libssecgi_redis_a_SOURCES = \
	src/source/redis/hello.c \
	src/source/redis/hello.h \
	src/source/redis/history.c \
	src/source/redis/link.c \
	src/source/redis/link.h \
	src/source/redis/listen.c \
	src/source/redis/listen.h \
	src/source/redis/live.c \
	src/source/redis/names.c \
	src/source/redis/names.h \
	src/source/redis/page.c \
	src/source/redis/page.h \
	src/source/redis/pages.c \
	src/source/redis/pages.h \
	src/source/redis/position.c \
	src/source/redis/position.h \
	src/source/redis/presence.c \
	src/source/redis/publish.c \
	src/source/redis/question.c \
	src/source/redis/redis.c \
	src/source/redis/reply.c \
	src/source/redis/reply.h \
	src/source/redis/script.c \
	src/source/redis/script.h \
	src/source/redis/sentinel.c \
	src/source/redis/sentinel.h \
	src/source/redis/server.c \
	src/source/redis/server.h \
	src/source/redis/server_make.c \
	src/source/redis/server_parts.h \
	src/source/redis/settings.c \
	src/source/redis/settings.h \
	src/source/redis/stream.h
libssecgi_redis_a_CFLAGS = $(MODULE_CFLAGS) $(HIREDIS_CFLAGS)
redis_so_SOURCES =
redis_so_LDFLAGS = $(LINK_MODULE)
redis_so_LDADD = libssecgi-redis.a $(HIREDIS_LIBS) $(UV_LIBS) $(JSONC_LIBS)

if HAVE_CURL
noinst_LIBRARIES += libssecgi-chat.a
module_PROGRAMS += chat.so
endif
libssecgi_chat_a_SOURCES = \
	src/source/chat/answer.c \
	src/source/chat/answer.h \
	src/source/chat/ask.c \
	src/source/chat/body.c \
	src/source/chat/body.h \
	src/source/chat/chat.c \
	src/source/chat/chunk.c \
	src/source/chat/chunk.h \
	src/source/chat/feed.c \
	src/source/chat/feed.h \
	src/source/chat/multi.c \
	src/source/chat/multi.h \
	src/source/chat/put.c \
	src/source/chat/say.c \
	src/source/chat/say.h \
	src/source/chat/settings.c \
	src/source/chat/settings.h
libssecgi_chat_a_CFLAGS = $(MODULE_CFLAGS) $(CURL_CFLAGS)
chat_so_SOURCES =
chat_so_LDFLAGS = $(LINK_MODULE)
chat_so_LDADD = libssecgi-chat.a $(CURL_LIBS) $(UV_LIBS) $(JSONC_LIBS)

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
	src/ctl/migrate.c \
	src/ctl/migrate.h \
	src/ctl/migrate_flags.c \
	src/ctl/migrate_redis.c \
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
if HAVE_HIREDIS
CTL_REDIS_CFLAGS = -DHAVE_HIREDIS $(HIREDIS_CFLAGS)
CTL_REDIS_LIBS = libssecgi-redis.a $(HIREDIS_LIBS)
endif
libssecgi_ctl_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(CTL_REDIS_CFLAGS)
SSECGI_CTL_LIBS = libssecgi-ctl.a $(CTL_REDIS_LIBS) $(SSECGI_LIBS) $(CURL_LIBS)
ssecgi_ctl_SOURCES = src/ctl/main.c
ssecgi_ctl_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
ssecgi_ctl_LDADD = $(SSECGI_CTL_LIBS)
ssecgi_ctl_LDFLAGS = $(LINK_HOST)
EXTRA_ssecgi_ctl_DEPENDENCIES = $(srcdir)/src/module.sym

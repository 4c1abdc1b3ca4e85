# SPDX-License-Identifier: MIT
# src/local.mk: the program, and the library that holds everything of it but main().

noinst_LIBRARIES += libssecgi.a
libssecgi_a_SOURCES = \
	src/app/app.c \
	src/app/app.h \
	src/app/channels.c \
	src/app/channels.h \
	src/app/config.c \
	src/app/config.h \
	src/app/flags.c \
	src/app/flags.h \
	src/app/json.c \
	src/app/json.h \
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
	src/gate/writer.c \
	src/gate/writer.h \
	src/hub/channel.c \
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
	src/source/tail.c \
	src/source/tail.h \
	src/source/tail_back.c \
	src/source/tail_back.h \
	src/source/tail_cursor.c \
	src/source/tail_cursor.h \
	src/source/tail_file.c \
	src/source/tail_file.h \
	src/source/tail_files.c \
	src/source/tail_files.h \
	src/source/tail_find.c \
	src/source/tail_find.h \
	src/source/tail_identity.c \
	src/source/tail_identity.h \
	src/source/tail_inflate.c \
	src/source/tail_inflate.h \
	src/source/tail_lines.c \
	src/source/tail_lines.h \
	src/source/tail_log.c \
	src/source/tail_log.h \
	src/source/tail_open.c \
	src/source/tail_open.h \
	src/source/tail_order.c \
	src/source/tail_order.h \
	src/source/tail_position.c \
	src/source/tail_position.h \
	src/source/tail_pull.c \
	src/source/ticker.c \
	src/source/ticker.h \
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

SSECGI_LIBS = libssecgi.a $(FCGI_LIBS) $(UV_LIBS) $(JSONC_LIBS) $(PCRE2_LIBS) $(ZLIB_LIBS)

bin_PROGRAMS += ssecgi
ssecgi_SOURCES = src/app/main.c
ssecgi_LDADD = $(SSECGI_LIBS)

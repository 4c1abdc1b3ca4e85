# SPDX-License-Identifier: MIT
# tests/bench/local.mk: `make bench`, which measures; no other target builds or runs any of it.

BENCHES = \
	tests/bench/asking \
	tests/bench/first_byte \
	tests/bench/journal_speed \
	tests/bench/libs_alone \
	tests/bench/load \
	tests/bench/peer_bare \
	tests/bench/peer_blast \
	tests/bench/peer_threads \
	tests/bench/stand_in \
	tests/bench/tail_speed

BENCH_FILES = \
	tests/bench/aims.py \
	tests/bench/answers.py \
	tests/bench/exec_rate.py \
	tests/bench/fanout.py \
	tests/bench/figures.py \
	tests/bench/frontends.py \
	tests/bench/instructions.py \
	tests/bench/machine.py \
	tests/bench/page.py \
	tests/bench/peer_systems.py \
	tests/bench/peers.py \
	tests/bench/peers/go/hub.go \
	tests/bench/peers/nchan.conf \
	tests/bench/peers/node/package-lock.json \
	tests/bench/peers/node/package.json \
	tests/bench/peers/node/server.mjs \
	tests/bench/peers/pushpin/origin.conf \
	tests/bench/peers/pushpin/pushpin.conf \
	tests/bench/plot.py \
	tests/bench/publishing.py \
	tests/bench/redis_bare.c \
	tests/bench/redis_rate.py \
	tests/bench/rig.py \
	tests/bench/run.py \
	tests/bench/slow.py \
	tests/bench/storm.py \
	tests/bench/systems.py \
	tests/bench/table.py \
	tests/bench/tail_rate.py \
	tests/bench/work.py

if HAVE_HIREDIS
REDIS_BENCHES = tests/bench/redis_bare
endif

EXTRA_PROGRAMS = $(BENCHES) $(REDIS_BENCHES)

tests_bench_load_SOURCES = \
	tests/bench/client.c \
	tests/bench/client.h \
	tests/bench/feed.c \
	tests/bench/feed.h \
	tests/bench/histogram.c \
	tests/bench/histogram.h \
	tests/bench/load.c \
	tests/bench/load.h \
	tests/bench/procs.c \
	tests/bench/procs.h \
	tests/bench/publish.c \
	tests/bench/publish.h \
	tests/bench/reader.c \
	tests/bench/reader.h \
	tests/bench/report.c \
	tests/bench/scenario.c
tests_bench_load_LDADD = $(JSONC_LIBS) -lpthread

tests_bench_asking_SOURCES = tests/bench/asking.c tests/bench/histogram.c tests/bench/histogram.h
tests_bench_asking_LDADD = $(UV_LIBS)
tests_bench_stand_in_SOURCES = tests/bench/stand_in.c
tests_bench_stand_in_LDADD = $(UV_LIBS)
tests_bench_peer_bare_SOURCES = tests/bench/peer.c tests/bench/peer.h tests/bench/peer_bare.c
tests_bench_peer_bare_LDADD =
tests_bench_peer_blast_SOURCES = tests/bench/peer.c tests/bench/peer.h tests/bench/peer_blast.c
tests_bench_peer_blast_LDADD = $(FCGI_LIBS)
tests_bench_peer_threads_SOURCES = tests/bench/peer.c tests/bench/peer.h tests/bench/peers/threads.c
tests_bench_peer_threads_LDADD = $(FCGI_LIBS) -lpthread
tests_bench_first_byte_SOURCES = tests/bench/first_byte.c
tests_bench_first_byte_LDADD =
tests_bench_journal_speed_SOURCES = tests/bench/journal_speed.c
tests_bench_journal_speed_LDADD = $(SSECGI_LIBS)
tests_bench_tail_speed_SOURCES = tests/bench/tail_speed.c
tests_bench_tail_speed_LDADD = $(SSECGI_LIBS)
tests_bench_redis_bare_SOURCES = tests/bench/redis_bare.c
tests_bench_redis_bare_LDADD = $(HIREDIS_LIBS) -lpthread
tests_bench_libs_alone_SOURCES = tests/bench/libs_alone.c
tests_bench_libs_alone_LDADD = $(FCGI_LIBS) $(UV_LIBS) $(JSONC_LIBS) $(ZLIB_LIBS)

EXTRA_DIST += $(BENCH_FILES)
CLEANFILES += $(BENCHES) $(REDIS_BENCHES) bench.json bench.svg

# What is missing is installed by root only; others are told. BENCH_FLAGS='--rounds 1 --only figures'
# makes it short. Go and npm fetch and build below the build folder.
.PHONY: bench bench-page
bench: ssecgi$(EXEEXT) $(module_PROGRAMS) $(BENCHES) $(REDIS_BENCHES)
	$(AM_V_at)test -n '$(PYTHON3)' || { echo 'bench: configure found no python3' >&2; exit 1; }
	$(AM_V_at)if test "$$(id -u)" -eq 0; then sh $(top_srcdir)/deploy/install-deps.sh bench || :; fi
	$(AM_V_at)SSECGI='$(abs_top_builddir)/ssecgi$(EXEEXT)' SRCDIR='$(abs_top_srcdir)' \
		BUILDDIR='$(abs_top_builddir)' $(PYTHON3) -B $(top_srcdir)/tests/bench/run.py \
		--json bench.json $(BENCH_FLAGS)

# Puts the results of `make bench` into doc/performance.md.
bench-page:
	$(AM_V_at)$(PYTHON3) -B $(top_srcdir)/tests/bench/page.py bench.json $(top_srcdir)/doc

clean-local: clean-bench
.PHONY: clean-bench
clean-bench:
	-rm -rf tests/bench/peers/hub tests/bench/peers/node/node_modules

# What the log page costs in Chromium.
EXTRA_DIST += \
	tests/bench/pages.py \
	tests/bench/pages/driver.mjs \
	tests/bench/pages/inside.js \
	tests/bench/pages/memory.mjs
CLEANFILES += bench-pages.json
.PHONY: bench-pages
bench-pages: ssecgi$(EXEEXT)
	$(AM_V_at)test -n '$(PYTHON3)' || { echo 'bench-pages: configure found no python3' >&2; exit 1; }
	$(AM_V_at)if test "$$(id -u)" -eq 0; then sh $(top_srcdir)/deploy/install-deps.sh tests || :; fi
	$(AM_V_at)test -e '$(srcdir)/tests/browser/node_modules/playwright-core' || \
		npm ci --prefix '$(srcdir)/tests/browser' --ignore-scripts --no-audit --no-fund
	$(AM_V_at)SSECGI='$(abs_top_builddir)/ssecgi$(EXEEXT)' SRCDIR='$(abs_top_srcdir)' \
		BUILDDIR='$(abs_top_builddir)' $(PYTHON3) -B $(top_srcdir)/tests/bench/pages.py \
		--json bench-pages.json $(BENCH_FLAGS)

# SPDX-License-Identifier: MIT
# tests/bench/local.mk: `make bench`, which measures; no other target builds or runs any of it.

BENCHES = \
	tests/bench/first_byte \
	tests/bench/libs_alone \
	tests/bench/load \
	tests/bench/peer_bare \
	tests/bench/peer_blast

BENCH_FILES = \
	tests/bench/fanout.py \
	tests/bench/figures.py \
	tests/bench/instructions.py \
	tests/bench/machine.py \
	tests/bench/run.py \
	tests/bench/systems.py \
	tests/bench/table.py \
	tests/bench/tail_rate.py

EXTRA_PROGRAMS = $(BENCHES)

tests_bench_load_SOURCES = \
	tests/bench/client.c \
	tests/bench/client.h \
	tests/bench/feed.c \
	tests/bench/feed.h \
	tests/bench/histogram.c \
	tests/bench/histogram.h \
	tests/bench/load.c \
	tests/bench/procs.c \
	tests/bench/procs.h \
	tests/bench/reader.c \
	tests/bench/reader.h
tests_bench_load_LDADD = $(JSONC_LIBS) -lpthread

tests_bench_peer_bare_SOURCES = tests/bench/peer.c tests/bench/peer.h tests/bench/peer_bare.c
tests_bench_peer_bare_LDADD =
tests_bench_peer_blast_SOURCES = tests/bench/peer.c tests/bench/peer.h tests/bench/peer_blast.c
tests_bench_peer_blast_LDADD =
tests_bench_first_byte_SOURCES = tests/bench/first_byte.c
tests_bench_first_byte_LDADD =
tests_bench_libs_alone_SOURCES = tests/bench/libs_alone.c
tests_bench_libs_alone_LDADD = $(FCGI_LIBS) $(UV_LIBS) $(JSONC_LIBS) $(ZLIB_LIBS)

EXTRA_DIST += $(BENCH_FILES) tests/bench/nginx.conf
CLEANFILES += $(BENCHES) bench.json

# BENCH_FLAGS='--rounds 1 --only figures' makes it short.
.PHONY: bench
bench: ssecgi$(EXEEXT) $(BENCHES)
	$(AM_V_at)test -n '$(PYTHON3)' || { echo 'bench: configure found no python3' >&2; exit 1; }
	$(AM_V_at)SSECGI='$(abs_top_builddir)/ssecgi$(EXEEXT)' SRCDIR='$(abs_top_srcdir)' \
		BUILDDIR='$(abs_top_builddir)' $(PYTHON3) -B $(top_srcdir)/tests/bench/run.py \
		--json bench.json $(BENCH_FLAGS)

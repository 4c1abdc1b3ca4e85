# SPDX-License-Identifier: MIT
# tests/local.mk: what `make check` runs, all of it through the TAP driver.

AM_CFLAGS += $(CMOCKA_CFLAGS)

LINT_TESTS = \
	tests/lint/test_docs.py \
	tests/lint/test_lint.py \
	tests/lint/test_tree.py

SYSTEM_TESTS = \
	tests/system/test_answers.py \
	tests/system/test_browser.py \
	tests/system/test_cgi.py \
	tests/system/test_chat.py \
	tests/system/test_config.py \
	tests/system/test_demo.py \
	tests/system/test_doctor.py \
	tests/system/test_doctor_mistakes.py \
	tests/system/test_doctor_servers.py \
	tests/system/test_exec.py \
	tests/system/test_families.py \
	tests/system/test_fanout_limits.py \
	tests/system/test_fanout_procs.py \
	tests/system/test_fanout_storm.py \
	tests/system/test_fcgi_peers.py \
	tests/system/test_fcgid.py \
	tests/system/test_history.py \
	tests/system/test_lighttpd.py \
	tests/system/test_lighttpd_external.py \
	tests/system/test_limits.py \
	tests/system/test_logrotate.py \
	tests/system/test_matrix_apache_cgi.py \
	tests/system/test_matrix_apache_fcgid.py \
	tests/system/test_matrix_apache_proxy.py \
	tests/system/test_matrix_caddy.py \
	tests/system/test_matrix_h2o.py \
	tests/system/test_matrix_haproxy.py \
	tests/system/test_matrix_lighttpd.py \
	tests/system/test_matrix_lighttpd_cgi.py \
	tests/system/test_matrix_lighttpd_external.py \
	tests/system/test_matrix_lighttpd_procs.py \
	tests/system/test_matrix_nginx.py \
	tests/system/test_metrics.py \
	tests/system/test_migrate.py \
	tests/system/test_modules.py \
	tests/system/test_pages.py \
	tests/system/test_peers_gone.py \
	tests/system/test_presence.py \
	tests/system/test_print.py \
	tests/system/test_publish.py \
	tests/system/test_publish_faults.py \
	tests/system/test_publish_servers.py \
	tests/system/test_react.py \
	tests/system/test_redis.py \
	tests/system/test_redis_faults.py \
	tests/system/test_runs.py \
	tests/system/test_runs_limits.py \
	tests/system/test_runs_servers.py \
	tests/system/test_service.py \
	tests/system/test_service_log.py \
	tests/system/test_service_spawned.py \
	tests/system/test_several.py \
	tests/system/test_signals.py \
	tests/system/test_soak.py \
	tests/system/test_tail.py \
	tests/system/test_tail_faults.py \
	tests/system/test_tail_many.py \
	tests/system/test_tail_search.py \
	tests/system/test_tail_watch.py \
	tests/system/test_two_machines.py \
	tests/system/test_usage.py \
	tests/system/test_vendor.py \
	tests/system/test_wire.py

SYSTEM_HELPERS = \
	tests/system/browser_rig.py \
	tests/system/doctor.py \
	tests/system/fcgi.py \
	tests/system/front_end.py \
	tests/system/front_end_bad.py \
	tests/system/front_end_matrix.py \
	tests/system/front_end_recorder.py \
	tests/system/front_end_servers.py \
	tests/system/front_end_table.py \
	tests/system/harness.py \
	tests/system/http2_client.py \
	tests/system/http2_streams.py \
	tests/system/redis_kept.py \
	tests/system/redis_server.py \
	tests/system/runs_case.py \
	tests/system/service_manager.py \
	tests/system/sse_client.py \
	tests/system/tap.py \
	tests/system/upstream.py \
	tests/system/watch_shim.c

BROWSER_TESTS = \
	tests/browser/axe.mjs \
	tests/browser/chat.mjs \
	tests/browser/clock.mjs \
	tests/browser/helpers.mjs \
	tests/browser/index.mjs \
	tests/browser/log.mjs \
	tests/browser/logfind.mjs \
	tests/browser/loglines.mjs \
	tests/browser/logview.mjs \
	tests/browser/openai.mjs \
	tests/browser/package-lock.json \
	tests/browser/package.json \
	tests/browser/price.mjs \
	tests/browser/react.mjs \
	tests/browser/readme.mjs \
	tests/browser/run.mjs \
	tests/browser/topics.mjs

# Of the pages' modules, without a browser: tests/system/test_pages.py runs them.
PAGE_TESTS = \
	tests/pages/announce.test.mjs \
	tests/pages/ansi.test.mjs \
	tests/pages/answer.test.mjs \
	tests/pages/bytes.test.mjs \
	tests/pages/client_doc.test.mjs \
	tests/pages/client_model.test.mjs \
	tests/pages/client_modes.test.mjs \
	tests/pages/client_rig.mjs \
	tests/pages/clock.test.mjs \
	tests/pages/columns.test.mjs \
	tests/pages/finder.test.mjs \
	tests/pages/frames.test.mjs \
	tests/pages/history.test.mjs \
	tests/pages/hub.test.mjs \
	tests/pages/hub_rig.mjs \
	tests/pages/lang.test.mjs \
	tests/pages/links.test.mjs \
	tests/pages/log_rig.mjs \
	tests/pages/logsize.test.mjs \
	tests/pages/page.test.mjs \
	tests/pages/price.test.mjs \
	tests/pages/react.test.mjs \
	tests/pages/reading.test.mjs \
	tests/pages/row.test.mjs \
	tests/pages/rows.test.mjs \
	tests/pages/speed.mjs \
	tests/pages/ssecgi.test.mjs \
	tests/pages/store.test.mjs \
	tests/pages/when.test.mjs

# One program each; automake adds the ".c".
UNIT_TESTS = \
	tests/unit/test_allow \
	tests/unit/test_app_config \
	tests/unit/test_app_flags \
	tests/unit/test_app_notify \
	tests/unit/test_app_presence \
	tests/unit/test_app_publish \
	tests/unit/test_app_publish_post \
	tests/unit/test_app_publish_who \
	tests/unit/test_base_buf \
	tests/unit/test_base_clock \
	tests/unit/test_base_err \
	tests/unit/test_base_hash \
	tests/unit/test_base_log \
	tests/unit/test_base_num \
	tests/unit/test_base_rand \
	tests/unit/test_base_utf8 \
	tests/unit/test_clock_source \
	tests/unit/test_conf_file \
	tests/unit/test_conf_option \
	tests/unit/test_exec \
	tests/unit/test_exec_child \
	tests/unit/test_exec_framing \
	tests/unit/test_exec_history \
	tests/unit/test_family \
	tests/unit/test_filter \
	tests/unit/test_gate_accept \
	tests/unit/test_gate_params \
	tests/unit/test_gate_plain \
	tests/unit/test_gate_record \
	tests/unit/test_gate_scratch \
	tests/unit/test_gate_writer \
	tests/unit/test_hub_count \
	tests/unit/test_hub_end \
	tests/unit/test_hub_flood \
	tests/unit/test_hub_gather \
	tests/unit/test_hub_model \
	tests/unit/test_hub_nomem \
	tests/unit/test_hub_reader \
	tests/unit/test_hub_retry \
	tests/unit/test_hub_ring \
	tests/unit/test_hub_tell \
	tests/unit/test_hub_until \
	tests/unit/test_journal \
	tests/unit/test_journal_faults \
	tests/unit/test_journal_mend \
	tests/unit/test_journal_model \
	tests/unit/test_journal_procs \
	tests/unit/test_line_format \
	tests/unit/test_line_level \
	tests/unit/test_line_time \
	tests/unit/test_merge \
	tests/unit/test_merge_id \
	tests/unit/test_merge_model \
	tests/unit/test_metrics \
	tests/unit/test_price \
	tests/unit/test_price_numbers \
	tests/unit/test_price_path \
	tests/unit/test_run \
	tests/unit/test_scoreboard \
	tests/unit/test_slots \
	tests/unit/test_sse_event \
	tests/unit/test_sse_frame \
	tests/unit/test_sse_query \
	tests/unit/test_sse_request \
	tests/unit/test_sse_response \
	tests/unit/test_sse_whatwg \
	tests/unit/test_tail \
	tests/unit/test_tail_faults \
	tests/unit/test_tail_follow \
	tests/unit/test_tail_glob \
	tests/unit/test_tail_lines \
	tests/unit/test_tail_many \
	tests/unit/test_tail_many_model \
	tests/unit/test_tail_marks \
	tests/unit/test_tail_model \
	tests/unit/test_tail_one \
	tests/unit/test_tail_resume \
	tests/unit/test_tail_rotated \
	tests/unit/test_tail_seek \
	tests/unit/test_tail_watch \
	tests/unit/test_tally \
	tests/unit/test_topic

# Those of ssecgi-ctl, which is built where libcurl is.
CTL_TESTS = \
	tests/unit/test_ctl_flags \
	tests/unit/test_ctl_judge \
	tests/unit/test_ctl_parser \
	tests/unit/test_ctl_publish \
	tests/unit/test_ctl_report
CTL_LDADD = tests/unit/libtests.a $(SSECGI_CTL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_ctl_flags_LDADD = $(CTL_LDADD)
tests_unit_test_ctl_judge_LDADD = $(CTL_LDADD)
tests_unit_test_ctl_parser_LDADD = $(CTL_LDADD)
tests_unit_test_ctl_publish_LDADD = $(CTL_LDADD)
tests_unit_test_ctl_report_LDADD = $(CTL_LDADD)

# Those of the source chat, which is built there, too.
CHAT_TESTS = \
	tests/unit/test_chat_body \
	tests/unit/test_chat_chunk \
	tests/unit/test_chat_feed \
	tests/unit/test_chat_run
CHAT_LDADD = tests/unit/libtests.a libssecgi-chat.a $(SSECGI_LIBS) $(CURL_LIBS) $(CMOCKA_LIBS)
tests_unit_test_chat_body_LDADD = $(CHAT_LDADD)
tests_unit_test_chat_chunk_LDADD = $(CHAT_LDADD)
tests_unit_test_chat_feed_LDADD = $(CHAT_LDADD)
tests_unit_test_chat_run_LDADD = $(CHAT_LDADD)

# Those of the source redis, which is built where hiredis is.
REDIS_TESTS = \
	tests/unit/test_redis_model \
	tests/unit/test_redis_page \
	tests/unit/test_redis_position
REDIS_LDADD = tests/unit/libtests.a libssecgi-redis.a $(SSECGI_LIBS) $(HIREDIS_LIBS) $(CMOCKA_LIBS)
tests_unit_test_redis_model_LDADD = $(REDIS_LDADD)
tests_unit_test_redis_page_LDADD = $(REDIS_LDADD)
tests_unit_test_redis_position_LDADD = $(REDIS_LDADD)

# What several unit tests share.
check_LIBRARIES = tests/unit/libtests.a tests/unit/libhub.a
tests_unit_libtests_a_SOURCES = \
	tests/unit/model_run.h \
	tests/unit/test_app_publish_rig.h \
	tests/unit/test_journal_model.h \
	tests/unit/test_journal_publish.h \
	tests/unit/test_journal_rig.h \
	tests/unit/test_merge_model.h \
	tests/unit/test_merge_rig.h \
	tests/unit/test_redis_world.h \
	tests/unit/test_metrics_page.h \
	tests/unit/test_scoreboard_play.h \
	tests/unit/test_tally_play.h \
	tests/unit/test_tail_many_model.h \
	tests/unit/test_tail_model.h \
	tests/unit/test_tail_rig.h \
	tests/unit/ticker_host.h \
	tests/unit/whatwg.c \
	tests/unit/whatwg.h

LDADD = tests/unit/libtests.a $(SSECGI_LIBS) $(CMOCKA_LIBS)

# A world for the hub. Its dice take the place of base/rand's, so only these tests link it.
HUB_LDADD = tests/unit/libhub.a $(LDADD)
tests_unit_libhub_a_SOURCES = \
	tests/unit/hub_play.c \
	tests/unit/hub_play.h \
	tests/unit/hub_rig.c \
	tests/unit/hub_rig.h \
	tests/unit/hub_rig_reader.c \
	tests/unit/hub_rig_reader.h
tests_unit_test_gate_accept_LDADD = $(HUB_LDADD)
tests_unit_test_gate_params_LDADD = $(HUB_LDADD)
tests_unit_test_gate_plain_LDADD = $(HUB_LDADD)
tests_unit_test_gate_record_LDADD = $(HUB_LDADD)
tests_unit_test_gate_scratch_LDADD = $(HUB_LDADD)
tests_unit_test_gate_writer_LDADD = $(HUB_LDADD)
tests_unit_test_hub_count_LDADD = $(HUB_LDADD)
tests_unit_test_hub_end_LDADD = $(HUB_LDADD)
tests_unit_test_hub_flood_LDADD = $(HUB_LDADD)
tests_unit_test_hub_gather_LDADD = $(HUB_LDADD)
tests_unit_test_hub_model_LDADD = $(HUB_LDADD)
tests_unit_test_hub_nomem_LDADD = $(HUB_LDADD)
tests_unit_test_hub_reader_LDADD = $(HUB_LDADD)
tests_unit_test_hub_retry_LDADD = $(HUB_LDADD)
tests_unit_test_hub_ring_LDADD = $(HUB_LDADD)
tests_unit_test_hub_tell_LDADD = $(HUB_LDADD)
tests_unit_test_hub_until_LDADD = $(HUB_LDADD)

# They stand between the journal and the system.
tests_unit_test_journal_model_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=flock,--wrap=write,--wrap=ftruncate,--wrap=unlink
tests_unit_test_topic_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=fdatasync

# They stand between the gate and the system.
tests_unit_test_gate_accept_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=accept4
tests_unit_test_gate_writer_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=send,--wrap=sendmsg,--wrap=writev

# It stands between the source and the system's notices.
tests_unit_test_tail_watch_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=uv_fs_event_start

# It stands between the hub and the allocator.
tests_unit_test_hub_nomem_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup

# First of all, and on every machine: what is left out here, and why.
TESTS += tests/prerequisites.sh
if HAVE_PYTHON3
TESTS += $(LINT_TESTS) $(SYSTEM_TESTS)
endif
if HAVE_CMOCKA
TESTS += $(UNIT_TESTS)
check_PROGRAMS += $(UNIT_TESTS)
if HAVE_CURL
TESTS += $(CTL_TESTS) $(CHAT_TESTS)
CTL_TESTS_BUILT = $(CTL_TESTS) $(CHAT_TESTS)
check_PROGRAMS += $(CTL_TESTS) $(CHAT_TESTS)
endif
if HAVE_HIREDIS
TESTS += $(REDIS_TESTS)
REDIS_TESTS_BUILT = $(REDIS_TESTS)
check_PROGRAMS += $(REDIS_TESTS)
endif
endif

TEST_EXTENSIONS = .py .sh
TAP_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_DRIVER = $(TAP_DRIVER)
LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/tap.sh
SH_LOG_DRIVER = $(TAP_DRIVER)
SH_LOG_COMPILER = $(SHELL)
PY_LOG_DRIVER = $(TAP_DRIVER)
PY_LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/tap.sh $(PYTHON3) -B $(top_srcdir)/tests/system/tap.py

AM_TESTS_ENVIRONMENT = \
	CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; \
	SSECGI='$(abs_top_builddir)/ssecgi$(EXEEXT)'; export SSECGI; \
	SSECGI_CTL='$(abs_top_builddir)/ssecgi-ctl$(EXEEXT)'; export SSECGI_CTL; \
	SRCDIR='$(abs_top_srcdir)'; export SRCDIR; \
	BUILDDIR='$(abs_top_builddir)'; export BUILDDIR; \
	LINT_CC='$(CC) $(AM_CPPFLAGS) $(CPPFLAGS) $(AM_CFLAGS) $(CFLAGS)'; export LINT_CC; \
	HAVE_CMOCKA='@CMOCKA_LIBS@'; export HAVE_CMOCKA; \
	PYTHON3='$(PYTHON3)'; export PYTHON3;

# Writes into the source: a person looks at the difference and commits it.
.PHONY: front-ends-table
front-ends-table: ssecgi$(EXEEXT)
	$(AM_V_at)SSECGI='$(abs_top_builddir)/ssecgi$(EXEEXT)' SRCDIR='$(abs_top_srcdir)' \
		BUILDDIR='$(abs_top_builddir)' $(PYTHON3) -B $(top_srcdir)/tests/system/front_end_table.py

# The README's pictures, as the browser test takes them. Writes into the source, too.
PICTURES = chat index log price
.PHONY: screenshots
screenshots: ssecgi$(EXEEXT)
	$(AM_V_at)SSECGI='$(abs_top_builddir)/ssecgi$(EXEEXT)' SRCDIR='$(abs_top_srcdir)' \
		BUILDDIR='$(abs_top_builddir)' ARTEFACTS='$(abs_top_builddir)/artefacts' BROWSER_TESTS=readme_ \
		$(PYTHON3) -B $(top_srcdir)/tests/system/tap.py $(top_srcdir)/tests/system/test_browser.py
	$(AM_V_at)for name in $(PICTURES); do \
		cp '$(abs_top_builddir)/artefacts'/readme-$$name.png '$(srcdir)'/doc/$$name-page.png || exit 1; \
	done

.PHONY: check-unit check-lint check-system check-system-some check-valgrind
check-unit:
	$(AM_V_at)$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(UNIT_TESTS) $(CTL_TESTS_BUILT) $(REDIS_TESTS_BUILT)'
check-lint:
	$(AM_V_at)$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(LINT_TESTS)'
check-system:
	$(AM_V_at)$(MAKE) $(AM_MAKEFLAGS) check TESTS='$(SYSTEM_TESTS)'

# For sanitizers: without tests that are mostly of what web servers do, and take the program through the same
# paths as those that stay.
OF_SERVERS = doctor_mistakes doctor_servers matrix_apache_cgi matrix_apache_proxy matrix_caddy matrix_h2o \
	matrix_haproxy matrix_lighttpd_cgi matrix_lighttpd_external
check-system-some:
	$(AM_V_at)$(MAKE) $(AM_MAKEFLAGS) check \
		TESTS='$(filter-out $(OF_SERVERS:%=tests/system/test_%.py),$(SYSTEM_TESTS))'
# Valgrind is slow: the model tests play fewer of their histories there.
check-valgrind:
	$(AM_V_at)test -n '$(VALGRIND)' || { echo 'check-valgrind: configure found no valgrind' >&2; exit 1; }
	$(AM_V_at)TAIL_MODEL_COUNT=200 TAIL_MANY_COUNT=100 HUB_MODEL_COUNT=200 JOURNAL_MODEL_COUNT=100 MERGE_MODEL_COUNT=100 REDIS_MODEL_COUNT=20 $(MAKE) $(AM_MAKEFLAGS) check TESTS='$(UNIT_TESTS) $(CTL_TESTS_BUILT) $(REDIS_TESTS_BUILT)' \
		LOG_FLAGS='$(VALGRIND) --quiet --error-exitcode=99 --leak-check=full --suppressions=$(abs_top_srcdir)/tests/valgrind.supp'

# Ten minutes of a busy log through lighttpd. SOAK_S and SOAK_LINES, of a second, change it.
.PHONY: soak
soak: ssecgi$(EXEEXT)
	$(AM_V_at)test -n '$(PYTHON3)' || { echo 'soak: configure found no python3' >&2; exit 1; }
	$(AM_V_at)SOAK_S="$${SOAK_S:-600}" SSECGI='$(abs_top_builddir)/ssecgi$(EXEEXT)' \
		SRCDIR='$(abs_top_srcdir)' BUILDDIR='$(abs_top_builddir)' \
		$(PYTHON3) -B $(top_srcdir)/tests/system/tap.py $(top_srcdir)/tests/system/test_soak.py

EXTRA_DIST += \
	tests/prerequisites.sh \
	tests/run.sh \
	tests/tap.sh \
	tests/valgrind.supp \
	tests/lint/lint.py \
	$(LINT_TESTS) \
	$(SYSTEM_TESTS) \
	$(SYSTEM_HELPERS) \
	$(BROWSER_TESTS) \
	$(PAGE_TESTS)

/* SPDX-License-Identifier: MIT */
/* The command line: what goes together, what does not, and what is said then. */
#include "app/flags.h"

#include "base/err.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARGS_MAX 32

static struct app_flags flags;
static struct err err;

/* The words of a command line, separated by blanks. */
static int read_line(const char *line)
{
    static char copy[4096];
    char *argv[ARGS_MAX + 1] = {"ssecgi"};
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        assert_true(argc < ARGS_MAX);
        argv[argc++] = word;
    }
    memset(&err, 0, sizeof err);
    memset(&flags, 0xaa, sizeof flags);
    /* glibc begins anew after 0, and knows it once it has looked. */
    optind = 0;
    assert_int_equal(getopt(1, argv, ""), -1);
    return app_flags_read(&flags, argc, argv, &err);
}

static void assert_reads(const char *line)
{
    if (read_line(line)) {
        fail_msg("%s: %s", line, err.text);
    }
}

static void assert_refuses(const char *line, const char *said)
{
    struct app_flags before;
    memset(&before, 0xaa, sizeof before);
    if (read_line(line) == 0) {
        fail_msg("taken: %s", line);
    }
    if (!strstr(err.text, said)) {
        fail_msg("%s: said \"%s\", nothing of \"%s\"", line, err.text, said);
    }
    assert_memory_equal(&flags, &before, sizeof before); /* untouched on failure */
}

static int without_environment(void **state)
{
    (void)state;
    return unsetenv("SSECGI_CONFIG");
}

static void serves_when_nothing_is_said(void **state)
{
    (void)state;
    assert_reads("");
    assert_int_equal(flags.action, APP_SERVE);
    assert_null(flags.config);
    assert_int_equal(flags.listen_count, 0);
    assert_null(flags.stream);
    assert_int_equal(flags.count, 0);
}

static void reads_each_action(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum app_action action;
    } cases[] = {
        {"--check-config", APP_CHECK_CONFIG}, {"--dump-config", APP_DUMP_CONFIG},
        {"--list-sources", APP_LIST_SOURCES}, {"--print x", APP_PRINT},
        {"--version", APP_VERSION},           {"--help", APP_HELP},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_reads(cases[i].line);
        assert_int_equal(flags.action, cases[i].action);
    }
}

static void reads_values_in_both_spellings(void **state)
{
    (void)state;
    assert_reads("--config a.json --print price?symbol=A --from 1-2 --last 5 --count 7");
    assert_string_equal(flags.config, "a.json");
    assert_string_equal(flags.stream, "price?symbol=A");
    assert_string_equal(flags.from, "1-2");
    assert_string_equal(flags.last, "5");
    assert_int_equal(flags.count, 7);
    assert_reads("--count=18446744073709551615 --print=s --config=b.json");
    assert_string_equal(flags.config, "b.json");
    assert_string_equal(flags.stream, "s");
    assert_true(flags.count == UINT64_MAX);
}

static void listens_on_several_addresses_up_to_a_limit(void **state)
{
    (void)state;
    char line[1024] = "";
    for (int i = 0; i < GATE_LISTENERS_MAX; i++) {
        size_t used = strlen(line);
        snprintf(line + used, sizeof line - used, "--listen unix:%d ", i);
    }
    assert_reads(line);
    assert_int_equal(flags.listen_count, GATE_LISTENERS_MAX);
    assert_string_equal(flags.listen[GATE_LISTENERS_MAX - 1], "unix:7");
    size_t used = strlen(line);
    snprintf(line + used, sizeof line - used, "--listen unix:more");
    assert_refuses(line, "--listen");
}

static void takes_the_configuration_from_the_environment(void **state)
{
    (void)state;
    setenv("SSECGI_CONFIG", "env.json", 1);
    assert_reads("");
    assert_string_equal(flags.config, "env.json");
    assert_reads("--config flag.json");
    assert_string_equal(flags.config, "flag.json");
    setenv("SSECGI_CONFIG", "", 1);
    assert_reads("");
    assert_null(flags.config);
}

static void says_what_it_does_not_know(void **state)
{
    (void)state;
    assert_refuses("--nothing", "--nothing");
    assert_refuses("-x", "-x");
    assert_refuses("file.json", "file.json");
    assert_refuses("--check-config file.json", "file.json");
    assert_refuses("-- file.json", "file.json");
    assert_refuses("--check-config=yes", "--check-config=yes");
}

static void says_which_value_is_missing(void **state)
{
    (void)state;
    static const char *const takers[] = {"--config", "--listen", "--print",
                                         "--from",   "--last",   "--count"};
    for (size_t i = 0; i < sizeof takers / sizeof takers[0]; i++) {
        assert_refuses(takers[i], takers[i]);
        assert_refuses(takers[i], "value");
    }
}

static void refuses_numbers_that_are_none(void **state)
{
    (void)state;
    assert_refuses("--print s --count 0", "--count");
    assert_refuses("--print s --count -1", "--count");
    assert_refuses("--print s --count 1x", "--count");
    assert_refuses("--print s --count 18446744073709551616", "--count");
    assert_refuses("--print s --count=", "--count");
}

static void refuses_what_does_not_go_together(void **state)
{
    (void)state;
    assert_refuses("--print s --dump-config", "only one of");
    assert_refuses("--version --help", "only one of");
    assert_refuses("--from 1-2", "--print");
    assert_refuses("--last 2", "--print");
    assert_refuses("--check-config --count 2", "--print");
    assert_refuses("--print s --listen unix:x", "--listen");
    assert_refuses("--dump-config --listen unix:x", "--listen");
}

/* A script must not come to depend on what a new option would make ambiguous. */
static void refuses_abbreviations(void **state)
{
    (void)state;
    assert_refuses("--vers", "--vers");
    assert_refuses("--conf x.json", "--conf");
}

static void the_help_names_every_option(void **state)
{
    (void)state;
    static const char *const names[] = {
        "--config", "--listen", "--check-config", "--dump-config", "--list-sources", "--print",
        "--from",   "--last",   "--count",        "--version",     "--help"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_non_null(strstr(app_help, names[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_when_nothing_is_said),
        cmocka_unit_test(reads_each_action),
        cmocka_unit_test(reads_values_in_both_spellings),
        cmocka_unit_test(listens_on_several_addresses_up_to_a_limit),
        cmocka_unit_test_teardown(takes_the_configuration_from_the_environment,
                                  without_environment),
        cmocka_unit_test(says_what_it_does_not_know),
        cmocka_unit_test(says_which_value_is_missing),
        cmocka_unit_test(refuses_numbers_that_are_none),
        cmocka_unit_test(refuses_what_does_not_go_together),
        cmocka_unit_test(refuses_abbreviations),
        cmocka_unit_test(the_help_names_every_option),
    };
    return cmocka_run_group_tests_name("app_flags", tests, without_environment, NULL);
}

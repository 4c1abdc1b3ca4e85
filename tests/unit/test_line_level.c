/* SPDX-License-Identifier: MIT */
/* test_line_level: what is a level in a line and what only looks like one. */
#include "source/line_level.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *line, const char *level)
{
    const char *got = line_level(line, strlen(line));
    if (!level) {
        assert_null(got);
        return;
    }
    assert_non_null(got);
    assert_string_equal(got, level);
}

static void knows_syslog_priorities(void **state)
{
    (void)state;
    expect("<0>x", "emerg");
    expect("<34>1 2003-10-11T22:14:15.003Z mymachine su - error", "crit");
    expect("<191>x", "debug");
    expect("<192>x", NULL);
    expect("<1234>x", NULL);
    expect("<>x", NULL);
    expect("<3", NULL);
}

static void knows_the_words_of_the_table(void **state)
{
    static const char *const pairs[][2] = {
        {"emerg", "emerg"},   {"EMERGENCY", "emerg"}, {"panic", "emerg"},      {"Alert", "alert"},
        {"crit", "crit"},     {"critical", "crit"},   {"FATAL", "crit"},       {"error", "error"},
        {"ERR", "error"},     {"SEVERE", "error"},    {"warn", "warn"},        {"WARNING", "warn"},
        {"notice", "notice"}, {"info", "info"},       {"Information", "info"}, {"debug", "debug"},
        {"trace", "trace"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        expect(pairs[i][0], pairs[i][1]);
    }
}

static void knows_the_usual_places(void **state)
{
    (void)state;
    expect("2026-11-21 10:42:21 [error] 12#0: it broke", "error");
    expect("time=x level=warning msg=y", "warn");
    expect("{\"msg\":\"x\",\"level\":\"error\"}", "error");
    expect("{\"severity\": \"INFO\"}", "info");
    expect("error: no such file", "error");
    expect("it was fatal.", "crit");
    expect("nothing to see", NULL);
    expect("", NULL);
}

static void a_key_counts_more_than_brackets_and_these_more_than_words(void **state)
{
    (void)state;
    expect("{\"msg\":\"error [alert]\",\"level\":\"info\"}", "info");
    expect("debug of [notice] things", "notice");
    expect("INFO no error", "info");
    expect("sublevel=x error", "error");
}

static void a_part_of_a_word_or_of_a_path_is_none(void **state)
{
    (void)state;
    expect("errors terror information2 info_x", NULL);
    expect("GET /error/404 /var/log/error.log my-error-page www.error.com", NULL);
    expect("err\xc3\xa4r", NULL);
}

static void looks_at_the_beginning_only(void **state)
{
    char line[LINE_LEVEL_BYTES + 16];
    (void)state;
    memset(line, ' ', sizeof line);
    memcpy(line + LINE_LEVEL_BYTES - 5, "error", 5);
    assert_string_equal(line_level(line, sizeof line), "error");
    memset(line, ' ', sizeof line);
    memcpy(line + LINE_LEVEL_BYTES, "error", 5);
    assert_null(line_level(line, sizeof line));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_syslog_priorities),
        cmocka_unit_test(knows_the_words_of_the_table),
        cmocka_unit_test(knows_the_usual_places),
        cmocka_unit_test(a_key_counts_more_than_brackets_and_these_more_than_words),
        cmocka_unit_test(a_part_of_a_word_or_of_a_path_is_none),
        cmocka_unit_test(looks_at_the_beginning_only),
    };
    return cmocka_run_group_tests_name("line level", tests, NULL, NULL);
}

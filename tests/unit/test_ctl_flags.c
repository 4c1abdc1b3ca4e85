/* SPDX-License-Identifier: MIT */
/* The command line of ssecgi-ctl, and the addresses that are made from the one it is given. */
#include "ctl/flags.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ARGS(...)                                                                                  \
    (char *[])                                                                                     \
    {                                                                                              \
        "ssecgi-ctl", __VA_ARGS__, NULL                                                            \
    }

static int read_all(char **argv, struct ctl_flags *f, struct err *err)
{
    int argc = 0;
    while (argv[argc]) {
        argc++;
    }
    return ctl_flags_read(f, argc, argv, err);
}

static void reads_options_on_either_side_of_the_url(void **state)
{
    (void)state;
    static struct ctl_flags f;
    struct err err = {.code = 0};
    char **argv = ARGS("doctor", "--json", "-H", "A: b", "http://h/events/x", "--quiet-s", "60",
                       "--header=C: d", "--timeout=5", "--user", "u:p");
    assert_int_equal(read_all(argv, &f, &err), 0);
    assert_string_equal(f.url, "http://h/events/x");
    assert_int_equal(f.quiet_ms, 60000);
    assert_true(f.has_quiet);
    assert_int_equal(f.access.timeout_ms, 5000);
    assert_int_equal(f.access.header_count, 2);
    assert_string_equal(f.access.user, "u:p");
    assert_true(f.is_json);
    assert_int_equal(read_all(ARGS("doctor", "h/events/x"), &f, &err), 0);
    assert_string_equal(f.url, "http://h/events/x");
    assert_int_equal(f.quiet_ms, CTL_QUIET_S * 1000);
    assert_int_equal(read_all(ARGS("--version"), &f, &err), 0);
    assert_int_equal(f.action, CTL_VERSION);
    assert_int_equal(read_all(ARGS("doctor", "--help"), &f, &err), 0);
    assert_int_equal(f.action, CTL_HELP);
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    static struct ctl_flags f;
    char **cases[] = {
        (char *[]){"ssecgi-ctl", NULL},
        ARGS("nurse", "http://h/"),
        ARGS("--json"),
        ARGS("doctor"),
        ARGS("doctor", "--nope", "http://h/"),
        ARGS("doctor", "--time", "3", "http://h/"), /* an abbreviation */
        ARGS("doctor", "-x", "http://h/"),
        ARGS("doctor", "http://h/", "http://i/"),
        ARGS("doctor", "http://h/", "--timeout"),
        ARGS("doctor", "--timeout", "0", "http://h/"),
        ARGS("doctor", "--timeout", "1s", "http://h/"),
        ARGS("doctor", "--quiet-s", "86401", "http://h/"),
        ARGS("doctor", "--user", "u", "http://h/"),
        ARGS("doctor", "-H", "no colon", "http://h/"),
        ARGS("doctor", "-H", ": x", "http://h/"),
        ARGS("doctor", "-H", "A: b\r\nC: d", "http://h/"),
        ARGS("doctor", "--origin", "https://a\n", "http://h/"),
        ARGS("doctor", "ftp://h/"),
        ARGS("doctor", "file:///x"),
        ARGS("doctor", "http://"),
        ARGS("doctor", "http://h/a b"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {.code = 0};
        assert_true(read_all(cases[i], &f, &err) < 0);
        assert_true(err.text[0] != '\0');
    }
}

static void makes_addresses(void **state)
{
    (void)state;
    char out[CTL_URL_SIZE];
    assert_int_equal(ctl_url_read("http://u:p@h:8080/events/x?a=b#c", out, NULL), 0);
    assert_string_equal(out, "http://u:p@h:8080/events/x?a=b");
    assert_int_equal(ctl_url_show("http://u:p@h:8080/events/x", out), 0);
    assert_string_equal(out, "http://h:8080/events/x");
    assert_int_equal(ctl_url_add("http://h/x", "last=1", out), 0);
    assert_string_equal(out, "http://h/x?last=1");
    assert_int_equal(ctl_url_add("http://h/x?a=b", "last=1", out), 0);
    assert_string_equal(out, "http://h/x?a=b&last=1");
    assert_int_equal(ctl_url_folder("http://h/events/x?y=/z", out), 0);
    assert_string_equal(out, "http://h/events/");
    assert_int_equal(ctl_url_follow("http://h/events/x", "/y?z#w", out), 0);
    assert_string_equal(out, "http://h/y?z");
}

static void shows_passwords_to_the_same_server_only(void **state)
{
    (void)state;
    assert_true(ctl_url_is_same_server("http://h/a", "http://H:80/b"));
    assert_true(ctl_url_is_same_server("http://h/a", "https://h/a"));
    assert_false(ctl_url_is_same_server("https://h/a", "http://h/a"));
    assert_false(ctl_url_is_same_server("http://h/a", "http://h:81/a"));
    assert_false(ctl_url_is_same_server("http://h/a", "http://i/a"));
    assert_false(ctl_url_is_same_server("http://h/a", "http://h@i/a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_options_on_either_side_of_the_url),
        cmocka_unit_test(refuses_what_it_does_not_know),
        cmocka_unit_test(makes_addresses),
        cmocka_unit_test(shows_passwords_to_the_same_server_only),
    };
    return cmocka_run_group_tests_name("ctl flags", tests, NULL, NULL);
}

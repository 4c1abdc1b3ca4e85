/* SPDX-License-Identifier: MIT */
/* test_redis_position: positions in a stream that Redis keeps, and servers' addresses, as texts. */
#include "base/err.h"
#include "source/redis/position.h"
#include "source/redis/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void every_kind_is_read_as_it_was_written(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "start", "t.0", "t.1700000000000", "l.5.1700000000000", "Ab-_0xyz.95.b",
        "Ab-_0xyz.0.1.1700000000000-0", "Ab-_0xyz.4294967295.9007199254740991.1-18446744073709551615",
        "Ab-_0xyz.2.95.1700000000000-3.p",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct redis_position p;
        char again[SSE_POSITION_SIZE];
        assert_int_equal(redis_position_parse(texts[i], &p), 0);
        redis_position_print(&p, again);
        assert_string_equal(again, texts[i]);
        assert_true(sse_position_is_valid(again, strlen(again)));
    }
}

static void the_longest_fits(void **state)
{
    (void)state;
    struct redis_position p = {.kind = REDIS_PLACE, .mark = {.generation = "AAAAAAAA",
                               .epoch = UINT32_MAX, .n = REDIS_NUMBER_MAX},
                               .id = {.ms = UINT64_MAX, .seq = UINT64_MAX}};
    char text[SSE_POSITION_SIZE];
    redis_position_print(&p, text);
    assert_int_equal(redis_position_parse(text, &p), 0);
    assert_true(p.id.seq == UINT64_MAX && p.mark.n == REDIS_NUMBER_MAX);
}

static void what_was_never_written_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", ".", "start.", "Start", "t.", "t.-1", "t.01", "t.9007199254740992", "l.5", "l..5", "x.5",
        "Ab-_0xyz.95.c", "Ab-_0xy.95.b", "Ab-_0xyzz.95.b", "Ab-_0xyz.0.1", "Ab-_0xyz.0.1.5.q",
        "Ab-_0xyz.0.1.5-", "Ab-_0xyz.0.1.-5", "Ab-_0xyz.0.1.5-05", "Ab-_0xyz.0.1.5-5-5",
        "Ab-_0xyz.0.9007199254740992.5-5", "Ab-_0xyz.4294967296.1.5-5", "Ab-_0xyz.0.1.5-5.q",
        "Ab-_0xyz.0.1.5-5.p.p", "Ab-_0xyz.0.1.5-18446744073709551616",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct redis_position p = {.kind = REDIS_LAST, .count = 77};
        assert_int_equal(redis_position_parse(texts[i], &p), ERR_INVALID);
        assert_true(p.kind == REDIS_LAST && p.count == 77);
    }
}

static void ids_are_ordered_by_time_and_then_by_sequence(void **state)
{
    (void)state;
    struct redis_id a = {1, 9}, b = {2, 0}, c = {2, 1};
    assert_true(redis_id_order(a, b) < 0 && redis_id_order(c, b) > 0);
    assert_int_equal(redis_id_order(b, b), 0);
}

/* ---- addresses ---- */

static void reads_every_form_of_an_address(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host, *path, *user, *password;
        int port;
        int64_t db;
    } cases[] = {
        {"redis://h", "h", NULL, NULL, NULL, 6379, 0},
        {"redis://h/", "h", NULL, NULL, NULL, 6379, 0},
        {"redis://h:1/3", "h", NULL, NULL, NULL, 1, 3},
        {"redis://[::1]:70/2", "::1", NULL, NULL, NULL, 70, 2},
        {"redis://:p%40@h", "h", NULL, NULL, "p@", 6379, 0},
        {"redis://u:p:q@h", "h", NULL, "u", "p:q", 6379, 0},
        {"redis://u@h", "h", NULL, "u", NULL, 6379, 0},
        {"unix:///a/b%20c", NULL, "/a/b c", NULL, NULL, 6379, 0},
        {"unix://u:p@/s?db=7", NULL, "/s", "u", "p", 6379, 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct redis_address a;
        const char *got[4], *wanted[4] = {cases[i].host, cases[i].path, cases[i].user,
                                          cases[i].password};
        assert_int_equal(redis_address_parse(&a, cases[i].url, NULL), 0);
        got[0] = a.host;
        got[1] = a.path;
        got[2] = a.user;
        got[3] = a.password;
        for (int k = 0; k < 4; k++) {
            assert_true(got[k] ? wanted[k] && strcmp(got[k], wanted[k]) == 0 : !wanted[k]);
        }
        assert_int_equal(a.port, cases[i].port);
        assert_int_equal(a.db, cases[i].db);
        redis_address_fini(&a);
    }
}

static void refuses_what_is_no_address(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "", "h", "http://h", "rediss://h", "redis://", "redis://:80", "redis://h:", "redis://h:0",
        "redis://h:65536", "redis://h:x", "redis://h/x", "redis://h/1000001", "redis://[::1",
        "redis://[::1]x", "redis://:%4@h", "redis://:%00@h", "redis://:%gg@h", "unix://s",
        "unix:///s?x", "unix:///s?db=x", "unix://",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct redis_address a;
        struct err err = {.code = 0};
        assert_int_equal(redis_address_parse(&a, urls[i], &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "url: must be"));
    }
}

static void the_password_is_the_first_line(void **state)
{
    (void)state;
    char path[] = "/tmp/ssecgi-test-XXXXXX";
    char *password = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "top secret\r\nmore\n", 17), 17);
    assert_int_equal(redis_password_read(path, &password), 0);
    assert_string_equal(password, "top secret");
    free(password);
    for (int i = 0; i < REDIS_PASSWORD_MAX; i++) {
        assert_int_equal(write(fd, "x", 1), 1);
    }
    close(fd);
    assert_int_equal(redis_password_read(path, &password), ERR_INVALID);
    unlink(path);
    assert_int_equal(redis_password_read(path, &password), ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_read_as_it_was_written),
        cmocka_unit_test(the_longest_fits),
        cmocka_unit_test(what_was_never_written_is_refused),
        cmocka_unit_test(ids_are_ordered_by_time_and_then_by_sequence),
        cmocka_unit_test(reads_every_form_of_an_address),
        cmocka_unit_test(refuses_what_is_no_address),
        cmocka_unit_test(the_password_is_the_first_line),
    };
    return cmocka_run_group_tests_name("redis position", tests, NULL, NULL);
}

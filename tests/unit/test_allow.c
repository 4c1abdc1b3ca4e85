/* SPDX-License-Identifier: MIT */
/* Who may look inside: addresses, networks, users, and what is none of them. */
#include "app/publish/allow.h"

#include "base/err.h"
#include "conf/option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct err err;

static int make(struct app_allow **out, const char *a, const char *b)
{
    char *items[2] = {(char *)a, (char *)b};
    struct conf_list list = {.items = items, .count = b ? 2 : 1};
    return app_allow_new(out, &list, "metrics.allow", &err);
}

static int allows(const char *entry, const char *address, const char *user)
{
    struct app_allow *a = NULL;
    assert_int_equal(make(&a, entry, NULL), 0);
    int answer = app_allow_has(a, address, user);
    app_allow_free(a);
    return answer;
}

static void an_address_is_itself(void **state)
{
    (void)state;
    assert_true(allows("127.0.0.1", "127.0.0.1", NULL));
    assert_true(allows("::1", "::1", NULL));
    assert_true(allows("::1", "0:0:0:0:0:0:0:1", NULL));
    assert_true(allows("fe80::1", "fe80::1%eth0", NULL));
    assert_false(allows("127.0.0.1", "127.0.0.2", NULL));
    assert_false(allows("127.0.0.1", "::1", NULL));
    assert_false(allows("::1", "127.0.0.1", NULL));
    assert_false(allows("0.0.0.0", "127.0.0.1", NULL));
}

static void an_ipv4_address_in_ipv6_clothes_is_the_same(void **state)
{
    (void)state;
    assert_true(allows("127.0.0.1", "::ffff:127.0.0.1", NULL));
    assert_true(allows("::ffff:127.0.0.1", "127.0.0.1", NULL));
    assert_true(allows("10.0.0.0/8", "::ffff:10.1.2.3", NULL));
    assert_true(allows("::ffff:10.0.0.0/104", "10.1.2.3", NULL));
    assert_false(allows("0.0.0.0/0", "::1", NULL));
    assert_false(allows("127.0.0.1", "::127.0.0.1", NULL));
}

static void a_network_is_its_first_bits(void **state)
{
    (void)state;
    assert_true(allows("10.0.0.0/8", "10.255.255.255", NULL));
    assert_false(allows("10.0.0.0/8", "11.0.0.0", NULL));
    assert_true(allows("192.168.4.0/22", "192.168.7.255", NULL));
    assert_false(allows("192.168.4.0/22", "192.168.8.0", NULL));
    assert_true(allows("192.168.1.1/32", "192.168.1.1", NULL));
    assert_false(allows("192.168.1.0/31", "192.168.1.2", NULL));
    assert_true(allows("0.0.0.0/0", "203.0.113.7", NULL));
    assert_true(allows("2001:db8::/33", "2001:db8:7fff::1", NULL));
    assert_false(allows("2001:db8::/33", "2001:db8:8000::", NULL));
    assert_true(allows("::/0", "2001:db8::1", NULL));
    /* All of IPv6 has all of IPv4 in it. */
    assert_true(allows("::/0", "203.0.113.7", NULL));
}

static void a_user_is_its_whole_name(void **state)
{
    (void)state;
    assert_true(allows("user:alice", "203.0.113.7", "alice"));
    assert_true(allows("user:alice", NULL, "alice"));
    assert_false(allows("user:alice", NULL, "alic"));
    assert_false(allows("user:alice", NULL, "alice2"));
    assert_false(allows("user:alice", NULL, "Alice"));
    assert_false(allows("user:alice", NULL, NULL));
    assert_false(allows("user:127.0.0.1", "127.0.0.1", NULL));
    assert_false(allows("127.0.0.1", NULL, "127.0.0.1"));
}

static void what_is_no_address_is_nobody(void **state)
{
    (void)state;
    static const char *const bad[] = {NULL,        "",           "unix:",        "localhost",
                                      "127.0.0.1 ", "127.0.0.1:80", "127.1",       "0x7f.0.0.1",
                                      "127.0.0.1, 127.0.0.1", "[::1]", "127.0.0.1\n", "1.2.3.4/32"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(allows("0.0.0.0/0", bad[i], NULL));
        assert_false(allows("::/0", bad[i], NULL));
    }
    char longer[5000];
    memset(longer, '1', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_false(allows("0.0.0.0/0", longer, longer));
}

static void any_entry_will_do(void **state)
{
    (void)state;
    struct app_allow *a = NULL;
    assert_int_equal(make(&a, "10.0.0.0/8", "user:bob"), 0);
    assert_true(app_allow_has(a, "10.0.0.1", NULL));
    assert_true(app_allow_has(a, "192.0.2.1", "bob"));
    assert_false(app_allow_has(a, "192.0.2.1", "eve"));
    app_allow_free(a);
    app_allow_free(NULL);
}

static void a_mistake_is_told_with_its_place(void **state)
{
    (void)state;
    static const char *const bad[] = {"",          "localhost", "10.0.0.0/33", "10.0.0.0/",
                                      "10.0.0.0/-1", "10.0.0/8",  "::/129",     "10.0.0.1/8",
                                      "10.0.0.0/8/8", "user:",     "User:bob",   " 10.0.0.1",
                                      "2001:db8::1/64", "/8"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct app_allow *a = NULL;
        assert_int_equal(make(&a, "::1", bad[i]), ERR_INVALID);
        assert_null(a);
        assert_int_equal(strncmp(err.text, "metrics.allow[1]: ", 18), 0);
        assert_non_null(strstr(err.text, bad[i]));
    }
    struct app_allow *a = NULL;
    struct conf_list none = {.count = 0};
    assert_int_equal(app_allow_new(&a, &none, "health.allow", &err), ERR_INVALID);
    assert_int_equal(strncmp(err.text, "health.allow: ", 14), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_itself),
        cmocka_unit_test(an_ipv4_address_in_ipv6_clothes_is_the_same),
        cmocka_unit_test(a_network_is_its_first_bits),
        cmocka_unit_test(a_user_is_its_whole_name),
        cmocka_unit_test(what_is_no_address_is_nobody),
        cmocka_unit_test(any_entry_will_do),
        cmocka_unit_test(a_mistake_is_told_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

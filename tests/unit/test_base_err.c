/* SPDX-License-Identifier: MIT */
/* Error texts: cut to fit, prefixed, and optional. */
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void sets_code_and_text(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(err_set(&e, ERR_RANGE, "%s is %d", "port", 70000), ERR_RANGE);
    assert_int_equal(e.code, ERR_RANGE);
    assert_string_equal(e.text, "port is 70000");
}

static void works_without_storage(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_IO, "text"), ERR_IO);
    err_prefix(NULL, "file");
}

static void cuts_a_long_text(void **state)
{
    (void)state;
    struct err e;
    char text[2 * ERR_TEXT_BYTES];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_set(&e, ERR_IO, "%s", text);
    assert_int_equal(strlen(e.text), ERR_TEXT_BYTES - 1);
}

static void puts_a_prefix_before_the_text(void **state)
{
    (void)state;
    struct err e;
    err_set(&e, ERR_INVALID, "unknown key");
    err_prefix(&e, "ssecgi.json");
    assert_string_equal(e.text, "ssecgi.json: unknown key");
    assert_int_equal(e.code, ERR_INVALID);
}

static void a_prefix_of_any_length_fits(void **state)
{
    (void)state;
    char prefix[2 * ERR_TEXT_BYTES];
    for (size_t len = ERR_TEXT_BYTES - 20; len < ERR_TEXT_BYTES + 20; len++) {
        struct err e;
        memset(prefix, 'p', len);
        prefix[len] = '\0';
        err_set(&e, ERR_INVALID, "some text");
        err_prefix(&e, prefix);
        assert_true(strlen(e.text) < ERR_TEXT_BYTES);
        assert_int_equal(e.text[0], 'p');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_code_and_text),
        cmocka_unit_test(works_without_storage),
        cmocka_unit_test(cuts_a_long_text),
        cmocka_unit_test(puts_a_prefix_before_the_text),
        cmocka_unit_test(a_prefix_of_any_length_fits),
    };
    return cmocka_run_group_tests_name("base err", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* test_filter: which lines are wanted, what is refused, and what a pattern may cost. */
#include "source/filter.h"

#include "base/err.h"
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct filter *make(struct filter_want want)
{
    struct filter *f = NULL;
    struct err err = {.text = ""};
    int rc = filter_new(&f, &want, &err);
    if (rc) {
        fail_msg("%s", err.text);
    }
    return f;
}

static int matches(struct filter_want want, const char *line)
{
    struct filter *f = make(want);
    int rc = filter_match(f, line, strlen(line));
    filter_free(f);
    return rc;
}

static void refuses(struct filter_want want, const char *text)
{
    struct filter *f = NULL;
    struct err err = {.text = ""};
    assert_int_equal(filter_new(&f, &want, &err), ERR_INVALID);
    assert_null(f);
    assert_string_equal(err.text, text);
}

#define WANT(...) ((struct filter_want){__VA_ARGS__})

static void without_parameters_there_is_none(void **state)
{
    (void)state;
    assert_null(make(WANT(.grep = NULL)));
    filter_free(NULL);
}

static void finds_a_text_as_it_is_written(void **state)
{
    (void)state;
    assert_int_equal(matches(WANT(.grep = "a.c"), "xx a.c yy"), 1);
    assert_int_equal(matches(WANT(.grep = "a.c"), "xx abc yy"), 0);
    assert_int_equal(matches(WANT(.grep = "a.c"), ""), 0);
    assert_int_equal(matches(WANT(.grep = "A"), "a"), 0);
}

static void finds_a_pattern(void **state)
{
    (void)state;
    assert_int_equal(matches(WANT(.regex = "^GET /\\d+ "), "GET /42 HTTP"), 1);
    assert_int_equal(matches(WANT(.regex = "^GET /\\d+ "), "GET /x HTTP"), 0);
    assert_int_equal(matches(WANT(.regex = "(?i)error"), "an ERROR"), 1);
    assert_int_equal(matches(WANT(.regex = "^.$"), "\xc3\xa4"), 1); /* one character */
    assert_int_equal(matches(WANT(.regex = "^$"), ""), 1);
}

static void invalid_utf8_in_a_line_is_no_error(void **state)
{
    (void)state;
    assert_int_equal(matches(WANT(.regex = "b+c"), "\xff\xfe abbc \x80"), 1);
    assert_int_equal(matches(WANT(.regex = "a.b"), "a\xff"
                                                   "b"),
                     0);
}

static void both_must_match_and_invert_turns_that_round(void **state)
{
    (void)state;
    assert_int_equal(matches(WANT(.grep = "a", .regex = "\\d"), "a1"), 1);
    assert_int_equal(matches(WANT(.grep = "a", .regex = "\\d"), "a"), 0);
    assert_int_equal(matches(WANT(.grep = "a", .regex = "\\d", .invert = "1"), "a"), 1);
    assert_int_equal(matches(WANT(.grep = "a", .invert = "1"), "b"), 1);
    assert_int_equal(matches(WANT(.grep = "a", .invert = "1"), "a"), 0);
    assert_int_equal(matches(WANT(.grep = "a", .invert = "0"), "a"), 1);
}

static void a_bad_parameter_is_named(void **state)
{
    (void)state;
    refuses(WANT(.regex = "ab("), "regex: at offset 3: missing closing parenthesis");
    refuses(WANT(.regex = "\xff"), "regex: at offset 0: UTF-8 error: illegal byte (0xfe or 0xff)");
    refuses(WANT(.regex = ""), "regex: must not be empty");
    refuses(WANT(.grep = ""), "grep: must not be empty");
    refuses(WANT(.grep = "a\nb"), "grep: must be of one line");
    refuses(WANT(.grep = "a", .invert = "yes"), "invert: must be 0 or 1");
    refuses(WANT(.grep = "a", .context = "101"),
            "context: must be a number of lines from 0 to 100");
    refuses(WANT(.invert = "1"), "invert: goes with grep or regex only");
    refuses(WANT(.context = "1"), "context: goes with grep or regex only");
}

static void a_pattern_has_a_greatest_length(void **state)
{
    (void)state;
    char text[FILTER_PATTERN_MAX + 2];
    memset(text, 'a', sizeof text);
    text[FILTER_PATTERN_MAX] = '\0';
    assert_int_equal(matches(WANT(.grep = text), text), 1);
    assert_int_equal(matches(WANT(.regex = text), text), 1);
    text[FILTER_PATTERN_MAX] = 'a';
    text[FILTER_PATTERN_MAX + 1] = '\0';
    refuses(WANT(.grep = text), "grep: must be at most 512 bytes long, not 513");
    refuses(WANT(.regex = text), "regex: must be at most 512 bytes long, not 513");
}

static void a_match_over_budget_is_told(void **state)
{
    (void)state;
    struct filter *f = make(WANT(.regex = "^(a+)+$"));
    char line[64];
    memset(line, 'a', sizeof line);
    line[sizeof line - 1] = 'b';
    assert_int_equal(filter_match(f, line, sizeof line), ERR_LIMIT);
    assert_int_equal(filter_match(f, "aaaa", 4), 1); /* it is good for other lines still */
    filter_free(f);
}

static void endless_recursion_is_over_budget(void **state)
{
    (void)state;
    char line[4000];
    memset(line, '(', sizeof line);
    struct filter *f = make(WANT(.regex = "^(\\((?1)*\\)*)*$|^((?2)?x)*z"));
    assert_in_range(filter_match(f, line, sizeof line) + 10, 0, 11);
    filter_free(f);
}

static void expect_find(struct filter *f, const char *block, size_t len, size_t at, int is_found)
{
    int found;
    assert_int_equal(filter_find(f, block, len, &found), at);
    assert_int_equal(found, is_found);
}

static void a_block_is_searched_at_once(void **state)
{
    (void)state;
    static const char block[] = "one\ntwo\nthree\nfour\nthr";
    struct filter *f = make(WANT(.grep = "ee"));
    expect_find(f, block, sizeof block - 1, 8, 1);
    expect_find(f, block, 8, 8, 0);
    expect_find(f, block + 14, 8, 8, 0);
    expect_find(f, block + 8, 6, 0, 1);
    filter_free(f);
    f = make(WANT(.grep = "o", .invert = "1"));
    expect_find(f, block, sizeof block - 1, 8, 1);
    filter_free(f);
    /* Without an end in sight a line cannot be judged. */
    f = make(WANT(.regex = "x"));
    expect_find(f, block, sizeof block - 1, 19, 1);
    expect_find(f, block, 8, 8, 0);
    filter_free(f);
}

/* Whatever the way, no wanted line is passed over. */
static void no_pattern_passes_over_a_wanted_line(void **state)
{
    (void)state;
    static const char *const patterns[] = {
        "ab",         "a.*b",      "^ab$",      "^$",        "b$",          "\\bab\\b",   "[ab]+c",
        "(ab|cd)",    "a{2,3}b",   "(?i)AB",    "[^x]b",     "a\\sb",       "a[[:alpha:]]b",
        "\\Aab",      "ab\\z",     "b\\Z",      "a++b",      "(?<=c)ab",    "^(?!.*c)",
        "\\W$",       "a\\x62",    "\\Qab\\E",  "[]a]b",     "a?",          "\\Ka",       ".",
        "c\\r",       "[a\\]b]c",  "x*+ab",     "(a)\\1",    "\\D\\d",       "\\$|ab",
    };
    static const char letters[] = "aabbcc1x \n\n\r\xc3\xa4";
    uint64_t dice = 1;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct filter *f = make(WANT(.regex = patterns[i]));
        for (int round = 0; round < 300; round++) {
            char block[120];
            size_t len = 0, begin = 0;
            while (len < sizeof block) {
                dice = hash_mix64(dice + 1);
                block[len++] = letters[dice % (sizeof letters - 1 - (round % 2 ? 3 : 0))];
            }
            while (begin < len) {
                const char *newline = memchr(block + begin, '\n', len - begin);
                int is_found;
                size_t at = filter_find(f, block + begin, len - begin, &is_found);
                assert_true(at <= len - begin);
                for (size_t line = begin; line < begin + at;) {
                    newline = memchr(block + line, '\n', len - line);
                    if (!newline) {
                        assert_int_equal(at, len - begin); /* judged as a whole only */
                        break;
                    }
                    size_t end = (size_t)(newline - block);
                    size_t text_end = end > line && block[end - 1] == '\r' ? end - 1 : end;
                    if (filter_match(f, block + line, text_end - line) != 0) {
                        fail_msg("%s passes over \"%.*s\"", patterns[i], (int)(text_end - line),
                                 block + line);
                    }
                    line = end + 1;
                }
                newline = memchr(block + begin + at, '\n', len - begin - at);
                if (!newline) {
                    break;
                }
                begin = (size_t)(newline - block) + 1;
            }
        }
        filter_free(f);
    }
}

static void context_and_cost_can_be_asked(void **state)
{
    (void)state;
    struct filter *f = make(WANT(.grep = "a", .context = "7"));
    assert_int_equal(filter_context(f), 7);
    assert_int_equal(filter_is_costly(f), 0);
    filter_free(f);
    f = make(WANT(.regex = "a"));
    assert_int_equal(filter_context(f), 0);
    assert_int_equal(filter_is_costly(f), 1);
    filter_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_parameters_there_is_none),
        cmocka_unit_test(finds_a_text_as_it_is_written),
        cmocka_unit_test(finds_a_pattern),
        cmocka_unit_test(invalid_utf8_in_a_line_is_no_error),
        cmocka_unit_test(both_must_match_and_invert_turns_that_round),
        cmocka_unit_test(a_bad_parameter_is_named),
        cmocka_unit_test(a_pattern_has_a_greatest_length),
        cmocka_unit_test(a_match_over_budget_is_told),
        cmocka_unit_test(endless_recursion_is_over_budget),
        cmocka_unit_test(a_block_is_searched_at_once),
        cmocka_unit_test(no_pattern_passes_over_a_wanted_line),
        cmocka_unit_test(context_and_cost_can_be_asked),
    };
    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}

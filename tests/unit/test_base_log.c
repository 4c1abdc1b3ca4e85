/* SPDX-License-Identifier: MIT */
/* Log lines: one a call, whole, and never forged by a value. */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LINE_MAX_BYTES 2048

struct fixture {
    int read_fd;
    struct log log;
    char line[4 * LINE_MAX_BYTES];
};

static int open_pipe(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    int fds[2];
    if (!f || pipe(fds) != 0) {
        free(f);
        return -1;
    }
    f->read_fd = fds[0];
    f->log = (struct log){.fd = fds[1], .level = LOG_LEVEL_INFO};
    *state = f;
    return 0;
}

static int close_pipe(void **state)
{
    struct fixture *f = *state;
    close(f->read_fd);
    close(f->log.fd);
    free(f);
    return 0;
}

/* What was written since the last call; a byte of our own marks the end, so read never waits. */
static const char *written(struct fixture *f)
{
    assert_int_equal(write(f->log.fd, "", 1), 1);
    ssize_t n = read(f->read_fd, f->line, sizeof f->line - 1);
    assert_true(n > 0);
    f->line[n] = '\0';
    assert_int_equal(strlen(f->line), n - 1);
    return f->line;
}

/* The text behind the time stamp. */
static const char *behind_stamp(struct fixture *f)
{
    const char *line = written(f);
    assert_true(strlen(line) > 25);
    assert_int_equal(line[10], 'T');
    assert_int_equal(line[23], 'Z');
    assert_int_equal(line[24], ' ');
    return line + 25;
}

static void writes_level_room_what_and_fields(void **state)
{
    struct fixture *f = *state;
    log_say(&f->log, WARN, "tail", "cannot open", LOG_TEXT("path", "/x"), LOG_NUM("errno", -2));
    assert_string_equal(behind_stamp(f), "warn tail: cannot open path=/x errno=-2\n");
    log_say(&f->log, INFO, "app", "started", LOG_NONE);
    assert_string_equal(behind_stamp(f), "info app: started\n");
}

static void drops_lines_above_its_level(void **state)
{
    struct fixture *f = *state;
    log_say(&f->log, DEBUG, "app", "not wanted", LOG_NONE);
    assert_string_equal(written(f), "");
    log_say(NULL, ERROR, "app", "no log at all", LOG_NONE);
}

static void quotes_what_would_be_ambiguous(void **state)
{
    struct fixture *f = *state;
    log_say(&f->log, INFO, "a", "w", LOG_TEXT("k", "two words"), LOG_TEXT("e", ""),
            LOG_TEXT("q", "a\"b\\c"), LOG_TEXT("n", NULL), LOG_TEXT("eq", "x=1"));
    assert_string_equal(behind_stamp(f),
                        "info a: w k=\"two words\" e=\"\" q=\"a\\\"b\\\\c\" n=\"\" eq=\"x=1\"\n");
}

static void keeps_characters_and_escapes_stray_bytes(void **state)
{
    struct fixture *f = *state;
    log_say(&f->log, INFO, "a", "w", LOG_TEXT("k", "\xc3\xa9\xff\xe2\x82"));
    assert_string_equal(behind_stamp(f), "info a: w k=\"\xc3\xa9\\xff\\xe2\\x82\"\n");
}

/* Every control byte, alone and beside every kind of neighbour, stays off the line. */
static void no_value_forges_a_line(void **state)
{
    struct fixture *f = *state;
    static const char *const around[] = {"",    "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                         "\xff"};
    const size_t count = sizeof around / sizeof *around;
    for (unsigned c = 1; c <= 0x7f; c = c == 0x1f ? 0x7f : c + 1) {
        for (size_t i = 0; i < count * count; i++) {
            char text[32];
            snprintf(text, sizeof text, "%s%c%s", around[i / count], (int)c, around[i % count]);
            log_say(&f->log, INFO, "a", text, LOG_TEXT("k", text));
            const char *line = written(f);
            size_t len = strlen(line);
            assert_int_equal(line[len - 1], '\n');
            for (size_t at = 0; at + 1 < len; at++) {
                assert_true((unsigned char)line[at] >= 0x20 && line[at] != 0x7f);
            }
        }
    }
}

static void cuts_a_long_line_but_ends_it(void **state)
{
    struct fixture *f = *state;
    char text[3 * LINE_MAX_BYTES];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_say(&f->log, INFO, "a", "w", LOG_TEXT("k", text), LOG_TEXT("l", "more"));
    const char *line = written(f);
    assert_int_equal(strlen(line), LINE_MAX_BYTES);
    assert_int_equal(line[LINE_MAX_BYTES - 1], '\n');
    memset(text, '\n', sizeof text - 1);
    log_say(&f->log, INFO, "a", text, LOG_NONE);
    line = written(f);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void a_lost_descriptor_does_no_harm(void **state)
{
    (void)state;
    struct log log = {.fd = -1, .level = LOG_LEVEL_INFO};
    log_say(&log, ERROR, "app", "nobody reads this", LOG_NONE);
}

static void limit_counts_what_it_holds_back(void **state)
{
    (void)state;
    struct log_limit limit = {0};
    uint32_t dropped = 99;
    for (int i = 0; i < LOG_LIMIT_BURST; i++) {
        assert_true(log_limit_pass(&limit, 1000, &dropped));
        assert_int_equal(dropped, 0);
    }
    for (int i = 0; i < 7; i++) {
        assert_false(log_limit_pass(&limit, 1999, &dropped));
    }
    assert_true(log_limit_pass(&limit, 2000, &dropped));
    assert_int_equal(dropped, 7);
    assert_true(log_limit_pass(&limit, 2000, &dropped));
    assert_int_equal(dropped, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_level_room_what_and_fields, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(drops_lines_above_its_level, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(quotes_what_would_be_ambiguous, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(keeps_characters_and_escapes_stray_bytes, open_pipe,
                                        close_pipe),
        cmocka_unit_test_setup_teardown(no_value_forges_a_line, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(cuts_a_long_line_but_ends_it, open_pipe, close_pipe),
        cmocka_unit_test(a_lost_descriptor_does_no_harm),
        cmocka_unit_test(limit_counts_what_it_holds_back),
    };
    return cmocka_run_group_tests_name("base log", tests, NULL, NULL);
}

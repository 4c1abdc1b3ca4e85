/* SPDX-License-Identifier: MIT */
/* ssecgi-ctl publish: its command line, its lines, and how it tells what was not published. */
#include "ctl/publish.h"

#include "base/err.h"
#include "ctl/publish_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ARGS_MAX 12

static struct err err;
static struct ctl_publish p;

static int read_flags(const char *const *words)
{
    char *argv[ARGS_MAX] = {(char *)"publish"};
    int argc = 1;
    for (; *words; words++) {
        argv[argc++] = (char *)*words;
    }
    memset(&err, 0, sizeof err);
    return ctl_publish_flags_read(&p, argc, argv, &err);
}

#define READ(...) read_flags((const char *const[]){__VA_ARGS__, NULL})

static void names_a_stream_or_a_url(void **state)
{
    (void)state;
    assert_int_equal(READ("build"), 0);
    assert_string_equal(p.stream, "build");
    assert_null(p.file);
    assert_int_equal(READ("build", "--event", "e", "file", "--config", "c"), 0);
    assert_string_equal(p.file, "file");
    assert_string_equal(p.event, "e");
    assert_string_equal(p.config, "c");
    assert_int_equal(READ("--url=https://h/events/b", "-"), 0);
    assert_null(p.stream);
    assert_string_equal(p.url, "https://h/events/b");
    assert_string_equal(p.file, "-");
    assert_int_equal(p.retry_ms, 60000);
    assert_int_equal(READ("--url", "http://h/b", "--retry-s", "0", "-H", "A: b", "--json"), 0);
    assert_int_equal(p.retry_ms, 0);
    assert_int_equal(p.access.header_count, 1);
    assert_true(p.is_json);
    assert_int_equal(READ("build", "--", "--json"), 0);
    assert_string_equal(p.file, "--json");
    assert_int_equal(READ("--help"), 0);
    assert_true(p.is_help);
}

static void a_usage_error_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *words[6];
        const char *said;
    } cases[] = {
        {{NULL}, "--url"},
        {{"a", "b", "c", NULL}, "unexpected argument: c"},
        {{"--url", "http://h/b", "name", "file", NULL}, "no NAME"},
        {{"--url", "http://h/b", "--config", "c", NULL}, "--config"},
        {{"--url", "ftp://h/b", NULL}, "http"},
        {{"name", "--token-file", "t", NULL}, "--url"},
        {{"name", "--event", "stream.end", NULL}, "--event"},
        {{"name", "--event", "", NULL}, "--event"},
        {{"name", "--event", "a\nb", NULL}, "--event"},
        {{"name", "--event", "e", "--json", NULL}, "--json"},
        {{"name", "--retry-s", "x", NULL}, "--retry-s"},
        {{"name", "--even", "e", NULL}, "unknown option: --even"},
        {{"name", "--event", NULL}, "needs a value"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(read_flags(cases[i].words) < 0);
        if (!strstr(err.text, cases[i].said)) {
            fail_msg("%s: nothing of %s", err.text, cases[i].said);
        }
    }
}

/* --- lines --------------------------------------------------------------------------------- */

static struct ctl_lines lines;
static int fds[2];

static void open_lines(void)
{
    assert_int_equal(pipe(fds), 0);
    ctl_lines_init(&lines, fds[0]);
}

static void close_lines(void)
{
    ctl_lines_fini(&lines);
    close(fds[0]);
}

static void feed(const char *text)
{
    assert_int_equal(write(fds[1], text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(ctl_lines_read(&lines), 0);
}

static void expect_line(uint64_t number, const char *text)
{
    struct ctl_line line;
    assert_int_equal(ctl_lines_next(&lines, &line), 1);
    assert_int_equal(line.number, number);
    assert_int_equal(line.len, strlen(text));
    assert_memory_equal(line.text, text, line.len);
}

static void expect_none(void)
{
    struct ctl_line line;
    assert_int_equal(ctl_lines_next(&lines, &line), 0);
}

static void a_line_is_there_when_its_end_is(void **state)
{
    (void)state;
    open_lines();
    expect_none();
    feed("one\ntw");
    expect_line(1, "one");
    expect_none();
    feed("o\r\n\n \r\r\n");
    expect_line(2, "two");
    expect_line(3, "");
    expect_line(4, " \r");
    expect_none();
    feed("last\r");
    expect_none();
    close(fds[1]);
    assert_int_equal(ctl_lines_read(&lines), ERR_CLOSED);
    expect_line(5, "last\r");
    expect_none();
    close_lines();
}

static void nothing_is_no_line(void **state)
{
    (void)state;
    open_lines();
    close(fds[1]);
    assert_int_equal(ctl_lines_read(&lines), ERR_CLOSED);
    expect_none();
    close_lines();
}

static void a_line_that_is_too_long_is_one_line(void **state)
{
    (void)state;
    struct ctl_line line;
    char *block = malloc(4001);
    assert_non_null(block);
    memset(block, 'x', 4000);
    block[4000] = '\0';
    open_lines();
    feed("a\n");
    expect_line(1, "a");
    for (int i = 0; i < 600; i++) { /* 2.4 MB */
        feed(block);
        expect_none();
        assert_true(lines.pending.cap <= 2 * (CTL_LINE_MAX + 65536));
    }
    feed("end\nb\n");
    assert_int_equal(ctl_lines_next(&lines, &line), 1);
    assert_int_equal(line.number, 2);
    assert_null(line.text);
    expect_line(3, "b");
    expect_none();
    close(fds[1]);
    assert_int_equal(ctl_lines_read(&lines), ERR_CLOSED);
    expect_none();
    close_lines();
    free(block);
}

/* --- what was not published ---------------------------------------------------------------- */

static void neighbours_are_told_together(void **state)
{
    (void)state;
    struct ctl_tally t = {.arrived = 0};
    char text[1024];
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    ctl_tally_miss(&t, 3, "why\x1b[31m");
    ctl_tally_miss(&t, 4, "why\x1b[31m");
    ctl_tally_miss(&t, 6, "why");
    ctl_tally_miss(&t, 7, "other");
    ctl_tally_flush(&t);
    ctl_tally_flush(&t);
    ctl_tally_show(&t, "nobody looks");
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    text[len] = '\0';
    fclose(file);
    assert_string_equal(text, "ssecgi-ctl: lines 3 to 4 were not published: why?[31m\n"
                              "ssecgi-ctl: line 6 was not published: why\n"
                              "ssecgi-ctl: line 7 was not published: other\n");
    assert_int_equal(t.missed, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_a_stream_or_a_url),
        cmocka_unit_test(a_usage_error_is_told),
        cmocka_unit_test(a_line_is_there_when_its_end_is),
        cmocka_unit_test(nothing_is_no_line),
        cmocka_unit_test(a_line_that_is_too_long_is_one_line),
        cmocka_unit_test(neighbours_are_told_together),
    };
    return cmocka_run_group_tests_name("ctl publish", tests, NULL, NULL);
}

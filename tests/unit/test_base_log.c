/* SPDX-License-Identifier: MIT */
/* Log lines: one a call, whole, and never forged by a value. */
#include "base/log.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LINE_MAX_BYTES 2048
#define STAMP "2026-11-21T09:17:03.250Z"
#define WALL_MS 1795252623250

static int64_t mono_ms;

static int64_t read_wall(const struct clock *c)
{
    (void)c;
    return WALL_MS;
}

static int64_t read_mono(const struct clock *c)
{
    (void)c;
    return mono_ms;
}

static const struct clock stopped = {.wall_ms = read_wall, .mono_ms = read_mono};

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
    size_t len = strlen(line);
    assert_true(len <= LINE_MAX_BYTES && len > LINE_MAX_BYTES - 8);
    assert_int_equal(line[len - 1], '\n');
    assert_int_equal(line[len - 2], 'x');
    memset(text, '\n', sizeof text - 1);
    log_say(&f->log, INFO, "a", text, LOG_NONE);
    line = written(f);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    text[0] = ' ';
    log_say(&f->log, INFO, "a", "w", LOG_TEXT("k", text), LOG_TEXT("l", "more"));
    line = written(f);
    len = strlen(line);
    assert_string_equal(line + len - 6, "\\x0a\"\n"); /* a whole escape, and the quote */
}

static void terminals_get_no_control_characters(void **state)
{
    struct fixture *f = *state;
    log_say(&f->log, INFO, "a", "w",
            LOG_TEXT("k", "\xc2\x9b"
                          "2J\xc2\x85\xc2\xa0."));
    assert_string_equal(behind_stamp(f), "info a: w k=\"\\xc2\\x9b2J\\xc2\\x85\xc2\xa0.\"\n");
}

/* --- JSON ---------------------------------------------------------------------------------- */

/* The one object that was written. The caller puts it. */
static struct json_object *written_object(struct fixture *f)
{
    const char *line = written(f);
    size_t len = strlen(line);
    assert_true(len > 0 && len <= LINE_MAX_BYTES && line[len - 1] == '\n');
    assert_null(memchr(line, '\n', len - 1));
    assert_int_equal(utf8_valid_prefix(line, len), len);
    struct json_tokener *tokener = json_tokener_new();
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    struct json_object *object = json_tokener_parse_ex(tokener, line, (int)len);
    if (!object || json_tokener_get_error(tokener) != json_tokener_success) {
        fail_msg("no JSON: %s", line);
    }
    json_tokener_free(tokener);
    return object;
}

static void json_has_the_same_fields(void **state)
{
    struct fixture *f = *state;
    f->log.format = LOG_FORMAT_JSON;
    f->log.clock = &stopped;
    log_say(&f->log, WARN, "tail", "cannot open", LOG_TEXT("path", "/x y"), LOG_NUM("errno", -2),
            LOG_TEXT("none", NULL));
    assert_string_equal(written(f), "{\"time\":\"" STAMP "\",\"level\":\"warn\",\"room\":\"tail\","
                                    "\"message\":\"cannot open\",\"path\":\"/x y\",\"errno\":-2,"
                                    "\"none\":\"\"}\n");
}

static const char *text_of(struct json_object *object, const char *key)
{
    struct json_object *value;
    assert_true(json_object_object_get_ex(object, key, &value));
    return json_object_get_string(value);
}

static void json_is_valid_for_every_pair_of_bytes(void **state)
{
    struct fixture *f = *state;
    f->log.format = LOG_FORMAT_JSON;
    for (unsigned c = 1; c <= 0xff; c++) {
        for (unsigned d = 1; d <= 0xff; d += d < 0x7e ? 3 : 1) {
            char text[] = {(char)c, (char)d, 'z', '\0'};
            log_say(&f->log, INFO, "a", text, LOG_TEXT("k", text));
            struct json_object *object = written_object(f);
            const char *back = text_of(object, "k");
            assert_string_equal(text_of(object, "message"), back);
            if (utf8_valid_prefix(text, 3) == 3) {
                assert_string_equal(back, text);
            } else {
                assert_non_null(strstr(back, "\xef\xbf\xbd"));
                assert_int_equal(back[strlen(back) - 1], 'z');
            }
            json_object_put(object);
        }
    }
}

/* One replacement for each maximal part of a character, as browsers count them. */
static void json_replaces_what_is_no_utf8(void **state)
{
    struct fixture *f = *state;
    f->log.format = LOG_FORMAT_JSON;
    log_say(&f->log, INFO, "a", "w", LOG_TEXT("k", "\xe2\x82-\xff\xfe-\xed\xa0\x80-\xf0\x9f\x98"));
    struct json_object *object = written_object(f);
    assert_string_equal(text_of(object, "k"), "\xef\xbf\xbd-\xef\xbf\xbd\xef\xbf\xbd-"
                                              "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd-\xef\xbf\xbd");
    json_object_put(object);
}

/* Wherever the end falls: in a character, in an escape, in a key, in a number. */
static void json_is_valid_however_long(void **state)
{
    struct fixture *f = *state;
    static const char *const units[] = {"x",    "\"",           "\x01",
                                        "\xff", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    char text[3 * LINE_MAX_BYTES];
    f->log.format = LOG_FORMAT_JSON;
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        for (size_t pad = 1800; pad < 2100; pad += pad < 1900 ? 50 : 1) {
            memset(text, 'p', pad);
            snprintf(text + pad, sizeof text - pad, "%s%s%s", units[u], units[u], units[u]);
            log_say(&f->log, INFO, "a", "w", LOG_TEXT("k", text), LOG_NUM("number", -1234567),
                    LOG_TEXT("l", units[u]));
            json_object_put(written_object(f));
            log_say(&f->log, INFO, "a", text, LOG_TEXT("l", units[u]));
            json_object_put(written_object(f));
        }
    }
}

/* --- the journal --------------------------------------------------------------------------- */

static void the_journal_gets_priorities_and_has_its_own_clock(void **state)
{
    struct fixture *f = *state;
    f->log.is_journal = 1;
    f->log.clock = &stopped;
    log_say(&f->log, ERROR, "app", "down", LOG_NUM("n", 1));
    assert_string_equal(written(f), "<3>error app: down n=1\n");
    log_say(&f->log, INFO, "app", "up", LOG_NONE);
    assert_string_equal(written(f), "<6>info app: up\n");
    f->log.format = LOG_FORMAT_JSON;
    log_say(&f->log, WARN, "app", "w", LOG_NONE);
    assert_string_equal(written(f),
                        "<4>{\"time\":\"" STAMP "\",\"level\":\"warn\",\"room\":\"app\","
                        "\"message\":\"w\"}\n");
}

static void knows_the_journal_by_its_socket(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    char stream[64];
    assert_int_equal(fstat(f->log.fd, &st), 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    assert_true(log_is_journal(f->log.fd, stream));
    assert_false(log_is_journal(STDIN_FILENO, stream));
    assert_false(log_is_journal(-1, stream));
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino + 1);
    assert_false(log_is_journal(f->log.fd, stream));
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)st.st_dev + 1, (uintmax_t)st.st_ino);
    assert_false(log_is_journal(f->log.fd, stream));
    static const char *const wrong[] = {"",    ":",   "1",    "1:",    ":1",
                                        "x:1", "1:x", "-1:1", "1:1:1", "99999999999999999999999:1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(log_is_journal(f->log.fd, wrong[i]));
    }
    assert_false(log_is_journal(f->log.fd, NULL));
}

/* --- limits -------------------------------------------------------------------------------- */

static size_t count_lines(const char *text)
{
    size_t count = 0;
    while ((text = strchr(text, '\n'))) {
        text++;
        count++;
    }
    return count;
}

static void limits_each_text_apart_and_says_how_many_it_held_back(void **state)
{
    struct fixture *f = *state;
    static struct log_limits limits;
    f->log.limits = &limits;
    f->log.clock = &stopped;
    mono_ms = 1000;
    for (int i = 0; i < 100; i++) {
        log_say(&f->log, INFO, "a", "noise", LOG_NUM("i", i));
    }
    assert_int_equal(count_lines(written(f)), LOG_LIMIT_BURST);
    log_say(&f->log, INFO, "a", "signal", LOG_NONE);
    assert_string_equal(behind_stamp(f), "info a: signal\n");
    mono_ms += 1000;
    log_say(&f->log, INFO, "a", "noise", LOG_NUM("i", 100));
    assert_string_equal(behind_stamp(f), "info a: noise lines_held_back=95 i=100\n");
    log_say(&f->log, INFO, "a", "noise", LOG_NUM("i", 101));
    assert_string_equal(behind_stamp(f), "info a: noise i=101\n");
}

/* More texts than there are limits: those share one, and nothing is written beside the table. */
static void limits_texts_without_number(void **state)
{
    struct fixture *f = *state;
    static struct log_limits limits;
    static char texts[2 * LOG_LIMITS_MAX][8];
    f->log.limits = &limits;
    f->log.clock = &stopped;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(texts[i], sizeof texts[i], "t%zu", i);
        log_say(&f->log, INFO, "a", texts[i], LOG_NONE);
    }
    assert_int_equal(count_lines(written(f)), LOG_LIMITS_MAX + LOG_LIMIT_BURST);
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
        cmocka_unit_test_setup_teardown(terminals_get_no_control_characters, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(json_has_the_same_fields, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(json_is_valid_for_every_pair_of_bytes, open_pipe,
                                        close_pipe),
        cmocka_unit_test_setup_teardown(json_replaces_what_is_no_utf8, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(json_is_valid_however_long, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(the_journal_gets_priorities_and_has_its_own_clock,
                                        open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(knows_the_journal_by_its_socket, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(limits_each_text_apart_and_says_how_many_it_held_back,
                                        open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(limits_texts_without_number, open_pipe, close_pipe),
        cmocka_unit_test(a_lost_descriptor_does_no_harm),
        cmocka_unit_test(limit_counts_what_it_holds_back),
    };
    return cmocka_run_group_tests_name("base log", tests, NULL, NULL);
}

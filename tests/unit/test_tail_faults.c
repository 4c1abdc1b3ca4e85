/* SPDX-License-Identifier: MIT */
/* test_tail_faults: what files can do to one who reads them. */
#include "test_tail_rig.h"

#include <sys/types.h>

static void path_in(const struct rig *r, const char *name, char out[256])
{
    snprintf(out, 256, "%s/%s", r->folder, name);
}

static void put(const struct rig *r, const char *name, const char *text)
{
    char path[256];
    path_in(r, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

/* Makes the log a link to `name`, replacing what was there in one step. */
static void link_to(const struct rig *r, const char *name)
{
    char fresh[256];
    path_in(r, "fresh", fresh);
    assert_int_equal(symlink(name, fresh), 0);
    assert_int_equal(rename(fresh, r->path), 0);
}

static void follows_a_symlink_that_is_swapped(void **state)
{
    struct rig *r = *state;
    put(r, "first", "a\n");
    link_to(r, "first");
    rig_open(r);
    put(r, "first", "b\n");
    rig_look(r);
    put(r, "second", "d\n");
    put(r, "first", "c\n");
    link_to(r, "second");
    rig_look(r);
    put(r, "second", "e\n");
    rig_look(r);
    record_expect(&r->live, "b|c|d|e");
}

static void does_not_trust_a_symlink_where_others_can_write(void **state)
{
    struct rig *r = *state;
    put(r, "first", "a\n");
    link_to(r, "first");
    assert_int_equal(chmod(r->folder, 0777), 0);
    rig_open(r);
    rig_look(r);
    rig_look(r);
    record_expect(&r->live, "!unreadable");
    rig_close(r);
    record_clear(&r->live);
    r->follow = 1;
    rig_open(r);
    put(r, "first", "b\n");
    rig_look(r);
    record_expect(&r->live, "b");
}

static void does_not_follow_a_rotated_file_that_is_a_symlink(void **state)
{
    struct rig *r = *state;
    char link[256];
    put(r, "secret", "secret\n");
    assert_int_equal(symlink("secret", rig_name(r, ".1", link)), 0);
    rig_append(r, "a\n");
    rig_open(r);
    rig_expect(r, TAIL_POSITION_START, "a");
}

static void a_fifo_does_not_block(void **state)
{
    struct rig *r = *state;
    assert_int_equal(mkfifo(r->path, 0600), 0);
    rig_open(r);
    rig_look(r);
    record_expect(&r->live, "!unreadable");
    assert_int_equal(unlink(r->path), 0);
    rig_append(r, "a\n");
    rig_look(r);
    record_expect(&r->live, "!unreadable|a");
}

static void a_folder_is_no_log(void **state)
{
    struct rig *r = *state;
    assert_int_equal(mkdir(r->path, 0755), 0);
    rig_open(r);
    rig_look(r);
    record_expect(&r->live, "!unreadable");
}

static void become_nobody(struct rig *r)
{
    assert_int_equal(chmod(r->folder, 0755), 0);
    if (geteuid() == 0) {
        assert_int_equal(seteuid(65534), 0);
    }
}

static void become_self(void)
{
    if (getuid() == 0) {
        assert_int_equal(seteuid(0), 0);
    }
}

static void tells_once_that_permission_is_missing(void **state)
{
    struct rig *r = *state;
    rig_append(r, "a\n");
    rig_open(r);
    rig_append(r, "b\n");
    rig_look(r);
    rig_rename(r, "", ".1");
    rig_append(r, "c\n");
    assert_int_equal(chmod(r->path, 0), 0);
    become_nobody(r);
    rig_look(r);
    rig_look(r);
    become_self();
    record_expect(&r->live, "b|!unreadable");
    assert_int_equal(chmod(r->path, 0644), 0);
    rig_append(r, "d\n");
    become_nobody(r);
    rig_look(r);
    become_self();
    record_expect(&r->live, "b|!unreadable|c|d");
    rig_append(r, "e\n");
    rig_look(r);
    rig_rename(r, ".1", ".2");
    rig_rename(r, "", ".1");
    rig_append(r, "f\n");
    assert_int_equal(chmod(r->path, 0), 0);
    become_nobody(r);
    rig_look(r);
    become_self();
    record_expect(&r->live, "b|!unreadable|c|d|e|!unreadable");
}

static void cuts_a_line_over_the_limit_and_counts_the_rest(void **state)
{
    struct rig *r = *state;
    size_t len = 100 * 1024 * 1024;
    char *line = malloc(len + 1);
    assert_non_null(line);
    memset(line, 'x', len);
    line[len] = '\n';
    rig_open(r);
    rig_append(r, "a\n");
    rig_write(r, "", O_APPEND, line, RIG_LINE_BYTES);
    rig_append(r, "\n");
    rig_write(r, "", O_APPEND, line, len + 1);
    rig_append(r, "b\n");
    free(line);
    rig_look(r);
    struct record page;
    char at[SSE_POSITION_SIZE] = TAIL_POSITION_START;
    record_init(&page);
    rig_pull(r, at, &page);
    for (int i = 0; i < 2; i++) {
        struct record *rec = i ? &page : &r->live;
        assert_int_equal(rec->count, 4);
        assert_int_equal(rec->items[1].bytes, RIG_LINE_BYTES);
        assert_string_equal(rec->items[2].text + RIG_LINE_BYTES, " [... 104792064 more bytes]");
        assert_string_equal(rec->items[3].text, "b");
    }
    assert_string_equal(page.items[2].position, r->live.items[2].position);
    record_fini(&page);
}

static void tells_holes_and_goes_on(void **state)
{
    struct rig *r = *state;
    static const char nuls[4096];
    rig_open(r);
    rig_append(r, "a\n");
    rig_write(r, "", O_APPEND, nuls, 3);
    rig_append(r, "b\nhalf a li");
    rig_write(r, "", O_APPEND, nuls, sizeof nuls);
    rig_look(r);
    rig_append(r, "c\nd");
    rig_write(r, "", O_APPEND, nuls, 2);
    rig_append(r, "e\n");
    rig_look(r);
    record_expect(&r->live, "a|!hole|b|half a li|!hole|c|d");
    assert_int_equal(r->live.items[1].bytes, 3);
    assert_int_equal(r->live.items[4].bytes, 4096);
    assert_int_equal(r->live.items[6].bytes, 4);
    rig_expect(r, r->live.items[0].position, "!hole|b|half a li|!hole|c|d");
    rig_expect(r, r->live.items[3].position, "!hole|c|d");
    rig_expect(r, r->live.items[4].position, "c|d");
}

static void copytruncate_under_a_writer_that_keeps_its_offset(void **state)
{
    struct rig *r = *state;
    int fd = open(r->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    rig_open(r);
    assert_int_equal(write(fd, "a line\n", 7), 7);
    rig_look(r);
    rig_copy(r, "", ".1");
    assert_int_equal(truncate(r->path, 0), 0);
    assert_int_equal(write(fd, "next\n", 5), 5);
    rig_look(r);
    record_expect(&r->live, "a line|!hole|next");
    assert_int_equal(r->live.items[1].bytes, 7);
    close(fd);
}

static void reads_past_4_gib(void **state)
{
    struct rig *r = *state;
    rig_open(r);
    rig_append(r, "a\n");
    rig_look(r);
    if (truncate(r->path, 5LL << 30)) {
        skip(); /* no sparse files here */
    }
    rig_append(r, "b\nc\n");
    rig_look(r);
    record_expect(&r->live, "a|!hole|b|c");
    assert_int_equal(r->live.items[1].bytes, (5LL << 30) - 2);
    rig_expect(r, r->live.items[0].position, "!hole|b|c");
    rig_expect(r, r->live.items[2].position, "c");
    rig_restart(r);
    char at[SSE_POSITION_SIZE];
    assert_int_equal(tail_log_back(&r->log, 1, at), 0);
    rig_expect(r, at, "c");
}

static void strips_carriage_returns_and_the_byte_order_mark(void **state)
{
    struct rig *r = *state;
    rig_open(r);
    rig_append(r, "\xef\xbb\xbf" "a\r\n\r\nb\rc\n\xef\xbb\xbf" "d\n");
    rig_look(r);
    record_expect(&r->live, "a||b\rc|\xef\xbb\xbf" "d");
    rig_expect(r, TAIL_POSITION_START, "a||b\rc|\xef\xbb\xbf" "d");
}

static void passes_any_bytes_on(void **state)
{
    struct rig *r = *state;
    char line[256];
    size_t n = 0;
    for (int c = 1; c < 256; c++) {
        if (c != '\n' && c != '\r') {
            line[n++] = (char)c;
        }
    }
    line[n] = '\n';
    rig_open(r);
    rig_write(r, "", O_APPEND, line, n + 1);
    rig_look(r);
    assert_int_equal(r->live.count, 1);
    assert_memory_equal(r->live.items[0].text, line, n);
}

static void keeps_up_with_a_burst(void **state)
{
    struct rig *r = *state;
    size_t block_bytes = 1 << 20;
    size_t lines = block_bytes / 64;
    char *block = malloc(block_bytes);
    assert_non_null(block);
    memset(block, 'l', block_bytes);
    for (size_t i = 1; i <= lines; i++) {
        block[i * 64 - 1] = '\n';
    }
    rig_open(r);
    for (int i = 0; i < 50; i++) {
        rig_write(r, "", O_APPEND, block, block_bytes);
        assert_true(tail_log_look(&r->log, 256 * 1024) > 0);
    }
    rig_look(r);
    assert_int_equal(r->live.count, 50 * lines);
    free(block);
}

static void an_empty_file_gives_nothing(void **state)
{
    struct rig *r = *state;
    char at[SSE_POSITION_SIZE];
    rig_append(r, "");
    rig_open(r);
    rig_look(r);
    record_expect(&r->live, "");
    assert_int_equal(tail_log_back(&r->log, 5, at), 0);
    rig_expect(r, at, "");
}

static void tells_what_is_written_to_a_file_that_was_left(void **state)
{
    struct rig *r = *state;
    rig_open(r);
    rig_append(r, "a\n");
    rig_look(r);
    rig_rename(r, "", ".1");
    rig_append(r, "b\n");
    rig_look(r);
    rig_write(r, ".1", O_APPEND, "late\n", 5);
    tail_log_tick(&r->log);
    tail_log_tick(&r->log);
    record_expect(&r->live, "a|b|!late");
    assert_int_equal(r->live.items[2].bytes, 5);
}

static void a_slow_reader_finishes_a_deleted_file(void **state)
{
    struct rig *r = *state;
    rig_open(r);
    rig_append(r, "a\nb\nc\n");
    rig_look(r);
    rig_delete(r, "");
    rig_append(r, "d\n");
    rig_look(r);
    rig_delete(r, "");
    rig_append(r, "e\n");
    rig_look(r);
    rig_expect(r, r->live.items[0].position, "b|c|d|e");
    for (int i = 0; i <= TAIL_LEFT_TICKS; i++) {
        tail_log_tick(&r->log);
    }
    rig_expect(r, r->live.items[0].position, "!rotated-away|e");
}

static void sends_half_lines_only_when_told(void **state)
{
    struct rig *r = *state;
    rig_open(r);
    rig_append(r, "a\nhal");
    rig_look(r);
    assert_int_not_equal(tail_log_pending(&r->log), 0);
    assert_int_equal(tail_log_flush(&r->log, tail_log_pending(&r->log)), 0);
    assert_int_equal(tail_log_pending(&r->log), 0);
    assert_int_equal(tail_log_flush(&r->log, tail_log_pending(&r->log)), 0);
    record_expect(&r->live, "a|hal");
    rig_expect(r, r->live.items[0].position, "hal");
    rig_append(r, "f\nb\n");
    rig_look(r);
    record_expect(&r->live, "a|hal|f|b");
    rig_expect(r, r->live.items[1].position, "f|b");
}

static void equal_first_lines_do_not_confuse(void **state)
{
    struct rig *r = *state;
    rig_open(r);
    rig_append(r, "banner\n");
    rig_look(r);
    rig_rename(r, "", ".1");
    rig_append(r, "banner\n");
    rig_look(r);
    rig_rename(r, ".1", ".2");
    rig_rename(r, "", ".1");
    rig_append(r, "banner\nlast\n");
    rig_look(r);
    record_expect(&r->live, "banner|banner|banner|last");
    rig_restart(r);
    rig_expect(r, TAIL_POSITION_START, "banner|banner|banner|last");
}

static void a_position_at_an_equal_beginning_is_the_right_file(void **state)
{
    struct rig *r = *state;
    char at[3][SSE_POSITION_SIZE];
    rig_open(r);
    for (int i = 0; i < 3; i++) {
        if (i) {
            rig_rename(r, "", i == 1 ? ".2" : ".1");
        }
        rig_append(r, "banner\n");
        rig_look(r);
        memcpy(at[i], r->log.head, sizeof at[i]);
    }
    rig_restart(r);
    rig_expect(r, at[0], "banner|banner");
    rig_expect(r, at[1], "banner");
    rig_expect(r, at[2], "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(follows_a_symlink_that_is_swapped),
        rig_test(does_not_trust_a_symlink_where_others_can_write),
        rig_test(does_not_follow_a_rotated_file_that_is_a_symlink),
        rig_test(a_fifo_does_not_block),
        rig_test(a_folder_is_no_log),
        rig_test(tells_once_that_permission_is_missing),
        rig_test(cuts_a_line_over_the_limit_and_counts_the_rest),
        rig_test(tells_holes_and_goes_on),
        rig_test(copytruncate_under_a_writer_that_keeps_its_offset),
        rig_test(reads_past_4_gib),
        rig_test(strips_carriage_returns_and_the_byte_order_mark),
        rig_test(passes_any_bytes_on),
        rig_test(keeps_up_with_a_burst),
        rig_test(an_empty_file_gives_nothing),
        rig_test(tells_what_is_written_to_a_file_that_was_left),
        rig_test(a_slow_reader_finishes_a_deleted_file),
        rig_test(sends_half_lines_only_when_told),
        rig_test(equal_first_lines_do_not_confuse),
        rig_test(a_position_at_an_equal_beginning_is_the_right_file),
    };
    return cmocka_run_group_tests_name("tail_faults", tests, NULL, NULL);
}

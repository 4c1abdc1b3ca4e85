/* SPDX-License-Identifier: MIT */
/* The scoreboard: nothing counts twice or is lost, whoever is killed, whenever, and whatever stands in
 * the file. */
#include <stddef.h>
#include <sys/file.h>

/* What happens between the opening of the file and its lock. */
static void (*before_lock)(void);

static int flock_late(int fd, int how)
{
    void (*act)(void) = before_lock;
    before_lock = NULL;
    if (act) {
        act();
    }
    return flock(fd, how);
}

#define flock flock_late
#include "app/figures/scoreboard.c"
#undef flock

#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

/* What these processes tell: a counter, a gauge. */
struct record {
    uint64_t total, now;
};

static char folder[64];
static struct err err;

static size_t fold_records(void *sum, const void *record, size_t len)
{
    if (len == sizeof(struct record)) {
        ((struct record *)sum)->total += ((const struct record *)record)->total;
    }
    return sizeof(struct record);
}

static int open_it(struct scoreboard **out)
{
    struct scoreboard_setup setup = {.folder = folder, .identity = 7,
                                     .record_bytes = sizeof(struct record), .fold = fold_records};
    memset(&err, 0, sizeof err);
    return scoreboard_open(out, &setup, &err);
}

/* Others hold the lock for moments only. */
static struct scoreboard *open_good(void)
{
    struct scoreboard *b = NULL;
    int rc;
    time_t deadline = time(NULL) + 30;
    do {
        rc = open_it(&b);
    } while (rc == ERR_AGAIN && time(NULL) < deadline);
    if (rc) {
        fprintf(stderr, "open: %d %s\n", rc, err.text);
        abort(); /* also in children, which cmocka does not know */
    }
    return b;
}

static void write_good(struct scoreboard *b, uint64_t total, uint64_t now)
{
    struct record r = {.total = total, .now = now};
    if (scoreboard_write(b, &r, sizeof r)) {
        abort();
    }
}

static void add_record(void *ctx, const void *record, size_t len, int is_live)
{
    struct record *sum = ctx;
    if (len == sizeof *sum) {
        sum->total += ((const struct record *)record)->total;
        sum->now += is_live ? ((const struct record *)record)->now : 0;
    }
}

static struct record read_good(struct scoreboard *b)
{
    struct record sum;
    int rc;
    do {
        sum = (struct record){.total = 0};
        rc = scoreboard_read(b, add_record, &sum);
    } while (rc == ERR_AGAIN);
    assert_int_equal(rc, 0);
    return sum;
}

/* The path of the one file in the folder, made if need be. */
static const char *board_path(void)
{
    static char path[PATH_BYTES];
    struct scoreboard *b = open_good();
    memcpy(path, b->path, sizeof path);
    scoreboard_close(b);
    return path;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "test_scoreboard.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char path[PATH_BYTES];
    if (chmod(folder, 0700) == 0) {
        memcpy(path, board_path(), sizeof path);
        unlink(path);
    }
    return rmdir(folder);
}

/* --- one process --------------------------------------------------------------------------- */

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct scoreboard *b = open_good();
    assert_int_equal(read_good(b).total, 0);
    write_good(b, 5, 2);
    write_good(b, 6, 1);
    assert_int_equal(read_good(b).total, 6);
    assert_int_equal(read_good(b).now, 1);
    scoreboard_close(b);
    b = open_good();
    assert_int_equal(read_good(b).total, 6);
    assert_int_equal(read_good(b).now, 0);
    write_good(b, 10, 1);
    assert_int_equal(read_good(b).total, 16);
    scoreboard_close(b);
    scoreboard_close(NULL);
}

static void a_record_must_be_words_that_fit(void **state)
{
    (void)state;
    uint64_t words[8] = {0};
    struct scoreboard *b = open_good();
    assert_int_equal(scoreboard_write(b, words, 7), ERR_INVALID);
    assert_int_equal(scoreboard_write(b, words, sizeof words), ERR_INVALID);
    assert_int_equal(scoreboard_write(b, words, 8), 0);
    scoreboard_close(b);
}

static void a_file_that_was_removed_or_cut_is_noticed(void **state)
{
    (void)state;
    struct record r = {.total = 1};
    struct scoreboard *b = open_good();
    write_good(b, 5, 1);
    unlink(b->path);
    assert_int_equal(scoreboard_write(b, &r, sizeof r), ERR_GONE);
    assert_int_equal(scoreboard_read(b, add_record, &r), ERR_GONE);
    scoreboard_close(b);
    b = open_good();
    assert_int_equal(truncate(b->path, 100), 0);
    assert_int_equal(scoreboard_write(b, &r, sizeof r), ERR_GONE);
    assert_int_equal(scoreboard_read(b, add_record, &r), ERR_GONE);
    scoreboard_close(b);
    b = open_good();
    assert_int_equal(read_good(b).total, 0);
    scoreboard_close(b);
}

/* --- the file ------------------------------------------------------------------------------ */

static void fill_file(const char *path, size_t len, int (*byte)(size_t i))
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)byte(i);
        assert_int_equal(write(fd, &c, 1), 1);
    }
    close(fd);
}

static int zeros(size_t i)
{
    (void)i;
    return 0;
}

static int noise(size_t i)
{
    return (int)(hash_mix64(i) & 0xff);
}

static void what_is_no_scoreboard_is_replaced(void **state)
{
    (void)state;
    const char *path = board_path();
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    size_t whole = (size_t)st.st_size;
    size_t lengths[] = {1, sizeof(struct head), whole - 1, whole, whole + 1};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (int k = 0; k < 2; k++) {
            fill_file(path, lengths[i], k ? noise : zeros);
            struct scoreboard *b = open_good();
            write_good(b, 3, 1);
            assert_int_equal(read_good(b).total, 3);
            scoreboard_close(b);
            assert_int_equal(stat(path, &st), 0);
            assert_int_equal(st.st_size, whole);
            assert_int_equal(st.st_mode & 0777, 0600);
            uint64_t magic = 0;
            int fd = open(path, O_RDONLY);
            assert_int_equal(read(fd, &magic, sizeof magic), sizeof magic);
            close(fd);
            assert_int_equal(magic, MAGIC);
        }
    }
}

static void replace_it(void)
{
    unlink(board_path());
    board_path();
}

static void a_file_that_was_replaced_before_it_was_locked_is_not_used(void **state)
{
    (void)state;
    board_path();
    before_lock = replace_it;
    struct scoreboard *b = open_good();
    struct stat st;
    assert_int_equal(fstat(b->fd, &st), 0);
    assert_int_equal(st.st_nlink, 1);
    write_good(b, 1, 1);
    assert_int_equal(read_good(b).total, 1);
    scoreboard_close(b);
}

/* A head of ours before nonsense: the sums mean nothing, but nobody falls over them. */
static void nonsense_in_slots_harms_nobody(void **state)
{
    (void)state;
    const char *path = board_path();
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    for (uint64_t seed = 0; seed < 50; seed++) {
        int fd = open(path, O_RDWR);
        assert_true(fd >= 0);
        for (off_t at = sizeof(struct head); at + 8 <= st.st_size; at += 8) {
            uint64_t value = hash_mix64(seed * 1000003 + (uint64_t)at);
            value = value % 3 == 0 ? value % 5 : value;
            assert_int_equal(pwrite(fd, &value, 8, at), 8);
        }
        close(fd);
        struct scoreboard *b;
        struct record sum = {.total = 0};
        int rc = open_it(&b);
        if (!rc) {
            write_good(b, 3, 1);
            (void)scoreboard_read(b, add_record, &sum);
            scoreboard_close(b);
        } else {
            assert_int_equal(rc, ERR_LIMIT);
        }
        unlink(path);
        board_path();
    }
}

static void what_is_not_ours_is_left_alone(void **state)
{
    (void)state;
    struct scoreboard *b;
    char target[PATH_BYTES];
    const char *path = board_path();
    snprintf(target, sizeof target, "%s/target", folder);
    fill_file(target, 100, noise);
    unlink(path);
    assert_int_equal(symlink("target", path), 0);
    assert_int_equal(open_it(&b), ERR_IO);
    assert_non_null(strstr(err.text, path));
    unlink(path);
    assert_int_equal(link(target, path), 0);
    assert_int_equal(open_it(&b), ERR_IO);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(open_it(&b), ERR_IO);
    rmdir(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(open_it(&b), ERR_IO);
    unlink(path);
    if (geteuid() == 0) {
        fill_file(path, 0, noise);
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_int_equal(open_it(&b), ERR_IO);
        assert_non_null(strstr(err.text, "another user"));
        unlink(path);
    }
    struct stat st;
    assert_int_equal(stat(target, &st), 0);
    assert_int_equal(st.st_size, 100);
    unlink(target);
}

static void a_folder_that_is_not_there_is_told(void **state)
{
    (void)state;
    struct scoreboard *b;
    char kept[sizeof folder];
    memcpy(kept, folder, sizeof kept);
    snprintf(folder, sizeof folder, "no/such/folder");
    assert_int_equal(open_it(&b), ERR_IO);
    assert_non_null(strstr(err.text, folder));
    memcpy(folder, kept, sizeof kept);
}

static void a_lock_that_another_holds_is_not_waited_for(void **state)
{
    (void)state;
    struct scoreboard *b;
    int fd = open(board_path(), O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(open_it(&b), ERR_AGAIN);
    close(fd);
    assert_int_equal(open_it(&b), 0);
    scoreboard_close(b);
}

/* --- slots --------------------------------------------------------------------------------- */

static void a_full_table_is_told_and_empties_again(void **state)
{
    (void)state;
    struct scoreboard *more = NULL;
    struct scoreboard *b = open_good();
    for (size_t i = 1; i <= SCOREBOARD_SLOTS; i++) {
        struct slot *s = slot_at(b, i);
        if (i != b->mine) {
            put(&s->life, get(&s->life) + 1);
            put(&s->pid, (uint64_t)getppid());
            put(&s->start, start_of((uint64_t)getppid()));
        }
    }
    assert_int_equal(open_it(&more), ERR_LIMIT);
    assert_non_null(strstr(err.text, "1024"));
    write_good(b, 4, 1);
    assert_int_equal(read_good(b).total, 4);
    put(&slot_at(b, 500)->start, 1);
    assert_int_equal(open_it(&more), 0);
    assert_int_equal(more->mine, 500);
    scoreboard_close(more);
    scoreboard_close(b);
    unlink(board_path());
}

static void a_number_that_was_given_again_is_another_process(void **state)
{
    (void)state;
    struct scoreboard *b = open_good();
    write_good(b, 5, 1);
    put(&slot_at(b, b->mine)->start, b->start + 1);
    struct scoreboard *other = open_good();
    assert_int_equal(read_good(other).total, 5);
    assert_int_equal(read_good(other).now, 0);
    b->mine = 0; /* it is not ours any more */
    scoreboard_close(b);
    scoreboard_close(other);
}

/* As if killed between the two steps of adding a process to the sum. */
static void what_went_into_the_sum_counts_once(void **state)
{
    (void)state;
    struct scoreboard *b = open_good();
    struct scoreboard *third = open_good();
    struct scoreboard *second = open_good();
    write_good(b, 1, 1);
    write_good(third, 10, 1);
    write_good(second, 100, 1);
    size_t gone = second->mine;
    size_t early = third->mine;
    assert_true(early < gone);
    scoreboard_close(second);
    uint64_t before = read_good(b).total;
    struct held held;
    assert_int_equal(take(b, gone, &held, b->record), 0);
    assert_int_equal(fold(b, gone, &held), 0);
    assert_int_equal(read_good(b).total, before);
    put(&slot_at(b, gone)->pid, PID_LEFT);
    assert_int_equal(read_good(b).total, before);
    assert_int_equal(read_good(b).now, 2);
    /* One before it in the table is to be added next. */
    scoreboard_close(third);
    struct scoreboard *fresh = open_good();
    assert_int_equal(fresh->mine, early);
    assert_int_equal(read_good(b).total, before);
    assert_int_equal(get(&slot_at(b, gone)->pid), 0);
    scoreboard_close(fresh);
    scoreboard_close(b);
}

/* A copy that was not finished is not looked at. */
static void what_was_half_written_does_not_count(void **state)
{
    (void)state;
    struct scoreboard *b = open_good();
    uint64_t before = read_good(b).total;
    write_good(b, 5, 1);
    struct slot *s = slot_at(b, b->mine);
    struct copy *c = copy_at(b, s, get(&s->turn) + 1);
    put((word *)(c + 1), 12345);
    put(&c->len, 8);
    assert_int_equal(read_good(b).total, before + 5);
    scoreboard_close(b);
}

#include "test_scoreboard_play.h"

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(a_record_must_be_words_that_fit),
        TEST(a_file_that_was_removed_or_cut_is_noticed),
        TEST(what_is_no_scoreboard_is_replaced),
        TEST(a_file_that_was_replaced_before_it_was_locked_is_not_used),
        TEST(nonsense_in_slots_harms_nobody),
        TEST(what_is_not_ours_is_left_alone),
        TEST(a_folder_that_is_not_there_is_told),
        TEST(a_lock_that_another_holds_is_not_waited_for),
        TEST(a_full_table_is_told_and_empties_again),
        TEST(a_number_that_was_given_again_is_another_process),
        TEST(what_went_into_the_sum_counts_once),
        TEST(what_was_half_written_does_not_count),
        TEST(figures_follow_processes_that_come_and_go),
        TEST(a_dead_process_that_nobody_waited_for_is_dead),
        TEST(a_record_is_never_seen_in_parts),
        TEST(all_that_start_at_once_have_their_slots),
        TEST(a_kill_at_any_moment_loses_and_doubles_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

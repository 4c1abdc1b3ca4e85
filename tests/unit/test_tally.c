/* SPDX-License-Identifier: MIT */
/* The tally: what living processes note adds up, and what others left behind does not count, whoever is
 * killed, whenever, and whatever stands in the files. */
#include "app/figures/tally.h"

#undef TALLY_PROCESSES
#define TALLY_PROCESSES 8
#include "app/figures/tally.c"

#include "base/hash.h"

#include <setjmp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#define NOW 1000000
#define TALLY_MAGIC 0x31594c4c41544553ULL /* as in tally_file.c */

static char folder[64];
static struct err err;
static int64_t now_ms = NOW;

static int set_up(void **state)
{
    (void)state;
    now_ms = NOW;
    snprintf(folder, sizeof folder, "test_tally.XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return unlink(path);
}

static int tear_down(void **state)
{
    (void)state;
    char name[NAME_BYTES];
    for (unsigned i = 0; i < TALLY_PROCESSES; i++) {
        snprintf(name, sizeof name, "%u", i);
        remove_one(name);
    }
    remove_one(SUMS);
    return rmdir(folder) && errno != ENOENT ? -1 : 0;
}

/* Also for children, which cmocka does not know. */
static void must(int good, int line)
{
    if (!good) {
        fprintf(stderr, "line %d: %s\n", line, err.text);
        abort();
    }
}

static struct tally *open_good(void)
{
    struct tally *t = NULL;
    must(tally_open(&t, folder, &err) == 0, __LINE__);
    return t;
}

static int note_one(struct tally *t, uint64_t key, uint64_t count)
{
    struct tally_entry e = {.key = key, .count = count};
    return tally_note(t, &e, 1, &err);
}

/* The sum of a key, made anew. */
static uint64_t sum_of(struct tally *t, uint64_t key)
{
    now_ms += TALLY_FRESH_MS;
    must(tally_sum(t, now_ms, &err) == 0, __LINE__);
    return tally_get(t, key);
}

static size_t file_count(void)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    if (!dir) {
        assert_int_equal(errno, ENOENT);
        return 0;
    }
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        count += e->d_name[0] >= '0' && e->d_name[0] <= '9';
    }
    closedir(dir);
    return count;
}

/* --- sums ---------------------------------------------------------------------------------- */

static void entries_with_the_same_key_become_one(void **state)
{
    (void)state;
    struct tally_entry list[] = {{7, 1}, {3, 2}, {7, 4}, {UINT64_MAX, 8}, {3, 16}, {0, 32}};
    assert_int_equal(tally_add_up(list, 6), 4);
    assert_int_equal(tally_find(list, 4, 0), 32);
    assert_int_equal(tally_find(list, 4, 3), 18);
    assert_int_equal(tally_find(list, 4, 7), 5);
    assert_int_equal(tally_find(list, 4, UINT64_MAX), 8);
    assert_int_equal(tally_find(list, 4, 4), 0);
    assert_int_equal(tally_add_up(NULL, 0), 0);
    assert_int_equal(tally_find(NULL, 0, 4), 0);
}

static void what_all_noted_adds_up(void **state)
{
    (void)state;
    struct tally *a = open_good();
    struct tally *b = open_good();
    assert_int_equal(sum_of(a, 1), 0);
    assert_int_equal(note_one(a, 1, 3), 0);
    assert_int_equal(note_one(b, 1, 4), 0);
    assert_int_equal(sum_of(a, 1), 7);
    assert_int_equal(sum_of(b, 1), 7);
    assert_int_equal(note_one(b, 2, 5), 0); /* in the place of the other */
    assert_int_equal(sum_of(a, 1), 3);
    assert_int_equal(tally_get(a, 2), 5);
    assert_int_equal(tally_note(b, NULL, 0, &err), 0);
    assert_int_equal(file_count(), 1);
    assert_int_equal(sum_of(a, 2), 0);
    tally_close(a);
    assert_int_equal(file_count(), 0);
    tally_close(b);
    tally_close(NULL);
}

static void many_entries_grow_and_shrink(void **state)
{
    (void)state;
    static struct tally_entry list[TALLY_ENTRIES + 1];
    static const size_t counts[] = {1, 125, 126, 127, 128, 10000, 300, 2, TALLY_ENTRIES, 255, 256};
    struct tally *a = open_good();
    struct tally *b = open_good();
    for (size_t i = 0; i <= TALLY_ENTRIES; i++) {
        list[i] = (struct tally_entry){.key = 10 * i, .count = i + 1};
    }
    assert_int_equal(note_one(b, 0, 100), 0);
    for (size_t i = 0; i < 3 * sizeof counts / sizeof counts[0]; i++) {
        size_t count = counts[i % (sizeof counts / sizeof counts[0])];
        assert_int_equal(tally_note(a, list, count, &err), 0);
        assert_int_equal(sum_of(b, 0), 101);
        assert_int_equal(b->sum.count, count);
        assert_int_equal(tally_get(b, 10 * (count - 1)), count == 1 ? 101 : count);
        assert_int_equal(tally_get(b, 10 * count), 0);
    }
    assert_int_equal(tally_note(a, list, TALLY_ENTRIES + 1, &err), ERR_LIMIT);
    assert_int_equal(sum_of(b, 10), 0); /* on failure nothing is noted */
    tally_close(a);
    tally_close(b);
}

static void sums_are_made_by_one_for_all(void **state)
{
    (void)state;
    struct tally *a = open_good();
    struct tally *b = open_good();
    assert_int_equal(note_one(a, 1, 3), 0);
    assert_int_equal(tally_sum(a, NOW, &err), 0);
    assert_int_equal(note_one(a, 1, 4), 0);
    for (int64_t now = NOW - TALLY_FRESH_MS + 1; now < NOW + TALLY_FRESH_MS; now += 50) {
        assert_int_equal(tally_sum(b, now, &err), 0); /* also where its clock is a little behind */
        assert_int_equal(tally_get(b, 1), 3);
    }
    assert_int_equal(tally_sum(b, NOW + TALLY_FRESH_MS, &err), 0);
    assert_int_equal(tally_get(b, 1), 4);
    assert_int_equal(note_one(a, 1, 5), 0);
    assert_int_equal(tally_sum(a, NOW + TALLY_FRESH_MS + 1, &err), 0);
    assert_int_equal(tally_get(a, 1), 4);
    tally_close(a);
    tally_close(b);
}

static void sums_of_another_time_do_not_count(void **state)
{
    (void)state;
    struct tally *a = open_good();
    assert_int_equal(note_one(a, 1, 3), 0);
    assert_int_equal(tally_sum(a, NOW + 1000000, &err), 0);
    assert_int_equal(note_one(a, 1, 4), 0);
    assert_int_equal(tally_sum(a, NOW, &err), 0);
    assert_int_equal(tally_get(a, 1), 4);
    tally_close(a);
}

/* Stopped, that is: one that was killed has no lock. */
static void whoever_makes_them_and_does_not_end_is_not_waited_for_for_ever(void **state)
{
    (void)state;
    struct tally *a = open_good();
    struct tally *b = open_good();
    assert_int_equal(note_one(a, 1, 3), 0);
    assert_int_equal(tally_sum(a, NOW, &err), 0);
    assert_int_equal(flock(a->sums, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(note_one(a, 1, 4), 0);
    assert_int_equal(tally_sum(b, NOW + TALLY_ABANDONED_MS - 1, &err), 0);
    assert_int_equal(tally_get(b, 1), 3);
    assert_int_equal(tally_sum(b, NOW + TALLY_ABANDONED_MS, &err), 0);
    assert_int_equal(tally_get(b, 1), 4);
    tally_close(b);
    b = open_good();
    assert_int_equal(ftruncate(a->sums, 0), 0);
    assert_int_equal(tally_sum(b, NOW, &err), 0); /* nor where there are none at all */
    assert_int_equal(tally_get(b, 1), 4);
    tally_close(a);
    tally_close(b);
}

static void there_is_room_for_so_many_processes(void **state)
{
    (void)state;
    struct tally *all[TALLY_PROCESSES + 1];
    for (size_t i = 0; i <= TALLY_PROCESSES; i++) {
        all[i] = open_good();
        assert_int_equal(note_one(all[i], 1, 1), i < TALLY_PROCESSES ? 0 : ERR_LIMIT);
    }
    assert_non_null(strstr(err.text, folder));
    assert_int_equal(sum_of(all[TALLY_PROCESSES], 1), TALLY_PROCESSES);
    tally_close(all[3]);
    assert_int_equal(note_one(all[TALLY_PROCESSES], 1, 1), 0);
    for (size_t i = 0; i <= TALLY_PROCESSES; i++) {
        if (i != 3) {
            tally_close(all[i]);
        }
    }
}

/* --- files --------------------------------------------------------------------------------- */

static void a_folder_or_file_that_was_removed_is_noticed(void **state)
{
    (void)state;
    struct tally *a = open_good();
    assert_int_equal(note_one(a, 1, 3), 0);
    assert_int_equal(sum_of(a, 1), 3);
    assert_int_equal(remove_one(a->own_name), 0);
    assert_int_equal(remove_one(SUMS), 0);
    assert_int_equal(sum_of(a, 1), 0);
    assert_int_equal(note_one(a, 1, 3), 0);
    assert_int_equal(sum_of(a, 1), 3);
    assert_int_equal(remove_one(a->own_name), 0);
    assert_int_equal(remove_one(SUMS), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(note_one(a, 1, 3), ERR_GONE);
    assert_int_equal(tally_sum(a, now_ms, &err), ERR_GONE);
    tally_close(a);
    a = open_good();
    assert_int_equal(note_one(a, 1, 3), 0);
    assert_int_equal(sum_of(a, 1), 3);
    tally_close(a);
}

static void the_last_one_removes_the_folder(void **state)
{
    (void)state;
    struct tally *a = open_good();
    struct tally *b = open_good();
    assert_int_equal(note_one(a, 1, 3), 0);
    assert_int_equal(note_one(b, 1, 4), 0);
    assert_int_equal(sum_of(a, 1), 7);
    tally_close(a);
    assert_int_equal(access(folder, F_OK), 0);
    a = open_good();
    tally_close(b);
    assert_int_equal(access(folder, F_OK), -1);
    assert_int_equal(note_one(a, 1, 3), ERR_GONE); /* who came at that moment comes again */
    assert_int_equal(tally_sum(a, now_ms, &err), ERR_GONE);
    tally_close(a);
    a = open_good();
    assert_int_equal(note_one(a, 1, 3), 0);
    assert_int_equal(sum_of(a, 1), 3);
    tally_close(a);
}

/* Removed between the look at the folder and the file that is made in it. */
static void a_folder_that_is_removed_at_the_worst_moment_is_noticed(void **state)
{
    (void)state;
    struct tally *a = open_good();
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(take_any(a, &err), ERR_GONE);
    tally_close(a);
}

static void only_a_folder_of_ones_own_is_used(void **state)
{
    (void)state;
    struct tally *t;
    char path[128];
    struct stat st;
    struct tally *keeps = open_good();
    assert_int_equal(note_one(keeps, 1, 1), 0);
    snprintf(path, sizeof path, "%s/%s", folder, SUMS);
    assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
    assert_int_equal(tally_open(&t, path, &err), ERR_IO);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(".", path), 0);
    assert_int_equal(tally_open(&t, path, &err), ERR_IO);
    assert_int_equal(tally_open(&t, "/nowhere/at/all", &err), ERR_IO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(chmod(folder, 0777), 0);
    tally_close(open_good());
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    tally_close(keeps);
}

static void spoil(int fd, uint64_t seed, size_t len)
{
    assert_int_equal(ftruncate(fd, 0), 0);
    for (size_t at = 0; at + 8 <= len; at += 8) {
        uint64_t word = hash_mix64(seed * 1000003 + at);
        word = at == 0 && seed % 2 ? 8 + word % 64 : word;
        word = word % 5 == 0 ? TALLY_MAGIC : word % 7 == 0 ? word % 3 : word;
        assert_int_equal(pwrite(fd, &word, 8, (off_t)at), 8);
    }
    assert_int_equal(ftruncate(fd, (off_t)len), 0);
}

static void nonsense_in_the_files_counts_for_nothing(void **state)
{
    (void)state;
    struct tally *a = open_good();
    struct tally *b = open_good();
    for (uint64_t seed = 0; seed < 500; seed++) {
        assert_int_equal(note_one(a, 1, 3 + seed), 0);
        assert_int_equal(note_one(b, 1, 4), 0);
        assert_int_equal(sum_of(b, 1), 7 + seed);
        spoil(b->sums, seed, (size_t)(hash_mix64(seed) % 300));
        spoil(a->own, seed + 1, (size_t)(hash_mix64(seed + 1) % 300));
        assert_int_equal(sum_of(b, 1), 4);
        assert_int_equal(b->sum.count, 1);
    }
    tally_close(a);
    tally_close(b);
}

/* As on a full disk: a file may not grow. */
static void what_cannot_be_written_leaves_nothing_noted(void **state)
{
    (void)state;
    static struct tally_entry list[1000];
    struct rlimit old;
    struct tally *a = open_good();
    struct tally *b = open_good();
    for (size_t i = 0; i < 1000; i++) {
        list[i] = (struct tally_entry){.key = i, .count = 1};
    }
    assert_int_equal(note_one(a, 1, 3), 0);
    assert_int_equal(note_one(b, 1, 4), 0);
    assert_int_equal(sum_of(b, 1), 7);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit small = {.rlim_cur = 200, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int rc = tally_note(a, list, 1000, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(rc, ERR_IO);
    assert_non_null(strstr(err.text, folder));
    assert_int_equal(file_count(), 1);
    assert_int_equal(sum_of(b, 1), 4);
    assert_int_equal(tally_note(a, list, 1000, &err), 0);
    assert_int_equal(sum_of(b, 1), 5);
    small.rlim_cur = 8;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    rc = tally_sum(b, now_ms + TALLY_FRESH_MS, &err); /* nor can the sums */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(rc, ERR_IO);
    assert_int_equal(sum_of(b, 1), 5);
    tally_close(a);
    tally_close(b);
}

#include "test_tally_play.h"

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_with_the_same_key_become_one),
        cmocka_unit_test_setup_teardown(what_all_noted_adds_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_entries_grow_and_shrink, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sums_are_made_by_one_for_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sums_of_another_time_do_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            whoever_makes_them_and_does_not_end_is_not_waited_for_for_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_is_room_for_so_many_processes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_or_file_that_was_removed_is_noticed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_last_one_removes_the_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_is_removed_at_the_worst_moment_is_noticed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_a_folder_of_ones_own_is_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nonsense_in_the_files_counts_for_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_written_leaves_nothing_noted, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sums_follow_processes_that_come_and_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_process_that_is_killed_anywhere_stops_nobody, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_comes_while_the_last_one_goes_finds_a_folder, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_written_meanwhile_is_seen_whole, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* test_journal_faults: a topic's journal when publishers die, disks fill up, and files are damaged: what was
 * acknowledged comes once and in order, or a gap says so. */
#include "test_journal_rig.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void append_bytes(const char *path, const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

/* Three segments: a b | c d | e f. */
static void put_three_segments(struct rig *r)
{
    static const char *const words[] = {"a", "b", "c", "d", "e", "f"};
    for (int i = 0; i < 6; i++) {
        rig_put(r, words[i]);
        if (i == 1 || i == 3) {
            assert_int_equal(journal_lock(r->journal), 0);
            assert_int_equal(journal_rotate(r->journal), 0);
            journal_unlock(r->journal);
        }
    }
    assert_int_equal(rig_segments(r), 3);
}

static void a_torn_end_is_cut_off(void **state)
{
    struct rig *r = *state;
    char path[320];
    unsigned char bytes[200];
    rig_open(r);
    rig_put(r, "one");
    rig_segment(r, 0, path);
    int64_t size = rig_size(path);
    rig_put(r, "two");
    int64_t whole = rig_size(path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, bytes, 64, size), 64);
    close(fd);
    /* Each length that a killed publisher can leave. */
    for (int64_t len = size + 1; len < whole; len++) {
        journal_free(r->journal);
        assert_int_equal(truncate(path, len), 0);
        rig_close(r);
        rig_open(r);
        rig_expect_live(r, "");
        r->journal = rig_publisher(r);
        rig_put(r, "two");
        rig_expect_live(r, "two");
        rig_expect(r, "start", "one|two");
        assert_int_equal(rig_size(path), whole);
    }
}

static void half_a_batch_is_nothing(void **state)
{
    struct rig *r = *state;
    char path[320];
    rig_open(r);
    rig_put(r, "one");
    assert_int_equal(rig_try_batch(r->journal, "a b c"), 0);
    rig_segment(r, 0, path);
    int64_t whole = rig_size(path);
    journal_free(r->journal);
    assert_int_equal(truncate(path, whole - JOURNAL_RECORD_BYTES), 0);
    rig_expect_live(r, "one");
    r->journal = rig_publisher(r);
    rig_put(r, "two");
    rig_expect_live(r, "two");
    rig_expect(r, "start", "one|two");
}

static void a_damaged_event_is_a_gap(void **state)
{
    struct rig *r = *state;
    struct journal_position at;
    char path[320];
    rig_open(r);
    rig_put(r, "one");
    assert_int_equal(rig_try(r->journal, "two", NULL, &at), 0);
    rig_put(r, "three");
    rig_segment(r, 0, path);
    rig_scribble(path, (int64_t)at.offset + JOURNAL_RECORD_BYTES, "T", 1);
    rig_expect_live(r, "one|!damaged:1|three");
    rig_scribble(path, (int64_t)at.offset, "\0\0\0\0", 4);
    rig_expect(r, "start", "one|!damaged:1|three");
    rig_close(r);
    rig_open(r);
    rig_expect(r, "start", "one|!damaged:1|three");
}

static void a_lost_page_is_a_gap(void **state)
{
    struct rig *r = *state;
    struct journal_position first, last;
    char path[320];
    static const char zeros[4096];
    rig_open(r);
    rig_put(r, "one");
    assert_int_equal(rig_try(r->journal, "two", NULL, &first), 0);
    for (int i = 0; i < 20; i++) {
        rig_put(r, "lost");
    }
    assert_int_equal(rig_try(r->journal, "last", NULL, &last), 0);
    rig_segment(r, 0, path);
    rig_scribble(path, (int64_t)first.offset, zeros, last.offset - first.offset);
    rig_expect_live(r, "one|!damaged:21|last");
    rig_expect(r, "start", "one|!damaged:21|last");
}

static void a_damaged_end_is_told_when_something_follows(void **state)
{
    struct rig *r = *state;
    char path[320];
    static const char zeros[200];
    rig_open(r);
    rig_put(r, "one");
    rig_segment(r, 0, path);
    append_bytes(path, zeros, sizeof zeros);
    rig_expect_live(r, "one");
    rig_put(r, "two");
    rig_expect_live(r, "!damaged:-1|two");
    rig_expect(r, "start", "one|!damaged:-1|two");
}

static void a_deleted_segment_is_a_gap(void **state)
{
    struct rig *r = *state;
    char path[320];
    rig_open(r);
    put_three_segments(r);
    rig_segment(r, 1, path);
    assert_int_equal(unlink(path), 0);
    rig_expect_live(r, "a|b|!deleted:2|e|f");
    rig_segment(r, 0, path);
    assert_int_equal(unlink(path), 0);
    rig_look(r);
    rig_expect(r, "start", "!expired:4|e|f");
    /* The newest: the publisher knows what it had. */
    rig_segment(r, 0, path);
    assert_int_equal(unlink(path), 0);
    rig_put(r, "g");
    rig_look(r);
    assert_non_null(strstr(r->live.text, "!replaced:-1|g"));
}

static void a_damaged_head_is_a_gap(void **state)
{
    struct rig *r = *state;
    char path[320];
    rig_open(r);
    put_three_segments(r);
    rig_segment(r, 1, path);
    rig_scribble(path, 20, "x", 1);
    rig_expect_live(r, "a|b|!damaged:2|e|f");
    rig_segment(r, 2, path);
    rig_scribble(path, 20, "x", 1);
    rig_put(r, "g");
    rig_expect_live(r, "!damaged:-1|g");
    rig_close(r);
    rig_open(r);
    rig_look(r);
    rig_expect(r, "start", "a|b|!damaged:-1|g");
}

static void a_cut_end_is_a_gap(void **state)
{
    struct rig *r = *state;
    struct journal_position at;
    char path[320], text[SSE_POSITION_SIZE];
    rig_open(r);
    rig_put(r, "one");
    assert_int_equal(rig_try(r->journal, "two", NULL, &at), 0);
    rig_put(r, "three");
    rig_expect_live(r, "one|two|three");
    memcpy(text, r->log.head_text, sizeof text);
    rig_segment(r, 0, path);
    assert_int_equal(truncate(path, (int64_t)at.offset), 0);
    rig_expect_live(r, "!truncated:-1");
    rig_put(r, "four");
    rig_look(r);
    assert_non_null(strstr(r->live.text, "four"));
    rig_expect(r, text, "!truncated:-1|four");
}

static void another_journal_is_a_gap(void **state)
{
    struct rig *r = *state;
    char folder[256], text[SSE_POSITION_SIZE];
    rig_open(r);
    rig_put(r, "one");
    rig_expect_live(r, "one");
    memcpy(text, r->log.head_text, sizeof text);
    rig_wipe(rig_folder(r, folder));
    rig_expect_live(r, "");
    rig_put(r, "two");
    rig_expect_live(r, "!replaced:-1|two");
    rig_expect(r, text, "!replaced:-1|two");
}

static void keeps_what_the_rules_say(void **state)
{
    struct rig *r = *state;
    char data[16];
    r->rules.segment_bytes = 1000;
    r->rules.keep_bytes = 4000;
    struct journal *j = rig_publisher(r);
    rig_open(r);
    char first[SSE_POSITION_SIZE] = "";
    for (int i = 1; i <= 500; i++) {
        char path[320];
        int64_t total = 0;
        snprintf(data, sizeof data, "%d", i);
        assert_int_equal(rig_try(j, data, NULL, NULL), 0);
        if (i == 1) {
            rig_look(r);
            memcpy(first, r->log.head_text, sizeof first);
        }
        size_t count = rig_segments(r);
        for (size_t n = 0; n < count; n++) {
            rig_segment(r, n, path);
            total += rig_size(path);
        }
        assert_true(total <= 4000);
    }
    /* The number is that of the events: what the reader did not get is what the gap says. */
    record_init(&r->live);
    rig_close(r);
    rig_open(r);
    struct record *page = calloc(1, sizeof *page);
    assert_non_null(page);
    record_init(page);
    while (topic_log_pull(&r->log, first, &page->out, 1000) != SOURCE_HEAD) {
    }
    int missing = 0, next = 0;
    assert_int_equal(sscanf(page->text, "!expired:%d|%d|", &missing, &next), 2);
    assert_int_equal(next, 2 + missing);
    assert_int_equal(page->count, 1 + 500 - next + 1);
    free(page);
    journal_free(j);
}

static void deletes_by_age_and_by_number(void **state)
{
    struct rig *r = *state;
    r->rules.keep_ms = 10000;
    struct journal *j = rig_publisher(r);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(rig_try(j, "x", NULL, NULL), 0);
        r->clock.now_ms += 2000;
    }
    assert_in_range(rig_segments(r), 5, 7);
    r->clock.now_ms += 3600000;
    assert_int_equal(journal_expire(j), 0);
    assert_int_equal(rig_segments(r), 1);
    journal_free(j);
    r->rules = (struct journal_rules){
        .segment_bytes = 1 << 20, .keep_events = 100, .max_event_bytes = 100};
    j = rig_publisher(r);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(rig_try(j, "x", NULL, NULL), 0);
    }
    assert_in_range(rig_segments(r), 2, 3);
    journal_free(j);
}

static void a_publisher_that_stands_still_stops_nobody_for_long(void **state)
{
    struct rig *r = *state;
    char path[320];
    rig_put(r, "one");
    rig_segment(r, 0, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(rig_try(r->journal, "two", NULL, NULL), ERR_AGAIN);
    close(fd);
    rig_open(r);
    assert_int_equal(rig_try(r->journal, "three", NULL, NULL), 0);
    rig_expect(r, "start", "one");
    rig_expect_live(r, "three");
}

/* Publishes until the disk is full, frees room, goes on; every event that was accepted is there. */
static int fill(struct rig *r, void (*make_room)(struct rig *r))
{
    int accepted = 0, rc = 0;
    char data[400];
    memset(data, 'd', sizeof data);
    data[sizeof data - 1] = '\0';
    for (int i = 0; i < 100000 && !rc; i++) {
        rc = rig_try(r->journal, data, NULL, NULL);
        accepted += rc == 0;
    }
    if (rc != ERR_IO || !journal_is_full(r->journal)
        || rig_try(r->journal, data, NULL, NULL) != ERR_IO) {
        return 1;
    }
    make_room(r);
    rc = rig_try(r->journal, "after", NULL, NULL);
    struct record *page = calloc(1, sizeof *page);
    int came = 0;
    char at[SSE_POSITION_SIZE] = "start";
    if (rc || !page) {
        return 2;
    }
    rig_open(r);
    for (;;) {
        record_init(page);
        rc = topic_log_pull(&r->log, at, &page->out, 10000);
        came += (int)page->count;
        if (strchr(page->text, '!')) {
            return 3;
        }
        if (rc != SOURCE_MORE) {
            break;
        }
    }
    free(page);
    rig_close(r);
    return came == accepted + 1 ? 0 : 4;
}

static void raise_limit(struct rig *r)
{
    struct rlimit limit;
    (void)r;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = RLIM_INFINITY;
    limit.rlim_max = limit.rlim_max < limit.rlim_cur ? limit.rlim_max : limit.rlim_cur;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void a_full_disk_leaves_nothing_half_written(void **state)
{
    struct rig *r = *state;
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit;
        signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &limit);
        limit.rlim_cur = 20000;
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(fill(r, raise_limit));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void delete_ballast(struct rig *r)
{
    char path[128];
    snprintf(path, sizeof path, "%s/ballast", r->state);
    unlink(path);
}

static void a_full_file_system_leaves_nothing_half_written(void **state)
{
    struct rig *r = *state;
    static char ballast[65536];
    char path[128];
    if (mount("none", r->state, "tmpfs", 0, "size=300k")) {
        skip(); /* not root, or not allowed to */
    }
    snprintf(path, sizeof path, "%s/ballast", r->state);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ssize_t n = write(fd, ballast, sizeof ballast);
    close(fd);
    journal_free(r->journal);
    r->rules.segment_bytes = 20000;
    r->journal = rig_publisher(r);
    int failed = fill(r, delete_ballast);
    journal_free(r->journal);
    assert_int_equal(umount2(r->state, MNT_DETACH), 0);
    r->journal = rig_publisher(r);
    assert_int_equal(n, (ssize_t)sizeof ballast);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(a_torn_end_is_cut_off),
        rig_test(half_a_batch_is_nothing),
        rig_test(a_damaged_event_is_a_gap),
        rig_test(a_lost_page_is_a_gap),
        rig_test(a_damaged_end_is_told_when_something_follows),
        rig_test(a_deleted_segment_is_a_gap),
        rig_test(a_damaged_head_is_a_gap),
        rig_test(a_cut_end_is_a_gap),
        rig_test(another_journal_is_a_gap),
        rig_test(keeps_what_the_rules_say),
        rig_test(deletes_by_age_and_by_number),
        rig_test(a_publisher_that_stands_still_stops_nobody_for_long),
        rig_test(a_full_disk_leaves_nothing_half_written),
        rig_test(a_full_file_system_leaves_nothing_half_written),
    };
    return cmocka_run_group_tests_name("journal_faults", tests, NULL, NULL);
}

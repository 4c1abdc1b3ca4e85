/* SPDX-License-Identifier: MIT */
/* test_journal_mend: a publisher goes on where somebody has cut or deleted files by hand, whatever the
 * clock says. Each of these once went wrong in a history of the model. */
#include "test_journal_rig.h"

#define SIXTYFOUR "................................................................"
#define HOUR_MS 3600000
#define LATER_MS (START_MS + 4LL * 365 * 24 * HOUR_MS) /* when epochs are times */

static void cut(struct rig *r, size_t index, int64_t size)
{
    char path[320];
    assert_true(rig_segment(r, index, path) > index);
    assert_int_equal(truncate(path, size), 0);
}

/* What is at the end now is a seal, which ends where the event did that was cut off. */
static void an_end_of_the_same_size_is_another_one(void **state)
{
    struct rig *r = *state;
    r->rules.segment_bytes = 200;
    struct journal *other = rig_publisher(r);
    rig_put(r, SIXTYFOUR);
    cut(r, 0, JOURNAL_HEAD_BYTES);
    assert_int_equal(rig_try(other, "eight...", NULL, NULL), 0);
    assert_int_equal(rig_try(other, SIXTYFOUR SIXTYFOUR, NULL, NULL), 0); /* in the next segment */
    rig_put(r, "last");
    rig_open(r);
    rig_expect(r, "start", "eight...|" SIXTYFOUR "....................................|last");
    journal_free(other);
}

static void an_epoch_that_was_deleted_is_not_waited_for(void **state)
{
    struct rig *r = *state;
    char path[320];
    r->clock.now_ms = LATER_MS;
    rig_put(r, "one");
    cut(r, 0, JOURNAL_HEAD_BYTES + 8);
    rig_put(r, "two"); /* of an epoch of its own */
    assert_int_equal(rig_segment(r, 1, path), 2);
    assert_int_equal(unlink(path), 0);
    r->clock.now_ms -= HOUR_MS;
    rig_put(r, "three");
    assert_in_range(rig_segments(r), 2, 3);
    rig_open(r);
    rig_look(r);
    assert_int_equal(r->live.count, 0);
    rig_put(r, "four");
    rig_expect_live(r, "four");
}

/* The same size, the same name, the same epoch: only the record itself tells. */
static void a_file_made_anew_is_read_from_its_beginning(void **state)
{
    struct rig *r = *state;
    char path[320];
    rig_put(r, "one");
    rig_put(r, "two");
    rig_open(r);
    rig_put(r, "six");
    rig_expect_live(r, "six");
    rig_segment(r, 0, path);
    cut(r, 0, JOURNAL_HEAD_BYTES);
    journal_rest(r->journal);
    struct journal *other = rig_publisher(r);
    assert_int_equal(rig_try_batch(other, "ten ...............................................66"), 0);
    journal_free(other);
    rig_look(r);
    assert_non_null(strstr(r->live.text, "!truncated:-1"));
    rig_put(r, "end");
    rig_look(r);
    assert_string_equal(r->live.text + r->live.len - 4, "|end");
}

static void a_rested_follower_misses_nothing(void **state)
{
    struct rig *r = *state;
    r->rules.segment_bytes = 300;
    struct journal *j = rig_publisher(r);
    rig_open(r);
    char data[16];
    for (int i = 0; i < 20; i++) { /* through some segments */
        topic_log_rest(&r->log);
        snprintf(data, sizeof data, "%d", i);
        assert_int_equal(rig_try(j, data, NULL, NULL), 0);
        rig_expect_live(r, data);
    }
    topic_log_rest(&r->log);
    assert_int_equal(r->log.reader.seg.fd, -1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rig_try_batch(j, "a b c d e f g"), 0);
    }
    rig_expect_live(r, "a|b|c|d|e|f|g|a|b|c|d|e|f|g|a|b|c|d|e|f|g");
    journal_free(j);
}

static void what_is_deleted_while_a_follower_rests_is_a_gap(void **state)
{
    struct rig *r = *state;
    char path[320];
    r->rules.segment_bytes = 200;
    struct journal *j = rig_publisher(r);
    assert_int_equal(rig_try(j, "one", NULL, NULL), 0);
    rig_open(r);
    rig_look(r);
    topic_log_rest(&r->log);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rig_try(j, SIXTYFOUR, NULL, NULL), 0);
    }
    for (int i = 0; i < 2; i++) {
        rig_segment(r, 0, path);
        assert_int_equal(unlink(path), 0);
    }
    rig_expect_live(r, "!expired:1|" SIXTYFOUR "|" SIXTYFOUR);
    topic_log_rest(&r->log);
    rig_wipe(r->state);
    assert_int_equal(mkdir(r->state, 0700), 0);
    rig_look(r);
    journal_free(j);
    rig_put(r, "new");
    rig_look(r);
    assert_non_null(strstr(r->live.text, "!replaced:-1|new"));
}

static void all_that_was_written_is_handed_out_to_be_synced(void **state)
{
    struct rig *r = *state;
    struct journal_unsynced unsynced;
    int written = 0;
    r->rules.segment_bytes = 100;
    r->rules.is_synced = 1;
    struct journal *j = rig_publisher(r);
    while (rig_try(j, SIXTYFOUR, NULL, NULL) == 0) { /* each in a segment of its own */
        written++;
    }
    assert_int_equal(written, JOURNAL_UNSYNCED_MAX + 1);
    assert_int_equal(journal_take_unsynced(j, &unsynced), written);
    assert_int_equal(journal_sync(&unsynced), 0);
    assert_int_equal(unsynced.count, 0);
    assert_int_equal(rig_try(j, SIXTYFOUR, NULL, NULL), 0);
    journal_free(j);
}

/* --- the only publisher -------------------------------------------------------------------- */

static void use_sole_publisher(struct rig *r)
{
    journal_free(r->journal);
    r->rules.is_sole = 1;
    r->journal = rig_publisher(r);
}

static void the_only_publisher_keeps_the_lock(void **state)
{
    struct rig *r = *state;
    use_sole_publisher(r);
    struct journal *other = rig_publisher(r);
    rig_open(r);
    rig_put(r, "a");
    assert_int_equal(rig_try(other, "no", NULL, NULL), ERR_AGAIN);
    rig_put(r, "b");
    journal_rest(r->journal);
    assert_int_equal(rig_try(other, "c", NULL, NULL), 0);
    assert_int_equal(rig_try(r->journal, "no", NULL, NULL), ERR_AGAIN);
    journal_free(other);
    rig_put(r, "d");
    rig_expect_live(r, "a|b|c|d");
    rig_expect(r, "start", "a|b|c|d");
}

static void the_only_publisher_goes_on_in_new_segments(void **state)
{
    struct rig *r = *state;
    r->rules.segment_bytes = 300;
    use_sole_publisher(r);
    rig_open(r);
    for (int i = 0; i < 20; i++) {
        rig_put(r, "x");
        rig_expect_live(r, "x");
    }
    assert_true(rig_segments(r) > 3);
    assert_int_equal(r->journal->begun, rig_segments(r));
}

/* Each thing that somebody can do to the file while its lock is kept. */
static void the_only_publisher_sees_what_others_do_to_the_file(void **state)
{
    struct rig *r = *state;
    char path[320];
    static const char junk[8] = "junk";
    use_sole_publisher(r);
    rig_open(r);
    rig_put(r, "a");
    rig_put(r, "b");
    rig_segment(r, 0, path);
    int64_t whole = rig_size(path);
    assert_int_equal(truncate(path, whole - 8), 0);
    rig_put(r, "c");
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, junk, sizeof junk, 8), sizeof junk);
    close(fd);
    rig_put(r, "d");
    assert_true(rig_segments(r) > 1);
    rig_segment(r, rig_segments(r) - 1, path);
    assert_int_equal(unlink(path), 0);
    rig_put(r, "e");
    rig_close(r);
    rig_open(r);
    rig_put(r, "f");
    rig_expect_live(r, "f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(an_end_of_the_same_size_is_another_one),
        rig_test(an_epoch_that_was_deleted_is_not_waited_for),
        rig_test(a_file_made_anew_is_read_from_its_beginning),
        rig_test(a_rested_follower_misses_nothing),
        rig_test(what_is_deleted_while_a_follower_rests_is_a_gap),
        rig_test(all_that_was_written_is_handed_out_to_be_synced),
        rig_test(the_only_publisher_keeps_the_lock),
        rig_test(the_only_publisher_goes_on_in_new_segments),
        rig_test(the_only_publisher_sees_what_others_do_to_the_file),
    };
    return cmocka_run_group_tests_name("journal_mend", tests, NULL, NULL);
}

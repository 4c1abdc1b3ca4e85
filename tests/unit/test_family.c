/* SPDX-License-Identifier: MIT */
/* test_family: streams that come into being when somebody names them, and journals of their own. */
#include "app/config.h"
#include "app/family.h"
#include "test_journal_rig.h"

static const char text[] =
    "{\"state_dir\": \"/tmp\", \"streams\": {"
    "\"rooms/*\": {\"source\": \"topic\", \"max_members\": 3, \"keep_bytes\": 0},"
    "\"rooms/lobby\": {\"source\": \"topic\"},"
    "\"rooms/old/*\": {\"source\": \"topic\"}}}";

static struct app_config *load(void)
{
    char path[] = "test_family.XXXXXX";
    struct err err = {.code = 0};
    struct app_config *config;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    if (app_config_load(path, &config, &err)) {
        fail_msg("%s", err.text);
    }
    unlink(path);
    return config;
}

static int ask(struct app_config *config, const char *name, struct app_stream **out)
{
    struct err err = {.code = 0};
    *out = NULL;
    return app_config_stream(config, name, out, &err);
}

static void members_come_when_asked_for_and_go_when_let_go(void **state)
{
    (void)state;
    struct app_config *config = load();
    struct app_stream *a, *same, *b;
    struct app_stream *family = app_config_find(config, "rooms/*");
    assert_int_equal(ask(config, "rooms/17", &a), 0);
    assert_string_equal(a->name, "rooms/17");
    assert_ptr_equal(a->family, family);
    assert_ptr_equal(a->settings, family->settings);
    assert_int_equal(ask(config, "rooms/17", &same), 0);
    assert_ptr_equal(same, a);
    assert_int_equal(ask(config, "rooms/18", &b), 0);
    assert_int_equal(app_family_count(family->members), 2);
    app_stream_unref(a);
    assert_int_equal(app_family_count(family->members), 2);
    app_stream_unref(same);
    assert_int_equal(app_family_count(family->members), 1);
    assert_ptr_equal(app_family_first(family->members), b);
    app_config_free(config);
    assert_string_equal(b->name, "rooms/18"); /* it holds its family */
    app_stream_unref(b);
}

static void the_name_that_says_most_wins(void **state)
{
    (void)state;
    struct app_config *config = load();
    struct app_stream *s;
    assert_int_equal(ask(config, "rooms/lobby", &s), 0);
    assert_null(s->family);
    app_stream_unref(s);
    assert_int_equal(ask(config, "rooms/old/1", &s), 0);
    assert_string_equal(s->family->name, "rooms/old/*");
    app_stream_unref(s);
    app_config_free(config);
}

static void names_that_are_no_file_names_are_refused(void **state)
{
    (void)state;
    struct app_config *config = load();
    struct app_stream *s;
    char name[200] = "rooms/";
    static const char *const bad[] = {"rooms/", "rooms/.", "rooms/..", "rooms/.x", "rooms/-", "rooms/-x",
                                      "rooms/a b", "rooms/a/b", "rooms/*x", "rooms/a%2fb",
                                      "rooms/\xc3\xa4", "rooms/a\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(ask(config, bad[i], &s), ERR_INVALID);
        assert_null(s);
    }
    static const char *const unknown[] = {"rooms", "rooms/*", "room/1", "ROOMS/1", ""};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_int_equal(ask(config, unknown[i], &s), ERR_UNKNOWN);
    }
    memset(name + 6, 'x', APP_MEMBER_MAX);
    assert_int_equal(ask(config, name, &s), 0);
    app_stream_unref(s);
    name[6 + APP_MEMBER_MAX] = 'x';
    assert_int_equal(ask(config, name, &s), ERR_INVALID);
    app_config_free(config);
}

static void there_are_max_members_at_once(void **state)
{
    (void)state;
    struct app_config *config = load();
    struct app_stream *s[4];
    assert_int_equal(ask(config, "rooms/1", &s[0]), 0);
    assert_int_equal(ask(config, "rooms/2", &s[1]), 0);
    assert_int_equal(ask(config, "rooms/3", &s[2]), 0);
    assert_int_equal(ask(config, "rooms/4", &s[3]), ERR_LIMIT);
    app_stream_unref(s[1]);
    assert_int_equal(ask(config, "rooms/4", &s[1]), 0);
    for (int i = 0; i < 3; i++) {
        app_stream_unref(s[i]);
    }
    app_config_free(config);
}

static void a_reload_that_changes_nothing_keeps_the_members(void **state)
{
    (void)state;
    struct app_config *old = load();
    struct app_config *new = load();
    struct app_stream *a, *b;
    assert_int_equal(ask(old, "rooms/17", &a), 0);
    assert_false(app_config_has(new, a));
    app_config_adopt(new, old);
    app_config_free(old);
    assert_true(app_config_has(new, a));
    assert_int_equal(ask(new, "rooms/17", &b), 0);
    assert_ptr_equal(a, b);
    app_stream_unref(a);
    app_stream_unref(b);
    app_config_free(new);
}

/* ---- journals ---- */

/* Publishes into a member; 0 or the journal's error. */
static int put(struct rig *r, const char *member)
{
    struct journal *j;
    char name[80];
    struct journal_position at;
    struct journal_event event = {.data = "x", .data_len = 1};
    snprintf(name, sizeof name, "rooms/%s", member);
    assert_int_equal(journal_new(&j, r->state, name, &r->rules, &r->clock.base), 0);
    int rc = journal_append(j, &event, 1, &at);
    if (rc) {
        assert_int_equal(rc, ERR_IO);
        assert_true(journal_is_full(j)); /* publishers are told that there is no room */
    }
    journal_free(j);
    return rc;
}

static int segments_of(struct rig *r, const char *folder)
{
    struct journal_dir dir = {.count = 0};
    assert_true(asprintf(&dir.path, "%s/topics/rooms%%2f%s", r->state, folder) > 0);
    assert_int_equal(journal_dir_list(&dir), 0);
    int count = (int)dir.count;
    journal_dir_fini(&dir);
    return count;
}

static void set_age(struct rig *r, const char *member, int64_t age_ms)
{
    char command[400];
    snprintf(command, sizeof command, "touch -d @%" PRId64 " '%s/topics/rooms%%2f%s'/*.seg",
             (r->clock.now_ms - age_ms) / 1000, r->state, member);
    assert_int_equal(system(command), 0);
}

static void no_more_than_max_members_have_a_journal(void **state)
{
    struct rig *r = *state;
    r->rules.family_chars = strlen("rooms/");
    r->rules.max_members = 2;
    assert_int_equal(put(r, "1"), 0);
    assert_int_equal(put(r, "2"), 0);
    assert_int_equal(put(r, "3"), ERR_IO);
    assert_int_equal(put(r, "2"), 0);
    rig_put(r, "other streams do not count");
    assert_int_equal(put(r, "3"), ERR_IO);
}

static int put_apart(struct rig *r, const char *name)
{
    struct journal_rules rules = {.segment_bytes = 1 << 20, .max_event_bytes = 65536};
    struct journal *j;
    struct journal_position at;
    struct journal_event event = {.data = "x", .data_len = 1};
    assert_int_equal(journal_new(&j, r->state, name, &rules, &r->clock.base), 0);
    int rc = journal_append(j, &event, 1, &at);
    journal_free(j);
    return rc;
}

static void who_is_no_member_is_not_counted_and_stays(void **state)
{
    struct rig *r = *state;
    r->rules.family_chars = strlen("rooms/");
    r->rules.max_members = 1;
    r->rules.keep_ms = 60000;
    assert_int_equal(put_apart(r, "rooms/lobby"), 0);
    assert_int_equal(put_apart(r, "rooms/old/1"), 0);
    set_age(r, "lobby", 120000);
    set_age(r, "old%2f1", 120000);
    assert_int_equal(put(r, "1"), 0);
    assert_int_equal(put(r, "2"), ERR_IO);
    assert_int_equal(segments_of(r, "lobby"), 1);
    assert_int_equal(segments_of(r, "old%2f1"), 1);
    /* One that was a member and has a name of its own in the configuration now. */
    assert_int_equal(put_apart(r, "rooms/1"), 0);
    set_age(r, "1", 120000);
    assert_int_equal(put(r, "2"), 0);
    assert_int_equal(segments_of(r, "1"), 1);
}

static void an_old_members_journal_makes_room(void **state)
{
    struct rig *r = *state;
    r->rules.family_chars = strlen("rooms/");
    r->rules.max_members = 2;
    r->rules.keep_ms = 60000;
    assert_int_equal(put(r, "1"), 0);
    assert_int_equal(put(r, "2"), 0);
    set_age(r, "1", 50000);
    set_age(r, "2", 120000);
    assert_int_equal(put(r, "3"), 0); /* instead of 2 */
    assert_int_equal(put(r, "1"), 0);
    set_age(r, "3", 0);
    set_age(r, "1", 0);
    assert_int_equal(put(r, "2"), ERR_IO);
}

static void a_journal_that_is_written_to_stays(void **state)
{
    struct rig *r = *state;
    struct journal *j;
    struct journal_position at;
    struct journal_event event = {.data = "x", .data_len = 1};
    r->rules.family_chars = strlen("rooms/");
    r->rules.max_members = 1;
    r->rules.keep_ms = 60000;
    assert_int_equal(journal_new(&j, r->state, "rooms/1", &r->rules, &r->clock.base), 0);
    assert_int_equal(journal_append(j, &event, 1, &at), 0);
    set_age(r, "1", 120000);
    assert_int_equal(journal_lock(j), 0);
    assert_int_equal(put(r, "2"), ERR_IO); /* somebody is at it */
    journal_unlock(j);
    assert_int_equal(put(r, "2"), 0);
    /* Its publisher, who had it open, begins anew when there is room. */
    assert_int_equal(journal_append(j, &event, 1, &at), ERR_IO);
    set_age(r, "2", 120000);
    assert_int_equal(journal_append(j, &event, 1, &at), 0);
    assert_int_equal(at.seq, 1);
    journal_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_when_asked_for_and_go_when_let_go),
        cmocka_unit_test(the_name_that_says_most_wins),
        cmocka_unit_test(names_that_are_no_file_names_are_refused),
        cmocka_unit_test(there_are_max_members_at_once),
        cmocka_unit_test(a_reload_that_changes_nothing_keeps_the_members),
        rig_test(no_more_than_max_members_have_a_journal),
        rig_test(who_is_no_member_is_not_counted_and_stays),
        rig_test(an_old_members_journal_makes_room),
        rig_test(a_journal_that_is_written_to_stays),
    };
    return cmocka_run_group_tests_name("family", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* test_tail_glob: which paths patterns match, and what the files are called. */
#include "test_tail_rig.h"

#include "source/tail/glob.h"

static void make(const struct rig *r, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", r->folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    close(fd);
}

static void make_folder(const struct rig *r, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", r->folder, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

#define PATTERNS_MAX 4

/* Patterns below the folder, apart by blanks, against "path=name ...", below it, too. */
static void expect(const struct rig *r, const char *patterns, int with_rotated,
                   const char *expected)
{
    char texts[PATTERNS_MAX][256];
    char *items[PATTERNS_MAX];
    struct conf_list list = {.items = items};
    char got[2048] = "";
    struct tail_glob g;
    size_t folder = strlen(r->folder) + 1;
    while (*patterns) {
        size_t len = strcspn(patterns, " ");
        snprintf(texts[list.count], sizeof *texts, "%s/%.*s", r->folder, (int)len, patterns);
        items[list.count] = texts[list.count];
        list.count++;
        patterns += len + (patterns[len] == ' ');
    }
    assert_int_equal(tail_glob_scan(&list, with_rotated, &g), 0);
    for (size_t i = 0; i < g.count; i++) {
        const char *name = g.items[i].name;
        size_t used = strlen(got);
        snprintf(got + used, sizeof got - used, "%s%s%s=%s", i ? " " : "",
                 g.items[i].path + folder, g.items[i].is_literal ? "!" : "",
                 name == g.items[i].path ? "all" : name);
    }
    assert_string_equal(got, expected);
    tail_glob_fini(&g);
}

static void wildcards_match_files_and_folders(void **state)
{
    struct rig *r = *state;
    make_folder(r, "web");
    make_folder(r, "db");
    make_folder(r, "folder.log");
    make(r, "a.log");
    make(r, "b.log");
    make(r, ".hidden.log");
    make(r, "web/out.log");
    make(r, "db/out.log");
    make(r, "db/err.log");
    expect(r, "*.log", 1, "a.log=a.log b.log=b.log");
    expect(r, "[ab].log", 1, "a.log=a.log b.log=b.log");
    expect(r, "*/out.log", 1, "db/out.log=db/out.log web/out.log=web/out.log");
    expect(r, "db/?*.log", 1, "db/err.log=err.log db/out.log=out.log");
    expect(r, "*/none.log", 1, "");
    expect(r, "none/*.log", 1, "");
}

static void a_plain_path_is_there_before_its_file(void **state)
{
    struct rig *r = *state;
    expect(r, "none/app.log", 1, "none/app.log!=app.log");
    make(r, "app.log");
    expect(r, "*.log app.log", 1, "app.log!=app.log");
}

static void compressed_files_are_no_logs(void **state)
{
    struct rig *r = *state;
    make(r, "app.log");
    make(r, "app.log.2.gz");
    make(r, "app.log.3.xz");
    expect(r, "app*", 0, "app.log=app.log");
}

static void rotated_files_alone_speak_of_their_log(void **state)
{
    struct rig *r = *state;
    make(r, "app.log.1");
    make(r, "old.log-20261121.gz");
    make(r, "old.log-20261120.gz");
    make(r, "note.txt.1");
    expect(r, "*.log", 1, "app.log=app.log old.log=old.log");
    expect(r, "*.log", 0, "");
}

static void names_with_control_bytes_are_left_out(void **state)
{
    struct rig *r = *state;
    char path[256];
    char *items[] = {path};
    struct conf_list list = {.items = items, .count = 1};
    struct tail_glob g;
    make(r, "a\nb.log");
    make(r, "a\177b.log");
    make(r, "ab.log");
    expect(r, "*.log", 1, "ab.log=ab.log");
    snprintf(path, sizeof path, "%s/*.log", r->folder);
    assert_int_equal(tail_glob_scan(&list, 1, &g), 0);
    assert_int_equal(g.bad_names, 2);
    tail_glob_fini(&g);
}

static void a_name_that_an_earlier_pattern_could_give_is_the_whole_path(void **state)
{
    struct rig *r = *state;
    make_folder(r, "a");
    make_folder(r, "b");
    make(r, "a/x.log");
    make(r, "b/x.log");
    make(r, "b/y.txt");
    expect(r, "a/*.log b/*", 1, "a/x.log=x.log b/x.log=all b/y.txt=y.txt");
}

static void many_entries_are_cut_and_said_so(void **state)
{
    struct rig *r = *state;
    char path[256], name[32];
    char *items[] = {path};
    struct conf_list list = {.items = items, .count = 1};
    struct tail_glob g;
    for (int i = 0; i <= TAIL_GLOB_MAX; i++) {
        snprintf(name, sizeof name, "%d.log", i);
        make(r, name);
    }
    snprintf(path, sizeof path, "%s/*.log", r->folder);
    assert_int_equal(tail_glob_scan(&list, 1, &g), 0);
    assert_int_equal(g.count, TAIL_GLOB_MAX);
    assert_int_equal(g.is_cut, 1);
    tail_glob_fini(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(wildcards_match_files_and_folders),
        rig_test(a_plain_path_is_there_before_its_file),
        rig_test(compressed_files_are_no_logs),
        rig_test(rotated_files_alone_speak_of_their_log),
        rig_test(names_with_control_bytes_are_left_out),
        rig_test(a_name_that_an_earlier_pattern_could_give_is_the_whole_path),
        rig_test(many_entries_are_cut_and_said_so),
    };
    return cmocka_run_group_tests_name("tail_glob", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Tests of app/slots: at most so many at once, over processes that come and go. */
#include "app/answers/slots.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ALICE 1
#define BOB 2
#define PROCESSES 8
#define ROUNDS 300
#define MOST 3

struct world {
    char path[64];
    struct app_slots a, b; /* as two processes have them */
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->path, "/tmp/ssecgi-slots-XXXXXX");
    int fd = mkstemp(w->path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(app_slots_open(&w->a, w->path), 0);
    assert_int_equal(app_slots_open(&w->b, w->path), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    app_slots_close(&w->a);
    app_slots_close(&w->b);
    unlink(w->path);
    free(w);
    return 0;
}

static void no_more_than_there_are(void **state)
{
    struct world *w = *state;
    size_t one, two, three;
    assert_int_equal(app_slots_take(&w->a, 2, 2, ALICE, &one), 0);
    assert_int_equal(app_slots_take(&w->b, 2, 2, BOB, &two), 0);
    assert_int_not_equal(one, two);
    assert_int_equal(app_slots_take(&w->a, 2, 2, BOB, &three), ERR_AGAIN);
    assert_int_equal(app_slots_take(&w->b, 2, 2, BOB, &three), ERR_AGAIN);
    app_slots_give(&w->b, two);
    assert_int_equal(app_slots_take(&w->a, 2, 2, BOB, &three), 0);
    assert_int_equal(three, two);
}

static void no_more_than_one_may_have(void **state)
{
    struct world *w = *state;
    size_t slot, first;
    assert_int_equal(app_slots_take(&w->a, 9, 2, ALICE, &first), 0);
    assert_int_equal(app_slots_take(&w->b, 9, 2, ALICE, &slot), 0);
    assert_int_equal(app_slots_take(&w->a, 9, 2, ALICE, &slot), ERR_LIMIT);
    assert_int_equal(app_slots_take(&w->b, 9, 2, ALICE, &slot), ERR_LIMIT);
    assert_int_equal(app_slots_take(&w->b, 9, 2, BOB, &slot), 0);
    app_slots_give(&w->a, first);
    assert_int_equal(app_slots_take(&w->b, 9, 2, ALICE, &slot), 0);
}

static void who_goes_holds_nothing(void **state)
{
    struct world *w = *state;
    size_t slot;
    assert_int_equal(app_slots_take(&w->a, 1, 1, ALICE, &slot), 0);
    assert_int_equal(app_slots_take(&w->b, 1, 1, ALICE, &slot), ERR_LIMIT);
    app_slots_close(&w->a);
    assert_int_equal(app_slots_take(&w->b, 1, 1, ALICE, &slot), 0);
}

static void a_file_of_rubbish_is_as_good_as_an_empty_one(void **state)
{
    struct world *w = *state;
    size_t slot;
    FILE *f = fopen(w->path, "w");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++) {
        fputc(1 + i % 255, f);
    }
    fclose(f);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(app_slots_take(&w->a, 5, 5, ALICE, &slot), 0);
    }
    assert_int_equal(app_slots_take(&w->b, 5, 9, BOB, &slot), ERR_AGAIN);
}

/* Takes a slot again and again, and notes in the shared counter how many have one. */
static void compete(const char *path, int *now, int *most)
{
    struct app_slots s;
    size_t slot;
    if (app_slots_open(&s, path)) {
        _exit(2);
    }
    for (int i = 0; i < ROUNDS; i++) {
        if (app_slots_take(&s, MOST, MOST, (uint64_t)getpid(), &slot)) {
            continue;
        }
        int count = __atomic_add_fetch(now, 1, __ATOMIC_SEQ_CST);
        int seen = __atomic_load_n(most, __ATOMIC_SEQ_CST);
        while (count > seen
               && !__atomic_compare_exchange_n(most, &seen, count, 0, __ATOMIC_SEQ_CST,
                                               __ATOMIC_SEQ_CST)) {
        }
        __atomic_sub_fetch(now, 1, __ATOMIC_SEQ_CST);
        app_slots_give(&s, slot);
    }
    _exit(0);
}

static void many_processes_never_have_too_many(void **state)
{
    struct world *w = *state;
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[PROCESSES];
    assert_ptr_not_equal(shared, MAP_FAILED);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            compete(w->path, &shared[0], &shared[1]);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_true(shared[1] >= 1 && shared[1] <= MOST);
    munmap(shared, 4096);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_more_than_there_are),
        TEST(no_more_than_one_may_have),
        TEST(who_goes_holds_nothing),
        TEST(a_file_of_rubbish_is_as_good_as_an_empty_one),
        TEST(many_processes_never_have_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

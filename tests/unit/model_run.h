/* SPDX-License-Identifier: MIT */
/* model_run: plays random histories against a model, in two processes, each in a folder of its own.
 *
 * NAME_SEED=n in the environment plays one history again and prints it; NAME_COUNT=n sets how many are
 * played. */
#ifndef TESTS_MODEL_RUN_H
#define TESTS_MODEL_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODEL_WORKERS 2

/* Plays one history in an empty folder, which it leaves empty; ends the process when it goes wrong. */
typedef void (*model_history)(const char *folder, uint64_t seed, int is_loud);

static uint64_t model_number(const char *name, const char *what, uint64_t fallback)
{
    char key[64];
    snprintf(key, sizeof key, "%s_%s", name, what);
    const char *text = getenv(key);
    return text ? strtoull(text, NULL, 10) : fallback;
}

static void model_work(const char *folder, int first, uint64_t count, uint64_t seed,
                       model_history play)
{
    if (mkdir(folder, 0755)) {
        _exit(1);
    }
    if (seed && first == 0) {
        play(folder, seed, 1);
    }
    for (uint64_t n = 1 + (uint64_t)first; n <= count && !seed; n += MODEL_WORKERS) {
        play(folder, n, 0);
    }
    _exit(0);
}

static void model_run(const char *name, const char *folder, uint64_t histories, model_history play)
{
    uint64_t count = model_number(name, "COUNT", histories);
    uint64_t seed = model_number(name, "SEED", 0);
    pid_t workers[MODEL_WORKERS];
    int failed = 0;
    for (int i = 0; i < MODEL_WORKERS; i++) {
        workers[i] = fork();
        assert_true(workers[i] >= 0);
        if (workers[i] == 0) {
            char own[96];
            snprintf(own, sizeof own, "%s/%d", folder, i);
            model_work(own, i, count, seed, play);
        }
    }
    for (int i = 0; i < MODEL_WORKERS; i++) {
        int status = 0;
        assert_int_equal(waitpid(workers[i], &status, 0), workers[i]);
        failed += status != 0;
    }
    assert_int_equal(failed, 0);
}

/* Folders are made where files are cheapest, if there is such a place. */
static void model_use_memory(void)
{
    if (access("/dev/shm", W_OK) == 0) {
        setenv("TMPDIR", "/dev/shm", 0);
    }
}

#endif

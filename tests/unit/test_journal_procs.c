/* SPDX-License-Identifier: MIT */
/* test_journal_procs: several processes publish into one journal at once, and some are killed. */
#include "test_journal_rig.h"

#include <signal.h>
#include <sys/wait.h>

#define PROCESSES 4
#define EVENTS 300
#define DEADLINE_S 60

static _Noreturn void publish_many(struct rig *r, int own)
{
    struct journal *j = rig_publisher(r);
    char data[32];
    alarm(DEADLINE_S);
    for (int i = 0; i < EVENTS;) {
        snprintf(data, sizeof data, "%d.%d", own, i);
        int rc = rig_try(j, data, NULL, NULL);
        if (rc != 0 && rc != ERR_AGAIN) {
            _exit(1);
        }
        i += rc == 0;
    }
    _exit(0);
}

/* Reads all there is; each process's events must come in order, without a gap. */
static void check_order(struct rig *r, int last[PROCESSES], int is_whole)
{
    struct record *page = calloc(1, sizeof *page);
    char at[SSE_POSITION_SIZE] = "start";
    int rc = SOURCE_MORE;
    assert_non_null(page);
    rig_open(r);
    while (rc == SOURCE_MORE) {
        record_init(page);
        rc = topic_log_pull(&r->log, at, &page->out, 10000);
        char *rest = page->text;
        for (char *word; (word = strtok_r(rest, "|", &rest));) {
            int own, i;
            assert_int_equal(sscanf(word, "%d.%d", &own, &i), 2);
            assert_true(is_whole ? i == last[own] + 1 : i > last[own]);
            last[own] = i;
        }
    }
    assert_int_equal(rc, SOURCE_HEAD);
    free(page);
    rig_close(r);
}

static void processes_rotate_at_once(void **state)
{
    struct rig *r = *state;
    pid_t children[PROCESSES];
    int last[PROCESSES];
    r->rules.segment_bytes = 300;
    for (int i = 0; i < PROCESSES; i++) {
        last[i] = -1;
        children[i] = fork();
        if (children[i] == 0) {
            publish_many(r, i);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    check_order(r, last, 1);
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(last[i], EVENTS - 1);
    }
}

/* They are killed wherever they are, and what they had been told is there. */
static void killed_processes_lose_nothing(void **state)
{
    struct rig *r = *state;
    int last[PROCESSES] = {-1, -1, -1, -1}, told[PROCESSES];
    r->rules.segment_bytes = 300;
    for (int i = 0; i < PROCESSES; i++) {
        int pipe_fds[2];
        assert_int_equal(pipe(pipe_fds), 0);
        pid_t child = fork();
        if (child == 0) {
            struct journal *j = rig_publisher(r);
            char data[32];
            alarm(DEADLINE_S);
            for (int n = 0;; n++) {
                snprintf(data, sizeof data, "%d.%d", i, n);
                if (rig_try(j, data, NULL, NULL) || write(pipe_fds[1], &n, sizeof n) < 0) {
                    _exit(1);
                }
            }
        }
        close(pipe_fds[1]);
        for (told[i] = 0; told[i] < 50 + 37 * i;) {
            assert_int_equal(read(pipe_fds[0], &told[i], sizeof told[i]), (ssize_t)sizeof told[i]);
        }
        kill(child, SIGKILL);
        while (read(pipe_fds[0], &told[i], sizeof told[i]) == (ssize_t)sizeof told[i]) {
        }
        close(pipe_fds[0]);
        waitpid(child, NULL, 0);
    }
    rig_put(r, "0.1000000");
    check_order(r, last, 0);
    for (int i = 1; i < PROCESSES; i++) {
        assert_in_range(last[i], told[i], told[i] + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        rig_test(processes_rotate_at_once),
        rig_test(killed_processes_lose_nothing),
    };
    return cmocka_run_group_tests_name("journal_procs", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* test_scoreboard_play: the part of test_scoreboard.c that has several processes. */
#ifndef TEST_SCOREBOARD_PLAY_H
#define TEST_SCOREBOARD_PLAY_H

#define PLAYERS 6
#define PLAY_STEPS 400
#define KILLS 200
#define WHOLE_WORDS 4096
#define WHOLE_READS 3000

/* A child that goes with us, also when a test fails. */
static pid_t fork_child(void)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    return pid;
}

/* --- a model: each step is acknowledged ---------------------------------------------------- */

struct player {
    pid_t pid; /* 0: not there */
    int to, from;
    uint64_t total;
};

/* A child: opens, then adds what it is told; told nothing more, it leaves properly. */
static void play(int from, int to)
{
    uint64_t total = 0;
    unsigned char step;
    struct scoreboard *b = open_good();
    write_good(b, 0, 1);
    while (write(to, "", 1) == 1 && read(from, &step, 1) == 1) {
        total += step;
        write_good(b, total, 1);
    }
    scoreboard_close(b);
    _exit(0);
}

static void await(const struct player *p)
{
    char c;
    assert_int_equal(read(p->from, &c, 1), 1);
}

/* Its end is told by the pipe, which nobody else may have. */
static void forget_others(const struct player *players, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (players[i].pid) {
            close(players[i].to);
            close(players[i].from);
        }
    }
}

static void start_player(const struct player *players, size_t count, struct player *p)
{
    int down[2];
    int up[2];
    assert_int_equal(pipe2(down, O_CLOEXEC), 0);
    assert_int_equal(pipe2(up, O_CLOEXEC), 0);
    pid_t pid = fork_child();
    if (pid == 0) {
        forget_others(players, count);
        close(down[1]);
        close(up[0]);
        play(down[0], up[1]);
    }
    close(down[0]);
    close(up[1]);
    p->pid = pid;
    p->to = down[1];
    p->from = up[0];
    p->total = 0;
    await(p);
}

static void end_player(struct player *p, int is_killed)
{
    if (is_killed) {
        kill(p->pid, SIGKILL);
    }
    close(p->to);
    assert_int_equal(waitpid(p->pid, NULL, 0), p->pid);
    close(p->from);
    p->pid = 0;
}

static void figures_follow_processes_that_come_and_go(void **state)
{
    (void)state;
    struct player players[PLAYERS] = {{.pid = 0}};
    struct scoreboard *b = open_good();
    uint64_t total = 0;
    uint64_t living = 0;
    for (uint64_t i = 0; i < PLAY_STEPS; i++) {
        uint64_t dice = hash_mix64(i + 1);
        struct player *p = &players[dice % PLAYERS];
        unsigned char step = (unsigned char)(dice >> 16);
        if (p->pid == 0) {
            start_player(players, PLAYERS, p);
            living++;
        } else if ((dice >> 32) % 4 == 0) {
            end_player(p, (dice >> 40) % 2 == 0);
            living--;
        } else {
            assert_int_equal(write(p->to, &step, 1), 1);
            await(p);
            total += step;
        }
        struct record sum = read_good(b);
        assert_int_equal(sum.total, total);
        assert_int_equal(sum.now, living);
    }
    for (size_t i = 0; i < PLAYERS; i++) {
        if (players[i].pid) {
            end_player(&players[i], 1);
        }
    }
    assert_int_equal(read_good(b).total, total);
    assert_int_equal(read_good(b).now, 0);
    scoreboard_close(b);
}

static void a_dead_process_that_nobody_waited_for_is_dead(void **state)
{
    (void)state;
    struct player p;
    siginfo_t info;
    struct scoreboard *b = open_good();
    start_player(NULL, 0, &p);
    assert_int_equal(read_good(b).now, 1);
    kill(p.pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)p.pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(read_good(b).now, 0);
    end_player(&p, 0);
    scoreboard_close(b);
}

static void write_for_ever(struct scoreboard *b, uint64_t *words)
{
    for (uint64_t n = 1;; n++) {
        for (size_t i = 0; i < WHOLE_WORDS; i++) {
            words[i] = n;
        }
        publish(b, slot_at(b, b->mine), words, WHOLE_WORDS * sizeof words[0], 0, 0);
    }
}

/* A child writes the same number into all words, again and again. */
static void a_record_is_never_seen_in_parts(void **state)
{
    (void)state;
    static uint64_t words[WHOLE_WORDS];
    struct scoreboard_setup setup = {.folder = folder, .identity = 8,
                                     .record_bytes = sizeof words, .fold = fold_records};
    struct scoreboard *b;
    struct held held;
    uint64_t last = 0;
    assert_int_equal(scoreboard_open(&b, &setup, &err), 0);
    assert_int_equal(scoreboard_write(b, words, sizeof words), 0);
    pid_t pid = fork_child();
    if (pid == 0) {
        write_for_ever(b, words);
    }
    for (int i = 0; i < WHOLE_READS; i++) {
        int rc = take(b, b->mine, &held, words);
        assert_true(rc == 0 || rc == ERR_AGAIN);
        for (size_t k = 0; k < WHOLE_WORDS && rc == 0; k++) {
            assert_int_equal(words[k], words[0]);
        }
        assert_true(rc || words[0] >= last);
        last = rc ? last : words[0];
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    unlink(b->path);
    scoreboard_close(b);
}

static void all_that_start_at_once_have_their_slots(void **state)
{
    (void)state;
    pid_t pids[2 * PLAYERS];
    int gate[2];
    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    for (size_t i = 0; i < 2 * PLAYERS; i++) {
        pids[i] = fork_child();
        if (pids[i] == 0) {
            char c;
            close(gate[1]);
            (void)!read(gate[0], &c, 1); /* until all are there */
            struct scoreboard *b = open_good();
            write_good(b, 1, 0);
            kill(getpid(), SIGKILL);
        }
    }
    close(gate[0]);
    close(gate[1]);
    for (size_t i = 0; i < 2 * PLAYERS; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    struct scoreboard *b = open_good();
    assert_int_equal(read_good(b).total, 2 * PLAYERS);
    scoreboard_close(b);
}

/* --- kills at any moment ------------------------------------------------------------------- */

/* What a child is about to have counted, and what it has. */
struct tally {
    _Atomic uint64_t begun, done;
};

/* A child: slots are taken, written and left all the time. */
static void churn(struct tally *t)
{
    for (uint64_t round = 0;; round++) {
        struct scoreboard *b = open_good();
        for (uint64_t i = 1; i <= round % 5; i++) {
            atomic_fetch_add(&t->begun, 1);
            write_good(b, i, 1);
            atomic_fetch_add(&t->done, 1);
        }
        scoreboard_close(b);
    }
}

static pid_t start_churn(struct tally *t)
{
    pid_t pid = fork_child();
    if (pid == 0) {
        churn(t);
    }
    return pid;
}

/* A step that was begun when its process was killed may count or not. */
static void a_kill_at_any_moment_loses_and_doubles_nothing(void **state)
{
    (void)state;
    struct tally *tallies = mmap(NULL, sizeof *tallies * KILLS, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(tallies != MAP_FAILED);
    pid_t pids[3] = {0};
    struct scoreboard *b = open_good();
    uint64_t last = 0;
    size_t used = 0;
    while (used < KILLS) {
        pid_t *pid = &pids[used % 3];
        if (*pid) {
            kill(*pid, SIGKILL);
            waitpid(*pid, NULL, 0);
        }
        *pid = start_churn(&tallies[used++]);
        /* They get on at their own speed, whatever the machine's. */
        time_t deadline = time(NULL) + 30;
        uint64_t wanted = hash_mix64(used) % 40;
        while (atomic_load(&tallies[used - 1].done) < wanted && time(NULL) < deadline) {
            uint64_t low = 0;
            uint64_t high = 0;
            for (size_t i = 0; i < used; i++) {
                low += atomic_load(&tallies[i].done);
            }
            uint64_t sum = read_good(b).total;
            for (size_t i = 0; i < used; i++) {
                high += atomic_load(&tallies[i].begun);
            }
            assert_in_range(sum, low > last ? low : last, high);
            last = sum;
        }
    }
    for (size_t i = 0; i < 3; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    scoreboard_close(b);
    munmap(tallies, sizeof *tallies * KILLS);
}

#endif

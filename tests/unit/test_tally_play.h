/* SPDX-License-Identifier: MIT */
/* test_tally_play: the part of test_tally.c that has several processes. */
#ifndef TEST_TALLY_PLAY_H
#define TEST_TALLY_PLAY_H

#define PLAYERS 6
#define PLAY_STEPS 2000
#define KILLS 200
#define WRITES 2000
#define VISITS 300

/* A child that goes with us, also when a test fails. */
static pid_t fork_child(void)
{
    pid_t pid = fork();
    must(pid >= 0, __LINE__);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    return pid;
}

struct player {
    pid_t pid; /* 0: not there */
    int to, from;
    uint64_t count;
};

/* A child: notes what it is told; told nothing more, it leaves properly. */
static void play(int from, int to)
{
    uint8_t count;
    struct tally *t = open_good();
    while (write(to, "", 1) == 1 && read(from, &count, 1) == 1) {
        must((count ? note_one(t, 1, count) : tally_note(t, NULL, 0, &err)) == 0, __LINE__);
    }
    tally_close(t);
    _exit(0);
}

static void await(const struct player *p)
{
    char c;
    assert_int_equal(read(p->from, &c, 1), 1);
}

static void start_player(const struct player *players, struct player *p)
{
    int down[2];
    int up[2];
    assert_int_equal(pipe2(down, O_CLOEXEC), 0);
    assert_int_equal(pipe2(up, O_CLOEXEC), 0);
    p->pid = 0;
    pid_t pid = fork_child();
    if (pid == 0) {
        for (size_t i = 0; i < PLAYERS; i++) {
            if (players[i].pid) {
                close(players[i].to);
                close(players[i].from);
            }
        }
        close(down[1]);
        close(up[0]);
        play(down[0], up[1]);
    }
    close(down[0]);
    close(up[1]);
    *p = (struct player){.pid = pid, .to = down[1], .from = up[0]};
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
    *p = (struct player){.pid = 0};
}

static void sums_follow_processes_that_come_and_go(void **state)
{
    (void)state;
    struct player players[PLAYERS] = {{.pid = 0}};
    static struct tally *t; /* children have it, too, and leave it to us */
    t = open_good();
    assert_int_equal(note_one(t, 2, 1), 0); /* the folder stays */
    for (uint64_t i = 0; i < PLAY_STEPS; i++) {
        uint64_t dice = hash_mix64(i + 1);
        struct player *p = &players[dice % PLAYERS];
        if (p->pid == 0) {
            start_player(players, p);
        } else if ((dice >> 32) % 16 == 0) {
            end_player(p, (dice >> 40) % 2 == 0);
        } else {
            uint8_t count = (uint8_t)((dice >> 48) % 4 ? dice >> 16 : 0);
            assert_int_equal(write(p->to, &count, 1), 1);
            await(p);
            p->count = count;
        }
        uint64_t wanted = 0;
        for (size_t k = 0; k < PLAYERS; k++) {
            wanted += players[k].count;
        }
        assert_int_equal(sum_of(t, 1), wanted);
    }
    for (size_t k = 0; k < PLAYERS; k++) {
        if (players[k].pid) {
            end_player(&players[k], 1);
        }
    }
    assert_int_equal(sum_of(t, 1), 0);
    assert_int_equal(file_count(), 1); /* whoever was killed left nothing behind */
    tally_close(t);
}

/* Killed at any moment, also while it makes the sums: the others go on at once. */
static void a_process_that_is_killed_anywhere_stops_nobody(void **state)
{
    (void)state;
    static struct tally *t;
    t = open_good();
    assert_int_equal(note_one(t, 1, 5), 0);
    for (int i = 0; i < KILLS; i++) {
        int up[2];
        char c;
        assert_int_equal(pipe2(up, O_CLOEXEC), 0);
        pid_t pid = fork_child();
        if (pid == 0) {
            close_file(&t->own); /* the file of the parent is the parent's */
            struct tally *mine = open_good();
            for (uint64_t n = 1;; n++) {
                must(note_one(mine, 1, 1000) == 0, __LINE__);
                must(tally_sum(mine, now_ms + (int64_t)n * TALLY_FRESH_MS, &err) == 0, __LINE__);
                must(tally_note(mine, NULL, 0, &err) == 0, __LINE__);
                must(n > 1 || write(up[1], "", 1) == 1, __LINE__);
            }
        }
        assert_int_equal(read(up[0], &c, 1), 1);
        struct timespec moment = {.tv_nsec = (long)(hash_mix64((uint64_t)i) % 300000)};
        nanosleep(&moment, NULL); /* where it is killed is a matter of chance */
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        close(up[0]);
        close(up[1]);
        now_ms += 1000 * TALLY_ABANDONED_MS;
        assert_int_equal(sum_of(t, 1), 5);
    }
    tally_close(t);
}

/* The folder comes and goes all the time: nobody meets anything but that. */
static void come_and_go(void)
{
    for (int i = 0; i < VISITS; i++) {
        struct tally *t = NULL;
        int rc = ERR_GONE;
        for (int tries = 0; tries < 100 && rc == ERR_GONE; tries++) {
            tally_close(t);
            t = NULL;
            rc = tally_open(&t, folder, &err);
            rc = rc ? rc : note_one(t, 1, 1);
            rc = rc ? rc : tally_sum(t, now_ms + (int64_t)i * TALLY_FRESH_MS, &err);
        }
        must(rc == 0, __LINE__);
        must(tally_get(t, 1) <= PLAYERS, __LINE__);
        tally_close(t);
    }
    _exit(0);
}

static void who_comes_while_the_last_one_goes_finds_a_folder(void **state)
{
    (void)state;
    pid_t pids[PLAYERS];
    for (size_t i = 0; i < PLAYERS; i++) {
        pids[i] = fork_child();
        if (pids[i] == 0) {
            come_and_go();
        }
    }
    for (size_t i = 0; i < PLAYERS; i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(file_count(), 0);
}

/* Whoever looks while others write finds the old or the new, never less. */
static void what_is_written_meanwhile_is_seen_whole(void **state)
{
    (void)state;
    static struct tally_entry list[1000];
    int down[2];
    char c;
    assert_int_equal(pipe2(down, O_CLOEXEC), 0);
    for (size_t i = 0; i < 1000; i++) {
        list[i] = (struct tally_entry){.key = i, .count = 1};
    }
    static struct tally *t;
    static struct tally *mine;
    t = open_good();
    pid_t pid = fork_child();
    if (pid == 0) {
        mine = open_good();
        close(down[1]);
        for (size_t n = 0; read(down[0], &c, 1) == 1; n++) {
            must(tally_note(mine, list, 1 + n * 37 % 1000, &err) == 0, __LINE__);
        }
        _exit(0);
    }
    close(down[0]);
    assert_int_equal(write(down[1], "", 1), 1);
    while (sum_of(t, 0) == 0) {
        sched_yield();
    }
    for (int i = 0; i < WRITES; i++) {
        assert_int_equal(write(down[1], "", 1), 1); /* it writes while we look */
        assert_int_equal(sum_of(t, 0), 1);
    }
    close(down[1]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    tally_close(t);
}

#endif

/* SPDX-License-Identifier: MIT */
/* first_byte: the time from exec to the first byte of output, in microseconds, one line a run.
 *
 *     first_byte RUNS PROGRAM [ARGUMENT...]
 *
 * The program gets the environment as it stands; after its first byte it is killed. */
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int run_once(char **argv)
{
    int output[2];
    char byte;
    pid_t pid;
    posix_spawn_file_actions_t actions;
    if (pipe(output) || posix_spawn_file_actions_init(&actions)) {
        return -1;
    }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", 0, 0);
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, output[0]);
    posix_spawn_file_actions_addclose(&actions, output[1]);
    double start_us = now_us();
    int rc = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(output[1]);
    if (rc == 0) {
        rc = read(output[0], &byte, 1) == 1 ? 0 : -1;
        double end_us = now_us();
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        if (rc == 0) {
            printf("%.1f\n", end_us - start_us);
        }
    }
    close(output[0]);
    return rc;
}

int main(int argc, char **argv)
{
    long runs = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    if (runs <= 0) {
        fprintf(stderr, "usage: first_byte RUNS PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    for (long i = 0; i < runs; i++) {
        if (run_once(argv + 2)) {
            fprintf(stderr, "first_byte: %s gave no output\n", argv[2]);
            return 1;
        }
    }
    return 0;
}

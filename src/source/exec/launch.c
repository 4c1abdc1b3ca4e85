/* SPDX-License-Identifier: MIT */
/* exec_launch: pipes, and a supervisor with the program behind them. */
#include "source/exec/launch.h"

#include "base/err.h"
#include "source/exec/child.h"
#include "source/exec/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SELF "/proc/self/exe"
#define ENDS (EXEC_SUPERVISOR_LOCK_FD + 1)

/* By the number that the supervisor has its end at. */
struct pipes {
    int ours[ENDS];
    int theirs[ENDS];
};

static void close_some(const int fds[ENDS])
{
    int error = errno;
    for (int i = 0; i < ENDS; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    errno = error;
}

/* Out of the way of the numbers that the supervisor's ends get: none is overwritten before it was
 * copied. */
static int lift(int fd)
{
    if (fd < 0 || fd >= ENDS) {
        return fd;
    }
    int lifted = fcntl(fd, F_DUPFD_CLOEXEC, ENDS);
    close(fd);
    return lifted;
}

static int make_pipe(struct pipes *p, int at, int is_for_reading)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC)) {
        return ERR_IO;
    }
    p->ours[at] = fds[is_for_reading ? 0 : 1];
    p->theirs[at] = lift(fds[is_for_reading ? 1 : 0]);
    int has_failed = p->theirs[at] < 0 || fcntl(p->ours[at], F_SETFL, O_NONBLOCK);
    return has_failed ? ERR_IO : 0; /* the program's end stays a usual one */
}

static int make_control(struct pipes *p)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds)) {
        return ERR_IO;
    }
    p->ours[EXEC_SUPERVISOR_FD] = fds[0];
    p->theirs[EXEC_SUPERVISOR_FD] = lift(fds[1]);
    int has_failed = p->theirs[EXEC_SUPERVISOR_FD] < 0 || fcntl(fds[0], F_SETFL, O_NONBLOCK);
    return has_failed ? ERR_IO : 0;
}

static int open_null(struct pipes *p, int at)
{
    p->theirs[at] = lift(open("/dev/null", O_RDONLY | O_CLOEXEC));
    return p->theirs[at] < 0 ? ERR_IO : 0;
}

static int copy_lock(struct pipes *p, int fd)
{
    p->theirs[EXEC_SUPERVISOR_LOCK_FD] = fcntl(fd, F_DUPFD_CLOEXEC, ENDS);
    return p->theirs[EXEC_SUPERVISOR_LOCK_FD] < 0 ? ERR_IO : 0;
}

static int make_pipes(struct pipes *p, const struct exec_child_setup *setup)
{
    int rc = make_pipe(p, STDOUT_FILENO, 1);
    rc = rc ? rc : make_pipe(p, STDERR_FILENO, 1);
    rc = rc ? rc : make_control(p);
    if (!rc) {
        rc = setup->input ? make_pipe(p, STDIN_FILENO, 0) : open_null(p, STDIN_FILENO);
    }
    if (!rc) {
        rc = setup->lock_fd > 0 ? copy_lock(p, setup->lock_fd)
                                : open_null(p, EXEC_SUPERVISOR_LOCK_FD);
    }
    return rc;
}

/* Our own program: by its name, because under valgrind the link leads to valgrind; by the link,
 * when the file was replaced since. */
static const char *find_self(char path[PATH_MAX])
{
    ssize_t len = readlink(SELF, path, PATH_MAX - 1);
    path[len > 0 ? len : 0] = '\0';
    return len > 0 && access(path, X_OK) == 0 ? path : SELF;
}

/* The web server's signal settings are not the program's. */
static int spawn(pid_t *pid, const struct pipes *p, char **argv, char *const *env)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t all, none;
    char path[PATH_MAX];
    sigfillset(&all);
    sigemptyset(&none);
    if (posix_spawn_file_actions_init(&actions)) {
        return ENOMEM;
    }
    int rc = posix_spawnattr_init(&attr);
    if (rc) {
        posix_spawn_file_actions_destroy(&actions);
        return rc;
    }
    for (int i = 0; i < ENDS && !rc; i++) {
        rc = posix_spawn_file_actions_adddup2(&actions, p->theirs[i], i);
    }
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    rc = rc ? rc : posix_spawn(pid, find_self(path), &actions, &attr, argv, env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* The supervisor's arguments, the program's among them; freed by the caller. */
static char **make_argv(const struct exec_child_setup *setup, char kill_ms[24])
{
    size_t count = 0;
    while (setup->argv[count]) {
        count++;
    }
    char **argv = calloc(EXEC_SUPERVISOR_ARGS + count + 1, sizeof *argv);
    if (!argv) {
        return NULL;
    }
    snprintf(kill_ms, 24, "%" PRId64, setup->kill_ms);
    argv[0] = (char *)EXEC_SUPERVISOR_NAME;
    argv[1] = kill_ms;
    argv[2] = (char *)(setup->user ? setup->user : "");
    argv[3] = (char *)(setup->cwd ? setup->cwd : "");
    for (size_t i = 0; i < count; i++) {
        argv[EXEC_SUPERVISOR_ARGS + i] = setup->argv[i];
    }
    return argv;
}

static int is_ours(const char *pair)
{
    return strncmp(pair, EXEC_SUPERVISOR_ENV, strlen(EXEC_SUPERVISOR_ENV)) == 0;
}

/* Our environment and, behind a prefix, the program's, in one piece; freed by the caller. */
static char **make_env(char *const *program)
{
    size_t count = 1;
    size_t bytes = 0;
    size_t n = 0;
    for (char **e = environ; e && *e; e++) {
        count++;
    }
    for (char *const *e = program; *e; e++) {
        count++;
        bytes += sizeof EXEC_SUPERVISOR_ENV + strlen(*e);
    }
    char **env = malloc(count * sizeof *env + bytes);
    if (!env) {
        return NULL;
    }
    char *at = (char *)(env + count);
    for (char **e = environ; e && *e; e++) {
        if (!is_ours(*e)) {
            env[n++] = *e;
        }
    }
    for (char *const *e = program; *e; e++) {
        env[n++] = at;
        at = stpcpy(stpcpy(at, EXEC_SUPERVISOR_ENV), *e) + 1;
    }
    env[n] = NULL;
    return env;
}

int exec_launch(const struct exec_child_setup *setup, struct exec_launched *out)
{
    struct pipes p = {.ours = {-1, -1, -1, -1, -1}, .theirs = {-1, -1, -1, -1, -1}};
    char kill_ms[24];
    pid_t pid = -1;
    char **argv = make_argv(setup, kill_ms);
    char **env = make_env(setup->env);
    int rc = argv && env ? make_pipes(&p, setup) : ERR_NOMEM;
    if (!rc) {
        int error = spawn(&pid, &p, argv, env);
        rc = error ? ERR_IO : 0;
        errno = error;
    }
    free(argv);
    free(env);
    close_some(p.theirs);
    if (rc) {
        close_some(p.ours);
        return rc;
    }
    *out = (struct exec_launched){.pid = pid,
                                  .control = p.ours[EXEC_SUPERVISOR_FD],
                                  .output = p.ours[STDOUT_FILENO],
                                  .error = p.ours[STDERR_FILENO],
                                  .input = p.ours[STDIN_FILENO]};
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* exec_supervisor: the process between a responder and a program that it runs. */
#include "source/exec/supervisor.h"

#include "base/num.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STATUS_FAILED 127 /* of a program that could not be started, as shells have it */
#define KILL_MS_MAX 3600000
#define TICK_MS 50 /* between looks for processes to end: one that is orphaned makes no noise */
#define CHILDREN_BYTES 65536

struct supervisor {
    pid_t program;
    int64_t kill_ms;
    int signals;    /* a signalfd */
    int is_deaf;    /* the responder is gone, or has said all */
    int has_exited; /* the program; it is not reaped before the end, so that its number, and with it
                       its group's, can be nobody else's */
    int is_ending;
    int64_t deadline_ms; /* of the ending: SIGKILL from then on */
    uint64_t told;       /* the sum of the children that got SIGTERM */
};

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void tell(enum exec_message_kind kind, enum exec_step step, int value)
{
    struct exec_message m = {.kind = (int)kind, .step = (int)step, .value = value};
    (void)send(EXEC_SUPERVISOR_FD, &m, sizeof m, MSG_NOSIGNAL); /* nobody may be there */
}

/* ---- the program, before it is one ---- */

static _Noreturn void give_up(enum exec_step step)
{
    tell(EXEC_MESSAGE_FAILED, step, errno);
    _exit(STATUS_FAILED);
}

/* All that was meant for it, and no more. */
static void take_environment(void)
{
    size_t count = 0;
    for (char **e = environ; *e; e++) {
        if (strncmp(*e, EXEC_SUPERVISOR_ENV, strlen(EXEC_SUPERVISOR_ENV)) == 0) {
            environ[count++] = *e + strlen(EXEC_SUPERVISOR_ENV);
        }
    }
    environ[count] = NULL;
}

/* For ever: the program must not be able to go back. */
static int become(const char *name)
{
    errno = 0;
    const struct passwd *pw = getpwnam(name);
    if (!pw) {
        errno = errno ? errno : ENOENT;
        return -1;
    }
    if (setenv("HOME", pw->pw_dir, 0) || setenv("USER", pw->pw_name, 0)
        || setenv("LOGNAME", pw->pw_name, 0)) {
        return -1;
    }
    if (geteuid() != 0 && geteuid() == pw->pw_uid) {
        return 0;
    }
    if (initgroups(pw->pw_name, pw->pw_gid) || setgid(pw->pw_gid) || setuid(pw->pw_uid)) {
        return -1;
    }
    if (pw->pw_uid != 0 && (setuid(0) == 0 || geteuid() != pw->pw_uid || getegid() != pw->pw_gid)) {
        errno = EPERM;
        return -1;
    }
    return 0;
}

static _Noreturn void become_program(pid_t supervisor, char **argv)
{
    sigset_t none;
    const char *user = argv[2];
    const char *folder = argv[3];
    char **program = argv + EXEC_SUPERVISOR_ARGS;
    setsid();
    signal(SIGPIPE, SIG_DFL);
    take_environment();
    if (*user && become(user)) {
        give_up(EXEC_STEP_USER);
    }
    if (*folder && chdir(folder)) {
        give_up(EXEC_STEP_FOLDER);
    }
    /* After the user was changed, which undoes it. It is for a supervisor that is killed itself. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != supervisor) {
        _exit(STATUS_FAILED);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execvp(program[0], program);
    give_up(EXEC_STEP_PROGRAM);
}

/* ---- ending it ---- */

struct children {
    size_t count;
    uint64_t sum; /* of their numbers: tells one set from the next well enough */
};

/* Calls `act`, if it is not NULL, for each of our children but the program. Where the system does
 * not list them there are none, and only the program's group is ended. */
static struct children each_child(const struct supervisor *s,
                                  void (*act)(const struct supervisor *s, pid_t pid, int signal),
                                  int signal)
{
    char path[64];
    char text[CHILDREN_BYTES];
    struct children found = {.count = 0};
    uint64_t pid;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
        close(fd);
    }
    text[len > 0 ? len : 0] = '\0';
    for (char *rest = text, *word; (word = strtok_r(rest, " \n", &rest));) {
        if (num_parse_u64(word, strlen(word), INT32_MAX, &pid) || (pid_t)pid == s->program) {
            continue;
        }
        found.count++;
        found.sum += pid;
        if (act) {
            act(s, (pid_t)pid, signal);
        }
    }
    return found;
}

static void reap_one(const struct supervisor *s, pid_t pid, int signal)
{
    (void)s;
    (void)signal;
    waitpid(pid, NULL, WNOHANG);
}

/* Those of the program's group had the first signal with it. */
static void signal_one(const struct supervisor *s, pid_t pid, int signal)
{
    if (signal == SIGKILL || getpgid(pid) != s->program) {
        kill(pid, signal);
    }
}

static void signal_program(const struct supervisor *s, int signal)
{
    kill(-s->program, signal);
    if (!s->has_exited) {
        kill(s->program, signal); /* it may not have its group yet */
    }
}

static void begin_end(struct supervisor *s, int64_t grace_ms)
{
    int64_t deadline_ms = now_ms() + grace_ms;
    if (!s->is_ending) {
        s->is_ending = 1;
        s->deadline_ms = deadline_ms;
        signal_program(s, SIGTERM);
    } else if (deadline_ms < s->deadline_ms) {
        s->deadline_ms = deadline_ms;
    }
}

static void look_at_program(struct supervisor *s)
{
    siginfo_t info = {.si_pid = 0};
    int status;
    if (s->has_exited || waitid(P_PID, (id_t)s->program, &info, WEXITED | WNOHANG | WNOWAIT)
        || info.si_pid == 0) {
        return;
    }
    status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status & 0x7f;
    s->has_exited = 1;
    tell(EXEC_MESSAGE_EXITED, EXEC_STEP_PROGRAM, status);
    begin_end(s, s->kill_ms);
}

/* Children that came since the last look get their signal as well. Answers 1 when nobody is left.
 */
static int end_more(struct supervisor *s)
{
    int is_over_time = now_ms() >= s->deadline_ms;
    struct children found = each_child(s, NULL, 0);
    if (is_over_time) {
        signal_program(s, SIGKILL);
        each_child(s, signal_one, SIGKILL);
    } else if (found.sum != s->told) {
        s->told = found.sum;
        each_child(s, signal_one, SIGTERM);
    }
    return s->has_exited && found.count == 0;
}

/* ---- its loop ---- */

static void take_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGCHLD) {
            begin_end(s, s->kill_ms);
        }
    }
}

static void take_command(struct supervisor *s)
{
    char command;
    ssize_t n = recv(EXEC_SUPERVISOR_FD, &command, 1, MSG_DONTWAIT);
    if (n > 0) {
        begin_end(s, command == EXEC_SUPERVISOR_KILL ? 0 : s->kill_ms);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        s->is_deaf = 1;
        begin_end(s, s->kill_ms);
    }
}

static _Noreturn void supervise(struct supervisor *s)
{
    for (;;) {
        struct pollfd fds[] = {
            {.fd = s->signals, .events = POLLIN},
            {.fd = s->is_deaf ? -1 : EXEC_SUPERVISOR_FD, .events = POLLIN},
        };
        if (poll(fds, 2, s->is_ending ? TICK_MS : -1) > 0) {
            take_signals(s);
            if (fds[1].revents) {
                take_command(s);
            }
        }
        each_child(s, reap_one, 0);
        look_at_program(s);
        if (s->is_ending && end_more(s)) {
            signal_program(s, SIGKILL); /* there is nobody, unless the system listed no children */
            waitpid(s->program, NULL,
                    0); /* the responder may be process 1, which would inherit it */
            _exit(0);
        }
    }
}

/* Whatever the web server has left open for its own children. */
static void close_others(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir) {
        return;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        uint64_t fd;
        int is_number = num_parse_u64(e->d_name, strlen(e->d_name), INT32_MAX, &fd) == 0;
        if (is_number && (int)fd > EXEC_SUPERVISOR_LOCK_FD && (int)fd != dirfd(dir)) {
            close((int)fd);
        }
    }
    closedir(dir);
}

/* The pipes are the program's alone: they end when it has closed them. */
static void let_go_of_pipes(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (null < 0 || dup2(null, fd) < 0) {
            close(fd);
        }
    }
}

static int take_signals_by_descriptor(void)
{
    static const int wanted[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        sigaddset(&set, wanted[i]);
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int exec_supervisor_is_wanted(int argc, char **argv)
{
    return argc > EXEC_SUPERVISOR_ARGS && strcmp(argv[0], EXEC_SUPERVISOR_NAME) == 0;
}

void exec_supervisor_run(int argc, char **argv)
{
    (void)argc;
    uint64_t kill_ms;
    pid_t self = getpid();
    struct supervisor s = {.program = -1};
    close_others();
    fcntl(EXEC_SUPERVISOR_FD, F_SETFD, FD_CLOEXEC);
    fcntl(EXEC_SUPERVISOR_LOCK_FD, F_SETFD, FD_CLOEXEC);
    if (num_parse_u64(argv[1], strlen(argv[1]), KILL_MS_MAX, &kill_ms)) {
        _exit(STATUS_FAILED);
    }
    s.kill_ms = (int64_t)kill_ms;
    s.signals = take_signals_by_descriptor();
    prctl(PR_SET_NAME, "ssecgi-exec");
    if (s.signals < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) || (s.program = fork()) < 0) {
        give_up(EXEC_STEP_FORK);
    }
    if (s.program == 0) {
        become_program(self, argv);
    }
    let_go_of_pipes();
    supervise(&s);
}

/* SPDX-License-Identifier: MIT */
/* exec_supervisor: the process between a responder and a program that it runs.
 *
 * It is this program again, run with EXEC_SUPERVISOR_NAME as its own name. The program is its
 * child, in a session of its own, and what the program starts becomes its child when it is
 * orphaned, whatever session or group it went to. So all of it can be found and ended: when the
 * program has ended, when the responder asks, and when the responder is gone, however it went. */
#ifndef SOURCE_EXEC_SUPERVISOR_H
#define SOURCE_EXEC_SUPERVISOR_H

#define EXEC_SUPERVISOR_NAME "ssecgi-supervisor"
#define EXEC_SUPERVISOR_FD 3 /* its end of the control socket, a SOCK_SEQPACKET */
#define EXEC_SUPERVISOR_LOCK_FD                                                                    \
    4 /* a file that it keeps open while a process is left, or /dev/null */
/* What the program finds in its environment stands in the supervisor's behind this: the supervisor
 * itself runs in the responder's, which has what the loader needs and nothing that the program's
 * settings say. */
#define EXEC_SUPERVISOR_ENV "SSECGI_EXEC_ENV_"
#define EXEC_SUPERVISOR_ARGS 4   /* words before the program's: the name, KILL_MS, USER, FOLDER */
#define EXEC_SUPERVISOR_KILL 'K' /* the responder sends it: end everything at once */

/* How far the start of the program came when it failed. */
enum exec_step {
    EXEC_STEP_FORK,
    EXEC_STEP_USER,
    EXEC_STEP_FOLDER,
    EXEC_STEP_PROGRAM,
    EXEC_STEP_COUNT
};

enum exec_message_kind {
    EXEC_MESSAGE_FAILED = 1, /* `step`, and `value` is errno */
    EXEC_MESSAGE_EXITED =
        2 /* `value` as waitpid() gives it; what the program has started is ended now */
};

/* What it tells the responder. It ends, and the socket with it, when no process is left. */
struct exec_message {
    int kind; /* enum exec_message_kind */
    int step; /* enum exec_step */
    int value;
};

/* 1 when the arguments of main() say that this process is to be a supervisor. */
int exec_supervisor_is_wanted(int argc, char **argv);

/* Is one. Does not return. */
_Noreturn void exec_supervisor_run(int argc, char **argv);

#endif

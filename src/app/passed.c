/* SPDX-License-Identifier: MIT */
/* passed: listening sockets that a service manager hands over, sd_listen_fds(3)'s way. */
#include "app/passed.h"

#include "base/err.h"
#include "base/log.h"
#include "base/num.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static size_t read_count(const struct log *log, const char *fds, const char *pid)
{
    uint64_t value, count;
    const char *wrong = NULL;
    if (num_parse_u64(pid, strlen(pid), INT32_MAX, &value)) {
        wrong = "LISTEN_PID";
    } else if (value != (uint64_t)getpid()) {
        return 0; /* somebody between the service manager and us forgot to take them away */
    } else if (num_parse_u64(fds, strlen(fds), INT32_MAX - APP_PASSED_FIRST, &count)) {
        wrong = "LISTEN_FDS";
    }
    if (wrong) {
        log_say(log, WARN, "app", "the environment is wrong, no sockets are taken from it",
                LOG_TEXT("variable", wrong), LOG_TEXT("error", "must be a number"));
        return 0;
    }
    return (size_t)count;
}

size_t app_passed_read(const struct log *log)
{
    const char *fds = getenv("LISTEN_FDS");
    const char *pid = getenv("LISTEN_PID");
    size_t count = fds && pid ? read_count(log, fds, pid) : 0;
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDNAMES");
    return count;
}

static int has_option(int fd, int option, int wanted)
{
    int value;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 && value == wanted;
}

int app_passed_check(size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        int fd = APP_PASSED_FIRST + (int)i;
        int value;
        socklen_t len = sizeof value;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len)) {
            return err_set(err, ERR_INVALID,
                           "descriptor %d of the %zu that LISTEN_FDS tells of: %s", fd, count,
                           strerror(errno));
        }
        if (value != SOCK_STREAM || !has_option(fd, SO_ACCEPTCONN, 1)) {
            return err_set(err, ERR_INVALID,
                           "descriptor %d of the %zu that LISTEN_FDS tells of is no listening "
                           "stream socket (systemd: Accept=no, ListenStream=)",
                           fd, count);
        }
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* notify: tells a service manager how we are: sd_notify(3)'s datagrams, without its library. */
#include "app/notify.h"

#include "base/log.h"
#include "base/num.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- sending ------------------------------------------------------------------------------- */

/* 1: sent, or it never will be. 0: the receiver's queue is full. */
static int send_text(struct app_notify *n, const char *text)
{
    ssize_t sent;
    do {
        sent = sendto(n->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
                      (const struct sockaddr *)&n->address, n->address_len);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        n->has_failed = 0;
        return 1;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        return 0;
    }
    if (!n->has_failed) {
        n->has_failed = 1;
        log_say(n->log, WARN, "app", "cannot tell the service manager",
                LOG_TEXT("error", strerror(errno)));
    }
    return 1;
}

/* A change of state must arrive: it is tried again at each tick. The latest is what counts. */
static void tell(struct app_notify *n, const char *text)
{
    if (n->fd >= 0 && !send_text(n, text)) {
        snprintf(n->owed, sizeof n->owed, "%s", text);
    } else {
        n->owed[0] = '\0';
    }
}

/* --- life ---------------------------------------------------------------------------------- */

static const char *fill_address(struct app_notify *n, const char *name)
{
    size_t len = strlen(name);
    if (name[0] != '/' && name[0] != '@') {
        return "must be a path or an abstract address with @";
    }
    if (len < 2 || len >= sizeof n->address.sun_path) {
        return "is too short or too long for an address";
    }
    n->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(n->address.sun_path, name, len);
    n->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (name[0] == '@') {
        n->address.sun_path[0] = '\0'; /* abstract; as with a path, the length ends it */
    }
    return NULL;
}

static void complain(const struct app_notify *n, const char *variable, const char *what)
{
    log_say(n->log, WARN, "app", "the environment is wrong, the service manager is told nothing",
            LOG_TEXT("variable", variable), LOG_TEXT("error", what));
}

/* The period that WATCHDOG_USEC asks for, if it is meant for us (sd_watchdog_enabled(3)). */
static void read_watchdog(struct app_notify *n, const char *usec, const char *pid)
{
    uint64_t value;
    if (pid
        && (num_parse_u64(pid, strlen(pid), INT32_MAX, &value) || value != (uint64_t)getpid())) {
        return;
    }
    if (num_parse_u64(usec, strlen(usec), UINT64_MAX, &value) || value == 0) {
        complain(n, "WATCHDOG_USEC", "must be a number of microseconds");
        return;
    }
    uint64_t half_ms = value / 2000;
    n->watchdog_ms = half_ms > 0 ? half_ms : 1;
}

void app_notify_read(struct app_notify *n, const struct log *log)
{
    *n = (struct app_notify){.log = log, .fd = -1};
    const char *name = getenv("NOTIFY_SOCKET");
    const char *usec = getenv("WATCHDOG_USEC");
    const char *wrong = name && *name ? fill_address(n, name) : NULL;
    if (wrong) {
        complain(n, "NOTIFY_SOCKET", wrong);
    } else if (name && *name) {
        n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (n->fd < 0) {
            complain(n, "NOTIFY_SOCKET", strerror(errno));
        }
    }
    if (n->fd >= 0 && usec) {
        read_watchdog(n, usec, getenv("WATCHDOG_PID"));
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

static void on_watchdog(uv_timer_t *handle)
{
    send_text(handle->data, "WATCHDOG=1"); /* one that is lost is followed by the next */
}

void app_notify_start(struct app_notify *n, uv_loop_t *loop)
{
    if (n->watchdog_ms == 0 || uv_timer_init(loop, &n->watchdog)) {
        return;
    }
    n->watchdog.data = n;
    n->has_watchdog = 1;
    uv_timer_start(&n->watchdog, on_watchdog, n->watchdog_ms, n->watchdog_ms);
    uv_unref((uv_handle_t *)&n->watchdog); /* it keeps no loop alive that has nothing else to do */
}

void app_notify_ready(struct app_notify *n)
{
    tell(n, "READY=1");
}

void app_notify_reloading(struct app_notify *n)
{
    struct timespec now;
    char text[NOTIFY_TEXT_BYTES];
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
             (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    tell(n, text);
}

void app_notify_stopping(struct app_notify *n, uint64_t limit_ms)
{
    char text[NOTIFY_TEXT_BYTES];
    snprintf(text, sizeof text, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRIu64, limit_ms * 1000);
    tell(n, text);
}

void app_notify_tick(struct app_notify *n, size_t readers, int is_draining)
{
    char text[NOTIFY_TEXT_BYTES];
    if (n->fd < 0) {
        return;
    }
    if (n->owed[0] && send_text(n, n->owed)) {
        n->owed[0] = '\0';
    }
    snprintf(text, sizeof text, "STATUS=%sreaders: %zu", is_draining ? "draining, " : "", readers);
    if (strcmp(text, n->status) != 0 && send_text(n, text)) {
        memcpy(n->status, text, sizeof text);
    }
}

void app_notify_close(struct app_notify *n)
{
    if (n->has_watchdog) {
        n->has_watchdog = 0;
        uv_close((uv_handle_t *)&n->watchdog, NULL);
    }
    if (n->fd >= 0) {
        close(n->fd);
        n->fd = -1;
    }
}

/* SPDX-License-Identifier: MIT */
/* notify: tells a service manager how we are: sd_notify(3)'s datagrams, without its library. */
#ifndef APP_NOTIFY_H
#define APP_NOTIFY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>

struct log;

#define NOTIFY_TEXT_BYTES 160

/* Silent unless app_notify_read found a service manager. */
struct app_notify {
    const struct log *log;
    int fd; /* -1: nobody wants to know */
    struct sockaddr_un address;
    socklen_t address_len;
    uint64_t watchdog_ms; /* 0: nobody waits for signs of life */
    uv_timer_t watchdog;
    int has_watchdog;               /* the timer is the loop's */
    char owed[NOTIFY_TEXT_BYTES];   /* a change of state that could not be sent yet */
    char status[NOTIFY_TEXT_BYTES]; /* as it was told last */
    int has_failed;                 /* and that was logged */
};

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment: they are not for our
 * children. What is wrong with them is logged, and then there is nobody to tell. */
void app_notify_read(struct app_notify *n, const struct log *log);

/* Signs of life come from the loop itself, so that one that hangs is noticed. */
void app_notify_start(struct app_notify *n, uv_loop_t *loop);

/* We serve; also the end of a reload. */
void app_notify_ready(struct app_notify *n);

/* A reload begins. */
void app_notify_reloading(struct app_notify *n);

/* The end begins and may take so long. */
void app_notify_stopping(struct app_notify *n, uint64_t limit_ms);

/* About every second: tells what has changed for people to read. */
void app_notify_tick(struct app_notify *n, size_t readers, int is_draining);

/* Closes what start and read opened; safe to ask for twice. */
void app_notify_close(struct app_notify *n);

#endif

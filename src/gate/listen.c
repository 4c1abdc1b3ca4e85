/* SPDX-License-Identifier: MIT */
/* listen: listening sockets, taking connections, and the end of the gate. */
#include "gate/internal.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN 128
#define BACKLOG INT_MAX /* the system cuts it to what it allows (net.core.somaxconn) */
#define PATIENCE_MS 1000 /* where room is needed, a connection may be without a request so long */
#define SHORTAGE_LOG_MS 60000

static int64_t now_ms(const struct gate *g)
{
    return g->setup.clock->mono_ms(g->setup.clock);
}

/* --- taking connections -------------------------------------------------------------------- */

static void on_listener(uv_poll_t *handle, int status, int events);

/* What waits stays in the backlog, and the streams that run are not disturbed. */
static void pause_listener(struct gate_listener *l)
{
    uv_poll_stop(&l->poll);
    l->is_paused = 1;
}

void gate_resume(struct gate *g)
{
    g->is_full = 0;
    for (size_t i = 0; i < g->listener_count; i++) {
        struct gate_listener *l = &g->listeners[i];
        if (l->is_open && l->is_paused) {
            l->is_paused = 0;
            uv_poll_start(&l->poll, UV_READABLE, on_listener);
        }
    }
}

/* Connections are for requests: one that has been without a whole one for long makes room for
 * another. Answers whether there is room. */
static int make_room(struct gate *g)
{
    struct gate_conn *c = g->waiting.head;
    if (g->conn_count < g->conn_limit) {
        return 1;
    }
    if (!c || now_ms(g) - c->since_ms < PATIENCE_MS) {
        return 0;
    }
    gate_conn_close(c, "it had no request, and its descriptor was needed");
    return 1;
}

/* The system is short of something, in spite of the reserve. The next tick tries again. */
static void tell_shortage(struct gate *g, int error)
{
    int64_t now = now_ms(g);
    if (g->has_shortage && now - g->shortage_ms < SHORTAGE_LOG_MS) {
        return;
    }
    g->has_shortage = 1;
    g->shortage_ms = now;
    log_say(g->setup.log, ERROR, "gate", "cannot accept, trying again every second",
            LOG_TEXT("error", strerror(error)), LOG_NUM("connections", g->conn_count));
}

/* Errors that were the connection's, not ours: the next one may be fine (accept(2)). */
static int is_passing(int error)
{
    static const int passing[] = {EINTR,     ECONNABORTED, EPROTO,       EPERM,     ENETDOWN,
                                  EHOSTDOWN, ENONET,       EHOSTUNREACH, ETIMEDOUT, ENETUNREACH};
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
        if (error == passing[i]) {
            return 1;
        }
    }
    return 0;
}

/* A bounded number: live readers are served in between. */
static void on_listener(uv_poll_t *handle, int status, int events)
{
    struct gate_listener *l = handle->data;
    struct gate *g = l->gate;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        if (!make_room(g)) {
            g->is_full = 1;
            pause_listener(l);
            return;
        }
        int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            int on = 1;
            if (l->is_tcp) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            }
            if (gate_conn_open(g, fd)) {
                tell_shortage(g, errno);
            }
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (!is_passing(errno)) {
            tell_shortage(g, errno);
            pause_listener(l);
            return;
        }
    }
}

/* --- sockets ------------------------------------------------------------------------------- */

static int is_unix(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    return getsockname(fd, (struct sockaddr *)&address, &len) == 0
           && address.ss_family == AF_UNIX;
}

static int add_listener(struct gate *g, int fd, const char *path, struct err *err)
{
    if (g->listener_count == GATE_LISTENERS_MAX) {
        return err_set(err, ERR_LIMIT, "at most %d listening sockets", GATE_LISTENERS_MAX);
    }
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC)) {
        return err_set(err, ERR_IO, "the listening socket: %s", strerror(errno));
    }
    struct gate_listener *l = &g->listeners[g->listener_count];
    *l = (struct gate_listener){.gate = g, .fd = fd, .is_tcp = !is_unix(fd)};
    if (path) {
        l->path = strdup(path);
        if (!l->path) {
            return err_set(err, ERR_NOMEM, "out of memory");
        }
    }
    int rc = uv_poll_init(g->setup.loop, &l->poll, fd);
    if (rc) {
        free(l->path);
        return err_set(err, ERR_IO, "the listening socket: %s", uv_strerror(rc));
    }
    l->poll.data = l;
    l->is_open = 1;
    g->listener_count++;
    g->handles++;
    uv_poll_start(&l->poll, UV_READABLE, on_listener);
    return 0;
}

int gate_listen_fd(struct gate *g, int fd, struct err *err)
{
    return add_listener(g, fd, NULL, err);
}

static int fill_path(struct sockaddr_un *address, const char *path, struct err *err)
{
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof address->sun_path) {
        return err_set(err, ERR_INVALID, "unix:%s: a path of 1 to %zu bytes is needed", path,
                       sizeof address->sun_path - 1);
    }
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, len + 1);
    return 0;
}

/* A socket file that nobody answers on was left behind by a process that was killed. Anything
 * else of that name is not ours to remove: bind() then says that the address is in use. */
static int remove_stale(const struct sockaddr_un *address, struct err *err)
{
    struct stat st;
    if (lstat(address->sun_path, &st) || !S_ISSOCK(st.st_mode)) {
        return 0;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return err_set(err, ERR_IO, "socket: %s", strerror(errno));
    }
    int rc = connect(fd, (const struct sockaddr *)address, sizeof *address);
    int error = errno;
    close(fd);
    if (rc == 0 || error == EAGAIN) {
        return err_set(err, ERR_IO, "unix:%s: another process is listening there",
                       address->sun_path);
    }
    if (error == ECONNREFUSED) {
        unlink(address->sun_path);
    }
    return 0;
}

static int listen_unix(struct gate *g, const char *path, struct err *err)
{
    struct sockaddr_un address;
    int rc = fill_path(&address, path, err);
    if (!rc) {
        rc = remove_stale(&address, err);
    }
    if (rc) {
        return rc;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, BACKLOG)) {
        rc = err_set(err, ERR_IO, "unix:%s: %s", path, strerror(errno));
    } else {
        rc = add_listener(g, fd, path, err);
    }
    if (rc && fd >= 0) {
        close(fd);
    }
    return rc;
}

static int bind_tcp(const struct addrinfo *a)
{
    int on = 1;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, BACKLOG)) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static int listen_tcp(struct gate *g, const char *address, struct err *err)
{
    char host[256];
    const char *colon = strrchr(address, ':');
    uint64_t port;
    if (!colon || colon == address || (size_t)(colon - address) >= sizeof host
        || num_parse_u64(colon + 1, strlen(colon + 1), 65535, &port)) {
        return err_set(err, ERR_INVALID, "%s: must be unix:PATH or HOST:PORT, such as "
                                         "unix:/run/ssecgi.sock or 127.0.0.1:9000",
                       address);
    }
    size_t len = (size_t)(colon - address);
    int is_bracketed = address[0] == '[' && len >= 2 && address[len - 1] == ']';
    len -= is_bracketed ? 2 : 0;
    memcpy(host, address + is_bracketed, len);
    host[len] = '\0';
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found;
    int rc = getaddrinfo(host, colon + 1, &hints, &found);
    if (rc) {
        return err_set(err, ERR_IO, "%s: %s", address, gai_strerror(rc));
    }
    int fd = bind_tcp(found);
    rc = fd < 0 ? err_set(err, ERR_IO, "%s: %s", address, strerror(errno))
                : add_listener(g, fd, NULL, err);
    if (rc && fd >= 0) {
        close(fd);
    }
    freeaddrinfo(found);
    return rc;
}

int gate_listen(struct gate *g, const char *address, struct err *err)
{
    if (strncmp(address, "unix:", 5) == 0) {
        return listen_unix(g, address + 5, err);
    }
    return listen_tcp(g, address, err);
}

/* --- the end --------------------------------------------------------------------------------- */

static void on_listener_closed(uv_handle_t *handle)
{
    struct gate_listener *l = handle->data;
    l->gate->handles--;
    gate_release(l->gate);
}

void gate_stop(struct gate *g)
{
    for (size_t i = 0; i < g->listener_count; i++) {
        struct gate_listener *l = &g->listeners[i];
        if (!l->is_open) {
            continue;
        }
        l->is_open = 0;
        uv_close((uv_handle_t *)&l->poll, on_listener_closed);
        close(l->fd);
        if (l->path) {
            unlink(l->path);
            free(l->path);
            l->path = NULL;
        }
    }
    g->is_closing = 1;
    struct gate_conn *next;
    for (struct gate_conn *c = g->waiting.head; c; c = next) {
        next = c->next;
        /* One whose request is on its way is still answered. */
        if (c->id == 0 && c->state == CONN_READING) {
            gate_conn_close(c, NULL);
        }
    }
}

void gate_tick(struct gate *g)
{
    int64_t now = now_ms(g);
    while (g->waiting.head && now - g->waiting.head->since_ms >= GATE_REQUEST_TIMEOUT_MS) {
        struct gate_conn *c = g->waiting.head;
        int is_idle = c->state == CONN_READING && c->id == 0 && c->keep;
        int is_request = c->state == CONN_SENDING || (c->state == CONN_READING && c->id != 0);
        g->counts.rejected[GATE_REJECT_SLOW] += (uint64_t)is_request;
        gate_conn_close(c, is_idle || c->state == CONN_LINGERING ? NULL
                           : c->state == CONN_SENDING
                               ? "it did not take its answer within the time allowed"
                               : "no whole request within the time allowed");
    }
    gate_resume(g);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct gate_watch *w = handle->data;
    struct gate *g = (struct gate *)((char *)w - offsetof(struct gate, watch));
    g->handles--;
    gate_release(g);
}

static void on_sweep_closed(uv_handle_t *handle)
{
    struct gate *g = handle->data;
    g->handles--;
    gate_release(g);
}

void gate_close(struct gate *g, void (*closed)(void *ctx), void *ctx)
{
    gate_stop(g);
    while (g->waiting.head) {
        gate_conn_close(g->waiting.head, NULL);
    }
    while (g->active.head) {
        gate_conn_close(g->active.head, NULL);
    }
    g->closed = closed;
    g->closed_ctx = ctx;
    gate_watch_stop(&g->watch);
    uv_close((uv_handle_t *)&g->watch.poll, on_watch_closed);
    uv_close((uv_handle_t *)&g->sweep, on_sweep_closed);
}

/* SPDX-License-Identifier: MIT */
/* fcgi: a FastCGI connection from its first byte to its last. */
#include "gate/internal.h"

#include "base/clock.h"
#include "base/err.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int64_t now_ms(const struct gate *g)
{
    return g->setup.clock->mono_ms(g->setup.clock);
}

/* --- lists --------------------------------------------------------------------------------- */

static struct gate_conn_list *list_of(struct gate_conn *c)
{
    return c->state == CONN_ANSWERING ? &c->gate->active : &c->gate->waiting;
}

static void list_add(struct gate_conn *c)
{
    struct gate_conn_list *l = list_of(c);
    c->prev = l->tail;
    c->next = NULL;
    if (l->tail) {
        l->tail->next = c;
    } else {
        l->head = c;
    }
    l->tail = c;
}

static void list_remove(struct gate_conn *c)
{
    struct gate_conn_list *l = list_of(c);
    if (c->prev) {
        c->prev->next = c->next;
    } else {
        l->head = c->next;
    }
    if (c->next) {
        c->next->prev = c->prev;
    } else {
        l->tail = c->prev;
    }
}

void gate_conn_enter(struct gate_conn *c, enum gate_conn_state state)
{
    list_remove(c);
    c->state = (uint8_t)state;
    c->since_ms = now_ms(c->gate);
    list_add(c);
}

/* --- life ---------------------------------------------------------------------------------- */

void gate_conn_close(struct gate_conn *c, const char *why)
{
    struct gate *g = c->gate;
    if (c->state == CONN_CLOSED) {
        return;
    }
    if (why) {
        log_say(g->setup.log, INFO, "gate", "connection closed", LOG_TEXT("reason", why),
                LOG_NUM("fd", c->fd));
    }
    list_remove(c);
    c->state = CONN_CLOSED;
    g->conn_count--;
    gate_exchange_fini(&c->x);
    gate_request_drop(c);
    gate_watch_remove(&g->watch, c->fd);
    close(c->fd);
    c->next = g->closed_conns;
    g->closed_conns = c;
    if (g->is_full) {
        gate_resume(g);
    }
}

void gate_sweep(struct gate *g)
{
    while (g->closed_conns) {
        struct gate_conn *c = g->closed_conns;
        g->closed_conns = c->next;
        free(c);
    }
}

/* --- the exchange's side ------------------------------------------------------------------- */

static struct gate_conn *conn_of(struct gate_exchange *x)
{
    return (struct gate_conn *)x;
}

static void conn_watch(struct gate_exchange *x, int wanted)
{
    struct gate_conn *c = conn_of(x);
    if (c->state == CONN_CLOSED || c->wants_write == wanted) {
        return;
    }
    c->wants_write = (uint8_t)wanted;
    gate_watch_set(&c->gate->watch, c->fd, c, wanted);
    /* The hub minds its readers' stalls; others have a limit here. */
    if (wanted && c->state == CONN_ANSWERING && !x->reader.channel) {
        gate_conn_enter(c, CONN_SENDING);
    }
}

/* The response is out: wait for the next request, for the end of a body that nobody wants, or
 * close. */
static void conn_done(struct gate_exchange *x)
{
    struct gate_conn *c = conn_of(x);
    c->id = 0;
    if (c->has_body) {
        shutdown(c->fd, SHUT_WR);
        gate_conn_enter(c, CONN_LINGERING);
    } else if (c->keep && !c->gate->is_closing) {
        gate_conn_enter(c, CONN_READING);
    } else {
        gate_conn_close(c, NULL);
    }
}

static void conn_drop(struct gate_exchange *x, const char *why)
{
    gate_conn_close(conn_of(x), why);
}

static const struct gate_exchange_ops conn_ops = {
    .watch = conn_watch,
    .done = conn_done,
    .close = conn_drop,
};

void gate_conn_answer(struct gate_conn *c)
{
    gate_conn_enter(c, CONN_ANSWERING);
    gate_exchange_init(&c->x, &conn_ops, c->fd, 1, c->id);
    c->x.scratch = &c->gate->scratch;
}

/* --- the socket's side --------------------------------------------------------------------- */

static void read_input(struct gate_conn *c)
{
    struct gate *g = c->gate;
    ssize_t got = recv(c->fd, g->input, GATE_READ_BYTES, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        int is_answering = c->state == CONN_ANSWERING || c->state == CONN_SENDING;
        if (got == 0 && is_answering && c->x.writer.owed == 0) {
            /* A server that passes its client's departure on by ending its half (lighttpd) logs a
             * response without an end as a fault of ours. */
            gate_writer_finish(&c->x.writer);
        }
        gate_conn_close(c, NULL);
        return;
    }
    size_t at = 0;
    while (at < (size_t)got && c->state != CONN_CLOSED) {
        struct fcgi_record_piece piece;
        size_t used;
        int rc = fcgi_record_next(&c->parser, g->input + at, (size_t)got - at, &used, &piece);
        at += used;
        if (rc == 1) {
            rc = gate_request_take(c, &piece);
        }
        if (rc < 0) {
            g->counts.rejected[GATE_REJECT_BROKEN] += rc == ERR_PROTOCOL;
            gate_conn_close(c, rc == ERR_CLOSED  ? NULL
                               : rc == ERR_NOMEM ? "out of memory"
                                                 : "broken FastCGI records");
        }
    }
}

/* Writability is watched only while the peer is behind: an event for every socket that drains
 * would more than double the cost of a delivery. */
void gate_conn_ready(void *conn, int can_read, int can_write)
{
    struct gate_conn *c = conn;
    if (can_read && c->state != CONN_CLOSED) {
        read_input(c);
    }
    if (can_write && (c->state == CONN_ANSWERING || c->state == CONN_SENDING)) {
        gate_exchange_writable(&c->x, now_ms(c->gate));
    }
}

int gate_conn_open(struct gate *g, int fd)
{
    struct gate_conn *c = calloc(1, sizeof *c);
    int rc = c ? gate_watch_add(&g->watch, fd, c) : ERR_NOMEM;
    if (rc) {
        int error = errno;
        free(c);
        close(fd);
        errno = error;
        return rc;
    }
    c->gate = g;
    c->fd = fd;
    c->state = CONN_READING;
    c->since_ms = now_ms(g);
    g->conn_count++;
    g->counts.connections++;
    list_add(c);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* internal: what the FastCGI files of this room share. No other room includes it. */
#ifndef GATE_INTERNAL_H
#define GATE_INTERNAL_H

#include "base/buf.h"
#include "base/log.h"
#include "gate/fcgi_record.h"
#include "gate/gate.h"
#include "gate/watch.h"

struct gate_params;

#define GATE_READ_BYTES 65536
#define GATE_RESERVED_FDS 32 /* and one in 32 of the rest: left for sources, so that they go on */
/* Connections that are no streams: requests on their way, and those answered with stream.busy. */
#define GATE_RESERVED_CONNS 4 /* and one in 16 of all, up to GATE_RESERVED_CONNS_MAX */
#define GATE_RESERVED_CONNS_MAX 128
#define GATE_VALUES_BYTES 4096 /* content of a GET_VALUES record */

/* What a connection needs until its request is whole. */
struct gate_intake {
    struct buf records; /* BEGIN_REQUEST and PARAMS records, for libfcgi */
    struct buf pairs;   /* the PARAMS' content, to check it */
    struct buf values;  /* content of a GET_VALUES record */
    struct buf body;
    uint8_t has_params; /* the empty PARAMS record was seen */
};

enum gate_conn_state {
    CONN_READING,   /* no request yet, or not whole */
    CONN_ANSWERING, /* a response is going out */
    CONN_SENDING,   /* one that is no stream, or a stream's end, and the peer is slow to take it */
    CONN_LINGERING, /* answered; the peer still sends a body that nobody wants */
    CONN_CLOSED     /* nothing refers to it any more at the end of this turn */
};

struct gate_conn {
    struct gate_exchange x; /* first: the exchange's callbacks find the connection by it */
    struct gate *gate;
    struct gate_conn *prev, *next;
    struct gate_intake *intake;
    int64_t since_ms; /* READING, SENDING, LINGERING: when that began */
    int fd;
    struct fcgi_record_parser parser;
    uint16_t id; /* of the request; 0 when there is none */
    uint8_t state;
    uint8_t keep; /* FCGI_KEEP_CONN */
    uint8_t role;
    uint8_t has_body; /* STDIN has not ended */
    uint8_t wants_write;
};

struct gate_listener {
    uv_poll_t poll;
    struct gate *gate;
    int fd;
    int is_open;
    int is_paused;
    int is_tcp;
    char *path; /* of a unix socket we made */
};

struct gate_conn_list {
    struct gate_conn *head;
    struct gate_conn *tail;
};

struct gate {
    struct gate_setup setup;
    struct gate_params *params;
    struct gate_watch watch;
    uv_check_t sweep;
    struct gate_conn *closed_conns; /* to be freed at the end of the turn */
    struct gate_listener listeners[GATE_LISTENERS_MAX];
    size_t listener_count;
    struct gate_conn_list waiting; /* READING, SENDING and LINGERING, oldest first */
    struct gate_conn_list active;
    size_t conn_count;
    size_t conn_limit; /* what the limit of open files leaves */
    int is_full;       /* listeners wait for one to be closed */
    int has_shortage;  /* the system refused, and that was told at shortage_ms */
    int64_t shortage_ms;
    struct gate_counts counts;
    struct gate_scratch scratch; /* for all readers of this process: it has one hub */
    uint8_t *input; /* GATE_READ_BYTES, for one read at a time */
    size_t bodies_len; /* of all bodies that are on their way */
    size_t handles; /* uv handles not closed yet */
    int is_closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* Takes over an accepted socket; on failure it is closed and errno says why. ERR_NOMEM, ERR_IO. */
int gate_conn_open(struct gate *g, int fd);
/* Closes at once; safe to ask for twice. `why` (NULL: nothing worth a line) goes to the log. */
void gate_conn_close(struct gate_conn *c, const char *why);
/* Listens again where that was given up for want of room. */
void gate_resume(struct gate *g);
void gate_conn_enter(struct gate_conn *c, enum gate_conn_state state);
/* The answer to the connection's request begins. */
void gate_conn_answer(struct gate_conn *c);
/* Takes a piece of a record in. ERR_CLOSED: the connection is to end, and there is nothing to tell;
 * ERR_PROTOCOL, ERR_NOMEM. */
int gate_request_take(struct gate_conn *c, const struct fcgi_record_piece *piece);
/* Forgets what has come of a request. */
void gate_request_drop(struct gate_conn *c);
/* Frees the connections that were closed. */
void gate_sweep(struct gate *g);
/* A connection can be read or written. */
void gate_conn_ready(void *conn, int can_read, int can_write);
/* The last handle of a closing gate is gone: frees it. */
void gate_release(struct gate *g);

#endif

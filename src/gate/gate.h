/* SPDX-License-Identifier: MIT */
/* gate: how a web server reaches us: FastCGI sockets, plain CGI, or a terminal. */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include "gate/writer.h"
#include "hub/hub.h"
#include "sse/request.h"

#include <uv.h>

struct clock;
struct err;
struct gate;
struct gate_exchange;
struct gate_plain;
struct log;

#define GATE_PARAMS_BYTES 131072         /* of one request's variables, records included */
#define GATE_BODY_BYTES (1024 * 1024)    /* of a request's body */
#define GATE_BODIES_BYTES (64 * 1024 * 1024) /* of all bodies that are on their way */
#define GATE_REQUEST_TIMEOUT_MS 15000    /* for a request to be whole */
#define GATE_LISTENERS_MAX 8

/* Answers requests: inside `request`, exactly one of gate_answer, gate_stream and gate_defer is called
 * for the exchange. `vars` and the exchange's body are valid during the call only. */
struct gate_handler {
    void (*request)(void *ctx, struct gate_exchange *x, const struct sse_vars *vars);
    void *ctx;
};

/* What a kind of gate does for its exchanges. */
struct gate_exchange_ops {
    void (*watch)(struct gate_exchange *x, int wanted); /* tell when the peer takes bytes again */
    void (*done)(struct gate_exchange *x);              /* the response is out */
    void (*close)(struct gate_exchange *x, const char *why);
};

/* One request and its response. The reader comes first: the hub hands it back. */
struct gate_exchange {
    struct hub_reader reader;
    struct gate_writer writer;
    const struct gate_exchange_ops *ops;
    struct gate_scratch *scratch; /* the gate's; NULL where there is one reader only */
    struct gate_plain *plain;     /* heap; NULL for an event stream as it is */
    const char *body; /* of the request, during the handler's call */
    size_t body_len;
    void (*gone)(void *ctx); /* of an answer that is still to come */
    void *gone_ctx;
    char *answer; /* what is left of a short answer; heap or NULL */
    uint32_t answer_len, answer_at;
    uint8_t is_finishing;
};

/* --- for handlers -------------------------------------------------------------------------- */

/* Sends a whole response, head and body, and ends it. */
void gate_answer(struct gate_exchange *x, const char *data, size_t len);

/* The answer comes later, by gate_answer. Should the peer leave before, `gone` is called, and the
 * exchange is no more. */
void gate_defer(struct gate_exchange *x, void (*gone)(void *ctx), void *ctx);

/* Streams: see hub_reader_start, whose errors it passes on; on an error nothing was sent and the
 * exchange still wants an answer. */
int gate_stream(struct gate_exchange *x, struct hub_channel *c, const struct hub_start *start,
                int64_t now_ms);

/* The same for one who knows nothing of positions: events' names and data only, and none whose name begins with
 * "stream.". ERR_NOMEM, too. */
int gate_stream_plain(struct gate_exchange *x, struct hub_channel *c, const struct hub_start *start,
                      int64_t now_ms);

/* --- for kinds of gates -------------------------------------------------------------------- */

void gate_exchange_init(struct gate_exchange *x, const struct gate_exchange_ops *ops, int fd,
                        int is_framed, uint16_t id);

/* The peer takes bytes again. */
void gate_exchange_writable(struct gate_exchange *x, int64_t now_ms);

/* The answer to a request that no handler gets to see; `error` is a sentence of plain letters. */
void gate_answer_error(struct gate_exchange *x, const char *status, const char *error);

/* Takes the exchange from the hub and frees what it holds; for when the peer has gone. */
void gate_exchange_fini(struct gate_exchange *x);

/* --- FastCGI ------------------------------------------------------------------------------- */

struct gate_setup {
    uv_loop_t *loop;
    const struct log *log;
    const struct clock *clock;
    const struct gate_handler *handler;
    const struct hub_settings *settings; /* max_streams, for FCGI_GET_VALUES */
};

/* ERR_NOMEM, ERR_IO. What `setup` points to outlives the gate. */
int gate_new(struct gate **out, const struct gate_setup *setup, struct err *err);

/* Takes over a listening socket, as descriptor 0 is one under a web server. ERR_IO. */
int gate_listen_fd(struct gate *g, int fd, struct err *err);

/* "unix:PATH" or "HOST:PORT". A stale socket file is replaced, one that answers is not. The file
 * goes with the gate. ERR_INVALID, ERR_IO. */
int gate_listen(struct gate *g, const char *address, struct err *err);

/* Takes no more connections; those without a request are closed. */
void gate_stop(struct gate *g);

/* Closes silent and unfinished connections that are too old, and listens again after a shortage of
 * descriptors. Call it about every second. */
void gate_tick(struct gate *g);

/* How many streams the limit of open files leaves room for; SIZE_MAX: there is none. Beyond them
 * requests still come in, so that they can be told that we are busy. */
size_t gate_streams_max(const struct gate *g);

size_t gate_connection_count(const struct gate *g);

/* Requests that no handler has seen. */
enum gate_reject {
    GATE_REJECT_HEADER, /* the variables are too large */
    GATE_REJECT_BODY,   /* the body is too large, or all of them are */
    GATE_REJECT_NUL,    /* a variable has a NUL byte in it */
    GATE_REJECT_BROKEN, /* broken records or variables */
    GATE_REJECT_ROLE,   /* a role other than responder */
    GATE_REJECT_SLOW,   /* not whole in time, or its answer not taken */
    GATE_REJECT_COUNT
};

/* Only ever grows. */
struct gate_counts {
    uint64_t connections;
    uint64_t rejected[GATE_REJECT_COUNT];
};

const struct gate_counts *gate_counts(const struct gate *g);

/* Closes everything at once; `closed` when the loop has let go and the gate is freed. */
void gate_close(struct gate *g, void (*closed)(void *ctx), void *ctx);

/* --- CGI and terminal ---------------------------------------------------------------------- */

/* 1 when a web server runs us as a CGI program. */
int gate_is_cgi(void);

/* 1 when descriptor 0 is a listening socket, by libfcgi's own test. */
int gate_has_listener(void);

/* Serves the one request in the environment on standard output. `done` is called when the
 * response is out or the server has gone. ERR_NOMEM, ERR_IO. */
int gate_cgi(const struct gate_setup *setup, void (*done)(void *ctx), void *ctx, struct err *err);

struct gate_print;

/* Prints frames to `fd`, up to `count` events (0: no end). `done` is called when the last event is
 * out, the stream ended or nobody reads any more; the printer may be freed only once the hub is
 * off the stack. ERR_NOMEM. */
int gate_print_new(struct gate_print **out, int fd, uint64_t count, void (*done)(void *ctx),
                   void *ctx);

/* As gate_stream. */
int gate_print_start(struct gate_print *p, struct hub_channel *c, const struct hub_start *start,
                     int64_t now_ms);

void gate_print_free(struct gate_print *p);

#endif

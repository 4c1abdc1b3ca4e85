/* SPDX-License-Identifier: MIT */
/* request: a FastCGI request on its way in, from its records to the handler. */
#include "gate/internal.h"

#include "base/err.h"
#include "gate/params.h"

#include <stdlib.h>
#include <sys/socket.h>

/* --- what is kept of it -------------------------------------------------------------------- */

static void intake_free(struct gate *g, struct gate_intake *in)
{
    if (in) {
        g->bodies_len -= in->body.len;
        buf_fini(&in->records);
        buf_fini(&in->pairs);
        buf_fini(&in->values);
        buf_fini(&in->body);
        free(in);
    }
}

/* Takes the intake from the connection, whose request is whole or refused. */
static struct gate_intake *intake_take(struct gate_conn *c)
{
    struct gate_intake *in = c->intake;
    c->intake = NULL;
    return in;
}

static int intake_new(struct gate_conn *c)
{
    c->intake = calloc(1, sizeof *c->intake);
    if (!c->intake) {
        return ERR_NOMEM;
    }
    buf_init(&c->intake->records, GATE_PARAMS_BYTES);
    buf_init(&c->intake->pairs, GATE_PARAMS_BYTES);
    buf_init(&c->intake->values, GATE_VALUES_BYTES);
    buf_init(&c->intake->body, GATE_BODY_BYTES);
    return 0;
}

void gate_request_drop(struct gate_conn *c)
{
    intake_free(c->gate, intake_take(c));
}

/* --- to the handler ------------------------------------------------------------------------ */

static void reject(struct gate_conn *c, enum gate_reject why, const char *status, const char *error)
{
    c->gate->counts.rejected[why]++;
    gate_answer_error(&c->x, status, error);
}

/* The request is whole: libfcgi reads it, the handler answers it. */
static void dispatch(struct gate_conn *c)
{
    struct gate *g = c->gate;
    struct sse_vars vars;
    gate_conn_answer(c);
    if (c->role != FCGI_RECORD_RESPONDER) {
        uint8_t end[2 * FCGI_RECORD_HEAD_BYTES];
        fcgi_record_end(end, c->id, FCGI_STATUS_UNKNOWN_ROLE);
        ssize_t sent = send(c->fd, end, sizeof end, MSG_NOSIGNAL | MSG_DONTWAIT);
        g->counts.rejected[GATE_REJECT_ROLE]++;
        gate_conn_close(c, sent < 0 ? "closed by the peer" : "a role other than responder");
        return;
    }
    struct gate_intake *in = intake_take(c);
    int rc = fcgi_record_check_pairs((uint8_t *)in->pairs.data, in->pairs.len);
    if (!rc) {
        rc = gate_params_read(g->params, in->records.data, in->records.len, &vars);
    }
    if (rc == ERR_INVALID) {
        reject(c, GATE_REJECT_NUL, "400 Bad Request", "the request has a NUL byte in it");
    } else if (rc == ERR_LIMIT) {
        reject(c, GATE_REJECT_HEADER, "431 Request Header Fields Too Large",
               "the request's header fields are too large");
    } else if (rc) {
        g->counts.rejected[GATE_REJECT_BROKEN]++;
        gate_conn_close(c, "broken FastCGI parameters");
    } else {
        c->x.body = in->body.data;
        c->x.body_len = in->body.len;
        g->setup.handler->request(g->setup.handler->ctx, &c->x, &vars);
        c->x.body = NULL;
        c->x.body_len = 0;
        gate_params_done(g->params);
    }
    intake_free(g, in);
}

/* A second request while the first one is still on its way in. */
static int refuse_second(struct gate_conn *c, uint16_t id)
{
    uint8_t end[2 * FCGI_RECORD_HEAD_BYTES];
    fcgi_record_end(end, id, FCGI_STATUS_CANT_MPX_CONN);
    ssize_t sent = send(c->fd, end, sizeof end, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent == (ssize_t)sizeof end ? 0 : ERR_CLOSED;
}

/* A server that begins a request on a connection that streams has given the stream up without a word:
 * HAProxy does so when it takes the connection of a reader that left for another one. None has been
 * told that it may have two at once (FCGI_MPXS_CONNS). In the middle of a record the
 * connection is lost. */
static int end_first(struct gate_conn *c)
{
    if (c->state != CONN_ANSWERING || c->wants_write || gate_writer_finish(&c->x.writer) != 1) {
        return ERR_CLOSED;
    }
    gate_exchange_fini(&c->x);
    c->id = 0;
    gate_conn_enter(c, CONN_READING);
    return 0;
}

/* Keeps a record's header as libfcgi is to see it: without padding. */
static int keep_head(struct gate_intake *in, const struct fcgi_record_piece *piece)
{
    uint8_t head[FCGI_RECORD_HEAD_BYTES];
    fcgi_record_head(head, piece->type, piece->id, piece->content_len);
    return buf_append(&in->records, head, sizeof head);
}

static int begin_request(struct gate_conn *c, const struct fcgi_record_piece *piece)
{
    int rc = 0;
    if (c->id != 0 && c->id != piece->id && c->state == CONN_READING) {
        return piece->is_last ? refuse_second(c, piece->id) : 0;
    }
    if (c->id != 0 && c->id != piece->id && end_first(c)) {
        return ERR_CLOSED;
    }
    if (piece->is_first) {
        if (c->id != 0 || piece->content_len != FCGI_RECORD_HEAD_BYTES) {
            return ERR_PROTOCOL;
        }
        if (!c->intake && intake_new(c)) {
            return ERR_NOMEM;
        }
        c->id = piece->id;
        rc = keep_head(c->intake, piece);
    }
    if (!rc) {
        rc = buf_append(&c->intake->records, piece->data, piece->len);
    }
    if (!rc && piece->is_last) {
        const struct buf *records = &c->intake->records;
        const uint8_t *body = (uint8_t *)records->data + records->len - FCGI_RECORD_HEAD_BYTES;
        c->role = body[0] != 0 ? 0 : body[1];
        c->keep = (body[2] & FCGI_RECORD_KEEP_CONN) != 0;
        c->has_body = 1;
    }
    return rc;
}

/* PARAMS may come in any number of records, cut anywhere (3.3): each is kept as it came. */
static int take_params(struct gate_conn *c, const struct fcgi_record_piece *piece)
{
    struct gate_intake *in = c->intake;
    int rc = 0;
    if (in->has_params) {
        return ERR_PROTOCOL;
    }
    if (piece->is_first) {
        rc = keep_head(in, piece);
    }
    if (!rc) {
        rc = buf_append(&in->records, piece->data, piece->len);
    }
    if (!rc) {
        rc = buf_append(&in->pairs, piece->data, piece->len);
    }
    in->has_params = piece->content_len == 0;
    return rc;
}

static void refuse(struct gate_conn *c, enum gate_reject why, const char *status,
                   const char *error)
{
    gate_request_drop(c);
    gate_conn_answer(c);
    c->keep = 0;
    reject(c, why, status, error);
}

static int take_body(struct gate_conn *c, const struct fcgi_record_piece *piece)
{
    struct gate *g = c->gate;
    if (g->bodies_len + piece->len > GATE_BODIES_BYTES) {
        refuse(c, GATE_REJECT_BODY, "503 Service Unavailable",
               "too many requests with a body at once");
        return 0;
    }
    int rc = buf_append(&c->intake->body, piece->data, piece->len);
    if (rc == ERR_LIMIT) {
        refuse(c, GATE_REJECT_BODY, "413 Content Too Large", "the request's body is too large");
        return 0;
    }
    g->bodies_len += rc ? 0 : piece->len;
    return rc;
}

static int take_request_piece(struct gate_conn *c, const struct fcgi_record_piece *piece)
{
    if (piece->type == FCGI_TYPE_PARAMS) {
        int rc = take_params(c, piece);
        if (rc == ERR_LIMIT) {
            refuse(c, GATE_REJECT_HEADER, "431 Request Header Fields Too Large",
                   "the request's header fields are too large");
            return 0;
        }
        return rc;
    }
    if (piece->type != FCGI_TYPE_STDIN || !c->intake->has_params) {
        return piece->type == FCGI_TYPE_STDIN ? ERR_PROTOCOL : 0;
    }
    if (piece->content_len == 0) {
        c->has_body = 0;
        dispatch(c);
        return 0;
    }
    return take_body(c, piece);
}

/* Management records (id 0), answered between requests only. */
static int take_management(struct gate_conn *c, const struct fcgi_record_piece *piece)
{
    struct buf out;
    ssize_t sent = 0;
    if (c->state != CONN_READING) {
        return 0;
    }
    if (!c->intake && intake_new(c)) {
        return ERR_NOMEM;
    }
    struct buf *values = &c->intake->values;
    int rc = 0;
    if (piece->type == FCGI_TYPE_GET_VALUES) {
        rc = buf_append(values, piece->data, piece->len);
    }
    if (rc || !piece->is_last) {
        return rc;
    }
    buf_init(&out, GATE_VALUES_BYTES);
    if (piece->type == FCGI_TYPE_GET_VALUES) {
        rc = fcgi_record_answer_values((uint8_t *)values->data, values->len,
                                       (uint64_t)c->gate->setup.settings->max_streams, &out);
        buf_clear(values);
    } else {
        uint8_t unknown[2 * FCGI_RECORD_HEAD_BYTES] = {0};
        fcgi_record_head(unknown, FCGI_TYPE_UNKNOWN_TYPE, 0, FCGI_RECORD_HEAD_BYTES);
        unknown[FCGI_RECORD_HEAD_BYTES] = piece->type;
        rc = buf_append(&out, unknown, sizeof unknown);
    }
    if (!rc) {
        sent = send(c->fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        rc = sent == (ssize_t)out.len ? 0 : ERR_CLOSED;
    }
    buf_fini(&out);
    return rc;
}

int gate_request_take(struct gate_conn *c, const struct fcgi_record_piece *piece)
{
    if (piece->id == 0) {
        return take_management(c, piece);
    }
    if (piece->type == FCGI_TYPE_BEGIN_REQUEST && c->state != CONN_LINGERING) {
        return begin_request(c, piece);
    }
    if (c->state == CONN_LINGERING) {
        return piece->type == FCGI_TYPE_STDIN && piece->content_len == 0 ? ERR_CLOSED : 0;
    }
    if (piece->id != c->id) {
        return 0; /* records of requests that are not, or no longer, active are ignored (3.3) */
    }
    if (piece->type == FCGI_TYPE_ABORT_REQUEST) {
        return ERR_CLOSED;
    }
    if (c->state == CONN_READING) {
        return take_request_piece(c, piece);
    }
    if (piece->type == FCGI_TYPE_STDIN && piece->content_len == 0) {
        c->has_body = 0;
    }
    return 0;
}

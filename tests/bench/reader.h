/* SPDX-License-Identifier: MIT */
/* reader: one stream of the load client: FastCGI or HTTP/1.1 down to events that are counted. */
#ifndef BENCH_READER_H
#define BENCH_READER_H

#include "histogram.h"

#include <stddef.h>
#include <stdint.h>

#define READER_LINE_MAX 256 /* kept of a line that is cut by the end of a read */
#define READER_ID_MAX 64    /* of an event's id */

enum reader_wire { READER_FCGI, READER_HTTP };

enum reader_state {
    READER_OFF,
    READER_CONNECTING, /* the request has not been sent */
    READER_HEAD,       /* the response's head has not come whole */
    READER_STREAMING,
    READER_CLOSED
};

enum reader_body { BODY_PLAIN, BODY_CHUNK_SIZE, BODY_CHUNK, BODY_CHUNK_END };

/* Whose latency is counted where. */
enum reader_group {
    READER_MEASURED,
    READER_OTHER,       /* one that stalled, or was cut off and came back */
    READER_IN_STORM,    /* a measured one, while the others come back */
    READER_GROUPS
};

struct reader {
    int fd;
    uint8_t state;
    uint8_t group;      /* READER_MEASURED or READER_OTHER */
    uint8_t is_stalled; /* reads nothing */
    uint8_t body;      /* HTTP: how the body is cut; enum reader_body */
    uint8_t head_used; /* FCGI: bytes of a record's header in `record` */
    uint8_t record[8];
    uint32_t left;    /* bytes of the chunk or of the record's content */
    uint32_t padding; /* FCGI: bytes after the content */
    uint32_t line_len;
    uint64_t next;    /* the sequence number that should come */
    uint64_t open_ns; /* when connecting began; 0 once the first byte was seen */
    /* An event counts when its blank line has come, and its id with it. */
    uint64_t event_seq; /* 0: none */
    uint64_t event_sent_ns;
    uint8_t id_len, event_id_len;
    char id[READER_ID_MAX], event_id[READER_ID_MAX];
    char line[READER_LINE_MAX];
};

/* What all readers have counted. */
struct reader_totals {
    struct histogram latency_ns[READER_GROUPS];
    struct histogram first_byte_ns;
    uint64_t events;
    uint64_t lost;     /* sequence numbers passed over */
    uint64_t repeated; /* those at or below one that came before */
    uint64_t broken;   /* bytes that are no event stream, or ids too long */
    uint64_t gaps;     /* stream.gap events */
    uint64_t busy;     /* stream.busy events */
    uint64_t bytes;    /* of everything received */
    uint64_t reads;    /* that brought at least one event */
    char refusal[64];  /* the newest status line that was not 200 */
    int is_timed;      /* latencies count */
    int is_in_storm;   /* those of measured readers in READER_IN_STORM */
};

uint64_t reader_now_ns(void);

/* Forgets what a connection had brought in part, for the next one of the same reader. */
void reader_reset(struct reader *r);

/* Takes bytes as they came from the socket. -1 when they are not what the wire should carry. */
int reader_take(struct reader *r, enum reader_wire wire, char *data, size_t len,
                struct reader_totals *t);

#endif

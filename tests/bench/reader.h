/* SPDX-License-Identifier: MIT */
/* reader: one stream of the load client: FastCGI or HTTP/1.1 down to events that are counted. */
#ifndef BENCH_READER_H
#define BENCH_READER_H

#include "histogram.h"

#include <stddef.h>
#include <stdint.h>

#define READER_LINE_MAX 256 /* of a line that is cut by the end of a read; longer ones are wrong */

enum reader_wire { READER_FCGI, READER_HTTP };

enum reader_state {
    READER_OFF,
    READER_CONNECTING, /* the request has not been sent */
    READER_HEAD,       /* the response's head has not come whole */
    READER_STREAMING,
    READER_CLOSED
};

enum reader_body { BODY_PLAIN, BODY_CHUNK_SIZE, BODY_CHUNK, BODY_CHUNK_END };

struct reader {
    int fd;
    uint8_t state;
    uint8_t body;      /* HTTP: how the body is cut; enum reader_body */
    uint8_t head_used; /* FCGI: bytes of a record's header in `record` */
    uint8_t record[8];
    uint32_t left;    /* bytes of the chunk or of the record's content */
    uint32_t padding; /* FCGI: bytes after the content */
    uint32_t line_len;
    uint64_t next;    /* the sequence number that should come */
    uint64_t open_ns; /* when connecting began; 0 once the first byte was seen */
    char line[READER_LINE_MAX];
};

/* What all readers have counted. */
struct reader_totals {
    struct histogram latency_ns;
    struct histogram first_byte_ns;
    uint64_t events;
    uint64_t lost;     /* sequence numbers passed over */
    uint64_t repeated; /* those at or below one that came before */
    uint64_t broken;   /* bytes that are no event stream, or lines too long */
    uint64_t gaps;     /* stream.gap events */
    uint64_t busy;     /* stream.busy events */
    uint64_t bytes;    /* of everything received */
    uint64_t reads;    /* that brought at least one event */
    char refusal[64];  /* the newest status line that was not 200 */
    int is_timed;      /* latencies count */
};

uint64_t reader_now_ns(void);

/* Takes bytes as they came from the socket. -1 when they are not what the wire should carry. */
int reader_take(struct reader *r, enum reader_wire wire, char *data, size_t len,
                struct reader_totals *t);

#endif

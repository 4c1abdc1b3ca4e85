/* SPDX-License-Identifier: MIT */
/* fcgi_record: FastCGI 1.0 records as bytes (section 3.3) and bytes as records. */
#ifndef GATE_FCGI_RECORD_H
#define GATE_FCGI_RECORD_H

#include <stddef.h>
#include <stdint.h>

struct buf;

#define FCGI_RECORD_HEAD_BYTES 8

/* Section 8, with names of our own: libfcgi's header defines the standard's as macros. */
enum fcgi_record_type {
    FCGI_TYPE_BEGIN_REQUEST = 1,
    FCGI_TYPE_ABORT_REQUEST = 2,
    FCGI_TYPE_END_REQUEST = 3,
    FCGI_TYPE_PARAMS = 4,
    FCGI_TYPE_STDIN = 5,
    FCGI_TYPE_STDOUT = 6,
    FCGI_TYPE_GET_VALUES = 9,
    FCGI_TYPE_GET_VALUES_RESULT = 10,
    FCGI_TYPE_UNKNOWN_TYPE = 11
};

enum fcgi_record_status {
    FCGI_STATUS_REQUEST_COMPLETE = 0,
    FCGI_STATUS_CANT_MPX_CONN = 1,
    FCGI_STATUS_UNKNOWN_ROLE = 3
};

#define FCGI_RECORD_KEEP_CONN 1U /* flag in BEGIN_REQUEST */
#define FCGI_RECORD_RESPONDER 1U /* role in BEGIN_REQUEST */

/* Writes a header with no padding. */
void fcgi_record_head(uint8_t out[FCGI_RECORD_HEAD_BYTES], uint8_t type, uint16_t id,
                      uint16_t content_len);

/* Writes a whole END_REQUEST record. */
void fcgi_record_end(uint8_t out[2 * FCGI_RECORD_HEAD_BYTES], uint16_t id, uint8_t status);

/* Where a stream of records stands. Zeroed storage is the start. */
struct fcgi_record_parser {
    uint8_t head[FCGI_RECORD_HEAD_BYTES];
    uint8_t head_len;
    uint8_t padding_left;
    uint16_t content_left;
};

/* A piece of a record's content as it stood in the input. */
struct fcgi_record_piece {
    uint8_t type;
    uint16_t id;
    uint16_t content_len; /* of the whole record */
    const uint8_t *data;
    size_t len;
    int is_first; /* begins the record */
    int is_last;  /* ends it (an empty record's only piece is both) */
};

/* Looks at the next bytes: *used gets how many it took (at least 1 when len > 0). Answers 1 with a
 * piece, 0 when there is none yet, ERR_PROTOCOL for a version other than 1. */
int fcgi_record_next(struct fcgi_record_parser *p, const uint8_t *data, size_t len, size_t *used,
                     struct fcgi_record_piece *piece);

/* Reads one length of a name-value pair (3.4): 1 or 4 bytes. ERR_PROTOCOL when it is cut. */
int fcgi_record_length(const uint8_t *data, size_t len, size_t *used, uint32_t *out);

/* ERR_PROTOCOL when `data` is not whole name-value pairs or one reaches beyond the end; ERR_INVALID when
 * they are, but a name or a value has a NUL in it, where libfcgi's strings would end. */
int fcgi_record_check_pairs(const uint8_t *data, size_t len);

/* Appends the answer to the content of a GET_VALUES record (4.1): FCGI_MAX_CONNS, FCGI_MAX_REQS
 * and FCGI_MPXS_CONNS, those that were asked. ERR_PROTOCOL for broken content, ERR_NOMEM. */
int fcgi_record_answer_values(const uint8_t *data, size_t len, uint64_t max_conns,
                              struct buf *out);

#endif

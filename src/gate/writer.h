/* SPDX-License-Identifier: MIT */
/* writer: frames onto a descriptor, inside FastCGI records or bare, without copying them. */
#ifndef GATE_WRITER_H
#define GATE_WRITER_H

#include "gate/fcgi_record.h"
#include "hub/hub.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* The longest record: what a reader that stops in the middle of one is owed, and so what has to
 * be kept for it when the ring moves on. Headers cost nothing measurable. */
#define GATE_RECORD_BYTES 8192

struct gate_writer {
    int fd;
    uint16_t id;       /* FastCGI request id */
    uint16_t owed;     /* content bytes the record in progress still needs */
    uint8_t head_left; /* bytes of that record's header not sent yet */
    uint8_t tail_left; /* bytes of the closing records not sent yet */
    uint8_t is_framed; /* FastCGI; otherwise the bytes as they are */
};

/* Content that is sent as one piece with its records' heads. Two pieces by sendmsg cost the kernel
 * 0.13 to 0.2 us a reader more than one by send. */
#define GATE_SCRATCH_BYTES 16384
#define GATE_SCRATCH_RECORDS (GATE_SCRATCH_BYTES / GATE_RECORD_BYTES)

/* The slice of a ring that everybody is getting, as records: made once when a second reader gets
 * it, then sent to each by one send. Zeroed storage is ready for use; it serves one hub. */
struct gate_scratch {
    struct hub_stamp stamp; /* of what `bytes` hold; zeros: nothing yet */
    struct hub_stamp last;  /* of a slice that one reader got */
    size_t len;
    uint16_t id; /* the request id in `bytes` */
    uint16_t last_id;
    uint8_t bytes[GATE_SCRATCH_BYTES + GATE_SCRATCH_RECORDS * FCGI_RECORD_HEAD_BYTES];
};

void gate_writer_init(struct gate_writer *w, int fd, int is_framed, uint16_t id);

/* Sends what the peer takes and answers how many content bytes that was, 0 included; negative
 * when the peer is gone. */
ssize_t gate_writer_send(struct gate_writer *w, const struct iovec *iov, int count);

/* The same for a slice of a ring, by way of the scratch where that is cheaper. */
ssize_t gate_writer_send_slice(struct gate_writer *w, struct gate_scratch *s,
                               const struct hub_stamp *stamp, const struct iovec *iov, int count);

/* 1 when the peer has not read all that was sent. Exact for unix sockets; over TCP only what the
 * peer's system has not acknowledged counts, so it tells late. */
int gate_writer_is_behind(const struct gate_writer *w);

/* Ends the response: an empty STDOUT and END_REQUEST (FastCGI 1.0, 5.5). Call it until it answers
 * 1 (all sent) or negative (gone); 0 is for when the peer takes bytes again. */
int gate_writer_finish(struct gate_writer *w);

#endif

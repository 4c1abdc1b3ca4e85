/* SPDX-License-Identifier: MIT */
/* writer: frames onto a descriptor, inside FastCGI records or bare, without copying them. */
#ifndef GATE_WRITER_H
#define GATE_WRITER_H

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

void gate_writer_init(struct gate_writer *w, int fd, int is_framed, uint16_t id);

/* Sends what the peer takes and answers how many content bytes that was, 0 included; negative
 * when the peer is gone. */
ssize_t gate_writer_send(struct gate_writer *w, const struct iovec *iov, int count);

/* Ends the response: an empty STDOUT and END_REQUEST (FastCGI 1.0, 5.5). Call it until it answers
 * 1 (all sent) or negative (gone); 0 is for when the peer takes bytes again. */
int gate_writer_finish(struct gate_writer *w);

#endif

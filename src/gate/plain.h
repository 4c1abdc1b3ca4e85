/* SPDX-License-Identifier: MIT */
/* plain: an event stream on its way to one that knows events and nothing of positions: names and
 * data only.
 *
 * Lines `id:` and `retry:` are left out, and events whose names begin with "stream.". */
#ifndef GATE_PLAIN_H
#define GATE_PLAIN_H

#include "base/buf.h"

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct gate_writer;

#define GATE_PLAIN_BYTES 65536 /* looked at in one go; what the peer does not take of it is kept   \
                                */
#define GATE_PLAIN_WORD 14     /* so many bytes tell what a line is */

struct gate_plain {
    size_t head_left; /* of the response's header, which passes */
    struct buf out;   /* what the peer did not take yet */
    size_t word_len;  /* of the line's beginning, as long as it is not known what it is */
    char word[GATE_PLAIN_WORD];
    int is_known;    /* what the line is */
    int is_left_out; /* the line */
    int is_event_left_out;
    int has_lines;   /* of the event, some passed */
    int was_counted; /* the next byte was dealt with before */
};

void gate_plain_init(struct gate_plain *p, size_t head_len);
void gate_plain_fini(struct gate_plain *p);

/* Appends what is left of the bytes. ERR_NOMEM. Pure. */
int gate_plain_filter(struct gate_plain *p, const char *data, size_t len);

/* As gate_writer_send(). While something is kept, it answers less than it got. */
ssize_t gate_plain_send(struct gate_plain *p, struct gate_writer *w, const struct iovec *iov,
                        int count);

#endif

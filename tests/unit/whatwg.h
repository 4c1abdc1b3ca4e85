/* SPDX-License-Identifier: MIT */
/* whatwg: an event stream parser for tests, written from the standard and from nothing of ours. */
#ifndef TESTS_WHATWG_H
#define TESTS_WHATWG_H

#include <stddef.h>
#include <stdint.h>

/* Text that was decoded: valid UTF-8, NUL allowed inside. */
struct whatwg_text {
    char *data; /* with a NUL behind it */
    size_t len;
};

/* What addEventListener() would be given. */
struct whatwg_event {
    struct whatwg_text data;
    struct whatwg_text type;    /* "message" where the stream named none */
    struct whatwg_text last_id; /* MessageEvent.lastEventId */
};

/* All that a whole stream of bytes comes to. */
struct whatwg_stream {
    struct whatwg_event *events;
    size_t count;
    struct whatwg_text last_id; /* what a reconnect would send as Last-Event-ID */
    int has_retry;
    uint64_t retry_ms; /* the last one; saturates */
};

/* Parses a stream from its first byte to its end (WHATWG HTML 9.2.5 and 9.2.6). */
void whatwg_parse(struct whatwg_stream *out, const void *bytes, size_t len);
void whatwg_free(struct whatwg_stream *stream);

/* The WHATWG Encoding "UTF-8 decode without BOM": one U+FFFD for each maximal subpart. `out`
 * has room for 3 * len bytes; answers how many were written. */
size_t whatwg_utf8_decode(char *out, const void *bytes, size_t len);

#endif

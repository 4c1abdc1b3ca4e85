/* SPDX-License-Identifier: MIT */
/* peer: what the reference programs share: a listening socket, and lines on standard input turned
 * into the bytes that ssecgi would send for them. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stddef.h>

#define PEER_LINE_MIN 100     /* with its LF; the load client's feed writes 128 or more */
#define PEER_ID_BYTES 30      /* as long as a position of ssecgi's tail */
#define PEER_INPUT_BYTES 16384
#define PEER_RECORDS_BYTES 32768 /* what PEER_INPUT_BYTES of lines can become */

struct peer_input {
    char lines[PEER_INPUT_BYTES];
    size_t len;
    unsigned long long count; /* events so far */
};

/* "unix:PATH" or "IP:PORT", non-blocking. -1 with a text on standard error. */
int peer_listen(const char *address);

/* Raises the limit of descriptors to what is allowed, and ignores SIGPIPE. */
void peer_init(void);

/* Reads what lines there are (at least one read, which may block) and writes their frames to `out`:
 * in one FastCGI record where `is_framed`. Answers its length; 0 when no whole line has come, -1 at
 * the end or when the input is not as it should be. */
long peer_read(struct peer_input *in, int is_framed, char out[PEER_RECORDS_BYTES]);

/* The head of the response, in a record where `is_framed`, else with a status line of HTTP's. */
size_t peer_head(int is_framed, char *out, size_t size);

#endif
